"""mailedu export: a run or a lesson as one HTML file, to give away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .words import examples, plain_errors, writing

if TYPE_CHECKING:
    from nbformat import NotebookNode

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="A run or a lesson as one HTML file.")
@click.argument("source")
@click.argument("file", required=False, type=FILE)
@click.option("--as-is", is_flag=True, help="Do not run the notebook: show the outputs that it has.")
@examples(
    "mailedu send alice@alpha.example bob@beta.example --save run.json",
    "mailedu export run.json                      # run.html: the player, on that run",
    "mailedu export 08                            # lesson 08, run afresh: 08-spf.html",
    "mailedu export mine/08-spf.ipynb spf.html --as-is",
)
def export(source: str, file: Path | None, as_is: bool) -> None:
    """Write SOURCE into one HTML file, which needs no Jupyter, no kernel and no network.

    SOURCE is a notebook, the number of a lesson, or a run: what `mailedu send --save` wrote, what the player saves,
    or `trace.to_json()`. FILE is named after it if not given.
    """
    with plain_errors():
        path = where(source)
        text = of_run(path) if path.suffix == ".json" else of_notebook(path, as_is)
        target = file or Path(path.with_suffix(".html").name)
        with writing(target):
            target.write_text(text, encoding="utf-8")
    click.echo(f"{target}: {len(text.encode()):,} octets")


def where(source: str) -> Path:
    """The file that is meant; LabError where there is none."""
    from mailedu import LabError
    from mailedu.exercises.course import lesson_of, released

    path = Path(source)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise LabError(f"There is no file {source}: name a notebook, a saved run, or a lesson's number.")
    return released(lesson_of(source))


def of_run(path: Path) -> str:
    """The player, on a run that was saved."""
    from mailedu import LabError, Trace
    from mailedu.lab.shown import Shown

    class Saved(Shown):
        trace = Trace.from_json(text_in(path))
        title = path.stem

    if not len(Saved.trace):
        raise LabError(f"{path} is an empty run.")
    return Saved().to_html()


def text_in(path: Path) -> str:
    from mailedu import LabError

    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise LabError(f"{path} cannot be read: {why}.") from None


def of_notebook(path: Path, as_is: bool) -> str:
    from mailedu.exercises.page import executed, page, title_of

    notebook = checked(path)
    if not as_is:
        click.echo(f"Running {path.name} …", err=True)
        notebook = executed(notebook)
    return page(notebook, title_of(notebook, path.stem))


def checked(path: Path) -> NotebookNode:
    from mailedu import LabError
    from mailedu.exercises.submission import Unreadable, read_submission

    try:
        return read_submission(path)
    except Unreadable as why:
        raise LabError(f"{path}: {why}") from None
