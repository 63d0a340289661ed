"""SEARCH (RFC 9051 §6.4.4): a programme is read into one function of a message, its number and the session's view.

program = search_program(reader)         once a command
program.matches(number, message, view)   once a message
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate
from typing import Any, NamedTuple

from ..acts import Refused
from ..mailbox import Message
from .entity import parsed
from .grammar import (
    ATOM,
    CRLF,
    OPEN,
    SET,
    SP,
    Pattern,
    Ranges,
    Reader,
    astring,
    listed,
    number,
    refused,
    sequence_set,
    space,
    word,
)
from .numbering import View, in_order

Key = Callable[[int, Message, View], bool]
Day = tuple[int, int, int]  # year, month, day

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DATE = re.compile(rb'"\d{1,2}-[A-Za-z]{3}-\d{4}"|\d{1,2}-[A-Za-z]{3}-\d{4}(?![^ )\r])')


class Program(NamedTuple):
    """What to return (None: a plain SEARCH answer), whether to save it for $, what matches, whether MODSEQ is in it."""

    wanted: tuple[str, ...] | None
    matches: Key
    modseq: bool = False


# -- dates, as three numbers that compare ------------------------------------------------------------------------------


def date(r: Reader) -> Day:
    """1-Feb-2026 -> (2026, 2, 1)"""
    day, month, year = r.take(DATE, "date")[0].strip(b'"').decode("ascii").lower().split("-")
    if month not in MONTHS:
        raise refused("date", f"{month} is no month")
    return int(year), MONTHS.index(month) + 1, int(day)


def internal(message: Message) -> Day:
    """INTERNALDATE's day, disregarding time and zone."""
    return int(message.date[7:11]), MONTHS.index(message.date[3:6].lower()) + 1, int(message.date[:2])


def sent(message: Message) -> Day | None:
    """The day of the Date field; None when there is none that can be read."""
    found = parsedate(field(message, b"date").decode("latin-1"))
    return (found[0], found[1], found[2]) if found else None


DATES: dict[str, Callable[[Day, Day], bool]] = {
    "BEFORE": lambda day, asked: day < asked,
    "ON": lambda day, asked: day == asked,
    "SINCE": lambda day, asked: day >= asked,
}


def by_internal_date(compare: Callable[[Day, Day], bool]) -> Callable[[Day], Key]:
    return lambda asked: lambda n, m, v: compare(internal(m), asked)


def by_sent_date(compare: Callable[[Day, Day], bool]) -> Callable[[Day], Key]:
    return lambda asked: lambda n, m, v: (day := sent(m)) is not None and compare(day, asked)


# -- texts: octets, compared without regard to ASCII's capitals --------------------------------------------------------


def field(message: Message, name: bytes) -> bytes:
    return b"\n".join(value for key, value in parsed(message.data).fields if key.lower() == name)


def text_in(name: bytes) -> Callable[[bytes], Key]:
    return lambda text: lambda n, m, v: folded(text) in folded(field(m, name))


def header_in(name: bytes, text: bytes) -> Key:
    """HEADER: an empty text finds every message that has the field."""

    def matches(n: int, m: Message, v: View) -> bool:
        there = (value for key, value in parsed(m.data).fields if key.lower() == name.lower())
        return any(folded(text) in folded(value) for value in there)

    return matches


def in_text(text: bytes) -> Key:
    wanted = folded(text)
    return lambda n, m, v: wanted in folded(m.data)


def in_body(text: bytes) -> Key:
    wanted = folded(text)
    return lambda n, m, v: wanted in folded(parsed(m.data).text)


def folded(octets: bytes) -> bytes:
    """Small letters: of UTF-8 too, where it is UTF-8."""
    if octets.isascii():
        return octets.lower()
    try:
        return octets.decode("utf-8").casefold().encode("utf-8")
    except UnicodeDecodeError:
        return octets.lower()


# -- flags -------------------------------------------------------------------------------------------------------------

SYSTEM = {name: f"\\{name.capitalize()}" for name in ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")}


def has(flag: str) -> Key:
    return lambda n, m, v: flag in m.flags


def lacks(flag: str) -> Key:
    return lambda n, m, v: flag not in m.flags


def keyword(wanted: str) -> Key:
    return lambda n, m, v: any(flag.upper() == wanted for flag in m.flags)


def no(key: Key) -> Key:
    return lambda n, m, v: not key(n, m, v)


# -- sets --------------------------------------------------------------------------------------------------------------


def within(ranges: Ranges, value: int, last: int) -> bool:
    return any(low <= value <= high for low, high in (in_order(*one, last) for one in ranges))


def numbered(ranges: Ranges | None) -> Key:
    if ranges is None:
        return lambda n, m, v: m.uid in v.saved
    return lambda n, m, v: within(ranges, n, len(v.uids))


def by_uid(ranges: Ranges | None) -> Key:
    if ranges is None:
        return lambda n, m, v: m.uid in v.saved
    return lambda n, m, v: within(ranges, m.uid, v.uids[-1])


def every(keys: tuple[Key, ...] | list[Key]) -> Key:
    if len(keys) == 1:
        return keys[0]
    return lambda n, m, v: all(key(n, m, v) for key in keys)


# -- keys --------------------------------------------------------------------------------------------------------------

ALWAYS: Key = lambda n, m, v: True  # noqa: E731
NEVER: Key = lambda n, m, v: False  # noqa: E731
WORDS: dict[str, Key] = {
    "ALL": ALWAYS,
    "OLD": ALWAYS,  # nothing is \Recent here: rev2 has done away with it, and OLD, NEW and RECENT were about that
    "NEW": NEVER,
    "RECENT": NEVER,
    **{name: has(flag) for name, flag in SYSTEM.items()},
    **{"UN" + name: lacks(flag) for name, flag in SYSTEM.items()},
}


@dataclass(slots=True, frozen=True)
class Keyed:
    """A key with arguments: their readers, and what makes the test of them."""

    reads: tuple[Callable[[Reader], Any], ...]
    made: Callable[..., Key]


def size(r: Reader) -> int:
    return number(r, "size")


def modseq(r: Reader) -> int:
    """MODSEQ ["entry" all|priv|shared] number (RFC 7162 §3.1.5); flags have no entries of their own here."""
    if r.sees(QUOTE):
        astring(r, "entry")
        space(r)
        r.take(KIND, "entry type")
        space(r)
    return number(r, "MODSEQ")


QUOTE = re.compile(rb'"')
KIND = re.compile(rb"(?i)all|priv|shared")
ARGUMENTS: dict[str, Keyed] = {
    **{name: Keyed((astring,), text_in(name.lower().encode())) for name in ("FROM", "TO", "CC", "BCC", "SUBJECT")},
    "BODY": Keyed((astring,), in_body),
    "TEXT": Keyed((astring,), in_text),
    "HEADER": Keyed((astring, astring), header_in),
    "KEYWORD": Keyed((word("keyword"),), keyword),
    "UNKEYWORD": Keyed((word("keyword"),), lambda wanted: no(keyword(wanted))),
    "LARGER": Keyed((size,), lambda than: lambda n, m, v: len(m.data) > than),
    "SMALLER": Keyed((size,), lambda than: lambda n, m, v: len(m.data) < than),
    "UID": Keyed((sequence_set,), by_uid),
    "MODSEQ": Keyed((modseq,), lambda least: lambda n, m, v: m.modseq >= least),
    **{name: Keyed((date,), by_internal_date(compare)) for name, compare in DATES.items()},
    **{"SENT" + name: Keyed((date,), by_sent_date(compare)) for name, compare in DATES.items()},
}


class Keys:
    """Reads keys, and remembers whether one was MODSEQ."""

    def __init__(self) -> None:
        self.modseq = False
        self.depth = 0

    def key(self, r: Reader) -> Key:
        if r.sees(OPEN):
            several = listed(r, self.key)
            if not several:
                raise refused("search key", "an empty list searches for nothing")
            return every(several)
        if r.sees(SET):
            return numbered(sequence_set(r))
        name = r.take(ATOM, "search key")[0].decode("ascii").upper()
        self.modseq |= name == "MODSEQ"
        if name in WORDS:
            return WORDS[name]
        if name in ("NOT", "OR"):
            return self.combined(r, name)
        if name not in ARGUMENTS:
            raise refused("search key", f"{name} is no search key")
        return ARGUMENTS[name].made(*after(r, ARGUMENTS[name].reads))

    def combined(self, r: Reader, name: str) -> Key:
        """NOT key, OR key key."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise refused("search key", f"NOT and OR deeper than {DEEPEST}")
        keys = after(r, (self.key,) if name == "NOT" else (self.key, self.key))
        self.depth -= 1
        if name == "NOT":
            return no(keys[0])
        one, other = keys
        return lambda n, m, v: one(n, m, v) or other(n, m, v)


DEEPEST = 50


def after(r: Reader, readers: tuple[Callable[[Reader], Any], ...]) -> list[Any]:
    values = []
    for read in readers:
        space(r)
        values.append(read(r))
    return values


RETURN = re.compile(rb"(?i)RETURN(?= )")
CHARSET = re.compile(rb"(?i)CHARSET(?= )")
OPTIONS = ("MIN", "MAX", "ALL", "COUNT", "SAVE")


def may_take(r: Reader, pattern: Pattern, name: str) -> bool:
    """Whether the word stood there; if so, it and the space behind it are read."""
    if not r.sees(pattern):
        return False
    r.take(pattern, name)
    r.take(SP, "space")
    return True


def search_program(r: Reader) -> Program:
    """[RETURN (…)] [CHARSET …] key key …"""
    wanted = None
    if may_take(r, RETURN, "RETURN"):
        wanted = listed(r, word("result option"))
        if unknown := [option for option in wanted if option not in OPTIONS]:
            raise refused("result option", f"{unknown[0]} cannot be returned")
        space(r)
    if may_take(r, CHARSET, "CHARSET"):
        check_charset(astring(r, "charset"))
        space(r)
    keys = Keys()
    found = [keys.key(r)]
    while not r.sees(CRLF):
        space(r)
        found.append(keys.key(r))
    return Program(wanted, every(found), keys.modseq)


def check_charset(name: bytes) -> None:
    if name.upper() not in (b"UTF-8", b"US-ASCII"):
        text = "NO [BADCHARSET (UTF-8 US-ASCII)] unknown charset"
        raise Refused("imap.charset", text, charset=name.decode("latin-1"))
