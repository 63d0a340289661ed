"""Every lesson: a clean file; it runs from top to bottom, twice, and in another order; it reaches nobody outside."""

from __future__ import annotations

import random
import re
import time

import nbformat
import pytest
from lessons import (
    HOUSE,
    NOTEBOOKS,
    about,
    code_cells,
    errors,
    imported_in,
    in_another_order,
    names_of,
    read,
    run,
)

from mailedu.exercises.course import LESSONS
from mailedu.rules import standards

every_lesson = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
LONGEST = 60  # seconds for two runs of a lesson


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_lessons_are_those_of_the_map() -> None:
    assert [path.name for path in NOTEBOOKS] == [lesson.notebook for lesson in LESSONS]


@every_lesson
def test_a_lesson_is_a_clean_file(path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in code_cells(notebook):
        assert cell.outputs == [] and cell.execution_count is None, f"{cell.id} was committed with its output"
        assert not {"collapsed", "ExecuteTime", "execution"} & set(cell.metadata)
    assert path.read_bytes().endswith(b"}\n") and b"\r" not in path.read_bytes()


@every_lesson
def test_cells_have_ids_that_somebody_chose(path) -> None:
    ids = [cell.id for cell in read(path).cells]
    assert len(ids) == len(set(ids))
    drawn = [id for id in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}", id)]
    assert not drawn, f"these ids are Jupyter's dice: {drawn}; name the cells in the file"


@every_lesson
def test_a_lesson_begins_with_its_number_and_title(path) -> None:
    lesson = next(one for one in LESSONS if one.notebook == path.name)
    assert read(path).cells[0].source.splitlines()[0] == f"# {lesson.number} · {lesson.title}"


@every_lesson
def test_a_lesson_has_its_beat(path) -> None:
    notebook = read(path)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for part in ("**Time:**", "After this lesson you can", "## Your turn", "## What to remember", "**Recap.**"):
        assert part in text, f"{part} is missing"
    assert text.count("<details><summary>") >= 3  # the recap's questions
    code = "\n".join(cell.source for cell in code_cells(notebook))
    guesses = set(re.findall(r"(\w+) = predict\(", code))
    assert 3 <= len(guesses) <= 5
    assert guesses == set(re.findall(r"(\w+)\.reveal\(", code))


@every_lesson
def test_a_guess_is_asked_before_the_run_and_revealed_after_it(path) -> None:
    cells = code_cells(read(path))
    for index, cell in enumerate(cells):
        for guess in re.findall(r"(\w+)\.reveal\(", cell.source):
            asked = next(n for n, one in enumerate(cells) if f"{guess} = predict(" in one.source)
            assert asked < index - 1, f"nothing runs between {guess} and its reveal"
            assert cell.metadata["jupyter"]["source_hidden"], f"the reveal of {guess} lies open"


@every_lesson
def test_a_cell_is_short_and_prints_without_a_widget(path) -> None:
    for cell in code_cells(read(path)):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 14 or "reveal(" in cell.source, f"{cell.id} has {len(lines)} lines"
        assert not re.search(r"^[%!]|get_ipython", cell.source, re.MULTILINE), f"{cell.id} only runs in IPython"


@every_lesson
def test_a_section_that_is_named_is_of_a_standard_we_know(path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells)
    cited = re.findall(r"RFC (\d+)((?:,? (?:and )?§[\d.]+)*)", text)
    assert cited
    for number, _ in cited:
        assert number in standards(), f"RFC {number} is not in rules/standards.toml"
    for number, _ in re.findall(r"(\d{4}) (§[\d.]+)", text):
        assert number in standards()


@every_lesson
def test_what_a_cell_takes_from_others_is_made_in_one_place(path) -> None:
    """So it does not matter in which order one runs the sections."""
    made: dict[str, list[str]] = {}
    for cell in code_cells(read(path)):
        for name in names_of(cell.source)[0] - imported_in(cell.source):
            made.setdefault(name, []).append(cell.id)
    for cell in code_cells(read(path)):
        names, used = names_of(cell.source)
        for name in used - names:
            assert len(made.get(name, [])) <= 1, f"{cell.id} uses {name}, which {made[name]} make"


def test_where_the_lessons_are_named_they_are_there() -> None:
    for path in (HOUSE / "README.md", *(HOUSE / "docs").glob("*.md")):
        for name in re.findall(r"notebooks/(\d\d-[\w-]+\.ipynb)", path.read_text("utf-8")):
            is_there = (HOUSE / "notebooks" / name).is_file()
            assert is_there or name == "98-example.ipynb", (
                f"{path.name} names {name}"
            )  # docs/writing-lessons.md makes it


# -- running -----------------------------------------------------------------------------------------------------------


@every_lesson
def test_a_lesson_runs_twice_from_top_to_bottom(path, tmp_path) -> None:
    began = time.monotonic()
    notebook = run(read(path), tmp_path, times=2)
    checks = {cell.id for cell in code_cells(notebook) if about(cell).grade}
    assert errors(notebook) == dict.fromkeys(checks, "AssertionError")  # untouched, every exercise is open
    assert time.monotonic() - began < LONGEST


@every_lesson
def test_a_lesson_runs_in_another_order(path, tmp_path) -> None:
    notebook = read(path)
    order = list(in_another_order(notebook))
    assert sorted(order) == [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    assert order != sorted(order)
    run(notebook, tmp_path, cells=order)
    checks = {cell.id for cell in code_cells(notebook) if about(cell).grade}
    assert set(errors(notebook)) == checks


def test_the_kernel_of_these_tests_reaches_nobody_outside(tmp_path) -> None:
    """The test of the tests: what would call somebody, or write elsewhere, fails there."""
    calls = [
        "import socket; socket.create_connection(('192.0.2.1', 25), timeout=1)",
        "import socket; socket.getaddrinfo('mx.beta.example', 25)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.53', 53))",
        f"open({str(tmp_path.parent / 'elsewhere')!r}, 'w')",
    ]
    cells = [nbformat.v4.new_code_cell(call, metadata={"tags": ["raises-exception"]}) for call in calls]
    notebook = run(nbformat.v4.new_notebook(cells=cells), tmp_path)
    assert list(errors(notebook).values()) == ["PermissionError"] * len(calls)


def test_another_order_is_another_order_for_any_notebook() -> None:
    dice = random.Random(7)
    for _ in range(50):
        sources = [
            f"a{n} = 1 " + " ".join(f"+ a{dice.randrange(n)}" for _ in range(dice.randrange(3)) if n) for n in range(9)
        ]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        names: dict[str, object] = {}
        for index in in_another_order(notebook):
            exec(sources[index], names)
        assert {f"a{n}" for n in range(9)} <= set(names)
