"""Grades as a table for a program, and as a page for each student."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ..acts import LabError
from .classroom import GRADED, Grade, in_order
from .course import LESSONS
from .frame import kind
from .sheet import sheet

STYLE = """:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 860px; margin: 0 auto; padding: 24px;
  background: light-dark(#fff, #16181b); color: light-dark(#1d1c1a, #eceae5) }
h1 { font-size: 1.6rem; margin: 0 0 .2em } h2 { font-size: 1.2rem; margin: 2em 0 .4em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 8px 12px 8px 0;
  border-top: 1px solid light-dark(#dddbd4, #34373c) }
th { font-weight: 600; white-space: nowrap } td.n { white-space: nowrap; text-align: right }
.ok { color: light-dark(#17692f, #7fd598) } .no { color: light-dark(#9a3412, #ffb08a) }
.aside { color: light-dark(#5b5a55, #a9a7a0) } a { color: light-dark(#2745c9, #a3b6ff) }
p { margin: 0 0 .3em; overflow-wrap: anywhere }"""
# A table's program takes a cell that begins so for a formula; a student may be called anything.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_all(grades: Sequence[Grade], into: Path) -> None:
    """grades.csv, index.html, and students/NAME.html."""
    grades = in_order(grades)
    (into / "students").mkdir(parents=True, exist_ok=True)
    for student in dict.fromkeys(grade.student for grade in grades):
        theirs = [grade for grade in grades if grade.student == student]
        (into / "students" / file_of(student)).write_text(page_of(student, theirs), encoding="utf-8")
    (into / "index.html").write_text(index(grades), encoding="utf-8")
    (into / "grades.csv").write_text(table(grades), encoding="utf-8-sig", newline="")


def file_of(student: str) -> str:
    return f"{quote(student, safe=' ')}.html"


# -- the table ---------------------------------------------------------------------------------------------------------


def table(grades: Sequence[Grade]) -> str:
    """One line a grade; one column for each exercise that was graded."""
    ids = [id for lesson in LESSONS for id in lesson.exercises if any(id in grade.points for grade in grades)]
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["student", "lesson", "state", "score", "possible", *ids, "name typed", "notebook", "remarks"])
    for grade in grades:
        score = [f"{grade.score:g}", f"{grade.full:g}"] if grade.state == GRADED else ["", ""]
        points = [f"{grade.points[id]:g}" if id in grade.points else "" for id in ids]
        rest = [", ".join(grade.typed), grade.notebook, " ".join(grade.remarks)]
        writer.writerow(
            [*map(harmless, [grade.student, grade.lesson, grade.state]), *score, *points, *map(harmless, rest)]
        )
    return written.getvalue()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


# -- the pages ---------------------------------------------------------------------------------------------------------


def index(grades: Sequence[Grade]) -> str:
    rows = "".join(
        f'<tr><th><a href="students/{html.escape(quote(file_of(grade.student)))}">{html.escape(grade.student)}</a></th>'
        f"<td>{html.escape(grade.lesson)}</td><td class=n>{points(grade)}</td>"
        f"<td class=aside>{html.escape(' '.join(grade.remarks))}</td></tr>"
        for grade in grades
    )
    students = len({grade.student for grade in grades})
    body = f"<h1>Grades</h1><p class=aside>{students} students</p><table>{rows}</table>"
    return sheet("Grades", STYLE, body)


def points(grade: Grade) -> str:
    return f"{grade.score:g} of {grade.full:g}" if grade.state == GRADED else html.escape(grade.state)


def page_of(student: str, grades: Sequence[Grade]) -> str:
    """All of one student's lessons."""
    name = html.escape(student)
    total = f"{sum(grade.score for grade in grades):g} of {sum(grade.full for grade in grades):g} points"
    body = f"<h1>{name}</h1><p class=aside>{total}</p>" + "".join(map(part, grades))
    return sheet(student, STYLE, body)


def part(grade: Grade) -> str:
    """One lesson."""
    titles = {lesson.number: f"{lesson.number} · {lesson.title}" for lesson in LESSONS}
    heading = html.escape(titles.get(grade.lesson, grade.notebook))
    notes = "".join(f"<p class=aside>{html.escape(note)}</p>" for note in grade.remarks)
    rows = "".join(row(id, grade) for id in grade.points)
    return f"<h2>{heading}: {points(grade)}</h2>{notes}<table>{rows}</table>"


def row(id: str, grade: Grade) -> str:
    """One exercise: what was seen in it."""
    right = grade.points[id] > 0
    mark = f"<span class={'ok' if right else 'no'}>{'✓' if right else '○'} {html.escape(id)}</span>"
    said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in grade.said.get(id, []))
    told = f"<p><b>{html.escape(title(id))}</b></p>{said}"
    score = f"{grade.points[id]:g} of {grade.possible.get(id, 0):g}"
    return f"<tr><th>{mark}</th><td>{told}</td><td class=n>{score}</td></tr>"


def title(id: str) -> str:
    try:
        return kind(id).title
    except LabError:
        return id
