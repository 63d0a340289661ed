"""The lessons and their solutions, for the tests: read, filled in, and run in a kernel that reaches nobody outside."""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import re
import runpy
import string
import symtable
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from mailedu.exercises.course import LESSONS, Lesson
from mailedu.exercises.frame import Exercise, kind

HOUSE = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((HOUSE / "notebooks").glob("*.ipynb"))
EXERCISES = [id for lesson in LESSONS for id in lesson.exercises]
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUDENT = "ada"


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def notebook_of(id: str) -> Path:
    return HOUSE / "notebooks" / next(lesson.notebook for lesson in LESSONS if id in lesson.exercises)


def solutions(lesson: Lesson) -> dict[str, Any]:
    return runpy.run_path(str(HOUSE / "solutions" / f"{lesson.home}.py"))["SOLUTIONS"]


def solution(id: str) -> dict[str, Any]:
    return next(solutions(lesson) for lesson in LESSONS if id in lesson.exercises).get(id, {})


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def about(cell: NotebookNode) -> SimpleNamespace:
    """What nbgrader has to know of a cell; an empty grade_id where it is none of its business."""
    known = {"grade": False, "solution": False, "locked": False, "task": False, "points": 0, "grade_id": ""}
    return SimpleNamespace(**known | dict(cell.metadata.get("nbgrader", {})))


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if about(cell).grade_id == grade_id)


# -- filling in --------------------------------------------------------------------------------------------------------


def fill(notebook: NotebookNode, id: str, text: str, student: str = STUDENT) -> NotebookNode:
    """The notebook with this answer between the marks, and the student's name typed in."""
    cell = cell_of(notebook, f"{id}-answer")
    cell.source = filled(cell.source, text, kind(id)(student))
    return named(notebook, student)


def named(notebook: NotebookNode, student: str) -> NotebookNode:
    for cell in code_cells(notebook):
        cell.source = re.sub(r"^student = .*$", f"student = {student!r}", cell.source, flags=re.MULTILINE)
    return notebook


def filled(source: str, text: str, exercise: Exercise) -> str:
    """The cell with this text between its marks, at their depth."""
    before, rest = source.split(BEGIN)
    after = rest.split(END)[1]
    indent = re.search(r"[ ]*$", before)[0]
    about_it = {name: value for name, value in vars(exercise).items() if isinstance(value, str)}
    body = textwrap.indent(string.Template(text.strip("\n")).substitute(about_it), indent)
    return f"{before}{BEGIN}\n{body}\n{indent}{END}{after}"


# -- running without a kernel ------------------------------------------------------------------------------------------


def play(id: str, text: str | None, student: str = STUDENT) -> dict[str, Any]:
    """Run the answer cell with this answer (None: as it is in the lesson); what the notebook then holds."""
    notebook = named(read(notebook_of(id)), student)
    if text is not None:
        fill(notebook, id, text, student)
    names: dict[str, Any] = {"__name__": "__main__", "student": student}
    exec("from mailedu.exercises import check, controls, exercise, predict", names)
    cell = cell_of(notebook, f"{id}-answer")
    run_source(cell.source, names, f"<{id} {student}>")
    return names


def run_source(source: str, names: dict[str, Any], file: str) -> Any:
    """Run a cell's text as a notebook does, so that `inspect` finds it; the value of its last line."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    body = ast.parse(source, file).body
    last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), file, "exec"), names)
    return eval(compile(last, file, "eval"), names) if last else None


def judged_by_cell(id: str, text: str | None, student: str = STUDENT) -> Any:
    """What the graded cell's `check(...)` returns for this answer."""
    names = play(id, text, student)
    statement = ast.parse(cell_of(read(notebook_of(id)), f"{id}-check").source).body[0]
    assert isinstance(statement, ast.Assert)
    return eval(ast.unparse(statement.test), names)


# -- running in a kernel -----------------------------------------------------------------------------------------------

GUARD = "import ctypes\nfrom mailedu.exercises.guard import guard\nguard({folder!r}, programs=True)\ndel ctypes, guard"


def run(notebook: NotebookNode, folder: Path, times: int = 1, cells: Iterable[int] | None = None) -> NotebookNode:
    """Run it in a kernel that writes in this folder only, and that can call nobody outside of this machine."""
    client = NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--HistoryManager.hist_file=:memory:"],
    )
    with client.setup_kernel(env=environment(folder)):
        first = notebook.cells[0]
        client.execute_cell(nbformat.v4.new_code_cell(GUARD.format(folder=str(folder))), 0, store_history=False)
        notebook.cells[0] = first  # nbclient has put the other in its place
        for _ in range(times):
            for index in cells if cells is not None else range(len(notebook.cells)):
                if notebook.cells[index].cell_type == "code":
                    client.execute_cell(notebook.cells[index], index)
    return notebook


def guessed(path: Path, folder: Path, guesses: int = 5, until: str = "") -> dict[str, NotebookNode]:
    """The lesson as somebody who always guesses A sees it, cell's id -> cell; `until` is the first that is not run."""
    notebook = read(path)
    for number in range(1, guesses + 1):
        guess = nbformat.v4.new_code_cell(f'guess_{number}.choose("A")')
        notebook.cells.insert(place_of(notebook, f"guess-{number}") + 1, guess)
    run(notebook, folder, cells=range(place_of(notebook, until)) if until else None)
    return {cell.id: cell for cell in code_cells(notebook)}


def place_of(notebook: NotebookNode, id: str) -> int:
    return next(at for at, cell in enumerate(notebook.cells) if cell.id == id)


def environment(folder: Path) -> dict[str, str]:
    """Ours, with this mailedu first, this Python's programs on the path, and a home of its own."""
    changed = {name: str(folder) for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR", "TEMP", "TMP")}
    changed["MAILEDU_PROGRESS"] = str(folder / "progress.json")
    changed["PYTHONPATH"] = os.pathsep.join([str(HOUSE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    changed["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")
    changed["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**os.environ, **changed}


def printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def errors(notebook: NotebookNode) -> dict[str, str]:
    """Cell -> the error that it ended in."""
    return {
        cell.id: output.ename
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error"
    }


# -- what a cell takes from others -------------------------------------------------------------------------------------


def names_of(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell makes for others, names that it uses and others may have made)."""
    top = symtable.symtable(source, "<cell>", "exec")
    made = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported() or one.is_namespace()}
    used = {
        one.get_name()
        for table in tables(top)
        for one in table.get_symbols()
        if one.is_referenced() and (table is top or one.is_global())
    }
    return made, used - set(dir(builtins))


def imported_in(source: str) -> set[str]:
    return {
        (name.asname or name.name).partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from tables(inner)


def in_another_order(notebook: NotebookNode) -> Iterator[int]:
    """The code cells, the last first, but each after those that make what it uses."""
    cells = {index: names_of(cell.source) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    done: set[int] = set()

    def run_first(index: int) -> Iterator[int]:
        if index in done:
            return
        done.add(index)
        made, used = cells[index]
        for earlier in cells:
            if earlier < index and cells[earlier][0] & (used - made):
                yield from run_first(earlier)
        yield index

    for index in reversed(cells):
        yield from run_first(index)
