"""mailedu lessons: what there is to learn, and how long its exercises take."""

from __future__ import annotations

import click

from .words import AS_JSON, examples, print_json


@click.command(short_help="The lessons, their exercises and times.")
@AS_JSON
@examples("mailedu lessons", "mailedu lessons --json | jq '.[].minutes'")
def lessons(as_json: bool) -> None:
    """List the lessons: number, title, exercises, and the minutes that the exercises take."""
    from mailedu.exercises.course import LESSONS
    from mailedu.exercises.frame import kind

    told = [
        {
            "lesson": one.number,
            "title": one.title,
            "notebook": one.notebook,
            "exercises": {id: kind(id).title for id in one.exercises},
            "minutes": sum(kind(id).minutes for id in one.exercises),
        }
        for one in LESSONS
    ]
    if as_json:
        return print_json(told)
    width = max(len(one.title) for one in LESSONS)
    click.echo(f"{'':4}{'':{width}}  minutes of exercises")
    for one, lesson in zip(told, LESSONS, strict=True):
        click.echo(f"{one['lesson']}  {lesson.title:{width}}  {one['minutes']:>7}  {' '.join(lesson.exercises)}")
