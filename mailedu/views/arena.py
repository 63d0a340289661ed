"""The arena: sessions of IMAP and POP3 on one mailbox, side by side, read from a trace alone.

A mailbox has UIDs; numbers belong to a session, and move when that session is told (RFC 9051 §2.3.1.2, §7.5.1).  So
for each moment there are the mailbox as it is, and for each client the numbers it was told, and what it was not told
yet.  What a client was told is read from what the server said to it, not from what the server thinks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..acts import Accept, Act, Close, Connect, Enter, Flag, Hear, LabError, Remove, Rule, Say, Store, Watch
from ..rules import sentence
from ..trace import Step, Trace, printable

Flags = frozenset[str]

PROTOCOLS = {"143": "IMAP", "993": "IMAP", "110": "POP3", "995": "POP3"}
LITERAL = re.compile(rb"\{(\d{1,10})\}\Z")
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
EXISTS = re.compile(rb"\* (\d{1,10}) EXISTS\Z")
EXPUNGE = re.compile(rb"\* (\d{1,10}) EXPUNGE\Z")
VANISHED = re.compile(rb"\* VANISHED ([\d:,]+)\Z")
FETCHED = re.compile(rb"\* (\d{1,10}) FETCH \((?:.* )?FLAGS \(([^)]*)\)")
UIDNEXT = re.compile(rb"\* OK \[UIDNEXT (\d{1,10})\]")
BY_NUMBER = re.compile(rb"\S+ STORE ([\d:,]+) ", re.IGNORECASE)
SUBJECT = re.compile(rb"(?:^|\n)subject:[ \t]*([^\r\n]*)", re.IGNORECASE)
CLOSED = ("AUTHENTICATED", "LOGOUT", "CLOSED")  # in these states no mailbox is open, in IMAP and in POP3
NOTED = ("imap.expunge-waits", "imap.broken", "imap.hung-up", "imap.silent", "pop3.hung-up", "pop3.silent")

MOST_MOMENTS = 400
MOST_LETTERS = 40
MOST_CLIENTS = 6
MOST_LINES = 14  # of a reply
MOST = 140  # letters of a line


class Client(NamedTuple):
    """A column of the arena: a device, or a call that has no name."""

    name: str
    protocol: str  # "IMAP", "POP3"


@dataclass(slots=True)
class Seat:
    """What one client knows at one moment."""

    numbers: tuple[int, ...]  # number n is numbers[n - 1], a UID
    flags: Mapping[int, Flags]  # as it was told of them
    pending: tuple[tuple[str, int], ...]  # ("removed", "added" or "flagged", UID): what it was not told yet
    marked: frozenset[int] = frozenset()  # by DELE


@dataclass(slots=True)
class Moment:
    """Something was said or happened, and how everything stood afterwards."""

    number: int  # its first step …
    end: int  # … and its last one
    who: int  # a client's place; -1: somebody who is not in the arena
    said: str
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what rules say of it
    wrong: list[int] = field(default_factory=list)  # UIDs that it hit, and that its numbers did not mean
    mail: dict[int, Flags] = field(default_factory=dict)
    seats: list[Seat | None] = field(default_factory=list)  # None: has the mailbox not open


@dataclass(slots=True)
class Arena:
    """One mailbox, and all who had it open."""

    box: str
    clients: list[Client] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    subjects: dict[int, str] = field(default_factory=dict)  # UID -> what the letter is about
    more: int = 0  # moments that are left out, for there are very many

    @property
    def shown(self) -> list[int]:
        """The UIDs there is room for: the newest."""
        return list(self.subjects)[-MOST_LETTERS:]


# -- reading -----------------------------------------------------------------------------------------------------------


class Responses:
    """What an IMAP server says, response by response and without the octets of literals, however it is cut."""

    def __init__(self) -> None:
        self.text = self.line = b""
        self.skip = 0  # octets of a literal that are still to come

    def feed(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            if self.skip:
                passed = min(self.skip, len(data) - at)
                self.skip, at = self.skip - passed, at + passed
                continue
            end = data.find(b"\n", at) + 1
            self.line += data[at : end or len(data)]
            if not end:
                return
            at, line = end, self.line.rstrip(b"\r\n")
            self.text, self.line = self.text + line, b""
            if literal := LITERAL.search(line):
                self.skip = int(literal[1])
            else:
                yield self.text
                self.text = b""


@dataclass(slots=True)
class Talk:
    """One session of a server, and the client's numbering as long as it has the mailbox open."""

    server: str
    client: Client
    column: int = -1  # its place among the clients, while the mailbox is open
    heard: tuple[int, bytes] = (0, b"")  # the last command and its step
    numbers: list[int] = field(default_factory=list)
    coming: list[int] = field(default_factory=list)  # in the mailbox, and not told of
    flags: dict[int, Flags] = field(default_factory=dict)
    marked: set[int] = field(default_factory=set)
    meant: frozenset[int] | None = None  # the UIDs that the command at hand names by their numbers
    responses: Responses = field(default_factory=Responses)

    def seat(self, mail: Mapping[int, Flags]) -> Seat:
        pending = [("removed", uid) for uid in self.numbers if uid not in mail]
        pending += [("added", uid) for uid in self.coming if uid in mail]
        if self.client.protocol == "IMAP":
            pending += [("flagged", uid) for uid in self.numbers if uid in mail and self.flags[uid] != mail[uid]]
        return Seat(tuple(self.numbers), dict(self.flags), tuple(pending), frozenset(self.marked))


class Reader:
    """Reads one mailbox's arena out of a trace."""

    def __init__(self, trace: Trace, box: str) -> None:
        self.trace, self.arena = trace, Arena(box)
        self.box, self.uidnext = box, 1
        self.mail: dict[int, Flags] = {}
        self.talks: dict[str, Talk] = {}  # by conversation
        self.callers: dict[int, str] = {}  # a Connect's step -> who calls
        self.now: Moment | None = None
        self.lost = False  # the trace does not hold how the mailbox was filled

    def read(self) -> Arena:
        for step in self.trace:
            self.step(step)
        for moment in self.arena.moments:
            moment.seats += [None] * (len(self.arena.clients) - len(moment.seats))
        return self.arena

    def step(self, step: Step) -> None:
        act = step.act
        match act:
            case Connect():
                self.callers[step.number] = step.actor
            case Accept(client, name):
                if protocol := protocol_of(step.conversation):
                    caller = self.callers.get(-1 if step.parent is None else step.parent, client)
                    self.talks[step.conversation] = Talk(step.actor, Client(name or caller, protocol))
            case Store() | Remove() | Flag():
                if act.box == self.box:
                    self.change(step, act)
            case _:
                talk = self.talks.get(step.conversation)
                if talk and talk.server == step.actor:
                    (self.imap if talk.client.protocol == "IMAP" else self.pop3)(step, talk)

    # -- moments

    def begin(self, step: Step, who: int, said: str) -> Moment:
        """A new moment; where there are too many already, it is only counted."""
        moment = self.now = Moment(step.number, step.number, who, said)
        if len(self.arena.moments) < MOST_MOMENTS:
            self.arena.moments.append(moment)
        else:
            self.arena.more += 1
        self.stand(moment, step)
        return moment

    def of(self, talk: Talk, step: Step) -> Moment:
        """The moment that a talk is at; another one, when somebody else did something meanwhile."""
        now = self.now
        return now if now and now.who == talk.column else self.begin(step, talk.column, "")

    def stand(self, moment: Moment, step: Step) -> None:
        """Write down how everything stands now."""
        moment.end = step.number
        moment.mail = dict(self.mail)
        moment.seats = [None] * len(self.arena.clients)
        for talk in self.talks.values():
            if talk.column >= 0:
                moment.seats[talk.column] = talk.seat(self.mail)

    # -- the mailbox

    def change(self, step: Step, act: Store | Remove | Flag) -> None:
        talk = self.talks.get(step.conversation)
        own = talk if talk and talk.column >= 0 else None
        moment = self.of(own, step) if own else None
        match act:
            case Store(_, message, note):
                self.add(message, frozenset(note.get("flags", "").split()))
                said = f"a letter comes in: {self.arena.subjects[self.uidnext - 1]}"
            case Remove(_, uids):
                for uid in uids:
                    self.mail.pop(uid, None)
                said = f"{'UID' if len(uids) == 1 else 'UIDs'} {', '.join(map(str, uids[:12]))} removed"
            case Flag(_, uids, how, flags):
                said = f"{how or '='}{' '.join(flags)}"
                self.flag(uids, how, frozenset(flags), own)
                if moment and own and own.meant is not None:
                    moment.wrong += [uid for uid in uids if uid not in own.meant]
        self.stand(moment or self.begin(step, -1, printable(said)[:MOST]), step)

    def add(self, message: bytes, flags: Flags) -> None:
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        found = SUBJECT.search(message[:100_000])
        self.arena.subjects[uid] = printable(found[1].decode("utf-8", "replace").strip())[:60] if found else "?"
        self.mail[uid] = flags
        for talk in self.talks.values():
            if talk.column >= 0:
                talk.coming.append(uid)

    def flag(self, uids: Iterable[int], how: str, flags: Flags, own: Talk | None) -> None:
        """Who flags them knows of it; the others have to be told."""
        for uid in uids:
            if uid in self.mail:
                self.mail[uid] = combined(self.mail[uid], how, flags)
                if own and uid in own.flags:
                    own.flags[uid] = combined(own.flags[uid], how, flags)

    # -- who opens and closes it

    def open(self, step: Step, talk: Talk) -> None:
        """SELECT, or a POP3 client that has logged in.  A device that comes again takes its old place."""
        taken = {other.column for other in self.talks.values()}
        clients = self.arena.clients
        places = [at for at, client in enumerate(clients) if client == talk.client and at not in taken]
        if not places and len(clients) >= MOST_CLIENTS:
            return
        if not places:
            clients.append(talk.client)
        talk.column = places[0] if places else len(clients) - 1
        talk.numbers, talk.coming, talk.marked = [], list(self.mail), set()
        talk.flags, talk.responses = dict(self.mail), Responses()
        number, line = talk.heard
        self.begin(step, talk.column, spelt(line)).number = number

    def close(self, step: Step, talk: Talk) -> None:
        """Its numbers are forgotten."""
        moment = self.of(talk, step)
        talk.column = -1
        self.stand(moment, step)

    # -- IMAP

    def imap(self, step: Step, talk: Talk) -> None:
        is_open = talk.column >= 0
        match step.act:
            case Watch(box) if is_open:
                if box != self.box:
                    self.close(step, talk)
            case Watch(box) if box == self.box:
                self.open(step, talk)
            case Hear(data):
                talk.heard = step.number, data
                talk.meant = meant(talk.numbers, data) if is_open else None
                if is_open:
                    self.begin(step, talk.column, spelt(data))
            case Say(data) if is_open:
                moment = self.of(talk, step)
                for response in talk.responses.feed(data):
                    self.hear(talk, response)
                    moment.told.append(spelt(response))
                self.stand(moment, step)
            case Enter(state) if is_open and state in CLOSED:
                self.close(step, talk)
            case Rule(name) if is_open and name in NOTED:
                self.of(talk, step).notes.append(printable(sentence(step.act)))
            case Close() if is_open:
                self.stand(self.of(talk, step), step)

    def hear(self, talk: Talk, response: bytes) -> None:
        """What one response makes the client believe."""
        if found := EXISTS.match(response):
            self.exists(talk, int(found[1]))
        elif found := EXPUNGE.match(response):
            if 0 < int(found[1]) <= len(talk.numbers):
                talk.flags.pop(talk.numbers.pop(int(found[1]) - 1), None)
        elif found := VANISHED.match(response):
            gone = set(each(found[1]))
            talk.numbers = [uid for uid in talk.numbers if uid not in gone]
        elif found := UIDNEXT.match(response):
            self.lost = self.lost or int(found[1]) != self.uidnext
        elif found := FETCHED.match(QUOTED.sub(b'""', response)):
            flags = frozenset(found[2].decode("utf-8", "replace").split()) - {"\\Recent"}
            talk.flags.update(dict.fromkeys(talk.numbers[int(found[1]) - 1 : int(found[1])], flags))

    def exists(self, talk: Talk, count: int) -> None:
        """There are so many: what came meanwhile has numbers now.  What came and went untold never gets one."""
        if len(talk.numbers) + len(talk.coming) > count:
            talk.coming = [uid for uid in talk.coming if uid in self.mail]
        while talk.coming and len(talk.numbers) < count:
            uid = talk.coming.pop(0)
            talk.numbers.append(uid)
            talk.flags[uid] = self.mail.get(uid, frozenset())

    # -- POP3

    def pop3(self, step: Step, talk: Talk) -> None:
        is_open = talk.column >= 0
        match step.act:
            case Rule("pop3.lock", "taken", because) if because.get("maildrop") == self.box:
                self.open(step, talk)
                talk.numbers, talk.coming = talk.coming, []
            case Hear(data):
                talk.heard = step.number, data
                if is_open:
                    self.begin(step, talk.column, spelt(data))
            case Say(data) if is_open:
                moment = self.of(talk, step)
                if not moment.told:
                    moment.told.append(spelt(data.partition(b"\r\n")[0]))
                self.stand(moment, step)
            case Close("ok") if is_open:
                self.mark(talk)
                self.stand(self.of(talk, step), step)
            case Rule(name) if is_open and name in NOTED:
                self.of(talk, step).notes.append(printable(sentence(step.act)))
            case Enter(state) if is_open and state in CLOSED:
                self.close(step, talk)

    def mark(self, talk: Talk) -> None:
        """DELE and RSET, when they were obeyed."""
        words = talk.heard[1].upper().split()
        if words[:1] == [b"DELE"] and words[1:] and words[1].isdigit() and 0 < int(words[1]) <= len(talk.numbers):
            talk.marked.add(talk.numbers[int(words[1]) - 1])
        elif words[:1] == [b"RSET"]:
            talk.marked.clear()


def arena(trace: Trace, box: str) -> Arena:
    """Who had this mailbox open, moment by moment; LabError where the trace cannot tell."""
    reader = Reader(trace, box)
    found = reader.read()
    if not found.clients:
        raise LabError(f"Nobody in this trace opened the mailbox {printable(box)}: let a client SELECT it, or log in.")
    if reader.lost:
        raise LabError("This trace does not hold how the mailbox was filled: take that of the whole lab, uncapped.")
    return found


def contested(trace: Trace) -> list[str]:
    """The mailboxes that two sessions had open at the same time."""
    opened: dict[str, str] = {}  # conversation -> the mailbox it has open
    found: dict[str, None] = {}
    for step in trace:
        act: Act = step.act
        match act:
            case Watch(box):
                opened[step.conversation] = box
            case Rule("pop3.lock", "taken", because):
                opened[step.conversation] = box = because.get("maildrop", "")
            case Enter(state) if state in CLOSED:
                opened.pop(step.conversation, None)
                continue
            case _:
                continue
        if box and sum(other == box for other in opened.values()) > 1:
            found[box] = None
    return list(found)


def arenas(trace: Trace, box: str = "") -> list[dict[str, Any]]:
    """For the player: the mailbox that is asked for, or those that several sessions had open at once, as plain data."""
    if box:
        return [as_data(arena(trace, box))]
    readers = [Reader(trace, name) for name in contested(trace)]
    return [as_data(found) for reader in readers if (found := reader.read()).clients and not reader.lost]


def protocol_of(conversation: str) -> str:
    """``"imap.beta.example:143/1"`` -> "IMAP"; "" for one that reads no mailbox."""
    return PROTOCOLS.get(conversation.rpartition(":")[2].partition("/")[0], "")


def combined(old: Flags, how: str, new: Flags) -> Flags:
    """What STORE makes of flags (RFC 9051 §6.4.6)."""
    return {"+": old | new, "-": old - new}.get(how, new)


def meant(numbers: Sequence[int], line: bytes) -> frozenset[int] | None:
    """The UIDs that a client means by the numbers in its STORE; None, where it says no numbers."""
    found = BY_NUMBER.match(line)
    return frozenset(numbers[n - 1] for n in each(found[1]) if 0 < n <= len(numbers)) if found else None


def each(numbers: bytes, most: int = 10_000) -> Iterator[int]:
    """``b"1:3,7"`` -> 1, 2, 3, 7"""
    for part in numbers.split(b","):
        low, _, high = part.partition(b":")
        ends = sorted((int(low or 0), int(high or low or 0)))
        yield from range(ends[0], min(ends[1], ends[0] + most) + 1)


def spelt(line: bytes) -> str:
    return printable(line[: 2 * MOST].rstrip(b"\r\n").decode("utf-8", "backslashreplace"))[:MOST]


# -- for the player ----------------------------------------------------------------------------------------------------


def as_data(found: Arena) -> dict[str, Any]:
    """As it travels: of very many letters the newest only."""
    shown = found.shown
    return {
        "box": printable(found.box),
        "clients": [{"name": printable(client.name), "protocol": client.protocol} for client in found.clients],
        "letters": [[uid, found.subjects[uid]] for uid in shown],
        "older": len(found.subjects) - len(shown),
        "more": found.more,
        "moments": [moment_data(moment, set(shown)) for moment in found.moments],
    }


def moment_data(moment: Moment, shown: set[int]) -> dict[str, Any]:
    more = len(moment.told) - MOST_LINES
    told = moment.told[: MOST_LINES - 1] + ([f"… {more + 1} more", moment.told[-1]] if more > 0 else [])
    return {
        "n": moment.number,
        "end": moment.end,
        "who": moment.who,
        "said": moment.said,
        "told": told if more > 0 else moment.told,
        "notes": moment.notes,
        "wrong": moment.wrong,
        "mail": [[uid, written(flags)] for uid, flags in moment.mail.items() if uid in shown],
        "seats": [seat and seat_data(seat, shown) for seat in moment.seats],
    }


def seat_data(seat: Seat, shown: set[int]) -> dict[str, Any]:
    return {
        "count": len(seat.numbers),
        "numbers": [[uid, n] for n, uid in enumerate(seat.numbers, 1) if uid in shown],
        "flags": [[uid, written(flags)] for uid, flags in seat.flags.items() if uid in shown and flags],
        "pending": [list(one) for one in seat.pending[:MOST_LETTERS]],
        "marked": sorted(seat.marked),
    }


def written(flags: Flags) -> str:
    return printable(" ".join(sorted(flags)))


# -- as text -----------------------------------------------------------------------------------------------------------

WAITS = {"removed": "removed", "added": "new", "flagged": "other flags"}
CELLS = 16  # letters that have room in a line


def text(found: Arena) -> str:
    """All moments, each with how everything stood after it."""
    parts = [f"{printable(found.box)}: " + ", ".join(f"{c.name} ({c.protocol})" for c in map(plain, found.clients))]
    parts += ["\n".join([*told(found, moment), *state(found, moment)]) for moment in found.moments]
    if found.more:
        parts.append(f"… and {found.more} more moments")
    return "\n\n".join(parts)


def plain(client: Client) -> Client:
    return Client(printable(client.name), client.protocol)


def told(found: Arena, moment: Moment) -> Iterator[str]:
    """What was said and what was answered."""
    if moment.who < 0:
        yield moment.said
        return
    name = printable(found.clients[moment.who].name)
    yield f"{name}: {moment.said}" if moment.said else f"{name} is told:"
    yield from (f"    {line}" for line in moment_data(moment, set())["told"])
    yield from (f"    ({note})" for note in moment.notes)
    if moment.wrong:
        yield f"    !! Its numbers meant another letter: UID {', '.join(map(str, moment.wrong))} was hit."


def state(found: Arena, moment: Moment) -> Iterator[str]:
    """The mailbox, and below it each client's numbers in the same columns."""
    uids = [uid for uid in found.subjects if uid in moment.mail or any(s and uid in s.numbers for s in moment.seats)]
    kept = uids[-CELLS:]
    names = ["mailbox", *(printable(client.name)[:20] for client in found.clients)]
    wide = max(map(len, names)) + 2
    cells = "".join(f"{uid if uid in moment.mail else '-':>5}" for uid in kept)
    yield f"    {'mailbox':{wide}}UID{cells}" + (f"   (and {len(uids) - CELLS} older)" if len(uids) > CELLS else "")
    for name, seat in zip(names[1:], moment.seats, strict=True):
        if seat is None:
            yield f"    {name:{wide}}not open"
            continue
        number = {uid: f"{n}{'*' if uid in seat.marked else ''}" for n, uid in enumerate(seat.numbers, 1)}
        cells = "".join(f"{number.get(uid, '.'):>5}" for uid in kept)
        yield f"    {name:{wide}}no.{cells}{untold(seat)}"


def untold(seat: Seat) -> str:
    """``   not told: UID 2 removed, UID 5 new``"""
    words = [f"UID {uid} {WAITS[kind]}" for kind, uid in seat.pending[:4]]
    words += [f"and {len(seat.pending) - 4} more"] if len(seat.pending) > 4 else []
    return "   not told: " + ", ".join(words) if words else ""
