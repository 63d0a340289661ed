"""A trace as a sequence diagram: who acts from left to right, time from top to bottom, words beside it.

Text never sits on an arrow, so it stays readable with five lanes on one slide.  Rows are the score's, with the numbers
of the steps, so that the diagram, the transcript and the player speak of the same things.  Under TLS an arrow runs in a
tube; who says no is marked by an octagon and by a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..acts import LabError
from ..trace import Trace, printable
from .drawing import (
    BOLD,
    Box,
    Disc,
    Drawing,
    Line,
    Shape,
    Words,
    arrowhead,
    diamond,
    length,
    octagon,
    shortened,
    wrapped,
)
from .score import Row, score
from .text import hours, in_talks, last_line, last_replies, lines_of, summary, talk_of

LEVELS = ("journey", "conversation", "exchange", "message", "decision")
SHOWN_AT = {level: depth for depth, level in enumerate(LEVELS)} | {"evidence": LEVELS.index("decision")}
WIDTH = 1100.0
MARGIN = 18.0
NUMBERS = 50.0  # the steps' numbers end here
FIRST = 96.0  # the first lane
LANES = 424.0  # as wide as all lanes may be together
HEAD = 96.0  # the lanes' names end here
ROW = 25.0
MORE = 16.0  # for each further line of text
MOST_LINES = 3  # of a sentence
TEXT, SMALL = 13.0, 10.5
NO = ("bad", "later")  # moods of who says no, or not now
MOODS = {"good": "good", "bad": "bad", "later": "later"}  # mood -> colour


def sequence_drawing(trace: Trace, level: str = "exchange", title: str = "") -> Drawing:
    """The trace as a picture, at one of `LEVELS`."""
    if level not in LEVELS:
        raise LabError(f"There is no level {level!r} in a sequence diagram; level is one of {', '.join(LEVELS)}.")
    return Sheet(trace, level, title).drawing()


class Sheet:
    """Puts one trace on paper."""

    def __init__(self, trace: Trace, level: str, title: str) -> None:
        self.trace, self.level, self.depth = trace, level, LEVELS.index(level)
        found = score(trace, {}, {}, title)
        self.title: str = found["title"]
        self.rows: list[Row] = found["rows"]
        self.sections: dict[str, str] = found["rules"]
        self.lanes: list[dict[str, Any]] = found["lanes"]
        self.gap = min(112.0, LANES / max(len(self.lanes) - 1, 1))
        self.lane = {actor: FIRST + self.gap * place for place, lane in enumerate(self.lanes) for actor in lane["of"]}
        self.text = FIRST + self.gap * (len(self.lanes) - 1) + 34
        self.room = WIDTH - MARGIN - self.text
        self.inside = in_talks(self.rows) if level == "conversation" else {}
        self.replies = last_replies(self.rows)
        self.refusals = {  # id() of a reply -> the exchange that it refuses
            id(self.replies[id(row)]): row
            for row in self.rows
            if row["level"] == "exchange" and row.get("mood") in NO and id(row) in self.replies
        }
        self.secure: set[int | None] = set()
        self.at = 0.0

    def drawing(self) -> Drawing:
        drawing = Drawing(self.title, WIDTH, 0)
        y = HEAD + 16
        shapes: list[Shape] = []
        for row in self.rows:
            if not self.is_shown(row):
                self.secure |= {talk_of(self.rows, row)} if row["kind"] == "tls" else set()
                continue
            if abs(row["at"] - self.at) >= 1:
                shapes += self.time(row["at"], y)
                y += ROW
            self.at = row["at"]
            more, height = self.row(row, y)
            shapes += more
            y += height
        drawing.height = y + 6
        drawing.add(*self.head(y - 4), *shapes)
        return drawing

    def is_shown(self, row: Row) -> bool:
        if row["kind"] == "connect" or (self.depth > SHOWN_AT["exchange"] and row["level"] == "exchange"):
            return False
        within = "up" in row and self.rows[row["up"]]["level"] == "exchange"
        return SHOWN_AT[row["level"]] <= self.depth and not (self.level == "exchange" and within)

    # -- the lanes

    def head(self, bottom: float) -> Iterable[Shape]:
        yield Words(MARGIN, 26, shortened(printable(self.title), 18, (WIDTH - 2 * MARGIN) / BOLD), 18, bold=True)
        for place, lane in enumerate(self.lanes):
            x = FIRST + self.gap * place
            yield Line(((x, HEAD), (x, bottom)), "line", 1.2)
            colour = "dns" if lane["role"] == "dns" else "ink"
            name = shortened(printable(lane["name"]), TEXT, (self.gap - 8) / BOLD)
            yield Words(x, HEAD - 32, name, TEXT, colour, "middle", bold=True)
            if home := below(lane):
                yield Words(x, HEAD - 15, shortened(home, SMALL, self.gap - 4), SMALL, "quiet", "middle")
        yield Line(((MARGIN, HEAD), (WIDTH - MARGIN, HEAD)), "edge", 1.0)

    def time(self, at: float, y: float) -> Iterable[Shape]:
        """The lab's clock has moved."""
        said = shortened(f"{hours(at)} on the lab's clock", SMALL + 1, self.room)
        yield Line(((MARGIN, y), (self.text - 12, y)), "later", 1.2, "dashed")
        yield Words(self.text, y, said, SMALL + 1, "later")

    # -- one row

    def row(self, row: Row, y: float) -> tuple[list[Shape], float]:
        """Its shapes, and how high it is."""
        shapes: list[Shape] = [Words(NUMBERS, y, str(row["n"]), SMALL, "quiet", "end")]
        kind, level = row["kind"], row["level"]
        if level == "journey":
            shapes += self.journey(row, y)
        elif level == "conversation":
            shapes += self.call(row, y)
        elif level == "exchange":
            shapes += self.exchange(row, y)
        elif kind == "say":
            shapes += self.message(row, y)
        elif kind == "tls":
            shapes += self.handshake(row, y)
        elif kind in ("ask", "answer"):
            shapes += self.dns(row, y)
        elif kind == "rule" or (kind == "open" and level == "decision"):
            more, height = self.decision(row, y)
            return shapes + more, height
        elif kind == "store":
            shapes += self.store(row, y)
        else:
            x = self.lane.get(row["actor"], FIRST)
            shapes += [Line(((x - 5, y), (x + 5, y)), "edge", 2.0), *self.say(row["label"], y, "quiet")]
        return shapes, ROW

    def journey(self, row: Row, y: float) -> Iterable[Shape]:
        yield Line(((MARGIN, y - ROW / 2 + 1), (WIDTH - MARGIN, y - ROW / 2 + 1)), "line", 1.0)
        yield Disc(self.lane.get(row["actor"], FIRST), y, 5, "ink", "ink")
        left, tag = self.tag(row.get("outcome", ""), row.get("mood", ""), y)
        yield from tag
        yield from self.say(row["label"], y, bold=True, room=left - self.text)

    def call(self, row: Row, y: float) -> Iterable[Shape]:
        """Two rings and a dashed line; an octagon where nobody answers."""
        a, b = self.ends(row)
        silent = row.get("outcome") == "nobody answers"
        out = 1 if b > a else -1
        end = b - (14 if silent else 5) * out
        yield Line(((a + 5 * out, y), (end, y)), "later" if silent else "ink", 1.4, "dashed")
        yield Disc(a, y, 5, "bg", "ink")
        if silent:
            yield from octagon(b - 8 * out, y, 7, "later", "bg")
        else:
            yield Disc(b, y, 5, "bg", "ink")
        said = row["label"] + (f", from {row['from']}" if row.get("from", row["actor"]) != row["actor"] else "")
        word = "nobody answers" if silent else summary(row, self.inside[row["talk"]]) if self.inside else ""
        left, tag = self.tag(word, row.get("mood", ""), y)
        yield from tag
        yield from self.say(said, y, bold=True, room=left - self.text)
        yield from self.state(row, y, left)

    def exchange(self, row: Row, y: float) -> Iterable[Shape]:
        """There and back: the command at the left, the end of its reply at the right."""
        a, b = self.ends(row)
        out = 1 if b > a else -1
        reply, no = self.replies.get(id(row)), row.get("mood") in NO
        colour = MOODS[row["mood"]] if no else "ink"
        if talk_of(self.rows, row) in self.secure:
            yield from tube(a, b, y, 9)
        turn = b - (16 if no else 7) * out
        yield Line(((a + 4 * out, y - 4), (turn, y - 4)), width=1.5)
        yield arrowhead((turn + 3 * out, y - 4), (out, 0), 8)
        if reply is not None:
            yield Line(((turn, y + 5), (a + 7 * out, y + 5)), colour, 1.5)
            yield arrowhead((a + 3 * out, y + 5), (-out, 0), 8, colour, filled=False)
        if no:
            yield from octagon(b - 5 * out, y, 7, colour, "bg")
        left, tag = self.refused(row, y) if no else (WIDTH - MARGIN, [])
        yield from tag
        column = self.room * 0.54
        yield from self.say(row["label"], y, mono=True, room=column - 10)
        if reply is not None:
            said = last_line(self.data(reply))
            x = self.text + column
            said = shortened(said, TEXT - 1, left - x - 6, mono=True)
            yield Words(x, y, said, TEXT - 1, colour if no else "quiet", mono=True)

    def message(self, row: Row, y: float) -> Iterable[Shape]:
        if talk_of(self.rows, row) is None or "to" not in row:
            yield from self.say(row["label"], y, mono=True)
            return
        a, b = self.ends(row)
        out, refusal = (1 if b > a else -1), self.refusals.get(id(row))
        colour = MOODS[refusal["mood"]] if refusal else "ink"
        if row.get("tls"):
            yield from tube(a, b, y, 6)
        start = a + (16 if refusal else 4) * out
        yield Line(((start, y), (b - 7 * out, y)), colour, 1.5)
        yield arrowhead((b - 3 * out, y), (out, 0), 8, colour, filled=not row.get("reply"))
        if refusal:
            yield from octagon(a + 6 * out, y, 7, colour, "bg")
        left, tag = self.refused(refusal, y) if refusal else (WIDTH - MARGIN, [])
        yield from tag
        left = yield from self.state(row, y, left)
        data = self.data(row)
        count = len(lines_of(data))
        more = f"  … {count} lines, {len(data)} octets" if count > 1 else ""
        room = left - self.text - length(more, SMALL) - 6
        label = shortened(printable(row["label"]), TEXT, room, mono=True)
        yield Words(self.text, y, label, TEXT, colour, mono=True)
        if more:
            yield Words(self.text + length(label, TEXT, mono=True), y, more, SMALL, "quiet")

    def handshake(self, row: Row, y: float) -> Iterable[Shape]:
        """A double line and a lock."""
        a, b = self.ends(row)
        self.secure.add(talk_of(self.rows, row))
        yield from tube(a, b, y, 5)
        middle = (a + b) / 2
        shackle = ((middle - 4, y - 1), (middle - 4, y - 6), (middle + 4, y - 6), (middle + 4, y - 1))
        yield Line(shackle, "tls", 1.6, corner=4)
        yield Box(middle - 6, y - 2, 12, 9, 2, "tls", "tls")
        expects = row.get("because", {}).get("expects", "")
        yield from self.say(f"TLS handshake{f', expecting {expects}' if expects else ''}", y, "tls", bold=True)

    def dns(self, row: Row, y: float) -> Iterable[Shape]:
        """Dotted; a question ends in a disc with ?, an answer begins at a box with =, or with – where there is none."""
        a, b = self.ends(row)
        out, asks = (1 if b > a else -1), row["kind"] == "ask"
        colour = "later" if row.get("mood") in NO else "dns"
        yield Line(((a + 8 * out, y), (b - 9 * out, y)), "dns", 1.5, "dotted")
        yield arrowhead((b - (10 if asks else 4) * out, y), (out, 0), 7, "dns", filled=asks)
        if asks:
            yield Disc(b, y, 8, "bg", "dns")
            yield Words(b, y, "?", SMALL, "dns", "middle", bold=True)
        else:
            yield Box(a - 7, y - 7, 14, 14, 2, "bg", colour)
            yield Words(a, y, "=" if colour == "dns" else "–", SMALL, colour, "middle", bold=True)
        yield from self.say(row["label"], y, colour, mono=True)

    def decision(self, row: Row, y: float) -> tuple[list[Shape], float]:
        """A diamond on the lane of who decides; two, where it is made of others."""
        x, group = self.lane.get(row["actor"], FIRST), row["kind"] == "open"
        colour = MOODS.get(row.get("mood", ""), "ink")
        shapes: list[Shape] = [diamond(x - 3, y, 7, colour, "bg")] if group else []
        shapes.append(diamond(x + (3 if group else 0), y, 7, colour, "bg"))
        if row.get("mood") in ("bad", "good"):
            shapes += mark(x + (3 if group else 0), y, colour, row["mood"] == "good")
        left, tag = self.tag(row.get("outcome", ""), row.get("mood", ""), y)
        indent = 14.0 * self.nested(row)
        size = TEXT if group else TEXT - 1
        room = left - self.text - indent - 8
        lines = wrapped(printable(row["label"]), size, room / (BOLD if group else 1), MOST_LINES)
        for number, line in enumerate(lines):
            shapes.append(Words(self.text + indent, y + MORE * number, line, size, "ink", bold=group))
        if rfc := self.sections.get(row.get("rule", ""), ""):
            end = length(lines[-1], size) + 10
            if end + length(rfc, SMALL) > room:
                lines, end = [*lines, rfc], 0.0
            shapes.append(Words(self.text + indent + end, y + MORE * (len(lines) - 1), rfc, SMALL, "quiet"))
        return shapes + tag, ROW + MORE * (len(lines) - 1)

    def store(self, row: Row, y: float) -> Iterable[Shape]:
        """A cylinder: something is kept."""
        x = self.lane.get(row["actor"], FIRST)
        yield Box(x - 8, y - 7, 16, 15, 4, "raised", "ink")
        yield Line(((x - 8, y - 3), (x - 4, y - 0.5), (x + 4, y - 0.5), (x + 8, y - 3)), "ink", 1.2, corner=4)
        yield from self.say(row["label"], y, bold=True)

    # -- words

    def say(
        self, said: str, y: float, colour: str = "ink", mono: bool = False, bold: bool = False, room: float = 0.0
    ) -> Iterable[Shape]:
        shown = shortened(printable(said), TEXT, (room or self.room) / (BOLD if bold else 1), mono)
        yield Words(self.text, y, shown, TEXT, colour, mono=mono, bold=bold)

    def tag(self, word: str, mood: str, y: float) -> tuple[float, list[Shape]]:
        """A word in a frame at the right; where it begins, and its shapes."""
        right = WIDTH - MARGIN
        if not word:
            return right, []
        word = shortened(printable(word), SMALL + 0.5, self.room * 0.5)
        width = length(word, SMALL + 0.5, bold=True) + 14
        colour = MOODS.get(mood, "quiet")
        frame = Box(right - width, y - 9, width, 18, 5, "bg", colour, 1.8 if mood == "bad" else 1.1)
        return right - width - 8, [frame, Words(right - width / 2, y, word, SMALL + 0.5, colour, "middle", bold=True)]

    def refused(self, exchange: Row, y: float) -> tuple[float, list[Shape]]:
        word = "refused" if exchange["mood"] == "bad" else "not now"
        outcome = exchange.get("outcome", "")
        return self.tag(f"{outcome} {word}" if outcome.isdecimal() else word, exchange["mood"], y)

    def state(self, row: Row, y: float, right: float) -> Any:
        """The state that is entered with this row, left of `right`; returns what is left of the room."""
        if "state" not in row or self.depth < SHOWN_AT["message"]:
            return right
        said = f"→ {printable(row['state'][2])}"
        yield Words(right - 4, y, said, SMALL + 1, "now", "end", bold=True)
        return right - length(said, SMALL + 1, bold=True) - 16

    # -- where it stands

    def ends(self, row: Row) -> tuple[float, float]:
        """From which lane to which; a host that calls itself goes a little aside."""
        a, b = self.lane.get(row["actor"], FIRST), self.lane.get(row.get("to", ""), FIRST)
        return (a, b) if a != b else (a - self.gap * 0.3, a + self.gap * 0.3)

    def nested(self, row: Row) -> int:
        count = 0
        while "up" in row:
            row = self.rows[row["up"]]
            count += row["level"] == "decision"
        return count

    def data(self, row: Row) -> bytes:
        return getattr(self.trace.step(row["n"]).act, "data", b"")


def below(lane: dict[str, Any]) -> str:
    """What stands under a lane's name: which hosts share it, or where a person is at home."""
    hosts = [actor.split(".")[0] for actor in lane["of"]]
    if lane["role"] == "server":
        return printable(lane["of"][0] if len(hosts) == 1 else " · ".join(hosts))
    return printable(lane["of"][0].partition("@")[2])


def tube(a: float, b: float, y: float, half: float) -> Iterable[Shape]:
    """The walls of TLS around what is said between two lanes."""
    left, right = sorted((a, b))
    yield Box(left + 2, y - half, right - left - 4, 2 * half + 1, 0, "tls-bg", "")
    for wall in (y - half, y + half + 1):
        yield Line(((left + 2, wall), (right - 2, wall)), "tls", 1.1)


def mark(x: float, y: float, colour: str, good: bool) -> Iterable[Shape]:
    """A check, or a cross, in a diamond."""
    if good:
        yield Line(((x - 3, y), (x - 0.8, y + 2.4), (x + 3, y - 2.4)), colour, 1.6)
    else:
        yield Line(((x - 2.3, y - 2.3), (x + 2.3, y + 2.3)), colour, 1.6)
        yield Line(((x - 2.3, y + 2.3), (x + 2.3, y - 2.3)), colour, 1.6)
