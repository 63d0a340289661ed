"""What FETCH gives (RFC 9051 §6.4.5, §7.5.2).  A message is its original bytes; its parts are positions in them.

items = fetch_items(reader)              once a command
answer(items, message, number)           once a message: one untagged response
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import getaddresses
from functools import lru_cache
from typing import Any, NamedTuple

from ..acts import Refused
from ..mailbox import Message
from .entity import FIELD, Entity, fields, parameters, parsed
from .grammar import OPEN, SP, Atom, Reader, astring, listed, refused, write, write_flags

RFC822 = (b"message", b"rfc822")
DEEPEST = 60  # parts in parts that are described: a stranger does not choose how deep we go

# -- ENVELOPE (§7.5.2) -------------------------------------------------------------------------------------------------

PLAIN_ADDRESS = re.compile(rb'(?:"?([\w .-]*?)"? *<)?([\w.+=-]+)@([\w.-]+)>?\Z')
Address = tuple[bytes | None, None, bytes | None, bytes | None]  # name, route (never any more), local part, domain


def addresses(values: list[bytes]) -> tuple[Address, ...] | None:
    """The addresses of these fields; the plain form at once, all others by the standard library, which costs more."""
    if len(values) == 1 and (found := PLAIN_ADDRESS.match(values[0])):
        return ((found[1] or None, None, found[2], found[3]),)
    given = getaddresses([value.decode("utf-8", "surrogateescape") for value in values])
    return tuple(written(name, address) for name, address in given if address) or None


def written(name: str, address: str) -> Address:
    local, at, domain = address.encode("utf-8", "surrogateescape").rpartition(b"@")
    if not at:
        local, domain = domain, b""
    return name.encode("utf-8", "surrogateescape") or None, None, local, domain


def envelope_of(message_fields: list[tuple[bytes, bytes]]) -> tuple[Any, ...]:
    """Ten things of the header; Sender and Reply-To are From where they are missing."""
    have: dict[bytes, list[bytes]] = {}
    for name, value in message_fields:
        have.setdefault(name.lower(), []).append(value)

    def first(name: bytes) -> bytes | None:
        return have[name][0] if name in have else None

    def people(name: bytes) -> tuple[Address, ...] | None:
        return addresses(have[name]) if name in have else None

    author = people(b"from")
    return (
        first(b"date"),
        first(b"subject"),
        author,
        people(b"sender") or author,
        people(b"reply-to") or author,
        people(b"to"),
        people(b"cc"),
        people(b"bcc"),
        first(b"in-reply-to"),
        first(b"message-id"),
    )


@lru_cache(20_000)
def envelope(data: bytes) -> bytes:
    """Written once a message.  Kept by the message's bytes, so a fork or a rewound lab finds it again."""
    end = data.find(b"\r\n\r\n")
    return write(envelope_of(fields(data[: end + 2] if end >= 0 else data)))


# -- BODYSTRUCTURE (§7.5.2) --------------------------------------------------------------------------------------------


@lru_cache(20_000)
def body_structure(data: bytes, extended: bool = True) -> bytes:
    return write(structure(parsed(data), extended))


def structure(part: Entity, extended: bool = True, depth: int = 0) -> Any:
    """A part as BODYSTRUCTURE tells it; not `extended`, as BODY does."""
    if part.type[0] == b"multipart" and part.parts and depth < DEEPEST:
        return several(part, extended, depth)
    kind = part.type if part.type[0] != b"multipart" else (b"text", b"plain")  # of no parts: it is read as text
    size = part.end - part.body
    told: list[Any] = [
        *kind,
        pairs(part.parameters),
        part.field(b"content-id"),
        part.field(b"content-description"),
        (part.field(b"content-transfer-encoding") or b"7BIT").upper(),
        size,
    ]
    if kind == RFC822 and part.parts and depth < DEEPEST:
        told += [envelope_of(part.parts[0].fields), structure(part.parts[0], extended, depth + 1), lines_of(part)]
    elif kind == RFC822:
        told[:2] = [b"application", b"octet-stream"]
    elif kind[0] == b"text":
        told.append(lines_of(part))
    if extended:
        told += [part.field(b"content-md5"), *extension(part)]
    return tuple(told)


def several(part: Entity, extended: bool, depth: int) -> Atom:
    """The parts stand side by side with nothing between, which no list does."""
    told = b"".join(write(structure(inner, extended, depth + 1)) for inner in part.parts) + b" " + write(part.type[1])
    if extended:
        told += b"".join(b" " + write(value) for value in (pairs(part.parameters), *extension(part)))
    return Atom(b"(%s)" % told)


def lines_of(part: Entity) -> int:
    return part.data.count(b"\n", part.body, part.end)


def pairs(given: dict[bytes, bytes]) -> tuple[bytes, ...] | None:
    return tuple(value for pair in given.items() for value in pair) or None


def extension(part: Entity) -> tuple[Any, ...]:
    """Disposition, language, location."""
    said = part.field(b"content-disposition")
    disposition = (said.split(b";")[0].strip(), pairs(parameters(said))) if said else None
    return disposition, part.field(b"content-language"), part.field(b"content-location")


# -- BODY[…] -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Section:
    """What stands between [ and ], and what between < and >."""

    path: tuple[int, ...] = ()
    what: str = ""  # "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME
    names: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None


def part_at(whole: Entity, path: tuple[int, ...]) -> Entity | None:
    """1.2 -> that part, or None.  A message that is not multipart is its own part 1 (§6.4.5.1)."""
    part, is_message = whole, True
    for number in path:
        if not is_message and part.type == RFC822 and part.parts:
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
    if not asked.path and not asked.what:
        return data
    part = part_at(parsed(data), asked.path)
    if part is None:
        return None
    if asked.what == "MIME":
        return part.header
    if not asked.what:
        return part.text
    if asked.path:  # of a message inside
        if part.type != RFC822 or not part.parts:
            return None
        part = part.parts[0]
    match asked.what:
        case "TEXT":
            return part.text
        case "HEADER":
            return part.header
    return chosen_fields(part.header, asked.names, keep=asked.what == "HEADER.FIELDS")


def chosen_fields(header: bytes, names: tuple[bytes, ...], keep: bool) -> bytes:
    """The fields with these names, or the others, and the blank line."""
    found = [field[0] for field in FIELD.finditer(header) if (field[1].lower() in names) == keep]
    return b"".join(found) + b"\r\n"


# -- BINARY[…] (§6.4.5, RFC 3516): a part without its transfer encoding ------------------------------------------------

DECODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"7bit": bytes,
    b"8bit": bytes,
    b"binary": bytes,
    b"base64": base64.b64decode,
    b"quoted-printable": quopri.decodestring,
}


def decoded(data: bytes, path: tuple[int, ...]) -> bytes | None:
    """The part as its sender had it; NO when its encoding cannot be undone."""
    if not path:
        return data
    part = part_at(parsed(data), path)
    if part is None:
        return None
    encoding = (part.field(b"content-transfer-encoding") or b"7bit").strip().lower()
    try:
        return DECODERS[encoding](part.text)
    except (KeyError, binascii.Error):
        text = "NO [UNKNOWN-CTE] a part's encoding cannot be undone"
        raise Refused("imap.unknown-cte", text, encoding=encoding.decode("ascii", "replace")) from None


# -- reading what is asked ---------------------------------------------------------------------------------------------


class Item(NamedTuple):
    """One thing to fetch: its name, a function of the message, and whether asking for it marks the message \\Seen."""

    name: str
    give: Callable[[Message], bytes]
    marks: bool = False


SIMPLE: dict[str, Item] = {
    item.name: item
    for item in [
        Item("FLAGS", lambda m: b"FLAGS " + write_flags(m.flags)),
        Item("UID", lambda m: b"UID %d" % m.uid),
        Item("MODSEQ", lambda m: b"MODSEQ (%d)" % m.modseq),
        Item("INTERNALDATE", lambda m: b'INTERNALDATE "%s"' % m.date.encode("ascii")),
        Item("RFC822.SIZE", lambda m: b"RFC822.SIZE %d" % len(m.data)),
        Item("ENVELOPE", lambda m: b"ENVELOPE " + envelope(m.data)),
        Item("BODYSTRUCTURE", lambda m: b"BODYSTRUCTURE " + body_structure(m.data)),
        Item("BODY", lambda m: b"BODY " + body_structure(m.data, extended=False)),
    ]
}
FAST = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
MACROS = {"ALL": (*FAST, "ENVELOPE"), "FAST": FAST, "FULL": (*FAST, "ENVELOPE", "BODY")}
OLD = {"RFC822": Section(), "RFC822.HEADER": Section(what="HEADER"), "RFC822.TEXT": Section(what="TEXT")}  # RFC 3501

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
        several = listed(r, fetch_item)
        if not several:
            raise refused("fetch item", "nothing to fetch")
        return several
    name = (r.sees(NAME) or [b""])[0].decode("ascii").upper()
    if name in MACROS:
        r.take(NAME, "fetch item")
        return tuple(SIMPLE[one] for one in MACROS[name])
    return (fetch_item(r),)


def fetch_item(r: Reader) -> Item:
    start = r.at
    name = r.take(NAME, "fetch item")[0].decode("ascii").upper()
    if r.sees(BRACKET):
        return in_brackets(r, name, start)
    if name in OLD:
        return literal_item(name, name.encode("ascii"), OLD[name], marks=name != "RFC822.HEADER")
    if name in SIMPLE:
        return SIMPLE[name]
    raise refused("fetch item", f"{name} cannot be fetched")


def in_brackets(r: Reader, name: str, start: int) -> Item:
    """BODY[…]<…>, BODY.PEEK[…]<…>, BINARY[…]<…>, BINARY.PEEK[…]<…>, BINARY.SIZE[…]."""
    bracket = r.at
    path, what, names = section_spec(r, text=name.startswith("BODY"))
    label = r.data[bracket : r.at]
    partial = None
    if r.sees(PARTIAL) and name != "BINARY.SIZE":
        found = r.take(PARTIAL, "partial")
        partial = int(found[1]), int(found[2])
        label += b"<%d>" % partial[0]
    if name == "BINARY.SIZE":
        return Item(name, binary_size(b"BINARY.SIZE" + label, path))
    kind, marks = name.removesuffix(".PEEK"), not name.endswith(".PEEK")
    if kind == "BINARY":
        return Item(name, binary(b"BINARY" + label, path, partial), marks)
    return literal_item(name, b"BODY" + label, Section(path, what, names, partial), marks)


def section_spec(r: Reader, text: bool) -> tuple[tuple[int, ...], str, tuple[bytes, ...]]:
    """``[1.2.HEADER.FIELDS (From To)]`` -> ((1, 2), "HEADER.FIELDS", (b"from", b"to"))"""
    path: tuple[int, ...] = ()
    what = ""
    names: tuple[bytes, ...] = ()
    r.take(BRACKET, "[")
    if r.sees(PATH):
        path = tuple(int(one) for one in r.take(PATH, "part number")[0].split(b"."))
        if text and r.sees(DOT):
            r.take(DOT, "dot")
            what = r.take(WHAT, "section")[0].decode("ascii").upper()
    elif text and r.sees(WHAT):
        what = r.take(WHAT, "section")[0].decode("ascii").upper()
    if what == "MIME" and not path:
        raise refused("part number", "MIME is a part's")
    if what.startswith("HEADER.FIELDS"):
        r.take(SP, "space")
        names = tuple(name.lower() for name in listed(r, lambda r: astring(r, "field name")))
    r.take(END, "]")
    return path, what, names


def literal_item(name: str, label: bytes, asked: Section, marks: bool) -> Item:
    def give(message: Message) -> bytes:
        data = section(message.data, asked)
        return label + b" NIL" if data is None else b"%s {%d}\r\n%s" % (label, len(data), data)

    return Item(name, give, marks)


def binary(label: bytes, path: tuple[int, ...], partial: tuple[int, int] | None) -> Callable[[Message], bytes]:
    def give(message: Message) -> bytes:
        data = decoded(message.data, path)
        if data is None:
            return label + b" NIL"
        data = cut(data, partial)
        return b"%s %s{%d}\r\n%s" % (label, b"~" if b"\0" in data else b"", len(data), data)

    return give


def binary_size(label: bytes, path: tuple[int, ...]) -> Callable[[Message], bytes]:
    return lambda message: b"%s %d" % (label, len(decoded(message.data, path) or b""))


def answer(items: tuple[Item, ...], message: Message, number: int) -> bytes:
    return b"* %d FETCH (%s)\r\n" % (number, b" ".join([item.give(message) for item in items]))
