"""Sessions as they were held, read from the trace, and the pile that is left: for exercises on POP3."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..acts import Accept, Enter, Hear, Open, Rule, Say
from ..lab import Lab
from ..lab.stage import COMPANIES
from ..lab.typed import Typed
from ..mailbox import Message
from ..trace import Step, Trace, printable
from .frame import Findings

PEOPLE = [one for company in COMPANIES.values() for one in company.addresses if not one.startswith("mallory")]
SUBJECTS = ("Lunch", "Invoice", "Photos", "Tickets", "Minutes", "Keys", "Roof", "Concert", "Recipe", "Bicycle")
TEXTS = ("See you soon.", "Here it is.", "What do you think?", "Until Monday!", "As I promised.", "Please tell Amir.")


@dataclass(slots=True)
class Said:
    """One command of a session and its reply; nothing was heard of a reply that is ""."""

    place: int  # 1 is the first thing that was said, as in `.fork(at=1)`
    step: int  # its number in the trace
    verb: str
    line: str
    reply: str = ""
    state: str = ""  # the session's, afterwards

    @property
    def ok(self) -> bool:
        return self.reply.startswith("+OK")

    @property
    def number(self) -> int:
        """The message that it names; 0 where it names none."""
        found = re.match(r"\S+ (\d+)", self.line)
        return int(found[1]) if found else 0


@dataclass(slots=True)
class Session:
    """One call of a POP3 server."""

    number: int  # 1 is the first one
    step: int
    said: list[Said] = field(default_factory=list)
    state: str = ""
    opened: Said | None = None  # the command that opened the maildrop
    gone: Rule | None = None  # why it ended, if not by QUIT

    @property
    def last(self) -> Said | None:
        return self.said[-1] if self.said else None

    def all(self, *verbs: str, ok: bool = True) -> list[Said]:
        """Those of these commands that were answered +OK; or all of them."""
        return [one for one in self.said if one.verb in verbs and (one.ok or not ok)]

    @property
    def bids_goodbye(self) -> bool:
        return bool(self.last and self.last.verb == "QUIT" and self.last.ok)


def held(trace: Trace) -> Trace:
    """A trace of all calls that POP3 servers took, and nothing else: what a learner wants to see of a lab."""
    calls = [step for step in trace.only(Accept) if step.actor.startswith("pop.")]
    return trace.part(step.number for step in calls)


def in_place(trace: Trace, findings: Findings) -> Findings:
    """Findings whose steps are steps of this trace, unless they say another one."""
    while True:
        try:
            one = next(findings)
        except StopIteration as end:
            return str(end.value)
        yield one if one.trace or one.step is None else one._replace(trace=trace)


def sessions(trace: Trace) -> list[Session]:
    """All calls that POP3 servers took, as they are by now."""
    found: dict[str, Session] = {}
    for step in trace:
        if step.actor.startswith("pop.") and isinstance(step.act, Accept):
            found[step.conversation] = Session(len(found) + 1, step.number)
        elif step.conversation in found:
            read(found[step.conversation], step)
    return list(found.values())


def read(session: Session, step: Step) -> None:
    """One more step of a session."""
    last = session.last
    match step.act:
        case Open(title):
            session.said.append(Said(len(session.said) + 1, step.number, title, ""))
        case Hear(data) if last and not last.line:
            last.line = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
        case Say(data) if last:
            before = "" if last.reply.startswith("+ ") else last.reply  # a challenge is no reply yet
            last.reply = before + data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        case Enter(state):
            session.state = state
            if last:
                last.state = state
        case Rule("pop3.lock", "taken"):
            session.opened = last
        case Rule("pop3.silent" | "pop3.hung-up"):
            session.gone = step.act


# -- what lies there, and what a learner made of it --------------------------------------------------------------------


class Letter(NamedTuple):
    """One message of the pile."""

    name: str  # UIDL's
    subject: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"*{printable(self.subject)}*"


def letter(message: Message) -> Letter:
    lines = lines_of(message.data)
    subject = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("subject:")), "")
    return Letter(message.name, subject, lines)


def pile(lab: Lab, user: str) -> list[Letter]:
    """What lies in the maildrop now."""
    return [letter(message) for message in lab.world.boxes[user].messages.values()]


def lines_of(text: str | bytes) -> tuple[str, ...]:
    """Its lines, whatever they end with; a last line end ends a line and begins none."""
    text = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))


def quoted(words: object, most: int = 60) -> str:
    """A piece of what somebody wrote, in quotation marks: a check prints its sentences without any other marks."""
    text = printable(str(words)).replace("`", "'")
    return f'"`{text if len(text) <= most else text[: most - 1] + "…"}`"'


def some(things: Sequence[object], most: int = 3) -> str:
    """``1``, ``1 and 2``, ``1, 2, 3 and 4 more``"""
    told = [str(thing) for thing in things[:most]]
    told += [f"{len(things) - most} more"] if len(things) > most else []
    return " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)


def fill(lab: Lab, dice: random.Random, user: str, subjects: Sequence[str], texts: Sequence[str] = ()) -> None:
    """Somebody else writes letters to the user, no two of them equal."""
    sender = dice.choice([one for one in PEOPLE if one != user])
    for number, subject in enumerate(subjects):
        text = texts[number] if number < len(texts) else dice.choice(TEXTS)
        lab.send(sender, user, subject=subject, text=text, read=False)


def log_in(lab: Lab, user: str) -> Typed:
    """A call of the user's, logged in; or refused, and still there."""
    pop = lab.pop3(user)
    pop.send(f"USER {user}")
    pop.send(f"PASS {lab.password(user)}")
    return pop
