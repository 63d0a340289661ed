"""Lesson 03 says what happens: its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

LESSON = HOUSE / "notebooks" / "03-envelope-and-header.ipynb"
CELLS = {cell.id: cell.source for cell in read(LESSON).cells}
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What its last line shows."""
    return cell.outputs[-1].data


def lines(cell: nbformat.NotebookNode) -> list[str]:
    return printed(cell).splitlines()


def handovers(cell: nbformat.NotebookNode) -> list[tuple[str, list[str], list[str]]]:
    """(who to whom and the answer, envelope, letter) for each time that a letter was handed over in this picture."""
    found: list[tuple[str, list[str], list[str]]] = []
    for line in shown(cell)["text/plain"].splitlines():
        kind, _, words = line.strip().partition("  ")
        if line[:1] != " " and line:
            found.append((line, [], []))
        elif line:
            found[-1][1 if kind == "envelope" else 2].append(words.strip())
    return found


def test_each_claim_is_put_decided_and_listed() -> None:
    claims, table = TEXT[: TEXT.index("## 1.")], TEXT[TEXT.index("| claim | verdict |") :]
    for said, listed in [
        ("A letter goes to whoever stands in To: and Cc:", "a letter goes to whoever stands in To: and Cc:"),
        ("a line Bcc: that your program does not show", "a blind copy is a line Bcc: that programs do not show"),
        ("it would have gone back to whoever stands in From:", "what cannot be delivered goes back to From:"),
        ("Received lines, they show where it really came from", "the Received lines show where it really came from"),
    ]:
        assert said in claims and listed in table
    verdicts = re.findall(r'\*\*Claim "[^"]+": (\w+)\.\*\*', TEXT)
    assert verdicts == re.findall(r"\| \*\*(\w+)\*\*", table) == ["false", "false", "false", "half"]
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And the party?")


@pytest.mark.parametrize("id", ["spoof-control", "outside-player"])
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id])


@pytest.mark.parametrize("id", ["envelopes-1", "three", "blind-picture", "leak", "invoice-picture", "outside-picture"])
def test_pictures_are_light_and_dark(lesson, id) -> None:
    html = shown(lesson[id])["text/html"]
    assert "mailedu-light" in html and "mailedu-dark" in html


@pytest.mark.parametrize("number, right", [(1, "B"), (2, "C"), (3, "B"), (4, "B"), (5, "C")])
def test_the_reveal_names_the_choice_that_the_run_shows(lesson, number, right) -> None:
    assert shown(lesson[f"reveal-{number}"])["text/markdown"].startswith(f"**{right} · ")


def test_a_letter_goes_where_rcpt_says(lesson) -> None:
    assert lines(lesson["run-1"])[-2:] == ["1 letter for bob@beta.example", "0 letter for carol@gamma.example"]
    [(_, envelope, letter)] = handovers(lesson["envelopes-1"])
    assert "RCPT TO:<bob@beta.example>   not in the letter" in envelope and "To: carol@gamma.example" in letter


def test_each_server_gets_the_letter_once(lesson) -> None:
    """Once to her own server with three RCPT; from there twice, with two and with one; always the same letter."""
    times = handovers(lesson["three"])
    assert [sum(word.startswith("RCPT") for word in envelope) for _, envelope, _ in times] == [3, 2, 1]
    assert [head.split(":")[0] for head, _, _ in times] == [
        "alice@alpha.example -> mx.alpha.example",
        "mx.alpha.example -> mx.beta.example",
        "mx.alpha.example -> mx.gamma.example",
    ]
    assert len({tuple(letter) for _, _, letter in times}) == 1


def test_a_blind_copy_is_in_no_copy_and_the_leak_is(lesson) -> None:
    amir, bob = lines(lesson["run-2"])
    assert amir.endswith("[]") and "for <bob@beta.example>" in bob and bob.count("for <bob@") == 1
    first, *others = handovers(lesson["blind-picture"])
    assert "Bcc: bob@beta.example" in first[2] and len(others) == 2
    assert not any(line.startswith("Bcc") for _, _, letter in others for line in letter)
    [(_, envelope, letter)] = handovers(lesson["leak"])
    assert "Bcc: amir@alpha.example" in letter and len(envelope) == 3


def test_a_bounce_goes_to_the_envelopes_sender(lesson) -> None:
    said = lines(lesson["run-3"])
    assert said[:3] == ["0 letter for alice@alpha.example", "1 letter for amir@alpha.example", "Return-Path: <>"]
    first, second, last = handovers(lesson["invoice-picture"])
    assert "MAIL FROM:<amir@alpha.example>" in first[1] and "From: alice@alpha.example" in first[2]
    assert " 550 5.1.1 " in second[0] and "RCPT TO:<nobody@beta.example>   refused" in second[1]
    assert "MAIL FROM:<>" in last[1] and "RCPT TO:<amir@alpha.example>" in last[1]
    assert [line[:3] for line in lines(lesson["null-sender"])] == ["250", "250", "550"]


def test_one_of_three_received_lines_is_a_servers(lesson) -> None:
    top, *invented = lines(lesson["run-4"])
    assert top.startswith("from mx.alpha.example ([203.0.113.66]) by mx.beta.example") and len(invented) == 2
    assert all(line.split(" by ")[0] in CELLS["run-4"].replace('", " by', " by") for line in invented)


def test_the_six_spoofs(lesson) -> None:
    """Alpha refuses, beta is content with Junk, gamma asks for nothing, and of hers all checks pass but DKIM."""
    found = [(*line.split()[:2], line) for line in lines(lesson["run-5"])]
    assert len(found) == 6
    for author, sender, line in found:
        spf = "fail" if author == sender and "gamma" not in author else "pass"
        assert f"'spf': '{spf}', 'dkim': 'none', 'dmarc': '{'pass' if 'gamma' in author else 'fail'}'" in line
        assert {"alice": "550 5.7.26", "bella": "bob@beta.example/Junk", "carol": "('bob@beta.example',)"}[
            author.partition("@")[0]
        ] in line


def test_smtplib_compares_nothing_and_imaps_envelope_is_the_header(lesson) -> None:
    said = printed(lesson["outside-run"])
    assert '"Party on Friday"' in said and '"amir" "alpha.example"' in said and '"bob"' not in said
    first, *others = handovers(lesson["outside-picture"])
    assert "RCPT TO:<bob@beta.example>   not in the letter" in first[1] and len(others) == 2
    assert shown(lesson["outside-player"])["text/plain"].startswith("203.0.113.10 calls mx.gamma.example")
