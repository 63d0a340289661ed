"""What each octet of an IMAP session is: commands by the readers that run them, replies by the grammar of §7.

spans(b"* 2 EXPUNGE\\r\\n", "server")
-> [(1, "untagged"), (1, "space"), (1, "sequence number"), (1, "space"), (7, "response"), (2, "CRLF")]

A literal that holds a message, or its header, is named by the reader of messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .. import message
from ..acts import Refused
from .commands import command_spans
from .grammar import (
    CLOSE,
    CRLF,
    DEEPEST,
    FLAG,
    LITERAL8,
    NIL,
    NUMBER,
    OPEN,
    QUOTED,
    SP,
    TAG,
    Reader,
    Span,
    literal8,
    refused,
    space,
    split,
)

STAR = re.compile(rb"\*(?= )")
PLUS = re.compile(rb"\+(?=[ \r])")
COUNTED = re.compile(rb"\d{1,19}(?= [A-Za-z])")
KIND = re.compile(rb"[A-Za-z]{1,20}")
CONDITIONS = ("OK", "NO", "BAD", "BYE", "PREAUTH")
CODE = re.compile(rb"\[[^]\r\n]*\]")
TEXT = re.compile(rb"(?:[^\r]|\r(?!\n))+")
ITEM = re.compile(rb"[A-Z][A-Z0-9.]*(?:\[[^]\r\n]*\])?(?:<\d+>)?")  # FLAGS, BODY[1.MIME]<0>
ATOM = re.compile(rb"[^ ()\r\n]+")  # whatever else a server says in its lists
WORD = re.compile(rb"[!-~]+")
# What FETCH calls a message, or a header; what it calls a body; and what may follow the message of an APPEND.
MESSAGE = re.compile(rb"(?i)(?:BODY\[(?:[\d.]+\.)?(?:HEADER[^]]*|MIME)?\]|BINARY\[\]|RFC822(?:\.HEADER)?)(?:<0>)?")
BODY = re.compile(rb"(?i)(?:BODY\[(?:[\d.]+\.)?TEXT\]|RFC822\.TEXT)(?:<\d+>)?")
AFTER = re.compile(rb"(?: \([^()\r\n]*\))?(?: \"[^\"\r\n]*\")?(?: ~?\{\d+\+?\})?\r\n\Z")
SP_NUMBER = re.compile(rb" (?=\d)")
EARLIER = re.compile(rb"(?i) (?=\(EARLIER\))")


def spans(data: bytes, sender: str, verb: str = "", first: bool = True) -> list[Span]:
    """(length, name) of each piece of `data`, adding up to all of it, whatever it holds.

    `sender` is "client" or "server", `verb` the command it belongs to, `first` whether it is the exchange's first
    piece: later ones are literals and what follows them, SASL responses, or DONE.
    """
    if sender == "client":
        return command_spans(data) if first else later_piece(data, verb.upper())
    reader = Reader(data)
    try:
        while reader.at < len(data):
            response(reader, verb.upper())
    except Refused:
        pass  # what the reader does not understand is text
    return [*named(reader), *split(data[reader.at :], "text")]


def named(r: Reader) -> Iterator[Span]:
    """What was read, as `Reader.spans`, with messages looked into."""
    for start, end, name in r.taken:
        if name == "message":
            yield from message.spans(r.data[start:end])
        else:
            yield from split(r.data[start:end], name)


def later_piece(data: bytes, verb: str) -> list[Span]:
    """A client's piece by itself: `command_spans` of all pieces together knows more."""
    one_line = data.endswith(b"\r\n") and data.count(b"\r\n") == 1
    match verb:
        case "IDLE" if one_line and data.upper() == b"DONE\r\n":
            name = "command"
        case "AUTHENTICATE" if one_line and WORD.fullmatch(data[:-2]):
            name = "SASL response"
        case "APPEND" if (after := AFTER.search(data)) and after.start():
            more = "literal, and what follows it" if after[0] != b"\r\n" else "CRLF"
            return [*message.spans(data[: after.start()]), *split(after[0], more)]
        case _:
            name = "literal, and what follows it"
    return list(split(data, name))


def response(r: Reader, verb: str) -> None:
    """One whole response, with its CRLF (§7)."""
    if r.sees(PLUS):
        r.take(PLUS, "go on")
        text(r)
    elif r.sees(STAR):
        untagged(r, verb)
    else:
        r.take(TAG, "tag")
        space(r)
        r.take(KIND, "status")
        text(r)
    r.take(CRLF, "CRLF")


def untagged(r: Reader, verb: str) -> None:
    r.take(STAR, "untagged")
    space(r)
    if found := r.sees(COUNTED):
        numbers_message = r.data[found.end() + 1 :][:7].upper().startswith((b"FETCH", b"EXPUNGE"))
        r.take(COUNTED, "sequence number" if numbers_message else "count")
        space(r)
    kind = (r.sees(KIND) or [b""])[0].decode("ascii").upper()
    r.take(KIND, "status" if kind in CONDITIONS else "response")
    if kind in CONDITIONS:
        text(r)
    elif kind == "FETCH":
        fetched(r)
    else:
        DATA.get(kind, anything)(r, verb)


def text(r: Reader) -> None:
    """[SP "[" code "]"] [SP text]"""
    if r.sees(SP):
        space(r)
    if r.sees(CODE):
        r.take(CODE, "response code")
        if r.sees(SP):
            space(r)
    if r.sees(TEXT):
        r.take(TEXT, "text")


# -- what follows the name of an untagged response ---------------------------------------------------------------------


def anything(r: Reader, verb: str) -> None:
    """Tokens, named by what they look like."""
    while not r.sees(CRLF):
        token(r)


def words(name: str) -> Callable[[Reader, str], None]:
    """SP word SP word …, all of one kind."""

    def read(r: Reader, verb: str) -> None:
        while r.sees(SP):
            space(r)
            r.take(ATOM, name)

    return read


def numbers(r: Reader, verb: str) -> None:
    """SEARCH and SORT: what the numbers are, the command says (§6.4.9); a MODSEQ may follow (RFC 7162 §3.1.6)."""
    while r.sees(SP_NUMBER):
        space(r)
        r.take(NUMBER, "UID" if verb.startswith("UID ") else "sequence number")
    anything(r, verb)


def listed(r: Reader, verb: str) -> None:
    """LIST and LSUB: (attributes) delimiter mailbox (§7.3.1)."""
    space(r)
    r.take(OPEN, "(")
    while not r.sees(CLOSE):
        if r.sees(SP):
            space(r)
        r.take(ATOM, "mailbox attribute")
    r.take(CLOSE, ")")
    space(r)
    r.take(QUOTED, "delimiter")
    space(r)
    name(r)
    anything(r, verb)


def status_of(r: Reader, verb: str) -> None:
    """STATUS: mailbox (item number …) (§7.3.2)."""
    space(r)
    name(r)
    space(r)
    r.take(OPEN, "(")
    while not r.sees(CLOSE):
        if r.sees(SP):
            space(r)
        r.take(ITEM, "item")
        space(r)
        r.take(NUMBER, "number")
    r.take(CLOSE, ")")


def name(r: Reader) -> None:
    """A mailbox, however it is written."""
    if r.sees(QUOTED):
        r.take(QUOTED, "mailbox")
    else:
        token(r)


def vanished(r: Reader, verb: str) -> None:
    """[SP (EARLIER)] SP UIDs (RFC 7162 §3.2.10)."""
    if r.sees(EARLIER):
        space(r)
        for pattern, what in ((OPEN, "("), (KIND, "earlier"), (CLOSE, ")")):
            r.take(pattern, what)
    space(r)
    r.take(ATOM, "UIDs")


DATA: dict[str, Callable[[Reader, str], None]] = {
    "CAPABILITY": words("capability"),
    "ENABLED": words("capability"),
    "SEARCH": numbers,
    "SORT": numbers,
    "LIST": listed,
    "LSUB": listed,
    "STATUS": status_of,
    "VANISHED": vanished,
}


def fetched(r: Reader) -> None:
    """SP "(" item SP value … ")" (§7.5.2)."""
    space(r)
    r.take(OPEN, "(")
    while not r.sees(CLOSE):
        if r.sees(SP):
            space(r)
        item = r.take(ITEM, "item")[0]
        space(r)
        one_value(r, "message" if MESSAGE.fullmatch(item) else "body line" if BODY.fullmatch(item) else "literal")
    r.take(CLOSE, ")")


def one_value(r: Reader, literal: str) -> None:
    """A word, a string, or a whole list; what a literal in it holds is called `literal`."""
    depth = token(r, literal)
    while depth > 0:
        if depth > 4 * DEEPEST:
            raise refused("a flatter list", "lists in lists without end")
        depth += token(r)


def token(r: Reader, literal: str = "literal") -> int:
    """One thing, named by what it looks like; +1 when it opens a list, -1 when it closes one."""
    if r.sees(LITERAL8):
        literal8(r, literal)
        return 0
    for pattern, what, depth in TOKENS:
        if r.sees(pattern):
            r.take(pattern, what)
            return depth
    raise refused("value", "that is no value")


TOKENS = (
    (SP, "space", 0),
    (OPEN, "(", +1),
    (CLOSE, ")", -1),
    (QUOTED, "string", 0),
    (NIL, "NIL", 0),
    (re.compile(NUMBER.pattern + rb"(?=[ )\r])"), "number", 0),
    (re.compile(rb"\\" + FLAG.pattern.removeprefix(rb"\\?")), "flag", 0),
    (ATOM, "atom", 0),
)
