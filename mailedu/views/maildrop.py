"""What POP3 sessions make of a pile of letters: one lane a session, from left to right, drawn from its trace.

Between two pictures of the pile stands what the session said.  A letter that is marked has a dashed outline; the seat
of one that was removed stays empty.  The last picture stands at the right in every lane, so that the ends compare.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from ..acts import Close, Enter, Hear, LabError, Remove, Rule, Store
from ..trace import Step, Trace, printable
from .drawing import Box, Drawing, Line, Shape, Words, arrowhead, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUBJECT = re.compile(rb"(?:^|\n)subject:[ \t]*([^\r\n]*)", re.IGNORECASE)
TOLD = {"RETR": "copied", "DELE": "marked", "RSET": "no marks"}  # by what was said
ENDS = {"pop3.silent": "{minutes} min of silence", "pop3.hung-up": "the line breaks"}

WIDTH = 1100.0
MARGIN = 18.0
HEAD = 64.0  # above the first lane
LANE = 104.0  # from one lane to the next
FIRST = 80.0  # where the first pile begins
LAST = 76.0  # room for the count behind the last pile
PITCH = 42.0  # from one letter to the next, at most
LETTER = (30.0, 20.0)  # its width and height, at most
ARROW = 60.0  # from one pile to the next, at least
MOST = 6  # moments that one lane has room for


BY_NIGHT = """
body[data-jp-theme-light="false"] .piles-light { display: none }
body[data-jp-theme-light="false"] .piles-dark { display: inline !important }
"""


@dataclass(slots=True)
class Moment:
    """What was said or happened, and the pile afterwards."""

    said: str  # "RETR 1"
    told: str  # "copied"
    pile: tuple[int, ...]  # UIDs
    marked: frozenset[int] = frozenset()


@dataclass(slots=True)
class Lane:
    """One session: the pile it found, and what it made of it."""

    name: str
    pile: tuple[int, ...]
    subjects: Mapping[int, str]
    moments: list[Moment] = field(default_factory=list)

    @property
    def left(self) -> tuple[int, ...]:
        return self.moments[-1].pile if self.moments else self.pile


def read(trace: Trace, box: str, name: str = "") -> Lane:
    """The first session in this trace that opened the box; LabError when none did."""
    subjects: dict[int, str] = {}
    pile: dict[int, None] = {}
    steps = iter(trace)
    for step in steps:
        match step.act:
            case Store() | Remove():
                change(step, box, pile, subjects)
            case Rule("pop3.lock", "taken", because) if because.get("maildrop") == box:
                lane = Lane(name, tuple(pile), subjects)
                lane.moments = list(moments(steps, step, box, pile, subjects))
                return lane
    raise LabError(f"No POP3 session in this trace opened {printable(box)}'s maildrop: let one log in.")


def change(step: Step, box: str, pile: dict[int, None], subjects: dict[int, str]) -> None:
    """What an act of storing or removing makes of the pile; UIDs count from 1 (RFC 9051 §2.3.1.1)."""
    match step.act:
        case Store(name, message) if name == box:
            uid = len(subjects) + 1
            found = SUBJECT.search(message[:100_000])
            subjects[uid] = found[1].decode("utf-8", "replace").strip() if found else "?"
            pile[uid] = None
        case Remove(name, uids) if name == box:
            for uid in uids:
                pile.pop(uid, None)


def moments(
    steps: Iterable[Step], first: Step, box: str, pile: dict[int, None], subjects: dict[int, str]
) -> Iterator[Moment]:
    """What followed in the session that `first` stands in, until it was closed."""
    numbers, marked = tuple(pile), frozenset[int]()
    line, update = "", False
    for step in steps:
        if isinstance(step.act, Store | Remove):
            change(step, box, pile, subjects)
        if (step.conversation, step.actor) != (first.conversation, first.actor):
            continue
        match step.act:
            case Hear(data):
                line = data.decode("utf-8", "replace").strip()
            case Enter("UPDATE"):
                update = True
            case Rule(name, _, because) if name in ENDS:
                yield Moment(ENDS[name].format_map({"minutes": "", **because}), "no UPDATE", tuple(pile))
            case Enter("CLOSED"):
                if update:
                    yield Moment(line, "UPDATE", tuple(pile))
                return
            case Close("ok") if (verb := line.split(" ")[0].upper()) in TOLD:
                if verb == "DELE":
                    marked |= {numbers[int(line.split()[1]) - 1]}
                elif verb == "RSET":
                    marked = frozenset()
                yield Moment(line, TOLD[verb], tuple(pile), marked)


class Piles:
    """The lanes as a picture; shows itself as SVG in a notebook, and as text in a terminal."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = lanes

    def __str__(self) -> str:
        return "\n".join(text(lane) for lane in self.lanes)

    __repr__ = __str__

    @property
    def drawing(self) -> Drawing:
        return drawing(self.lanes)

    def _repr_svg_(self) -> str:
        from .svg import svg

        return svg(self.drawing)

    def _repr_html_(self) -> str:
        """The same, as wide as there is room for; in JupyterLab's dark theme it is dark."""
        from .svg import svg

        made = self.drawing
        light, dark = (b64encode(svg(made, by_night).encode()).decode("ascii") for by_night in (False, True))
        return (
            f"<style>{BY_NIGHT}</style>"
            f'<img class="piles-light" alt="{escape(printable(made.title))}" src="data:image/svg+xml;base64,{light}">'
            f'<img class="piles-dark" alt="" style="display:none" src="data:image/svg+xml;base64,{dark}">'
        )

    def figure(self, **options: Any) -> Figure:
        """The same by matplotlib, for papers and slides."""
        from .figure import figure

        return figure(self.drawing, **options)


def piles(traces: Sequence[Trace], box: str) -> Piles:
    """The first session of each trace that opened the box: ``piles([lab.trace], "bob@beta.example")``."""
    return Piles([read(trace, box, f"run {number}") for number, trace in enumerate(traces, 1)])


def text(lane: Lane) -> str:
    said = "".join(f", {printable(moment.said)} ({moment.told})" for moment in lane.moments)
    return f"{lane.name}: {len(lane.pile)} letters{said}: {len(lane.left)} left"


# -- on paper ----------------------------------------------------------------------------------------------------------


def drawing(lanes: Sequence[Lane]) -> Drawing:
    columns = max((len(shown(lane)) for lane in lanes), default=0) + 1
    seats = max((len(lane.pile) for lane in lanes), default=1)
    pitch = min(PITCH, ((WIDTH - FIRST - LAST + ARROW) / columns - ARROW) / max(seats, 1))
    step = (WIDTH - FIRST - LAST - pitch * seats) / max(columns - 1, 1)
    title = "; ".join(text(lane) for lane in lanes)
    made = Drawing(title, WIDTH, HEAD + LANE * len(lanes))
    made.add(*head())
    for row, lane in enumerate(lanes):
        y = HEAD + LANE * (row + 0.5)
        if row:
            made.add(Line(((MARGIN, y - LANE / 2), (WIDTH - MARGIN, y - LANE / 2)), "line", 1.0))
        made.add(*of_lane(lane, y, pitch, step, columns))
    return made


def shown(lane: Lane) -> list[Moment]:
    """Its moments; of very many the first ones and the last."""
    if len(lane.moments) <= MOST:
        return lane.moments
    first, rest = lane.moments[: MOST - 2], lane.moments[MOST - 2 : -1]
    return [*first, Moment("…", f"{len(rest)} more", rest[-1].pile, rest[-1].marked), lane.moments[-1]]


def head() -> Iterator[Shape]:
    """What the outlines mean."""
    yield from letter(MARGIN, 30, "", PITCH, False)
    yield Words(MARGIN + 40, 30, "in the pile", 12.5, "quiet")
    yield from letter(MARGIN + 140, 30, "", PITCH, True)
    yield Words(MARGIN + 180, 30, "marked, and still there", 12.5, "quiet")
    yield from empty(MARGIN + 350, 30, PITCH, "")
    yield Words(MARGIN + 390, 30, "removed", 12.5, "quiet")
    yield Line(((MARGIN, HEAD - 8), (WIDTH - MARGIN, HEAD - 8)), "edge", 1.0)


def of_lane(lane: Lane, y: float, pitch: float, step: float, columns: int) -> Iterator[Shape]:
    yield Words(MARGIN, y, shortened(lane.name, 15, FIRST - MARGIN - 10), 15, bold=True)
    yield from pile_at(FIRST, y, lane, lane.pile, frozenset(), pitch)
    at = FIRST
    several = shown(lane)
    for number, moment in enumerate(several, 1):
        place = columns - 1 if number == len(several) else number
        x = FIRST + step * place
        yield from arrow(at + pitch * len(lane.pile), x, y, moment)
        yield from pile_at(x, y, lane, moment.pile, moment.marked, pitch)
        at = x
    count = len(lane.left)
    colour = "ink" if count == len(lane.pile) else "bad"
    yield Words(WIDTH - MARGIN, y, f"{count} left", 16, colour, "end", bold=True)


def arrow(left: float, right: float, y: float, moment: Moment) -> Iterator[Shape]:
    """What was said stands above it, what it did below."""
    start, end, middle = left, right - 10, (left + right - 10) / 2
    broken = moment.told == "no UPDATE"
    colour = {"no UPDATE": "later", "UPDATE": "now"}.get(moment.told, "ink")
    yield Line(((start, y), (end - 3, y)), colour, 1.5, "dotted" if broken else "solid")
    yield arrowhead((end, y), (1, 0), 8, colour, filled=not broken)
    room = max(right - left - 6, 40.0)
    said = shortened(printable(moment.said), 12, room, mono=not broken)
    yield Words(middle, y - 14, said, 12, colour, "middle", mono=not broken)
    told = shortened(moment.told, 11.5, room)
    yield Words(middle, y + 14, told, 11.5, "quiet" if colour == "ink" else colour, "middle")


def pile_at(
    x: float, y: float, lane: Lane, pile: Sequence[int], marked: frozenset[int], pitch: float
) -> Iterator[Shape]:
    """Each letter in its seat; the seat of one that is gone stays empty."""
    for seat, uid in enumerate(lane.pile):
        at = x + pitch * seat
        if uid in pile:
            yield from letter(at, y, lane.subjects[uid], pitch, uid in marked)
        else:
            yield from empty(at, y, pitch)


def letter(x: float, y: float, subject: str, pitch: float, marked: bool) -> Iterator[Shape]:
    """An envelope, with its subject below."""
    width, height = min(LETTER[0], pitch * 0.7), min(LETTER[1], pitch * 0.5)
    top, bottom, right = y - height / 2, y + height / 2, x + width
    colour, style = ("later", "dashed") if marked else ("ink", "solid")
    if not marked:
        yield Box(x, top, width, height, 2, "raised", "")
    yield Line(((x, top), (right, top), (right, bottom), (x, bottom), (x, top)), colour, 1.5, style)
    yield Line(((x, top), (x + width / 2, y + 1), (right, top)), colour, 1.2, style)
    if subject and pitch > 24:
        yield Words(x + width / 2, bottom + 12, shortened(printable(subject), 10.5, pitch - 2), 10.5, colour, "middle")


def empty(x: float, y: float, pitch: float, word: str = "gone") -> Iterator[Shape]:
    """A seat that nobody sits in any more."""
    width, height = min(LETTER[0], pitch * 0.7), min(LETTER[1], pitch * 0.5)
    yield Line(((x, y + height / 2), (x + width, y + height / 2)), "bad", 1.5)
    if word and pitch > 24:
        yield Words(x + width / 2, y + height / 2 + 12, word, 10.5, "bad", "middle")
