"""IMAP's commands, one row each: where a command may be said, how its arguments are read, where it leads.

The state table is made of these rows; what a command does stands in `server.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..acts import Refused
from ..table import Row, Table
from .fetch import Item, fetch_items
from .folders import Listing
from .grammar import (
    ATOM,
    CLOSE,
    CRLF,
    LARGEST,
    LITERAL,
    OPEN,
    SP,
    TAG,
    Pattern,
    Ranges,
    Reader,
    Span,
    astring,
    flag,
    flag_list,
    list_mailbox,
    listed,
    literal8,
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
from .search import MONTHS, search_program
from .sorting import sort_program
from .threads import thread_program

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
    """mechanism [SP initial response] (§6.2.2), in base64; "=" is an empty one."""
    mechanism = word("mechanism")(r)
    if r.sees(CRLF):
        return mechanism, None
    space(r)
    return mechanism, r.take(BASE64, "initial response")[0]


class Resync(NamedTuple):
    """What a client remembers of a mailbox it had open before (RFC 7162 §3.2.5)."""

    uidvalidity: int
    modseq: int
    uids: Ranges  # known to it; () is all
    numbers: Ranges  # and a sample of them with their message numbers, so that it need not be told more than it lacks
    their_uids: Ranges


class Opening(NamedTuple):
    """What SELECT and EXAMINE open, and what else they ask for."""

    name: str
    parameters: tuple[str, ...] = ()
    resync: Resync | None = None


def opening(r: Reader) -> Opening:
    """mailbox [SP (CONDSTORE QRESYNC (…))] (RFC 7162 §3.1.8, §3.2.5)."""
    name = mailbox(r)
    if r.sees(CRLF):
        return Opening(name)
    space(r)
    known: list[Resync] = []

    def parameter(r: Reader) -> str:
        found = one_of("parameter", ("CONDSTORE", "QRESYNC"))(r)
        if found == "QRESYNC":
            space(r)
            known.append(resync(r))
        return found

    return Opening(name, listed(r, parameter, least=1), known[0] if known else None)


def resync(r: Reader) -> Resync:
    """(uidvalidity modseq [known UIDs] [(numbers UIDs)])"""
    uids: Ranges = ()
    numbers: Ranges = ()
    theirs: Ranges = ()
    r.take(OPEN, "(")
    uidvalidity = number(r, "UIDVALIDITY", least=1, most=LARGEST)
    space(r)
    modseq = number(r, "MODSEQ")
    if may_take(r, SP_SET):
        uids = known_set(r)
    if may_take(r, SP_OPEN):
        r.take(OPEN, "(")
        numbers = known_set(r)
        space(r)
        theirs = known_set(r)
        r.take(CLOSE, ")")
    r.take(CLOSE, ")")
    return Resync(uidvalidity, modseq, uids, numbers, theirs)


SP_SET = re.compile(rb" (?=[\d$*])")
SP_OPEN = re.compile(rb" (?=\()")


def may_take(r: Reader, pattern: Pattern) -> bool:
    """Whether something of that kind follows; the space before it is read."""
    if not r.sees(pattern):
        return False
    space(r)
    return True


def known_set(r: Reader) -> Ranges:
    """A sequence set of numbers alone."""
    found = sequence_set(r)
    if found is None or any(end is None for one in found for end in one):
        raise refused("a set of numbers", "neither * nor $ may stand here")
    return found


def creation(r: Reader) -> str:
    """mailbox [SP (USE (…))]: the special use follows from the name here (RFC 6154 §3)."""
    name = mailbox(r)
    if not r.sees(CRLF):
        space(r)
        listed(r, value)
        raise Refused("imap.special-use", "NO [USEATTR] the special use follows from the name here")
    return name


SELECTIONS = ("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE")
RETURNS = ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS")
RETURN = re.compile(rb"(?i)RETURN(?= )")


def listing(r: Reader) -> Listing:
    """[(selection) SP] reference SP pattern [SP RETURN (options)]; several patterns in parentheses (RFC 5258)."""
    selected: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    status: list[tuple[str, ...]] = []
    basic = not r.sees(OPEN)
    if r.sees(OPEN):
        selected = listed(r, one_of("selection option", SELECTIONS))
        space(r)
    reference = mailbox(r)
    space(r)
    basic = basic and not r.sees(OPEN)
    patterns = listed(r, list_mailbox, least=1) if r.sees(OPEN) else (list_mailbox(r),)

    def returning(r: Reader) -> str:
        option = one_of("return option", RETURNS)(r)
        if option == "STATUS":  # RFC 5819
            space(r)
            status.append(status_items(r))
        return option

    if not r.sees(CRLF):
        space(r)
        basic = False
        r.take(RETURN, "RETURN")
        space(r)
        returned = listed(r, returning)
    if "RECURSIVEMATCH" in selected and not {"SUBSCRIBED", "SPECIAL-USE"} & set(selected):
        raise refused("SUBSCRIBED or SPECIAL-USE", "RECURSIVEMATCH needs something to match")
    known = tuple(pattern for pattern in patterns if pattern is not None)
    return Listing(basic, selected, reference, known, returned, status[0] if status else ())


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
    return tuple(dict.fromkeys(listed(r, one_of("status item", STATUS), least=1)))


DATE_TIME = re.compile(rb'(?i)"([ \d]\d)-([a-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')


def date_time(r: Reader) -> str:
    """ "17-Jul-1996 02:44:25 -0700" as INTERNALDATE will tell it."""
    day, month, year, hour, minute, second, sign, east, rest = r.take(DATE_TIME, "date and time").groups()
    fits = 1 <= int(day) <= 31 and month.decode("ascii").lower() in MONTHS and int(hour) < 24 and int(minute) < 60
    if not (fits and int(second) <= 60 and int(east) < 24 and int(rest) < 60):
        raise refused("date and time", "there is no such date or time")
    told = (b"%02d" % int(day), month.capitalize(), year, hour, minute, second, sign, east, rest)
    return (b"%b-%b-%b %b:%b:%b %b%b%b" % told).decode("ascii")


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
    if r.sees(QUOTE):
        date = date_time(r)
        space(r)
    if r.sees(BINARY):  # RFC 3516 §4.4: NUL too
        return Appended(flags, date, literal8(r, "message"))
    if not r.sees(LITERAL):
        raise refused("literal", "a message comes as a literal")
    return Appended(flags, date, string(r, "message"))


QUOTE = re.compile(rb'"')
BINARY = re.compile(rb"~\{")


class Fetching(NamedTuple):
    """What FETCH asks for, of what changed since (RFC 7162 §3.1.4), and whether of what is gone too (§3.2.6)."""

    items: tuple[Item, ...]
    since: int | None = None
    vanished: bool = False


def fetching(r: Reader) -> Fetching:
    items = fetch_items(r)
    if r.sees(CRLF):
        return Fetching(items)
    space(r)
    since: list[int] = []

    def modifier(r: Reader) -> str:
        name = one_of("modifier", ("CHANGEDSINCE", "VANISHED"))(r)
        if name == "CHANGEDSINCE":
            space(r)
            since.append(number(r, "MODSEQ"))
        return name

    vanished = "VANISHED" in listed(r, modifier, least=1)
    if not since:
        raise refused("CHANGEDSINCE", "VANISHED goes with CHANGEDSINCE")
    return Fetching(items, since[0], vanished)


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
        r.take(OPEN, "(")
        r.take(UNCHANGEDSINCE, "modifier")
        space(r)
        unchanged_since = number(r, "MODSEQ")
        r.take(CLOSE, ")")
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
        *both_ways(BOTH, "SORT", (sort_program,), "RFC 5256 §3"),
        *both_ways(BOTH, "THREAD", (thread_program,), "RFC 5256 §3"),
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
