"""A call one types into, and the time machine on it."""

from __future__ import annotations

import pytest

from mailedu import Lab, LabError
from mailedu.acts import Hear, Open, Rule, Say, Store

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
LETTER = "From: eve@nowhere.example\r\nSubject: x\r\n\r\nhi\r\n."
LINES = ["EHLO eve.example", "MAIL FROM:<eve@nowhere.example>", f"RCPT TO:<{BOB}>", "DATA", LETTER]


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1)


def typed(lab: Lab, lines=LINES, **more):
    call = lab.smtp("mx.beta.example", **more)
    for line in lines:
        call.send(line)
    return call


def test_a_reply_comes_whole(lab) -> None:
    call = lab.smtp("mx.beta.example", client="203.0.113.66")
    assert call.greeting.startswith("220 mx.beta.example")
    ehlo = call.send("EHLO eve.example")
    assert ehlo.startswith("250-mx.beta.example")
    assert ehlo.splitlines()[-1].startswith("250 ")
    assert not ehlo.endswith("\n")
    assert call.state == "READY"
    assert call.send(b"NOOP\r\nNOOP\r\n").count("250") == 2
    assert call.send("QUIT").startswith("221")
    assert call.send("NOOP") == ""
    assert call.state == "CLOSED"


def test_a_message_typed_by_hand_arrives(lab) -> None:
    call = typed(lab)
    assert call.exchanges[-1][1].startswith("250 2.0.0")
    [message] = lab.mailbox(BOB)
    assert message.endswith(b"hi\r\n")


def test_pop3_keeps_the_closing_dot(lab) -> None:
    lab.send(ALICE, BOB, subject="Hello", text="Hi")
    pop = lab.pop3(BOB)
    pop.send("USER bob")
    assert pop.send("PASS lab-bob").startswith("+OK")
    assert pop.send("LIST").splitlines()[-1] == "."
    assert pop.send("RETR 1").splitlines()[-1] == "."


@pytest.mark.parametrize(
    "place, hello",
    [
        ("submission", "220"),
        ("smtp-alt", "220"),
        ("submissions", "220"),
        ("mx.beta.example:25", "220"),
        ("mx.gamma.example", "220"),
    ],
)
def test_places_have_names(lab, place, hello) -> None:
    assert lab.smtp(place).greeting.startswith(hello)


@pytest.mark.parametrize("place, hello", [("pop3s", "+OK"), ("imaps", "* OK")])
def test_tls_from_the_first_octet(lab, place, hello) -> None:
    call = lab.pop3(place) if place == "pop3s" else lab.imap(place)
    assert call.greeting.startswith(hello)


def test_starttls_by_hand(lab) -> None:
    call = typed(lab, ["EHLO eve.example", "STARTTLS"])
    assert call.starttls() == ""
    assert "STARTTLS" not in call.send("EHLO eve.example")
    assert call.starttls() == "There is no line that TLS could begin on now."
    assert call.exchanges[3][0] == "(TLS handshake)"


def test_plain_bytes_after_starttls_are_no_handshake(lab) -> None:
    call = typed(lab, ["EHLO eve.example", "STARTTLS"])
    call.send("EHLO eve.example")
    assert call.state == "CLOSED"
    assert lab.trace.only(Rule)[-1].act.name == "smtp.tls-failed"


# -- the line breaks


def test_hangup_now(lab) -> None:
    call = typed(lab, LINES[:3])
    call.hangup()
    assert call.send("NOOP") == ""
    assert lab.trace.only(Rule)[-1].act.name == "smtp.hung-up"
    assert not lab.mailbox(BOB)


def test_a_lost_request_and_a_lost_reply(lab) -> None:
    call = typed(lab, LINES[:4])
    call.hangup(lose="request")
    assert call.send(LETTER) == ""
    assert not lab.mailbox(BOB)
    call = typed(lab, LINES[:4])
    call.hangup(lose="reply")
    assert call.send(LETTER) == ""
    assert len(lab.mailbox(BOB)) == 1  # taken, and nobody is there to hear so (RFC 1047)
    with pytest.raises(LabError):
        call.hangup(lose="everything")


# -- back


def test_back_takes_one_step_back(lab) -> None:
    call = typed(lab, LINES[:2])
    assert call.state == "MAIL"
    call.back()
    assert call.state == "READY"
    assert len(call.exchanges) == 2
    assert call.send(f"RCPT TO:<{BOB}>").startswith("503")


def test_back_to_a_step_and_to_the_greeting(lab) -> None:
    call = typed(lab)
    before = list(lab.trace)
    call.back(to=1)
    assert list(lab.trace) == before[: len(lab.trace)]
    assert not lab.mailbox(BOB)
    for line in LINES[1:]:
        call.send(line)
    assert list(lab.trace) == before
    call.back(to=0)
    assert call.greeting.startswith("220")
    assert len(call.exchanges) == 1


def test_back_takes_what_came_later_too_and_says_so(lab, capsys) -> None:
    call = typed(lab, LINES[:1])
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi")
    lab.zone.edit("alpha.example", TXT="v=spf1 -all")
    call.send("NOOP")
    call.back()
    assert not capsys.readouterr().out  # both came before NOOP
    assert len(lab.mailbox(BOB)) == 1
    call.back(to=1)
    assert "Also undone, because it came later: send('alice@alpha.example'" in capsys.readouterr().out
    assert not lab.mailbox(BOB)
    assert lab.zone("alpha.example", "TXT") != ("v=spf1 -all",)
    with pytest.raises(LabError):
        _ = mail.trace


def test_nothing_to_take_back(lab) -> None:
    with pytest.raises(LabError, match="nothing to take back"):
        lab.smtp().back()


def test_a_zone_of_the_past_says_so(lab) -> None:
    old = lab.zone
    call = typed(lab, LINES[:2])
    call.back()
    with pytest.raises(LabError, match=r"lab\.zone"):
        old.edit("alpha.example", TXT="v=spf1 -all")
    lab.zone.edit("alpha.example", TXT="v=spf1 -all")


@pytest.mark.parametrize("step", [-1, 9])
def test_steps_that_are_not_there(lab, step) -> None:
    call = typed(lab, LINES[:2])
    with pytest.raises(LabError, match="steps 0 to 2"):
        call.back(to=step)
    with pytest.raises(LabError, match="steps 0 to 2"):
        call.fork(at=step)


# -- fork


def test_a_fork_has_its_own_world(lab) -> None:
    one = typed(lab)
    two = one.fork(at=3)
    assert two.lab is not lab
    assert two.state == "RCPT"
    assert not two.lab.mailbox(BOB)
    assert two.send("RSET").startswith("250")
    assert len(lab.mailbox(BOB)) == 1
    assert list(two.lab.trace)[: len(one.fork(at=3).lab.trace)] == list(one.fork(at=3).lab.trace)


def test_a_fork_remembers_everything_that_came_from_outside(lab) -> None:
    lab.zone.edit("eve.example", TXT="v=spf1 -all")
    call = lab.smtp("mx.beta.example")
    call.send("EHLO eve.example")
    lab.clock.advance(seconds=60)
    lab.send(ALICE, BOB, subject="Hello", text="Hi")
    call.send("NOOP")
    assert call.fork(at=2).lab.trace == lab.trace
    assert call.fork().lab.trace == lab.trace


def test_the_tree_shows_all_futures(lab) -> None:
    for subject in "Lunch", "Invoice", "Photos":
        lab.send(ALICE, BOB, subject=subject, text="See you soon.")
    one = lab.pop3(BOB)
    for line in "USER bob", "PASS lab-bob", "DELE 2", "QUIT":
        one.send(line)
    two = one.fork(at=3)
    two.send("RSET")
    two.send("QUIT")
    assert str(one.tree) == (
        "0 (greeting)\n"
        "1 USER bob\n"
        "2 PASS lab-bob\n"
        "3 DELE 2\n"
        "├─ 4 QUIT    CLOSED, 2 messages in the maildrop\n"
        "└─ 4 RSET\n"
        "   5 QUIT    CLOSED, 3 messages in the maildrop"
    )


def test_the_clock_ends_a_silent_session(lab) -> None:
    pop = lab.pop3(BOB)
    pop.send("USER bob")
    pop.send("PASS lab-bob")
    lab.clock.advance(minutes=11)
    assert pop.state == "CLOSED"
    assert pop.send("NOOP") == ""


def test_the_clock_does_not_go_back(lab) -> None:
    with pytest.raises(LabError, match="does not go back"):
        lab.clock.advance(minutes=-1)


# -- branches, as the player asks for them


def test_the_player_branches_a_typed_call(lab) -> None:
    call = typed(lab)
    trace, again = call.on_branch()(number_of(call.trace, "MAIL"), "RSET")
    assert trace.only(Hear)[-1].act.data == b"RSET\r\n"
    assert not trace.only(Store)
    trace, _ = again(number_of(trace, "RSET"), "VRFY bob")
    assert [step.act.data for step in trace.only(Hear)][-2:] == [b"RSET\r\n", b"VRFY bob\r\n"]
    assert len(lab.mailbox(BOB)) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_the_player_branches_a_script_s_call(tls) -> None:
    """Nobody typed alice's call, and yet one may say something else in it, under her TLS."""
    lab = Lab(seed=1, tls=tls)
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi")
    before = list(lab.trace)
    trace, again = mail.on_branch()(number_of(mail.trace, "MAIL"), "RCPT TO:<carol@gamma.example>")
    heard = [step.act.data for step in trace.only(Hear) if step.actor == "mx.alpha.example"]
    assert heard[-1] == b"RCPT TO:<carol@gamma.example>\r\n"
    said = [step.act.data for step in trace.only(Say) if step.actor == "mx.alpha.example"]
    assert said[-1].startswith(b"250")
    longer, again = again(len(trace) - 1, "QUIT")
    assert longer.only(Say)[-1].act.data.startswith(b"221")
    other, _ = again(number_of(trace, "MAIL"), "NOOP")
    assert b"RCPT TO:<carol@gamma.example>\r\n" not in [step.act.data for step in other.only(Hear)]
    assert list(lab.trace) == before


def test_where_nobody_speaks_there_is_no_branch(lab) -> None:
    mail = lab.send(ALICE, BOB, subject="Hello", text="Hi")
    with pytest.raises(LabError, match="inside a call"):
        mail.on_branch()(0, "NOOP")
    with pytest.raises(LabError, match="no step"):
        mail.on_branch()(100_000, "NOOP")


def number_of(trace, verb: str) -> int:
    """The last step of the first exchange of that name."""
    opened = next(step for step in trace.only(Open) if step.act.title == verb)
    return max(step.number for _, step in trace.walk(opened.number))
