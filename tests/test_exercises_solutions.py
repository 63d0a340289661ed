"""Every exercise is whole: the right answer passes, an untouched cell fails, each wrong answer is told apart."""

from __future__ import annotations

import ast

import pytest
from lessons import (
    BEGIN,
    END,
    EXERCISES,
    HOUSE,
    NOTEBOOKS,
    about,
    cell_of,
    code_cells,
    errors,
    fill,
    filled,
    judged_by_cell,
    notebook_of,
    printed,
    read,
    run,
    solution,
    solutions,
)

from mailedu.exercises.course import LESSONS
from mailedu.exercises.frame import Exercise, kind

STUDENTS = ["ada", "Zoë Ångström", ""]
WRONG = [(id, number) for id in EXERCISES for number, _ in enumerate(solution(id).get("wrong", []))]
every_exercise = pytest.mark.parametrize("id", EXERCISES)


@pytest.fixture(autouse=True)
def no_progress(monkeypatch) -> None:
    monkeypatch.setenv("MAILEDU_PROGRESS", "")


# -- an exercise without all this does not pass ------------------------------------------------------------------------


@every_exercise
def test_an_exercise_is_whole(id) -> None:
    made = kind(id)
    assert issubclass(made, Exercise) and made.__doc__
    assert made.title and made.minutes > 0 and len(made.hints) >= 2
    answers = solution(id)
    assert answers["right"].strip()
    assert len(answers["wrong"]) >= 2, f"{id} needs two plausible wrong answers"
    assert len({text for text, _ in answers["wrong"]}) == len(answers["wrong"])
    assert all(words.strip() for _, words in answers["wrong"])


@every_exercise
def test_an_exercise_has_its_two_cells_in_the_lesson(id) -> None:
    notebook = read(notebook_of(id))
    answer, check = cell_of(notebook, f"{id}-answer"), cell_of(notebook, f"{id}-check")
    assert notebook.cells.index(answer) < notebook.cells.index(check)
    told = about(answer)
    assert (told.solution, told.grade, told.locked, told.task) == (True, False, False, False)
    assert answer.source.count(BEGIN) == answer.source.count(END) == 1
    assert f'{id.lower()} = exercise("{id}", student=student)' in answer.source.split(BEGIN)[0]
    told = about(check)
    assert (told.solution, told.grade, told.locked, told.task) == (False, True, True, False)
    assert told.points > 0 and told.schema_version == 3
    (statement,) = ast.parse(check.source).body
    assert isinstance(statement, ast.Assert) and ast.unparse(statement.test).startswith(f"check({id.lower()}")
    assert "raises-exception" in check.metadata.tags  # or Run All would stop at the first open exercise


def test_the_map_the_modules_the_solutions_and_the_notebooks_name_the_same_exercises() -> None:
    for lesson in LESSONS:
        module = __import__(f"mailedu.exercises.{lesson.home}", fromlist=["*"])
        made = {name for name, it in vars(module).items() if isinstance(it, type) and issubclass(it, Exercise)}
        assert made - {"Exercise"} == set(lesson.exercises)
        assert set(solutions(lesson)) == set(lesson.exercises)
        cells = [about(cell).grade_id for cell in code_cells(read(HOUSE / "notebooks" / lesson.notebook))]
        graded = [id for id in cells if id]
        assert sorted(graded) == sorted(f"{id}-{part}" for id in lesson.exercises for part in ("answer", "check"))
    assert len(EXERCISES) == len(set(EXERCISES))
    files = {path.stem for path in (HOUSE / "solutions").glob("*.py")}
    assert files == {lesson.home for lesson in LESSONS}
    assert len(NOTEBOOKS) == len(LESSONS)


def test_no_lesson_gives_its_answers_away() -> None:
    for id in EXERCISES:
        text = "\n".join(cell.source for cell in read(notebook_of(id)).cells)
        assert solution(id)["right"].strip() not in text


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS)
@every_exercise
def test_the_right_answer_passes(id, student) -> None:
    result = judged_by_cell(id, solution(id)["right"], student)
    assert result and "these checks passed" in str(result), str(result)


@pytest.mark.parametrize("student", STUDENTS)
@every_exercise
def test_the_untouched_cell_fails(id, student) -> None:
    assert not judged_by_cell(id, None, student)


@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("id, number", WRONG, ids=lambda value: str(value))
def test_each_wrong_answer_is_told_apart(id, number, student) -> None:
    text, words = solution(id)["wrong"][number]
    result = judged_by_cell(id, text, student)
    assert not result
    assert words in " ".join(str(result).split()), str(result)
    others = [other for at, (_, other) in enumerate(solution(id)["wrong"]) if at != number]
    assert not [other for other in others if other in " ".join(str(result).split())]


@pytest.mark.long
@pytest.mark.timeout(1800)
@every_exercise
def test_the_answers_are_judged_alike_for_a_whole_class(id) -> None:
    for number in range(150):
        student = f"student {number}"
        assert judged_by_cell(id, solution(id)["right"], student), student
        assert not judged_by_cell(id, None, student), student
        for text, words in solution(id)["wrong"]:
            assert words in " ".join(str(judged_by_cell(id, text, student)).split()), (student, words)


def test_a_copied_answer_is_worth_nothing_where_worlds_differ() -> None:
    """Eve hands in what Ada wrote for her own world."""
    ada = kind("J2")("ada")
    eve = next(f"eve {number}" for number in range(99) if kind("J2")(f"eve {number}").host != ada.host)
    copied = filled(cell_of(read(notebook_of("J2")), "J2-answer").source, solution("J2")["right"], ada)
    text = copied.split(BEGIN)[1].split(END)[0].strip()
    assert judged_by_cell("J2", text, "ada")
    assert not judged_by_cell("J2", text, eve)


# -- in the lesson -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_with_the_right_answers_filled_in_a_lesson_runs_without_an_error(path, tmp_path) -> None:
    notebook = read(path)
    ids = next(lesson.exercises for lesson in LESSONS if lesson.notebook == path.name)
    for id in ids:
        fill(notebook, id, solution(id)["right"])
    run(notebook, tmp_path)
    assert errors(notebook) == {}
    for id in ids:
        assert "these checks passed" in printed(cell_of(notebook, f"{id}-check"))
    assert (tmp_path / "progress.json").is_file()
