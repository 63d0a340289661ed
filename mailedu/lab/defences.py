"""Which defence stops which attack: a table that is computed by running every attack against every defence.

In each cell Alice's letter is really sent, in a lab of its own, past an attacker who is really on the wire; then the
tap is read.  "reads it": the password, or the letter, was there to be read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from ..views.tap import conversations
from .lab import Lab

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
SUBMISSION, MX = "mx.alpha.example", "mx.beta.example"
PASSWORD, TEXT = "lab-alice", "At noon, by the old mill."
READ, SAFE, NOT_SENT = "reads it", "safe", "not sent"
WORDS = {READ: "!", SAFE: "+", NOT_SENT: "-"}  # a sign for each, so that it is not colour alone that tells


class Cell(NamedTuple):
    """One attack against one defence: the outcome, and the lab in which it was tried."""

    attack: str
    defence: str
    outcome: str
    lab: Lab


class Defences:
    """A table; `cells`, `outcome(attack, defence)`; `str()` is text, and a notebook shows it as HTML."""

    def __init__(self, title: str, cells: Sequence[Cell]) -> None:
        self.title, self.cells = title, tuple(cells)

    @property
    def attacks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.attack for cell in self.cells))

    @property
    def defences(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.defence for cell in self.cells))

    def cell(self, attack: str, defence: str) -> Cell:
        return next(one for one in self.cells if (one.attack, one.defence) == (attack, defence))

    def outcome(self, attack: str, defence: str) -> str:
        """ "reads it", "safe" (it arrives, and he reads nothing), or "not sent"."""
        return self.cell(attack, defence).outcome

    def __str__(self) -> str:
        rows = [["the attacker …", *self.defences]]
        rows += [[attack, *(f"{WORDS[one]} {one}" for one in self.row(attack))] for attack in self.attacks]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self.title, "", lines[0], "-" * sum((*widths, 2 * len(widths) - 2)), *lines[1:]])

    __repr__ = __str__

    def row(self, attack: str) -> list[str]:
        return [self.outcome(attack, defence) for defence in self.defences]

    def _repr_html_(self) -> str:
        """A table in the notebook's own colours; the sign before each word tells the same."""
        left = "style='text-align:left'"
        head = "".join(f"<th {left}>{escape(word)}</th>" for word in ("the attacker …", *self.defences))
        body = "".join(
            f"<tr><th {left}>{escape(attack)}</th>"
            + "".join(f"<td {left}>{WORDS[one]} {escape(one)}</td>" for one in self.row(attack))
            + "</tr>"
            for attack in self.attacks
        )
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


Attack = Callable[[Lab], object]
PROGRAMS = {  # what a mail program does about TLS -> what it is called in the table
    "may": "if offered",
    "must": "TLS required",
    "verify": "name verified",
    "implicit": "implicit TLS",
}


def submission() -> Defences:
    """Alice's mail program and her own server: who reads her password?"""
    attacks: dict[str, Attack] = {
        "only listens": lambda lab: None,
        "strips STARTTLS": lambda lab: lab.attacker.strip_offer("STARTTLS", host=SUBMISSION),
        "swaps the certificate": lambda lab: lab.attacker.swap_certificate(host=SUBMISSION),
        "injects, server forgets": lambda lab: lab.attacker.inject(host=SUBMISSION),
        "injects, server has the bug": inject_into_the_bug,
    }
    cells = []
    for attack, begin in attacks.items():
        for tls, defence in PROGRAMS.items():
            lab = Lab(seed=5, opinions=False)
            begin(lab)
            mail = lab.send(ALICE, BOB, subject="Lunch", text=TEXT, tls=tls, read=False)
            cells.append(Cell(attack, defence, outcome(lab, SUBMISSION, bool(mail.delivered)), lab))
    return Defences("From a mail program to its own server: what the program does about TLS", cells)


def inject_into_the_bug(lab: Lab) -> None:
    lab.configure(SUBMISSION, keeps_plaintext=True)
    lab.attacker.inject(host=SUBMISSION)


def between_servers() -> Defences:
    """alpha's queue and beta's MX, which nobody has introduced to each other: who reads the letter?"""
    attacks: dict[str, Attack] = {
        "only listens": lambda lab: None,
        "strips STARTTLS": lambda lab: lab.attacker.strip_offer("STARTTLS", host=MX),
        "swaps the certificate": lambda lab: lab.attacker.swap_certificate(host=MX),
    }
    defences: dict[str, Attack] = {
        "if offered": lambda lab: None,
        "TLS required": lambda lab: lab.configure(SUBMISSION, tls="must"),
        "name verified": lambda lab: lab.configure(SUBMISSION, tls="verify"),
        "MTA-STS testing": lambda lab: lab.mta_sts("beta.example", "testing"),
        "MTA-STS enforce": lambda lab: lab.mta_sts("beta.example", "enforce"),
        "DANE": lambda lab: lab.dane(MX),
    }
    cells = []
    for attack, begin in attacks.items():
        for defence, switch_on in defences.items():
            lab = Lab(seed=5, opinions=False)
            switch_on(lab)
            begin(lab)
            mail = lab.send(ALICE, BOB, subject="Lunch", text=TEXT, read=False)
            cells.append(Cell(attack, defence, outcome(lab, MX, bool(mail.delivered)), lab))
    return Defences("From server to server: what the sender, or the recipient's domain, does about TLS", cells)


def outcome(lab: Lab, host: str, delivered: bool) -> str:
    """What became of the letter, and whether it, or the password, could be read on the way to that host."""
    if could_be_read(lab, host, TEXT) or could_be_read(lab, host, PASSWORD):
        return READ
    return SAFE if delivered else NOT_SENT


def could_be_read(lab: Lab, host: str, secret: str) -> bool:
    """Whether this was there to be read by whoever is on the wire to a host, or came into mallory's mailbox."""
    data = secret.encode()
    for name in conversations_with(lab, host):
        for row in lab.tap(name).rows:
            seen = row.read if row.read is not None else None if row.sealed else row.wire
            if secret in row.decoded or (seen and data in seen):
                return True
    return any(data in letter or spelt(secret) in letter for letter in lab.mailbox("mallory@gamma.example"))


def conversations_with(lab: Lab, host: str) -> list[str]:
    return [name for name in conversations(lab.trace) if name.startswith(f"{host}:")]


def spelt(secret: str) -> bytes:
    """Alice's log-in as AUTH PLAIN writes it."""
    return base64.b64encode(f"\0{ALICE}\0{secret}".encode())
