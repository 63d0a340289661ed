"""Lesson 05 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

LESSON = HOUSE / "notebooks" / "05-ports-and-tls.ipynb"
CELLS = {cell.id: cell.source for cell in read(LESSON).cells}
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


def said(lesson: dict[str, nbformat.NotebookNode], id: str) -> str:
    return printed(lesson[id])


def columns(line: str) -> list[str]:
    return [line[:31].strip(), line[34:65].strip(), line[68:].strip()]


def test_it_opens_and_closes_with_alices_cafe() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Alice's café")
    for claim in ("25 is unencrypted", "465", "587 is encrypted", "2525 is encrypted"):
        assert TEXT.count(claim) >= 2, f"{claim} is not decided"


def test_the_reveals_answer_the_guess_and_name_what_happened(lesson) -> None:
    truth = {1: "C · her name", 2: "B · the client", 3: "C · logs in", 4: "B · read all", 5: "B · it sends it"}
    for number, words in truth.items():
        shown = lesson[f"reveal-{number}"].outputs[-1].data["text/markdown"]
        assert shown.startswith(f"**{words}") and "*You said A" in shown


def test_section_1_the_password_is_read_aloud_and_all_three_columns_are_the_same(lesson) -> None:
    lines = said(lesson, "run-1").split("\n")
    at = next(number for number, line in enumerate(lines) if "AGFsaWNlAGxhYi1hbGljZQ==" in line)
    assert columns(lines[at]) == ["AGFsaWNlAGxhYi1hbGljZQ=="] * 3
    assert columns(lines[at + 1]) == ["", "= alice · lab-alice", ""]
    assert "235 2.7.0 welcome" in "\n".join(lines)


def test_section_2_after_the_handshake_the_middle_has_records_only(lesson) -> None:
    text = said(lesson, "starttls")
    before, after = text.split("(TLS handshake)", 1)
    assert "16 03 01" in after and "ClientHello" in after and "14 03 03" in after
    assert "17 03 03 00 2c … (44)" in after and "lab-alice" not in after
    assert [before.count("EHLO laptop"), after.count("EHLO laptop")] == [3, 2]  # three columns read it, then two
    assert "250-STARTTLS" in before and "250-STARTTLS" not in after


def test_section_2_the_three_ports_behave_alike(lesson) -> None:
    lines = said(lesson, "port-25").strip().split("\n")
    assert len(lines) == 3
    assert all(line.endswith("offers STARTTLS: True; TLS is there, and it offers it still: False") for line in lines)


def test_section_3_only_465_begins_with_16_and_with_the_client(lesson) -> None:
    lines = [line.split() for line in said(lesson, "run-2").strip().split("\n")]
    assert [(port, who, first) for port, who, first, *_ in lines] == [
        ("25", "server:", "32"),
        ("587", "server:", "32"),
        ("2525", "server:", "32"),
        ("465", "client:", "16"),
    ]


def test_section_4_the_careless_program_falls_and_hears_250(lesson) -> None:
    text = said(lesson, "run-3")
    assert text.startswith("may: 250 2.0.0 queued\n   passwords on the way: ['alice@alpha.example · lab-alice']")
    assert "! The attacker takes STARTTLS" in text
    told = [columns(line) for line in text.split("\n") if "250-STARTTLS" in line]
    assert told and all(row[0] != "250-STARTTLS" and row[1:] == ["250-STARTTLS"] * 2 for row in told)


def test_section_4_the_strict_ones_do_not(lesson) -> None:
    assert said(lesson, "must").startswith("must: 454 4.7.10 the server offers no STARTTLS")
    assert said(lesson, "implicit").startswith("implicit: 250 2.0.0 queued")
    for id in ("must", "implicit"):
        assert "passwords on the way: []" in said(lesson, id)


def test_section_5_only_the_name_tells(lesson) -> None:
    lines = said(lesson, "run-4").strip().split("\n")
    assert lines[0] == "must: 250 2.0.0 queued" and "lab-alice" in lines[1]
    assert "Hostname mismatch" in lines[2] and lines[3].endswith("[]")
    kinds = {line[:11].strip(): line[12:] for line in said(lesson, "five").strip().split("\n")}
    assert kinds.pop("good") == "250 2.0.0 queued" and len(kinds) == 4
    assert all(why.startswith("the certificate was not accepted") for why in kinds.values())


def test_section_6_the_letter_goes_to_mallory_and_alice_hears_250(lesson) -> None:
    text = said(lesson, "inject")
    assert "has the bug: False; Alice hears '250 2.0.0 queued'; Bob has 1 letter(s)" in text
    assert "has the bug: True; Alice hears '250 2.0.0 queued'; Bob has 0 letter(s)" in text
    assert "AUTH PLAIN AGFsaWNlQGFscGhhLmV4YW1wbGUAbGFiLWFsaWNl" in text and "At noon, by the old mill." in text


def test_section_7_opportunistic_sends_and_a_promise_waits(lesson) -> None:
    assert said(lesson, "run-5").startswith("delivered to ('bob@beta.example',)\nunder TLS: False")
    assert [line.split("delivered: ")[1] for line in said(lesson, "enforce").strip().split("\n")] == [
        "True, waits in the queue: 0",
        "True, waits in the queue: 0",
        "False, waits in the queue: 1",
        "False, waits in the queue: 1",
    ]


def test_section_8_the_tables_are_tables(lesson) -> None:
    for id, columns_of in (("submission", "implicit TLS"), ("between", "DANE")):
        html = lesson[id].outputs[-1].data["text/html"]
        assert columns_of in html and "! reads it" in html and "- not sent" in html


def test_section_9_smtplib_raises_and_has_said_no_password(lesson) -> None:
    text = said(lesson, "smtplib")
    assert "smtplib: STARTTLS extension not supported by server." in text and "has it said AUTH? False" in text


def test_the_recorded_call_says_that_it_is_one() -> None:
    from mailedu.lab.tapped import recorded

    text = str(recorded())
    assert text.startswith("(recorded on another machine, and not run here)") and "17 03 03 00 2c" in text
    assert "recorded" in recorded().title
