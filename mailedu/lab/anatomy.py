"""What a message is made of: each of its octets by name in the player, its MIME parts as a tree with their sizes."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from quopri import decodestring
from typing import Any, NamedTuple

from ..acts import Store
from ..imap.entity import Entity, parameters, parsed
from ..message import as_text, decoded
from ..trace import Trace, printable
from ..views.drawing import Box, Drawing, Words, length, shortened
from ..views.picture import Picture
from .shown import Shown
from .verdicts import as_bytes

NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
NOWHERE = "somebody/Drafts"  # the box that the player names when a message lies in none


class Piece(NamedTuple):
    """The message, or a part of it."""

    branch: str  # how it hangs in the tree: "│  └─ "
    what: str  # "image/png photo.png"
    encoding: str  # "base64"; "" where there are parts inside
    start: int
    body: int
    end: int
    content: int | None  # octets, once decoded; None where there are parts inside

    @property
    def octets(self) -> int:
        return self.end - self.start


class Anatomy(Shown):
    """``Anatomy(message)``: the player in a notebook, its tree when printed; `.parts` as a picture, `.pieces`."""

    title = "A message, octet by octet"

    def __init__(self, message: bytes | str) -> None:
        self.message = as_bytes(message)
        self.trace = Trace()
        self.trace.record("somebody", "", None, Store(NOWHERE, self.message))

    @property
    def pieces(self) -> list[Piece]:
        """The message and its parts, each above what is in it."""
        return list(pieces(parsed(self.message)))

    @property
    def parts(self) -> Picture:
        """Where in the message each part lies, and how much of it is header."""
        return Picture(drawn(self.pieces), str(self))

    def __str__(self) -> str:
        return table(self.pieces)

    def __repr__(self) -> str:
        return f"<Anatomy of a message of {len(self.message)} octets, {len(self.pieces)} in its tree>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        try:
            bundle = self.player()._repr_mimebundle_()
        except ImportError:
            return {"text/plain": str(self)}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": str(self)}, metadata


def pieces(entity: Entity, branch: str = "", below: str = "") -> Iterator[Piece]:
    """An entity and what is in it, with the branches of the tree."""
    kind = "/".join(word.decode("ascii", "replace") for word in entity.type)
    what = printable(f"{kind} {file_name(entity)}".rstrip())
    inside = entity.parts
    encoding = "" if inside else printable(entity.encoding.decode("ascii", "replace"))
    content = None if inside else len(content_of(entity))
    yield Piece(branch, what, encoding, entity.start, entity.body, entity.end, content)
    for number, part in enumerate(inside):
        last = number == len(inside) - 1
        yield from pieces(part, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))


def file_name(entity: Entity) -> str:
    """What a part is called, if anything (RFC 2183 §2.3, RFC 2231 §4)."""
    for field, name in ((b"content-disposition", b"filename"), (b"content-type", b"name")):
        given = parameters(b";" + (entity.field(field) or b"").partition(b";")[2])
        found = given.get(name + b"*", given.get(name))
        if found:
            return decoded(as_text(found))
    return ""


def content_of(entity: Entity) -> bytes:
    """A part without its encoding (RFC 2045 §6); what cannot be decoded stays as it is."""
    if entity.encoding == b"quoted-printable":
        return decodestring(entity.text)
    if entity.encoding == b"base64":
        digits = NOT_BASE64.sub(b"", entity.text)
        return b64decode(digits[: len(digits) - (len(digits) % 4 == 1)] + b"=" * (-len(digits) % 4))
    return entity.text


# -- the tree as text --------------------------------------------------------------------------------------------------

COLUMNS = ("octets", "header", "body", "content")


def table(rows: Sequence[Piece]) -> str:
    """The tree, and how many octets each piece of it has."""
    names = [row.branch + row.what for row in rows]
    numbers = [
        [row.octets, row.body - row.start, row.end - row.body, "" if row.content is None else row.content]
        for row in rows
    ]
    texts = [[f"{n:,}" if isinstance(n, int) else n for n in line] for line in numbers]
    widths = [max(len(name), *(len(line[at]) for line in texts)) for at, name in enumerate(COLUMNS)]
    wide = max(map(len, names))
    told = [" " * wide + "".join(f"  {name:>{width}}" for name, width in zip(COLUMNS, widths, strict=True))]
    for row, name, line in zip(rows, names, texts, strict=True):
        cells = "".join(f"  {cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        told.append(f"{name:{wide}}{cells}  {row.encoding}".rstrip())
    return "\n".join(told)


# -- and as a picture --------------------------------------------------------------------------------------------------

WIDTH, MARGIN = 1000.0, 16.0
ROW, BAR = 34.0, 20.0
TEXT, SMALL = 13.0, 11.0
INDENT = 18.0
STRIP = (350.0, 720.0)  # where the message begins and ends
MOST_ROWS = 40


def drawn(rows: Sequence[Piece]) -> Drawing:
    """A row for each piece: its bar lies where it lies in the message, and its header is filled."""
    whole = max(rows[0].octets, 1)
    scale = (STRIP[1] - STRIP[0]) / whole
    drawing = Drawing(f"{rows[0].what}, {rows[0].octets:,} octets", WIDTH, 0)
    y = 30.0
    drawing.add(
        Words(STRIP[0], y, "first octet", SMALL, "quiet"),
        Words(STRIP[1], y, "last octet", SMALL, "quiet", "end"),
        Words(STRIP[1] + 24, y, "octets, and without the encoding", SMALL, "quiet"),
    )
    for row in rows[:MOST_ROWS]:
        y += ROW
        label = MARGIN + INDENT * (len(row.branch) // 3)
        name = shortened(row.what, TEXT, STRIP[0] - label - 20)
        drawing.add(Words(label, y, name, TEXT, bold=not row.branch))
        x, middle, end = (STRIP[0] + (at - rows[0].start) * scale for at in (row.start, row.body, row.end))
        coded = row.encoding in ("base64", "quoted-printable")
        inside = "tls-bg" if coded else "raised"
        drawing.add(Box(x, y - BAR / 2, max(end - x, 1.5), BAR, 2, inside, "tls" if coded else "edge", 1.2))
        if middle - x >= 0.5:
            drawing.add(Box(x, y - BAR / 2, middle - x, BAR, 2, "now", "now", 1.2))
        drawing.add(*beside(row, STRIP[1] + 24, y))
    if len(rows) > MOST_ROWS:
        y += ROW
        drawing.add(Words(MARGIN, y, f"… and {len(rows) - MOST_ROWS} more", TEXT, "quiet"))
    y += ROW + 6
    key = STRIP[0]
    for fill, edge, word in (("now", "now", "header"), ("raised", "edge", "body"), ("tls-bg", "tls", "encoded body")):
        drawing.add(Box(key, y - 6, 20, 12, 2, fill, edge, 1.2), Words(key + 28, y, word, SMALL, "quiet"))
        key += 28 + length(word, SMALL) + 24
    drawing.height = y + 22
    return drawing


def beside(row: Piece, x: float, y: float) -> Iterator[Words]:
    said = f"{row.octets:,}"
    yield Words(x + 54, y, said, TEXT, anchor="end", mono=True)
    if row.content is not None and row.encoding in ("base64", "quoted-printable"):
        yield Words(x + 70, y, f"{row.content:,} in {row.encoding}", SMALL, "tls")
