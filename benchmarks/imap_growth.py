"""How IMAP's machine alone grows, up to 100,000 messages of 2 kB; and a picture of the points that were measured."""

from __future__ import annotations

import math
from pathlib import Path

from mailedu.views.drawing import Disc, Drawing, Line, Words
from mailedu.views.svg import svg

from .imap import COMMANDS, Session

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "imap_growth.svg"
POINTS = (1_000, 3_000, 10_000, 30_000, 100_000)
GROWING = ("SELECT", "FETCH FLAGS", "FETCH ENVELOPE, cold", "FETCH BODY.PEEK[]", "SEARCH TEXT, found nowhere")
COLOURS = ("now", "good", "later", "dns", "tls")
LINEAR = 1.5  # times as much for a message, at most, among 100,000 as among 10,000


def main() -> None:
    print("IMAP's machine by itself, messages of 2 kB, processor time")
    PICTURE.write_text(svg(picture(grows())), encoding="utf-8")


def grows() -> dict[str, list[float]]:
    """Seconds of processor time for each command, at each of the POINTS."""
    found: dict[str, list[float]] = {title: [] for title in GROWING}
    for count in POINTS:
        session = Session(count)
        for title, command in COMMANDS:
            if title in found:
                found[title].append(session.timed(command))
    print("  microseconds a message: " + "".join(f"{count:>10,}" for count in POINTS))
    for title, taken in found.items():
        each = [one / count * 1e6 for one, count in zip(taken, POINTS, strict=True)]
        steep = "  NOT LINEAR" if each[-1] > LINEAR * each[2] else ""
        print(f"{title:>26}" + "".join(f"{one:10.2f}" for one in each) + steep)
    return found


def picture(found: dict[str, list[float]]) -> Drawing:
    """The points that were measured, on logarithmic scales: ten times as many take one line of the grid more."""
    made = Drawing("IMAP: processor time over the number of messages, up to 100,000", 760, 460)

    def place(count: float, taken: float) -> tuple[float, float]:
        return 90 + (math.log10(count) - 3) * 200, 400 - (math.log10(taken) + 4.5) * 70

    made.add(Words(20, 24, "IMAP's machine alone: processor time, messages of 2 kB", 15, bold=True))
    for power in range(-4, 1):
        (left, y), (right, _) = place(1_000, 10**power), place(100_000, 10**power)
        made.add(Line(((left, y), (right, y)), "line", 1.0), Words(left - 8, y, f"{10**power:g} s", 12, "quiet", "end"))
    for count in POINTS:
        x, y = place(count, 10**-4.5)
        made.add(
            Line(((x, y), (x, place(count, 1)[1])), "line", 1.0), Words(x, y + 16, f"{count:,}", 12, "quiet", "middle")
        )
    top = math.inf  # of the last name: none is written over another
    names = sorted(zip(found.items(), COLOURS, strict=True), key=lambda one: one[0][1][-1])
    for (title, taken), colour in names:
        points = tuple(place(count, max(one, 10**-4.5)) for count, one in zip(POINTS, taken, strict=True))
        made.add(Line(points, colour, 1.6), *(Disc(x, y, 3.5, colour, colour) for x, y in points))
        top = min(points[-1][1], top - 16)
        made.add(Words(points[-1][0] + 10, top, title, 12, colour))
    return made
