"""Lesson 07 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, code_cells, guessed, printed, read

LESSON = HOUSE / "notebooks" / "07-imap.ipynb"
TEXT = "\n".join(cell.source for cell in read(LESSON).cells if cell.cell_type == "markdown")
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """The lesson as somebody who always guesses A sees it: cell's id -> cell."""
    return guessed(LESSON, tmp_path_factory.mktemp("lesson"))


@pytest.fixture(scope="module")
def names() -> dict[str, object]:
    """What the lesson's own functions are, in this process."""
    names: dict[str, object] = {}
    for cell in code_cells(read(LESSON)):
        if cell.id in ("new-lab", "log-in", "friday", "plan"):
            exec(cell.source, names)
    return names


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What its last line shows."""
    return cell.outputs[-1].data


def story(cell: nbformat.NotebookNode) -> str:
    return shown(cell)["text/plain"]


def revealed(cell: nbformat.NotebookNode) -> str:
    return shown(cell)["text/markdown"]


PLAYERS = (
    "knock-run",
    "arena-1",
    "arena-2",
    "arena-3",
    "arena-4",
    "endings",
    "imaplib-player",
    "I2-answer",
    "I5-answer",
)


@pytest.mark.parametrize("id", PLAYERS)
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id])


def test_it_opens_and_closes_with_bobs_friday() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bob's Friday?")
    for claim in ("in the cloud", "pull"):
        assert TEXT.count(claim) >= 3, f"{claim} is not decided"
    assert 'Claim "in the cloud": false' in TEXT and 'Claim "pulls": half' in TEXT


def test_tags_stars_and_states(lesson) -> None:
    said = story(lesson["knock-run"])
    assert "C: a1 SELECT INBOX" in said and "S: a1 BAD" in said and said.count("-> SELECTED") == 1
    replies = re.findall(r"^  S: (a\d) ", said, re.MULTILINE)
    assert replies == ["a1", "a2", "a3", "a4", "a5"], "each answer ends with its command's tag"
    opened = said.split("C: a3 SELECT INBOX")[1].split("C: a4")[0]
    for word in ("4 EXISTS", "FLAGS (", "UIDVALIDITY", "UIDNEXT"):
        assert word in opened
    assert said.startswith("phone calls imap.beta.example"), "the device has its name"
    for flag in ("Seen", "Answered", "Flagged", "Deleted", "Draft"):
        assert f"\\{flag}" in opened and f"`\\{flag}`" in TEXT


def test_pop3_finds_the_same_letters_and_imap_is_told(lesson) -> None:
    lines = printed(lesson["run-1"]).splitlines()
    assert lines[1] == "+OK maildrop open, 4 messages" and lines[4] == "* 1 EXPUNGE"
    assert revealed(lesson["reveal-1"]).startswith("**C · all four letters.**")
    assert "phone (IMAP), old computer (POP3)" in story(lesson["arena-1"])
    assert "`4 messages`" in TEXT


def test_a_number_is_a_seat_in_one_session(lesson) -> None:
    said = printed(lesson["run-2"])
    assert re.findall(r"\* 3 FETCH \(UID (\d)", said) == ["3", "4"], "the same number 3 was UID 3, then UID 4"
    assert re.findall(r"Subject: (\w+)", said) == ["Photos", "Tickets"]
    before, after = said.split("* 3 FETCH (UID 3")
    assert before.count("* 2 EXPUNGE") == 1 and after.split("* 3 FETCH")[0].count("* 2 EXPUNGE") == 1
    assert revealed(lesson["reveal-2"]).startswith("**B · Photos")
    moment = story(lesson["arena-2"]).split("phone: a4 EXPUNGE")[1].split("\n\n")[0]
    assert "laptop   no.    1    2    3    4   not told: UID 2 removed" in moment


def test_the_broken_server_costs_photos_and_the_right_one_does_not(lesson) -> None:
    assert printed(lesson["run-3"]).splitlines() == [
        "right:  ['Lunch', 'Photos', 'Tickets']",
        "broken: ['Lunch', 'Tickets']",
    ]
    assert revealed(lesson["reveal-3"]).startswith("**B · Lunch, Tickets")
    friday = story(lesson["arena-3"])
    assert friday.count("!! Its numbers meant another letter: UID 3 was hit.") == 1
    moment = friday.split(r"desk: a3 STORE 2 +FLAGS (\Deleted)")[1].split("\n\n")[0]
    assert "broken on purpose" in moment and "UID 3 was hit" in moment
    assert "<svg" in shown(lesson["board"])["text/html"]


def test_two_repairs(lesson, names) -> None:
    assert re.findall(r"\[(.*)\]", printed(lesson["repairs"])) == ["'Lunch', 'Photos', 'Tickets'"] * 2
    right = str(names["friday"]("right").arena("bob@beta.example"))
    stored = right.split("desk: a3 STORE 2")[1].split("\n\n")[0]
    assert "EXPUNGEISSUED" in stored and "* 2 EXPUNGE" not in stored, "it says that it could not, and tells later"
    assert "* 2 EXPUNGE" in right.split("desk: a4 EXPUNGE")[1].split("\n\n")[0]
    assert "!!" not in right and "!!" not in str(names["friday"]("broken", "UID").arena("bob@beta.example"))
    assert "broken on purpose" in names["friday"]("broken").imap("bob@beta.example").greeting, "its greeting says so"


@pytest.mark.parametrize("server", ["broken", "right"])
@pytest.mark.parametrize("by", ["number", "UID"])
def test_every_choice(names, server, by) -> None:
    count = len(names["friday"](server, by).mailbox("bob@beta.example"))
    assert count == (2 if (server, by) == ("broken", "number") else 3)


def test_idle_pushes(lesson) -> None:
    assert printed(lesson["run-4"]).splitlines()[1].split() == ["laptop", "no.", "1", "2", "3", "4", "5"]
    assert revealed(lesson["reveal-4"]).startswith("**C · at once")
    told = story(lesson["arena-4"]).split("laptop is told:")[1]
    assert "* 5 EXISTS" in told and "laptop:" not in told, "it has not said another word"


def test_a_shape_is_told_and_nothing_is_marked(lesson) -> None:
    said = printed(lesson["run-5"])
    whole, octets = (int(re.search(f, said)[1]) for f in (r"RFC822.SIZE (\d+)", r"(\d+) octets"))
    assert 275_000 < whole < 285_000 and 250 < octets < 350
    assert '"plan.pdf"' in said and '"application" "pdf"' in said and " 280254 " in said
    assert "280,254" in revealed(lesson["reveal-5"]) and "\\Seen" not in said
    assert len(bytes(range(256)) * 800) == 204_800, "200 kB"


def test_peeking_and_reading(lesson) -> None:
    said = printed(lesson["peek"])
    peeked, _, read_ = said.partition("a6 OK")
    assert "Here it is." in peeked and "\\Seen" not in peeked
    assert "{13}" in read_ and "FLAGS (\\Recent \\Seen)" in read_
    assert len("Here it is.\r\n") == 13 and "* SEARCH 3\n" in read_


def test_imaplib_makes_tags_of_its_own(lesson) -> None:
    assert printed(lesson["imaplib"]) == "('OK', [b'2'])\n"
    said = re.findall(r"^  C: \w+ (\w+(?: STORE| SEARCH)?)", story(lesson["imaplib-player"]), re.MULTILINE)
    assert said == ["CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID STORE", "LOGOUT"]


def test_no_cell_but_the_checks_ends_in_an_error(lesson) -> None:
    wrong = {id for id, cell in lesson.items() if any(output.output_type == "error" for output in cell.outputs)}
    assert wrong == {f"I{number}-check" for number in range(1, 8)}


def test_the_minutes_of_the_plan_add_up() -> None:
    plan = TEXT.split("**Plan for 45 minutes.**")[1].split(". Homework")[0]
    assert sum(int(minutes) for minutes in re.findall(r"(?:^|· ) ?(\d+) ", plan)) == 45
