"""The store: messages, their flags, their UIDs and names.  Reading it is a plain call; changing it is an act.

Every change is written in its box's journal, one append-only list.  A change's place there gives its MODSEQ
(RFC 7162 §3): 1 is the empty box, 2 its first change.  The journal is all that sessions need of each other: each keeps
its own place in it (`imap/numbering.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

from .acts import Act, Flag, LabError, Remove, Store

MOST = 2**32 - 1  # the largest UID and UIDVALIDITY (RFC 9051 §2.3.1.1)


@dataclass(slots=True)
class Message:
    """One message of one box.  Nobody changes it: other flags make another `Message`."""

    uid: int
    name: str  # what POP3's UIDL calls it, the same in every session: "b1-0001"
    data: bytes = field(repr=False)  # as it came in, for ever
    flags: frozenset[str]
    date: str  # INTERNALDATE as IMAP writes it: "23-Nov-2026 09:00:00 +0000"
    modseq: int
    note: Mapping[str, str] = field(default_factory=dict, repr=False)  # what came with it: in a queue, the envelope
    # What was once worked out from its octets, which never change: the next one who asks need not do it again.
    known: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)


class Change(NamedTuple):
    """One line of a journal."""

    modseq: int
    kind: str  # "added", "flagged", "removed"
    uid: int
    before: frozenset[str] = frozenset()  # the flags it had, when it was flagged


@dataclass(slots=True)
class Kept:
    """A removed message, and how many views still have it under a number."""

    message: Message
    views: int


class Mailbox:
    """A box of messages.  Its caller chooses `uidvalidity`: the lab's clock is the only source of chance."""

    def __init__(self, uidvalidity: int = 1) -> None:
        if not 1 <= uidvalidity <= MOST:
            raise LabError(f"A UIDVALIDITY is a number from 1 to {MOST}, not {uidvalidity}.")
        self.uidvalidity, self.uidnext = uidvalidity, 1
        self.messages: dict[int, Message] = {}  # by UID, which is the order they came in
        self.journal: list[Change] = []
        self.keywords: dict[str, str] = {}  # flags without a backslash: in capitals -> as somebody first spelt it
        self.recent_from = 1  # the first UID that no session was told of (RFC 3501 §2.3.2)
        self.gone: dict[int, Kept] = {}  # removed, but somebody may still have it under a number
        self.views = 0  # how many sessions have it open
        self.holder: object | None = None  # the POP3 session that has it to itself
        self.opened_at: float | None = None  # when a POP3 session last opened it, on the lab's clock
        self.subscribed: dict[str, None] = {}  # an INBOX keeps its owner's subscriptions (IMAP)
        self.last_uidvalidity = uidvalidity  # and the last UIDVALIDITY a new mailbox of the owner's was given

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[bytes]:
        """The messages' octets, in their order."""
        return (message.data for message in self.messages.values())

    def read(self, uid: int) -> Message:
        """The message, also when it was removed and a view still has it under a number."""
        return self.messages.get(uid) or self.gone[uid].message

    @property
    def modseq(self) -> int:
        """The highest so far: HIGHESTMODSEQ."""
        return len(self.journal) + 1

    def since(self, modseq: int) -> list[Change]:
        """What changed after that moment."""
        return self.journal[max(modseq - 1, 0) :]

    # -- changes

    def perform(self, act: Act, now: float) -> list[Change]:
        """What the world does with an act on this box, at `now` in seconds since 1970; answers with the receipt."""
        match act:
            case Store(_, data, note):
                return [self._add(data, note, note.get("date") or internal_date(now))]
            case Flag(_, uids, how, flags):
                spelt = self.spelt(flags)
                return [change for uid in uids if (change := self._flag(uid, how, spelt))]
            case Remove(_, uids):
                return [self._remove(uid) for uid in uids if uid in self.messages]
        raise TypeError(f"{act} does not change a mailbox")

    def _add(self, data: bytes, note: Mapping[str, str], date: str) -> Change:
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        change = self._write("added", uid)
        name = f"b{self.uidvalidity}-{uid:04d}"
        flags = self._kept(self.spelt(note.get("flags", "").split()))
        self.messages[uid] = Message(uid, name, data, flags, date, change.modseq, note)
        return change

    def spelt(self, flags: Iterable[str]) -> frozenset[str]:
        """Keywords are the same in capitals or not (RFC 9051 §2.3.2): spelt as they first came."""
        return frozenset({flag.upper(): self.keywords.get(flag.upper(), flag) for flag in flags}.values())

    def _kept(self, flags: frozenset[str]) -> frozenset[str]:
        """These flags, now that a message has them: their keywords are keywords of the box."""
        for flag in flags:
            if not flag.startswith("\\"):
                self.keywords.setdefault(flag.upper(), flag)
        return flags

    def _flag(self, uid: int, how: str, flags: frozenset[str]) -> Change | None:
        """None when nothing changes, or somebody removed the message meanwhile."""
        message = self.messages.get(uid)
        if message is None:
            return None
        after = combined(message.flags, how, flags)
        if after == message.flags:
            return None
        change = self._write("flagged", uid, message.flags)
        kept = self._kept(after)
        self.messages[uid] = Message(
            uid, message.name, message.data, kept, message.date, change.modseq, message.note, message.known
        )
        return change

    def _remove(self, uid: int) -> Change:
        message = self.messages.pop(uid)
        if self.views:
            self.gone[uid] = Kept(message, self.views)
        return self._write("removed", uid)

    def _write(self, kind: str, uid: int, before: frozenset[str] = frozenset()) -> Change:
        change = Change(self.modseq + 1, kind, uid, before)
        self.journal.append(change)
        return change

    # -- who has it open

    def join(self) -> None:
        """A view opens it: what is removed from now on is kept until that view lets it go."""
        self.views += 1

    def leave(self) -> None:
        """A view closes it, having let go of all that was removed meanwhile."""
        self.views -= 1

    def let_go(self, uid: int) -> None:
        """One view no longer has this removed message under a number; the last one to say so empties its place."""
        kept = self.gone[uid]
        kept.views -= 1
        if not kept.views:
            del self.gone[uid]

    def lock(self, holder: object) -> bool:
        """Give it to one session alone (RFC 1939 §4); False when another one has it."""
        if self.holder is None:
            self.holder = holder
        return self.holder is holder

    def unlock(self, holder: object) -> None:
        """Free again, if it was this one who had it."""
        if self.holder is holder:
            self.holder = None

    def copy(self) -> Mailbox:
        """The same box with nobody in it; the messages themselves are shared, so it is cheap."""
        copy = Mailbox(self.uidvalidity)
        copy.uidnext, copy.messages, copy.journal = self.uidnext, dict(self.messages), list(self.journal)
        copy.opened_at, copy.subscribed = self.opened_at, dict(self.subscribed)
        copy.last_uidvalidity = self.last_uidvalidity
        copy.keywords, copy.recent_from = dict(self.keywords), self.recent_from
        return copy


def combined(old: frozenset[str], how: str, new: frozenset[str]) -> frozenset[str]:
    """STORE's FLAGS, +FLAGS and -FLAGS (RFC 9051 §6.4.6)."""
    match how:
        case "":
            return new
        case "+":
            return old | new
        case "-":
            return old - new
    raise ValueError(f"flags are set (''), added to ('+') or taken away ('-'), not {how!r}")


@lru_cache(maxsize=64)  # the lab's clock stands still while mail comes in
def internal_date(seconds: float) -> str:
    """0 -> "01-Jan-1970 00:00:00 +0000" (RFC 9051 §9, date-time, without its quotes)."""
    day, month, year, time, _ = formatdate(seconds, usegmt=True).split(" ")[1:]
    return f"{day}-{month}-{year} {time} +0000"
