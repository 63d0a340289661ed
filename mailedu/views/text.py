"""A trace as a person would write it down, for a terminal: who calls whom, what was said, what was decided and why.

    mx.alpha.example calls mx.beta.example from 192.0.2.25 (SMTP, port 25)
      S: 220 mx.beta.example ESMTP          the server says this line, C: the client; C+ and S+ go on with a long one
         -> GREETED                         the state is now this
      C: STARTTLS
         TLS handshake
    | C: MAIL FROM:<alice@alpha.example>    under TLS there is a wall at the left
    |    DNS? alpha.example TXT             a question to the DNS
    |    DNS: v=spf1 -all                   and its answer

It is written from the score, as the player is; what strangers wrote is spelt out where it is not printable.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from ..acts import Answer, Ask, Cipher, Fetch, Hear, LabError, Page, Rule, Say, Store, Wait
from ..table import Table
from ..trace import Step, Trace, printable, told
from .score import ATTACKER, Row, score

LEVELS = ("journey", "conversation", "exchange", "message", "decision", "bytes")
SHOWN_AT = {level: depth for depth, level in enumerate(LEVELS)} | {"evidence": LEVELS.index("decision")}
MOST_LINES = 40  # of one message, but for the level of bytes
FIXED = "\u00a0"  # a blank at which no line ends
NARROWEST = 40


def transcript(
    trace: Trace,
    *,
    level: str = "decision",
    width: int = 100,
    numbers: bool = False,
    tables: Mapping[str, Table] | None = None,
) -> str:
    """The whole trace as lines of at most `width` cells; `level` says how far to look in, `numbers` shows the steps'.

    With the state `tables` ("pop3" -> its table) a state is called by the name that it is shown by.

    Levels, each with all that is in those before it: "journey", "conversation", "exchange" (a command and its reply in
    one line), "message" (what was said, line by line), "decision" (with the rules and the DNS), "bytes" (in hex too).
    """
    if level not in LEVELS:
        raise LabError(f"There is no level {level!r}; level is one of {', '.join(LEVELS)}.")
    return "\n".join(Teller(trace, level, max(width, NARROWEST), numbers, tables or {}).lines())


class Teller:
    """Writes the rows of one score down."""

    def __init__(self, trace: Trace, level: str, width: int, numbers: bool, tables: Mapping[str, Table]) -> None:
        self.trace, self.level, self.depth = trace, level, LEVELS.index(level)
        self.width, self.numbers = width, numbers
        found = score(trace, {}, tables)
        self.rows: list[Row] = found["rows"]
        self.sections: dict[str, str] = found["rules"]  # rule -> "RFC 5321 §4.1"
        self.labels = [  # talk -> state -> the name that it is shown by
            found["machines"][talk["machine"]]["labels"] if talk["machine"] else {} for talk in found["talks"]
        ]
        self.calls = {row["talk"]: row for row in self.rows if row["level"] == "conversation"}  # talk -> its own row
        self.inside = in_talks(self.rows)
        self.one_actor = len({row["actor"] for row in self.rows} - {"dns"}) < 2
        self.replies = last_replies(self.rows)
        self.seals = self.tapped() if level == "bytes" else {}
        self.secure: set[int | None] = set()  # talks that are under TLS by now
        self.at = 0.0
        self.speaker: str | None = ""  # whose acts outside of a call are being told; None: a call is

    def lines(self) -> Iterator[str]:
        empty = True
        for row in self.rows:
            if not self.is_shown(row):
                self.secure |= {self.talk(row)} if row["kind"] == "tls" else set()
                continue
            first, when = True, self.clock(row)
            if not empty and (when or self.is_apart(row)):
                yield ""
            if when:
                yield from [when, ""] if self.level != "conversation" else [when]
            for line in self.row(row):
                number = f"{row['n'] if first else '':>5} " if self.numbers else ""
                yield (number + line).rstrip()
                first = empty = False

    def is_shown(self, row: Row) -> bool:
        within = "up" in row and self.rows[row["up"]]["level"] == "exchange"
        return SHOWN_AT[row["level"]] <= self.depth and not (self.level == "exchange" and within)

    def is_apart(self, row: Row) -> bool:
        """Whether a blank line stands before it: a heading, or what somebody does after a call."""
        if self.level in ("journey", "conversation"):
            return False
        return row["level"] in ("journey", "conversation") or (self.speaker is None and self.talk(row) is None)

    def clock(self, row: Row) -> str:
        """The lab's time, when it is another than a row before."""
        was, self.at = self.at, row["at"]
        return f"-- {hours(self.at)} on the lab's clock" if abs(was - self.at) >= 1 and self.level != "journey" else ""

    def row(self, row: Row) -> Iterator[str]:
        """One row, in as many lines as it takes."""
        if row["level"] in ("journey", "conversation"):
            yield from self.heading(row)
        elif row["level"] == "exchange":
            yield from self.exchange(row)
        else:
            yield from self.who_acts(row)
            yield from self.told(row)

    # -- headings

    def heading(self, row: Row) -> Iterator[str]:
        self.speaker = ""
        indent = "  " * (self.above(row, "journey") if self.level in ("journey", "conversation") else 0)
        if row["level"] == "journey":
            return (yield from self.fold(indent, with_outcome(row)))
        came = f" from {row['from']}" if row.get("from", row["actor"]) != row["actor"] else ""
        said = f"{row['actor']} calls {row['to']}{came} ({row['label']})"
        if self.level == "conversation":
            said += f": {summary(row, self.inside[row['talk']])}"
        elif row.get("outcome") == "nobody answers":
            said += ": nobody answers"
        yield from self.fold(indent, said)
        yield from self.state(row)

    def who_acts(self, row: Row) -> Iterator[str]:
        """Outside of a call, a line that says whose acts follow; not where there is nobody else."""
        if self.talk(row) is not None:
            self.speaker = None
        elif not self.one_actor and row["actor"] not in ("dns", self.speaker):
            self.speaker = row["actor"]
            yield from self.fold("", f"{row['actor']}:")

    # -- what was said

    def exchange(self, row: Row) -> Iterator[str]:
        """A command and the end of its reply, in one line where they fit."""
        if self.level != "exchange":
            return
        command, last = printable(row["label"]), self.replies.get(id(row))
        reply = last_line(self.data(last)) if last else "(no reply)"
        margin = self.margin(row)
        column = self.room(margin) // 2 - 3
        if cells(command) <= column and cells(reply) <= self.room(margin) - column - 7:
            yield f"{margin}C: {command}{' ' * (column - cells(command))} S: {reply}"
        else:
            yield from self.fold(margin, f"C: {command}", "   ")
            yield from self.fold(margin, f"S: {reply}", "   ")

    def told(self, row: Row) -> Iterator[str]:
        """All but headings."""
        kind, act = row["kind"], self.trace.step(row["n"]).act
        margin = self.margin(row)
        if isinstance(act, Fetch):
            yield from self.fold(margin, f"GET {act.url}")
        elif isinstance(act, Page):
            yield from self.fold(margin, f"HTTP: {row['label']}")
            for line in act.body.decode("utf-8", "backslashreplace").splitlines()[:MOST_LINES]:
                yield from self.fold(margin, f"HTTP: {printable(line)}")
        elif kind == "say":
            yield from self.spoken(row)
        elif kind == "tls":
            yield from self.handshake(row)
        elif kind == "store":
            size = f" ({len(act.message)} octets)" if isinstance(act, Store) else ""
            yield from self.fold(margin, f"=> {row['label']}{size}")
            yield from self.because(row)
        elif kind == "rule":
            yield from self.rule(row)
        elif isinstance(act, Ask):
            yield from self.fold(margin, f"DNS? {act.name} {act.type}")
        elif isinstance(act, Answer):
            for record in act.records or (row["label"],):
                yield from self.fold(margin, f"DNS: {record}")
        elif kind == "open":
            yield from self.fold(margin, with_outcome(row))
        elif isinstance(act, Wait):
            yield from self.fold(margin, f"(waits {hours(act.seconds)})")
        elif kind != "connect" and self.rows[row.get("up", 0)].get("outcome") != "nobody answers":
            yield from self.fold(margin, f"({row['label']})")
        yield from self.state(row)

    def spoken(self, row: Row) -> Iterator[str]:
        data, talk = self.data(row), self.talk(row)
        if row.get("to") == ATTACKER:
            return  # it was said just before, or is handed on as it is
        letter = (
            "A"
            if row["actor"] == ATTACKER
            else ">"
            if talk is None
            else "C"
            if row["actor"] == self.calls[talk]["actor"]
            else "S"
        )
        margin = self.margin(row, message=True)
        lines = lines_of(data)
        left = [] if self.level == "bytes" or len(lines) <= MOST_LINES else lines[MOST_LINES - 4 :]
        for line in lines[: len(lines) - len(left)]:
            yield from self.cut(margin, letter, line)
        if left:
            yield f"{margin}{letter}: … ({len(left)} more lines; {len(data)} octets in all)"
        if self.level == "bytes":
            yield from self.hex(margin + "   ", data)
            yield from self.sealed(row)

    def handshake(self, row: Row) -> Iterator[str]:
        expects = f"; the client expects {row['because']['expects']}" if "because" in row else ""
        yield from self.fold(self.margin(row), f"TLS handshake{expects}")
        self.secure.add(self.talk(row))
        yield from self.sealed(row)

    def sealed(self, row: Row) -> Iterator[str]:
        """What a tap sees of it."""
        for act in self.seals.get(row["n"], ()):
            yield from self.fold(self.margin(row), f"on the wire, from the {act.sender}: {len(act.data)} octets of TLS")
            yield from self.hex(self.margin(row), act.data)

    def tapped(self) -> dict[int, list[Cipher]]:
        """Row's step -> what a tap sees of it.

        The server wrote it down: its own records under what it said, the client's under the handshake, each before
        what was heard.  Which of the client's records is the last of its handshake is not told: all but one are.
        """
        under: dict[int | None, list[Step]] = {}
        clients: dict[str, list[Step]] = {}  # conversation -> the client's records
        for step in self.trace.only(Cipher):
            under.setdefault(step.parent, []).append(step)
            if is_clients(step):
                clients.setdefault(step.conversation, []).append(step)
        found: dict[int, list[Step]] = {}
        heard: set[int] = set()  # records that carry what was heard
        for rows in self.inside.values():
            rows = [row for row in rows if row["kind"] in ("say", "tls")]
            for before, row in pairwise(rows):
                if row.get("reply"):
                    found[row["n"]] = list(under.get(row["n"], []))
                elif row["kind"] == "say":
                    theirs = clients.get(self.trace.step(row["n"]).conversation, [])
                    first = bisect(theirs, before["n"], key=number_of)
                    last = bisect(theirs, row["n"], key=number_of)
                    found[row["n"]] = theirs[max(first, last - 1) if before["kind"] == "tls" else first : last]
                    heard |= {step.number for step in found[row["n"]]}
            for row, after in zip(rows, [*rows[1:], None], strict=False):
                if row["kind"] == "tls":
                    rest = [step for step in under.get(row["n"], []) if step.number not in heard]
                    begun = [step for step in rest if after is None or step.number < after["n"]]
                    found[row["n"]] = begun
                    found.setdefault(rows[-1]["n"], []).extend(rest[len(begun) :])  # the two goodbyes of TLS
        return {n: [step.act for step in steps if isinstance(step.act, Cipher)] for n, steps in found.items()}

    def state(self, row: Row) -> Iterator[str]:
        """The new one, unless it is another only to the table."""
        if "state" in row and self.depth >= SHOWN_AT["message"]:
            talk = self.talk(row)
            labels = self.labels[talk] if talk is not None else {}
            before, verb, after = row["state"]
            if not verb or labels.get(before, before) != labels.get(after, after):
                yield from self.fold(self.margin(row, message=True) + "   ", f"-> {labels.get(after, after)}")

    # -- what was decided

    def rule(self, row: Row) -> Iterator[str]:
        act = self.trace.step(row["n"]).act
        assert isinstance(act, Rule)
        if "says" not in row:
            return (yield from self.fold(self.margin(row), told(act)))
        rfc = self.sections.get(row["rule"], "")
        outcome = f"{row['outcome']}: " if "outcome" in row else ""
        yield from self.fold(self.margin(row), f"{outcome}{row['says']}", source=rfc)
        yield from self.because(row)

    def because(self, row: Row) -> Iterator[str]:
        """What it rests on, where one looks at every octet."""
        if self.level == "bytes":
            for key, value in row.get("because", {}).items():
                yield from self.fold(self.margin(row) + "  ", f"{key} = {value}")

    # -- where it stands

    def talk(self, row: Row) -> int | None:
        return talk_of(self.rows, row)

    def above(self, row: Row, level: str) -> int:
        """How many groups of this level it stands in, of those that are shown."""
        if SHOWN_AT[level] > self.depth:
            return 0
        count = 0
        while "up" in row:
            row = self.rows[row["up"]]
            count += row["level"] == level
        return count

    def margin(self, row: Row, message: bool = False) -> str:
        """What stands at the left: the wall of TLS, and an indent for each decision it is part of."""
        talk = self.talk(row)
        depth = "  " * self.above(row, "decision")
        if talk is None:
            return depth if self.one_actor else "  " + depth
        wall = "| " if talk in self.secure else "  "
        return wall if message or row["level"] == "exchange" else f"{wall}   {depth}"

    def data(self, row: Row) -> bytes:
        act = self.trace.step(row["n"]).act
        return act.data if isinstance(act, Say | Hear) else b""

    # -- lines of the right width

    def fold(self, margin: str, said: str, hanging: str = "  ", source: str = "") -> Iterator[str]:
        """Words, in lines; those after the first hang.  The RFC at the end stays in one piece."""
        room = self.room(margin)
        text = printable(said) + (f" [{source.replace(' ', FIXED)}]" if source else "")
        for number, line in enumerate(wrapped(text, room, room - len(hanging))):
            yield margin + (hanging if number else "") + line.replace(FIXED, " ")

    def cut(self, margin: str, letter: str, said: str) -> Iterator[str]:
        """A line of the wire, cut where it does not fit: no letter of it is lost, and a blank at the cut is seen."""
        room, mark = self.room(margin) - 3, ":"
        while True:
            fits = len(said) if cells(said) <= room else fitting(said, room)
            if fits < len(said):
                fits = len(said[:fits].rstrip(" ")) or fits
            yield f"{margin}{letter}{mark} {said[:fits]}"
            said, mark = said[fits:], "+"
            if not said:
                return

    def hex(self, margin: str, data: bytes) -> Iterator[str]:
        """Offset, octets, and what is printable of them."""
        count = 16 if self.room(margin) >= 74 else 8
        for at in range(0, len(data), count):
            octets = data[at : at + count]
            text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in octets)
            yield f"{margin}{at:06x}  {octets.hex(' '):<{3 * count}} {text}"

    def room(self, margin: str) -> int:
        return max(self.width - len(margin) - (6 if self.numbers else 0), 20)


def number_of(step: Step) -> int:
    return step.number


def is_clients(step: Step) -> bool:
    return isinstance(step.act, Cipher) and step.act.sender == "client"


def with_outcome(row: Row) -> str:
    return f"{row['label']}: {row['outcome']}" if "outcome" in row else str(row["label"])


def talk_of(rows: Sequence[Row], row: Row) -> int | None:
    """The conversation that a row is part of."""
    while "talk" not in row:
        if "up" not in row:
            return None
        row = rows[row["up"]]
    return int(row["talk"])


def in_talks(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Conversation -> the rows in it, its own one first."""
    inside: dict[int, list[Row]] = {}
    for row in rows:
        if (talk := talk_of(rows, row)) is not None:
            inside.setdefault(talk, []).append(row)
    return inside


def summary(call: Row, inside: Sequence[Row]) -> str:
    """A whole conversation in a few words: "7 commands, TLS, 1 refused"."""
    if call.get("outcome") == "nobody answers":
        return "nobody answers"
    exchanges = [row for row in inside if row["level"] == "exchange"]
    refused = sum(row.get("mood") in ("bad", "later") for row in exchanges)
    parts = [f"{len(exchanges)} {'command' if len(exchanges) == 1 else 'commands'}"]
    parts += ["TLS"] if any(row["kind"] == "tls" for row in inside) else []
    parts += [f"{refused} refused"] if refused else []
    return ", ".join(parts)


def last_replies(rows: Sequence[Row]) -> dict[int, Row]:
    """id() of an exchange's row -> the last reply in it."""
    return {id(rows[row["up"]]): row for row in rows if row.get("reply") and "up" in row}


def last_line(data: bytes) -> str:
    """What a reply says in the end; a listing says it in its first line."""
    lines = lines_of(data)
    return lines[0] if lines[-1] == "." else lines[-1]


def lines_of(data: bytes) -> list[str]:
    """The lines of a message; what is not UTF-8 or not printable is spelt out."""
    return [printable(line.decode("utf-8", "backslashreplace")) for line in data.removesuffix(b"\r\n").split(b"\r\n")]


def hours(seconds: float) -> str:
    """3725.0 -> "1:02:05"; a day and more: "2 days 1:02:05"."""
    if seconds == float("inf"):
        return "for ever"
    days, rest = divmod(round(seconds), 86_400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} {'day' if days == 1 else 'days'} {clock}" if days else clock


def cells(text: str) -> int:
    """How wide it is in a terminal: Chinese letters take two cells, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fitting(text: str, room: int) -> int:
    """How many of its letters fit; one at least."""
    count = used = 0
    for letter in text:
        used += cells(letter)
        if used > room and count:
            break
        count += 1
    return count


def wrapped(text: str, first: int, rest: int) -> Iterator[str]:
    """Lines of at most `first`, then `rest` cells, broken between words, or within one that fits in no line."""
    room = first
    while cells(text) > room:
        fits = fitting(text, room)
        blank = text.rfind(" ", 1, fits + 1)
        end = blank if blank > 0 and text[:blank].strip() else fits
        yield text[:end].rstrip(" ")
        text, room = text[end:].lstrip(" "), rest
    yield text
