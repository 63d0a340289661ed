"""A message as a tree of MIME parts (RFC 2045–2047), each of them places in the original octets.

The header ends at the first empty line, as IMAP has it: header and text together are the message.  A message is
hostile: parts in parts are followed so deep and no deeper, and no more of them than anybody needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from ..message import CHARSET, as_text

DEEPEST = 60  # parts in parts
MOST = 10_000  # parts of one message

FIELD = re.compile(rb"(?m)^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)\n?")
FOLD = re.compile(rb"\r?\n(?=[ \t])")
UNFOLDED = re.compile(rb"\n([!-9;-~]+)[ \t]*:([^\n]*)")
TOKEN = rb"[!#$%&'*+.^_`{|}~\w-]+"
TYPE = re.compile(rb"\s*(%b)/(%b)\s*(?=[;(]|\Z)" % (TOKEN, TOKEN))
PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
SEGMENT = re.compile(rb"([^*]+)(?:\*(\d{1,4}))?(\*?)")

Fields = list[tuple[bytes, bytes]]  # names in small letters, values unfolded
TEXT = (b"text", b"plain")
MESSAGES = ((b"message", b"rfc822"), (b"message", b"global"))  # RFC 6532 §3.7
DEFAULT = b"text/plain; charset=us-ascii"  # RFC 2045 §5.2
IN_DIGEST = b"message/rfc822"  # RFC 2046 §5.1.5


@dataclass(slots=True)
class Entity:
    """A message or a part of one."""

    data: bytes
    start: int  # its header begins,
    body: int  # its body begins,
    end: int  # it ends
    type: tuple[bytes, bytes]  # (b"text", b"plain")
    parameters: dict[bytes, bytes]
    fields: Fields
    named: dict[bytes, bytes]  # the first of each name
    parts: tuple[Entity, ...]  # of a multipart, or the one message in a message/rfc822

    @property
    def header(self) -> bytes:
        return self.data[self.start : self.body]

    @property
    def text(self) -> bytes:
        return self.data[self.body : self.end]

    @property
    def is_message(self) -> bool:
        """Whether there is a message inside."""
        return self.type in MESSAGES and bool(self.parts)

    @property
    def encoding(self) -> bytes:
        """Of the body, in small letters; b"7bit" where nothing is said (RFC 2045 §6.1)."""
        return (self.field(b"content-transfer-encoding") or b"7bit").split(b";")[0].strip().lower() or b"7bit"

    def field(self, name: bytes) -> bytes | None:
        """The first field of that name (in small letters)."""
        return self.named.get(name)

    def walk(self) -> Iterator[Entity]:
        """It and all that is in it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def body_at(data: bytes, start: int, end: int) -> int:
    """Where the body begins: behind the first empty line, at the end when there is none."""
    for line_end in (b"\r\n", b"\n"):  # a message with bare line feeds is one all the same
        if data.startswith(line_end, start, end):
            return start + len(line_end)
        blank = data.find(2 * line_end, start, end)
        if blank >= 0:
            return blank + 2 * len(line_end)
    return end


def fields(header: bytes) -> Fields:
    """Name and unfolded value of each field.  NUL, which IMAP's strings cannot hold, is left out."""
    if b"\n " in header or b"\n\t" in header:
        header = FOLD.sub(b"", header)
    if b"\0" in header:
        header = header.replace(b"\0", b"")
    return [(name.lower(), value.strip()) for name, value in UNFOLDED.findall(b"\n" + header)]


def parameters(value: bytes) -> dict[bytes, bytes]:
    """``text/plain; charset=utf-8; name*0=a; name*1=b`` -> {b"charset": b"utf-8", b"name": b"ab"} (RFC 2231)."""
    plain: dict[bytes, bytes] = {}
    parts: dict[bytes, dict[int, tuple[bytes, bool]]] = {}  # name -> place -> (value, whether it is percent-encoded)
    for name, quoted, bare in PARAMETER.findall(value):
        given = re.sub(rb"\\(.)", rb"\1", quoted) or bare
        found = SEGMENT.fullmatch(name.lower())
        if found and (found[2] or found[3]):
            parts.setdefault(found[1], {})[int(found[2] or 0)] = given, bool(found[3])
        else:
            plain.setdefault(name.lower(), given)
    for name, pieces in parts.items():
        encoded = any(coded for _, coded in pieces.values())
        plain[name + b"*" if encoded else name] = joined([pieces[place] for place in sorted(pieces)])
    return plain


def joined(pieces: list[tuple[bytes, bool]]) -> bytes:
    """The pieces of one value, as UTF-8: ``utf-8''Gr%C3%BC`` and ``n`` -> "Grün" (RFC 2231 §4.1; RFC 9051 §7.5.2)."""
    first, coded = pieces[0]
    charset = b"utf-8"
    if coded and first.count(b"'") >= 2:
        charset, _, first = first.split(b"'", 2)
    octets = b"".join(unquote_to_bytes(value) if coded else value for value, coded in [(first, coded), *pieces[1:]])
    return in_utf8(octets, charset)


def in_utf8(octets: bytes, charset: bytes) -> bytes:
    """These octets of that charset as UTF-8; of an unknown one they are taken for UTF-8 or Latin-1."""
    name = charset.decode("ascii", "replace")
    return as_text(octets, name if CHARSET.fullmatch(name) else "utf-8").encode("utf-8", "replace")


CONTAINERS = (b"multipart", b"message")


@lru_cache(1_000)
def content_type(declared: bytes) -> tuple[tuple[bytes, bytes], dict[bytes, bytes]]:
    """Kind and parameters; of most messages they are those of others too."""
    match = TYPE.match(declared)
    if not match:
        return content_type(DEFAULT)
    return (match[1].lower(), match[2].lower()), parameters(declared[match.end() :])


class _Room:
    """How many more parts may be looked at."""

    def __init__(self) -> None:
        self.left = MOST


def entity(data: bytes, start: int, end: int, default: bytes, depth: int, room: _Room) -> Entity:
    body = body_at(data, start, end)
    found = fields(data[start:body])
    named = dict(reversed(found))
    kind, given = content_type(named.get(b"content-type", default))
    here = Entity(data, start, body, end, kind, given, found, named, ())
    if depth < DEEPEST and kind[0] in CONTAINERS:
        here.parts = tuple(children(here, depth + 1, room))
    return here


def children(whole: Entity, depth: int, room: _Room) -> Iterator[Entity]:
    if whole.type in MESSAGES:
        if whole.encoding in (b"7bit", b"8bit", b"binary"):  # others are not allowed (RFC 2046 §5.2.1)
            yield entity(whole.data, whole.body, whole.end, DEFAULT, depth, room)
    elif whole.type[0] == b"multipart":
        default = IN_DIGEST if whole.type[1] == b"digest" else DEFAULT
        for start, end in between_boundaries(whole) or [(whole.end, whole.end)]:  # none at all: then one, and empty
            room.left -= 1
            if room.left < 0:
                return
            yield entity(whole.data, start, end, default, depth, room)


def between_boundaries(whole: Entity) -> list[tuple[int, int]]:
    """Where each part begins and ends (RFC 2046 §5.1.1); the last one may lack its closing boundary."""
    boundary = whole.parameters.get(b"boundary")
    if not boundary:
        return []
    places: list[tuple[int, int]] = []
    mark = re.compile(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?:\n|\Z)")
    begun = None
    for found in mark.finditer(whole.data, whole.body, whole.end):
        if begun is not None:
            places.append((begun, max(begun, before_line_end(whole.data, found.start()))))
        begun = found.end()
        if found[1] or len(places) > MOST:
            return places
    return places if begun is None else [*places, (begun, whole.end)]


def before_line_end(data: bytes, at: int) -> int:
    """The line end before a boundary belongs to the boundary."""
    return at - 2 if data.endswith(b"\r\n", 0, at) else at - 1


@lru_cache(16)
def parsed(data: bytes) -> Entity:
    """The whole message; a client that fetches part after part has it parsed once."""
    return entity(data, 0, len(data), DEFAULT, 0, _Room())
