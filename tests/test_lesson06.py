"""Lesson 06 says what happens: each of its statements held against the runs of its own cells."""

from __future__ import annotations

import re

import nbformat
import pytest
from lessons import HOUSE, code_cells, guessed, printed, read

LESSON = HOUSE / "notebooks" / "06-pop3.ipynb"
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
        if cell.id in ("new-lab", "log-in", "run", "endings"):
            exec(cell.source, names)
    return names


def shown(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What its last line shows."""
    return cell.outputs[-1].data


def revealed(cell: nbformat.NotebookNode) -> str:
    return shown(cell)["text/markdown"]


def counts(cell: nbformat.NotebookNode) -> list[int]:
    """What the STATs in it count."""
    return [int(count) for count in re.findall(r"^\+OK (\d+) \d+$", printed(cell), re.MULTILINE)]


@pytest.mark.parametrize("id", ["states", "inside", "endings", "poplib-player", "P1-answer", "P4-answer", "P2-try"])
def test_players_are_shown(lesson, id) -> None:
    assert WIDGET in shown(lesson[id])


def test_it_opens_and_closes_with_bobs_evening() -> None:
    assert TEXT.index("## A question from life") < TEXT.index("## 1.") < TEXT.index("And Bob's evening?")
    for claim in ("one machine only", "is removed"):
        assert TEXT.count(claim) >= 3, f"{claim} is not decided"


def test_the_same_command_has_two_answers_in_two_states(lesson) -> None:
    story = shown(lesson["states"])["text/plain"]
    refused, answered = (match.start() for match in re.finditer("  C: STAT\n", story))
    assert story.index("-> AUTHORIZATION") < refused < story.index("[RFC 1939 §3]") < story.index("  S: -ERR STAT")
    assert story.index("-> TRANSACTION") < answered < story.index("  S: +OK 3 ")


def test_retr_copies(lesson) -> None:
    assert counts(lesson["run-1"]) == [3] and "\nSee you soon.\n.\n" in printed(lesson["run-1"])
    assert revealed(lesson["reveal-1"]).startswith("**B · 3.**")


def test_numbers_do_not_move_up(lesson) -> None:
    said = printed(lesson["run-2"])
    assert re.findall(r"^(\d+) \d+$", said, re.MULTILINE) == ["1", "3"] and "-ERR no such message" in said
    assert revealed(lesson["reveal-2"]).startswith("**B · 1 and 3.**")


def test_back_and_rset(lesson) -> None:
    assert counts(lesson["back"]) == [3]
    assert shown(lesson["fork"])["text/plain"].splitlines()[3:] == [
        "3 DELE 2",
        "├─ 4 QUIT    CLOSED, 2 messages in the maildrop",
        "└─ 4 RSET",
        "   5 QUIT    CLOSED, 3 messages in the maildrop",
    ]
    assert "One pile has two letters, the other three." in TEXT


def test_four_ways_to_end_a_session(lesson) -> None:
    assert counts(lesson["run-3"]) == [3, 3, 3, 2]
    assert revealed(lesson["reveal-3"]).startswith("**D · 3, 3, 3, 2:")
    lanes = shown(lesson["picture"])["text/plain"].splitlines()
    assert [int(lane.split()[-2]) for lane in lanes] == [3, 3, 3, 2]
    table = re.findall(r"^\| (\d) \| (.*?) \| \? \|$", TEXT, re.MULTILINE)  # the runs as the text has them
    for (number, session), lane in zip(table, lanes, strict=True):
        said = [one for one in re.findall("`(.*?)`", session)]
        assert lane.startswith(f"run {number}: ") and all(one in lane for one in said)
        assert ("silence" in session) is ("silence" in lane)
    assert "image/svg+xml" in shown(lesson["picture"]) and "<img " in shown(lesson["picture"])["text/html"]


def test_there_is_no_update_in_run_2(lesson) -> None:
    story = shown(lesson["inside"])["text/plain"]
    assert "-> UPDATE" not in story and "-> CLOSED" in story
    assert "0:10:00 on the lab's clock" in story  # "ours waits exactly ten"
    silence, free, closed = (story.index(words) for words in ("10 minutes of silence", "released:", "-> CLOSED"))
    assert silence < free < closed


def test_every_ending_that_can_be_chosen(names) -> None:
    left = {
        (mark, ending): len(names["bob_ends"](mark, ending).lab.mailbox("bob@beta.example"))
        for mark in ("DELE 1", "DELE 1, RSET", "no mark")
        for ending in ("QUIT", "tunnel", "broken line")
    }
    assert {how for how, count in left.items() if count == 2} == {("DELE 1", "QUIT")}
    assert set(left.values()) == {2, 3}
    assert "2 messages in the maildrop" in repr(names["bob_ends"]("DELE 1", "QUIT"))  # the line above the player


def test_what_the_server_says_of_itself(lesson) -> None:
    lines = printed(lesson["capa"]).splitlines()
    for word in ("EXPIRE NEVER", "UIDL", "TOP", "RESP-CODES"):
        assert word in lines and f"`{word}`" in TEXT
    assert counts(lesson["house"]) == [2, 3]  # fetched and goodbye: gone; fetched and silence: still there


def test_one_session_at_a_time(lesson) -> None:
    first, second, third = printed(lesson["run-4"]).splitlines()
    assert first.startswith("-ERR [IN-USE]") and second.startswith("+OK") and third.startswith("+OK 3 ")
    assert revealed(lesson["reveal-4"]).startswith("**B · -ERR;")


def test_a_program_that_counts_misses_a_letter_and_one_with_names_does_not(lesson) -> None:
    assert printed(lesson["run-5"]) == "first:  [1, 2, 3]\nsecond: []\n"
    assert revealed(lesson["reveal-5"]).startswith("**A · nothing.**")
    before, after = (
        dict(re.findall(r"^(\d) (\S+)$", part, re.MULTILINE)) for part in printed(lesson["uidl"]).split("+OK")[1:]
    )
    assert list(before) == list(after) == ["1", "2", "3"]
    assert [before["2"], before["3"]] == [after["1"], after["2"]] and after["3"] not in before.values()
    assert all(1 <= len(name) <= 70 and name.isascii() for name in before.values())
    first, second = printed(lesson["run-by-name"]).splitlines()
    assert first.count(",") == 2 and second == f"second: ['3 {after['3']}']"


def test_top_shows_a_header_and_no_body(lesson) -> None:
    said = printed(lesson["top"])
    assert "\nSubject: Invoice\n" in said and said.endswith("\n\n.\n") and "See you soon" not in said


def test_poplib_does_what_bobs_laptop_did(lesson) -> None:
    assert re.fullmatch(r"\(3, \d+\)\n2 letters left\n", printed(lesson["poplib"]))
    story = shown(lesson["poplib-player"])["text/plain"]
    said = re.findall(r"^  C: (\w+)", story, re.MULTILINE)
    assert said == ["USER", "PASS", "STAT", "RETR", "DELE", "QUIT"]
    assert story.count("-> UPDATE") == 1


def test_no_cell_but_the_checks_ends_in_an_error(lesson) -> None:
    wrong = {id for id, cell in lesson.items() if any(output.output_type == "error" for output in cell.outputs)}
    assert wrong == {f"P{number}-check" for number in range(1, 6)}


def test_the_minutes_of_the_plan_add_up() -> None:
    plan = TEXT.split("**Plan for 45 minutes.**")[1].split(". Homework")[0]
    assert sum(int(minutes) for minutes in re.findall(r"(?:^|· ) ?(\d+) ", plan)) == 45
