"""SMTP, the server: transcripts, every cut of the bytes, what ends a message, limits, TLS, AUTH, BDAT, bad input."""

import base64
import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pump import Call
from smtp_stage import BOB, CAROL, Mta, call, in_data, mails, ready, stage
from transcript import play, transcripts

from mailedu import sasl
from mailedu.acts import Close, Enter, Hear, LabError, Listen, Open, Rule, Say, Upgrade
from mailedu.catalogue import replies
from mailedu.rules import rules, sentence
from mailedu.smtp import TABLE, SmtpServer
from mailedu.smtp.grammar import ARGUMENTS, LINE, WIDER, WIDEST
from mailedu.smtp.states import BEFORE_LOGIN, COMMANDS, EXTENSIONS, HELP, HISTORY, OPEN

ALICE = "alice@alpha.example"
MAIL, RCPT = f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>"


# -- transcripts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", transcripts("smtp"), ids=lambda path: path.stem)
def test_transcript(path):
    here = stage()
    play(path, lambda name: call(here))


# -- what the trace holds ------------------------------------------------------------------------------------------


def test_a_mail_in_the_trace():
    here = stage()
    smtp = ready(here, MAIL, RCPT)
    smtp.send("DATA")
    smtp.send("A: b\r\n\r\n..\r\n.")
    assert smtp.acts[smtp.acts.index(Open("DATA")) :] == [
        Open("DATA"), Hear(b"DATA\r\n"), Say(b"354 the message, then a line with a dot alone\r\n"), Enter("DATA"),
        Hear(b"A: b\r\n\r\n..\r\n.\r\n"), *smtp.acts[-4:-3],
        Say(b"250 2.0.0 taken for 1\r\n"), Enter("READY"), Close("ok"),
    ]  # fmt: skip
    assert smtp.states == ["GREETED", "READY", "MAIL", "RCPT", "DATA", "READY"]
    assert mails(here) == [b"A: b\r\n\r\n.\r\n"] and smtp.is_well_nested()


def test_a_no_has_its_rule_and_the_rule_its_reasons():
    smtp = ready(stage())
    assert smtp.send("MAIL FROM:<alice@@alpha.example>").startswith("501 5.1.7 Domain expected")
    assert smtp.acts[-3] == Rule(
        "smtp.syntax", "refused", {"production": "Domain", "found": '"@"', "octet": "18"}
    )  # fmt: skip
    assert "wants Domain at octet 18" in sentence(smtp.acts[-3])
    assert smtp.outcomes[-1] == "err" and smtp.machine.state == "READY"


def test_a_source_route_is_ignored_and_that_is_told():
    here = stage()
    smtp = ready(here, MAIL, f"RCPT TO:<@relay.example:{BOB}>")
    assert Rule("smtp.source-route", "ignored", {"route": "@relay.example:", "mailbox": BOB}) in smtp.acts
    assert smtp.machine.envelope.recipients == [BOB]


# -- the envelope --------------------------------------------------------------------------------------------------


def envelope(here, *lines: str, **options):
    smtp = ready(here, *lines, "DATA", **options)
    smtp.send("A: b\r\n.")
    return here.mta.envelopes[-1]


def test_the_envelope_says_all_that_mail_and_rcpt_said():
    here = stage()
    got = envelope(
        here,
        "MAIL FROM:<a=b@alpha.example> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=full ENVID=q+2B1 AUTH=<>",
        f"RCPT TO:<{BOB}> NOTIFY=FAILURE,delay ORCPT=rfc822;Bob+2B1@beta.example",
        f"RCPT TO:<{CAROL}>",
        f"RCPT TO:<{BOB}>",
    )
    assert (got.client, got.helo, got.sender) == ("192.0.2.25", "mx.alpha.example", "a=b@alpha.example")
    assert got.recipients == [BOB, CAROL]  # once each
    assert (got.size, got.body, got.smtputf8, got.ret, got.envid) == (9, "8BITMIME", True, "FULL", "q+1")
    assert got.notify == {BOB: ("FAILURE", "DELAY")} and got.orcpt == {BOB: "rfc822;Bob+1@beta.example"}
    assert got.auth == "<>" and got.user == "" and not got.tls


def test_who_has_not_logged_in_is_not_believed():
    here = stage()
    assert envelope(here, f"{MAIL} AUTH=bob@beta.example", RCPT).auth == "<>"  # RFC 4954 §5
    assert envelope(here, f"AUTH PLAIN {plain()}", f"{MAIL} AUTH=bob@beta.example", RCPT).auth == "bob@beta.example"


def test_quotes_that_mean_nothing_are_taken_off():
    here = stage()
    got = envelope(here, 'MAIL FROM:<"al\\ice"@alpha.example>', RCPT)
    assert got.sender == ALICE
    assert envelope(here, 'MAIL FROM:<"a\\"b c"@alpha.example>', RCPT).sender == '"a\\"b c"@alpha.example'


@pytest.mark.parametrize(
    "lines, options, word",
    [
        (["HELO a.example"], {}, "SMTP"),
        (["EHLO a.example"], {}, "ESMTP"),
        (["EHLO a.example", "AUTH"], {}, "ESMTPA"),
        (["EHLO a.example"], {"implicit": True}, "ESMTPS"),
        (["EHLO a.example", "AUTH"], {"implicit": True}, "ESMTPSA"),
        (["EHLO a.example", "SMTPUTF8"], {"implicit": True}, "UTF8SMTPS"),
    ],
)
def test_the_word_in_received(lines, options, word):
    """RFC 3848, RFC 6531 §4.3"""
    here = stage()
    smtp = call(here, **options)
    smtp.send(lines[0])
    if "AUTH" in lines:
        assert smtp.send(f"AUTH PLAIN {plain()}").endswith("235 2.7.0 welcome, alice@alpha.example\r\n")
    for line in (MAIL + " SMTPUTF8" * ("SMTPUTF8" in lines), RCPT, "DATA", "A: b\r\n."):
        smtp.send(line)
    assert here.mta.envelopes[-1].protocol == word


def test_rset_hello_and_the_end_of_a_mail_forget_it():
    here = stage()
    for line in ("RSET", "EHLO x.example", "HELO x.example", "DATA\r\nA: b\r\n."):
        smtp = ready(here, f"{MAIL} ENVID=x", "RCPT TO:<nobody@beta.example>", RCPT)
        smtp.send(line)
        assert smtp.machine.state == "READY"
        left = smtp.machine.envelope
        assert (left.sender, left.recipients, left.envid, left.notify) == ("", [], "", {})
        assert smtp.machine.refused == 0
        assert smtp.send("DATA").startswith("503 5.5.1 MAIL first")


def test_what_the_mta_says_is_said():
    here = stage()
    smtp = ready(here)
    assert smtp.send("MAIL FROM:<bad@alpha.example>").startswith("550 5.7.1 nothing from")
    smtp.send(MAIL)
    for recipient, reply in {
        "later@beta.example": "450 4.2.1 this mailbox is busy\r\n",
        "full@beta.example": "452 4.2.2 this mailbox is full\r\n",
        "moved@beta.example": "551 5.1.6 try <moved@gamma.example>\r\n",
        "lines@beta.example": "550-5.7.1 two\r\n550 5.7.1 lines\r\n",
        "Postmaster": "501 5.1.3 @ expected, not the end of the line\r\n",
    }.items():
        path = f"<{recipient}>" if "@" in recipient else f"<{recipient}"
        assert smtp.send(f"RCPT TO:{path}") == reply
    assert smtp.machine.state == "MAIL"
    smtp.send(RCPT)
    smtp.send("DATA")
    assert smtp.send("hurry\r\n.") == "451 4.7.1 not so fast\r\n" and mails(here) == []
    assert smtp.outcomes[-1] == "err" and smtp.machine.state == "READY"


def test_421_from_the_mta_ends_the_session():
    smtp = ready(stage(), MAIL)
    assert smtp.send(b"RCPT TO:<gone@beta.example>\r\nNOOP\r\n") == "421 4.3.2 shutting down\r\n"
    assert smtp.ended and smtp.states[-1] == "CLOSED" and smtp.is_well_nested()


def test_a_name_in_a_reply_ends_no_line():
    class Hostile(Mta):
        def recipient(self, envelope, address):
            return iter_answer("250 2.1.5 ok\r\n550 5.0.0 smuggled \x1b[31m ü")

    here = stage()
    here.mta = Hostile(here.boxes)
    smtp = ready(here, MAIL)
    assert smtp.send(RCPT) == "250-2.1.5 ok\\x0d\r\n250 2.1.5 550 5.0.0 smuggled \\x1b[31m \\xfc\r\n"


def iter_answer(value):
    return value
    yield


# -- what ends a message -------------------------------------------------------------------------------------------


def oracle(data: bytes) -> tuple[bytes, bytes]:
    """The message as RFC 5321 §4.5.2 has it, octet by octet, and what comes after it; no code of ours."""
    message, line = b"", b""
    for at, octet in enumerate(data):
        line += bytes([octet])
        if line.endswith(b"\r\n"):
            if line == b".\r\n":
                return message, data[at + 1 :]
            message += line[1:] if line.startswith(b".") else line
            line = b""
    raise AssertionError("no end")


def alone(message: bytes) -> bool:
    bare = message.replace(b"\r\n", b"")
    return b"\r" in bare or b"\n" in bare


SHORT = [
    b"".join(letters) for n in range(6) for letters in itertools.product([b"\r", b"\n", b".", b"\0", b"x"], repeat=n)
]


def test_nothing_but_crlf_dot_crlf_ends_the_data():
    assert len(SHORT) == 3906
    for start in (b"", b"A: b\r\n\r\n"):
        for middle in SHORT:
            data = start + middle + b"\r\n.\r\n"
            here = stage()
            smtp = in_data(here)
            message, rest = oracle(data)
            said = smtp.send(data).splitlines()
            heard = [act.data for act in smtp.only(Hear) if act.data != b"DATA\r\n"][3]
            assert heard == data[: len(data) - len(rest)], data
            if alone(message):
                assert said[0] == "554 5.6.0 a CR or an LF stands alone" and mails(here) == [], data
            else:
                assert said[0].startswith("250 ") and mails(here) == [message], data
            assert len(said) == 1 + rest.count(b"\r\n"), data  # what came after it are commands


ENDS = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r\r\n.\r\r\n", b"\r\n\0.\r\n",
        b"\r\n.\0\r\n", b"\r\0\n.\r\n", b"\0\n.\r\n", b"\r\n.\r\r\n", b"\r\r.\r\n"]  # fmt: skip
SMUGGLED = (
    b"MAIL FROM:<admin@beta.example>\r\nRCPT TO:<bob@beta.example>\r\nDATA\r\nFrom: admin\r\n\r\nnow pay\r\n.\r\n"
)


@pytest.mark.parametrize("end", ENDS)
def test_a_second_mail_is_not_smuggled_in(end):
    here = stage()
    smtp = in_data(here)
    said = smtp.send(b"From: alice\r\n\r\nhello" + end + SMUGGLED)
    assert said.count("\r\n") == 1 and len(here.mta.envelopes) <= 1 and len(mails(here)) <= 1
    assert all(envelope.sender == ALICE for envelope in here.mta.envelopes)
    assert smtp.machine.state == "READY" and smtp.send("NOOP").startswith("250")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_a_lenient_server_lets_it_in_and_says_so(end):
    here = stage()
    smtp = in_data(here, lenient="ends")
    smtp.send(b"From: alice\r\n\r\nhello" + end + SMUGGLED)
    assert [envelope.sender for envelope in here.mta.envelopes] == [ALICE, "admin@beta.example"]
    assert mails(here) == [b"From: alice\r\n\r\nhello\r\n", b"From: admin\r\n\r\nnow pay\r\n"]
    assert Rule("smtp.lenient-end", "broken") in smtp.acts and smtp.rules.count("smtp.lenient-end") == 1


def test_a_lenient_server_keeps_what_it_does_not_understand():
    here = stage()
    smtp = in_data(here, lenient="keeps")
    assert smtp.send(b"hello\n.\n" + SMUGGLED).count("\r\n") == 1
    [kept] = mails(here)
    assert kept.startswith(b"hello\n.\nMAIL FROM:<admin@beta.example>\r\n") and "smtp.lenient-newline" in smtp.rules


def test_lenient_lines():
    here = stage()
    smtp = call(here, lenient="ends")
    smtp.heard()
    assert smtp.send(b"HELO alpha.example\nNOOP\r\n").count("250 ") == 2
    assert smtp.rules == ["smtp.lenient-line"]
    smtp = in_data(here, lenient="ends", size=2000)
    assert smtp.send(b"x" * 3000 + b"\n" + b"y\n" * 900 + b".\nNOOP\n") == (
        "552 5.3.4 a message has at most 2000 octets\r\n250 2.0.0 nothing done\r\n"
    )
    with pytest.raises(LabError, match='"keeps" or "ends"'):
        call(here, lenient="a bit")


@pytest.mark.parametrize(
    "block, message",
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n..x\r\n.x\r\n.\r\n", b"..\r\n.x\r\nx\r\n"),
        (b"a\0b\r\n.\r\n", b"a\0b\r\n"),
        ("Grüße\r\n.\r\n".encode(), "Grüße\r\n".encode()),
        (b"\xff\xfe\r\n.\r\n", b"\xff\xfe\r\n"),
    ],
)
def test_dots_and_octets_arrive(block, message):
    here = stage()
    smtp = in_data(here)
    assert smtp.send(block) == "250 2.0.0 taken for 1\r\n" and mails(here) == [message]
    assert ("smtp.nul" in smtp.rules) == (b"\0" in message)
    assert ("smtp.eight-bits" in smtp.rules) == (not message.isascii())


def test_8bitmime_makes_eight_bits_right():
    here = stage()
    smtp = ready(here, f"{MAIL} BODY=8BITMIME", RCPT, "DATA")
    smtp.send("Grüße\r\n.")
    assert mails(here) == ["Grüße\r\n".encode()] and "smtp.eight-bits" not in smtp.rules


# -- limits --------------------------------------------------------------------------------------------------------


def padded(line: str, length: int) -> str:
    """With blanks, which are put up with at the end of a line (§4.1.1), up to so many octets with CRLF."""
    return line + " " * (length - 2 - len(line))


def test_a_command_has_512_octets_and_what_extensions_add():
    smtp = ready(stage(), implicit=True)
    for line in ("NOOP", "RSET", "VRFY x", "MAIL FROM:<>", RCPT):
        verb = line.split()[0]
        limit = LINE + sum(more for (one, _), more in WIDER.items() if one == verb)
        assert smtp.machine.widths.get(verb, LINE) == limit
        assert smtp.send(padded(line, limit)).startswith("25"), line
        assert smtp.send(padded(line, limit + 1)) == f"500 5.5.2 line too long: at most {limit} octets\r\n"
        assert smtp.send("x" * (WIDEST + 5)).startswith("500 5.5.2 line too long: at most 512")
    assert smtp.is_well_nested()
    assert LINE + 26 + 17 + 10 + 11 + 500 + 116 == WIDEST


def test_who_says_helo_gets_512_octets():
    smtp = call(stage())
    smtp.send("HELO alpha.example")
    assert smtp.send(padded("MAIL FROM:<>", 513)).startswith("500 5.5.2 line too long: at most 512")


def test_all_parameters_together_fit():
    """RFC 3461 §5.4"""
    here = stage()
    auth, envid = "a" * 64 + "@" + "b" * 60 + ".example", "e" * 100
    smtp = ready(here, implicit=True)
    long = "x" * 64 + "@" + ".".join(["y" * 60] * 3)
    line = f"MAIL FROM:<{long}> SIZE={'9' * 7} BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID={envid} AUTH={auth}"
    assert smtp.send(line) == "250 2.1.0 sender ok\r\n"
    assert smtp.send(f"{RCPT} NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{'o' * 490}").startswith("250")


def test_text_lines_have_1000_octets():
    here = stage()
    smtp = in_data(here)
    assert smtp.send(b"x" * 998 + b"\r\n.\r\n").startswith("250")
    for line in (MAIL, RCPT, "DATA"):
        smtp.send(line)
    assert smtp.send(b"." + b"." * 998 + b"\r\n.\r\n").startswith("250")  # the doubled dot does not count
    for line in (MAIL, RCPT, "DATA"):
        smtp.send(line)
    assert smtp.send(b"x" * 999 + b"\r\n.\r\n") == "500 5.6.0 a line of a message has at most 1000 octets\r\n"
    assert [len(mail) for mail in mails(here)] == [1000, 1000]


def test_size():
    here = stage()
    smtp = ready(here, size=100)
    assert smtp.send(f"{MAIL} SIZE=101") == "552 5.3.4 at most 100 octets\r\n"
    assert smtp.send(f"{MAIL} SIZE=100").startswith("250")
    smtp.send(RCPT)
    smtp.send("DATA")
    assert smtp.send(b"..\r\n" * 32 + b"ab\r\n.\r\n").startswith("250")  # 135 octets on the wire
    assert len(mails(here)[0]) == 100
    for block in (b"." * 3 + b"x" * 99 + b"\r\n.\r\n", b"y" * 500 + b"\r\n" + b"z" * 500 + b"\r\n.\r\n"):
        for line in (MAIL, RCPT, "DATA"):
            smtp.send(line)
        assert smtp.send(block) == "552 5.3.4 a message has at most 100 octets\r\n"
        assert smtp.machine.state == "READY" and smtp.send("NOOP").startswith("250")
    assert len(mails(here)) == 1
    assert "SIZE 0\r\n" in call(here, size=0).send("EHLO a.example")
    smtp = in_data(here, size=0)
    assert smtp.send(b"x" * 998 + b"\r\n" + b"y\r\n" * 10 + b".\r\n").startswith("250")


def test_recipients():
    here = stage()
    for n in range(150):
        here.boxes[f"u{n}@beta.example"] = type(here.boxes[BOB])(n + 9)
    smtp = ready(here, MAIL, most_recipients=120)
    replies = [smtp.send(f"RCPT TO:<u{n}@beta.example>") for n in range(150)]
    assert [reply[:9] for reply in replies] == ["250 2.1.5"] * 120 + ["452 4.5.3"] * 30
    smtp.send("DATA")
    assert smtp.send("A: b\r\n.") == "250 2.0.0 taken for 120\r\n"
    assert sum(len(here.boxes[f"u{n}@beta.example"]) for n in range(150)) == 120
    with pytest.raises(LabError, match="at least 100"):
        call(here, most_recipients=99)


def test_limits_are_told_before_they_bite():
    """RFC 9422"""
    smtp = call(stage(), most_mails=2)
    assert "250-LIMITS RCPTMAX=1000 MAILMAX=2\r\n" in smtp.send("EHLO a.example")
    for _ in range(2):
        smtp.send(MAIL)
        smtp.send("RSET")
    assert smtp.send(MAIL).startswith("421 4.3.2") and smtp.ended


def test_five_minutes_of_silence_and_no_less():
    smtp = ready(stage(), MAIL)
    assert smtp.listening == Listen(300.0)
    assert smtp.silence().startswith("421 4.4.2 mx.beta.example") and smtp.states[-1] == "CLOSED"
    smtp = in_data(stage())
    smtp.send(b"half a message\r\n")
    assert smtp.silence().startswith("421 4.4.2") and smtp.is_well_nested() and smtp.ended


# -- TLS -----------------------------------------------------------------------------------------------------------


def test_nothing_said_before_tls_counts_after_it():
    here = stage()
    smtp = ready(here, f"AUTH PLAIN {plain()}")
    assert smtp.send(b"STARTTLS\r\nEHLO mallory.example\r\nMAIL FROM:<mallory@gamma.example>\r\n") == (
        "220 2.0.0 go ahead\r\n"
    )
    assert smtp.only(Upgrade) and smtp.machine.state == "GREETED"
    left = smtp.machine.envelope
    assert left.tls and (left.helo, left.user, left.extended) == ("", "", False)
    assert smtp.send(MAIL).startswith("503 5.5.1 EHLO or HELO first")
    offered = smtp.send("EHLO mx.alpha.example")
    assert "STARTTLS" not in offered and "REQUIRETLS" in offered
    assert smtp.send("STARTTLS") == "503 5.5.1 TLS is there already\r\n"


def test_starttls_takes_no_argument_and_no_mail():
    smtp = ready(stage())
    assert smtp.send("STARTTLS now").startswith("501 5.5.4 the end of STARTTLS")
    assert ready(stage(), tls=False).send("STARTTLS") == "502 5.5.1 STARTTLS was not offered\r\n"
    assert ready(stage(), MAIL).send("STARTTLS").startswith("503")


def test_a_failed_handshake_is_an_outcome():
    here = stage()
    here.tls_works = False
    smtp = ready(here)
    smtp.send("STARTTLS")
    assert smtp.ended and smtp.outcomes[-1] == "tls-failed" and smtp.states[-1] == "CLOSED"
    assert smtp.rules == ["smtp.tls-failed"] and smtp.is_well_nested()
    smtp = call(here, implicit=True)
    assert smtp.acts == [Upgrade(), Rule("smtp.tls-failed", "alert"), Enter("CLOSED")] and smtp.heard() == ""


def test_implicit_tls_comes_before_the_greeting():
    smtp = call(stage(), implicit=True)
    assert smtp.acts[0] == Upgrade() and smtp.heard().startswith("220")
    assert "STARTTLS" not in smtp.send("EHLO a.example")


def test_nothing_but_starttls_where_tls_is_required():
    here = stage()
    smtp = ready(here, tls_required=True)
    for line in (MAIL, "VRFY x", "EXPN x", f"AUTH PLAIN {plain()}", "ETRN x"):
        assert smtp.send(line) == "530 5.7.0 STARTTLS first\r\n"
    for line in ("NOOP", "RSET", "HELP RSET"):
        assert smtp.send(line).startswith("2")
    smtp.send("STARTTLS")
    smtp.send("EHLO mx.alpha.example")
    assert smtp.send(MAIL).startswith("250")


def test_requiretls_is_for_tls_only_and_returns_headers_only():
    """RFC 8689 §2, §5"""
    here = stage()
    assert ready(here).send(f"{MAIL} REQUIRETLS").startswith("555 5.5.4")
    got = envelope(here, f"{MAIL} REQUIRETLS RET=FULL", RCPT, implicit=True)
    assert got.requiretls and got.ret == "HDRS" and got.protocol == "ESMTPS"


# -- AUTH ----------------------------------------------------------------------------------------------------------


def plain(user: str = ALICE, password: str = "lab-alice") -> str:
    return sasl.write_plain(user, password).decode()


def log_in(smtp: Call, way: str, user: str = ALICE, password: str = "lab-alice") -> str:
    """Log in as a client would; the last reply."""
    exchange = sasl.CLIENT[way](user, password, "fyko+d2lbbFgONRv9qkxdawL")
    initial = next(exchange)
    reply = smtp.send(f"AUTH {way}" + (f" {b64(initial)}" if way not in sasl.SERVER_FIRST else ""))
    while reply.startswith("334 "):
        reply = smtp.send(b64(exchange.send(base64.b64decode(reply[4:]))))
    return reply


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize("way", sorted(sasl.SERVER))
def test_each_mechanism(way):
    smtp = ready(stage())
    assert log_in(smtp, way, password="wrong") == "535 5.7.8 name and password do not fit together\r\n"
    assert log_in(smtp, way, user="mallory") == "535 5.7.8 name and password do not fit together\r\n"
    assert smtp.machine.state == "READY" and not smtp.machine.envelope.user
    assert log_in(smtp, way) == f"235 2.7.0 welcome, {ALICE}\r\n"
    assert smtp.machine.envelope.user == ALICE
    assert smtp.send(f"AUTH {way}") == "503 5.5.1 you are logged in already\r\n"
    assert smtp.is_well_nested()
    smtp = ready(stage())
    assert log_in(smtp, way, "jörg", "grün") == "235 2.7.0 welcome, joerg@alpha.example\r\n"


def test_the_password_is_not_on_the_wire():
    for way in ("CRAM-MD5", "SCRAM-SHA-256"):
        smtp = ready(stage())
        log_in(smtp, way)
        heard = b"".join(base64.b64decode(b"".join(act.data.split()[-1:]) + b"==") for act in smtp.only(Hear)[2:])
        assert heard and b"lab-alice" not in heard


def test_auth_is_only_where_it_was_announced():
    here = stage()
    assert "250-AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\r\n" in call(here).send("EHLO a.example")
    assert "250-AUTH PLAIN LOGIN\r\n" in call(here, clock=None).send("EHLO a.example")
    smtp = call(here, auth="off")
    assert "AUTH" not in smtp.send("EHLO a.example")
    assert smtp.send("AUTH PLAIN") == "502 5.5.1 AUTH was not offered\r\n"
    assert ready(here, clock=None).send("AUTH CRAM-MD5") == "504 5.5.4 CRAM-MD5 is not offered\r\n"
    with pytest.raises(LabError, match="auth is"):
        call(here, auth="maybe")


def test_538_where_a_password_would_be_readable():
    here = stage()
    smtp = call(here, plain_needs_tls=True)
    assert "250-AUTH SCRAM-SHA-256 CRAM-MD5\r\n" in smtp.send("EHLO a.example")
    for way in ("PLAIN", "LOGIN"):
        assert smtp.send(f"AUTH {way}") == f"538 5.7.11 {way} needs TLS\r\n"
    smtp.send("STARTTLS")
    assert "250-AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\r\n" in smtp.send("EHLO a.example")
    assert log_in(smtp, "PLAIN").startswith("235")
    smtp = call(here, plain_needs_tls=True, clock=None)
    assert "AUTH" not in smtp.send("EHLO a.example")


def test_530_for_who_has_not_logged_in():
    """RFC 4954 §6: any command but AUTH, EHLO, HELO, NOOP, RSET, QUIT; and those that help to log in."""
    smtp = ready(stage(), auth="required")
    for line in (MAIL, "VRFY x", "EXPN x", "ETRN x"):
        assert smtp.send(line) == "530 5.7.0 AUTH first\r\n"
    for line in ("NOOP", "RSET", "HELP AUTH", "HELO a.example", "EHLO a.example"):
        assert smtp.send(line).startswith("2")
    assert log_in(smtp, "PLAIN").startswith("235") and smtp.send(MAIL).startswith("250")
    assert BEFORE_LOGIN - {"HELP", "STARTTLS"} == {"AUTH", "EHLO", "HELO", "NOOP", "RSET", "QUIT"}


def test_lines_of_an_auth_exchange():
    smtp = ready(stage())
    smtp.send("AUTH PLAIN")
    assert smtp.send("A" * 12_286).startswith("501 5.5.2")  # 12,288 with CRLF: read, though it is nonsense
    smtp.send("AUTH PLAIN")
    assert smtp.send("A" * 12_287) == "500 5.5.6 a response has at most 12288 octets\r\n"
    assert smtp.send(f"AUTH PLAIN {'A' * 600}").startswith("500 5.5.2 line too long: at most 512")
    for nonsense in ("", "=", "AAA", "AA=A", "AAAA=", "A A=", "ü", "*x"):
        smtp.send("AUTH PLAIN")
        assert smtp.send(nonsense).startswith("501 5.5.2"), nonsense
    assert smtp.send("NOOP").startswith("250") and smtp.is_well_nested()


def test_a_hang_up_in_an_auth_exchange():
    smtp = ready(stage())
    smtp.send(b"AUTH LOGIN\r\nYWxp")
    smtp.hang_up()
    assert smtp.ended and smtp.is_well_nested() and smtp.rules == ["smtp.hung-up"]


# -- BDAT ----------------------------------------------------------------------------------------------------------


def test_a_message_in_chunks():
    here = stage()
    smtp = ready(here, MAIL, RCPT)
    assert smtp.send(b"BDAT 5\r\nA: b\r") == "250 2.0.0 5 octets so far\r\n"
    assert smtp.send(b"BDAT 8 last\r\n\n\r\n\r\n.\r\n") == "250 2.0.0 taken for 1\r\n"
    assert mails(here) == [b"A: b\r\n\r\n\r\n.\r\n"]  # no dot means anything
    assert smtp.states[-2:] == ["BDAT", "READY"]


def test_pipelined_chunks_after_a_refused_one_are_read_and_forgotten():
    here = stage()
    smtp = ready(here, MAIL, RCPT, size=10)
    said = smtp.send(
        b"BDAT 4\r\nQUITBDAT 9\r\nQUIT\r\nQUIBDAT 6 LAST\r\nQUIT\r\nNOOP\r\nMAIL FROM:<>\r\nRSET\r\n"
        + MAIL.encode()
        + b"\r\n"
    )
    assert [line[:9] for line in said.splitlines()] == [
        "250 2.0.0", "552 5.3.4", "503 5.5.1", "250 2.0.0", "503 5.5.1", "250 2.0.0", "250 2.1.0"
    ]  # fmt: skip
    assert smtp.states[-4:] == ["BDAT", "FAILED", "READY", "MAIL"] and mails(here) == []
    assert smtp.machine.chunks == []


def test_a_chunk_that_nobody_wants_is_heard_in_pieces():
    smtp = ready(stage())
    smtp.send(b"BDAT 150000\r\n" + b"x" * 149_999)
    assert smtp.heard() == ""
    assert smtp.send(b"xNOOP\r\n") == "503 5.5.1 MAIL first\r\n250 2.0.0 nothing done\r\n"
    assert [len(act.data) for act in smtp.only(Hear)[1:]] == [13, 65_536, 65_536, 18_928, 6]


def test_chunks_of_nothing_and_of_too_much():
    here = stage()
    smtp = ready(here, MAIL, RCPT)
    assert smtp.send("BDAT 0") == "250 2.0.0 0 octets so far\r\n" and smtp.machine.state == "BDAT"
    assert smtp.send(b"BDAT 3 LAST\r\nA\nb") == "554 5.6.0 a CR or an LF stands alone\r\n"
    assert smtp.machine.state == "READY"
    assert smtp.send("BDAT 99999999999999999999 LAST") == ""  # and now so many octets are not commands
    assert smtp.send("NOOP") == ""
    smtp.hang_up()
    assert smtp.ended and smtp.is_well_nested()
    smtp = ready(stage(), without=["CHUNKING"])
    assert smtp.send(b"BDAT 4\r\nQUIT").startswith("503")


def test_bdat_without_chunking():
    smtp = ready(stage(), MAIL, RCPT, without=["CHUNKING"])
    assert smtp.send(b"BDAT 4\r\nQUITNOOP\r\n") == "502 5.5.1 CHUNKING was not offered\r\n250 2.0.0 nothing done\r\n"
    with pytest.raises(LabError, match="No extension is called PIPES"):
        call(stage(), without=["PIPES"])


# -- the other commands --------------------------------------------------------------------------------------------


def test_vrfy_and_expn_answer_in_utf8_only_if_asked():
    """RFC 6531 §3.7.4.2"""
    smtp = ready(stage())
    assert smtp.send("VRFY joerg SMTPUTF8") == "250 2.1.5 Jörg <joerg@beta.example>\r\n"
    assert smtp.send("VRFY joerg") == "550 5.6.8 the answer is beyond ASCII: say SMTPUTF8\r\n"
    assert smtp.send("VRFY jörg SMTPUTF8") == "250 2.1.5 Jörg <jörg@beta.example>\r\n"
    assert smtp.send("VRFY jörg").startswith("553 5.6.7")
    assert smtp.send('VRFY "Bob B." <bob@beta.example>').startswith("252 2.5.0")
    assert smtp.send("EXPN lunch") == "250-2.1.5 <bob@beta.example>\r\n250 2.1.5 <carol@beta.example>\r\n"
    smtp = ready(stage(), without=["EXPN", "8BITMIME"])
    assert smtp.send("EXPN lunch") == "502 5.5.1 EXPN was not offered\r\n"
    assert smtp.send("VRFY joerg SMTPUTF8") == "502 5.5.1 SMTPUTF8 was not offered\r\n"


def test_smtputf8_opens_addresses():
    here = stage()
    smtp = ready(here)
    assert smtp.send("MAIL FROM:<jörg@grün.example>").startswith("550 5.6.7")
    assert smtp.send("MAIL FROM:<jörg@grün.example> SMTPUTF8").startswith("250")
    assert smtp.machine.envelope.sender == "jörg@grün.example"
    assert smtp.send("RCPT TO:<grün@beta.example>").startswith("550 5.1.1")
    smtp = ready(here, MAIL)
    assert smtp.send("RCPT TO:<grün@beta.example>").startswith("553 5.6.7")
    assert smtp.send(b"RCPT TO:<gr\xfcn@beta.example>\r\n").startswith("501 5.5.2 octets beyond ASCII")
    assert "SMTPUTF8" not in call(here, without=["8BITMIME"]).send("EHLO a.example")


def test_etrn_asks_whom_it_was_given():
    def etrn(envelope, node):
        assert envelope.helo == "mx.alpha.example"
        return iter_answer(f"253 2.5.0 3 messages for {node}")

    here = stage()
    assert ready(here).send("ETRN beta.example") == "459 4.7.1 beta.example may not start our queue\r\n"
    assert ready(here, etrn=etrn).send("ETRN @beta.example") == "253 2.5.0 3 messages for @beta.example\r\n"
    assert ready(here).send("ETRN").startswith("501")


def test_help_knows_every_command():
    smtp = call(stage())
    smtp.heard()
    lines = smtp.send("HELP").splitlines()
    assert lines[0] == "214-2.0.0 this may be said:" and len(lines) == len(HELP) + 1
    assert set(HELP) == COMMANDS
    for verb in COMMANDS:
        assert smtp.send(f"HELP {verb.lower()}").startswith(f"214 2.0.0 {verb}")


def test_a_host_that_takes_no_mail():
    """§3.1"""
    smtp = call(stage(), service=False)
    assert smtp.heard() == "554 mx.beta.example ESMTP mailedu\r\n"
    for line in ("EHLO a.example", MAIL, "NOOP", "DATA"):
        assert smtp.send(line) == "503 5.5.1 no mail is taken here: QUIT\r\n".replace(
            "5.5.1 ", "5.5.1 " * (line[0] != "E")
        )
    assert smtp.send("QUIT now").startswith("501") and smtp.send("QUIT").startswith("221") and smtp.ended


# -- hang-ups ------------------------------------------------------------------------------------------------------

TALK = (
    b"NOOP\r\nEHLO mx.alpha.example\r\nMAIL FROM:<alice@alpha.example>\r\nRCPT TO:<nobody@beta.example>\r\n"
    b"RCPT TO:<bob@beta.example>\r\nDATA\r\nA: b\r\n\r\n..x\r\n\r.\r\n.\r\nFROG\r\nRCPT TO:<bob@beta.example>\r\n"
    b"AUTH LOGIN\r\nYWxpY2VAYWxwaGEuZXhhbXBsZQ==\r\nbGFiLWFsaWNl\r\nMAIL FROM:<> SIZE=20\r\nMAIL FROM:<>\r\n"
    b"RCPT TO:<carol@beta.example> NOTIFY=NEVER\r\nBDAT 7\r\nA: b\r\nxBDAT 2 LAST\r\n\r\nRSET\r\nBDAT 4\r\nQUIT"
    b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@beta.example>\r\nDATA\r\nfine\r\n.\r\nVRFY bob\r\nHELP\r\nQUIT\r\n"
)


def acts_of(pieces: list[bytes]):
    smtp = call(stage())
    for piece in pieces:
        smtp.send(piece)
    return smtp.acts


def test_every_cut_gives_the_same_acts():
    want = acts_of([TALK])
    assert want[-1] == Close("ok") and acts_of([bytes([octet]) for octet in TALK]) == want
    for cut in range(len(TALK)):
        assert acts_of([TALK[:cut], TALK[cut:]]) == want


def test_sessions_that_end_anywhere_lose_nothing_and_keep_nothing_half():
    """One hang-up after each octet, all in one world: what was answered 250 is there, and nothing else."""
    here = stage()
    for cut in range(len(TALK)):
        smtp = call(here)
        smtp.send(TALK[:cut])
        smtp.hang_up()
        assert smtp.ended and smtp.is_well_nested() and smtp.rules[-1] == "smtp.hung-up"
    taken = b"".join(act.data for one in here.calls for act in one.only(Say)).count(b"250 2.0.0 taken for 1")
    assert len(mails(here, BOB)) + len(mails(here, CAROL)) == taken > 100


def test_a_hundred_sessions_at_once():
    here, dice = stage(), random.Random(7)
    sessions = [(call(here), iter(TALK[at : at + 9] for at in range(0, len(TALK), 9))) for _ in range(100)]
    going = list(sessions)
    while going:
        smtp, pieces = dice.choice(going)
        piece = next(pieces, None)
        if piece is None or dice.random() < 0.005:
            smtp.hang_up()
            going.remove((smtp, pieces))
        else:
            smtp.send(piece)
    for smtp, _ in sessions:
        assert smtp.ended and smtp.is_well_nested()
    taken = b"".join(act.data for one, _ in sessions for act in one.only(Say)).count(b"250 2.0.0 taken for 1")
    assert len(mails(here, BOB)) + len(mails(here, CAROL)) == taken > 50


# -- bad input -----------------------------------------------------------------------------------------------------

WAYS = {
    "GREETED": [],
    "READY": ["EHLO a.example"],
    "MAIL": ["EHLO a.example", MAIL],
    "RCPT": ["EHLO a.example", MAIL, RCPT],
    "BDAT": ["EHLO a.example", MAIL, RCPT, "BDAT 0"],
    "FAILED": ["EHLO a.example", MAIL, RCPT, b"BDAT 600\r\n" + b"x" * 600],
}
SAMPLES = {
    "EHLO": "b.example", "HELO": "b.example", "MAIL": f"FROM:<{ALICE}>", "RCPT": f"TO:<{BOB}>", "VRFY": "bob",
    "EXPN": "lunch", "AUTH": f"PLAIN {sasl.write_plain(ALICE, 'lab-alice').decode()}", "ETRN": "x", "BDAT": "0 LAST",
}  # fmt: skip


def test_every_command_in_every_state_is_answered_and_the_table_knows_where_it_leads():
    assert set(WAYS) == set(OPEN)
    for state, lines in WAYS.items():
        for verb in sorted([*COMMANDS, *HISTORY, "FROG"]):
            for argument in {SAMPLES.get(verb, ""), "", "9 x", "FROM:<x", "TO:<nobody@beta.example>", "0"}:
                smtp = call(stage(), size=500)
                for line in lines:
                    smtp.send(line)
                assert smtp.machine.state == state
                smtp.heard()
                reply = smtp.send(f"{verb} {argument}".rstrip())
                where = (state, verb, argument, reply)
                command = "BDAT LAST" if verb == "BDAT" and argument.endswith("LAST") else verb
                outcome = {"2": "ok", "3": "ok"}.get(reply[:1], "err")
                if TABLE.allows(state, command):
                    assert smtp.machine.state == TABLE.next(state, command, outcome), where
                else:
                    assert outcome == "err" and smtp.machine.state == state, where
                check_replies(smtp)


def check_replies(smtp: Call) -> None:
    """Every reply is well formed, and every no has a rule in the book that names it."""
    rule = None
    for act in smtp.acts:
        match act:
            case Rule():
                rule = act
            case Hear():
                rule = None
            case Say(data):
                assert REPLY.fullmatch(data), data
                lines = data.splitlines()
                assert len({line[:3] for line in lines}) == 1 and all(len(line) <= 510 for line in lines)
                assert data[:1] in b"23" or rule is not None, data
                assert replies[data.decode()].entries[-1].key[0] in "X2345" and data.decode()[:3] in replies, data
                if data[:1] in b"45" and rule.name != "mta.x":
                    says = rules()[rule.name].says
                    assert data[:3].decode() in says and (data[4:5] not in b"45" or enhanced(data) in says), data


REPLY = re.compile(rb"(?:[2-5]\d\d-[ -~\x80-\xff]*\r\n)*[2-5]\d\d [ -~\x80-\xff]*\r\n")


def enhanced(data: bytes) -> str:
    return data[4:].split()[0].decode()


@pytest.mark.parametrize(
    "data, reply",
    [
        (b"NOOP\nQUIT\r\n", "500 5.5.2 a command is one line of text"),
        (b"NOOP\rQUIT\r\n", "500 5.5.2 a command is one line of text"),
        (b"NOOP\0\r\n", "500 5.5.2 a command is one line of text"),
        (b"\xff\xfe\r\n", "500 5.5.2 a command expected"),
        (b"NOOP \xff\r\n", "501 5.5.2 octets beyond ASCII"),
        (b"NOOP\t\r\n", "250 2.0.0"),
        (b"NOOP  \r\n", "250 2.0.0"),
        (b"NOOP\tx\r\n", "501 5.5.4"),
        (b"x" * 200_000 + b"\r\n", "500 5.5.2 line too long"),
        (b"VRFY " + b"x" * 504 + b"\r\n", "252"),
        (b'VRFY "unfinished\r\n', "252"),
        (b"MAIL FROM:<a@" + b"b" * 300 + b".example>\r\n", "501 5.1.7 Domain has at most 255 octets"),
        (b"MAIL FROM:<@" + b"c" * 200 + b":" + b"a" * 60 + b"@b.example>\r\n", "501 5.1.7 Path has at most 256 octets"),
    ],
)
def test_hostile_lines_get_a_reason_and_the_session_goes_on(data, reply):
    smtp = ready(stage())
    assert smtp.send(data).startswith(reply)
    assert smtp.send("NOOP") == "250 2.0.0 nothing done\r\n" and smtp.is_well_nested()


def test_random_talk_breaks_nothing():
    dice = random.Random(1)
    lines = [*TALK.splitlines(True), b"STARTTLS\r\n", f"AUTH PLAIN {plain()}\r\n".encode(), b"*\r\n", b".\r\n"]
    for _ in range(60):
        here = stage()
        smtp = call(here, lenient=dice.choice(["", "", "keeps", "ends"]))
        for _ in range(60):
            line = bytearray(dice.choice(lines))
            for _ in range(dice.choice([0, 0, 1, 3])):
                line[dice.randrange(len(line))] = dice.randrange(256)
            smtp.send(bytes(line))
        smtp.hang_up()
        assert smtp.ended and smtp.is_well_nested()
        check_replies(smtp)


WORDS = [
    *(
        b"EHLO a.example\r\n",
        b"HELO ",
        b"MAIL FROM:<>",
        MAIL.encode(),
        RCPT.encode(),
        b"DATA\r\n",
        b"BDAT 3\r\n",
        b" LAST",
    ),
    *(b"RSET\r\n", b"AUTH PLAIN\r\n", b"AUTH SCRAM-SHA-256 biws\r\n", b"STARTTLS\r\n", b"VRFY x", b"HELP\r\n"),
    *(b"QUIT\r\n", b"SIZE=", b"SMTPUTF8", b"\xc3\xbc", b"\xff", b"*", b"=", b"<", b">", b"@", b"[", b"0"),
    *(b"\r\n", b"\r", b"\n", b".", b"\0", b" ", b"\t"),
]
TEXTS = st.one_of(st.binary(), st.lists(st.sampled_from(WORDS)).map(b"".join))


@given(st.lists(TEXTS, max_size=8), st.sampled_from(["", "keeps", "ends"]), st.booleans())
@settings(deadline=None, max_examples=300)
def test_any_octets_are_answered(pieces, lenient, implicit):
    smtp = ready(stage(), lenient=lenient, implicit=implicit)
    for piece in pieces:
        smtp.send(piece)
    smtp.hang_up()
    assert smtp.ended and smtp.is_well_nested()
    check_replies(smtp)


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"x", b"..", b"\r\n"]), max_size=30).map(b"".join))
@settings(deadline=None, max_examples=300)
def test_any_block_is_read_as_the_rfc_reads_it(middle):
    here = stage()
    data = middle + b"\r\n.\r\n"
    message, _ = oracle(data)
    smtp = in_data(here)
    smtp.send(data)
    assert mails(here)[:1] == ([] if alone(message) else [message])


# -- structure -----------------------------------------------------------------------------------------------------


def test_table_handlers_and_grammar_agree():
    handlers = {name.removeprefix("do_") for name in vars(SmtpServer) if name.startswith("do_")}
    assert handlers == COMMANDS == set(ARGUMENTS) == set(HELP)
    assert not COMMANDS & set(HISTORY)
    assert TABLE.commands == COMMANDS | {".", "BDAT LAST"}
    assert TABLE.states[:5] == ["GREETED", "READY", "MAIL", "RCPT", "DATA"]
    assert set(TABLE.states) == {*OPEN, "DATA", "NO SERVICE", "CLOSED"}
    for row in TABLE:
        assert (row.state, row.command, "err") in {other[:3] for other in TABLE}


def test_every_state_is_reached_and_every_state_is_left():
    reached, todo = {"NO SERVICE"}, ["GREETED", "NO SERVICE"]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [row.next for row in TABLE if row.state == state and row.next not in reached]
    assert reached == set(TABLE.states)
    for state in reached - {"CLOSED", "DATA"}:
        assert TABLE.next(state, "QUIT", "ok") == "CLOSED"


def test_what_ehlo_lists_is_what_there_is():
    smtp = call(stage(), implicit=True)
    smtp.heard()
    listed = {line[4:].split()[0] for line in smtp.send("EHLO a.example").splitlines()[1:]}
    assert listed == set(EXTENSIONS) - {"STARTTLS"}
    assert {word for _, word in WIDER} <= set(EXTENSIONS)
