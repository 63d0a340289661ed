"""mailedu grade: a class's work; the grades as a table, and a page for each student."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .words import AS_JSON, examples, plain_errors, print_json

if TYPE_CHECKING:
    from mailedu.exercises.classroom import Grade, Room, Submission

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="Grade a class's notebooks.")
@click.argument("folder", type=FOLDER)
@click.option("--into", type=FOLDER, help="Where the grades go; FOLDER/mailedu-grades if not given.")
@click.option("--lesson", metavar="NUMBER", help="Only this lesson is wanted: what is of another is told.")
@click.option("--jobs", "-j", type=click.IntRange(1, 256), help="How many at once; the processors, if not given.")
@click.option("--salt", envvar="MAILEDU_SALT", default="", help="Changes what only the checks see. [MAILEDU_SALT]")
@click.option("--again", is_flag=True, help="Grade all of them, those that are graded already too.")
@click.option("--gradebook", is_flag=True, help="FOLDER is an nbgrader course: enter the grades into its gradebook.")
@AS_JSON
@examples(
    "mailedu grade handed-in                      # handed-in/ada.ipynb, or handed-in/ada/00-start.ipynb",
    "mailedu grade course --gradebook             # an nbgrader course: course/submitted/ada/...",
    "mailedu grade handed-in --json | jq '.grades[] | [.student, .score]'",
)
def grade(
    folder: Path, into: Path | None, lesson: str | None, jobs: int | None, salt: str, again: bool, gradebook: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Grade every notebook in FOLDER: each runs in a limited kernel, and its work is judged apart.

    Stop it when you like, and start it again: it grades what is new, has changed, or could not be run. Grades go into
    grades.csv, index.html, and a page for each student. Exit code 1: not everything could be graded.

    The limits stop accidents and mischief. They are no prison: grade the work of strangers in a container.
    """
    from mailedu.exercises.classroom import RESULTS, Room, submissions
    from mailedu.exercises.course import lesson_of

    with plain_errors():
        only = lesson_of(lesson) if lesson else None
        handed_in = submissions(folder)
        room = Room(folder, into or folder / RESULTS, only=only, salt=salt, again=again)
        book = opened(folder, room) if gradebook else None
        done, trouble = all_of(room, handed_in, jobs or os.cpu_count() or 1, sys.stderr.isatty())
        missing = entered(book, handed_in, done) if book else []
        trouble = trouble or written(done, room.into)
        if as_json:
            print_json(told(done, missing))
        else:
            say(done, [*missing, *same_world(done)], room.into)
        if trouble:
            click.echo(f"Error: {trouble}", err=True)
    sys.exit(1 if trouble or missing or not all(one.state == "graded" for one in done) else 0)


def all_of(room: Room, handed_in: Sequence[Submission], jobs: int, moving: bool) -> tuple[list[Grade], str]:
    """The grades, and what stopped the grading, if anything did; a bar moves where somebody looks."""
    from mailedu.exercises.classroom import grade_class

    done: list[Grade] = []
    try:
        for one in shown(grade_class(room, handed_in, jobs), len(handed_in), moving):
            done.append(one)
    except KeyboardInterrupt:
        return done, f"Stopped. {len(done)} grades are kept; the same command goes on from there."
    except OSError as error:
        return done, (
            f"A grade cannot be written to {room.into}: {error.strerror}. {len(done)} grades are kept; "
            "make room, and the same command goes on from there."
        )
    return done, ""


def shown(grades: Iterable[Grade], count: int, moving: bool) -> Iterator[Grade]:
    """The same, with a bar on the terminal."""
    if not moving:
        yield from grades
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=count, last="")
        for one in grades:
            progress.update(task, advance=1, last=one.student[:30])
            yield one


def written(done: Sequence[Grade], into: Path) -> str:
    """Write the table and the pages; what went wrong, if anything did."""
    from mailedu.exercises.gradepages import write_all

    try:
        write_all(done, into)
    except OSError as error:
        return f"The table cannot be written to {into}: {error.strerror}. The grades are kept in {into / 'results'}."
    return ""


# -- nbgrader ----------------------------------------------------------------------------------------------------------


def opened(folder: Path, room: Room) -> Any:
    """nbgrader's gradebook; graded notebooks go where nbgrader looks for them."""
    from mailedu.exercises.gradebook import open_gradebook, put_aside

    room.done = lambda one, notebook, _: put_aside(folder, one, notebook)
    return open_gradebook(folder)


def entered(book: Any, handed_in: Sequence[Submission], done: Sequence[Grade]) -> list[str]:
    from mailedu.exercises.gradebook import enter

    by_name = {(one.student, one.path.name): one for one in handed_in}
    with book:
        return enter(book, [(by_name[grade.student, Path(grade.notebook).name], grade) for grade in done])


# -- what is said ------------------------------------------------------------------------------------------------------


def told(done: Sequence[Grade], missing: Sequence[str]) -> dict[str, Any]:
    from mailedu.exercises.classroom import as_data, in_order, same_name

    grades = [as_data(one) for one in in_order(done)]
    return {
        "grades": grades,
        "same_name": [one._asdict() for one in same_name(done)],
        "not_in_gradebook": list(missing),
    }


def say(done: Sequence[Grade], notes: Sequence[str], into: Path) -> None:
    """A line a grade, and where everything is."""
    from mailedu.exercises.classroom import GRADED, in_order
    from mailedu.trace import printable

    width = max((len(one.student) for one in done), default=0)
    for one in in_order(done):
        score = f"{one.score:g}/{one.full:g}" if one.state == GRADED else one.state
        remarks = f"   {' '.join(one.remarks)}" if one.remarks else ""
        click.echo(printable(f"{one.student:{width}}  {one.lesson or '--'}  {score:>10}{remarks}"))
    for note in notes:
        click.echo(printable(note))
    count = sum(one.state == GRADED for one in done)
    click.echo(f"{count} of {len(done)} graded. {into / 'grades.csv'}; for people: {into / 'index.html'}")


def same_world(done: Sequence[Grade]) -> list[str]:
    from mailedu.exercises.classroom import same_name

    return [
        f"In lesson {lesson} these typed the same name ({name}), and so had the same exercises: {', '.join(students)}."
        for lesson, name, students in same_name(done)
    ]
