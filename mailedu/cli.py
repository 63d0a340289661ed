"""The command `mailedu`: `open` the lessons, `send` one message and read its journey, `dmarc` by
experiment, `defences` against an attacker on the wire, `serve` the lab to real clients.

Exit codes: 0 all well, 1 the message was refused, 2 the command was not understood.
"""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mailedu import __version__
from mailedu.views.text import LEVELS, transcript

PACKAGE = Path(__file__).resolve().parent
PLACES = [PACKAGE / "lessons", PACKAGE.parent / "notebooks"]  # an installed mailedu's, and a clone's


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """A whole e-mail Internet on this machine, to step through. Nothing leaves it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console that lacks a character still gets the rest


# ---- mailedu open


@main.command(name="open")
@click.argument("folder", default="mailedu-lessons", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-browser", is_flag=True, help="Only start JupyterLab, and print its address.")
@click.option("--port", type=click.IntRange(1, 65535), help="JupyterLab's port, if not the first free one.")
def open_lessons(folder: Path, no_browser: bool, port: int | None) -> None:
    """Put the lessons into FOLDER (./mailedu-lessons if not given) and open JupyterLab there, at lesson 00.

    Files that are there already are yours: they stay as they are.
    """
    lessons = lessons_folder()
    try:
        kept = copy_lessons(lessons, folder)
    except OSError as error:
        raise click.ClickException(f"The lessons cannot be put into {folder}: {error.strerror}.") from None
    if kept:
        click.echo(f"Left alone, because they are in {folder} already: {', '.join(kept)}")
    start_jupyterlab(folder, first_lesson(folder), no_browser, port)


def lessons_folder() -> Path:
    """Where this mailedu has its lessons."""
    for place in PLACES:
        if any(place.glob("*.ipynb")):
            return place
    raise click.ClickException("This mailedu came without its lessons; install the package, or run in a clone.")


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


# ---- mailedu send


@main.command()
@click.argument("sender")
@click.argument("recipient")
@click.option("--subject", default="Hello", show_default=True)
@click.option("--text", default="Hi!", show_default=True, help="The body.")
@click.option("--from", "from_", metavar="ADDRESS", help="What From: says, if it is not SENDER.")
@click.option("--client", metavar="IP", help="Send from here, straight to RECIPIENT's server, as a forger does.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another lab.")
@click.option("--level", type=click.Choice(LEVELS), default="decision", show_default=True, help="How much to print.")
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write the player there.")
def send(sender: str, recipient: str, seed: int, level: str, html: Path | None, **letter: str | None) -> None:
    """Send one message from SENDER to RECIPIENT in a fresh lab, and print its journey.

    The lab's people are for instance alice@alpha.example and bob@beta.example.
    """
    from mailedu import Lab
    from mailedu.lab.shown import TABLES

    with plain_errors():
        mail = Lab(seed=seed).send(sender, recipient, **given(letter))
    show(transcript(mail.trace, level=level, tables=TABLES))
    if html:
        mail.to_html(html)
    sys.exit(0 if mail.delivered else 1)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were typed or have a default."""
    return {name: value for name, value in options.items() if value is not None}


def show(transcript: str) -> None:
    """Print it; in colour, where a person reads it."""
    if not sys.stdout.isatty():
        click.echo(transcript)
        return
    from rich.console import Console
    from rich.text import Text

    text = Text(transcript)
    text.highlight_regex(r"(?m)\bC[:+] .*$", "cyan")
    text.highlight_regex(r"(?m)\bS[:+] .*$", "green")
    text.highlight_regex(r"\b(pass|ok)\b", "bold green")
    text.highlight_regex(r"\b(fail|softfail|temperror|permerror|refused)\b", "bold red")
    text.highlight_regex(r"(?:RFC )?\d{4} §[\d.]+", "dim")
    Console(soft_wrap=True).print(text)


@contextmanager
def plain_errors() -> Iterator[None]:
    """A mistake of the person at the keyboard becomes one sentence and exit code 2."""
    from mailedu import LabError

    try:
        yield
    except LabError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


# ---- mailedu defences


@main.command()
def defences() -> None:
    """Run every attack on the wire against every defence, and print which stops which."""
    from mailedu.lab.defences import between_servers, submission

    show(f"{submission()}\n\n{between_servers()}")


# ---- mailedu dmarc


@main.group()
def dmarc() -> None:
    """DMARC by experiment: its truth table, and what a policy would do to thirty days of mail."""


PAINTED = click.Path(dir_okay=False, path_type=Path)


@dmarc.command()
@click.option("--figure", metavar="FILE", type=PAINTED, help="Draw it there: PDF, PNG or SVG, by the file's name.")
@click.option("--dark", is_flag=True, help="For a dark page.")
def table(figure: Path | None, dark: bool) -> None:
    """Check sixteen letters, SPF and DKIM passing or not and aligned or not, and print what DMARC finds."""
    from mailedu.lab.truth import truth_table

    found = truth_table()
    click.echo(str(found))
    if figure:
        draw(found.figure(dark=dark), figure)


@dmarc.command()
@click.option("--policy", "-p", default="none", show_default=True, help="none, quarantine or reject.")
@click.option("--sp", default="", help="The same for subdomains.")
@click.option("--np", default="", help="The same for names that do not exist.")
@click.option("--t", default="n", show_default=True, help="y: the owner is testing.")
@click.option("--repaired", is_flag=True, help="The newsletter service's key is published.")
@click.option("--policy-alone", is_flag=True, help="Receivers refuse on p=reject alone.")
@click.option("--days", default=30, show_default=True)
@click.option("--seed", default=10, show_default=True, help="Another seed is other letters.")
@click.option("--figure", metavar="FILE", type=PAINTED, help="Draw what became of the letters.")
@click.option("--reports", metavar="FILE", type=PAINTED, help="Draw what the reports say.")
@click.option("--dark", is_flag=True, help="For a dark page.")
def rollout(figure: Path | None, reports: Path | None, dark: bool, **choice: Any) -> None:
    """Send thirty days of mail in a company's name through the lab, under a policy, and print what became of it."""
    from mailedu.lab.rollout import rollout as roll_out

    with plain_errors():
        found = roll_out(**choice)
    click.echo(f"{found}\n\n{found.reports}")
    if figure:
        draw(found.figure(dark=dark), figure)
    if reports:
        draw(found.reports.figure(dark=dark), reports)


def draw(picture: Any, path: Path) -> None:
    """Write a figure; what matplotlib cannot write is said in one sentence."""
    try:
        picture.savefig(path)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The figure cannot be written to {path}: {error}") from None


# ---- mailedu serve


@main.command()
@click.option("--seed", default=1, show_default=True, help="Another seed is another lab.")
def serve(seed: int) -> None:
    """Open the lab's servers to mail clients on this machine, until Ctrl-C."""
    from mailedu import Lab

    with plain_errors():
        lab = Lab(seed=seed)
        with lab.serve() as net:
            click.echo("The lab listens on 127.0.0.1 (these passwords are the lab's, made up for it):")
            for name, port in net.ports.items():
                click.echo(f"  {name:<12} {port}")
            for address in lab.people:
                click.echo(f"  {address:<28} {lab.password(address)}")
            click.echo("Ctrl-C ends it.")
            wait_for_ctrl_c()


def wait_for_ctrl_c() -> None:
    """Sleep until the person has had enough."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("\nClosed.")
