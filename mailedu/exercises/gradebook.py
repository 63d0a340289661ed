"""Grades into nbgrader's own gradebook, so that its tools go on from there: feedback, export, its web pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from ..acts import LabError
from .classroom import GRADED, Grade, Submission
from .grading import CHECK

FILE = "gradebook.db"


def open_gradebook(course: Path) -> Any:
    """The gradebook of an nbgrader course; LabError where there is none."""
    if not (course / FILE).is_file():
        raise LabError(f"{course} has no {FILE}: name the folder of an nbgrader course, or leave --gradebook out.")
    try:
        from nbgrader.api import Course, Gradebook  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise LabError("nbgrader is not installed: pip install 'mailedu[class]'.") from None
    url = f"sqlite:///{(course / FILE).resolve()}"
    with Gradebook(url) as book:
        ids = [one.id for one in book.db.query(Course).all() if one.assignments]
    return Gradebook(url, ids[0] if ids else "default_course")


def enter(book: Any, grades: Sequence[tuple[Submission, Grade]]) -> list[str]:
    """Put these into the gradebook; what nbgrader does not know, in sentences."""
    from nbgrader.api import MissingEntry

    missing = []
    for one, grade in grades:
        name = one.path.stem
        try:
            book.find_notebook(name, one.assignment)
        except MissingEntry:
            missing.append(f"{grade.notebook}: nbgrader has no notebook {name} in an assignment {one.assignment!r}.")
            continue
        if grade.state != GRADED:
            continue
        book.update_or_create_student(one.student)
        book.update_or_create_submission(one.assignment, one.student)
        for entry in book.find_submission_notebook(name, one.assignment, one.student).grades:
            id = entry.name.removesuffix(CHECK)
            if id in grade.points:
                entry.auto_score, entry.needs_manual_grade = grade.points[id], False
    book.db.commit()
    return missing


def put_aside(course: Path, one: Submission, notebook: NotebookNode) -> None:
    """The graded notebook where nbgrader looks for it when it writes feedback."""
    folder = course / "autograded" / one.student / one.assignment
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / one.path.name)  # type: ignore[no-untyped-call]
