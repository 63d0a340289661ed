"""What was said in the calls that somebody typed into, read from the trace: for exercises that are done by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from ..acts import Enter, Hear, Open, Say, Store
from ..lab import Lab
from ..lab.history import Line
from ..message import Message
from ..trace import Step, Trace, printable
from .frame import Wrong
from .source import Source

ALPHA = "192.0.2.25"  # mx.alpha.example: who calls from there may speak for alpha.example
NAMES = "dora emil fay gus hal ida jon kim lea max nora otto pia rosa sam tess uma vito wanda zoe"


# -- worlds ------------------------------------------------------------------------------------------------------------


def some_names(dice: random.Random, count: int) -> list[str]:
    """So many addresses at beta.example, each another one."""
    return [f"{name}@beta.example" for name in dice.sample(NAMES.split(), count)]


def new_lab(dice: random.Random, staff: Sequence[str] = (), **settings: dict[str, Any]) -> Lab:
    """A lab at some time of the day, in which these addresses of beta.example are people's too."""
    names = [address.partition("@")[0] for address in staff]
    chosen = {host.replace("_", "."): given for host, given in settings.items()}
    lab = Lab(seed=dice.randrange(1, 10_000), opinions=False, staff={"beta.example": names}, settings=chosen)
    lab.clock.advance(minutes=dice.randrange(1, 500))
    return lab


# -- calls -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Said:
    """One thing that a server heard, and what it answered; nothing was heard before its first word and its last."""

    step: int  # where it was heard; where it was answered, if nothing was
    heard: bytes
    reply: str = ""  # lines joined by a newline
    verb: str = ""  # "RCPT"
    state: str = ""  # the server's, afterwards

    @property
    def code(self) -> str:
        return self.reply[:3]

    @property
    def refused(self) -> bool:
        return self.reply[:1] in ("4", "5")

    @property
    def line(self) -> str:
        """What was heard, on one line, to be quoted."""
        first = self.heard.split(b"\n", 1)[0]
        return quoted(first.decode("utf-8", "backslashreplace").rstrip("\r"))


class Talk:
    """One call that was typed into, as it is now."""

    def __init__(self, trace: Trace, line: Line) -> None:
        assert line.part
        self.trace, self.line = trace, line
        self.conversation, self.host = line.part.home, line.host

    @cached_property
    def steps(self) -> list[Step]:
        """What the server did in it."""
        return [step for step in self.trace if (step.conversation, step.actor) == (self.conversation, self.host)]

    @cached_property
    def said(self) -> list[Said]:
        told: list[Said] = []
        heard: Said | None = None  # and not yet answered
        verb = state = ""
        for step in self.steps:
            match step.act:
                case Open(title) if heard is None:
                    verb = title
                case Hear(data):
                    heard = heard or Said(step.number, b"", verb=verb)
                    heard.heard += data
                case Say(data):
                    heard = heard or Said(step.number, b"")
                    heard.reply, heard.state = text(data), state
                    told.append(heard)
                    heard = None
                case Enter(name):
                    state = name
                    if told and heard is None:
                        told[-1].state = state
        return told if heard is None else [*told, heard]

    @property
    def flights(self) -> list[list[Said]]:
        """What was said in one go, one after the other: after each one, somebody waits for the answer."""
        return [
            [said for said in self.said if before <= said.step < end and said.heard]
            for before, end in pairwise(self.line.ends)
        ]

    @property
    def refusals(self) -> list[Said]:
        return [said for said in self.said if said.refused]

    @property
    def is_over(self) -> bool:
        """Whether it ended with QUIT, and the server said goodbye."""
        return any(said.verb == "QUIT" and said.code == "221" for said in self.said)

    def stores(self) -> list[Step]:
        """How its messages came into mailboxes."""
        return [step for step in self.trace.only(Store) if step.conversation == self.conversation]


def talks(lab: Lab, before: int = 0) -> list[Talk]:
    """The calls of a lab that were typed into, but for the first so many."""
    return [Talk(lab.trace, line) for line in lab.history.lines[before:] if line.part]


@dataclass(slots=True)
class Letter:
    """A message that lies in a mailbox, and the call that brought it."""

    step: int
    box: str
    sender: str  # of the envelope
    data: bytes
    talk: Talk

    @property
    def message(self) -> Message:
        return Message(self.data)

    @property
    def said(self) -> Said:
        """The exchange in which it came."""
        return next(said for said in reversed(self.talk.said) if said.step < self.step)

    def field(self, name: str) -> str:
        """What a field says; "" where there is none."""
        found = self.message.first(name)
        return found.text.strip() if found else ""

    @property
    def lines(self) -> list[str]:
        """The lines of its body."""
        body = self.message.body.decode("utf-8", "backslashreplace")
        return body.removesuffix("\r\n").split("\r\n")


def letters(calls: Sequence[Talk]) -> list[Letter]:
    """What these calls brought into mailboxes, in order."""
    found = [
        Letter(step.number, step.act.box, step.act.note.get("sender", ""), step.act.message, talk)
        for talk in calls
        for step in talk.stores()
        if isinstance(step.act, Store)
    ]
    return sorted(found, key=lambda letter: letter.step)


def text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").removesuffix("\n")


def quoted(words: str, most: int = 60) -> str:
    """A piece of what somebody wrote, fit to stand between backticks in a sentence."""
    words = printable(words.replace("`", "'"))
    return words if len(words) <= most else words[: most - 1] + "…"


# -- findings that several exercises share -----------------------------------------------------------------------------


def not_by_hand(lab: Lab, before: int) -> Iterator[Wrong]:
    """Whoever wants lines typed has no use for `lab.send`."""
    if any(past.name == "send" for past in lab.inputs[before:]):
        yield Wrong(
            "You used `lab.send`: there a program speaks SMTP for you.",
            "What does that program say, line by line? Look at its player, and type it yourself.",
        )


def nothing_came(calls: Sequence[Talk], recipient: str) -> Wrong:
    """Why nothing lies in a mailbox: what the last call looked like."""
    if not calls:
        return Wrong(
            "Nobody has called yet.", 'Who speaks first after `lab.smtp("mx.beta.example")`, and what do you answer?'
        )
    last = calls[-1].said[-1]
    if not last.heard:
        return Wrong(
            f"Nothing lies in the mailbox of {recipient}. The server said `{quoted(last.reply)}`, and heard nothing.",
            "Who says what after the greeting?",
            last.step,
        )
    if last.state == "DATA":
        return Wrong(
            f"Nothing lies in the mailbox of {recipient}. The server is in the state DATA: all that came since `354` "
            f"it takes for lines of the letter.",
            "What does the line look like that ends a letter?",
            last.step,
        )
    no = [said for said in calls[-1].refusals if said.heard]
    if no:
        return Wrong(
            f"Nothing lies in the mailbox of {recipient}. `{no[0].line}` was answered `{quoted(no[0].reply)}`",
            "What does the server want to hear instead, or before? Open the player at that step.",
            no[0].step,
        )
    return Wrong(
        f"Nothing lies in the mailbox of {recipient}, and the last thing the server heard was `{last.line}`.",
        "Which commands does a letter need, and in which order?",
        last.step,
    )


def handed_in(answer: Any, id: str, name: str) -> Iterator[Wrong]:
    """The check wants the function itself."""
    if not isinstance(answer, Source):
        given = "nothing" if answer is None else quoted(repr(answer))
        yield Wrong(
            f"You handed in {given}. The check needs the function itself, to run it on replies that you have not seen.",
            f"Did you write `check({id}, {name})`, without brackets behind `{name}`?",
        )
