"""mailedu send: one message, and its whole journey."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from mailedu.views.text import LEVELS, transcript

from .words import AS_JSON, examples, given, plain_errors, print_json, show, writing

FILE = click.Path(dir_okay=False, path_type=Path)


def people(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Who there is, for a shell that completes."""
    from mailedu.lab.stage import COMPANIES

    everybody = [f"{name}@{domain}" for domain, company in COMPANIES.items() for name in company.people]
    return [CompletionItem(address) for address in everybody if address.startswith(begun)]


@click.command(short_help="One message, and its whole journey.")
@click.argument("sender", shell_complete=people)
@click.argument("recipient", shell_complete=people)
@click.option("--subject", default="Hello", show_default=True)
@click.option("--text", default="Hi!", show_default=True, help="The body.")
@click.option("--from", "from_", metavar="ADDRESS", help="What From: says, if it is not SENDER.")
@click.option("--client", metavar="IP", help="Send from here, straight to RECIPIENT's server, as a forger does.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another lab.")
@click.option("--level", type=click.Choice(LEVELS), default="decision", show_default=True, help="How much to print.")
@click.option("--html", metavar="FILE", type=FILE, help="Write the player there.")
@click.option("--save", metavar="FILE", type=FILE, help="Write the run there, for `mailedu export`.")
@AS_JSON
@examples(
    "mailedu send alice@alpha.example bob@beta.example --level journey",
    "mailedu send mallory@gamma.example bob@beta.example --from alice@alpha.example --client 203.0.113.66",
    "mailedu send alice@alpha.example bob@beta.example --html journey.html",
)
def send(
    sender: str, recipient: str, seed: int, level: str, html: Path | None, save: Path | None, as_json: bool,
    **letter: str | None,
) -> None:  # fmt: skip
    """Send one message from SENDER to RECIPIENT in a fresh lab, and print its journey.

    The lab's people are for instance alice@alpha.example and bob@beta.example. Exit code 1: it was not delivered.
    """
    from mailedu import Lab
    from mailedu.lab.shown import TABLES

    with plain_errors():
        mail = Lab(seed=seed).send(sender, recipient, **given(letter))
    if as_json:
        print_json(summary(mail))
    else:
        show(transcript(mail.trace, level=level, tables=TABLES))
    if html:
        with writing(html):
            mail.to_html(html)
    if save:
        with writing(save):
            save.write_text(mail.trace.to_json(), encoding="utf-8")
    sys.exit(0 if mail.delivered else 1)


def summary(mail: Any) -> dict[str, Any]:
    """What became of it."""
    return {
        "title": mail.title,
        "delivered": list(mail.delivered),
        "reply": mail.reply,
        "verdict": mail.verdict,
        "message": mail.message.decode("utf-8", "backslashreplace"),
        "steps": len(mail.trace),
    }
