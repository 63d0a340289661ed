"""Pictures of SPF: a check as the program that ran, and what each of many addresses gets, as a map."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..acts import LabError, Rule
from ..rules import rules, section
from ..trace import Trace
from .drawing import Box, Disc, Drawing, Line, Shape, Words, length, shortened
from .program import LOOKUPS, VOIDS, Check, Part, Record, Term, checks
from .svg import svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW, INDENT, MARGIN = 26.0, 22.0, 18.0
WIDE = 1_000.0
OUTCOME, METER, SECTION = 560.0, 700.0, 860.0  # where the columns begin
CELL = 11.0
MOODS = {"pass": "good", "fail": "bad", "permerror": "bad", "softfail": "later", "temperror": "later"}
RESULTS = ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror")  # RFC 7208 §2.6


# -- a check as a tree -------------------------------------------------------------------------------------------------


def spf_tree(trace: Trace, *, dark: bool = False, width: float = 13.333) -> Figure:
    """The checks of a trace as trees of terms: each with its outcome, what it cost of the budgets, and its section."""
    from .figure import figure

    return figure(tree_drawing(trace), dark, width)


def tree_svg(trace: Trace, *, dark: bool = False) -> str:
    return svg(tree_drawing(trace), dark)


def tree_drawing(trace: Trace) -> Drawing:
    """Every check that found a record; all of them, where none did."""
    found = checks(trace)
    shown = [check for check in found if check.record] or found
    if not shown:
        raise LabError("There is no SPF check in this trace: take that of lab.check_spf(...), or of a letter.")
    drawing = Drawing(f"SPF: {shown[-1].outcome} for {shown[-1].sender}", WIDE, 0.0)
    y = MARGIN
    for check in shown:
        y = draw_check(drawing, trace, check, y) + ROW / 2
    drawing.height = y
    return drawing


def draw_check(drawing: Drawing, trace: Trace, check: Check, y: float) -> float:
    """One check from y on; returns where it ends."""
    title = f"{check.title}: may {check.ip} send for {check.sender}?"
    drawing.add(
        Words(MARGIN, y + ROW / 2, shortened(title, 15, OUTCOME), 15, bold=True),
        Words(OUTCOME, y + ROW / 2, check.outcome, 15, MOODS.get(check.outcome, "ink"), bold=True),
        Words(METER, y + ROW / 2, f"{check.lookups} of {LOOKUPS}, {check.voids} of {VOIDS} void", 12, "quiet"),
    )
    y += ROW
    if check.record:
        y = draw_record(drawing, trace, check, check.record, 0, y)
    else:
        said = check.questions[-1].told if check.questions else "nobody was asked"
        drawing.add(Words(MARGIN, y + ROW / 2, f"{check.domain}: {said}"[:100], 13, "quiet"))
        y += ROW
    if check.explanation:
        words = shortened(f"“{check.explanation}”", 13, WIDE - 2 * MARGIN)
        drawing.add(Words(MARGIN, y + ROW / 2, words, 13, "quiet"))
        y += ROW
    return y


def draw_record(drawing: Drawing, trace: Trace, part: Part, record: Record, depth: int, y: float) -> float:
    """A record's domain, and its terms hanging from it."""
    x = MARGIN + depth * INDENT
    drawing.add(
        Disc(x + 4, y + ROW / 2, 4, "dns", "dns"), Words(x + 16, y + ROW / 2, record.domain[:60], 13, bold=True)
    )
    top, last = y + ROW / 2 + 5, y
    y += ROW
    for term in record.terms:
        last = y + ROW / 2
        drawing.add(Line(((x + 4, last), (x + 14, last)), "line"))
        draw_term(drawing, trace, term, x + 18, last)
        y += ROW
        if term.record:
            y = draw_record(drawing, trace, term, term.record, depth + 1, y)
    if record.default is not None:
        last = y + ROW / 2
        drawing.add(Line(((x + 4, last), (x + 14, last)), "line"))
        drawing.add(Words(x + 18, last, "(no term matched)", 12, "quiet"), Words(OUTCOME, last, "neutral", 12))
        y += ROW
    if last > top:
        drawing.shapes.insert(0, Line(((x + 4, top), (x + 4, last)), "line"))
    return y


def draw_term(drawing: Drawing, trace: Trace, term: Term, x: float, y: float) -> None:
    reached = term.start is not None
    colour, outcome = outcome_of(term)
    drawing.add(
        Words(
            x, y, shortened(term.text, 12.5, OUTCOME - x - 8, mono=True), 12.5, "ink" if reached else "quiet", mono=True
        ),
        Words(OUTCOME, y, shortened(outcome, 12, METER - OUTCOME - 8), 12, colour, bold=term.outcome == "match"),
    )
    if term.lookup:
        drawing.add(*meter(METER, y, LOOKUPS, term.lookup - 1, [term.lookup]))
    if term.voids:
        drawing.add(*meter(METER + (LOOKUPS + 1) * CELL + 6, y, VOIDS, 0, [count for count, _ in term.voids]))
    if where := section_of(trace, term):
        drawing.add(Words(WIDE - MARGIN, y, where, 11, "quiet", anchor="end"))


def outcome_of(term: Term) -> tuple[str, str]:
    """(colour, words)"""
    if term.start is None:
        return "quiet", term.outcome or "not reached"
    if term.outcome == "match":
        return MOODS.get(term.means, "ink"), f"match → {term.means}"
    return MOODS.get(term.outcome, "ink" if term.outcome != "no match" else "quiet"), term.outcome


def section_of(trace: Trace, term: Term) -> str:
    act = trace.step(term.decided).act if term.decided is not None else None
    return section(act) if isinstance(act, Rule) and act.name in rules() else ""


def meter(x: float, y: float, most: int, before: int, own: Sequence[int]) -> Iterator[Shape]:
    """Cells: those used before are grey, this term's own are full; one too many is a cross behind the last."""
    for number in range(1, most + 1):
        fill = "dns" if number in own else "line" if number <= before else ""
        yield Box(x + (number - 1) * CELL, y - 6, CELL - 2, 12, 1, fill, "dns" if number in own else "line", 1)
    if any(number > most for number in own):
        left = x + most * CELL
        yield Line(((left, y - 5), (left + 8, y + 5)), "bad", 2)
        yield Line(((left, y + 5), (left + 8, y - 5)), "bad", 2)


# -- what each of many addresses gets ----------------------------------------------------------------------------------

SQUARE = 20.0  # of an address
ACROSS = 16  # addresses in a row
LABEL = 46.0  # what a row begins with


def spf_map(results: Mapping[str, str], *, title: str = "", dark: bool = False, width: float = 13.333) -> Figure:
    """What each address gets, {"192.0.2.1": "pass", …}: blocks of 256 addresses, each address a square."""
    from .figure import figure

    return figure(map_drawing(results, title), dark, width)


def map_svg(results: Mapping[str, str], *, title: str = "", dark: bool = False) -> str:
    return svg(map_drawing(results, title), dark)


def map_drawing(results: Mapping[str, str], title: str = "") -> Drawing:
    """Blocks beside each other, two in a row; below them what the signs mean, with how many there are of each."""
    if not results:
        raise LabError("There is nothing to draw: a map needs at least one address.")
    inside: dict[str, list[str]] = {}  # block -> its addresses
    for address in sorted(results, key=order_of):
        inside.setdefault(block_of(address), []).append(address)
    blocks = list(inside.items())
    wide, gap = LABEL + ACROSS * SQUARE, 20.0
    columns = min(2, len(blocks))
    drawing = Drawing(title or "SPF by address", MARGIN * 2 + columns * wide + (columns - 1) * gap, 0.0)
    y = MARGIN
    if title:
        drawing.add(Words(MARGIN, y + 12, shortened(title, 16, drawing.width - 2 * MARGIN), 16, bold=True))
        y += 36
    for start in range(0, len(blocks), columns):
        row = blocks[start : start + columns]
        ends = [
            draw_block(drawing, name, {one: results[one] for one in addresses}, MARGIN + column * (wide + gap), y)
            for column, (name, addresses) in enumerate(row)
        ]
        y = max(ends) + 16
    drawing.height = draw_legend(drawing, results.values(), y) + MARGIN
    return drawing


def order_of(address: str) -> tuple[int, int]:
    found = ipaddress.ip_address(address)
    return found.version, int(found)


def block_of(address: str) -> str:
    """``"192.0.2.7"`` -> ``"192.0.2.0/24"``; an IPv6 address's /120."""
    found = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 120), strict=False))


def draw_block(drawing: Drawing, name: str, results: Mapping[str, str], x: float, y: float) -> float:
    """A heading, and a row for each sixteen addresses."""
    drawing.add(Words(x, y + 10, name, 13, mono=True, bold=True))
    y += 26
    places = {address: divmod(int(ipaddress.ip_address(address)) % 256, ACROSS) for address in results}
    rows = sorted({row for row, _ in places.values()})
    for at, row in enumerate(rows):
        first = next(address for address, (other, _) in places.items() if other == row)
        label = shortened(row_label(first), 10.5, LABEL - 10, mono=True)
        drawing.add(Words(x + LABEL - 8, y + at * SQUARE + SQUARE / 2, label, 10.5, "quiet", "end", mono=True))
    for address, (row, column) in places.items():
        left, top = x + LABEL + column * SQUARE, y + rows.index(row) * SQUARE
        drawing.add(*sign(left, top, results[address]))
    return y + len(rows) * SQUARE


def row_label(address: str) -> str:
    """How the first address of its sixteen ends: ".16"; of IPv6 ":10"."""
    found = ipaddress.ip_address(address)
    first = int(found) - int(found) % ACROSS
    return f".{first % 256}" if found.version == 4 else f":{first % 65_536:x}"


def sign(left: float, top: float, result: str) -> Iterator[Shape]:
    """A result as a square: shape first, colour second."""
    size, x, y = SQUARE - 3, left + SQUARE / 2, top + SQUARE / 2
    colour = MOODS.get(result, "quiet")
    arm = size * 0.28
    match result:
        case "pass":
            yield Box(left + 1.5, top + 1.5, size, size, 3, "good", "good")
            yield Line(((x - arm, y), (x - arm / 4, y + arm), (x + arm, y - arm)), "bg", 2)
        case "fail":
            yield Box(left + 1.5, top + 1.5, size, size, 3, "", "bad", 1)
            yield Line(((x - arm, y - arm), (x + arm, y + arm)), "bad", 2)
            yield Line(((x - arm, y + arm), (x + arm, y - arm)), "bad", 2)
        case "softfail":
            yield Box(left + 1.5, top + 1.5, size, size, 3, "", "later", 1)
            yield Line(((x - arm, y + arm), (x + arm, y - arm)), "later", 2)
        case "neutral":
            yield Box(left + 1.5, top + 1.5, size, size, 3, "", "edge", 1)
            yield Words(x, y, "?", 11, "ink", "middle", bold=True)
        case "none":
            yield Disc(x, y, 2, "edge", "edge")
        case _:
            yield Box(left + 1.5, top + 1.5, size, size, 3, "raised", colour, 1)
            yield Words(x, y, "…" if result == "temperror" else "!", 11, colour, "middle", bold=True)


def draw_legend(drawing: Drawing, results: Iterable[str], y: float) -> float:
    """Each result that there is: its sign, its name, how many."""
    found = list(results)
    x = MARGIN
    for result in RESULTS:
        if count := found.count(result):
            words = f"{result} {count:,}"
            wide = SQUARE + 6 + length(words, 13) + 22
            if x + wide > drawing.width and x > MARGIN:
                x, y = MARGIN, y + SQUARE + 6
            drawing.add(*sign(x, y, result), Words(x + SQUARE + 6, y + SQUARE / 2, words, 13))
            x += wide
    return y + SQUARE
