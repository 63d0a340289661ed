"""IMAP sessions as they were held, read from the trace, and what lies in the folders: for exercises on IMAP."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..acts import Accept, Close, Enter, Flag, Hear, Open, Rule, Say, Watch
from ..lab import Lab
from ..lab.typed import Typed
from ..mailbox import Mailbox, Message
from ..trace import Step, Trace, printable

LITERAL = re.compile(rb"\{(\d{1,10})\}\r\n\Z")
ADDRESSED = ("FETCH", "STORE", "COPY", "MOVE")  # commands that name messages


@dataclass(slots=True)
class Command:
    """One command of a session, and what the server said until it was done."""

    step: int  # its number in the trace
    name: str  # "UID FETCH"
    line: str = ""
    told: list[tuple[int, float, str]] = field(default_factory=list)  # (step, when, what the server said)
    size: int = 0  # octets of that
    outcome: str = ""  # "ok", "no", "bad"; "" while it goes on
    flags: list[Flag] = field(default_factory=list)  # what it did to flags

    @property
    def reply(self) -> str:
        return "".join(said for _, _, said in self.told)


@dataclass(slots=True)
class Session:
    """One call of an IMAP server."""

    name: str  # the device's
    step: int
    commands: list[Command] = field(default_factory=list)
    opened: tuple[int, str] = (0, "")  # (at which step, the mailbox that is open); "" for none
    ever: list[tuple[int, str]] = field(default_factory=list)  # all that were opened
    state: str = ""
    silent: int | None = None  # the step at which the server gave up waiting

    def all(self, *names: str) -> list[Command]:
        return [one for one in self.commands if one.name in names]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.commands)


def held(trace: Trace) -> Trace:
    """A trace of all calls that IMAP servers took, and nothing else."""
    return trace.part(step.number for step in trace.only(Accept) if step.actor.startswith("imap."))


def sessions(trace: Trace) -> list[Session]:
    """All calls that IMAP servers took, as they are by now."""
    found: dict[str, Session] = {}
    for step in trace:
        if step.actor.startswith("imap.") and isinstance(step.act, Accept):
            found[step.conversation] = Session(step.act.name, step.number)
        elif step.conversation in found:
            read(found[step.conversation], step)
    return list(found.values())


def read(session: Session, step: Step) -> None:
    """One more step of a session."""
    last = session.commands[-1] if session.commands else None
    match step.act:
        case Open(title):
            session.commands.append(Command(step.number, title))
        case Hear(data) if last and not last.line:
            last.line = data[:400].decode("utf-8", "backslashreplace").rstrip("\r\n")
        case Say(data) if last:
            last.told.append((step.number, step.at, data.decode("utf-8", "backslashreplace")))
            last.size += len(data)
        case Flag() if last:
            last.flags.append(step.act)
        case Watch(box):
            session.opened = step.number, box
            session.ever.append(session.opened)
        case Enter(state):
            session.state = state
        case Rule("imap.silent"):
            session.silent = step.number
        case Close(verdict) if last and not last.outcome:
            last.outcome = verdict


# -- what lies there ---------------------------------------------------------------------------------------------------


class Letter(NamedTuple):
    """One message of a folder."""

    uid: int
    subject: str
    flags: frozenset[str]

    def __str__(self) -> str:
        return f"*{printable(self.subject)}*"


def folder(lab: Lab, user: str, name: str = "") -> list[Letter]:
    """What lies in INBOX, or in that folder; nothing, where there is no such folder."""
    box: Mailbox | None = lab.world.boxes.get(user + (f"/{name}" if name else ""))
    return [letter(message) for message in box.messages.values()] if box is not None else []


def letter(message: Message) -> Letter:
    found = re.search(rb"(?:^|\n)subject:[ \t]*([^\r\n]*)", message.data, re.IGNORECASE)
    return Letter(message.uid, found[1].decode("utf-8", "replace") if found else "", message.flags)


def log_in(lab: Lab, user: str, name: str = "", *lines: str) -> Typed:
    """A call of the user's device, logged in, after these commands."""
    call = lab.imap(user, name=name)
    for number, line in enumerate((f"LOGIN {user} {lab.password(user)}", *lines), 1):
        call.send(f"s{number} {line}")
    return call


def append(call: Typed, folder: str, subject: str, text: str) -> None:
    """Put a letter into a folder, by a literal that does not wait to be asked for."""
    data = f"From: somebody@alpha.example\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()
    call.send(b"p APPEND %s {%d+}\r\n%s\r\n" % (folder.encode(), len(data), data))


def fill(lab: Lab, dice: random.Random, user: str, subjects: Sequence[str], texts: Sequence[str]) -> None:
    """Somebody else writes letters to the user."""
    people = [one for one in lab.people if one != user and not one.startswith("mallory")]
    sender = dice.choice(people)
    for subject, text in zip(subjects, texts, strict=True):
        lab.send(sender, user, subject=subject, text=text, read=False)


# -- responses ---------------------------------------------------------------------------------------------------------


def responses(data: bytes) -> list[bytes]:
    """What a server said, response by response, each with its literals and without its last line end (§4.3)."""
    found: list[bytes] = []
    start = at = 0
    while at < len(data):
        end = data.find(b"\r\n", at) + 2
        if end < 2:
            return [*found, data[start:]]
        literal = LITERAL.search(data, at, end)
        if literal:
            at = end + int(literal[1])
        else:
            found.append(data[start : end - 2])
            start = at = end
    return found
