"""A notebook as somebody handed it in: read with care, or said in one sentence why it cannot be.

What comes back from a class is not always a notebook, nor whole, nor of this lesson; old Jupyters wrote older formats.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.validator import normalize

from ..trace import printable
from .course import LESSONS, Lesson
from .grading import CHECK

MOST = 100_000_000  # octets of a notebook
ANSWER = "-answer"


class Unreadable(Exception):
    """Why it cannot be graded; ``str()`` is a sentence."""


def read_submission(path: Path) -> NotebookNode:
    """The notebook, in today's format."""
    text = text_of(path)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        where = (
            f" (line {wrong.lineno} of {text.count(chr(10)) + 1})" if isinstance(wrong, json.JSONDecodeError) else ""
        )
        raise Unreadable(f"This is no whole notebook: its JSON is broken{where}.") from None
    if not isinstance(told, dict) or not isinstance(told.get("nbformat"), int):
        raise Unreadable("This is JSON, but no Jupyter notebook.")
    if told["nbformat"] > 4:
        raise Unreadable(f"A newer Jupyter wrote this, in format {told['nbformat']}; 4 is what can be read here.")
    return todays(text)


def text_of(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MOST:
            raise Unreadable(f"This has {size:,} octets; a notebook may have {MOST:,}.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"This cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Unreadable("This is no notebook: it is not text in UTF-8.") from None
    if not text.strip():
        raise Unreadable("The file is empty.")
    return text


def todays(text: str) -> NotebookNode:
    """The notebook in format 4.5; what an older Jupyter left out, or gave twice, is mended."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it mends it would tell us too
            notebook: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
            _, notebook = normalize(notebook, strip_invalid_metadata=True)
            nbformat.validate(notebook)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        said = str(wrong).strip().splitlines()[0] if str(wrong).strip() else type(wrong).__name__
        raise Unreadable(f"This is no valid notebook: {printable(said[:200])}") from None
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader")
        if about is not None and not (isinstance(about, dict) and isinstance(about.get("grade_id"), str)):
            del cell.metadata["nbgrader"]
    return notebook


# -- which lesson it is, and what is left of it ------------------------------------------------------------------------


def lesson_in(notebook: NotebookNode, path: Path) -> Lesson:
    """The lesson that most of its exercises are of; without any, the one that the file is called after."""
    ids = exercises_in(notebook)
    counts = Counter({lesson: len(ids & set(lesson.exercises)) for lesson in LESSONS})
    [(lesson, most)] = counts.most_common(1)
    if most:
        return lesson
    for lesson in LESSONS:
        if path.name.startswith(lesson.notebook.removesuffix(".ipynb")):
            raise Unreadable(f"None of the exercises of {lesson.notebook} is in it: their cells are gone.")
    raise Unreadable("This is no lesson of this course: none of its exercises is in it.")


def grade_ids(notebook: NotebookNode) -> list[str]:
    """The names by which a grader knows cells: "J1-answer", "J1-check"."""
    return [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]


def exercises_in(notebook: NotebookNode) -> set[str]:
    """The exercises of which a cell is left."""
    return {id.removesuffix(end) for id in grade_ids(notebook) for end in (ANSWER, CHECK) if id.endswith(end)}


def remarks(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """What is unusual in it, in sentences: cells that are missing, there twice, changed, or of another version."""
    said = []
    wanted, there = grade_ids(released), Counter(grade_ids(notebook))
    known = {id.removesuffix(ANSWER).removesuffix(CHECK) for id in wanted}
    if missing := [id for id in wanted if not there[id]]:
        said.append(f"Missing cells: {', '.join(missing)}.")
    if twice := [id for id in wanted if there[id] > 1]:
        said.append(f"Cells that are there more than once: {', '.join(twice)}.")
    if others := sorted(exercises_in(notebook) - known):
        said.append(f"Exercises that this lesson does not have: {', '.join(others)}. Was it another version?")
    if changed := changed_checks(notebook, released):
        said.append(f"Locked cells that are not as they were released, and were put back: {', '.join(changed)}.")
    return said


def changed_checks(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """The locked cells whose text is another than in the lesson."""
    before, after = locked(released), locked(notebook)
    return [id for id, source in after.items() if id in before and before[id].strip() != source.strip()]


def locked(notebook: NotebookNode) -> dict[str, str]:
    """A locked cell's name -> its text."""
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("locked")]
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}
