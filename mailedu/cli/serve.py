"""mailedu serve: the lab's servers on real ports, what to type into other mail programs, and what they say, live."""

from __future__ import annotations

import json
import os
import queue
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .words import examples, plain_errors, writing

if TYPE_CHECKING:
    from mailedu.trace import Step

HERE = "127.0.0.1"
SENDER, READER = "alice@alpha.example", "bob@beta.example"
STEPS, OCTETS = 50_000, 100_000_000  # what is remembered of what was said
MOST = 200  # letters of one line of traffic


@click.command(short_help="Real ports, for any mail program.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another lab.")
@click.option(
    "--ca", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write the lab's authority there."
)
@click.option("--quiet", "-q", is_flag=True, help="Do not print what is said on the ports.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line: first the settings, then traffic.")
@examples(
    "mailedu serve --ca lab-ca.pem       # then type what it prints, in another terminal",
    "mailedu serve --json --quiet        # for a program: ports, people and passwords in one line",
)
def serve(seed: int, ca: Path | None, quiet: bool, as_json: bool) -> None:
    """Open the lab's servers to mail programs on this machine, until Ctrl-C.

    It prints host, ports and users, and what to type into swaks, curl, openssl and Thunderbird. Then it shows what
    is said. The lab listens on 127.0.0.1 only.
    """
    from mailedu import Lab

    with plain_errors():
        lab = Lab(seed=seed)
        steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
        with lab.serve(keep=STEPS, octets=OCTETS) as net:
            if ca:
                with writing(ca):
                    net.write_ca(ca)
            people = {address: lab.password(address) for address in lab.people}
            told = {"host": HERE, "ports": net.ports, "users": people, "ca": str(ca.resolve()) if ca else None}
            with suppress(KeyboardInterrupt):
                click.echo(json.dumps(told) if as_json else settings(net.ports, people, ca))
                if not quiet:
                    lab.trace.watch(steps.put)
                for_ever(steps, as_object if as_json else Told())
    if not as_json:
        click.echo("\nClosed.")


# -- what to type ------------------------------------------------------------------------------------------------------


def settings(ports: dict[str, int], people: dict[str, str], ca: Path | None) -> str:
    """All that a mail program wants to know."""
    lines = [f"The lab listens on {HERE} (these passwords are the lab's, made up for it):", ""]
    lines += [f"  {name:<12} {port}" for name, port in ports.items() if ":" not in name]
    lines += ["", *(f"  {address:<28} {password}" for address, password in people.items())]
    lines += ["", "Other servers:", *(f"  {name:<28} {port}" for name, port in others(ports)), ""]
    for heading, commands in ready_made(ports, people, ca).items():
        lines += [f"{heading}:", *(f"  {command}" for command in commands), ""]
    lines += thunderbird(ports, people)
    return "\n".join([*lines, "", "Ctrl-C ends it. What is said from here on:", ""])


def others(ports: dict[str, int]) -> list[tuple[str, int]]:
    """The ports that have no short name."""
    short = {port for name, port in ports.items() if ":" not in name}
    return [(name, port) for name, port in ports.items() if ":" in name and port not in short]


def ready_made(ports: dict[str, int], people: dict[str, str], ca: Path | None) -> dict[str, list[str]]:
    """Program -> commands to copy; they verify certificates where the authority was written down."""
    told = shlex.quote(str(ca.resolve())) if ca else ""
    secret = people[READER]
    trust = f"--cacert {told}" if ca else "--insecure"
    verify = f"-CAfile {told} -verify_return_error " if ca else ""
    swaks = f"--tls-verify --tls-ca-path {told} " if ca else ""
    return {
        "swaks": [
            f"swaks --server {HERE} --port {ports['submission']} --tls {swaks}--auth PLAIN --auth-user {SENDER} "
            f"--auth-password {people[SENDER]} --from {SENDER} --to {READER}",
            f"swaks --server {HERE} --port {ports['smtp']} --helo mx.alpha.example --from {SENDER} --to {READER}",
        ],
        "curl": [
            f"curl {trust} --user {READER}:{secret} 'pop3s://{HERE}:{ports['pop3s']}/'",
            f"curl {trust} --user {READER}:{secret} 'imaps://{HERE}:{ports['imaps']}/INBOX?ALL'",
        ],
        "openssl": [
            f"openssl s_client -quiet {verify}-connect {HERE}:{ports['imaps']}",
            f"openssl s_client -quiet {verify}-starttls smtp -connect {HERE}:{ports['submission']}",
        ],
    }


def thunderbird(ports: dict[str, int], people: dict[str, str]) -> Iterator[str]:
    """An account in Thunderbird: incoming from beta, outgoing there is only alpha's."""
    yield "Thunderbird (set up by hand; accept the certificate, or import the authority that --ca writes):"
    yield f"  {READER}, to read:   IMAP, {HERE}, port {ports['imap']}, STARTTLS, normal password {people[READER]}"
    yield f"  {'':{len(READER)}}  or:       POP3, {HERE}, port {ports['pop3']}, STARTTLS, the same password"
    yield f"  {SENDER}, to send: SMTP, {HERE}, port {ports['submission']}, STARTTLS, password {people[SENDER]}"


# -- what is said ------------------------------------------------------------------------------------------------------


class Told:
    """Steps as lines; a call's name is told when another one speaks."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, step: Step) -> str:
        line = spoken(step)
        if not line:
            return ""
        heading = f"\n{time.strftime('%H:%M:%S')}  {step.conversation}\n" if step.conversation != self.last else ""
        self.last = step.conversation
        return heading + line


def as_object(step: Step) -> str:
    """The step as a line of JSON."""
    from mailedu.trace import row

    return json.dumps(row(step)) if spoken(step) else ""


def spoken(step: Step) -> str:
    """What a server heard and said, and why, as lines; "" for what is not told here."""
    from mailedu.acts import Accept, Hangup, Hear, Rule, Say, Store, Upgrade
    from mailedu.rules import section, sentence
    from mailedu.trace import printable

    server = step.conversation.partition(":")[0]
    if not step.conversation or (step.actor != server and not isinstance(step.act, Store)):
        return ""
    match step.act:
        case Accept(client):
            return f"  a call from {client}"
        case Say(data):
            return each_line("S", data)
        case Hear(data):
            return each_line("C", data)
        case Upgrade():
            return "  TLS from here on"
        case Hangup():
            return "  the end"
        case Rule() as rule:
            where = section(rule)
            return f"     {short(printable(sentence(rule)))}{f' ({where})' if where else ''}"
        case Store(box, message):
            return f"  => {printable(box)}: a message of {len(message)} octets"
    return ""


def each_line(who: str, data: bytes, most: int = 24) -> str:
    """Octets as lines; the middle of a long message is left out."""
    from mailedu.trace import printable

    lines = data.decode("utf-8", "backslashreplace").splitlines()
    left = lines[most:]
    shown = [f"  {who}: {short(printable(line))}" for line in lines[:most]]
    return "\n".join([*shown, f"  {who}: … ({len(left)} more lines)"] if left else shown)


def short(text: str) -> str:
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def for_ever(steps: queue.SimpleQueue[Step], tell: Callable[[Step], str]) -> None:
    """Print what is said, as long as somebody reads it."""
    with suppress(BrokenPipeError):
        while True:
            with suppress(queue.Empty):
                line = tell(steps.get(timeout=0.5))  # Windows hears Ctrl-C only between two waits
                if line:
                    click.echo(line)
    nobody_reads()


def nobody_reads() -> None:
    """Python would complain at its end of a pipe that is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
