"""A drawing as one small static SVG: for a notebook without matplotlib (Pyodide), a web page, a printed lesson."""

from __future__ import annotations

from html import escape

from ..table import Table
from ..trace import Trace, printable
from .drawing import DARK, LIGHT, Box, Disc, Drawing, Line, Point, Polygon, Shape, Words
from .sequence import sequence_drawing
from .states import state_drawing

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
MONO = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
DASHES = {"dashed": "6 4", "dotted": "1.5 3.5"}


def sequence_svg(trace: Trace, *, level: str = "exchange", title: str = "", dark: bool = False) -> str:
    """A trace as a sequence diagram (`sequence.py` has the levels)."""
    return svg(sequence_drawing(trace, level, title), dark)


def state_svg(table: Table, here: str = "", *, dark: bool = False) -> str:
    """A state table as a diagram; the state `here` is lit."""
    return svg(state_drawing(table, here), dark)


def svg(drawing: Drawing, dark: bool = False) -> str:
    """The drawing as SVG text.  It brings its own ground, so it looks the same wherever it is put."""
    palette = DARK if dark else LIGHT
    width, height = f"{drawing.width:.0f}", f"{drawing.height:.0f}"
    title = escape(printable(drawing.title))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{title}" style="max-width:100%;height:auto" font-family="{SANS}">'
        f'<title>{title}</title><rect width="{width}" height="{height}" fill="{palette["bg"]}"/>'
    )
    return head + "".join(element(shape, palette) for shape in drawing.shapes) + "</svg>"


def element(shape: Shape, palette: dict[str, str]) -> str:
    """One shape as one element."""
    match shape:
        case Line(points, colour, width, style, corner):
            dash = f' stroke-dasharray="{DASHES[style]}"' if style in DASHES else ""
            stroke = f'stroke="{palette[colour]}" stroke-width="{number(width)}"{dash}'
            return f'<path d="{path(points, corner)}" fill="none" {stroke} stroke-linecap="round"/>'
        case Polygon(points, fill, edge, width):
            return f'<path d="{path(points)}Z" {paint(fill, edge, width, palette)}/>'
        case Box(x, y, width, height, round_, fill, edge, line):
            place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
            return f'<rect {place} rx="{number(round_)}" {paint(fill, edge, line, palette)}/>'
        case Disc(x, y, radius, fill, edge, width):
            place = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
            return f"<circle {place} {paint(fill, edge, width, palette)}/>"
        case Words(x, y, text, size, colour, anchor, mono, bold):
            look = f'font-size="{number(size)}" fill="{palette[colour]}"'
            look += f' text-anchor="{anchor}"' if anchor != "start" else ""
            look += f' font-family="{MONO}"' if mono else ""
            look += ' font-weight="600"' if bold else ""
            place = f'x="{number(x)}" y="{number(y)}"'
            return f'<text {place} dy=".35em" xml:space="preserve" {look}>{escape(printable(text))}</text>'


def paint(fill: str, edge: str, width: float, palette: dict[str, str]) -> str:
    inside = f'fill="{palette[fill]}"' if fill else 'fill="none"'
    return f'{inside} stroke="{palette[edge]}" stroke-width="{number(width)}"' if edge else inside


def path(points: tuple[Point, ...], corner: float = 0.0) -> str:
    """``M0 0L10 0``; with a `corner`, bends are round."""
    x, y = points[0]
    steps = [f"M{number(x)} {number(y)}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        if corner:
            into, out = near(here, before, corner), near(here, after, corner)
            steps.append(f"L{pair(into)}Q{pair(here)} {pair(out)}")
        else:
            steps.append(f"L{pair(here)}")
    return "".join([*steps, f"L{pair(points[-1])}"])


def near(here: Point, there: Point, distance: float) -> Point:
    """A little way from here to there, half of it at most."""
    dx, dy = there[0] - here[0], there[1] - here[1]
    far = (dx * dx + dy * dy) ** 0.5
    part = min(distance / far, 0.5) if far else 0.0
    return here[0] + dx * part, here[1] + dy * part


def pair(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def number(value: float) -> str:
    """12.0 -> "12", 0.25 -> "0.2": a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")
