"""The diagram of a state table, drawn from its rows.

States stand one under another, in the order in which the rows name them.  Down the middle goes what leads to the next
one; at the right what skips some, at the left what leads back.  Where three states or more are left by one command for
one place, it is told once, at that place; what may be said nearly everywhere and leads nowhere is told once below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..acts import LabError
from ..table import Row, Table
from .drawing import Box, Disc, Drawing, Line, Shape, Words, arrowhead, length, wrapped

WIDTH = 1100.0
BOX = 330.0  # a state
LEFT, RIGHT = (WIDTH - BOX) / 2, (WIDTH + BOX) / 2
TOP = 66.0
NAME = 17.0  # sizes of text
TEXT = 13.5
LINE = 17.0  # from one line of text to the next
GAP = 17.0  # between two states, at least
STUB = 46.0  # the arrow of what is told once
FROM_MANY = 3  # so many states that one command leaves for one place are told once
IN_MANY = 4  # so many states in which a command leads nowhere are told once
BUT_FEW = 2  # if there are no more that lack it
REFUSAL = "What is refused leaves the state as it is, unless an arrow says otherwise."


@dataclass(slots=True)
class Edge:
    """All rows from one state to another one."""

    start: str
    end: str
    rows: list[Row] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The commands, a line an outcome: "USER, PASS", "tls-failed: STARTTLS"."""
        by_outcome: dict[str, list[str]] = {}
        outcomes: dict[str, list[str]] = {}
        for row in self.rows:
            outcomes.setdefault(row.command, []).append(row.outcome)
        for command, found in outcomes.items():
            word = "" if found == ["ok"] else "ok or not" if "ok" in found else ", ".join(found)
            by_outcome.setdefault(word, []).append(command)
        return [f"{word}: {said(commands)}" if word else said(commands) for word, commands in by_outcome.items()]

    @property
    def refused(self) -> bool:
        """Whether only a refusal or a failure leads here."""
        return all(row.outcome != "ok" for row in self.rows)


@dataclass(slots=True)
class State:
    """One box: where it stands and what has to be told at its sides."""

    name: str
    stays: list[str]  # lines of text: what leaves it as it is
    y: float = 0.0
    height: float = 0.0
    right: list[tuple[Edge, bool]] = field(default_factory=list)  # (edge, whether it begins here)
    left: list[tuple[Edge, bool]] = field(default_factory=list)
    entered: list[list[str]] = field(default_factory=list)  # [commands, from where …], told once


def state_drawing(table: Table, here: str = "") -> Drawing:
    """The table as a picture; the state `here` is lit."""
    if here and here not in table.states:
        raise LabError(f"{table.name} has no state {here!r}; its states are {', '.join(table.states)}.")
    return Sheet(table, here).drawing()


class Sheet:
    """Puts one table on paper."""

    def __init__(self, table: Table, here: str) -> None:
        self.table, self.here = table, here
        last = [name for name in table.states if not any(row.state == name for row in table)]
        names = [name for name in table.states if name not in last] + last
        self.order = {name: place for place, name in enumerate(names)}
        self.last = set(last)
        self.alive = [name for name in names if name not in last]  # where something can still be said
        self.everywhere = self.staying_in_many()
        self.states = {name: State(name, self.stays(name)) for name in names}
        self.below: dict[str, Edge] = {}  # state -> the edge to the one under it
        for edge in self.edges():
            self.place(edge)

    # -- what the rows say

    def edges(self) -> Iterable[Edge]:
        """Edges between different states, without those that are told once."""
        many: dict[tuple[str, str], dict[str, list[Row]]] = {}  # (command, end) -> start -> rows
        for row in self.table:
            if row.next != row.state:
                many.setdefault((row.command, row.next), {}).setdefault(row.state, []).append(row)
        edges: dict[tuple[str, str], Edge] = {}
        told: dict[tuple[str, tuple[str, ...]], list[Row]] = {}  # (end, starts) -> rows
        for (_, end), starts in many.items():
            if len(starts) >= FROM_MANY:
                told.setdefault((end, tuple(starts)), []).extend(row for rows in starts.values() for row in rows)
                continue
            for start, rows in starts.items():
                edges.setdefault((start, end), Edge(start, end)).rows += rows
        for (end, begun), rows in told.items():
            one = Edge(begun[0], end, [row for row in rows if row.state == begun[0]])
            where = self.where([name for name in begun if name != end], end, "from any state")
            lines = wrapped(where, TEXT - 1, LEFT - STUB - 70, 3)
            self.states[end].entered.append(["; ".join(one.lines), *lines])
        return edges.values()

    def where(self, names: Sequence[str], end: str, everywhere: str) -> str:
        """ "from any state", "from any state but A", or the states by name."""
        others = [name for name in self.alive if name not in (*names, end)]
        if not others:
            return everywhere
        if len(others) <= BUT_FEW:
            return f"{everywhere} but {' and '.join(others)}"
        return f"from {', '.join(names)}"

    def staying_in_many(self) -> dict[str, str]:
        """Command -> where it may be given and leads nowhere, if that is nearly everywhere."""
        found = {}
        for command in dict.fromkeys(command for name in self.alive for command in self.staying(name)):
            names = [name for name in self.alive if command in self.staying(name)]
            if len(names) >= IN_MANY and len(self.alive) - len(names) <= BUT_FEW:
                found[command] = self.where(names, "", "in every state")
        return found

    def staying(self, name: str) -> list[str]:
        """The commands that leave this state as it is when they are obeyed."""
        rows = (row for row in self.table if row.state == row.next == name and row.outcome == "ok")
        return list(dict.fromkeys(row.command for row in rows))

    def stays(self, name: str) -> list[str]:
        """The same in lines for its box, without what is told below; before it, the name it is shown by."""
        shown = self.table.labels.get(name, name)
        return [*([f"shown as {shown}"] if shown != name else []), *self.stays_there(name)]

    def stays_there(self, name: str) -> list[str]:
        mine = [command for command in self.staying(name) if command not in self.everywhere]
        for other in reversed([other for other in self.order if self.order[other] < self.order[name]]):
            theirs = [command for command in self.staying(other) if command not in self.everywhere]
            if len(theirs) > 4 and set(theirs) <= set(mine):
                more = [command for command in mine if command not in theirs]
                text = f"as in {other}" + (f", and {said(more)}" if more else "")
                return wrapped(text, TEXT, BOX - 30, 9)
        return wrapped(said(mine), TEXT, BOX - 30, 9) if mine else []

    # -- what stands where

    def place(self, edge: Edge) -> None:
        start, end = self.order[edge.start], self.order[edge.end]
        if end == start + 1:
            self.below[edge.start] = edge
        elif end > start:
            self.states[edge.start].right.append((edge, True))
            self.states[edge.end].right.append((edge, False))
        else:
            self.states[edge.start].left.append((edge, True))
            self.states[edge.end].left.append((edge, False))

    def drawing(self) -> Drawing:
        y = TOP
        for state in self.states.values():
            sides = (self.side_height(state, "right"), self.side_height(state, "left"))
            state.y, state.height = y, max(36 + LINE * len(state.stays), *sides)
            gap = GAP + LINE * len(self.below[state.name].lines) if state.name in self.below else GAP
            y += state.height + gap
        by_place: dict[str, list[str]] = {}
        for command, where in self.everywhere.items():
            by_place.setdefault(where, []).append(command)
        foot = [f"{said(commands)}: {where}." for where, commands in by_place.items()]
        notes = [line for text in (*foot, REFUSAL) for line in wrapped(text, TEXT, WIDTH - 80, 3)]
        drawing = Drawing(f"The states of {self.table.name}", WIDTH, y + LINE * len(notes) + 6)
        drawing.add(Words(40, 34, drawing.title, 20, bold=True))
        self.draw_edges(drawing)
        for state in self.states.values():
            self.draw_state(drawing, state)
        for number, note in enumerate(notes):
            drawing.add(Words(40, y + LINE * number, note, TEXT, "quiet"))
        return drawing

    def side_height(self, state: State, side: str) -> float:
        return 10 + slots_height(state, side) + self.entered_height(state, side)

    def entered_height(self, state: State, side: str) -> float:
        """What is told once stands at the side where there is less to tell."""
        fuller = "left" if slots_height(state, "left") > slots_height(state, "right") else "right"
        return 0.0 if side == fuller else sum(LINE * len(lines) + 5 for lines in state.entered)

    def draw_state(self, drawing: Drawing, state: State) -> None:
        lit, middle = state.name == self.here, WIDTH / 2
        fill, edge, thick = ("now-bg", "now", 2.6) if lit else ("raised", "edge", 1.4)
        drawing.add(Box(LEFT, state.y, BOX, state.height, 10, fill, edge, thick))
        if state.name in self.last:
            drawing.add(Box(LEFT + 4, state.y + 4, BOX - 8, state.height - 8, 7, "", "edge", 1.0))
        y = state.y + (state.height - NAME - LINE * len(state.stays)) / 2 + NAME / 2
        drawing.add(Words(middle, y, state.name, NAME, "now" if lit else "ink", "middle", bold=True))
        if lit:
            drawing.add(Words(LEFT + BOX - 10, state.y + 11, "here", TEXT - 1, "now", "end", bold=True))
        for number, line in enumerate(state.stays, 1):
            drawing.add(Words(middle, y + 4 + LINE * number, line, TEXT, "quiet", "middle"))
        entered_by_nobody = not any(row.next == state.name != row.state for row in self.table)
        if entered_by_nobody or self.order[state.name] == 0:
            drawing.add(*beginning(middle if not self.order[state.name] else LEFT - 60, state))

    def draw_edges(self, drawing: Drawing) -> None:
        for name, edge in self.below.items():
            self.draw_down(drawing, self.states[name], self.states[edge.end], edge)
        for side in ("right", "left"):
            self.draw_side(drawing, side)

    def draw_down(self, drawing: Drawing, start: State, end: State, edge: Edge) -> None:
        x, colour = WIDTH / 2, "bad" if edge.refused else "ink"
        bottom = start.y + start.height
        drawing.add(Line(((x, bottom), (x, end.y - 4)), colour, 1.6, "dashed" if edge.refused else "solid"))
        drawing.add(arrowhead((x, end.y - 1), (0, 1), colour=colour))
        middle = (bottom + end.y) / 2 - LINE * (len(edge.lines) - 1) / 2
        for number, line in enumerate(edge.lines):
            drawing.add(Words(x + 12, middle + LINE * number, line, TEXT, colour))

    def draw_side(self, drawing: Drawing, side: str) -> None:
        """Edges that skip states: out of the box, along a lane of their own, into another box."""
        out = 1 if side == "right" else -1
        wall = RIGHT if side == "right" else LEFT
        begins: dict[int, float] = {}  # id(edge) -> y
        ends: dict[int, float] = {}
        found: list[Edge] = []
        told: list[str] = []
        for state in self.states.values():
            y = state.y + 5 + self.entered_height(state, side)
            for edge, starts in sorted(getattr(state, side), key=lambda slot: self.slot_order(state, *slot)):
                height = slot_height(edge, starts)
                if starts:
                    begins[id(edge)] = y + height - 8
                    found.append(edge)
                else:
                    ends[id(edge)] = y + height / 2
                y += height
            if self.entered_height(state, side):
                told += [line for lines in state.entered for line in lines]
                self.draw_entered(drawing, state, wall, out)
        found.sort(key=lambda edge: abs(self.order[edge.end] - self.order[edge.start]))
        texts = [(line, 0.0) for edge in found for line in edge.lines] + [(line, STUB - 16) for line in told]
        widest = max((length(line, TEXT) + more for line, more in texts), default=0.0)
        for lane, edge in enumerate(found):
            x = wall + out * (widest + 34 + 15 * lane)
            y, end = begins[id(edge)], ends[id(edge)]
            colour, style = ("bad", "dashed") if edge.refused else ("ink", "solid")
            drawing.add(Line(((wall, y), (x, y), (x, end), (wall + out * 4, end)), colour, 1.6, style, corner=9))
            drawing.add(arrowhead((wall + out, end), (-out, 0), colour=colour))
            for number, line in enumerate(reversed(edge.lines)):
                anchor = "start" if out > 0 else "end"
                drawing.add(Words(wall + out * 10, y - 10 - LINE * number, line, TEXT, colour, anchor))

    def slot_order(self, state: State, edge: Edge, begins: bool) -> tuple[float, float]:
        """From top to bottom at one side of a box: what comes from above, what goes up, what goes down, …"""
        other = self.order[edge.end if begins else edge.start] - self.order[state.name]
        return (0 if other < 0 else 1, -other if other > 0 else other)

    def draw_entered(self, drawing: Drawing, state: State, wall: float, out: int) -> None:
        """What leads here from many states, told once."""
        y = state.y + 7
        for lines in state.entered:
            height = LINE * len(lines)
            middle = y + height / 2
            drawing.add(Line(((wall + out * STUB, middle), (wall + out * 4, middle)), "ink", 1.6))
            drawing.add(arrowhead((wall + out, middle), (-out, 0)))
            for number, line in enumerate(lines):
                size, colour = (TEXT - 1, "quiet") if number else (TEXT, "ink")
                x, anchor = wall + out * (STUB + 8), "start" if out > 0 else "end"
                drawing.add(Words(x, y + LINE * (number + 0.5), line, size, colour, anchor))
            y += height + 5


def slots_height(state: State, side: str) -> float:
    return sum(slot_height(edge, begins) for edge, begins in getattr(state, side))


def slot_height(edge: Edge, begins: bool) -> float:
    """How much room an edge takes at the side of a box."""
    return LINE * len(edge.lines) + 8 if begins else 20.0


def beginning(x: float, state: State) -> Iterable[Shape]:
    """A disc and an arrow: a session begins in this state."""
    if x == WIDTH / 2:
        yield Disc(x, state.y - 26, 6, "ink")
        yield Line(((x, state.y - 20), (x, state.y - 4)), width=1.6)
        yield arrowhead((x, state.y - 1), (0, 1))
    else:
        y = state.y + state.height / 2
        yield Disc(x, y, 6, "ink")
        yield Line(((x + 6, y), (LEFT - 4, y)), width=1.6)
        yield arrowhead((LEFT - 1, y), (1, 0))


def said(commands: Iterable[str]) -> str:
    """Commands in a row; what goes by UIDs too is said once: "(UID) FETCH"."""
    names = list(dict.fromkeys(commands))
    both = {name for name in names if f"UID {name}" in names}
    names = [name for name in names if name in both or name.removeprefix("UID ") not in both]
    return ", ".join(f"(UID) {name}" if name in both else spelt(name) for name in names)


def spelt(name: str) -> str:
    """``"."`` -> ``"the dot"``: SMTP's end of data is no word."""
    return "the dot" if name == "." else name
