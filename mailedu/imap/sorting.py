"""SORT (RFC 5256 §3): what messages are put in order by.  Sent dates and base subjects are THREAD's too."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from ..mailbox import Message
from ..message import as_text
from .addresses import addresses
from .grammar import Reader, listed, refused, space, word
from .search import MONTHS, Found, Program, century, charset, criteria, first_field
from .texts import casemap, field_text

# -- when a message was sent (§2.2) ------------------------------------------------------------------------------------

DATE = re.compile(
    rb"(?i)\s*(?:\w{3,9},?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})"
    rb"(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([+-]\d{4}|[a-z]+))?)?"
)
OLD_ZONES = {b"EST": -5, b"EDT": -4, b"CST": -6, b"CDT": -5, b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7}


def seconds(date: bytes) -> int | None:
    """A date and time as seconds in UTC; None when it is no date.  A zone that nobody knows is UTC."""
    found = DATE.match(date)
    if not found or found[2].decode("ascii").lower() not in MONTHS:
        return None
    month = MONTHS.index(found[2].decode("ascii").lower()) + 1
    hours, minutes, rest = (int(one or 0) for one in found.group(4, 5, 6))
    if hours > 23 or minutes > 59 or rest > 60:
        hours = minutes = rest = 0
    at = (days(century(int(found[3])), month, int(found[1])) * 24 + hours) * 3600 + minutes * 60 + rest
    return at - east(found[7] or b"")


def east(zone: bytes) -> int:
    """ "+0130" -> 5400"""
    if zone[:1] in (b"+", b"-"):
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        return -60 * minutes if zone.startswith(b"-") else 60 * minutes
    return 3600 * OLD_ZONES.get(zone.upper(), 0)


def days(year: int, month: int, day: int) -> int:
    """Days since the first of March of the year 0: then a leap day is a year's last."""
    year -= month <= 2
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year


def arrival(message: Message) -> int:
    return seconds(message.date.encode("ascii")) or 0


def sent(message: Message) -> int:
    """The Date field; the day it came in, when that cannot be read."""
    at = seconds(first_field(message, b"date"))
    return arrival(message) if at is None else at


# -- base subjects (§2.1, §5) ------------------------------------------------------------------------------------------

LONGEST = 2_000  # characters of a subject that are looked at
BLANKS = re.compile(r"[ \t\r\n]+")
TRAILER = re.compile(r"(?i)(\(fwd\)|[ \t])\Z")
BLOB = re.compile(r"\[[^\[\]]*\][ \t]*")
LEADER = re.compile(r"(?i)(?:(?:\[[^\[\]]*\][ \t]*)*+(re|fwd?)[ \t]*(?:\[[^\[\]]*\][ \t]*)?:|[ \t])")
FORWARDED = re.compile(r"(?i)\[fwd:(.*)\]", re.DOTALL)


class Subject(NamedTuple):
    """What is left of a subject for comparing, and whether it was one of a reply or a forward."""

    base: bytes
    reply: bool


@lru_cache(4096)
def subject(value: bytes) -> Subject:
    """b"Re: [list] Lunch (fwd)" -> (b"LUNCH", True)"""
    text = BLANKS.sub(" ", as_text(field_text(value))[:LONGEST])  # (1)
    reply = False
    while True:
        text, found = without(TRAILER, text)  # (2)
        reply |= found
        text, found = without_leaders(text)  # (3), (4), (5)
        reply |= found
        inner = FORWARDED.fullmatch(text)  # (6)
        if not inner:
            return Subject(casemap(text.encode("utf-8", "replace")), reply)
        text, reply = inner[1], True


def without(pattern: re.Pattern[str], text: str) -> tuple[str, bool]:
    """The text without what matches at its end, again and again; whether that was more than blanks."""
    reply = False
    while found := pattern.search(text):
        text, reply = text[: found.start()], reply or not found[1].isspace()
    return text, reply


def without_leaders(text: str) -> tuple[str, bool]:
    reply = False
    while True:
        if leader := LEADER.match(text):
            text, reply = text[leader.end() :], reply or leader[1] is not None
        elif (blob := BLOB.match(text)) and text[blob.end() :].strip():
            text = text[blob.end() :]
        else:
            return text, reply


def subject_of(message: Message) -> Subject:
    return subject(first_field(message, b"subject"))


# -- SORT --------------------------------------------------------------------------------------------------------------


def person(name: bytes) -> Callable[[Message], bytes]:
    """The local part of the first address in that field (§3)."""

    def local_part(message: Message) -> bytes:
        found = addresses(first_field(message, name))
        return casemap(found[0][2] or b"") if found else b""

    return local_part


CRITERIA: dict[str, Callable[[Message], Any]] = {
    "ARRIVAL": arrival,
    "CC": person(b"cc"),
    "DATE": sent,
    "FROM": person(b"from"),
    "SIZE": lambda message: len(message.data),
    "SUBJECT": lambda message: subject_of(message).base,
    "TO": person(b"to"),
}


class Sorting(NamedTuple):
    """What to sort by, each forwards or backwards, and what to search for."""

    by: tuple[tuple[str, bool], ...]
    program: Program


def criterion(r: Reader) -> tuple[str, bool]:
    """[REVERSE] key"""
    name = word("sort key")(r)
    backwards = name == "REVERSE"
    if backwards:
        space(r)
        name = word("sort key")(r)
    if name not in CRITERIA:
        raise refused("sort key", f"{name} is nothing to sort by")
    return name, backwards


def sort_program(r: Reader) -> Sorting:
    """(criteria) charset key key …"""
    by = listed(r, criterion, least=1)
    space(r)
    return Sorting(by, with_charset(r))


def with_charset(r: Reader) -> Program:
    """charset key key …: here the charset has to be named."""
    trouble = charset(r)
    space(r)
    return criteria(r, None, trouble)


def in_order(matching: Found, by: tuple[tuple[str, bool], ...]) -> Found:
    """Sorted by the last criterion first: the earlier ones then outweigh it, and the mailbox's order is the last."""
    for name, backwards in reversed(by):
        value = CRITERIA[name]
        keyed = [(value(message), number, message) for number, message in matching]
        keyed.sort(key=lambda one: one[0], reverse=backwards)
        matching = [(number, message) for _, number, message in keyed]
    return matching
