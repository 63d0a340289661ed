"""The way of a message as a picture: a row a server, the first on top, how long it took, and where trust ends."""

from __future__ import annotations

from collections.abc import Sequence

from ..trace import printable
from ..views.drawing import Box, Disc, Drawing, Line, Words, length, shortened
from .findings import duration
from .hops import Hop, delays

WIDTH, MARGIN, ROW = 1000.0, 20.0, 46.0
WHEN, RAIL, NAMES, BARS = 130.0, 160.0, 190.0, 660.0
LONGEST_BAR = WIDTH - MARGIN - BARS - 110
MOST = 40  # hops that are drawn


def timeline(hops: Sequence[Hop], border: int | None) -> Drawing:
    """`hops` as they stand in the message, the latest first; `border` is the place of the one from outside."""
    took = delays(hops)
    longest = max([abs(one) for one in took if one] or [1.0])
    drawing = Drawing(f"The way of a message over {len(hops)} hops", WIDTH, 0.0)
    y = MARGIN + ROW / 2
    places = list(range(len(hops) - 1, -1, -1))[-MOST:]
    for at in places:
        if at == border:
            y = draw_border(drawing, y, hops[at])
        if at != places[0]:
            believed = border is not None and at < border
            style = "solid" if believed or at == border else "dashed"
            drawing.add(Line(((RAIL, y - ROW + 7), (RAIL, y - 7)), "ink" if style == "solid" else "edge", 1.6, style))
        draw_hop(drawing, y, hops[at], took[at], longest, border is not None and at <= border)
        y += ROW
    drawing.height = y - ROW / 2 + MARGIN
    return drawing


def draw_border(drawing: Drawing, y: float, hop: Hop) -> float:
    """The line above which nobody need be believed; the place of the next row."""
    said = (
        f"from outside: above this line anybody can have written it; below it {printable(hop.by or 'your server')} did"
    )
    drawing.add(
        Line(((MARGIN, y), (WIDTH - MARGIN, y)), "bad", 1.4, "dashed"),
        Box(NAMES - 6, y - 10, length(shortened(said, 12, 760), 12) + 12, 20, 3, "bg", ""),
        Words(NAMES, y, shortened(said, 12, 760), 12, "bad"),
    )
    return y + ROW


def draw_hop(drawing: Drawing, y: float, hop: Hop, took: float | None, longest: float, believed: bool) -> None:
    colour = "ink" if believed else "quiet"
    when = hop.when.strftime("%m-%d %H:%M:%S") if hop.when else "no date"
    host = shortened(printable(hop.by or "a server without a name"), 13, BARS - NAMES - 20)
    client = f"from {hop.client or 'nobody named'}{f' [{hop.ip}]' if hop.ip and hop.client != hop.ip else ''}"
    drawing.add(
        Words(WHEN, y - 8, when, 12, colour, "end", mono=True),
        Disc(RAIL, y, 6, colour if believed else "bg", colour, 1.6),
        Words(NAMES, y - 8, host, 13, colour, bold=True),
        Words(NAMES, y + 9, shortened(printable(client), 11.5, BARS - NAMES - 20), 11.5, "quiet"),
    )
    said = f"it says: {hop.protocol or 'no protocol'}, {hop.tls or 'no TLS'}"
    drawing.add(Words(BARS, y + 9, shortened(printable(said), 11.5, WIDTH - MARGIN - BARS), 11.5, "quiet"))
    if took is None:
        return
    wide = max(2.0, LONGEST_BAR * abs(took) / longest)
    mood = "bad" if took < 0 else "now"
    words = f"{duration(took)}" if took >= 0 else f"{duration(-took)} too early: a clock is wrong"
    drawing.add(Box(BARS, y - 13, wide, 10, 2, mood if took > 0 else "", mood, 1.2))
    drawing.add(Words(BARS + wide + 8, y - 8, words, 12, "bad" if took < 0 else "ink"))
