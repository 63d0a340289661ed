"""The arena as a picture: moments from top to bottom, and beside each the mailbox and everybody's numbers.

A letter keeps its place in all columns.  A number that its client was not told is gone has a dashed outline, a letter
that it was not told of a dotted one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..acts import LabError
from ..trace import printable
from .arena import Arena, Moment, Seat, moment_data
from .drawing import Box, Drawing, Line, Shape, Words, shortened

WIDTH = 1100.0
MARGIN = 18.0
TALK = 372.0  # room for what was said
HEAD = 78.0
GAP = 22.0  # between two columns
LINE = 17.0  # from one line of talk to the next
LEAST = 58.0  # of a moment's height
CELL = (30.0, 22.0)
PITCH = 36.0
MOST = 14  # moments
LETTERS = 10  # columns of a block
LINES = 4  # of talk
INITIALS = {"\\Seen": "S", "\\Deleted": "D", "\\Flagged": "F", "\\Answered": "A", "\\Draft": "T"}


class Block(NamedTuple):
    """A column of the picture: the mailbox (-1) or a client."""

    who: int
    x: float
    pitch: float


def drawing(arena: Arena, most: int = MOST) -> Drawing:
    """The last moments of an arena, at most so many."""
    first = next(
        (at for at, moment in enumerate(arena.moments) if moment.who >= 0), 0
    )  # what came in before it is seen
    moments = arena.moments[first:][-most:]
    if not moments:
        raise LabError("Nothing happened in this arena yet: let a client SELECT the mailbox.")
    uids, there = kept(arena, moments), set[int]()
    blocks = placed(len(arena.clients), len(uids))
    clients = ", ".join(printable(client.name) for client in arena.clients)
    made = Drawing(f"Who has which number in {printable(arena.box)}: {clients}, {len(moments)} moments", WIDTH, 0.0)
    made.add(*head(arena, blocks))
    y = HEAD
    for moment in moments:
        lines = said(arena, moment)
        height = max(LEAST, LINE * len(lines) + 16)
        made.add(Line(((MARGIN, y), (WIDTH - MARGIN, y)), "line", 1.0))
        made.add(*talk(lines, moment, y))
        there |= moment.mail.keys()  # so far
        for block in blocks:
            made.add(*cells(moment, block, uids, there, y + 22))
        y += height
    made.add(*legend(y + 16))
    made.height = y + 34
    return made


def kept(arena: Arena, moments: Sequence[Moment]) -> list[int]:
    """The UIDs that somebody has in one of these moments; of many the newest."""
    met = {uid for moment in moments for uid in moment.mail}
    met |= {uid for moment in moments for seat in moment.seats if seat for uid in seat.numbers}
    return sorted(met)[-LETTERS:]


def placed(clients: int, letters: int) -> list[Block]:
    """The mailbox stands between the first client and the others."""
    order = [0, -1, *range(1, clients)]
    room = (WIDTH - TALK - 2 * MARGIN - GAP * (len(order) - 1)) / len(order)
    pitch = min(PITCH, room / max(letters, 1))
    return [Block(who, MARGIN + TALK + at * (room + GAP), pitch) for at, who in enumerate(order)]


def head(arena: Arena, blocks: Sequence[Block]) -> Iterator[Shape]:
    yield Words(MARGIN, 26, shortened(printable(arena.box), 16, TALK), 16, bold=True)
    yield Words(MARGIN, 50, "what was said, and what was answered", 12, "quiet")
    for block in blocks:
        title, below = "the mailbox", "UIDs"
        if block.who >= 0:
            client = arena.clients[block.who]
            title, below = printable(client.name), f"{client.protocol}: its numbers"
        room = max(block.pitch * 4, 120.0)
        yield Words(block.x, 26, shortened(title, 15, room), 15, "now" if block.who < 0 else "ink", bold=True)
        yield Words(block.x, 50, shortened(below, 12, room), 12, "quiet")


def said(arena: Arena, moment: Moment) -> list[tuple[str, bool]]:
    """[(a line, whether it is one of the wire)]: who said what, the news in the answer, and what is wrong."""
    name = printable(arena.clients[moment.who].name) if moment.who >= 0 else ""
    first = f"{name}: {moment.said}" if name and moment.said else moment.said or f"{name} is told:"
    lines = [(first, bool(name))]
    told = moment_data(moment, set())["told"]
    news = [line for line in told if line.startswith("* ") and not line.startswith(("* OK", "* FLAGS"))]
    shown = [*news, *(told[-1:] if told and told[-1] not in news else [])]
    if len(shown) > LINES:
        shown = [*shown[: LINES - 2], f"… {len(shown) - LINES + 1} more", shown[-1]]
    lines += [(f"   {line}", True) for line in shown]
    if moment.wrong:
        lines.append((f"It meant another letter: UID {', '.join(map(str, moment.wrong))} was hit", False))
    return lines


def talk(lines: Sequence[tuple[str, bool]], moment: Moment, y: float) -> Iterator[Shape]:
    for at, (line, wire) in enumerate(lines):
        colour = "ink" if at == 0 else "quiet"
        if moment.wrong and at == len(lines) - 1:
            colour = "bad"
        size = 12.0 if wire else 13.0
        yield Words(MARGIN, y + 18 + LINE * at, shortened(line, size, TALK - 24, wire), size, colour, mono=wire)


def cells(moment: Moment, block: Block, uids: Sequence[int], there: set[int], y: float) -> Iterator[Shape]:
    """One row of letters; in the mailbox those that were ever `there`."""
    if block.who < 0:
        for at, uid in ((at, uid) for at, uid in enumerate(uids) if uid in there):
            yield from mail_cell(moment, block.x + block.pitch * at, y, uid, block.pitch)
        return
    seat = moment.seats[block.who]
    if seat is None:
        yield Words(block.x, y, "not open", 12, "quiet")
        return
    number = {uid: n for n, uid in enumerate(seat.numbers, 1)}
    pending = dict.fromkeys(seat.marked, "marked") | {uid: kind for kind, uid in seat.pending}
    for at, uid in enumerate(uids):
        yield from seat_cell(number.get(uid), pending.get(uid, ""), block.x + block.pitch * at, y, block.pitch)
    yield from waits(seat, block, y)


def mail_cell(moment: Moment, x: float, y: float, uid: int, pitch: float) -> Iterator[Shape]:
    wide, high = min(CELL[0], pitch * 0.86), CELL[1]
    if uid not in moment.mail:
        yield Line(((x, y + high / 2), (x + wide, y + high / 2)), "bad", 1.5)
        return
    wrong = uid in moment.wrong
    yield Box(x, y - high / 2, wide, high, 3, "now-bg", "bad" if wrong else "now", 2.2 if wrong else 1.4)
    yield Words(x + wide / 2, y, str(uid), 13, "ink", "middle", bold=True)
    flags = "".join(INITIALS.get(flag, "k") for flag in sorted(moment.mail[uid]))
    if flags:
        yield Words(x + wide / 2, y + high / 2 + 9, flags, 11, "quiet", "middle", mono=True)


def seat_cell(number: int | None, pending: str, x: float, y: float, pitch: float) -> Iterator[Shape]:
    wide, high = min(CELL[0], pitch * 0.86), CELL[1]
    top, bottom, right = y - high / 2, y + high / 2, x + wide
    outline = ((x, top), (right, top), (right, bottom), (x, bottom), (x, top))
    if number is None:
        if pending == "added":
            yield Line(outline, "later", 1.4, "dotted")
        return
    if pending in ("removed", "marked"):
        yield Line(outline, "bad" if pending == "removed" else "later", 1.6, "dashed")
    else:
        yield Box(x, top, wide, high, 3, "raised", "edge")
    yield Words(x + wide / 2, y, str(number), 13, "bad" if pending == "removed" else "ink", "middle")
    if pending == "flagged":
        yield Line(((x + 4, bottom + 4), (right - 4, bottom + 4)), "later", 2.2)


def waits(seat: Seat, block: Block, y: float) -> Iterator[Shape]:
    if seat.pending:
        words = f"{len(seat.pending)} not told"
        yield Words(block.x, y + CELL[1] / 2 + 15, words, 11.5, "later")


def legend(y: float) -> Iterator[Shape]:
    """What the outlines mean."""
    x = MARGIN
    for number, pending, words in (
        (1, "", "told"), (2, "removed", "removed, and not told"), (None, "added", "new, and not told"),
        (3, "flagged", "other flags, and not told"), (4, "marked", "marked"),
    ):  # fmt: skip
        yield from seat_cell(number, pending, x, y, PITCH)
        yield Words(x + 38, y, words, 12, "quiet")
        x += 62 + 7.2 * len(words)
    yield Words(x, y, "S seen, D deleted, F flagged", 12, "quiet")
