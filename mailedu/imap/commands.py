"""IMAP's commands, one row each: where a command may be said, how its arguments are read, where it leads.

The state table is made of these rows; what a command does stands in `server.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..acts import Refused
from ..table import Row, Table
from .fetch import fetch_items
from .grammar import (
    ATOM,
    CRLF,
    LITERAL,
    OPEN,
    QUOTED,
    SP,
    TAG,
    Pattern,
    Reader,
    Span,
    astring,
    flag,
    flag_list,
    list_mailbox,
    listed,
    mailbox,
    number,
    refused,
    sequence_set,
    space,
    split,
    string,
    value,
    word,
)
from .search import search_program

# -- arguments that only one command has -------------------------------------------------------------------------------


def names(r: Reader) -> tuple[str, ...]:
    """ENABLE's capabilities."""
    found = [word("capability")(r)]
    while not r.sees(CRLF):
        space(r)
        found.append(word("capability")(r))
    return tuple(found)


BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}|=")


def authentication(r: Reader) -> tuple[str, bytes | None]:
    """mechanism [SP initial response] (§6.2.2); "=" is an empty response."""
    mechanism = word("mechanism")(r)
    if r.sees(CRLF):
        return mechanism, None
    space(r)
    response = r.take(BASE64, "initial response")[0]
    return mechanism, b"" if response == b"=" else response


def opening(r: Reader) -> tuple[str, tuple[str, ...]]:
    """mailbox [SP (parameters)]: CONDSTORE is the one there is (RFC 7162 §3.1.8)."""
    name = mailbox(r)
    if r.sees(CRLF):
        return name, ()
    space(r)
    found = listed(r, word("parameter"))
    if unknown := [one for one in found if one != "CONDSTORE"]:
        raise refused("parameter", f"{unknown[0]} is no parameter of SELECT")
    return name, found


def creation(r: Reader) -> str:
    """mailbox [SP (USE (…))]: the special use follows from the name here (RFC 6154 §3)."""
    name = mailbox(r)
    if not r.sees(CRLF):
        space(r)
        listed(r, value)
        raise Refused("imap.special-use", "NO [USEATTR] the special use follows from the name here")
    return name


class Listing(NamedTuple):
    """What LIST asks for (§6.3.9; RFC 5258)."""

    selected: tuple[str, ...]
    reference: str
    patterns: tuple[str, ...]
    returned: tuple[str, ...]
    status: tuple[str, ...]


SELECTIONS = ("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE")
RETURNS = ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS")
RETURN = re.compile(rb"(?i)RETURN(?= )")


def listing(r: Reader) -> Listing:
    selected: tuple[str, ...] = ()
    if r.sees(OPEN):
        selected = listed(r, one_of("selection option", SELECTIONS))
        space(r)
    reference = mailbox(r)
    space(r)
    patterns = listed(r, list_mailbox) if r.sees(OPEN) else (list_mailbox(r),)
    status: list[tuple[str, ...]] = []
    returned: tuple[str, ...] = ()

    def returning(r: Reader) -> str:
        option = one_of("return option", RETURNS)(r)
        if option == "STATUS":  # RFC 5819
            space(r)
            status.append(status_items(r))
        return option

    if not r.sees(CRLF):
        space(r)
        r.take(RETURN, "RETURN")
        space(r)
        returned = listed(r, returning)
    if "RECURSIVEMATCH" in selected and "SUBSCRIBED" not in selected:
        raise refused("SUBSCRIBED", "RECURSIVEMATCH goes with SUBSCRIBED")
    return Listing(selected, reference, patterns, returned, status[0] if status else ())


def one_of(name: str, allowed: Iterable[str]) -> Callable[[Reader], str]:
    """A reader of one of these words."""

    def read(r: Reader) -> str:
        found = word(name)(r)
        if found not in allowed:
            raise refused(name, f"{found} is no {name}")
        return found

    return read


STATUS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "RECENT", "HIGHESTMODSEQ")


def status_items(r: Reader) -> tuple[str, ...]:
    found = listed(r, one_of("status item", STATUS))
    if not found:
        raise refused("status item", "no status asked for")
    return found


DATE_TIME = re.compile(
    rb'(?i)"([ \d]\d-(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d{4} \d\d:\d\d:\d\d [+-]\d{4})"'
)


class Appended(NamedTuple):
    """One message to append, with its flags and its date ("" for now)."""

    flags: tuple[str, ...]
    date: str
    data: bytes


def appended(r: Reader) -> tuple[Appended, ...]:
    """[(flags) SP] [date SP] literal, and perhaps another (§6.3.12; RFC 3502)."""
    found = [one_appended(r)]
    while not r.sees(CRLF):
        space(r)
        found.append(one_appended(r))
    return tuple(found)


def one_appended(r: Reader) -> Appended:
    flags: tuple[str, ...] = ()
    date = ""
    if r.sees(OPEN):
        flags = flag_list(r)
        space(r)
    if r.sees(QUOTED):
        date = r.take(DATE_TIME, "date and time")[1].decode("ascii").capitalize()
        date = date[:3] + date[3:6].capitalize() + date[6:]
        space(r)
    if not r.sees(LITERAL):
        raise refused("literal", "a message comes as a literal")
    return Appended(flags, date, string(r, "message"))


class Fetching(NamedTuple):
    """What FETCH asks for, and only of what changed since (RFC 7162 §3.1.4)."""

    items: tuple[Any, ...]
    since: int | None


CHANGEDSINCE = re.compile(rb"(?i)CHANGEDSINCE(?= )")


def fetching(r: Reader) -> Fetching:
    items = fetch_items(r)
    if r.sees(CRLF):
        return Fetching(items, None)
    space(r)
    return Fetching(items, modifier(r, CHANGEDSINCE))


def modifier(r: Reader, pattern: Pattern) -> int:
    """(WORD number)"""
    r.take(OPEN, "(")
    r.take(pattern, "modifier")
    space(r)
    found = number(r, "MODSEQ")
    r.take(re.compile(rb"\)"), ")")
    return found


class Storing(NamedTuple):
    """What STORE does: "", "+" or "-", quietly or not, unless it changed since (RFC 7162 §3.1.3)."""

    unchanged_since: int | None
    how: str
    silent: bool
    flags: tuple[str, ...]


UNCHANGEDSINCE = re.compile(rb"(?i)UNCHANGEDSINCE(?= )")
FLAGS_ITEM = re.compile(rb"(?i)([+-]?)FLAGS(\.SILENT)?")


def storing(r: Reader) -> Storing:
    unchanged_since = None
    if r.sees(OPEN):
        unchanged_since = modifier(r, UNCHANGEDSINCE)
        space(r)
    found = r.take(FLAGS_ITEM, "flags item")
    space(r)
    flags = flag_list(r) if r.sees(OPEN) else bare_flags(r)
    return Storing(unchanged_since, found[1].decode("ascii"), bool(found[2]), flags)


def bare_flags(r: Reader) -> tuple[str, ...]:
    flags = [flag(r)]
    while r.sees(SP):
        space(r)
        flags.append(flag(r))
    return tuple(flags)


# -- the rows ----------------------------------------------------------------------------------------------------------

OUT = "NOT AUTHENTICATED"
IN = "AUTHENTICATED"
OPENED = "SELECTED"
READING = "EXAMINED"  # SELECTED, but to read only
END = "LOGOUT"
BOTH = (OPENED, READING)
LOGGED_IN = (IN, OPENED, READING)
ANY = (OUT, *LOGGED_IN)


class Command(NamedTuple):
    """One row: in these states, this command, with these arguments; where OK leads, and where NO does ("": nowhere)."""

    states: tuple[str, ...]
    name: str
    reads: tuple[Callable[[Reader], Any], ...]
    ok: str  # BAD leaves the state always as it is
    no: str
    section: str  # of RFC 9051


def both_ways(
    states: tuple[str, ...], name: str, reads: tuple[Callable[[Reader], Any], ...], section: str
) -> list[Command]:
    """A command by numbers, and the same by UIDs (§6.4.9)."""
    return [Command(states, name, reads, "", "", section), Command(states, "UID " + name, reads, "", "", section)]


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in [
        Command(ANY, "CAPABILITY", (), "", "", "6.1.1"),
        Command(ANY, "NOOP", (), "", "", "6.1.2"),
        Command(ANY, "LOGOUT", (), END, "", "6.1.3"),
        Command(ANY, "ID", (value,), "", "", "RFC 2971 §3.1"),
        Command((OUT,), "STARTTLS", (), "", "", "6.2.1"),
        Command((OUT,), "AUTHENTICATE", (authentication,), IN, "", "6.2.2"),
        Command((OUT,), "LOGIN", (astring, astring), IN, "", "6.2.3"),
        Command(LOGGED_IN, "ENABLE", (names,), "", "", "6.3.1"),
        Command(LOGGED_IN, "SELECT", (opening,), OPENED, IN, "6.3.2"),
        Command(LOGGED_IN, "EXAMINE", (opening,), READING, IN, "6.3.3"),
        Command(LOGGED_IN, "CREATE", (creation,), "", "", "6.3.4"),
        Command(LOGGED_IN, "DELETE", (mailbox,), "", "", "6.3.5"),
        Command(LOGGED_IN, "RENAME", (mailbox, mailbox), "", "", "6.3.6"),
        Command(LOGGED_IN, "SUBSCRIBE", (mailbox,), "", "", "6.3.7"),
        Command(LOGGED_IN, "UNSUBSCRIBE", (mailbox,), "", "", "6.3.8"),
        Command(LOGGED_IN, "LIST", (listing,), "", "", "6.3.9"),
        Command(LOGGED_IN, "LSUB", (mailbox, list_mailbox), "", "", "RFC 3501 §6.3.9"),
        Command(LOGGED_IN, "NAMESPACE", (), "", "", "6.3.10"),
        Command(LOGGED_IN, "STATUS", (mailbox, status_items), "", "", "6.3.11"),
        Command(LOGGED_IN, "APPEND", (mailbox, appended), "", "", "6.3.12"),
        Command(LOGGED_IN, "IDLE", (), "", "", "6.3.13"),
        Command(BOTH, "CHECK", (), "", "", "RFC 3501 §6.4.1"),
        Command(BOTH, "CLOSE", (), IN, "", "6.4.1"),
        Command(BOTH, "UNSELECT", (), IN, "", "6.4.2"),
        Command((OPENED,), "EXPUNGE", (), "", "", "6.4.3"),
        Command((OPENED,), "UID EXPUNGE", (sequence_set,), "", "", "6.4.9"),
        *both_ways(BOTH, "SEARCH", (search_program,), "6.4.4"),
        *both_ways(BOTH, "FETCH", (sequence_set, fetching), "6.4.5"),
        *both_ways((OPENED,), "STORE", (sequence_set, storing), "6.4.6"),
        *both_ways(BOTH, "COPY", (sequence_set, mailbox), "6.4.7"),
        *both_ways((OPENED,), "MOVE", (sequence_set, mailbox), "6.4.8"),
    ]
}


def rows() -> Iterable[Row]:
    for command in COMMANDS.values():
        for state in command.states:
            for outcome, leads in [("ok", command.ok), ("no", command.no), ("bad", "")]:
                yield Row(state, command.name, outcome, leads or state, command.section)
    yield Row(OUT, "STARTTLS", "tls-failed", END, "6.2.1")


TABLE = Table("IMAP", rows(), labels={READING: OPENED})

# -- reading a command -------------------------------------------------------------------------------------------------

UID = re.compile(rb"(?i)UID(?= )")
BEGINNING = re.compile(rb'([^(){ %*"\\+\x00-\x1f\x7f-\xff]{1,100}) (?:(?:(?i:UID)) )?([A-Za-z]{1,20})(?=[ \r])')


def beginning(line: bytes) -> tuple[bytes, str]:
    """``b"a1 uid fetch 1 FLAGS"`` -> (b"a1", "UID FETCH"); (b"*", "?") when it does not begin like a command.

    That is little enough to answer with the right tag, whatever is wrong further on.
    """
    found = BEGINNING.match(line)
    if not found:
        tag = TAG.match(line)
        return (
            (tag[0], "?") if tag and len(tag[0]) <= 100 and line[tag.end() : tag.end() + 1] in b" \r" else (b"*", "?")
        )
    uid = "UID " if UID.match(line, len(found[1]) + 1) else ""
    return found[1], uid + found[2].decode("ascii").upper()


def begin(r: Reader) -> str:
    """Read the tag and the command's name; the name."""
    r.take(TAG, "tag")
    space(r)
    uid = ""
    if r.sees(UID):
        r.take(UID, "UID")
        space(r)
        uid = "UID "
    return uid + r.take(ATOM, "command")[0].decode("ascii").upper()


def arguments(r: Reader, command: Command) -> list[Any]:
    """SP value SP value … CRLF, each read by its own reader; syntax is read before anything is done."""
    values = []
    for read in command.reads:
        space(r)
        values.append(read(r))
    r.take(CRLF, "the end of the line")
    return values


def command_spans(data: bytes) -> list[Span]:
    """What each octet of a command is, by the readers that run it; what they do not understand is garbage."""
    r = Reader(data)
    try:
        name = begin(r)
        if name in COMMANDS:
            arguments(r, COMMANDS[name])
    except Refused:
        pass
    return [*r.spans(), *split(data[r.at :], "garbage")]
