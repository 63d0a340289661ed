"""Queues as a picture over the lab's time: a lane for each recipient, its waits as bars, its attempts as marks.

    queue_picture(lab.trace)

The first hours are stretched, since a queue is busiest then: see `Scale`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import log1p
from typing import TYPE_CHECKING

from ..acts import LabError
from ..trace import Trace, printable
from .drawing import Box, Disc, Drawing, Line, Polygon, Shape, Words, length, octagon, shortened
from .lanes import ENDS, MINUTE, MOST_LANES, Lane, lanes, span
from .picture import Picture
from .svg import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOUR, DAY = 3_600.0, 86_400.0
TICKS = [0.0, *(15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR), *(DAY * day for day in range(1, 31))]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a moment stands between 0 and 1: half of it grows evenly, half by the logarithm.

    So the pauses that double in the first hours can be told apart, and the days that follow too.
    """

    start: float
    length: float

    def __call__(self, at: float) -> float:
        age = min(max(at - self.start, 0.0), self.length)
        even = age / self.length
        return (even + log1p(age / (15 * MINUTE)) / log1p(self.length / (15 * MINUTE))) / 2


# -- the picture -------------------------------------------------------------------------------------------------------

WIDTH, MARGIN = 1_100.0, 18.0
LEFT, RIGHT = 262.0, 880.0  # where the time begins and ends
HEAD, LANE = 84.0, 58.0
MARK = 7.0


def queue_picture(trace: Trace) -> Picture:
    """All lanes of a trace, light on a light page and dark on a dark one; as text, a line for each."""
    found = lanes(trace)
    return Picture(queue_drawing(trace), "\n".join(map(in_words, found)))


def queue_figure(trace: Trace, *, dark: bool = False, width: float = 13.333) -> Figure:
    """The same by matplotlib, for papers and slides."""
    from .figure import figure

    return figure(queue_drawing(trace), dark, width)


def queue_svg(trace: Trace, *, dark: bool = False) -> str:
    return svg(queue_drawing(trace), dark)


def in_words(lane: Lane) -> str:
    """A line of text: moments at which the same was said stand together."""
    said = groupby(lane.tries, lambda one: one.reply)
    tries = "; ".join(f"{', '.join(span(one.at - lane.at) for one in ones)}: {reply or '…'}" for reply, ones in said)
    return printable(f"{lane.recipient}: {lane.told}. {tries}")


def queue_drawing(trace: Trace) -> Drawing:
    found = lanes(trace)
    if not found:
        raise LabError("No queue holds anything in this trace: take that of lab.send(...), or lab.trace.")
    shown = found[:MOST_LANES]
    start = min(lane.at for lane in shown)
    end = max(
        max((lane.ended or lane.due or lane.at, *(one.at for one in lane.tries)), default=lane.at) for lane in shown
    )
    scale = Scale(start, max(end - start, MINUTE))
    more = len(found) - len(shown)
    height = HEAD + LANE * len(shown) + (34 if more else 10)
    drawing = Drawing("; ".join(f"{lane.recipient} {lane.told}" for lane in shown), WIDTH, height)
    drawing.add(*legend(), *axis(scale, HEAD + LANE * len(shown)))
    for row, lane in enumerate(shown):
        y = HEAD + LANE * (row + 0.5)
        if row:
            drawing.add(Line(((MARGIN, y - LANE / 2), (WIDTH - MARGIN, y - LANE / 2)), "line", 1.0))
        drawing.add(*of_lane(lane, y, scale))
    if more:
        drawing.add(Words(MARGIN, height - 18, f"and {more:,} more", 13, "quiet"))
    return drawing


def legend() -> Iterator[Shape]:
    """What the shapes mean."""
    x = MARGIN
    for mood, words in (("good", "taken"), ("later", "not now: 4yz, or no answer"), ("bad", "refused: 5yz")):
        yield from mark(x + MARK, 22, mood)
        yield Words(x + 22, 22, words, 12.5, "quiet")
        x += 22 + length(words, 12.5) + 26
    yield Box(x, 18, 40, 8, 2, "raised", "edge", 1)
    yield Words(x + 48, 22, "waits in the queue", 12.5, "quiet")
    x += 48 + length("waits in the queue", 12.5) + 26
    yield from hourglass(x + MARK, 22)
    yield Words(x + 22, 22, "tried for long enough", 12.5, "quiet")


def axis(scale: Scale, bottom: float) -> Iterator[Shape]:
    y = HEAD - 22
    yield Line(((LEFT, HEAD - 8), (RIGHT, HEAD - 8)), "edge", 1.0)
    last = 0.0
    for at in TICKS:
        x = place(scale, scale.start + at)
        words = span(at)
        if at > scale.length or (last and x - length(words, 11.5) / 2 < last + 8):
            continue
        last = x + length(words, 11.5) / 2
        yield Line(((x, HEAD - 12), (x, bottom)), "line", 1.0)
        yield Words(x, y, words, 11.5, "quiet", "middle")


def place(scale: Scale, at: float) -> float:
    return LEFT + scale(at) * (RIGHT - LEFT)


def of_lane(lane: Lane, y: float, scale: Scale) -> Iterator[Shape]:
    """Who it is for; the waits as a bar, the attempts as marks on it; how it ended."""
    yield Words(MARGIN, y - 8, shortened(printable(lane.recipient), 13.5, LEFT - MARGIN - 24), 13.5, bold=True)
    what = f"from {lane.sender}" if lane.sender else "a report"
    subject = f": {lane.subject}" if lane.subject else ""
    yield Words(MARGIN, y + 11, shortened(printable(what + subject), 11.5, LEFT - MARGIN - 24), 11.5, "quiet")
    times = [one.at for one in lane.tries] or [lane.at]
    start, end = place(scale, lane.at), place(scale, lane.ended if lane.ended is not None else times[-1])
    if end > start:
        yield Box(start, y - 4, end - start, 8, 2, "raised", "edge", 1)
    if lane.ended is None and lane.due is not None and place(scale, lane.due) > end:
        yield Line(((end, y), (place(scale, lane.due), y)), "later", 1.5, "dashed")
    written = 0.0
    for one in lane.tries:
        x = place(scale, one.at)
        yield from mark(x, y, one.mood)
        half = length(one.word, 10.5) / 2
        if x - half > written + 4:
            yield Words(x, y + 18, one.word, 10.5, "quiet", "middle")
            written = x + half
    if lane.end == "expired":
        yield from hourglass(end + 2 * MARK + 4, y)
    yield from ending(lane, y)


def ending(lane: Lane, y: float) -> Iterator[Shape]:
    colour = ENDS[lane.end]
    x = RIGHT + 38
    yield Words(x, y - 8, lane.end, 13.5, colour, bold=True)
    tries = f"{len(lane.tries)} attempt{'s' if len(lane.tries) != 1 else ''}"
    took = f"{span(lane.ended - lane.at)}, " if lane.ended is not None and lane.ended > lane.at else ""
    yield Words(x, y + 11, took + tries, 11.5, "quiet")


def mark(x: float, y: float, mood: str) -> Iterator[Shape]:
    """An attempt: shape first, colour second."""
    match mood:
        case "good":
            yield Disc(x, y, MARK, "good", "good")
            yield Line(((x - 3.5, y), (x - 1, y + 3), (x + 3.5, y - 3)), "bg", 1.8)
        case "bad":
            yield from octagon(x, y, MARK, "bad", "bg")
        case _:
            yield Disc(x, y, MARK - 1, "bg", "later" if mood else "edge", 1.6)
            yield Line(((x, y - 3.2), (x, y), (x + 2.6, y)), "later" if mood else "edge", 1.4)


def hourglass(x: float, y: float) -> Iterator[Shape]:
    """Time is up."""
    yield Polygon(((x - 5, y - 6), (x + 5, y - 6), (x - 5, y + 6), (x + 5, y + 6)), "", "bad", 1.5)
