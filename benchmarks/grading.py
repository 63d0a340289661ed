"""Grading a class: `mailedu grade` on many submissions of a whole lesson, two at a time.

What counts is processor time, which other work on the machine does not change much; the clock's time is shown beside
it. MAILEDU_SUBMISSIONS says how many; 300 of them are the class that five minutes on two cores are meant for.
"""

from __future__ import annotations

import os
import re
import resource
import tempfile
import time
from pathlib import Path

from nbformat import NotebookNode, write

from mailedu.exercises.classroom import GRADED, Room, grade_class, submissions
from mailedu.exercises.course import LESSONS, Lesson, released
from mailedu.exercises.grading import read

JOBS, CORES, CLASS = 2, 2, 300


def main() -> None:
    count = int(os.environ.get("MAILEDU_SUBMISSIONS", "40"))
    print(f"{count} submissions a lesson, {JOBS} at a time; two cores grade a class of {CLASS} in")
    for lesson in (LESSONS[0], LESSONS[-1]):
        processor, clock = cost(lesson, count)
        print(
            f"  {lesson.notebook:28} {processor / count:5.2f} s of processor each "
            f"-> {processor / count * CLASS / CORES / 60:4.1f} minutes (wanted: 5); here by the clock {clock:4.0f} s"
        )


def cost(lesson: Lesson, count: int) -> tuple[float, float]:
    """(processor time, the clock's) of grading so many."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            write(handed_in(lesson, f"student {number}"), Path(folder) / f"student-{number:03}.ipynb")
        room = Room(Path(folder), Path(folder) / "grades")
        used, began = spent(), time.monotonic()
        states = [grade.state for grade in grade_class(room, submissions(Path(folder)), JOBS)]
        assert states == [GRADED] * count
        return spent() - used, time.monotonic() - began


def handed_in(lesson: Lesson, student: str) -> NotebookNode:
    """The lesson with a name typed in: every student has a world of their own."""
    notebook = read(released(lesson))
    for cell in notebook.cells:
        cell.source = re.sub(r"^student = .*$", f"student = {student!r}", cell.source, flags=re.MULTILINE)
    return notebook


def spent() -> float:
    """By this process, and by those of its children that have ended."""
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in both)
