"""Lesson 01 says what happens: its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

from mailedu import Lab, replies
from mailedu.acts import Rule
from mailedu.rules import section
from mailedu.smtp import TABLE
from mailedu.smtp.states import COMMANDS, EXTENSIONS, HISTORY

LESSON = HOUSE / "notebooks" / "01-smtp-by-hand.ipynb"
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"
BOB = "bob@beta.example"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"), guesses=4)


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What its last line shows."""
    return cell.outputs[-1].data


def typed(*lines: str, to: str = "mx.beta.example", **lab):
    call = Lab(seed=1, **lab).smtp(to, client="192.0.2.40")
    for line in ("EHLO till.alpha.example", *lines):
        call.send(line)
    return call


def test_each_claim_is_put_decided_and_listed() -> None:
    claims, table = TEXT[: TEXT.index("## 1.")].replace("**", ""), TEXT[TEXT.index("| claim | verdict |") :]
    for said, listed in [
        ("SMPT", "it is called SMPT"),
        ("it was sent", "it was sent"),
        ("outside your own domain", "outside one's own domain"),
        ("the only protocol for sending", "the only protocol for sending"),
    ]:
        assert said in claims and listed in table
    assert TEXT.count('**Claim "') == 4
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Alice's till?")


@pytest.mark.parametrize("id", ["run-1", "console-live", "tree", "run-3", "run-4", "bdat-run", "auth-no", "S1-answer"])
def test_players_and_consoles_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id]) and "text/plain" in shown(lesson[id])


@pytest.mark.parametrize("number, truth", [(1, "C"), (2, "B"), (3, "B"), (4, "B")])
def test_a_guess_is_answered(lesson, number, truth) -> None:
    told = shown(lesson[f"reveal-{number}"])["text/markdown"]
    assert told.startswith(f"**{truth} · ") and "You said A" in told


# -- sections 1 and 2 --------------------------------------------------------------------------------------------------


def test_the_220_line_says_smtp(lesson) -> None:
    said = printed(lesson["greeting"]).splitlines()
    assert said[0].startswith("220 mx.beta.example ESMTP") and said[1] == "True False"


def test_hyphens_say_that_more_is_coming(lesson) -> None:
    lines = printed(lesson["ehlo"]).splitlines()
    assert {line[3] for line in lines[:-1]} == {"-"} and lines[-1][3] == " "
    assert len(typed().lab.smtp("mx.beta.example").send("HELO till.alpha.example").splitlines()) == 1


def test_the_letter_is_there_after_the_dot_and_not_before(lesson) -> None:
    rows = [line.split() for line in printed(lesson["run-1"]).splitlines()]
    assert [row[:4] for row in rows] == [
        ["EHLO", "250", "READY", "0"],
        ["MAIL", "250", "MAIL", "0"],
        ["RCPT", "250", "RCPT", "0"],
        ["DATA", "354", "DATA", "0"],
        ["letter", "250", "READY", "1"],
        ["QUIT", "221", "CLOSED", "1"],
    ]
    assert "Six things have to be said. The fifth is the letter" in TEXT


def test_a_space_after_the_colon_is_501(lesson) -> None:
    assert "'501 5.1.7" in printed(lesson["say"])


# -- sections 3 and 4 --------------------------------------------------------------------------------------------------


def test_the_rows_are_the_tables(lesson) -> None:
    said = printed(lesson["rows"]).splitlines()
    assert len(said) - 1 == len([row for row in TABLE if row.state == "MAIL"])
    assert said[-1] == f"{len(TABLE)} rows in all"
    assert all(re.search(r"RFC 5321 §4\.1\.(1\.\d+|4)$", line) for line in said[:-1])


def test_a_second_mail_is_refused_and_the_first_goes_on(lesson) -> None:
    said = printed(lesson["run-2"]).splitlines()
    assert said[0].startswith("503 5.5.1") and said[0].endswith("-> RCPT")
    assert [line.endswith("Return-Path: <alice@alpha.example>") for line in said[1:]] == [True, True]


def test_the_futures_end_as_the_text_says(lesson) -> None:
    tree = printed(lesson["tree"])
    ends = {line.split()[2]: line.rpartition("    ")[2] for line in tree.splitlines() if line[:1] in "├└"}
    assert ends["RSET"] == ends["EHLO"] == "READY, nothing delivered"
    assert ends["MAIL"] == "RCPT, nothing delivered"  # gives up nothing
    assert ends["QUIT"] == "CLOSED, nothing delivered"
    assert f"READY, delivered to {BOB}" in tree
    assert "Five things can be said now" in TEXT and len(ends) == 5
    assert printed(lesson["back"]).splitlines() == ["DATA", "RCPT | 250 2.0.0 forgotten"]


# -- section 5 ---------------------------------------------------------------------------------------------------------


def test_the_catalogue_knows_every_reply_of_that_cell(lesson) -> None:
    for line in printed(lesson["replies"]).splitlines():
        code = re.search(r"\d{3} \d\.\d\.\d", line)[0]
        assert code in replies
        assert f" {replies[code].kind}: " in line
    assert shown(lesson["replies-550"])["text/plain"].startswith("550 5.7.1: no")


def test_what_has_no_enhanced_code_is_what_the_text_says() -> None:
    call = typed("MAIL FROM:<alice@alpha.example>", f"RCPT TO:<{BOB}>", "DATA")
    assert not re.search(r"\d\.\d\.\d", call.greeting + call.exchanges[1][1] + call.exchanges[-1][1])
    assert all(re.match(r"250 2\.1\.\d", reply) for _, reply in call.exchanges[2:4])


# -- section 6 ---------------------------------------------------------------------------------------------------------


def test_the_deaf_till_loses_the_second_letter_and_says_sent(lesson) -> None:
    assert printed(lesson["run-3"]).splitlines() == ["sent: takings", "sent: stock", "Bob has: ['takings']"]
    player = shown(lesson["run-3"])["text/plain"]
    assert "S: 421 4.3.2" in player and "LIMITS RCPTMAX=1000 MAILMAX=1" in player


def test_the_repaired_till_loses_nothing(lesson) -> None:
    assert printed(lesson["till"]).splitlines() == [
        "call 1, taken over: takings",
        "call 2, taken over: stock",
        "still here: []",
        "Bob has: ['takings', 'stock']",
    ]


# -- section 7 ---------------------------------------------------------------------------------------------------------


def test_fifteen_round_trips_and_three(lesson) -> None:
    slow, fast = printed(lesson["run-4"]).splitlines()
    assert slow == "15 round trips, 4.5 s; 10 mailboxes got it"
    assert fast == " 3 round trips, 0.9 s; 10 mailboxes got it"


def test_a_letter_that_nobody_waits_with_is_taken_for_commands(lesson) -> None:
    codes = [line[:3] for line in printed(lesson["blind-run"]).splitlines()]
    assert codes[:3] == ["250", "550", "554"] and set(codes[3:]) == {"500"}


# -- section 8 ---------------------------------------------------------------------------------------------------------


def test_every_command_there_is_is_walked_or_tabled(lesson) -> None:
    """All that the server knows, and all that it knows of; each with the answer of the running server."""
    said = "\n".join(
        printed(cell) + cell.source + shown(cell).get("text/plain", "") if cell.outputs and "data" in cell.outputs[-1]
        else printed(cell) + cell.source
        for cell in lesson.values()
    )  # fmt: skip
    for command in COMMANDS | (HISTORY.keys() - {"LHLO"}):
        assert re.search(rf"\b{command}\b", said), f"{command} is never said"
    assert "LHLO" in TEXT
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
        assert mechanism in printed(lesson["auth-run"])


def test_every_extension_is_in_the_table_and_in_the_text(lesson) -> None:
    rows = printed(lesson["offers"]).splitlines()
    assert [row.split()[0] for row in rows] == list(EXTENSIONS)
    for word in set(EXTENSIONS) - {"EXPN", "HELP"}:
        assert f"`{word}`" in TEXT


def test_offers_are_those_of_the_doors(lesson) -> None:
    rows = {row.split()[0]: row[21:] for row in printed(lesson["offers"]).splitlines()}
    for door, to in {"port 25": "mx.beta.example", "port 587": "submission", "port 465": "submissions"}.items():
        offered = {line[4:].split()[0] for line in typed(to=to).exchanges[-1][1].splitlines()[1:]}
        assert {word for word, row in rows.items() if door in row} == offered


def test_history_is_refused_with_the_rule_and_its_section(lesson) -> None:
    said = printed(lesson["history-run"])
    for command in ("SEND FROM:<alice@alpha.example>", "TURN", "ATRN alpha.example", "XCLIENT ADDR=203.0.113.66"):
        call = typed(command)
        [rule] = [step.act for step in call.trace.only(Rule)]
        assert f"C: {command}\nS: {call.exchanges[-1][1]}\n" in said
        assert f"[{section(rule)}]" in said


def test_tls_changes_the_offer_as_the_text_says(lesson) -> None:
    assert printed(lesson["starttls-run"]).splitlines()[1:] == [
        "-> GREETED",
        "gone: {'STARTTLS'}  new: {'REQUIRETLS'}",
        "250 2.1.0 sender ok",
    ]


def test_two_ways_to_log_in_say_the_password_and_two_do_not(lesson) -> None:
    rows = {line.split()[0]: line for line in printed(lesson["auth-run"]).splitlines()}
    assert all(" 235 2.7.0 welcome" in line for line in rows.values())
    assert {way for way, line in rows.items() if line.endswith("True")} == {"PLAIN", "LOGIN"}
    assert [line[:6] for line in printed(lesson["auth-no"]).splitlines() if line.startswith("S:")] == [
        "S: 530",
        "S: 535",
        "S: 502",
    ]


# -- sections 9 and 10 -------------------------------------------------------------------------------------------------


def test_smtplib_is_told_of_each_recipient_and_its_call_can_be_stepped(lesson) -> None:
    said = printed(lesson["smtplib"])
    assert "'nobody@beta.example': (550" in said and "Bob has: ['Tuesday']" in said
    player = shown(lesson["smtplib-player"])["text/plain"]
    assert "C: ehlo till.alpha.example" in player and "C: rcpt TO:<nobody@beta.example>" in player
    assert player.index("C: rcpt TO:<bob@beta.example>") < player.index("S: 250 2.1.5") < player.index("C: data")


def test_inside_one_company_it_is_smtp_twice(lesson) -> None:
    calls = [line.split()[-1] for line in printed(lesson["inside"]).splitlines() if " calls " in line]
    assert calls[:2] == ["mx.alpha.example:587", "mx.alpha.example:25"]
    assert {call.rpartition(":")[2] for call in calls[2:]} == {"993", "995"}


def test_lmtp_is_known_and_not_spoken(lesson) -> None:
    assert printed(lesson["lmtp"]).startswith("(500, b'5.5.1 this is SMTP, not LMTP")


# -- recap -------------------------------------------------------------------------------------------------------------


def test_the_recaps_first_answer_is_true() -> None:
    call = typed("MAIL FROM:<alice@alpha.example>", f"RCPT TO:<{BOB}>", "DATA")
    assert call.send("QUIT") == "" and call.state == "DATA"
    assert call.send(".").startswith("250") and call.lab.mailbox(BOB)[0].endswith(b"QUIT\r\n")


def test_the_recaps_second_answer_is_true() -> None:
    call = typed("MAIL FROM:<alice@alpha.example>", f"RCPT TO:<{BOB}>", "DATA", "Subject: half")
    call.hangup()
    assert not call.lab.mailbox(BOB)
    assert call.trace.only(Rule)[-1].act.name == "smtp.hung-up"


def test_the_recaps_third_answers_can_really_come() -> None:
    call = typed(settings={"mx.beta.example": {"busy": ["bella@beta.example"]}})
    group = ["MAIL FROM:<alice@alpha.example>", f"RCPT TO:<{BOB}>", "RCPT TO:<nobody@beta.example>"]
    said = call.send("\r\n".join([*group, "RCPT TO:<bella@beta.example>", "DATA"]))
    assert [line[:3] for line in said.splitlines()] == ["250", "250", "550", "450", "354"]
    call.send("Subject: x\r\n\r\nx\r\n.")
    assert len(call.lab.mailbox(BOB)) == 1 and not call.lab.mailbox("bella@beta.example")
