"""A class's work: 30 students through nbgrader's gradebook, what comes back spoilt, and a run that is stopped."""

from __future__ import annotations

import copy
import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from click.testing import CliRunner
from lessons import HOUSE, cell_of, environment, fill, read, solution
from test_exercises_grading import FORGED, LESSON, NOTHING, PATCH, RIGHT, exercises_only, nbgrader, with_code

from mailedu.cli import main
from mailedu.exercises import classroom, gradepages, grading
from mailedu.exercises.classroom import GRADED, NOT_GRADED, UNREADABLE, Grade, Room, grade_class, submissions
from mailedu.exercises.course import LESSONS
from mailedu.exercises.frame import kind
from mailedu.exercises.needless import names_of, needless
from mailedu.exercises.submission import Unreadable, lesson_in, read_submission, remarks

J1_ONLY = {"J1": 2.0, "J2": 0.0}


@pytest.fixture(autouse=True)
def no_progress(monkeypatch) -> None:
    monkeypatch.setenv("MAILEDU_PROGRESS", "")


@pytest.fixture
def short_lesson(tmp_path_factory, monkeypatch) -> Path:
    """Lesson 00 is its exercises alone, so that a run takes little time; its folder."""
    folder = tmp_path_factory.mktemp("lessons")
    nbformat.write(exercises_only(), folder / "00-start.ipynb")
    monkeypatch.setattr("mailedu.exercises.course.PLACES", [folder])
    return folder


def work_of(how: str, student: str) -> nbformat.NotebookNode:
    """What a student of this kind hands in."""
    notebook = exercises_only()
    if how == "right":
        for id in RIGHT:
            fill(notebook, id, solution(id)["right"], student)
    elif how == "half":
        fill(notebook, "J1", solution("J1")["right"], student)
    elif how == "wrong":
        for id in RIGHT:
            fill(notebook, id, solution(id)["wrong"][0][0], student)
    elif how != "untouched":
        with_code(notebook, "J1-task", MISCHIEF[how])
    return notebook


MISCHIEF = {
    "patches": PATCH,
    "forges": FORGED,
    "exits": "import os; os._exit(0)",
    "writes": "open('/tmp/mailedu-was-here', 'w')\nimport shutil; shutil.rmtree('/', ignore_errors=True)",
    "always equal": "class Yes(str):\n    __eq__ = lambda *_: True\n    __hash__ = str.__hash__\nstudent = Yes('ada')",
}
POINTS = {"right": RIGHT, "half": J1_ONLY} | dict.fromkeys(["wrong", "untouched", *MISCHIEF], NOTHING)
CLASS = {
    f"{how.replace(' ', '-')}-{number}": how for how in ("right", "half", "wrong", "untouched") for number in range(5)
}
CLASS |= {f"{how.replace(' ', '-')}-{number}": how for how in MISCHIEF for number in range(2)}


def hand_in(folder: Path, **works: nbformat.NotebookNode) -> Path:
    """ada="..." becomes folder/ada.ipynb."""
    folder.mkdir(exist_ok=True)
    for student, notebook in works.items():
        nbformat.write(notebook, folder / f"{student}.ipynb")
    return folder


def graded(*words: object) -> tuple[int, dict[str, dict], str]:
    """(exit code, student -> grade, what was said of trouble) of the command."""
    done = CliRunner().invoke(main, ["grade", *map(str, words), "--json"])
    told = json.loads(done.stdout) if done.stdout else {"grades": []}
    return done.exit_code, {grade["student"]: grade for grade in told["grades"]}, done.stderr


# -- a class of thirty, in an nbgrader course --------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, short_lesson) -> Path:
    """An nbgrader course with its assignment generated, and what thirty students hand in."""
    pytest.importorskip("nbgrader")
    folder = tmp_path / "course"
    source = folder / "source" / "lesson"
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "mail"\n')
    nbformat.write(exercises_only(), source / "00-start.ipynb")
    nbgrader(folder, "generate_assignment", "lesson")
    for student, how in CLASS.items():
        submitted = folder / "submitted" / student / "lesson"
        submitted.mkdir(parents=True)
        nbformat.write(work_of(how, student), submitted / "00-start.ipynb")
    return folder


def test_a_class_of_thirty_gets_the_grades_that_it_deserves(course) -> None:
    assert len(CLASS) == 30
    code, grades, _ = graded(course, "--gradebook", "--jobs", 2)
    assert code == 0
    assert {student: grade["points"] for student, grade in grades.items()} == {
        s: POINTS[how] for s, how in CLASS.items()
    }
    assert not Path("/tmp/mailedu-was-here").exists()
    assert in_gradebook(course) == {student: POINTS[how] for student, how in CLASS.items()}
    rows = list(csv.DictReader((course / "mailedu-grades" / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert [row["student"] for row in rows] == sorted(CLASS)
    assert Counter(row["score"] for row in rows) == {"4": 5, "2": 5, "0": 20}
    page = (course / "mailedu-grades" / "students" / "wrong-1.html").read_text("utf-8")
    assert "0 of 4 points" in page and kind("J1").title in page
    nbgrader(course, "generate_feedback", "lesson", "--student", "wrong-1")
    assert "not yet" in (course / "feedback" / "wrong-1" / "lesson" / "00-start.html").read_text("utf-8")


def in_gradebook(course: Path) -> dict[str, dict[str, float]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mail") as book:
        return {
            student: {
                one.name.removesuffix("-check"): one.score
                for one in book.find_submission_notebook("00-start", "lesson", student).grades
            }
            for student in CLASS
        }


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_nbgraders_own_autograde_gives_the_same_class_the_same_grades(course) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("from mailedu.exercises.autograde import preprocessors\n")
        config.write("c.Autograde.autograde_preprocessors = preprocessors()\n")
    command = [sys.executable, "-m", "nbgrader", "autograde", "lesson"]
    done = subprocess.run(command, cwd=course, env=environment(course), capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stderr[-3000:]
    assert in_gradebook(course) == {student: POINTS[how] for student, how in CLASS.items()}


def test_a_folder_without_a_gradebook_is_told_so(tmp_path, short_lesson) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("right", "ada"))
    code, _, said = graded(folder, "--gradebook")
    assert code == 2 and "has no gradebook.db" in said


# -- again, and stopped ------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch) -> list[str]:
    """The notebooks that were really run, by the name typed in them; nothing runs: each gets J1's points."""
    ran: list[str] = []

    def grade_by(judging, notebook, released, limits):
        student = re.search(r"^student = ['\"](.*)['\"]", "\n".join(cell.source for cell in notebook.cells), re.M)[1]
        ran.append(student)
        verdicts = {"J1": grading.Verdict(True, ["Right."], student), "J2": grading.Verdict(False, ["No."], student)}
        return grading.Graded(notebook, verdicts, dict(J1_ONLY), dict(RIGHT))

    monkeypatch.setattr(classroom, "grade_by", grade_by)
    return ran


def test_a_second_run_grades_only_what_is_new_or_has_changed(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"), bob=work_of("half", "bob"))
    assert graded(folder)[0] == 0 and sorted(runs) == ["ada", "bob"]
    assert graded(folder)[1]["ada"]["points"] == J1_ONLY and len(runs) == 2
    hand_in(folder, bob=work_of("right", "bob"), cyd=work_of("right", "cyd"))
    assert set(graded(folder)[1]) == {"ada", "bob", "cyd"} and sorted(runs[2:]) == ["bob", "cyd"]
    graded(folder, "--again")
    assert sorted(runs[4:]) == ["ada", "bob", "cyd"]
    graded(folder, "--salt", "other")
    assert len(runs) == 10


def test_a_full_disk_stops_it_and_what_was_graded_is_kept(tmp_path, short_lesson, runs, monkeypatch) -> None:
    folder = hand_in(tmp_path / "in", **{name: work_of("half", name) for name in ("ada", "bob", "cyd", "dee")})
    keep, kept = Room.keep, []

    def full(room: Room, grade: Grade) -> None:
        if len(kept) == 2:
            raise OSError(28, "No space left on device")
        kept.append(grade.student)
        keep(room, grade)

    monkeypatch.setattr(Room, "keep", full)
    code, grades, said = graded(folder, "--jobs", 1)
    assert code == 1 and "No space left on device. 2 grades are kept" in said and len(grades) == 2
    monkeypatch.setattr(Room, "keep", keep)
    before = list(runs)
    code, grades, said = graded(folder, "--jobs", 1)
    assert code == 0 and len(grades) == 4
    assert not set(runs[len(before) :]) & set(kept)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_disk_that_is_really_full(tmp_path) -> None:
    """No file may grow: what cannot be written leaves nothing half written behind."""
    script = (
        "import resource, signal; from pathlib import Path; from mailedu.exercises.classroom import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"room = Room(Path('.'), Path({str(tmp_path)!r}))\n"
        "room.keep(Grade('ada', '00', 'ada.ipynb', GRADED, {'J1': 2.0}))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try: room.keep(Grade('ada', '00', 'ada.ipynb', GRADED, {'J1': 0.0}))\n"
        "except OSError as why: print('stopped:', why.strerror)\n"
        "print(room.kept('ada', '00', 'ada.ipynb').points)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.splitlines() == ["stopped: File too large", "{'J1': 2.0}"], done.stderr
    assert [path.name for path in (tmp_path / "results" / "00").iterdir()] == ["ada.json"]


def test_a_run_that_failed_for_reasons_of_ours_is_told_and_tried_again(
    tmp_path, short_lesson, runs, monkeypatch
) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"))
    works = classroom.grade_by

    def no_room(*_: object) -> grading.Graded:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(classroom, "grade_by", no_room)
    code, grades, _ = graded(folder)
    assert code == 1 and grades["ada"]["state"] == NOT_GRADED and "No space left" in grades["ada"]["remarks"][-1]
    monkeypatch.setattr(classroom, "grade_by", works)
    assert graded(folder)[1]["ada"]["state"] == GRADED and runs == ["ada"]


def test_stopped_by_ctrl_c_it_goes_on_from_there(tmp_path, short_lesson, runs, monkeypatch) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"), bob=work_of("half", "bob"))
    whole = classroom.grade_class

    def stopped(*given: object) -> Iterator[Grade]:
        yield next(whole(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(classroom, "grade_class", stopped)
    code, grades, said = graded(folder, "--jobs", 1)
    assert code == 1 and len(grades) == 1 and "Stopped. 1 grades are kept" in said
    monkeypatch.setattr(classroom, "grade_class", whole)
    assert len(graded(folder)[1]) == 2 and Counter(runs)[next(iter(grades))] == 1


def test_what_is_kept_and_spoilt_is_made_again(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"))
    graded(folder)
    [file] = (folder / "mailedu-grades" / "results" / "00").iterdir()
    for spoilt in ("", "[]", "{}", '{"student": "ada", "points": 7}', "\x00"):
        file.write_text(spoilt)
        assert graded(folder)[1]["ada"]["points"] == J1_ONLY
    assert len(runs) == 6


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_no_folder_and_no_notebook(tmp_path, short_lesson) -> None:
    assert "There is no folder" in graded(tmp_path / "nowhere")[2]
    assert "There is no notebook in" in graded(tmp_path)[2]
    assert "has the lessons themselves" in graded(short_lesson)[2]
    assert "There is no lesson '77'" in graded(tmp_path, "--lesson", 77)[2]


def broken() -> dict[str, tuple[bytes, str]]:
    """Name -> (a file, what is said of it)."""
    whole = nbformat.writes(exercises_only()).encode()
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    gone = exercises_only()
    gone.cells = [cell for cell in gone.cells if "nbgrader" not in cell.metadata]
    newer = json.loads(whole) | {"nbformat": 5}
    return {
        "empty": (b"", "The file is empty."),
        "cut": (whole[: len(whole) // 2], "its JSON is broken (line "),
        "picture": (b"\x89PNG\r\n\x1a\n\xff", "it is not text in UTF-8"),
        "list": (b"[1, 2]", "no Jupyter notebook"),
        "deep": (b"[" * 200_000, "its JSON is broken"),
        "cells-7": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "no valid notebook"),
        "no-type": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "no valid notebook"),
        "newer": (json.dumps(newer).encode(), "A newer Jupyter wrote this, in format 5"),
        "other": (nbformat.writes(other).encode(), "no lesson of this course"),
        "00-start": (nbformat.writes(gone).encode(), "None of the exercises of 00-start.ipynb is in it"),
    }


def test_what_is_no_lesson_is_said_in_a_sentence_and_the_others_are_graded(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"))
    for name, (octets, _) in broken().items():
        (folder / f"{name}.ipynb").write_bytes(octets)
    (folder / "gone.ipynb").symlink_to(folder / "nowhere")
    code, grades, _ = graded(folder)
    assert code == 1 and grades.pop("ada")["state"] == GRADED
    assert "cannot be read: No such file" in grades.pop("gone")["remarks"][0]
    for name, (_, sentence) in broken().items():
        assert grades[name]["state"] == UNREADABLE and sentence in grades[name]["remarks"][0], (name, grades[name])
    rows = list(csv.DictReader((folder / "mailedu-grades" / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert {row["score"] for row in rows if row["state"] == UNREADABLE} == {""}


def test_a_notebook_cut_anywhere_is_read_or_said_to_be_broken(tmp_path) -> None:
    whole = nbformat.writes(exercises_only()).encode()
    for at in range(0, len(whole), 97):
        (tmp_path / "x.ipynb").write_bytes(whole[:at])
        with pytest.raises(Unreadable):
            read_submission(tmp_path / "x.ipynb")


def test_an_older_jupyters_notebook_is_graded(tmp_path, short_lesson, runs) -> None:
    """Before 4.5 cells had no ids; format 3 had worksheets."""
    notebook = work_of("half", "ada")
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 2
    folder = hand_in(tmp_path / "in")
    (folder / "ada.ipynb").write_text(json.dumps(notebook))
    three = nbformat.convert(copy.deepcopy(work_of("half", "old")), 3)
    (folder / "old.ipynb").write_text(json.dumps(three))
    code, grades, _ = graded(folder)
    assert code == 0 and {grade["state"] for grade in grades.values()} == {GRADED}


def test_missing_doubled_and_changed_cells_are_remarked(tmp_path, short_lesson, runs) -> None:
    notebook = work_of("half", "ada")
    notebook.cells.remove(cell_of(notebook, "J2-answer"))
    twin = copy.deepcopy(cell_of(notebook, "J1-answer"))
    notebook.cells.append(twin)  # with the same id too
    cell_of(notebook, "J1-check").source = "assert True"
    stranger = copy.deepcopy(cell_of(notebook, "J1-answer"))
    stranger.metadata.nbgrader.grade_id = "J9-answer"
    notebook.cells.append(stranger)
    folder = hand_in(tmp_path / "in")
    (folder / "ada.ipynb").write_text(json.dumps(notebook))
    said = " ".join(graded(folder)[1]["ada"]["remarks"])
    assert "Missing cells: J2-answer." in said
    assert "more than once: J1-answer." in said
    assert "not as they were released, and were put back: J1-check." in said
    assert "this lesson does not have: J9. Was it another version?" in said


def test_two_notebooks_of_one_lesson_are_for_the_teacher_to_choose(tmp_path, short_lesson, runs) -> None:
    folder = tmp_path / "in"
    for name in ("00-start", "00-start-Copy1"):
        hand_in(folder)
        (folder / "ada").mkdir(exist_ok=True)
        nbformat.write(work_of("half", "ada"), folder / "ada" / f"{name}.ipynb")
    hand_in(folder, bob=work_of("half", "bob"))
    done = CliRunner().invoke(main, ["grade", str(folder)])
    assert done.exit_code == 1 and done.output.count("more than once (00-start-Copy1.ipynb, 00-start.ipynb)") == 2
    assert runs == ["bob"]


def test_the_same_name_typed_by_two_is_told(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"), bob=work_of("half", "ada"))
    said = CliRunner().invoke(main, ["grade", str(folder)]).output
    assert "In lesson 00 these typed the same name (ada), and so had the same exercises: ada, bob." in said
    other = [Grade(name, lesson, "x", GRADED, typed=["ada"]) for name, lesson in (("ada", "00"), ("bob", "08"))]
    assert classroom.same_name(other) == []


def test_a_lesson_that_was_not_asked_for_is_told(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"))
    assert (
        "This is lesson 00, where lesson 08 was asked for" in graded(folder, "--lesson", "08")[1]["ada"]["remarks"][0]
    )


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_hostile_name_is_text_in_the_page_and_no_formula_in_the_table(tmp_path) -> None:
    names = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "Zoë & Ünal"]
    grades = [
        Grade(name, "00", "x.ipynb", GRADED, {"J1": 2.0}, {"J1": 2.0}, {"J1": [f"<b>{name}</b>"]}) for name in names
    ]
    gradepages.write_all(grades, tmp_path)
    pages = [path.read_text("utf-8") for path in tmp_path.rglob("*.html")]
    assert len(pages) == 4 and not any("<script>" in page or "<b><" in page for page in pages)
    assert not any(line.startswith("=") for line in (tmp_path / "grades.csv").read_text("utf-8-sig").splitlines())
    index = (tmp_path / "index.html").read_text("utf-8")
    for link in re.findall(r'href="students/([^"]+)"', index):
        assert (tmp_path / "students" / unquote(link)).is_file()


def test_folders_of_three_kinds(tmp_path) -> None:
    for name in (
        "in/ada.ipynb",
        "in/bob/00-start.ipynb",
        "in/.ipynb_checkpoints/x.ipynb",
        "nb/submitted/cyd/one/a.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "nb" / "release").mkdir()
    (tmp_path / "nb" / "release" / "a.ipynb").write_text("")
    assert [one.student for one in submissions(tmp_path / "in")] == ["ada", "bob"]
    assert [(one.student, one.assignment) for one in submissions(tmp_path / "nb")] == [("cyd", "one")]


def test_every_lesson_knows_itself() -> None:
    for lesson in LESSONS:
        path = HOUSE / "notebooks" / lesson.notebook
        notebook = read_submission(path)
        assert lesson_in(notebook, path) == lesson and not remarks(notebook, read(path))


def test_grades_come_as_they_get_ready(tmp_path, short_lesson, runs) -> None:
    folder = hand_in(tmp_path / "in", ada=work_of("half", "ada"), bob=work_of("half", "bob"))
    room = Room(folder, tmp_path / "out")
    coming = grade_class(room, submissions(folder), 1)
    first = next(coming)
    assert room.kept(first.student, "00", first.notebook) == first
    coming.close()


# -- what a graded run leaves out --------------------------------------------------------------------------------------


def test_a_graded_run_leaves_out_only_the_walk_that_nobody_needs() -> None:
    for lesson in LESSONS:
        clean = read(HOUSE / "notebooks" / lesson.notebook)
        left = {clean.cells[place].id for place in needless(clean, clean)}
        start = [cell.id for cell in clean.cells].index("student")
        assert left <= {cell.id for cell in clean.cells[:start]}
        assert len(left) >= 3, f"lesson {lesson.number}: {left}"
        needed = {
            cell.id
            for cell in clean.cells
            if re.search(r"import .*\bcheck\b", cell.source) or "nbgrader" in cell.metadata
        }
        assert not left & needed


def test_a_walk_that_is_used_or_changed_is_run() -> None:
    clean = read(LESSON)
    walk = [place for place in sorted(needless(clean, clean)) if names_of(clean.cells[place].source)[0]]
    place, made = walk[0], sorted(names_of(clean.cells[walk[0]].source)[0])
    users = copy.deepcopy(clean)
    users.cells.append(nbformat.v4.new_code_cell(f"def f():\n    return {made[0]}"))
    assert place not in needless(users, clean)
    changed = copy.deepcopy(clean)
    changed.cells[place].source += "\nmine = 1"
    assert place not in needless(changed, clean)
    slip = copy.deepcopy(clean)
    slip.cells.append(nbformat.v4.new_code_cell("%time 1"))
    assert needless(slip, clean) == set()
