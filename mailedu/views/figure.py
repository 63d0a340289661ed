"""Drawings painted by matplotlib, for papers and slides.  matplotlib is slow to load, so only functions import it."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..table import Table
from ..trace import Trace, printable
from .drawing import DARK, LIGHT, Box, Disc, Drawing, Line, Point, Polygon, Shape, Words
from .sequence import sequence_drawing
from .states import state_drawing
from .svg import near

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SLIDE = 13.333  # inches: as wide as a slide of 16:9
SANS, MONO = "DejaVu Sans", "DejaVu Sans Mono"  # they come with matplotlib, so a figure looks the same everywhere
STYLES = {"solid": "solid", "dashed": (0, (4, 2.6)), "dotted": (0, (1, 2.4))}
ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def sequence(
    trace: Trace, *, level: str = "exchange", title: str = "", dark: bool = False, width: float = SLIDE
) -> Figure:
    """A trace as a sequence diagram, `width` inches wide and as high as it has to be.

    `level` says how far to look in: "journey", "conversation", "exchange", "message" or "decision".  For one slide
    take a part of the trace, or a level higher up.
    """
    return figure(sequence_drawing(trace, level, title), dark, width)


def state_diagram(table: Table, here: str = "", *, dark: bool = False, width: float = SLIDE) -> Figure:
    """A state table as a diagram, drawn from its rows; the state `here` is lit."""
    return figure(state_drawing(table, here), dark, width)


def figure(drawing: Drawing, dark: bool = False, width: float = SLIDE) -> Figure:
    """The drawing as a figure of its own: pyplot does not know it, so nothing is left open."""
    palette = DARK if dark else LIGHT
    points = width * 72 / drawing.width  # of one pixel
    made = shown_figure()(figsize=(width, width * drawing.height / drawing.width), facecolor=palette["bg"])
    axes = made.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    for order, shape in enumerate(drawing.shapes):
        axes.add_artist(artist(shape, palette, points, order))
    made.set_label(drawing.title)
    return made


@cache
def shown_figure() -> type[Figure]:
    """A kind of figure that shows itself in a notebook; others need pyplot for that, which would keep them all open."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            """Twice as fine as the screen it was made for."""
            out = BytesIO()
            self.savefig(out, format="png", dpi=192)
            return out.getvalue(), {"width": round(self.get_size_inches()[0] * 96)}

    return ShownFigure


def artist(shape: Shape, palette: dict[str, str], points: float, order: int) -> Any:
    """One shape as matplotlib's; `points` is how large a pixel is."""
    from matplotlib import patches
    from matplotlib.path import Path
    from matplotlib.text import Text

    def look(fill: str, edge: str, width: float) -> dict[str, Any]:
        return {
            "facecolor": palette[fill] if fill else "none",
            "edgecolor": palette[edge] if edge else "none",
            "linewidth": width * points,
            "zorder": order,
        }

    match shape:
        case Line(corners, colour, width, style, corner):
            more = {"linestyle": STYLES[style], "capstyle": "round", "joinstyle": "round"}
            return patches.PathPatch(Path(*bent(corners, corner)), **look("", colour, width), **more)
        case Polygon(corners, fill, edge, width):
            return patches.Polygon(corners, closed=True, joinstyle="round", **look(fill, edge, width))
        case Box(x, y, width, height, round_, fill, edge, line):
            style = f"round,pad=0,rounding_size={round_}" if round_ else "square,pad=0"
            return patches.FancyBboxPatch((x, y), width, height, boxstyle=style, **look(fill, edge, line))
        case Disc(x, y, radius, fill, edge, width):
            return patches.Circle((x, y), radius, **look(fill, edge, width))
        case Words(x, y, text, size, colour, anchor, mono, bold):
            return Text(
                x,
                y,
                drawable(text, MONO if mono else SANS),
                fontsize=size * points,
                color=palette[colour],
                ha=ANCHORS[anchor],
                va="center_baseline",
                fontfamily=MONO if mono else SANS,
                fontweight="bold" if bold else "normal",
                parse_math=False,  # a dollar in a message is a dollar
                zorder=order,
            )


def bent(corners: tuple[Point, ...], corner: float) -> tuple[list[Point], list[int]]:
    """The points and codes of a path with round bends."""
    move, line, curve = 1, 2, 3  # Path.MOVETO, LINETO, CURVE3
    points, codes = [corners[0]], [move]
    for before, here, after in zip(corners, corners[1:], corners[2:], strict=False):
        if corner:
            points += [near(here, before, corner), here, near(here, after, corner)]
            codes += [line, curve, curve]
        else:
            points.append(here)
            codes.append(line)
    return [*points, corners[-1]], [*codes, line]


def drawable(text: str, family: str) -> str:
    """The text; letters that the font does not have are spelt out, as what is not printable is."""
    known = letters(family)
    text = printable(text)
    return "".join(c if ord(c) in known else c.encode("unicode_escape").decode("ascii") for c in text)


@cache
def letters(family: str) -> frozenset[int]:
    """The letters that a font has."""
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(FontProperties(family=family))).get_charmap())
