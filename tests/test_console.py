"""The console: a call to type into, and the states of its server."""

from __future__ import annotations

import pytest

from mailedu import Lab, LabError
from mailedu.exercises import console
from mailedu.exercises.prompt import FIRST
from mailedu.smtp import TABLE
from mailedu.views.console import MOST, ConsoleWidget

BOB = "bob@beta.example"


@pytest.fixture
def smtp():
    return Lab(seed=1).smtp("mx.beta.example", client="192.0.2.25")


def typed(shown: ConsoleWidget, text: object) -> None:
    shown.hear(shown, {"type": "line", "text": text}, [])


def test_what_is_typed_is_said_and_the_state_follows(smtp) -> None:
    shown = console(smtp).widget()
    assert (shown.state, shown.said) == ("GREETED", [["S", "220 mx.beta.example ESMTP mailedu"]])
    for line, state in [
        ("EHLO mx.alpha.example", "READY"),
        ("MAIL FROM:<alice@alpha.example>", "MAIL"),
        (f"RCPT TO:<{BOB}>", "RCPT"),
        ("DATA", "DATA"),
        ("Subject: typed", "DATA"),
        ("", "DATA"),
        ("Hello.", "DATA"),
        (".", "READY"),
        ("QUIT", "CLOSED"),
    ]:
        typed(shown, line)
        assert shown.state == smtp.state == state
        assert shown.block == (state == "DATA")
    assert ["C", "Hello."] in shown.said and shown.may == []
    assert smtp.lab.mailbox(BOB)[0].endswith(b"Subject: typed\r\n\r\nHello.\r\n")


def test_the_lit_state_is_the_servers(smtp) -> None:
    shown = console(smtp)
    pictures = set()
    for line in ("EHLO a.example", "MAIL FROM:<>", f"RCPT TO:<{BOB}>", "DATA"):
        shown.send(line)
        light, dark = shown.look()["pictures"]
        assert light.index(">here<") > light.index(f">{smtp.state}<") and dark != light
        pictures.add(light)
    assert len(pictures) == 4


def test_rare_states_are_drawn_when_one_gets_there(smtp) -> None:
    shown = console(smtp)
    assert set(shown.table.states) == set(FIRST["SMTP"]) and len(shown.table) < len(TABLE)
    for line in ("EHLO a.example", "MAIL FROM:<>", f"RCPT TO:<{BOB}>"):
        shown.send(line)
    smtp.send(b"BDAT 4\r\nabcd")
    assert shown.state == "BDAT" and shown.table is TABLE
    assert ">FAILED<" in shown.look()["pictures"][0]


def test_a_no_is_explained_and_a_yes_is_not(smtp) -> None:
    shown = console(smtp).widget()
    typed(shown, "MAIL FROM:<>")
    assert "MAIL comes after EHLO or HELO. [RFC 5321 §4.1.4]" in shown.why
    typed(shown, "EHLO a.example")
    assert shown.why == ""


def test_back_takes_back_and_says_when_there_is_nothing(smtp) -> None:
    shown, told = console(smtp).widget(), []
    shown.send = told.append
    typed(shown, "EHLO a.example")
    shown.hear(shown, {"type": "back"}, [])
    assert shown.state == "GREETED" and len(shown.said) == 1
    shown.hear(shown, {"type": "back"}, [])
    assert told[-1]["type"] == "refused" and "nothing to take back" in told[-1]["why"]


@pytest.mark.parametrize("text", [None, 7, "a\nb", "a\rb", "x" * (MOST + 1)])
def test_what_is_no_line_is_refused(smtp, text) -> None:
    shown, told = console(smtp).widget(), []
    shown.send = told.append
    typed(shown, text)
    assert told == [{"type": "refused", "why": f"Type one line of at most {MOST} letters."}]
    assert len(smtp.exchanges) == 1


@pytest.mark.parametrize("message", [None, 7, {}, {"type": "close"}, ["line"]])
def test_other_messages_do_nothing(smtp, message) -> None:
    shown = console(smtp).widget()
    shown.hear(shown, message, [])
    assert len(smtp.exchanges) == 1


def test_it_has_a_text_and_a_picture_without_widgets(smtp) -> None:
    smtp.send("EHLO a.example")
    smtp.send("\x1b[2J<script>")
    data, _ = console(smtp)._repr_mimebundle_()
    assert "C: EHLO a.example" in data["text/plain"] and data["text/plain"].endswith("-> READY")
    assert "\x1b" not in data["text/plain"]
    assert data["image/svg+xml"].startswith("<svg")


def test_pop3_and_imap_have_one_too() -> None:
    lab = Lab(seed=1)
    for call in (lab.pop3(BOB), lab.imap(BOB)):
        assert call.state in console(call).look()["pictures"][0]


def test_it_wants_a_call() -> None:
    with pytest.raises(LabError, match="Give a call to type into"):
        console(Lab(seed=1))
