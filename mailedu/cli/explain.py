"""mailedu explain: your own message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from .words import AS_JSON, examples, show, writing

USAGE, NO_MESSAGE, INTERRUPTED = 64, 3, 130
CODES = {"pass": 0, "fail": 1, "temperror": 2}
FILE = click.Path(dir_okay=False, path_type=Path)


class Mistyped(click.UsageError):
    exit_code = USAGE


class Explain(click.Command):
    """2 means a temporary error here, so what was typed wrongly ends with another code."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            raise Mistyped(error.format_message(), error.ctx) from None


@click.command(cls=Explain, short_help="Why your own message passes or fails.")
@click.argument("message", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--dns", metavar="WHO", help='"system", a name server (127.0.0.1:5353), or a zone file. Without: nobody.')
@click.option("--ip", default="", help="The address it came from.")
@click.option("--helo", default="", help="What that host called itself.")
@click.option("--mail-from", metavar="ADDRESS", help="The envelope's sender; <> for a bounce.")
@click.option("--trust-hops", metavar="N", type=click.IntRange(1), help="How many Received fields are by your servers.")
@click.option("--authserv-id", metavar="NAME", default="", help="Whose Authentication-Results can be believed.")
@click.option("--date", type=click.DateTime(), help="When it came, UTC, if not when its Received field says.")
@click.option("--number", metavar="N", type=click.IntRange(1), help="Which message of a mailbox file or a Maildir.")
@click.option("--capsule", metavar="FILE", type=FILE, help="Keep it there with every DNS answer, to replay it.")
@click.option("--redact", multiple=True, type=click.Choice(["addresses", "subject", "body"]), help="In the capsule.")
@click.option("--html", metavar="FILE", type=FILE, help="Write the player there.")
@AS_JSON
@examples(
    "mailedu explain message.eml --dns system",
    "mailedu explain message.eml --dns system --capsule case.json --redact addresses --redact subject",
    "mailedu explain case.json                          # the same again, without a network",
    "mailedu explain inbox.mbox --number 3 --dns 192.0.2.53 --json",
)
def explain(
    message: Path, dns: str | None, html: Path | None, capsule: Path | None, redact: tuple[str, ...], as_json: bool,
    **how: Any,
) -> None:  # fmt: skip
    """Say why MESSAGE passes SPF, DKIM and DMARC, or fails, and what to change.

    MESSAGE is a file with its raw source, a mailbox, a Maildir, or a capsule; - is the standard input. Nobody is asked
    in the DNS unless --dns says whom.

    Exit codes: 0 pass, 1 fail, 2 a temporary error, 3 not a message, 64 the command was not understood.
    """
    found = explained(message, dns, how)
    if as_json:
        click.echo(found.to_json())
    else:
        show(str(found))
    if capsule:
        with writing(capsule):
            found.capsule(redact=redact).save(capsule)
    if html:
        with writing(html):
            found.to_html(html)
    sys.exit(CODES[found.verdict])


def explained(message: Path, dns: str | None, how: dict[str, Any]) -> Any:
    """The explanation; whatever is wrong with the call ends the command."""
    from mailedu import LabError, Zone
    from mailedu.examine import NotAMessage
    from mailedu.examine import explain as find

    sender = how.pop("mail_from")
    how["mail_from"] = sender.strip("<>") if sender is not None else None
    how["date"] = utc(how["date"])
    source = sys.stdin.buffer.read() if str(message) == "-" else message
    try:
        answers = Zone(Path(dns).read_text("utf-8")) if dns and Path(dns).is_file() else dns
        return find(source, dns=answers, **how)
    except NotAMessage as error:
        stop(str(error), NO_MESSAGE)
    except LabError as error:
        stop(str(error), USAGE)
    except KeyboardInterrupt:
        stop("Stopped.", INTERRUPTED)


def utc(date: Any) -> Any:
    from datetime import UTC

    return date.replace(tzinfo=UTC) if date is not None else None


def stop(text: str, code: int) -> NoReturn:
    click.echo(f"Error: {text}", err=True)
    sys.exit(code)
