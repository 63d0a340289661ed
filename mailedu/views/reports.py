"""Pictures of DMARC's reports and of what a policy did: who sends, what passes from day to day, what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ..acts import LabError
from .drawing import Box, Drawing, Line, Polygon, Words, length, shortened

WIDE, MARGIN, ROW = 940.0, 18.0, 24.0
MOST = 24  # sources that are drawn
DONE = {"none": ("good", "let through"), "quarantine": ("later", "to Junk"), "reject": ("bad", "refused")}
FATES = {"inbox": ("good", "inbox"), "junk": ("later", "Junk"), "refused": ("bad", "refused")}


class Source(Protocol):
    @property
    def ip(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def messages(self) -> int: ...
    @property
    def passed(self) -> int: ...


class Day(Protocol):
    @property
    def day(self) -> str: ...
    @property
    def messages(self) -> int: ...
    @property
    def passed(self) -> int: ...
    @property
    def dispositions(self) -> Mapping[str, int]: ...


# -- reports -----------------------------------------------------------------------------------------------------------


def reports_drawing(sources: Sequence[Source], days: Sequence[Day]) -> Drawing:
    """Three parts, one below the other."""
    if not days:
        raise LabError("There is no report to draw: receivers send theirs when a day is over.")
    drawing = Drawing("DMARC reports", WIDE, 0.0)
    y = draw_sources(drawing, sources, MARGIN)
    y = draw_days(drawing, days, y + 22)
    drawing.height = y + MARGIN
    return drawing


def draw_sources(drawing: Drawing, sources: Sequence[Source], y: float) -> float:
    """A bar for each address and name: the part that passes is full."""
    left, room = 430.0, WIDE - 430.0 - MARGIN - 92
    heading(drawing, y, "Who sends in this name", [("good", "passes"), ("open", "fails")])
    y += 28
    most = max((source.messages for source in sources), default=1)
    for source in sources[:MOST]:
        middle = y + ROW / 2
        stranger = source.name == "unknown"
        drawing.add(
            Words(MARGIN, middle, shortened(source.ip, 12.5, 122, mono=True), 12.5, mono=True),
            Words(146, middle, shortened(source.name, 12.5, 112), 12.5, "bad" if stranger else "ink", bold=stranger),
            Words(262, middle, shortened(source.author, 12.5, 160), 12.5, "quiet"),
        )
        bar(
            drawing,
            left,
            y + 4,
            ROW - 8,
            room / most,
            [("good", source.passed), ("open", source.messages - source.passed)],
        )
        end = left + room * source.messages / most
        drawing.add(Words(end + 8, middle, f"{source.passed} of {source.messages}", 12))
        y += ROW
    if len(sources) > MOST:
        drawing.add(Words(MARGIN, y + ROW / 2, f"and {len(sources) - MOST} more", 12.5, "quiet"))
        y += ROW
    return y


def draw_days(drawing: Drawing, days: Sequence[Day], y: float) -> float:
    """Above the share that passes, as a line; below what was done, as columns."""
    left, right, high = 62.0, WIDE - MARGIN, 84.0
    step = (right - left) / max(len(days), 1)
    heading(drawing, y, "How much of it passes, day by day", [])
    top = y + 30
    for share in (0, 50, 100):
        height = top + high * (1 - share / 100)
        drawing.add(
            Line(((left, height), (right, height)), "line", 1),
            Words(left - 8, height, f"{share} %", 11, "quiet", "end"),
        )
    points = [
        (left + (at + 0.5) * step, top + high * (1 - day.passed / day.messages))
        for at, day in enumerate(days)
        if day.messages
    ]
    if len(points) > 1:
        drawing.add(Line(tuple(points), "now", 2))
    for x, height in points:
        drawing.add(Box(x - 3, height - 3, 6, 6, 1, "now", "now"))
    y = top + high + 26
    heading(drawing, y, "What was done", [(colour, words) for colour, words in DONE.values()])
    top = y + 30
    most = max((day.messages for day in days), default=1)
    bottom = top + high
    drawing.add(
        Line(((left, bottom), (right, bottom)), "line", 1),
        Words(left - 8, top, str(most), 11, "quiet", "end"),
        Words(left - 8, bottom, "0", 11, "quiet", "end"),
    )
    for at, day in enumerate(days):
        x, base = left + at * step + step * 0.18, bottom
        for name, (colour, _) in DONE.items():
            tall = high * day.dispositions.get(name, 0) / most
            if tall:
                block(drawing, colour, x, base - tall, step * 0.64, tall)
                base -= tall
        if at % max(1, -(-len(days) // 10)) == 0:
            drawing.add(Words(x + step * 0.32, bottom + 14, day.day[5:], 11, "quiet", "middle"))
    return bottom + 24


# -- what a policy did -------------------------------------------------------------------------------------------------


def fates_drawing(counts: Mapping[str, Mapping[str, int]], real: Mapping[str, bool], record: str) -> Drawing:
    """A bar for each kind of letter, real ones above the forged: how many are in the inbox, in Junk, refused."""
    drawing = Drawing(f"What became of the letters under {record}", WIDE, 0.0)
    drawing.add(
        Words(MARGIN, MARGIN + 8, shortened(record, 13, WIDE - 2 * MARGIN, mono=True), 13, mono=True, bold=True)
    )
    y = MARGIN + 30
    left, room = 176.0, WIDE - 176.0 - MARGIN - 196
    most = max((sum(fates.values()) for fates in counts.values()), default=1) or 1
    for title, wanted in (("Real letters", True), ("Forged letters", False)):
        heading(drawing, y, title, [(colour, words) for colour, words in FATES.values()] if wanted else [])
        y += 28
        for name, fates in counts.items():
            if real[name] != wanted:
                continue
            middle = y + ROW / 2
            drawing.add(Words(MARGIN, middle, shortened(name, 13, left - MARGIN - 8), 13))
            bar(
                drawing,
                left,
                y + 4,
                ROW - 8,
                room / most,
                [(colour, fates.get(fate, 0)) for fate, (colour, _) in FATES.items()],
            )
            end = left + room * sum(fates.values()) / most
            words = ", ".join(f"{fates[fate]} {says}" for fate, (_, says) in FATES.items() if fates.get(fate))
            drawing.add(Words(end + 8, middle, words, 12))
            y += ROW
        y += 10
    drawing.height = y + MARGIN - 10
    return drawing


# -- pieces ------------------------------------------------------------------------------------------------------------


def heading(drawing: Drawing, y: float, title: str, legend: Iterable[tuple[str, str]]) -> None:
    drawing.add(Words(MARGIN, y + 8, title, 14.5, bold=True))
    x = WIDE - MARGIN
    for colour, words in reversed(list(legend)):
        x -= length(words, 12)
        drawing.add(Words(x, y + 8, words, 12))
        block(drawing, colour, x - 20, y + 2, 14, 12)
        x -= 36


def bar(drawing: Drawing, x: float, y: float, high: float, unit: float, parts: Iterable[tuple[str, int]]) -> None:
    for colour, count in parts:
        if count:
            block(drawing, colour, x, y, count * unit, high)
            x += count * unit


def block(drawing: Drawing, colour: str, x: float, y: float, wide: float, high: float) -> None:
    """Each colour has a form of its own: full, striped, with a stroke across, or empty."""
    drawing.add(
        Box(
            x,
            y,
            wide,
            high,
            0,
            "" if colour in ("open", "later") else colour,
            "quiet" if colour == "open" else colour,
            1.2,
        )
    )
    if colour == "later":
        gap = 6.0
        at = gap
        while at < wide + high:
            start, stop = max(0.0, at - high), min(at, wide)
            drawing.add(Line(((x + start, y + at - start), (x + stop, y + at - stop)), colour, 1.2))
            at += gap
    elif colour == "bad" and wide > 5 and high > 5:
        half = min(wide, high) * 0.28
        cx, cy = x + wide / 2, y + high / 2
        drawing.add(Polygon(((cx - half, cy - half), (cx + half, cy + half)), "", "bg", 1.6),
                    Polygon(((cx - half, cy + half), (cx + half, cy - half)), "", "bg", 1.6))  # fmt: skip


# -- the truth table ---------------------------------------------------------------------------------------------------

Cell = tuple[str, bool, str, bool, str, str]  # SPF, aligned, DKIM, aligned, DMARC, vouched for by


def truth_drawing(cases: Sequence[Cell]) -> Drawing:
    """Four by four: SPF from top to bottom, DKIM from left to right."""
    left, wide, high, top = 190.0, 182.0, 56.0, 82.0
    drawing = Drawing("DMARC in sixteen cases", left + 4 * wide + MARGIN, top + 4 * high + MARGIN)
    kinds = list(dict.fromkeys((spf, aligned) for spf, aligned, *_ in cases))
    drawing.add(Words(left, 26, "DKIM", 14.5, bold=True), Words(MARGIN, top - 16, "SPF", 14.5, bold=True))
    for at, (result, aligned) in enumerate(kinds):
        said = f"{result}, {'aligned' if aligned else 'not aligned'}"
        drawing.add(Words(left + (at + 0.5) * wide, 58, said, 13, anchor="middle"))
        drawing.add(Words(MARGIN, top + (at + 0.5) * high, said, 13))
    for spf, spf_aligned, dkim, dkim_aligned, dmarc, vouchers in cases:
        row, column = kinds.index((spf, spf_aligned)), kinds.index((dkim, dkim_aligned))
        x, y, good = left + column * wide, top + row * high, dmarc == "pass"
        drawing.add(
            Box(x + 3, y + 3, wide - 6, high - 6, 6, "raised", "good" if good else "bad", 2.4 if good else 1.2),
            Words(
                x + wide / 2,
                y + high / 2 - (9 if good else 0),
                dmarc,
                14,
                "good" if good else "bad",
                "middle",
                bold=good,
            ),
        )
        if good:
            by = " and ".join(dict.fromkeys(voucher.split()[0] for voucher in vouchers.split(", ")))
            drawing.add(Words(x + wide / 2, y + high / 2 + 11, f"by {by}", 11.5, "quiet", "middle"))
    return drawing
