"""What each octet of a message is, its MIME parts included (RFC 2045-2047).

`message.spans` knows header and body.  This knows what a body is made of: boundaries, parts with headers of their own,
base64, quoted-printable; and the encoded words in fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ..imap.entity import Entity, parsed
from ..message import ENCODED_WORD, Field, Message, Span, field_spans
from ..message import spans as plain_spans

ENCODED = re.compile(ENCODED_WORD.pattern.encode())
LINE_END = re.compile(rb"(\r?\n)")
ESCAPED = re.compile(rb"((?:=[0-9A-Fa-f]{2})+|=[ \t]*\r?\n)")  # RFC 2045 §6.7, rules 1 and 5
BOUNDARY = re.compile(rb"(\r?\n|)(--[^\r\n]*?(--)?[ \t]*(?=[\r\n]|\Z))")
OfField = Callable[[Field], Iterable[Span]]
NAMES = {b"\r\n": "CRLF", b"\n": "LF"}


def of_field(field: Field) -> Iterator[Span]:
    """As `field_spans`, with the encoded words in the value."""
    at = 0
    for length, name in field_spans(field):
        if name == "field value" and b"=?" in field.data[at : at + length]:
            for number, piece in enumerate(split(ENCODED, field.data[at : at + length])):
                yield len(piece), "encoded word" if number % 2 else "field value"
        else:
            yield length, name
        at += length


def spans(data: bytes, of_field: OfField = of_field) -> list[Span]:
    """(length, name) of each octet, adding up to all of `data`; `of_field` names those of a field."""
    whole, message = parsed(data), Message(data)
    if message.body_start == whole.body and not (message.fields and not message.fields[0].name):
        return [span for span in of_entity(whole, of_field) if span[0]]
    # Where its header ends depends on whom one asks, so its parts do too.
    found = [span for field in message.fields for span in of_field(field) if span[0]]
    return [*found, *plain_spans(data)[sum(len(field_spans(field)) for field in message.fields) :]]


def of_entity(entity: Entity, of_field: OfField) -> Iterator[Span]:
    """Its header, then its body."""
    header = Message(entity.header)
    for field in header.fields:
        yield from of_field(field)
    if header.separator:
        yield len(header.separator), "end of header"
    yield from lines(header.body, "body line")  # a part's header that is none
    yield from of_body(entity, of_field)


def of_body(entity: Entity, of_field: OfField) -> Iterator[Span]:
    if entity.is_message:
        yield from of_entity(entity.parts[0], of_field)
    elif entity.type[0] == b"multipart" and any(part.start > entity.body for part in entity.parts):
        yield from of_multipart(entity, of_field)
    elif entity.encoding == b"base64":
        yield from lines(entity.text, "base64")
    elif entity.encoding == b"quoted-printable":
        for number, piece in enumerate(ESCAPED.split(entity.text)):
            if not number % 2:
                yield from lines(piece, "body line")
            else:
                yield len(piece), "soft line break" if piece.endswith(b"\n") else "escaped octets"
    else:
        yield from lines(entity.text, "body line")


def of_multipart(entity: Entity, of_field: OfField) -> Iterator[Span]:
    """What stands before, between and after the parts."""
    at = entity.body
    for number, part in enumerate(entity.parts):
        begins = at if number else entity.data.rfind(b"\n", at, part.start - 1) + 1 or at
        yield from lines(entity.data[at:begins], "before the parts")
        yield from of_boundary(entity.data[begins : part.start])
        yield from of_entity(part, of_field)
        at = part.end
    yield from of_boundary(entity.data[at : entity.end])


def of_boundary(data: bytes) -> Iterator[Span]:
    """A boundary with the line end before it, which belongs to it (RFC 2046 §5.1.1); after the last one, the rest."""
    found = BOUNDARY.match(data)
    if found:
        yield len(found[1]), "line end of a boundary"
        yield len(found[2]), "last boundary" if found[3] else "boundary"
    yield from lines(data[found.end() :] if found else data, "after the parts")


def lines(data: bytes, name: str) -> Iterator[Span]:
    for piece in LINE_END.split(data):
        yield len(piece), NAMES.get(piece, name)


def split(pattern: re.Pattern[bytes], data: bytes) -> list[bytes]:
    """What does not match and what matches, by turns; the pattern may have groups."""
    pieces, at = [], 0
    for found in pattern.finditer(data):
        pieces += [data[at : found.start()], found[0]]
        at = found.end()
    return [*pieces, data[at:]]
