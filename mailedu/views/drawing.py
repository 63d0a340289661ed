"""A picture as a list of shapes, before anybody decides who paints it: `svg.py` does, and `figure.py` with matplotlib.

Lengths are pixels, y grows downwards.  A colour is the name of what it says ("bad", "tls"), and a palette has it in
light and in dark; none says anything alone: each has a shape or a word beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Point = tuple[float, float]

LIGHT = {
    "bg": "#ffffff",
    "raised": "#f6f5f1",
    "ink": "#1d1c1a",
    "quiet": "#5b5953",
    "edge": "#827f76",
    "line": "#dddbd4",
    "now": "#2745c9",
    "now-bg": "#e9eefd",
    "good": "#17693f",
    "bad": "#b0241c",
    "later": "#855000",
    "dns": "#663a9c",
    "tls": "#0b6470",
    "tls-bg": "#e4f1f2",
}
DARK = {
    "bg": "#131416",
    "raised": "#1c1e21",
    "ink": "#eceae5",
    "quiet": "#aba9a1",
    "edge": "#82878f",
    "line": "#34373c",
    "now": "#a3b6ff",
    "now-bg": "#1e2744",
    "good": "#68cc97",
    "bad": "#ff958b",
    "later": "#e3b15e",
    "dns": "#c7a8f4",
    "tls": "#68c6d2",
    "tls-bg": "#14282b",
}


@dataclass(slots=True)
class Line:
    """From point to point; `corner` rounds the bends; `style` is "solid", "dashed" or "dotted"."""

    points: tuple[Point, ...]
    colour: str = "ink"
    width: float = 1.4
    style: str = "solid"
    corner: float = 0.0


@dataclass(slots=True)
class Polygon:
    points: tuple[Point, ...]
    fill: str = ""  # "": nothing
    edge: str = "ink"
    width: float = 1.4


@dataclass(slots=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    round: float = 0.0
    fill: str = ""
    edge: str = ""
    line: float = 1.4


@dataclass(slots=True)
class Disc:
    x: float
    y: float
    radius: float
    fill: str = ""
    edge: str = "ink"
    width: float = 1.4


@dataclass(slots=True)
class Words:
    """One line of text; `y` is its middle, `anchor` says which end of it is at `x`: "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    size: float = 13.0
    colour: str = "ink"
    anchor: str = "start"
    mono: bool = False
    bold: bool = False


Shape = Line | Polygon | Box | Disc | Words


@dataclass(slots=True)
class Drawing:
    """Shapes, painted in their order; `title` is what is read aloud."""

    title: str
    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        self.shapes += shapes

    def words(self) -> Iterator[str]:
        """All that can be read in it."""
        return (shape.text for shape in self.shapes if isinstance(shape, Words))


def arrowhead(tip: Point, towards: Point, size: float = 9.0, colour: str = "ink", filled: bool = True) -> Shape:
    """The head of an arrow that ends at `tip`, flying in the direction `towards`; an open one is two strokes."""
    (x, y), (dx, dy) = tip, towards
    left = (x - dx * size - dy * size * 0.45, y - dy * size + dx * size * 0.45)
    right = (x - dx * size + dy * size * 0.45, y - dy * size - dx * size * 0.45)
    if filled:
        return Polygon((tip, left, right), fill=colour, edge=colour, width=1.0)
    return Line((left, tip, right), colour, width=1.6)


def octagon(x: float, y: float, radius: float, colour: str, fill: str) -> Iterable[Shape]:
    """A stop sign with a cross: somebody says no."""
    near, far = radius * 0.42, radius
    half = [(-near, -far), (near, -far), (far, -near), (far, near)]
    corners = [*half, *((-dx, -dy) for dx, dy in half)]
    yield Polygon(tuple((x + dx, y + dy) for dx, dy in corners), fill=fill, edge=colour, width=1.6)
    arm = radius * 0.45
    yield Line(((x - arm, y - arm), (x + arm, y + arm)), colour, 1.6)
    yield Line(((x - arm, y + arm), (x + arm, y - arm)), colour, 1.6)


def diamond(x: float, y: float, radius: float, colour: str, fill: str) -> Polygon:
    """Something is decided."""
    return Polygon(((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)), fill=fill, edge=colour)


WIDTHS = {  # of a letter one pixel high, in DejaVu Sans, which is a wide one; by the letters that are as wide or less
    0.32: " ',.IJijl",
    0.41: "!()-/:;[\\]frt|",
    0.55: '"*?_`csz',
    0.64: "$0123456789EFLPSTY_abdeghknopquvxy{}",
    0.70: "ABCKRVXZ",
    0.79: "&DGHNOQU",
    0.86: "#+<=>M^w~→",
}
WIDTH_OF = {letter: width for width, letters in WIDTHS.items() for letter in letters}
BOLD = 1.16  # times as wide


def length(text: str, size: float, mono: bool = False, bold: bool = False) -> float:
    """About how wide a line of text is; rather too much than too little."""
    if mono:
        width = sum(1.28 if ord(letter) >= 0x1100 else 0.64 for letter in text)
    else:
        width = sum(WIDTH_OF.get(letter, 1.0) for letter in text)
    return width * size * (BOLD if bold and not mono else 1.0)


def shortened(text: str, size: float, room: float, mono: bool = False) -> str:
    """The text, or as much of it as has room, and "…"."""
    if length(text, size, mono) <= room:
        return text
    while text and length(text + "…", size, mono) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, size: float, room: float, most: int, mono: bool = False) -> list[str]:
    """The text in at most so many lines that have room; what is left over is "…"."""
    lines: list[str] = []
    words = text.split(" ")
    while words and len(lines) < most - 1:
        count = 1
        while count < len(words) and length(" ".join(words[: count + 1]), size, mono) <= room:
            count += 1
        if count == len(words):
            break
        lines.append(shortened(" ".join(words[:count]), size, room, mono))
        words = words[count:]
    return [*lines, shortened(" ".join(words), size, room, mono)]
