"""IMAP's words (RFC 9051 §9), read and written side by side.

    value(Reader(b'("a" NIL 7)'))    -> (b"a", None, 7)
    write((b"a", None, 7))           -> b'("a" NIL 7)'

A `Reader` names every octet it takes, so what explains a command is what ran it.  Values are what one would write on
paper: None is NIL, an int a number, bytes a string, an `Atom` itself, a tuple a list in parentheses.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from ..acts import Refused

T = TypeVar("T")
Pattern = re.Pattern[bytes]
Span = tuple[int, str]  # so many octets, and what they are
Value: TypeAlias = "int | bytes | tuple[Value, ...] | None"
Ranges = tuple[tuple[int | None, int | None], ...]  # a sequence set; None is *

DELIMITER = "/"  # between the levels of a mailbox's name
DEEPEST = 50  # lists in lists: a stranger does not choose how deep we go
LARGEST = 2**32 - 1  # number: message numbers and UIDs
LARGEST_64 = 2**63 - 1  # number64: sizes and mod-sequences


class Atom(bytes):
    """Written as it is, neither quoted nor counted."""


SP = re.compile(rb" ")
CRLF = re.compile(rb"\r\n")
OPEN = re.compile(rb"\(")
CLOSE = re.compile(rb"\)")
NIL = re.compile(rb"(?i)NIL(?![^ ()\r\n])")
TAG = re.compile(rb'[^(){ %*"\\+\x00-\x1f\x7f-\xff]+')
ATOM = re.compile(rb'[^(){ %*"\\\]\x00-\x1f\x7f-\xff]+')
ASTRING = re.compile(rb'[^(){ %*"\\\x00-\x1f\x7f-\xff]+')
PATTERN = re.compile(rb'[^(){ "\\\x00-\x1f\x7f-\xff]+')  # list-mailbox: % and * too
QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
LITERAL = re.compile(rb"\{(\d{1,19})\+?\}(?=\r\n)")
LITERAL8 = re.compile(rb"~?\{(\d{1,19})\+?\}(?=\r\n)")  # with ~ it may hold NUL
NUMBER = re.compile(rb"\d{1,19}")
FLAG = re.compile(rb'\\?[^(){ %*"\\\]\x00-\x1f\x7f-\xff]+')
ONE = rb"(?:[1-9]\d{0,9}|\*)"
SET = re.compile(rb"(?:\$|%b(?::%b)?(?:,%b(?::%b)?)*)(?=[ )\r])" % (ONE, ONE, ONE, ONE))


class Reader:
    """A command's octets, how far they have been read, and what they were taken for.

    `utf8`: the client has enabled IMAP4rev2, where names of mailboxes are UTF-8 and nothing else.
    """

    def __init__(self, data: bytes, utf8: bool = False) -> None:
        self.data, self.utf8 = data, utf8
        self.at = self.depth = 0
        self.taken: list[tuple[int, int, str]] = []  # start, end, name

    def sees(self, pattern: Pattern) -> re.Match[bytes] | None:
        return pattern.match(self.data, self.at)

    def take(self, pattern: Pattern, name: str) -> re.Match[bytes]:
        """What matches, named; Refused when nothing does."""
        found = self.sees(pattern)
        if not found:
            raise Refused("imap.syntax", f"BAD {name} expected at octet {self.at}", wanted=name)
        self._name(found.end(), name)
        return found

    def octets(self, count: int, name: str) -> bytes:
        """So many, whatever they are: a literal's."""
        start = self.at
        if start + count > len(self.data):
            raise Refused("imap.syntax", f"BAD the {name} ends too early", wanted=name)
        self._name(start + count, name)
        return self.data[start : self.at]

    def _name(self, end: int, name: str) -> None:
        if end > self.at:
            self.taken.append((self.at, end, name))
        self.at = end

    def spans(self) -> list[Span]:
        """What was read, in (length, name); each CRLF is a span of its own."""
        return [span for start, end, name in self.taken for span in split(self.data[start:end], name)]


def split(data: bytes, name: str) -> Iterator[Span]:
    """All of it under one name, but each CRLF by itself."""
    for piece in re.split(rb"(\r\n)", data):
        if piece:
            yield len(piece), "CRLF" if piece == b"\r\n" else name


# -- reading: each takes a Reader and returns a value; its name is what it reads ---------------------------------------


def refused(wanted: str, text: str) -> Refused:
    return Refused("imap.syntax", f"BAD {text}", wanted=wanted)


def space(r: Reader) -> None:
    r.take(SP, "space")


def word(name: str, pattern: Pattern = ATOM) -> Callable[[Reader], str]:
    """A reader of one atom, in capitals."""
    return lambda r: r.take(pattern, name)[0].decode("ascii").upper()


def number(r: Reader, name: str = "number", least: int = 0, most: int = LARGEST_64) -> int:
    value = int(r.take(NUMBER, name)[0])
    if not least <= value <= most:
        raise refused(name, f"{name} is a number from {least} to {most}")
    return value


def string(r: Reader, name: str = "string") -> bytes:
    """Quoted, or a literal; neither holds NUL."""
    if r.sees(LITERAL):
        found = literal8(r, name)
        if b"\0" in found:
            raise refused(name, "NUL has no place in a string")
        return found
    quoted = r.take(QUOTED, name)[1]
    return re.sub(rb"\\(.)", rb"\1", quoted) if b"\\" in quoted else quoted


def literal8(r: Reader, name: str) -> bytes:
    """A literal of any octets (RFC 3516 §4.2)."""
    length = r.take(LITERAL8, "length of the literal")
    r.take(CRLF, "CRLF")
    return r.octets(int(length[1]), name)


def astring(r: Reader, name: str = "string", plain: Pattern = ASTRING) -> bytes:
    """An atom, or a string."""
    return r.take(plain, name)[0] if r.sees(plain) else string(r, name)


def mailbox(r: Reader) -> str:
    """A mailbox's name, decoded; NO for what is no name (§5.1)."""
    octets = astring(r, "mailbox")
    name = read_name(octets, r.utf8)
    if name is None:
        shown = octets.decode("utf-8", "replace")
        raise Refused("imap.mailbox-name", "NO [CANNOT] that is not how names are written", mailbox=shown)
    return canonical(name)


def canonical(name: str) -> str:
    """inbox/Work -> INBOX/Work: in this one level capitals do not matter."""
    first, delimiter, rest = name.partition(DELIMITER)
    return "INBOX" + delimiter + rest if first.upper() == "INBOX" else name


def list_mailbox(r: Reader) -> str | None:
    """A pattern, decoded; None when no name can match it, and that is no mistake (§6.3.9)."""
    return read_name(astring(r, "pattern", PATTERN), r.utf8)


def listed(r: Reader, item: Callable[[Reader], T], least: int = 0) -> tuple[T, ...]:
    """( item item )"""
    r.take(OPEN, "(")
    r.depth += 1
    if r.depth > DEEPEST:
        raise refused("a flatter list", f"lists in lists deeper than {DEEPEST}")
    values: list[T] = []
    while not r.sees(CLOSE):
        if values:
            space(r)
        values.append(item(r))
    if len(values) < least:
        raise refused("a list that is not empty", "that list may not be empty")
    r.take(CLOSE, ")")
    r.depth -= 1
    return tuple(values)


def flag(r: Reader) -> str:
    r"""\SEEN -> "\Seen"; keywords stay as they are."""
    name = r.take(FLAG, "flag")[0].decode("ascii")
    return "\\" + name[1:].capitalize() if name.startswith("\\") else name


def flag_list(r: Reader) -> tuple[str, ...]:
    return listed(r, flag)


def sequence_set(r: Reader) -> Ranges | None:
    """``2,4:*`` -> ((2, 2), (4, None)); ``$``, what the last SEARCH saved, -> None."""
    text = r.take(SET, "sequence set")[0]
    if text == b"$":
        return None
    ends = [[None if end == b"*" else int(end) for end in one.split(b":")] for one in text.split(b",")]
    if any(end is not None and end > LARGEST for one in ends for end in one):
        raise refused("sequence set", f"no number is larger than {LARGEST}")
    return tuple((one[0], one[-1]) for one in ends)


def value(r: Reader) -> Value:
    """Any of the above: what `write` wrote."""
    if r.sees(OPEN):
        return listed(r, value)
    if r.sees(LITERAL8):
        return literal8(r, "string")
    if r.sees(QUOTED):
        return string(r)
    if r.sees(NIL):
        r.take(NIL, "NIL")
        return None
    found = r.take(FLAG, "atom")[0]
    return int(found) if found.isdigit() and len(found) < 20 else Atom(found)


# -- writing -----------------------------------------------------------------------------------------------------------

PLAIN = re.compile(rb'[^"\\\r\n\x00\x80-\xff]{0,200}+')
UNQUOTABLE = re.compile(rb"[\r\n\x00\x80-\xff]")


def write(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value if isinstance(value, Atom) else write_string(value)
    if isinstance(value, tuple):
        return b"(%s)" % b" ".join(map(write, value))
    return b"NIL" if value is None else b"%d" % value


def write_string(value: bytes) -> bytes:
    """Quoted when it can be, else as a literal; only one with a ~ may hold NUL."""
    if PLAIN.fullmatch(value):
        return b'"%s"' % value
    if UNQUOTABLE.search(value) or len(value) > 200:
        return b"%s{%d}\r\n%s" % (b"~" if b"\0" in value else b"", len(value), value)
    return b'"%s"' % re.sub(rb'(["\\])', rb"\\\1", value)


def write_flags(flags: Iterable[str]) -> bytes:
    """The system's first."""
    return b"(%s)" % " ".join(sorted(flags, key=lambda flag: (flag[:1] != "\\", flag))).encode("ascii")


def write_set(numbers: Iterable[int]) -> bytes:
    """[1, 2, 3, 7] -> b"1:3,7" """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs)


# -- names of mailboxes: UTF-8 in rev2, modified UTF-7 before (RFC 9051 §5.1, Appendix A.1; RFC 3501 §5.1.3) -----------

SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
FOREIGN = re.compile(r"[^ -~]+")


def read_name(octets: bytes, utf8: bool = False) -> str | None:
    """UTF-8, or for who has not enabled IMAP4rev2 modified UTF-7: b"Entw&APw-rfe" -> "Entwürfe"; None: neither.

    Who sends UTF-8 all the same is understood.
    """
    try:
        name = octets.decode("utf-8")
        if utf8 or not name.isascii() or "&" not in name:
            return name
        decoded = SHIFTED.sub(_from_utf7, name)
    except ValueError:
        return None
    return decoded if _utf7(decoded) == name else None  # one name is written in one way


def _from_utf7(found: re.Match[str]) -> str:
    """What stands between & and -: UTF-16 in base64 with a comma for the slash; &- is & itself."""
    if not found[1]:
        return "&"
    octets = base64.b64decode(found[1].replace(",", "/") + "=" * (-len(found[1]) % 4), validate=True)
    return octets.decode("utf-16-be")


def write_name(name: str, utf8: bool = False) -> bytes:
    """A quoted name: "Entwürfe" -> b'"Entw&APw-rfe"', or UTF-8 for who can read it."""
    if utf8:
        return b'"%s"' % re.sub(r'(["\\])', r"\\\1", name).encode("utf-8")
    return write_string(_utf7(name).encode("ascii"))


def _utf7(name: str) -> str:
    return FOREIGN.sub(_to_utf7, name.replace("&", "&-"))


def _to_utf7(found: re.Match[str]) -> str:
    coded = base64.b64encode(found[0].encode("utf-16-be", "surrogatepass")).decode("ascii").rstrip("=")
    return f"&{coded.replace('/', ',')}-"
