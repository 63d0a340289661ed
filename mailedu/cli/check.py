"""mailedu check: the exercises of one notebook, judged as they will be."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .words import AS_JSON, examples, print_json


@click.command(short_help="Judge one notebook's exercises.")
@click.argument("notebook", type=click.Path(dir_okay=False, path_type=Path))
@AS_JSON
@examples("mailedu check mailedu-lessons/00-start.ipynb", "mailedu check 08-spf.ipynb --json")
def check(notebook: Path, as_json: bool) -> None:
    """Run NOTEBOOK in a limited kernel, judge its exercises, and print what each says.

    Exit code 0: all are right. 1: some are not yet, or the notebook cannot be read.
    """
    import tempfile

    from mailedu.exercises.classroom import GRADED, Room, Submission, as_data

    with tempfile.TemporaryDirectory(prefix="mailedu-") as folder:
        room = Room(notebook.parent, Path(folder))
        with room.judges:
            found = room.grade(Submission(notebook.stem, notebook))
    if as_json:
        print_json(as_data(found))
    else:
        for remark in found.remarks:
            click.echo(remark, err=found.state != GRADED)
        for id, points in found.points.items():
            click.echo(f"{id}: {'these checks passed' if points else 'not yet'}")
            for sentence in found.said[id]:
                click.echo(f"  {sentence}")
        if found.state == GRADED:
            click.echo(f"{found.score:g} of {found.full:g} points")
    sys.exit(0 if found.state == GRADED and found.score == found.full else 1)
