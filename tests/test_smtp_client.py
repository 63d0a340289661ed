"""SMTP, the client: against our server, against servers that misbehave, and our server against smtplib."""

import smtplib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pump import converse
from smtp_stage import BOB, CAROL, USERS, call, mails, stage
from test_smtp import oracle

from mailedu import sasl
from mailedu.acts import Connect, Hangup, Hear, Hungup, LabError, Listen, Refused, Rule, Say, Upgrade
from mailedu.rules import rules
from mailedu.smtp import Outcome, send_mail
from mailedu.smtp.client import WINDOW, Undelivered, groups, xtext

ALICE = "alice@alpha.example"
LETTER = b"Subject: Lunch\r\n\r\n.\r\n..\r\nSee you\r\n"


def send(here, *, options=None, recipients=(BOB,), message=LETTER, sender=ALICE, **how):
    """Our client against our server: (outcome, acts, the server's session)."""
    script = send_mail("mx.beta.example", 25, "mx.alpha.example", sender, recipients, message, **how)
    return converse(here, script, lambda: call(here, **(options or {})))


def said(acts) -> list[str]:
    """What the client said, a line an entry; the message left as it is."""
    return [act.data.decode("utf-8", "replace") for act in acts if isinstance(act, Say)]


# -- a mail --------------------------------------------------------------------------------------------------------


def test_a_plain_mail():
    here = stage()
    outcome, acts, server = send(here)
    assert outcome == Outcome("250 2.0.0 taken for 1", {BOB: "250 2.1.5 recipient ok"}) and not outcome.refused
    assert str(outcome) == "250 2.0.0 taken for 1" and mails(here) == [LETTER]
    assert said(acts) == [
        "EHLO mx.alpha.example\r\n", f"MAIL FROM:<{ALICE}> SIZE={len(LETTER)}\r\n", f"RCPT TO:<{BOB}>\r\n", "DATA\r\n",
        "Subject: Lunch\r\n\r\n..\r\n...\r\nSee you\r\n.\r\n", "QUIT\r\n",
    ]  # fmt: skip
    assert acts[0] == Connect("mx.beta.example", 25) and acts[-1] == Hangup()
    assert server.states[-1] == "CLOSED" and not server.rules
    assert here.mta.envelopes[0].size == len(LETTER)


@pytest.mark.parametrize("how", [{}, {"pipelining": True}, {"chunk": 10}, {"chunk": 10, "pipelining": True}])
def test_some_recipients_refused(how):
    here = stage()
    people = [BOB, "nobody@beta.example", "later@beta.example", CAROL]
    outcome, _, _ = send(here, recipients=people, **how)
    assert outcome.recipients == {
        BOB: "250 2.1.5 recipient ok", "nobody@beta.example": "550 5.1.1 no nobody@beta.example",
        "later@beta.example": "450 4.2.1 this mailbox is busy", CAROL: "250 2.1.5 recipient ok",
    }  # fmt: skip
    assert list(outcome.refused) == people[1:3]
    assert mails(here, BOB) == mails(here, CAROL) == [LETTER]


@pytest.mark.parametrize("how", [{}, {"pipelining": True}, {"chunk": 10}])
def test_all_recipients_refused(how):
    here = stage()
    with pytest.raises(Undelivered) as no:
        send(here, recipients=["nobody@beta.example", "later@beta.example"], **how)
    assert no.value.rule == "smtp.refused" and str(no.value) == "450 4.2.1 this mailbox is busy"
    assert list(no.value.recipients.values()) == ["550 5.1.1 no nobody@beta.example", "450 4.2.1 this mailbox is busy"]
    [server] = here.calls
    assert server.states[-1] == "CLOSED" and mails(here) == []  # QUIT was said


@pytest.mark.parametrize("how", [{}, {"pipelining": True}, {"chunk": 10}])
def test_the_message_refused(how):
    here = stage()
    with pytest.raises(Undelivered) as no:
        send(here, message=b"spam\r\n", recipients=[BOB, "nobody@beta.example"], **how)
    assert str(no.value) == "550 5.7.1 no spam"
    assert no.value.recipients == {BOB: "550 5.7.1 no spam", "nobody@beta.example": "550 5.1.1 no nobody@beta.example"}
    assert here.calls[0].states[-1] == "CLOSED"


@pytest.mark.parametrize("how", [{}, {"pipelining": True}])
def test_the_sender_refused(how):
    here = stage()
    with pytest.raises(Undelivered, match=r"550 5\.7\.1 nothing from bad") as no:
        send(here, sender="bad@alpha.example", **how)
    [server] = here.calls
    assert server.states[-1] == "CLOSED" and list(no.value.recipients) == [BOB]
    heard = b"".join(act.data for act in server.only(Hear))
    assert (b"RCPT" in heard) == bool(how)


def test_pipelining_takes_three_round_trips():
    here = stage()
    people = [BOB, CAROL] * 5
    _, acts, server = send(here, recipients=people, pipelining=True)
    assert said(acts)[1] == "".join(
        [f"MAIL FROM:<{ALICE}> SIZE={len(LETTER)}\r\n", *(f"RCPT TO:<{one}>\r\n" for one in people), "DATA\r\n"]
    )
    assert len(said(acts)) == 4 and len(server.only(Hear)) == 1 + 1 + 10 + 1 + 1 + 1
    _, acts, _ = send(here, recipients=people, pipelining=True, options={"without": ["PIPELINING"]})
    assert len(said(acts)) == 15


def test_pipelined_groups_fit_in_a_window():
    commands = [f"RCPT TO:<{n:060d}@beta.example>" for n in range(200)]
    found = list(groups(commands))
    assert [one for group in found for one in group] == commands and len(found) == 5
    assert all(sum(len(one) + 2 for one in group) <= WINDOW for group in found)
    assert list(groups(["x" * 9999, "y"])) == [["x" * 9999], ["y"]]
    here = stage()
    outcome, _, _ = send(here, recipients=[BOB] * 300, pipelining=True)
    assert outcome.reply == "250 2.0.0 taken for 1"


def test_too_many_recipients_are_told_apart():
    here = stage()
    people = [BOB, *(f"u{n}@beta.example" for n in range(120))]
    for one in people:
        here.boxes.setdefault(one, type(here.boxes[BOB])(9))
    outcome, _, _ = send(here, recipients=people, options={"most_recipients": 100})
    assert len(outcome.refused) == 21 and set(outcome.refused.values()) == {"452 4.5.3 at most 100 recipients a mail"}


@pytest.mark.parametrize("chunk", [1, 7, len(LETTER) - 1, len(LETTER), 1000])
def test_chunks(chunk):
    here = stage()
    _, acts, _ = send(here, chunk=chunk)
    assert mails(here) == [LETTER] and not any(line.startswith("DATA") for line in said(acts))
    _, acts, _ = send(here, chunk=chunk, options={"without": ["CHUNKING"]})
    assert mails(here) == [LETTER] * 2 and "DATA\r\n" in said(acts)
    outcome, acts, _ = send(here, chunk=5, message=b"")
    assert "BDAT 0 LAST\r\n" in said(acts) and outcome.reply.startswith("250")


def test_a_dsn_is_asked_for_where_it_is_offered():
    here = stage()
    how = {
        "ret": "HDRS",
        "envid": "a=b c",
        "notify": {BOB: ["SUCCESS", "DELAY"]},
        "orcpt": {BOB: "rfc822;b+x@beta.example"},
    }
    send(here, recipients=[BOB, CAROL], **how)
    got = here.mta.envelopes[-1]
    assert (got.ret, got.envid) == ("HDRS", "a=b c")
    assert got.notify == {BOB: ("SUCCESS", "DELAY")} and got.orcpt == {BOB: "rfc822;b+x@beta.example"}
    _, acts, _ = send(here, options={"without": ["DSN"]}, **how)
    assert not any("RET=" in line or "NOTIFY=" in line for line in said(acts))
    assert xtext("a=b+c d ü") == "a+3Db+2Bc+20d+20+C3+BC"


# -- what is not offered is not asked for --------------------------------------------------------------------------


def refused(here, **how) -> Refused:
    with pytest.raises(Refused) as no:
        send(here, **how)
    assert no.value.rule in rules() and mails(here) == []
    assert here.calls[-1].ended and "MAIL" not in "".join(act.data.decode() for act in here.calls[-1].only(Hear))
    return no.value


def test_helo_for_who_does_not_know_ehlo():
    class Old(Server):
        replies = {"EHLO": "500 what?"}

    script = send_mail("mx", 25, "mx.alpha.example", ALICE, [BOB], LETTER, pipelining=True, tls="may", chunk=3)
    outcome, words = talk(script, Old())
    assert words == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"] and outcome.reply == "250 ok"


def test_size():
    here = stage()
    assert (
        str(refused(here, options={"size": 20})) == "552 5.3.4 the message has 34 octets, and mx.beta.example takes 20"
    )
    outcome, acts, _ = send(here, options={"size": 0})
    assert outcome.reply.startswith("250") and f" SIZE={len(LETTER)}" in said(acts)[1]
    _, acts, _ = send(here, options={"without": ["SIZE"]})
    assert "SIZE" not in said(acts)[1]


def test_8bitmime():
    here = stage()
    eight = "Subject: x\r\n\r\nGrüße\r\n".encode()
    assert str(refused(here, message=eight, options={"without": ["8BITMIME"]})).startswith("554 5.6.3")
    _, acts, _ = send(here, message=eight)
    assert said(acts)[1].endswith(" BODY=8BITMIME\r\n") and here.mta.envelopes[-1].body == "8BITMIME"
    assert mails(here) == [eight]


def test_smtputf8():
    here = stage()
    for how in ({"sender": "jörg@alpha.example"}, {"recipients": ["grün@beta.example"]},
                {"message": "Subject: Grüße\r\n\r\nx\r\n".encode()}):  # fmt: skip
        assert refused(here, options={"without": ["SMTPUTF8"]}, **how).rule == "smtp.no-smtputf8"
    _, acts, _ = send(here, sender="jörg@alpha.example")
    assert said(acts)[1].endswith(" SMTPUTF8\r\n") and here.mta.envelopes[-1].sender == "jörg@alpha.example"


def test_requiretls():
    here = stage()
    assert str(refused(here, requiretls=True)).startswith("550 5.7.10")
    options = {"without": ["REQUIRETLS"]}
    assert str(refused(here, requiretls=True, tls="must", options=options)).startswith("550 5.7.30")
    send(here, requiretls=True, tls="must")
    assert here.mta.envelopes[-1].requiretls


# -- TLS -----------------------------------------------------------------------------------------------------------


def test_tls():
    here = stage()
    _, acts, server = send(here)
    assert Upgrade("mx.beta.example") not in acts
    for tls in ("may", "must"):
        _, acts, server = send(here, tls=tls)
        assert said(acts)[:3] == ["EHLO mx.alpha.example\r\n", "STARTTLS\r\n", "EHLO mx.alpha.example\r\n"]
        assert Upgrade("mx.beta.example") in acts and server.only(Upgrade)
    _, acts, server = send(here, tls="implicit", options={"implicit": True})
    assert acts[1] == Upgrade("mx.beta.example") and here.mta.envelopes[-1].tls
    _, acts, _ = send(here, tls="may", options={"tls": False})  # stripped or not there: opportunistic goes on
    assert Upgrade("mx.beta.example") not in acts
    assert len(mails(here)) == 5


def test_tls_is_a_must_and_is_not_there():
    here = stage()
    no = refused(here, tls="must", options={"tls": False}, user=ALICE, password="lab-alice")
    assert no.rule == "smtp.no-starttls" and str(no).startswith("454 4.7.10")
    assert b"AUTH" not in b"".join(act.data for act in here.calls[0].only(Hear))  # no password either


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "502 5.5.1 no"])
def test_starttls_is_offered_and_refused(reply):
    class Half(Server):
        replies = {"EHLO": "250-mx\r\n250 STARTTLS", "STARTTLS": reply}

    for tls, end in (("may", "MAIL"), ("must", "QUIT")):
        script = send_mail("mx", 25, "mx.alpha.example", ALICE, [BOB], LETTER, tls=tls)
        if tls == "must":
            with pytest.raises(Refused, match=reply):
                talk(script, Half())
        else:
            _, words = talk(script, Half())
            assert words[2] == end


def test_what_came_before_tls_does_not_count_after_it():
    class Injecting(Server):
        replies = {"EHLO": "250-mx\r\n250 STARTTLS", "STARTTLS": "220 go ahead\r\n250-mx\r\n250 AUTH PLAIN"}

    script = send_mail("mx", 25, "mx.alpha.example", ALICE, [BOB], LETTER, tls="must", user="u", password="p")
    with pytest.raises(Refused, match="is not among nothing"):
        talk(script, Injecting())


# -- logging in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", sorted(sasl.SERVER))
@pytest.mark.parametrize("user", sorted(USERS))
def test_log_in(way, user):
    here = stage()
    how = {
        "user": user,
        "password": USERS[user][0],
        "mechanism": way,
        "nonce": "abcdef",
        "options": {"auth": "required"},
    }
    outcome, _, _ = send(here, **how)
    assert outcome.reply.startswith("250") and here.mta.envelopes[-1].user == USERS[user][1]
    with pytest.raises(Refused, match=r"535 5\.7\.8"):
        send(here, **(how | {"password": "wrong"}))
    assert here.calls[-1].states[-1] == "CLOSED"


def way_of(acts) -> str:
    return next(line.split()[1] for line in said(acts) if line.startswith("AUTH"))


def test_the_best_way_to_log_in():
    here = stage()
    how = {"user": ALICE, "password": "lab-alice"}
    assert way_of(send(here, **how)[1]) == "CRAM-MD5"  # in the clear rather not the password
    assert way_of(send(here, tls="must", **how)[1]) == "PLAIN"
    assert way_of(send(here, nonce="x", **how)[1]) == "SCRAM-SHA-256"
    assert way_of(send(here, options={"clock": None}, **how)[1]) == "PLAIN"
    with pytest.raises(Refused) as no:
        send(here, mechanism="XOAUTH2", **how)
    assert str(no.value) == "504 5.7.4 XOAUTH2 is not among SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN"
    with pytest.raises(Refused, match="is not among nothing"):
        send(here, options={"auth": "off"}, **how)


def test_a_long_password_does_not_fit_in_the_command():
    here = stage()
    users = {"u": ("x" * 600, ALICE)}
    outcome, acts, _ = send(here, user="u", password="x" * 600, mechanism="PLAIN", options={"users": users})
    assert "AUTH PLAIN\r\n" in said(acts) and outcome.reply.startswith("250")


def test_a_server_that_does_not_know_the_password_is_left():
    class Liar(Server):
        replies = {
            "EHLO": "250-mx\r\n250 AUTH SCRAM-SHA-256 CRAM-MD5",
            "AUTH": "235 2.7.0 welcome",
            "*": "501 5.7.0 ok",
        }

    how = {"user": "u", "password": "p", "nonce": "x"}
    script = send_mail("mx", 25, "a.example", ALICE, [BOB], LETTER, **how)
    with pytest.raises(Refused, match="has not proved") as no:
        talk(script, Liar())
    assert no.value.rule == "smtp.unproved"

    class Babbler(Liar):
        replies = Liar.replies | {"AUTH": "334 AAAA"}

    script = send_mail("mx", 25, "a.example", ALICE, [BOB], LETTER, **how)
    with pytest.raises(Refused) as no:
        talk(script, Babbler())
    assert no.value.rule == "smtp.bad-challenge"

    class Endless(Liar):
        replies = {"EHLO": "250-mx\r\n250 AUTH PLAIN", "AUTH": "334 ", "*": "501 5.7.0 ok"}

    script = send_mail("mx", 25, "a.example", ALICE, [BOB], LETTER, user="u", password="p")
    with pytest.raises(Refused, match="goes on where the mechanism ends"):
        talk(script, Endless())


# -- servers that misbehave ----------------------------------------------------------------------------------------


class Server:
    """Says what it is told to say; to everything else "250 ok"."""

    greeting = "220 mx"
    replies: dict[str, str] = {}

    def __init__(self):
        self.words: list[str] = []  # the first word of each line that was said to it

    def answer(self, word: str, line: bytes) -> str:
        return self.replies.get(word, {"DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 ok"))


def talk(script, server) -> tuple[object, list[str]]:
    """The script against that server: (what it returns, the first word of each line it said)."""
    waiting, words, answer, in_data = (server.greeting + "\r\n").encode("latin-1"), server.words, None, False
    while True:
        try:
            act = script.throw(answer) if isinstance(answer, Exception) else script.send(answer)
        except StopIteration as end:
            return end.value, words
        answer = None
        match act:
            case Upgrade():
                waiting = b""
            case Say(data) if in_data:
                in_data = data != b".\r\n" and not data.endswith(b"\r\n.\r\n")
                waiting += (server.answer(".", data) + "\r\n").encode("latin-1")
            case Say(data):
                for line in data.splitlines(True):
                    word = line.split()[0].decode() if line.split() else ""
                    words.append(word)
                    waiting += (server.answer(word, line) + "\r\n").encode("latin-1")
                    in_data = in_data or (word == "DATA" and server.answer(word, line).startswith("354"))
            case Listen():
                answer, waiting = waiting, b""
                if answer == b"HANG UP\r\n":
                    answer = b""


def plain_mail(**how):
    return send_mail("mx", 25, "mx.alpha.example", ALICE, [BOB], LETTER, **how)


@pytest.mark.parametrize(
    "greeting", ["554 no service", "421 busy", "hello", "", "2200 mx", "220mx", "199 x", "550-a\r\n551 b"]
)
def test_a_greeting_that_is_none(greeting):
    class Odd(Server):
        pass

    Odd.greeting = greeting
    with pytest.raises(Refused) as no:
        talk(plain_mail(), Odd())
    assert no.value.rule == ("smtp.refused" if greeting[:3] in ("554", "421") else "smtp.bad-reply")


def test_replies_of_many_lines_and_bare_codes():
    class Wordy(Server):
        greeting = "220-mx\r\n220-welcome\r\n220 all"
        replies = {"EHLO": "250-mx\r\n250-size\r\n250 8bitmime", "RCPT": "250", "MAIL": "259-new\r\n259 code"}

    outcome, words = talk(plain_mail(), Wordy())
    assert outcome.recipients == {BOB: "250"} and words[-1] == "QUIT"


def test_421_may_answer_anything_and_nobody_says_quit_then():
    for word in ("EHLO", "MAIL", "RCPT", "DATA", "."):

        class Closing(Server):
            replies = {word: "421 4.3.2 shutting down"}

        server = Closing()
        with pytest.raises(Refused, match=r"421 4\.3\.2") as no:
            talk(plain_mail(), server)
        assert no.value.rule == "smtp.refused" and server.words and "QUIT" not in server.words


def test_354_for_nobody_is_ended_by_a_dot():
    """RFC 2920 §3.1"""

    class Careless(Server):
        replies = {"EHLO": "250-mx\r\n250 PIPELINING", "RCPT": "550 no", ".": "554 nobody"}
        dots = 0

        def answer(self, word, line):
            if word == ".":
                self.dots += 1
                assert line == b".\r\n"
            return super().answer(word, line)

    server = Careless()
    with pytest.raises(Undelivered, match="550 no"):
        talk(plain_mail(pipelining=True), server)
    assert server.dots == 1


def test_a_server_that_hangs_up_after_it_took_the_mail_changes_nothing():
    class Rude(Server):
        replies = {"QUIT": "HANG UP"}

    outcome, _ = talk(plain_mail(), Rude())
    assert outcome.reply == "250 ok"

    class Ruder(Server):
        replies = {"MAIL": "HANG UP"}

    with pytest.raises(Hungup):
        talk(plain_mail(), Ruder())


def test_a_reply_without_end():
    class Endless(Server):
        replies = {"MAIL": "250-more\r\n" * 200_000 + "250 done", "RCPT": "250 " + "x" * 100_000}

    with pytest.raises(Refused, match=r"451 4\.5\.0"):
        talk(plain_mail(), Endless())


REPLIES = st.one_of(
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20),
    st.sampled_from(["250 ok", "250-a\r\n250 b", "354 go", "421 x", "450 x", "550 x", "334 ", "235 ok", "220 x"]),
)


@given(
    st.dictionaries(st.sampled_from(["EHLO", "HELO", "MAIL", "RCPT", "DATA", ".", "QUIT", "AUTH", "STARTTLS"]), REPLIES)
)
@settings(max_examples=200, deadline=None)
def test_any_replies(replies):
    class Any(Server):
        pass

    Any.replies = {"EHLO": "250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 AUTH PLAIN"} | replies
    for how in ({}, {"tls": "may", "pipelining": True, "user": "u", "password": "p"}):
        try:
            outcome, _ = talk(plain_mail(**how), Any())
        except Hungup:
            continue  # a reply that never ended
        except Refused as no:
            assert no.rule in rules()
            continue
        assert outcome.reply.startswith("2") and not outcome.refused


# -- nothing gets in by an argument --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "a@b\r\nRCPT TO:<c@d>"}, {"sender": "a@b> SIZE=1"}, {"sender": "a"}, {"sender": "postmaster"},
        {"recipients": ["a@b\r\nDATA"]}, {"recipients": [""]}, {"recipients": ["a@b", "c d@e"]}, {"recipients": []},
        {"helo": "a\r\nMAIL FROM:<x@y>"}, {"helo": ""}, {"helo": "under_score"}, {"tls": "always"},
        {"message": b"a\nb"}, {"message": b"a\r\n.\n"}, {"message": b"a\rb\r\n"}, {"ret": "ALL"},
        {"notify": {BOB: ["NEVER", "SUCCESS"]}}, {"notify": {BOB: ["X\r\nDATA"]}}, {"orcpt": {BOB: "no type"}},
        {"orcpt": {BOB: "a b;c"}}, {"orcpt": {BOB: "rfc822;a\r\nb"}}, {"envid": "a\r\nb"},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_belong_there_is_refused(change):
    given = {"helo": "mx.alpha.example", "sender": ALICE, "recipients": [BOB], "message": LETTER} | change
    with pytest.raises(LabError) as no:
        send_mail(
            "mx", 25, given.pop("helo"), given.pop("sender"), given.pop("recipients"), given.pop("message"), **given
        )
    assert str(no.value).endswith(".") and "\n" not in str(no.value)


def test_a_user_cannot_break_a_line():
    for user, password in (("a\r\nDATA", "x"), ("a", "b\r\nQUIT"), ("\ud800", "x"), ("a", "\0")):
        with pytest.raises(LabError, match="log-in"):
            send_mail("mx", 25, "mx.alpha.example", ALICE, [BOB], LETTER, user=user, password=password)
    here = stage()
    send(here, envid="a b=c")
    assert b" ENVID=a+20b+3Dc\r\n" in b"".join(act.data for act in here.calls[0].only(Hear))


def test_smuggling_needs_two():
    """A sender that keeps bare LFs, and a receiver that takes them for line ends: only both together are fooled."""
    second = b"MAIL FROM:<admin@beta.example>\r\nRCPT TO:<bob@beta.example>\r\nDATA\r\npay\r\n"
    inside = b"Subject: hi\r\n\r\nhello\n.\r\n" + second
    with pytest.raises(LabError):
        send(stage(), message=inside)
    here = stage()
    with pytest.raises(Refused, match=r"554 5\.6\.0"):
        send(here, message=inside, lenient=True)
    assert mails(here) == []
    here = stage()
    send(here, message=inside, lenient=True, options={"lenient": "keeps"})
    assert mails(here) == [inside]
    here = stage()
    _, _, server = send(here, message=inside, lenient=True, options={"lenient": "ends"})
    assert [one.sender for one in here.mta.envelopes] == [ALICE, "admin@beta.example"]
    assert Rule("smtp.lenient-end", "broken") in server.acts


@given(
    st.lists(st.sampled_from([b".", b"..", b"x", b"\r\n", b"\0", b" ", b"A: b", b"\xff"]), max_size=30).map(b"".join)
)
@settings(max_examples=200, deadline=None)
def test_what_goes_in_comes_out(message):
    for how in ({}, {"chunk": 3}):
        here = stage()
        send(here, message=message, **({"options": {}} | how))
        ended = message if message.endswith(b"\r\n") or not message or how else message + b"\r\n"
        assert mails(here) == [ended]
        if not how:
            block = next(act.data for act in here.calls[0].only(Hear) if act.data.endswith(b".\r\n"))
            assert oracle(block) == (ended, b"")


# -- our server and a client that is not ours ----------------------------------------------------------------------


class Socket:
    """What smtplib takes for a socket, with a session of ours at the other end."""

    def __init__(self, session):
        self.session, self.said = session, session.heard().encode()

    def sendall(self, data):
        self.said += self.session.send(bytes(data)).encode()

    def makefile(self, mode):
        return self

    def readline(self, limit=-1):
        line, newline, self.said = self.said.partition(b"\n")
        return line + newline

    def close(self):
        self.session.hang_up()


class OverMemory(smtplib.SMTP):
    def __init__(self, session):
        self.socket = Socket(session)
        super().__init__("mx.beta.example", 25, "laptop.alpha.example")

    def _get_socket(self, host, port, timeout):
        return self.socket


def test_smtplib():
    here = stage()
    with OverMemory(call(here)) as client:
        client.ehlo()
        assert client.has_extn("size") and client.esmtp_features["auth"].split() == list(sasl.SERVER)
        client.login(ALICE, "lab-alice")
        refused_ones = client.sendmail(ALICE, [BOB, "nobody@beta.example"], LETTER, ["BODY=8BITMIME"])
        assert refused_ones == {"nobody@beta.example": (550, b"5.1.1 no nobody@beta.example")}
        assert client.vrfy("bob") == (252, b"2.5.0 try and see") and client.noop()[0] == 250
        assert client.rset()[0] == 250 and b"MAIL FROM" in client.help()
    assert mails(here) == [LETTER] and here.mta.envelopes[0].user == ALICE
    assert here.calls[0].states[-1] == "CLOSED"


@pytest.mark.parametrize("way", ["auth_plain", "auth_login", "auth_cram_md5"])
@pytest.mark.parametrize("initial", [True, False])
def test_smtplib_logs_in(way, initial):
    here = stage()
    client = OverMemory(call(here))
    client.ehlo()
    client.user, client.password = ALICE, "lab-alice"
    mechanism = way.removeprefix("auth_").replace("_", "-").upper()
    assert client.auth(mechanism, getattr(client, way), initial_response_ok=initial)[0] == 235
    client = OverMemory(call(here))
    client.ehlo()
    client.user, client.password = ALICE, "wrong"
    with pytest.raises(smtplib.SMTPAuthenticationError) as no:
        client.auth(mechanism, getattr(client, way), initial_response_ok=initial)
    assert no.value.smtp_code == 535
