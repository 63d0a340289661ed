"""mailedu open: the lessons in a folder of the reader's, and JupyterLab there."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .words import examples

PACKAGE = Path(__file__).resolve().parents[1]


@click.command(name="open", short_help="The lessons, in JupyterLab.")
@click.argument("folder", default="mailedu-lessons", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-browser", is_flag=True, help="Only start JupyterLab, and print its address.")
@click.option("--port", type=click.IntRange(1, 65535), help="JupyterLab's port, if not the first free one.")
@examples("mailedu open", "mailedu open ~/mail --no-browser --port 8890")
def open_lessons(folder: Path, no_browser: bool, port: int | None) -> None:
    """Put the lessons into FOLDER (./mailedu-lessons if not given) and open JupyterLab there, at lesson 00.

    Files that are there already are yours: they stay as they are.
    """
    from mailedu import LabError
    from mailedu.exercises.course import lessons_folder

    try:
        kept = copy_lessons(lessons_folder(), folder)
    except LabError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"The lessons cannot be put into {folder}: {error.strerror}.") from None
    if kept:
        click.echo(f"Left alone, because they are in {folder} already: {', '.join(kept)}")
    start_jupyterlab(folder, first_lesson(folder), no_browser, port)


def first_lesson(folder: Path) -> str:
    """The name of the notebook to start with."""
    return min(path.name for path in folder.glob("*.ipynb"))


def copy_lessons(lessons: Path, folder: Path) -> list[str]:
    """Copy what `folder` does not have yet; the names of what it has, which stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.samefile(lessons):
        return []
    kept = []
    for source in sorted(lessons.rglob("*")):
        name = source.relative_to(lessons)
        if source.is_dir() or any(part.startswith(".") for part in name.parts):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as copy:
                copy.write(source.read_bytes())
        except FileExistsError:
            kept.append(name.as_posix())
    return kept


def start_jupyterlab(folder: Path, lesson: str, no_browser: bool, port: int | None) -> None:
    """JupyterLab in `folder`, in this process, until it is stopped."""
    from jupyterlab.labapp import LabApp

    # A teacher's nbgrader adds menus that a learner has no use for: our page_config.json switches them off here.
    ours = [str(PACKAGE / "jupyter"), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(ours)
    arguments = [
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{lesson}",
        "--LabApp.news_url=None",  # this and the next two: nothing asks the Internet for anything
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if no_browser:
        arguments.append("--no-browser")
    if port:
        arguments.append(f"--port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # root is who one is in a container; JupyterLab listens on localhost only
    LabApp.launch_instance(argv=arguments)
