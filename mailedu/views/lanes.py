"""Queues over the lab's time, read out of a trace: one lane for each recipient of each message that a queue held.

    [lane] = lanes(lab.trace)
    lane.tries                  when it was tried, and what was said

A report is a message too, and has a lane.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..acts import Close, Connect, Flag, Open, Remove, Rule, Store, Wait
from ..trace import Step, Trace

QUEUE = "queue "  # what the box of a queue is called: "queue mx.alpha.example"
DELIVERY = "delivery to "
SUBJECT = re.compile(rb"^subject:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
TOLD = {"mta.bounce": "bounced", "mta.not-asked": "dropped", "mta.no-bounce-for-bounce": "dropped"}
TAKEN = "250 taken"
MOODS = {"2": "good", "4": "later", "5": "bad"}  # by the first digit of a reply
ENDS = {"delivered": "good", "bounced": "bad", "expired": "bad", "dropped": "bad", "waits": "later"}
MOST_LANES = 60  # that are told of one trace
MINUTE = 60.0


@dataclass(slots=True)
class Try:
    """One attempt, for one recipient."""

    step: int  # with which it began
    at: float
    reply: str = ""  # the last word on this recipient; "": it is still being said
    host: str = ""  # who was called last
    told: int | None = None  # the step that told the reply

    @property
    def mood(self) -> str:
        return MOODS.get(self.reply[:1], "")

    @property
    def word(self) -> str:
        """What can stand beside a mark: ``450``, or that nobody said anything."""
        return "taken" if self.mood == "good" else self.reply[:3]


@dataclass(slots=True)
class Lane:
    """One recipient of one message, as long as it was in a queue."""

    step: int  # with which the message was stored there
    at: float
    host: str
    sender: str  # "" for a report
    recipient: str
    subject: str
    tries: list[Try] = field(default_factory=list)
    end: str = "waits"
    ended: float | None = None
    last: int | None = None  # the step that ended it
    due: float | None = None  # when the next attempt is, while it waits
    about: int | None = None  # of a report: the step with which the message that it is about was stored

    @property
    def told(self) -> str:
        """How it ended, in a few words."""
        tries = f"{len(self.tries)} attempt{'s' if len(self.tries) != 1 else ''}"
        if self.ended is None:
            return f"waits, {tries} so far"
        after = f" after {span(self.ended - self.at)}" if self.ended > self.at else " at once"
        return f"{self.end}{after}, {tries}"


def lanes(trace: Trace) -> list[Lane]:
    """All of them, in the order in which they came into a queue."""
    return Reader().read(trace)


class Reader:
    """Goes through a trace once."""

    def __init__(self) -> None:
        self.messages: dict[int, list[Lane]] = {}  # the step that stored it -> its lanes
        self.attempts: dict[int, list[Try]] = {}  # the step with which it began -> one for each recipient
        self.expired: set[int] = set()  # messages that were tried for long enough

    def read(self, trace: Trace) -> list[Lane]:
        for step in trace:
            if isinstance(step.act, Store):
                self.stored(step, step.act)
            elif step.parent in self.messages:
                self.of_message(step, self.messages[step.parent], step.parent)
            elif step.parent in self.attempts:
                self.of_attempt(step, self.attempts[step.parent])
        return [lane for message in self.messages.values() for lane in message]

    def stored(self, step: Step, act: Store) -> None:
        if not act.box.startswith(QUEUE):
            return
        found = SUBJECT.search(act.message[:100_000].partition(b"\r\n\r\n")[0])
        subject = found[1].decode("utf-8", "replace").strip() if found else ""
        host, sender = act.box.removeprefix(QUEUE), act.note.get("sender", "")
        about = step.parent if step.parent in self.messages else None
        self.messages[step.number] = [
            Lane(step.number, step.at, host, sender, one, subject, about=about)
            for one in act.note.get("recipients", "").split("\n")
        ]

    def of_message(self, step: Step, message: list[Lane], number: int) -> None:
        """What a queue does with a message, and what that means for who still waits."""
        waiting = [lane for lane in message if lane.ended is None]
        match step.act:
            case Open(title) if title.startswith(DELIVERY):
                tries = [Try(step.number, step.at) for _ in waiting]
                for lane, one in zip(waiting, tries, strict=True):
                    lane.tries.append(one)
                    lane.due = None
                self.attempts[step.number] = tries
            case Rule("mta.expired"):
                self.expired.add(number)
            case Rule("mta.later", _, because):
                answer(waiting, step, because)
            case Rule(name, _, because) if name in TOLD:
                gone = answer(waiting, step, because)
                end = "expired" if number in self.expired else TOLD[name]
                finish(gone, step, end)
            case Flag(_, _, "+", flags):
                done = [lane for place, lane in enumerate(message, 1) if f"done-{place}" in flags]
                finish([lane for lane in done if lane.ended is None], step, "delivered")
            case Remove():
                finish(waiting, step, "delivered")
            case Wait(seconds):
                for lane in waiting:
                    lane.due = step.at + seconds

    def of_attempt(self, step: Step, tries: list[Try]) -> None:
        for one in tries:
            match step.act:
                case Connect(host):
                    one.host = host
                case Close(verdict):  # the worst that was said; who has an answer of his own is told apart afterwards
                    one.reply, one.told = TAKEN if verdict == "delivered" else verdict, step.number


def answer(waiting: Sequence[Lane], step: Step, because: Mapping[str, str]) -> list[Lane]:
    """Those whom a rule names, each with the reply that it has for him."""
    names, replies = because.get("recipients", "").split(", "), because.get("replies", "").split("\n")
    said = dict(zip(names, replies, strict=False))
    found = [lane for lane in waiting if lane.recipient in said]
    for lane in found:
        if lane.tries:
            lane.tries[-1].reply, lane.tries[-1].told = said[lane.recipient], step.number
    return found


def finish(gone: Sequence[Lane], step: Step, end: str) -> None:
    for lane in gone:
        lane.end, lane.ended, lane.last, lane.due = end, step.at, step.number, None
        if end == "delivered" and lane.tries:
            lane.tries[-1].reply, lane.tries[-1].told = TAKEN, step.number


def as_data(trace: Trace) -> list[dict[str, Any]]:
    """The lanes as the player gets them; none where everything was delivered at once, for then there is no waiting."""
    found = lanes(trace)
    if all(lane.end == "delivered" and len(lane.tries) == 1 for lane in found):
        return []
    return [
        {
            "n": lane.step,
            "at": lane.at,
            "host": lane.host,
            "from": lane.sender,
            "to": lane.recipient,
            "subject": lane.subject[:200],
            "tries": [
                {
                    "n": one.step,
                    "at": one.at,
                    "reply": one.reply[:300],
                    "mood": one.mood,
                    "word": one.word,
                    "told": one.told,
                }
                for one in lane.tries
            ],
            "end": lane.end,
            "mood": ENDS[lane.end],
            **({"ended": lane.ended, "last": lane.last} if lane.ended is not None else {}),
            **({"due": lane.due} if lane.due is not None else {}),
            **({"about": lane.about} if lane.about is not None else {}),
        }
        for lane in found[:MOST_LANES]
    ]


def span(seconds: float) -> str:
    """``0 min``, ``45 min``, ``7 h 45 min``, ``5 d``."""
    minutes = round(seconds / MINUTE)
    days, hours, minutes = minutes // 1_440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes if not days else 0, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or ("0 min" if seconds < 1 else "1 min")
