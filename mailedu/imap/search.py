"""SEARCH (RFC 9051 §6.4.4): a programme is read into one function of a message, its number and the session's view.

program = search_program(reader)         once a command
program.matches(number, message, view)   once a message
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ..acts import Refused
from ..mailbox import Message
from .entity import body_at, fields
from .grammar import (
    ATOM,
    CRLF,
    LARGEST_64,
    OPEN,
    QUOTED,
    SET,
    Pattern,
    Ranges,
    Reader,
    astring,
    listed,
    number,
    refused,
    sequence_set,
    space,
    string,
    word,
    write,
    write_set,
)
from .numbering import View, inside, merge_numbers
from .texts import bodies, casemap, everything, field_text

Key = Callable[[int, Message, View], bool]
Day = tuple[int, int, int]  # year, month, day

MOST = 500  # keys in one programme
DEEPEST = 60  # NOT, OR and lists in one another
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DATE = re.compile(rb'"\d{1,2}-[A-Za-z]{3}-\d{4}"|\d{1,2}-[A-Za-z]{3}-\d{4}(?![^ )\r])')
SENT = re.compile(rb"(?i)\s*(?:\w{3,9},?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})")  # RFC 5322 §3.3, §4.3


class Program(NamedTuple):
    """What to return (None: a plain SEARCH answer), whether to save it for $, what matches, and what was named."""

    wanted: tuple[str, ...] | None
    matches: Key
    modseq: bool = False  # MODSEQ was searched for (RFC 7162 §3.1.5)
    numbered: bool = False  # message numbers stand in it: no moment for EXPUNGE (§5.5)
    trouble: Refused | None = None  # what must be said instead of searching


# -- dates, as three numbers that compare ------------------------------------------------------------------------------


def date(r: Reader) -> Day:
    """1-Feb-2026 -> (2026, 2, 1)"""
    day, month, year = r.take(DATE, "date")[0].strip(b'"').decode("ascii").lower().split("-")
    if month not in MONTHS or not 1 <= int(day) <= 31:
        raise refused("date", f"there is no {day}-{month}")
    return int(year), MONTHS.index(month) + 1, int(day)


def internal(message: Message) -> Day:
    """INTERNALDATE's day, disregarding time and zone."""
    return int(message.date[7:11]), MONTHS.index(message.date[3:6].lower()) + 1, int(message.date[:2])


def sent(message: Message) -> Day | None:
    """The day of the Date field; None when there is none that can be read."""
    found = SENT.match(first_field(message, b"date"))
    if not found or found[2].decode("ascii").lower() not in MONTHS:
        return None
    return century(int(found[3])), MONTHS.index(found[2].decode("ascii").lower()) + 1, int(found[1])


def century(year: int) -> int:
    """26 -> 2026, 99 -> 1999, 101 -> 2001 (RFC 5322 §4.3)."""
    return year + (2000 if year < 50 else 1900) if year < 1000 else year


DATES: dict[str, Callable[[Day, Day], bool]] = {
    "BEFORE": lambda day, asked: day < asked,
    "ON": lambda day, asked: day == asked,
    "SINCE": lambda day, asked: day >= asked,
}


def by_internal_date(compare: Callable[[Day, Day], bool]) -> Callable[[Day], Key]:
    return lambda asked: lambda n, m, v: compare(internal(m), asked)


def by_sent_date(compare: Callable[[Day, Day], bool]) -> Callable[[Day], Key]:
    return lambda asked: lambda n, m, v: (day := sent(m)) is not None and compare(day, asked)


# -- texts: decoded, and compared without regard to capitals -----------------------------------------------------------


@lru_cache(64)
def header_of(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The fields of the message; several keys of one programme ask for them."""
    return tuple(fields(data[: body_at(data, 0, len(data))]))


def first_field(message: Message, name: bytes) -> bytes:
    return next((value for key, value in header_of(message.data) if key == name), b"")


def field_has(name: bytes, text: bytes) -> Key:
    """A field of that name has that text in it; an empty text is in every field."""
    name, wanted = name.lower(), casemap(text)

    def matches(n: int, m: Message, v: View) -> bool:
        return any(wanted in casemap(field_text(value)) for key, value in header_of(m.data) if key == name)

    return matches


def text_has(texts: Callable[[bytes], Iterable[bytes]]) -> Callable[[bytes], Key]:
    def made(text: bytes) -> Key:
        wanted = casemap(text)
        return lambda n, m, v: any(wanted in found for found in texts(m.data))

    return made


# -- flags -------------------------------------------------------------------------------------------------------------

SYSTEM = {name: f"\\{name.capitalize()}" for name in ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")}


def has(flag: str) -> Key:
    return lambda n, m, v: flag in m.flags


def lacks(flag: str) -> Key:
    return lambda n, m, v: flag not in m.flags


def keyword(wanted: str) -> Key:
    """The box knows how it was spelt first."""
    return lambda n, m, v: v.box.keywords.get(wanted, wanted) in m.flags


def no(key: Key) -> Key:
    return lambda n, m, v: not key(n, m, v)


def recent(n: int, m: Message, v: View) -> bool:
    return m.uid in v.recent


# -- sets --------------------------------------------------------------------------------------------------------------


class Within:
    """A sequence set, worked out once for the mailbox's last number."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges, self.last = ranges, -1
        self.merged: list[tuple[int, int]] = []

    def has(self, number: int, last: int) -> bool:
        if last != self.last:
            self.last, self.merged = last, merge_numbers(self.ranges, last)
        return inside(self.merged, number)


def saved(n: int, m: Message, v: View) -> bool:
    return m.uid in v.saved


def numbered(ranges: Ranges | None) -> Key:
    if ranges is None:
        return saved
    within = Within(ranges)
    return lambda n, m, v: within.has(n, len(v.uids))


def by_uid(ranges: Ranges | None) -> Key:
    if ranges is None:
        return saved
    within = Within(ranges)
    return lambda n, m, v: within.has(m.uid, v.last_uid)


def every(keys: Sequence[Key]) -> Key:
    if len(keys) == 1:
        return keys[0]
    return lambda n, m, v: all(key(n, m, v) for key in keys)


# -- keys --------------------------------------------------------------------------------------------------------------


def always(n: int, m: Message, v: View) -> bool:
    return True


WORDS: dict[str, Key] = {
    "ALL": always,
    "RECENT": recent,  # these three were taken out of rev2
    "OLD": no(recent),
    "NEW": every([recent, lacks("\\Seen")]),
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
    if r.sees(QUOTED):
        string(r, "entry")
        space(r)
        r.take(KIND, "entry type")
        space(r)
    return number(r, "MODSEQ", most=LARGEST_64)


KIND = re.compile(rb"(?i)all|priv|shared")


def in_field(name: str) -> Callable[[bytes], Key]:
    return lambda text: field_has(name.lower().encode("ascii"), text)


ARGUMENTS: dict[str, Keyed] = {
    **{name: Keyed((astring,), in_field(name)) for name in ("FROM", "TO", "CC", "BCC", "SUBJECT")},
    "BODY": Keyed((astring,), text_has(bodies)),
    "TEXT": Keyed((astring,), text_has(everything)),
    "HEADER": Keyed((astring, astring), field_has),
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
    """Reads keys, and remembers which were named."""

    def __init__(self) -> None:
        self.modseq = self.numbered = False
        self.depth = self.count = 0

    def key(self, r: Reader) -> Key:
        self.count += 1
        if self.count > MOST or self.depth > DEEPEST:
            raise refused("a simpler search", f"more than {MOST} keys, or {DEEPEST} within one another")
        if r.sees(OPEN):
            return every(self.deeper(lambda: listed(r, self.key, least=1)))
        if r.sees(SET):
            self.numbered = True
            return numbered(sequence_set(r))
        name = r.take(ATOM, "search key")[0].decode("ascii").upper()
        self.modseq |= name == "MODSEQ"
        if name in WORDS:
            return WORDS[name]
        if name == "NOT":
            return no(self.deeper(lambda: after(r, (self.key,)))[0])
        if name == "OR":
            return either(self.deeper(lambda: self.alternatives(r)))
        if name not in ARGUMENTS:
            raise refused("search key", f"{name} is no search key")
        return ARGUMENTS[name].made(*after(r, ARGUMENTS[name].reads))

    def alternatives(self, r: Reader) -> list[Key]:
        """OR a OR b OR c d: the second of two keys may be the next OR, so often that it should cost no depth."""
        keys = after(r, (self.key,))
        space(r)
        while r.sees(OR):
            r.take(OR, "search key")
            keys += after(r, (self.key,))
            space(r)
        return [*keys, self.key(r)]

    def deeper(self, read: Callable[[], Sequence[Key]]) -> Sequence[Key]:
        self.depth += 1
        keys = read()
        self.depth -= 1
        return keys


OR = re.compile(rb"(?i)OR(?= )")


def either(keys: Sequence[Key]) -> Key:
    return lambda n, m, v: any(key(n, m, v) for key in keys)


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
    space(r)
    return True


def search_program(r: Reader) -> Program:
    """[RETURN (…)] [CHARSET …] key key …"""
    wanted = None
    if may_take(r, RETURN, "RETURN"):
        wanted = listed(r, word("result option"))
        if unknown := [option for option in wanted if option not in OPTIONS]:
            raise refused("result option", f"{unknown[0]} cannot be returned")
        space(r)
    unknown_charset = None
    if may_take(r, CHARSET, "CHARSET"):
        unknown_charset = charset(r)
        space(r)
    return criteria(r, wanted, unknown_charset)


def charset(r: Reader) -> Refused | None:
    """What to say of the charset, once all else was read: an error of syntax comes before it."""
    name = astring(r, "charset")
    if name.upper() in (b"UTF-8", b"US-ASCII"):
        return None
    text = "NO [BADCHARSET (UTF-8 US-ASCII)] unknown charset"
    return Refused("imap.charset", text, charset=name.decode("latin-1"))


def criteria(r: Reader, wanted: tuple[str, ...] | None, trouble: Refused | None) -> Program:
    """key key … to the end of the line."""
    keys = Keys()
    found = [keys.key(r)]
    while not r.sees(CRLF):
        space(r)
        found.append(keys.key(r))
    return Program(wanted, every(found), keys.modseq, keys.numbered, trouble)


# -- answering ---------------------------------------------------------------------------------------------------------

Found = list[tuple[int, Message]]  # message numbers, and what stands under them


def found(program: Program, view: View) -> Found:
    """What matches, in order; what was removed meanwhile does not."""
    messages, matches = view.box.messages, program.matches
    return [
        (number, message)
        for number, uid in enumerate(view.uids, 1)
        if (message := messages.get(uid)) and matches(number, message, view)
    ]


def searched(program: Program, matching: Found, uid: bool) -> bytes:
    """SEARCH's untagged answer in IMAP4rev1 (RFC 3501 §7.2.5; RFC 7162 §3.1.6)."""
    return b"* SEARCH%s\r\n" % numbers_of(program, matching, uid)


def numbers_of(program: Program, matching: Found, uid: bool) -> bytes:
    numbers = b"".join(b" %d" % (message.uid if uid else number) for number, message in matching)
    latest = max((message.modseq for _, message in matching), default=0)
    return numbers + (b" (MODSEQ %d)" % latest if program.modseq and latest else b"")


def extended(program: Program, matching: Found, uid: bool, tag: bytes) -> bytes:
    """ESEARCH (§7.3.4): MIN, MAX and ALL only when something was found."""
    wanted = program.wanted
    if not wanted or wanted == ("SAVE",):
        wanted = ("ALL",)
    told = {"COUNT": b" COUNT %d" % len(matching)}
    numbers = [message.uid if uid else number for number, message in matching]
    if numbers:
        told |= {"MIN": b" MIN %d" % numbers[0], "MAX": b" MAX %d" % numbers[-1], "ALL": b" ALL " + write_set(numbers)}
        if program.modseq:
            told["MODSEQ"] = b" MODSEQ %d" % latest(wanted, matching)
    data = b"".join(told.get(one, b"") for one in dict.fromkeys((*wanted, "MODSEQ")))
    return b"* ESEARCH (TAG %s)%s%s\r\n" % (write(tag), b" UID" if uid else b"", data)


def latest(wanted: Iterable[str], matching: Found) -> int:
    """The highest MODSEQ of what is told of (RFC 4731 §3.2)."""
    return max(message.modseq for _, message in told_of(wanted, matching))


def told_of(wanted: Iterable[str], matching: Found) -> Found:
    """All, unless only MIN or MAX were asked for: then those (§6.4.4.1, Table 4)."""
    if "ALL" in wanted or "COUNT" in wanted or not {"MIN", "MAX"} & set(wanted):
        return matching
    return matching[:1] * ("MIN" in wanted) + matching[-1:] * ("MAX" in wanted)
