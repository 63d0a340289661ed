"""Envelopes beside letters: what servers were told in MAIL and RCPT, and what stands in the header they were handed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..acts import Accept, Connect, Hear, LabError, Say
from ..message import Message
from ..trace import Step, Trace, printable
from ..views.drawing import Box, Drawing, Line, Shape, Words, arrowhead, shortened
from ..views.picture import Picture
from ..wire import unstuff

PATH = re.compile(rb"(?i)(MAIL FROM|RCPT TO):\s*<([^>\r\n]*)>")
PORTS = (":25/", ":465/", ":587/", ":2525/")
SHOWN = ("Return-Path", "From", "To", "Cc", "Bcc", "Subject")  # of a header, in this order
MOST_LINES = 12


@dataclass
class Transaction:
    """One message handed over once: its envelope, and the fields of its header that name people."""

    client: str
    server: str
    sender: str
    recipients: list[str] = field(default_factory=list)  # those that the server took
    refused: list[str] = field(default_factory=list)
    message: bytes | None = None  # None: it never came to that
    reply: str = ""  # what the server said in the end
    step: int = 0  # where MAIL was heard

    @property
    def fields(self) -> list[tuple[str, str]]:
        """(name, text) of the fields that name people, and the subject."""
        found = Message(self.message or b"").fields
        return [(one, field.text) for one in SHOWN for field in found if field.name.lower() == one.lower()]

    def is_named(self, address: str) -> bool:
        """Whether an address stands anywhere in the letter's header."""
        return address.lower().encode() in Message(self.message or b"").header.lower()


class Envelopes:
    """``Envelopes(mail)``: every handing over in a trace, as a picture in a notebook and as lines when printed."""

    def __init__(self, of: object) -> None:
        trace = of if isinstance(of, Trace) else getattr(of, "trace", None)
        if not isinstance(trace, Trace):
            raise LabError(f"Give a mail, a call or a trace: this is {type(of).__name__}.")
        self.transactions = list(transactions(trace))

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self.transactions)

    def __len__(self) -> int:
        return len(self.transactions)

    def __getitem__(self, number: int) -> Transaction:
        return self.transactions[number]

    def __repr__(self) -> str:
        return "\n\n".join(map(told, self.transactions)) or "Nobody handed a message over."

    @property
    def picture(self) -> Picture:
        return Picture(drawn(self.transactions), repr(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.picture._repr_mimebundle_()


def transactions(trace: Trace) -> Iterator[Transaction]:
    """What each SMTP server heard, call by call; a transaction ends with its message, or unfinished."""
    callers = {step.number: step.actor for step in trace.only(Connect)}
    calls: dict[str, list[Step]] = {}
    for step in trace:
        if any(port in step.conversation for port in PORTS):
            calls.setdefault(step.conversation, []).append(step)
    for conversation, steps in calls.items():
        server = conversation.rpartition(":")[0]
        client = next((caller(step, callers) for step in steps if isinstance(step.act, Accept)), "somebody")
        yield from of_call(client, server, [step for step in steps if step.actor == server])


def caller(accepted: Step, callers: Mapping[int, str]) -> str:
    """Who called: by name where it is one of ours, else by address."""
    name = callers.get(-1 if accepted.parent is None else accepted.parent)
    return name.removeprefix("queue ") if name else str(getattr(accepted.act, "client", ""))


def of_call(client: str, server: str, steps: Iterable[Step]) -> Iterator[Transaction]:
    now: Transaction | None = None
    heard, chunks = b"", b""
    for step in steps:
        match step.act:
            case Hear(data) if heard[:4].upper() == b"BDAT":
                chunks += data
            case Hear(data):
                heard = data
            case Say(data) if data.startswith(b"354"):
                heard = b"354"
            case Say(data):
                reply, good = data.decode("utf-8", "replace").strip(), data.startswith(b"2")
                path, last = PATH.match(heard), heard[:4].upper()
                words = heard.upper().split()
                if path and last == b"MAIL":
                    if now:
                        yield now
                    now = Transaction(client, server, path[2].decode("utf-8", "replace"), reply=reply, step=step.number)
                    chunks = b""
                elif path and now:
                    (now.recipients if good else now.refused).append(path[2].decode("utf-8", "replace"))
                    now.reply = reply
                elif now and last == b"BDAT" and b"LAST" in words:
                    now.message, now.reply = chunks, reply
                    yield now
                    now = None
                elif now and heard.endswith(b".\r\n") and last not in (b"NOOP", b"HELP", b"VRFY"):
                    now.message, now.reply = unstuff(heard), reply
                    yield now
                    now = None
                heard = b""
    if now:
        yield now


# -- as text -----------------------------------------------------------------------------------------------------------


def told(one: Transaction) -> str:
    """``alice@alpha.example -> mx.alpha.example`` and below it what stands on the envelope, and in the letter."""
    lines = [f"{one.client} -> {one.server}: {one.reply}"]
    lines += [f"  envelope  {words}" for words, _ in envelope_lines(one)]
    lines += [f"  letter    {name}: {text}" for name, text in one.fields]
    return printable_lines(lines)


def printable_lines(lines: Sequence[str]) -> str:
    return "\n".join(map(printable, lines))


def envelope_lines(one: Transaction) -> Iterator[tuple[str, str]]:
    """(what stands on the envelope, the colour it has)."""
    yield f"MAIL FROM:<{one.sender}>", "ink"
    for address in one.recipients:
        named = one.message is None or one.is_named(address)
        yield f"RCPT TO:<{address}>" + ("" if named else "   not in the letter"), "ink" if named else "now"
    for address in one.refused:
        yield f"RCPT TO:<{address}>   refused", "bad"


# -- as a picture ------------------------------------------------------------------------------------------------------

WIDTH, MARGIN = 1000.0, 16.0
TEXT, SMALL, LINE = 12.5, 11.0, 19.0
ENVELOPE = (MARGIN + 4, 470.0)  # its left and right side
SHEET = (530.0, WIDTH - MARGIN - 4)
FLAP = 20.0


def drawn(several: Sequence[Transaction]) -> Drawing:
    """An envelope and a sheet for each handing over, from top to bottom in their order."""
    drawing = Drawing("Envelopes and letters" if several else "Nobody handed a message over", WIDTH, 0)
    y = 26.0
    drawing.add(
        Words(ENVELOPE[0], y, "the envelope: MAIL and RCPT, what servers go by", SMALL, "quiet"),
        Words(SHEET[0], y, "the letter: its header, what people read", SMALL, "quiet"),
    )
    y += 14
    for one in several:
        shapes, y = block(one, y + 12)
        drawing.add(*shapes)
    drawing.height = y + 10
    return drawing


def block(one: Transaction, y: float) -> tuple[list[Shape], float]:
    """One handing over, and where the next may begin."""
    on_envelope = cut(list(envelope_lines(one)))
    in_letter = cut([(f"{name}: {text}", "ink") for name, text in one.fields])
    high = FLAP + max(len(on_envelope), len(in_letter), 2) * LINE + 14
    heading = f"{one.client} → {one.server}"
    shapes: list[Shape] = [Words(ENVELOPE[0], y + 8, shortened(printable(heading), TEXT, 440), TEXT, bold=True)]
    colour = "quiet" if one.message is None else "good" if one.reply.startswith("2") else "bad"
    reply = shortened(printable(one.reply), SMALL, SHEET[1] - SHEET[0])
    shapes += [Words(SHEET[0], y + 8, reply, SMALL, colour)]
    top, bottom = y + 22, y + 22 + high
    shapes += envelope(top, bottom, on_envelope)
    middle = (top + bottom) / 2
    shapes += [
        Line(((ENVELOPE[1] + 10, middle), (SHEET[0] - 12, middle)), "edge", 1.4),
        arrowhead((SHEET[0] - 10, middle), (1, 0), colour="edge"),
    ]
    shapes += sheet(top, bottom, in_letter, one.message is not None)
    return shapes, bottom + 12


def cut(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[: MOST_LINES - 1], (f"… {more + 1} more", "quiet")]


def envelope(top: float, bottom: float, lines: Sequence[tuple[str, str]]) -> Iterator[Shape]:
    left, right = ENVELOPE
    yield Box(left, top, right - left, bottom - top, 3, "raised", "edge", 1.4)
    yield Line(((left, top), ((left + right) / 2, top + FLAP - 6), (right, top)), "edge", 1.2)
    yield from written(left + 14, top + FLAP + 10, right - left - 28, lines)


def sheet(top: float, bottom: float, lines: Sequence[tuple[str, str]], came: bool) -> Iterator[Shape]:
    """A page with its corner folded; dashed where it never came."""
    (left, right), fold = SHEET, 16.0
    edge = ((left, top), (right - fold, top), (right, top + fold), (right, bottom), (left, bottom), (left, top))
    yield Line(edge, "edge", 1.4, "solid" if came else "dashed")
    yield Line(((right - fold, top), (right - fold, top + fold), (right, top + fold)), "edge", 1.2)
    lines = lines or [("no such fields" if came else "never sent", "quiet")]
    yield from written(left + 14, top + FLAP + 10, right - left - 28 - fold, lines)


def written(x: float, y: float, room: float, lines: Sequence[tuple[str, str]]) -> Iterator[Words]:
    for number, (text, colour) in enumerate(lines):
        words = shortened(printable(text), TEXT, room, mono=True)
        yield Words(x, y + number * LINE, words, TEXT, colour, mono=True, bold=colour == "now")
