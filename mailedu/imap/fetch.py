"""What FETCH gives (RFC 9051 §6.4.5, §7.5.2).  A message is its original bytes; its parts are positions in them.

items = fetch_items(reader)              once a command
answer(items, message, number)           once a message: one untagged response
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ..acts import Refused
from ..mailbox import Message
from ..wire import CRLF, LONE
from .addresses import addresses
from .entity import FIELD, TEXT, Entity, Fields, body_at, fields, parameters, parsed
from .grammar import ASTRING, OPEN, SP, Atom, Reader, astring, listed, refused, write, write_flags
from .texts import DECODERS

# -- ENVELOPE (§7.5.2) -------------------------------------------------------------------------------------------------


PEOPLE = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def envelope_of(message_fields: Fields) -> Atom:
    """Ten things of the header; Sender and Reply-To are From where they are missing or empty."""
    first: dict[bytes, bytes] = {}
    people: dict[bytes, bytes] = {}
    for name, value in message_fields:
        if name in PEOPLE:
            people[name] = people[name] + b"," + value if name in people else value
        elif name not in first:
            first[name] = value
    told = {name: persons(value) for name, value in people.items()}
    author = told.get(b"from", b"NIL")
    for name in (b"sender", b"reply-to"):
        if told.get(name, b"NIL") == b"NIL":
            told[name] = author
    return Atom(
        b"(%s %s %s %s %s)"
        % (
            write(first.get(b"date")),
            write(first.get(b"subject")),
            b" ".join([told.get(name, b"NIL") for name in PEOPLE]),
            write(first.get(b"in-reply-to")),
            write(first.get(b"message-id")),
        )
    )


def persons(value: bytes) -> bytes:
    """The addresses of a field, written; many letters come from the same people."""
    return short_field(value) if len(value) < 500 else write(addresses(value))


@lru_cache(10_000)
def short_field(value: bytes) -> bytes:
    return write(addresses(value))


def envelope(data: bytes) -> bytes:
    return envelope_of(fields(data[: body_at(data, 0, len(data))]))


# -- BODYSTRUCTURE (§7.5.2) --------------------------------------------------------------------------------------------


def body_structure(data: bytes, extended: bool = True) -> bytes:
    return structure(parsed(data), extended)


def structure(part: Entity, extended: bool = True) -> Atom:
    """A part as BODYSTRUCTURE tells it; not `extended`, as BODY does."""
    if part.type[0] == b"multipart" and part.parts:
        return several(part, extended)
    kind, named = told_type(part), part.named
    told = b"%s %d" % (
        basic_fields(
            kind, pairs(with_charset(part)), named.get(b"content-id"), named.get(b"content-description"), part.encoding
        ),
        part.end - part.body,
    )
    if part.is_message:
        inner = part.parts[0]
        told += b" %s %s %d" % (envelope_of(inner.fields), structure(inner, extended), lines_of(part))
    elif kind[0] == b"text":
        told += b" %d" % lines_of(part)
    if extended:
        told += b" %s %s" % (write(named.get(b"content-md5")), extension(part))
    return Atom(b"(%s)" % told)


@lru_cache(1_000)
def basic_fields(kind: tuple[bytes, bytes], *fields: Any) -> bytes:
    """Type, subtype, parameters, id, description, encoding."""
    *others, encoding = fields
    return b" ".join(map(write, (*kind, *others, encoding.upper())))


def with_charset(part: Entity) -> dict[bytes, bytes]:
    """A text that does not say so is in US-ASCII (RFC 2045 §5.2)."""
    if part.type[0] == b"text" and b"charset" not in part.parameters:
        return {**part.parameters, b"charset": b"us-ascii"}
    return part.parameters


def told_type(part: Entity) -> tuple[bytes, bytes]:
    """What a part is told to be: one that was not opened is a text, or just octets."""
    if part.type[0] == b"multipart":
        return TEXT
    return part.type if part.is_message or part.type[0] != b"message" else opaque(part.type)


def opaque(kind: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """message/rfc822 and message/global come with an envelope, or not at all (§9, media-basic)."""
    return (b"application", b"octet-stream") if kind[1] in (b"rfc822", b"global") else kind


def several(part: Entity, extended: bool) -> Atom:
    """The parts stand side by side with nothing between, which no list does."""
    told = b"".join([structure(inner, extended) for inner in part.parts]) + b" " + write(part.type[1])
    if extended:
        told += b" %s %s" % (write(pairs(part.parameters)), extension(part))
    return Atom(b"(%s)" % told)


def lines_of(part: Entity) -> int:
    return part.data.count(b"\n", part.body, part.end)


def pairs(given: dict[bytes, bytes]) -> tuple[bytes, ...] | None:
    return tuple([value for pair in given.items() for value in pair]) or None


def extension(part: Entity) -> bytes:
    """Disposition, language, location."""
    named = part.named
    if not named.keys() & EXTENSION:
        return b"NIL NIL NIL"
    said = named.get(b"content-disposition")
    disposition = (said.split(b";")[0].strip(), pairs(parameters(said))) if said else None
    told = disposition, languages(named.get(b"content-language")), named.get(b"content-location")
    return b" ".join(map(write, told))


EXTENSION = {b"content-disposition", b"content-language", b"content-location"}


def languages(said: bytes | None) -> tuple[bytes, ...] | bytes | None:
    """b"en, de" -> (b"en", b"de"); one by itself is no list."""
    tags = tuple(tag.strip() for tag in said.split(b",") if tag.strip()) if said else ()
    return tags if len(tags) > 1 else (tags[0] if tags else None)


# -- BODY[…] -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Section:
    """What stands between [ and ], and what between < and >."""

    path: tuple[int, ...] = ()
    what: str = ""  # "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME
    names: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None

    @property
    def label(self) -> bytes:
        """``[1.2.HEADER.FIELDS (from)]<0>``: how the answer repeats the question."""
        told = b".".join([*(b"%d" % number for number in self.path), *([self.what.encode("ascii")] * bool(self.what))])
        if self.names:
            told += b" (%s)" % b" ".join(map(write_name_of_field, self.names))
        return b"[%s]" % told + (b"<%d>" % self.partial[0] if self.partial else b"")


def write_name_of_field(name: bytes) -> bytes:
    return name if ASTRING.fullmatch(name) else write(name)


def part_at(whole: Entity, path: tuple[int, ...]) -> Entity | None:
    """1.2 -> that part, or None.  A message that is not multipart is its own part 1 (§6.4.5.1)."""
    part, is_message = whole, True
    for number in path:
        if not is_message and part.is_message:
            part, is_message = part.parts[0], True
        inside = part.parts if part.type[0] == b"multipart" else ()
        if not inside and is_message:
            inside = (part,)
        if not 1 <= number <= len(inside):
            return None
        part, is_message = inside[number - 1], False
    return part


def section(data: bytes, asked: Section) -> bytes | None:
    """The octets asked for; None is NIL: there is no such part."""
    whole = found_in(data, asked)
    return whole if whole is None else cut(whole, asked.partial)


def cut(data: bytes, partial: tuple[int, int] | None) -> bytes:
    if partial is None:
        return data
    start, count = partial
    return data[start : start + count]


def found_in(data: bytes, asked: Section) -> bytes | None:
    if not asked.path:
        return of_message(data, asked)
    part = part_at(parsed(data), asked.path)
    if part is None:
        return None
    if asked.what == "MIME":
        return part.header
    if not asked.what:
        return part.text
    return of_message(part.text, asked) if part.is_message else None


def of_message(data: bytes, asked: Section) -> bytes:
    """All of it, its header or some fields of that, or its text."""
    body = body_at(data, 0, len(data))
    match asked.what:
        case "":
            return data
        case "HEADER":
            return data[:body]
        case "TEXT":
            return data[body:]
    names = {name.lower() for name in asked.names}
    return chosen_fields(data[:body], names, keep=asked.what == "HEADER.FIELDS")


def chosen_fields(header: bytes, names: Collection[bytes], keep: bool) -> bytes:
    """The fields with these names, or the others, and the empty line, if there is one."""
    found = [field[0] for field in FIELD.finditer(header) if (field[1].lower() in names) == keep]
    blank = next((line for line in (CRLF, b"\n") if header == line or header.endswith(b"\n" + line)), b"")
    return b"".join(found) + blank


# -- BINARY[…] (§6.4.5, RFC 3516): a part without its transfer encoding ------------------------------------------------


def decoded(data: bytes, path: tuple[int, ...]) -> bytes | None:
    """The part as its sender had it, a text with CRLF; NO when its encoding is not known."""
    if not path:
        return data
    part = part_at(parsed(data), path)
    if part is None:
        return None
    if part.encoding not in DECODERS:
        text = "NO [UNKNOWN-CTE] nobody knows how to undo that encoding"
        raise Refused("imap.unknown-cte", text, encoding=part.encoding.decode("ascii", "replace"))
    found = DECODERS[part.encoding](part.text)
    return LONE.sub(CRLF, found) if part.type[0] == b"text" else found


# -- reading what is asked ---------------------------------------------------------------------------------------------


class Item(NamedTuple):
    """One thing to fetch: its name, a function of the message, and whether asking for it marks the message \\Seen."""

    name: str
    give: Callable[[Message], bytes]
    marks: bool = False
    parts: Callable[[Message], tuple[bytes, ...]] | None = None  # the same in pieces: megabytes are not copied


@lru_cache(1_000)
def flags(given: frozenset[str]) -> bytes:
    """Thousands of messages have the same flags."""
    return b"FLAGS " + write_flags(given)


def remembered(label: str, make: Callable[[bytes], bytes]) -> Item:
    """Something that takes a while to work out, and is worked out once a message."""

    def give(message: Message) -> bytes:
        told = message.known.get(label)
        if told is None:
            told = message.known[label] = label.encode("ascii") + b" " + make(message.data)
        return told

    return Item(label, give)


SIMPLE: dict[str, Item] = {
    item.name: item
    for item in [
        Item("FLAGS", lambda m: flags(m.flags)),
        Item("UID", lambda m: b"UID %d" % m.uid),
        Item("MODSEQ", lambda m: b"MODSEQ (%d)" % m.modseq),
        Item("INTERNALDATE", lambda m: b'INTERNALDATE "%s"' % m.date.encode("ascii")),
        Item("RFC822.SIZE", lambda m: b"RFC822.SIZE %d" % len(m.data)),
        remembered("ENVELOPE", envelope),
        remembered("BODYSTRUCTURE", body_structure),
        remembered("BODY", lambda data: body_structure(data, extended=False)),
    ]
}
FAST = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
MACROS = {"ALL": (*FAST, "ENVELOPE"), "FAST": FAST, "FULL": (*FAST, "ENVELOPE", "BODY")}
OLD = {"RFC822": Section(), "RFC822.HEADER": Section(what="HEADER"), "RFC822.TEXT": Section(what="TEXT")}  # RFC 3501


def flags_with(recent: Collection[int]) -> Item:
    r"""FLAGS with \Recent for these UIDs (RFC 3501 §2.3.2)."""
    return Item("FLAGS", lambda m: flags(m.flags | {"\\Recent"} if m.uid in recent else m.flags))


NAME = re.compile(rb"(?i)(?:BODY|BINARY)(?:\.PEEK)?(?=\[)|BINARY\.SIZE(?=\[)|[A-Z][A-Z0-9.]*")
BRACKET = re.compile(rb"\[")
PATH = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8}){0,200}")
DOT = re.compile(rb"\.(?=[A-Za-z])")
WHAT = re.compile(rb"(?i)HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME")
END = re.compile(rb"\]")
PARTIAL = re.compile(rb"<(\d{1,19})\.([1-9]\d{0,18})>")


def fetch_items(r: Reader) -> tuple[Item, ...]:
    """``(FLAGS BODY[1])``, or one item, or ALL, FAST, FULL."""
    if r.sees(OPEN):
        return tuple(dict.fromkeys(listed(r, fetch_item, least=1)))  # FLAGS FLAGS is FLAGS
    name = (r.sees(NAME) or [b""])[0].decode("ascii").upper()
    if name in MACROS:
        r.take(NAME, "fetch item")
        return tuple(SIMPLE[one] for one in MACROS[name])
    return (fetch_item(r),)


def fetch_item(r: Reader) -> Item:
    name = r.take(NAME, "fetch item")[0].decode("ascii").upper()
    if r.sees(BRACKET):
        return in_brackets(r, name)
    if name in OLD:
        return literal_item(name, name.encode("ascii"), OLD[name], marks=name != "RFC822.HEADER")
    if name in SIMPLE:
        return SIMPLE[name]
    raise refused("fetch item", f"{name} cannot be fetched")


def in_brackets(r: Reader, name: str) -> Item:
    """BODY[…]<…>, BODY.PEEK[…]<…>, BINARY[…]<…>, BINARY.PEEK[…]<…>, BINARY.SIZE[…]."""
    asked = section_spec(r, text=name.startswith("BODY"))
    if name == "BINARY.SIZE":
        return Item(name, binary_size(b"BINARY.SIZE" + asked.label, asked.path))
    if r.sees(PARTIAL):
        found = r.take(PARTIAL, "partial")
        asked = Section(asked.path, asked.what, asked.names, (int(found[1]), int(found[2])))
    kind, marks = name.removesuffix(".PEEK"), not name.endswith(".PEEK")
    if kind == "BINARY":
        return Item(name, binary(b"BINARY" + asked.label, asked), marks)
    return literal_item(name, b"BODY" + asked.label, asked, marks)


def section_spec(r: Reader, text: bool) -> Section:
    """``[1.2.HEADER.FIELDS (From To)]``; without `text` there may only be a part number."""
    path: tuple[int, ...] = ()
    what = ""
    names: tuple[bytes, ...] = ()
    r.take(BRACKET, "[")
    if r.sees(PATH):
        path = tuple(int(one) for one in r.take(PATH, "part number")[0].split(b"."))
    if text and path and r.sees(DOT):
        r.take(DOT, "dot")
        what = r.take(WHAT, "section")[0].decode("ascii").upper()
    elif text and not path and r.sees(WHAT):
        what = r.take(WHAT, "section")[0].decode("ascii").upper()
    if what == "MIME" and not path:
        raise refused("part number", "MIME is a part's")
    if what.startswith("HEADER.FIELDS"):
        r.take(SP, "space")
        names = listed(r, lambda r: astring(r, "field name"), least=1)
    r.take(END, "]")
    return Section(path, what, names)


def literal_item(name: str, label: bytes, asked: Section, marks: bool) -> Item:
    """The octets as they are, also a NUL: no other form of them would be the message."""

    whole = asked == Section()

    def parts(message: Message) -> tuple[bytes, ...]:
        data = message.data if whole else section(message.data, asked)
        return (label + b" NIL",) if data is None else (b"%s {%d}\r\n" % (label, len(data)), data)

    return Item(name, lambda message: b"".join(parts(message)), marks, parts)


def binary(label: bytes, asked: Section) -> Callable[[Message], bytes]:
    def give(message: Message) -> bytes:
        data = decoded(message.data, asked.path)
        if data is None:
            return label + b" NIL"
        data = cut(data, asked.partial)
        return b"%s %s{%d}\r\n%s" % (label, b"~" if b"\0" in data else b"", len(data), data)

    return give


def binary_size(label: bytes, path: tuple[int, ...]) -> Callable[[Message], bytes]:
    return lambda message: b"%s %d" % (label, len(decoded(message.data, path) or b""))


def answer(items: tuple[Item, ...], message: Message, number: int) -> bytes:
    told = items[0].give(message) if len(items) == 1 else b" ".join([item.give(message) for item in items])
    return b"".join((b"* %d FETCH (" % number, told, b")\r\n"))


def pieces(items: tuple[Item, ...], message: Message, number: int) -> Iterator[bytes]:
    """The same, piece by piece."""
    yield b"* %d FETCH (" % number
    for place, item in enumerate(items):
        yield b" " if place else b""
        yield from item.parts(message) if item.parts else (item.give(message),)
    yield b")\r\n"
