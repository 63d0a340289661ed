"""Graded runs: honest notebooks get their points, malicious ones nothing; by our own runner and by nbgrader."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lessons import HOUSE, STUDENT, about, cell_of, environment, errors, fill, printed, read, solution

from mailedu.exercises import frame, grading
from mailedu.exercises.frame import Work, handed_in, kind
from mailedu.exercises.grading import Limits, Verdict, grade, judge, read_works, restored, run

LESSON = HOUSE / "notebooks" / "00-start.ipynb"
LIMITS = Limits(cell=3, whole=40, processor=30, output=200_000)
RIGHT = {"J1": 2.0, "J2": 2.0}
NOTHING = {"J1": 0.0, "J2": 0.0}


@pytest.fixture(autouse=True)
def no_progress(monkeypatch) -> None:
    monkeypatch.setenv("MAILEDU_PROGRESS", "")


def exercises_only() -> nbformat.NotebookNode:
    """The lesson from "Your turn" on: the walk before it takes its time, and is run elsewhere."""
    notebook = read(LESSON)
    start = next(index for index, cell in enumerate(notebook.cells) if cell.id == "student")
    notebook.cells = notebook.cells[start:]
    return notebook


def handed_in_by(notebook: nbformat.NotebookNode, folder: Path) -> grading.Graded:
    released, submitted = folder / "released.ipynb", folder / "submitted.ipynb"
    nbformat.write(exercises_only(), released)
    nbformat.write(notebook, submitted)
    return grade(submitted, released, limits=LIMITS)


def right() -> nbformat.NotebookNode:
    notebook = exercises_only()
    for id in RIGHT:
        fill(notebook, id, solution(id)["right"])
    return notebook


def with_code(notebook: nbformat.NotebookNode, before: str, source: str) -> nbformat.NotebookNode:
    """The same with one more cell in front of this one."""
    at = next(index for index, cell in enumerate(notebook.cells) if cell.id == before)
    notebook.cells.insert(at, nbformat.v4.new_code_cell(source))
    return notebook


# -- honest notebooks --------------------------------------------------------------------------------------------------


def test_right_answers_get_their_points(tmp_path) -> None:
    graded = handed_in_by(right(), tmp_path)
    assert graded.points == graded.possible == RIGHT and graded.score == 4
    assert {verdict.student for verdict in graded.verdicts.values()} == {STUDENT}
    assert not errors(graded.notebook)
    assert "these checks passed" in printed(cell_of(graded.notebook, "J1-check"))


@pytest.mark.long  # nbgrader's tests below have one every day
def test_an_untouched_notebook_gets_none(tmp_path) -> None:
    graded = handed_in_by(exercises_only(), tmp_path)
    assert graded.points == NOTHING
    assert set(errors(graded.notebook).values()) == {"AssertionError"}


def test_one_right_and_one_wrong(tmp_path) -> None:
    notebook = fill(exercises_only(), "J1", solution("J1")["right"])
    text, words = solution("J2")["wrong"][0]
    graded = handed_in_by(fill(notebook, "J2", text), tmp_path)
    assert graded.points == {"J1": 2.0, "J2": 0.0}
    assert words in " ".join(printed(cell_of(graded.notebook, "J2-check")).split())


@pytest.mark.long
def test_the_command_line_prints_a_line_for_each(tmp_path) -> None:
    nbformat.write(right(), tmp_path / "ada.ipynb")
    command = [sys.executable, "-m", "mailedu.exercises.grading", str(LESSON), str(tmp_path / "ada.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(tmp_path), check=True)
    assert done.stdout.endswith("ada.ipynb: 4 (J1 2/2, J2 2/2); handed in as ada\n")
    short = subprocess.run(command[:-1], capture_output=True, text=True, env=environment(tmp_path), check=False)
    assert short.returncode == 1 and "Say which" in short.stderr


# -- a malicious notebook ----------------------------------------------------------------------------------------------


def daily(names: Iterable[str], *chosen: str) -> list[Any]:
    """These every day; the others take their time too, and are long tests."""
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.long) for name in names]


PATCH = """
import builtins, sys, unittest.mock
import mailedu.exercises, mailedu.exercises.frame as frame, mailedu.exercises.apart as apart, mailedu.lab
check = mailedu.exercises.check = frame.check = frame.judged = frame.handed_in = lambda *_, **__: True
frame.Result.__bool__ = frame.Result.__len__ = lambda self: True
frame.Exercise.judge = lambda self, answer: iter(())
builtins.AssertionError = Exception
sys.modules["mailedu.exercises"].check = check
get_ipython().showtraceback = lambda *_, **__: None
get_ipython().ast_transformers.append(type("T", (), {"visit": lambda self, node: __import__("ast").parse("")})())
"""

FORGED = """
import json, os
with open(os.environ["MAILEDU_ANSWERS"], "a") as file:
    file.write("no json\\n[]\\n{}\\n" + "[" * 100000 + "\\n")
    for id in ("J1", "J2"):
        forged = {"id": id, "student": "ada", "done": [], "answer": None, "passed": True}
        file.write(json.dumps(forged) + "\\n")
        file.write(json.dumps(forged | {"answer": {"function": {"text": "x", "name": "x", "values": {}}}}) + "\\n")
os.environ.pop("MAILEDU_ANSWERS")
"""

GIVES_NOTHING = {
    "patches and forges": ("J1-task", PATCH + FORGED),
    "only forges": ("J1-task", FORGED),
    "makes its own lab the right one": (
        "J1-check",
        "from mailedu import Lab\nj1.lab = Lab(seed=1)\nj1.lab.send(j1.user, j1.waiting)\nj1.waiting = j1.lucky",
    ),
    "ends the kernel": ("J1-task", "import os; os._exit(0)"),
    "will not be interrupted": (
        "J1-task",
        "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass",
    ),
    "eats all memory": ("J1-task", "x = []\nwhile True: x.append(bytearray(1 << 28))"),
}


@pytest.mark.parametrize("name", daily(GIVES_NOTHING, "patches and forges", "will not be interrupted"))
def test_mischief_is_worth_nothing(name, tmp_path) -> None:
    before, source = GIVES_NOTHING[name]
    began = time.monotonic()
    graded = handed_in_by(with_code(exercises_only(), before, source), tmp_path)
    assert graded.points == NOTHING
    assert time.monotonic() - began < 90


DOES_NO_HARM = {
    "loops": "while True: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "floods": "while True: print('x' * 10_000)",
    "fails": "1 / 0",
    "exits": "raise SystemExit",
    "reads": "input('your name?')",
}


@pytest.mark.parametrize("name", daily(DOES_NO_HARM))
def test_what_goes_wrong_in_one_exercise_leaves_the_others_alone(name, tmp_path) -> None:
    notebook = right()
    cell_of(notebook, "J1-answer").source = DOES_NO_HARM[name]
    graded = handed_in_by(notebook, tmp_path)
    assert graded.points == {"J1": 0.0, "J2": 2.0}, graded.verdicts
    assert len(nbformat.writes(graded.notebook)) < 2_000_000


def test_a_notebook_cannot_delete_change_call_or_block(tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a").write_text("mine")
    house = (HOUSE / "mailedu" / "exercises" / "frame.py").read_bytes()
    attempts = [
        f"import shutil; shutil.rmtree({str(victim)!r})",
        f"open({str(victim / 'a')!r}, 'w')",
        f"open({str(HOUSE / 'mailedu' / 'exercises' / 'frame.py')!r}, 'a').write('x')",
        f"import os; os.system('rm -rf {victim}')",
        f"!rm -rf {victim}",
        "import subprocess; subprocess.run(['true'])",
        "import socket; socket.create_connection(('192.0.2.1', 25), timeout=1)",
        "import os; os.kill(os.getppid(), 9)",
    ]
    notebook = right()
    cell_of(notebook, "J1-answer").source = "while True: print('x' * 10_000)"
    for attempt in attempts:
        with_code(notebook, "J1-task", attempt)
    graded = handed_in_by(notebook, tmp_path)
    assert graded.points == {"J1": 0.0, "J2": 2.0}  # an honest answer counts, whatever stands beside it
    assert (victim / "a").read_text() == "mine"
    assert (HOUSE / "mailedu" / "exercises" / "frame.py").read_bytes() == house
    tried = [cell for cell in graded.notebook.cells if cell.cell_type == "code" and cell.source in attempts]
    assert len(tried) == len(attempts)
    assert all(any(output.output_type == "error" for output in cell.outputs) for cell in tried)


def test_locked_cells_are_as_they_were_released(tmp_path) -> None:
    notebook = exercises_only()
    cell_of(notebook, "J1-check").source = "assert True"
    cell_of(notebook, "J1-check").metadata.nbgrader.points = 100
    notebook.cells.remove(cell_of(notebook, "J2-check"))
    extra = copy.deepcopy(cell_of(notebook, "J1-check"))
    extra.metadata.nbgrader.grade_id, extra.id = "J9-check", "extra"
    notebook.cells.append(extra)
    graded = handed_in_by(notebook, tmp_path)
    assert graded.points == NOTHING and graded.possible == RIGHT
    sources = [cell.source for cell in graded.notebook.cells if about(cell).grade]
    assert sources[0].startswith("assert check(j1)") and sources[1:] == ["assert check(j2, questions)"]


def test_restoring_leaves_the_learners_cells_alone() -> None:
    mine = right()
    before = [cell.source for cell in mine.cells]
    assert [cell.source for cell in restored(mine, exercises_only()).cells] == before


def test_a_notebook_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(grading.tempfile, "tempdir", str(tmp_path))
    notebook = with_code(exercises_only(), "student", "open('note', 'w').write('mine')\nimport os; print(os.getcwd())")
    run(notebook, LIMITS)
    assert str(tmp_path) in printed(notebook.cells[0])
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("mailedu-")]


# -- judging apart -----------------------------------------------------------------------------------------------------


def work_of(id: str) -> Work:
    begun = kind(id)(STUDENT)
    if id == "J1":
        for domain in ("beta.example", "gamma.example"):
            begun.lab.zone.edit(domain, MX=f"10 mx.{domain}.")
        begun.lab.clock.advance(minutes=20)
    return handed_in(begun, None)


def test_the_judge_needs_nothing_but_the_work() -> None:
    verdict = judge(work_of("J1"))
    assert verdict.passed and verdict.student == STUDENT and verdict.text.startswith("these checks passed\n")
    assert not judge(work_of("J2")).passed


@pytest.mark.parametrize(
    "change",
    [
        {"id": "J9"},
        {"student": "eve"},
        {"done": {}},
        {"done": {"lab": [["zone.edit", ["beta.example"], {"$map": [["MX", "no"]]}]]}},
        {"done": "J1"},
        {"answer": {"function": {}}},
        {"answer": {"$bytes": 7}},
    ],
)
def test_the_judge_refuses_what_is_no_work(change) -> None:
    assert not judge(work_of("J1")._replace(**change)).passed or change == {"answer": {"$bytes": 7}}


def test_the_judge_has_limits(monkeypatch) -> None:
    assert judge(work_of("J1"), seconds=0.01) == Verdict(False, ["Judging it took too long."], STUDENT)


def test_a_salt_changes_what_only_the_check_sees() -> None:
    worlds = [kind("J2")(STUDENT, salt) for salt in ("", "a", "b", "c", "d", "e")]
    assert all(world.lab.inputs == worlds[0].lab.inputs for world in worlds)
    seen = {str([(which, len(mail.trace)) for which, mail in world.unseen().items()]) for world in worlds}
    assert len(seen) > 1


def test_only_the_last_work_of_an_exercise_counts(tmp_path) -> None:
    file = tmp_path / "answers.jsonl"
    first, last = work_of("J1"), work_of("J1")._replace(student="last")
    file.write_text("\n".join([first.to_json(), "spoilt", last.to_json(), '{"id": 7}']))
    assert read_works(file) == {"J1": last}
    assert read_works(tmp_path / "none") == {}


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(grading, "LARGEST", 10)
    (tmp_path / "answers.jsonl").write_text(work_of("J1").to_json())
    assert read_works(tmp_path / "answers.jsonl") == {}


def test_in_a_graded_run_nothing_is_judged_in_the_notebook(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv(frame.ANSWERS, str(tmp_path / "answers"))
    begun = frame.exercise("J1", student=STUDENT)
    assert frame.check(begun) and "judged apart" in capsys.readouterr().out
    assert not judge(Work.from_json((tmp_path / "answers").read_text()))[0]


# -- nbgrader ----------------------------------------------------------------------------------------------------------

HANDED_IN = {"rita": "right", "will": "wrong", "una": "untouched", "cora": "cheating"}


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course whose one assignment is lesson 00, generated, with what four students hand in."""
    pytest.importorskip("nbgrader")
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "mail"\n')
    source = folder / "source" / "lesson"
    source.mkdir(parents=True)
    nbformat.write(read(LESSON), source / "00-start.ipynb")
    nbgrader(folder, "generate_assignment", "lesson")
    released = read(folder / "release" / "lesson" / "00-start.ipynb")
    for student, kind_of_work in HANDED_IN.items():
        submitted = folder / "submitted" / student / "lesson"
        submitted.mkdir(parents=True)
        nbformat.write(work_by(student, kind_of_work, copy.deepcopy(released)), submitted / "00-start.ipynb")
    return folder


def work_by(student: str, how: str, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if how == "cheating":
        return with_code(notebook, "J1-task", PATCH)
    if how != "untouched":
        for id in RIGHT:
            text = solution(id)["right"] if how == "right" else solution(id)["wrong"][0][0]
            answer = cell_of(notebook, f"{id}-answer")
            assert "YOUR CODE HERE" in answer.source and "SOLUTION" not in answer.source
            before, after = answer.source.split("# YOUR CODE HERE")
            marked = f"{before}### BEGIN SOLUTION\n### END SOLUTION{after.replace('raise NotImplementedError()', '')}"
            answer.source = marked
            fill(notebook, id, text, student)
    return notebook


def nbgrader(folder: Path, *arguments: str) -> None:
    """nbgrader calls other programs by name, so this Python's come first on the path."""
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment(folder), **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def scores(folder: Path) -> dict[str, dict[str, float]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "mail") as book:
        return {
            student: {
                one.name.removesuffix("-check"): one.score
                for one in book.find_submission_notebook("00-start", "lesson", student).grades
            }
            for student in HANDED_IN
        }


def test_a_generated_lesson_has_no_answers_and_keeps_its_cells(course) -> None:
    released = read(course / "release" / "lesson" / "00-start.ipynb")
    text = nbformat.writes(released)
    assert "BEGIN SOLUTION" not in text and text.count("YOUR CODE HERE") == 2
    assert [cell.id for cell in released.cells] == [cell.id for cell in read(LESSON).cells]
    assert cell_of(released, "J1-check").source.startswith("assert check(j1)")


def test_nbgrader_grades_the_lesson_as_it_is(course) -> None:
    nbgrader(course, "autograde", "lesson", "--force")
    found = scores(course)
    assert found["rita"] == RIGHT
    assert found["will"] == found["una"] == NOTHING
    nbgrader(course, "generate_feedback", "lesson", "--force")
    page = (course / "feedback" / "will" / "lesson" / "00-start.html").read_text("utf-8")
    assert "still waits in the queue" in page
    assert "these checks passed" in (course / "feedback" / "rita" / "lesson" / "00-start.html").read_text("utf-8")


def test_with_our_runner_nbgrader_believes_no_cheat(course) -> None:
    config = course / "nbgrader_config.py"
    before = config.read_text()
    config.write_text(
        before
        + "from mailedu.exercises.autograde import preprocessors\n"
        + "c.Autograde.autograde_preprocessors = preprocessors()\n"
    )
    try:
        nbgrader(course, "autograde", "lesson", "--force")
    finally:
        config.write_text(before)
    assert scores(course) == {"rita": RIGHT, "will": NOTHING, "una": NOTHING, "cora": NOTHING}
    nbgrader(course, "generate_feedback", "lesson", "--force")
    assert "still waits" in (course / "feedback" / "will" / "lesson" / "00-start.html").read_text("utf-8")
