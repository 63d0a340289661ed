"""mailedu dmarc: its truth table, and what a policy would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .words import examples, plain_errors

PAINTED = click.Path(dir_okay=False, path_type=Path)


@click.group(short_help="DMARC by experiment.")
def dmarc() -> None:
    """DMARC by experiment: its truth table, and what a policy would do to thirty days of mail."""


@dmarc.command()
@click.option("--figure", metavar="FILE", type=PAINTED, help="Draw it there: PDF, PNG or SVG, by the file's name.")
@click.option("--dark", is_flag=True, help="For a dark page.")
@examples("mailedu dmarc table", "mailedu dmarc table --figure truth.svg")
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
@examples("mailedu dmarc rollout -p reject", "mailedu dmarc rollout -p reject --repaired --reports reports.svg")
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
