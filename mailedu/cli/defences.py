"""mailedu defences: every attack on the wire against every defence."""

from __future__ import annotations

import click

from .words import examples, show


@click.command(short_help="Which defence stops which attack.")
@examples("mailedu defences")
def defences() -> None:
    """Run every attack on the wire against every defence, and print which stops which."""
    from mailedu.lab.defences import between_servers, submission

    show(f"{submission()}\n\n{between_servers()}")
