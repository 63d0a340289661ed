"""Lesson 02 says what happens: its statements held against the runs of its own cells."""

from __future__ import annotations

import email
import email.policy
import re

import nbformat
import pytest
from lessons import HOUSE, guessed, printed, read

from mailedu import Anatomy

LESSON = HOUSE / "notebooks" / "02-the-message.ipynb"
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


def test_each_claim_is_put_decided_and_listed() -> None:
    claims, table = TEXT[: TEXT.index("## 1.")], TEXT[TEXT.index("| claim | verdict |") :]
    for said, listed in [
        ("Umlauts and pictures do not go into a letter", "umlauts and pictures do not go into a letter"),
        ("an attachment travels beside it", "an attachment travels beside the letter"),
        ("never write a line with nothing but a dot", "a line with nothing but a dot ends the letter"),
        ("a letter weighs what you put into it", "a letter weighs what you put into it"),
    ]:
        assert said in claims and listed in table
    verdicts = re.findall(r'\*\*Claim "[^"]+": (\w+)\.\*\*', TEXT)
    assert sorted(verdicts) == sorted(re.findall(r"\| \*\*(\w+)\*\*", table)) and len(verdicts) == 4
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bob's garbage?")


@pytest.mark.parametrize(
    "id", ["letter", "fold-look", "dots", "encodings-control", "beside", "outside-player", "M2-answer", "M1-try"]
)
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id])


@pytest.mark.parametrize("number, right", [(1, "B"), (2, "C"), (3, "B"), (4, "B"), (5, "C")])
def test_the_reveal_names_the_choice_that_the_run_shows(lesson, number, right) -> None:
    assert shown(lesson[f"reveal-{number}"])["text/markdown"].startswith(f"**{right} · ")


def test_the_garbage_of_the_beginning_is_what_bob_sees_when_the_field_is_lost(lesson) -> None:
    seen = lines(lesson["run-4"])
    quoted = re.findall(r"`([^`]+)`", CELLS["question"])
    assert len(quoted) == 6 and all(any(line.startswith(words) for line in seen) for words in quoted)
    assert seen[0] == "Subject: Grüße, der Plan"
    assert "Attached: plan.png 60 octets" in lines(lesson["repair-it"])
    assert "Der Schlüssel hängt an der Tür." in lines(lesson["repair-it"])


def test_an_empty_line_parts_header_and_body(lesson) -> None:
    assert lines(lesson["screen"]) == ["Subject: Lunch", "Note: at twelve, as always.", ""]
    assert printed(lesson["run-1"]).split("\n", 2)[:2] == ["250 2.0.0 queued", "Subject: Lunch"]
    assert not printed(lesson["run-1"]).split("\n", 2)[2].strip()


def test_a_server_enforces_998_and_not_78(lesson) -> None:
    codes = dict(line.split()[:2] for line in lines(lesson["limits"]) if line)
    assert codes == {"78": "250", "79": "250", "998": "250", "999": "500"}


def test_a_subject_of_99_letters_is_folded_and_unfolded(lesson) -> None:
    words = re.search(r'"(Lunch at twelve[^"]+)"', CELLS["run-2"])[1]
    assert len(words) == 99 and len(f"Subject: {words}") == 108
    field, seen = eval(lines(lesson["run-2"])[0]), lines(lesson["run-2"])[1]
    assert field.count(b"\r\n ") == 1 and field.count(b"\r\n") == 2 and max(map(len, field.split(b"\r\n"))) <= 78
    assert seen == f"Subject: {words}"


def test_the_dot_is_doubled_on_the_wire_only(lesson) -> None:
    assert lines(lesson["run-3"])[:2] == [
        "on the wire:    ['One', '..', '...two', 'Three', '.']",
        "in the mailbox: ['One', '.', '..two', 'Three']",
    ]
    assert "| C: ..\n" in shown(lesson["dots"])["text/plain"]


def test_charset_and_encodings(lesson) -> None:
    assert lines(lesson["by-hand"]) == [
        "5 letters, 7 octets: 47 72 c3 bc c3 9f 65", "Gr=C3=BC=C3=9Fe", "R3LDvMOfZQ==",
    ]  # fmt: skip
    rows = [eval(re.search(r"\{.*\}", line)[0]) for line in lines(lesson["encodings"]) if line]
    english, german, russian = rows
    assert english["quoted-printable"] == english["8bit"] < english["base64"]  # costs little where most is ASCII
    assert german["8bit"] < german["quoted-printable"] and russian["quoted-printable"] > 1.5 * russian["base64"]


def test_the_tree_is_in_one_message(lesson) -> None:
    assert "1 message on the wire, and the picture is in it: True" in printed(lesson["beside"])
    table = shown(lesson["tree"])["text/plain"].splitlines()
    assert [line.split()[:3:2] for line in table[2:]] == [["├─", "138"], ["└─", "plan.png"]]
    assert "mailedu-light" in shown(lesson["tree"])["text/html"]


def test_a_file_weighs_78_57ths(lesson) -> None:
    said = lines(lesson["run-5"])
    weights = [re.search(r"([\d,]+) octets: ([\d,]+) in the letter, (\S+) times", line) for line in said]
    found = [(int(one[1].replace(",", "")), int(one[2].replace(",", ""))) for one in weights if one]
    assert [size for size, _ in found] == [57, 5_700, 570_000] and all(57 * out == 78 * size for size, out in found)
    replies = {line.split(" MB")[0]: line.split(": ")[1][:3] for line in said if " MB, SIZE=" in line}
    assert replies == {"25": "250", "30": "552", "34": "552"}
    assert f"{100 * 78 / 57 - 100:.1f} %" in CELLS["remember"] and 25 * 78 / 57 < 35 < 30 * 78 / 57
    assert "SIZE 35000000" in shown(lesson["outside-player"])["text/plain"] and "SIZE 35000000" in CELLS["weight"]


def test_what_a_program_that_we_did_not_write_wrote(lesson) -> None:
    """The note below the run says: the dot doubled, an encoded word, base64, 8bit, a name in a parameter, a branch."""
    call, tree = (shown(lesson[id])["text/plain"] for id in ("outside-player", "outside-tree"))
    assert "  C: ..\n" in call and "250-8BITMIME" in call and "Subject: =?utf-8?q?" in call
    assert "filename*=utf-8''%C3%9Cbersicht.bin" in call
    assert re.search(r"multipart/alternative.*\n│  ├─ text/plain .* 8bit\n│  └─ text/html .* 8bit\n└─ .* base64", tree)
    assert "Attached: Übersicht.bin 100 octets" in printed(lesson["outside-tree"])


def test_the_recaps_hold() -> None:
    """A boundary must not begin a line of a part; blanks between two encoded words go."""
    letter = (
        b'Content-Type: multipart/mixed; boundary="end"\r\n\r\n--end\r\n\r\nOne\r\n--end--\r\nTwo\r\n--end\r\n'
        b"Content-Type: image/png\r\n\r\nx\r\n--end--\r\n"
    )
    assert len(Anatomy(letter).pieces) == 2  # the attachment is lost
    assert len(Anatomy(letter.replace(b'"end"', b'"tear"').replace(b"--end\r", b"--tear\r")).pieces) == 3
    words = b"Subject: =?utf-8?Q?Gr?= =?utf-8?Q?=C3=BC?= =?utf-8?Q?=C3=9Fe?=\r\n\r\n"
    assert email.message_from_bytes(words, policy=email.policy.default)["Subject"] == "Grüße"
