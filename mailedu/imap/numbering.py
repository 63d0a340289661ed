"""One session's picture of a mailbox: the numbers it was told, and what happened since (RFC 9051 §2.3.1.2, §7.5.1).

A mailbox has UIDs; only a session has sequence numbers.  They move when the session *hears* EXPUNGE and at no other
moment, so a session may lag behind the journal: that lag is the lesson.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection

from ..acts import Refused
from ..mailbox import Change, Mailbox
from .grammar import Ranges, write_flags


class View:
    """What one session knows of one box.  `leave` it when the session closes the box."""

    def __init__(self, name: str, box: Mailbox) -> None:
        self.name, self.box = name, box
        self.uids = list(box.messages)  # number n is uids[n - 1]: always ascending
        self.place = len(box.journal)  # the journal is read as far as here
        self.told = len(self.uids)  # how many messages the client believes there are
        self.waiting: list[int] = []  # removed, and not yet told
        self.flagged: dict[int, None] = {}  # flags changed, and not yet told
        self.saved: tuple[int, ...] = ()  # UIDs that SEARCH RETURN (SAVE) kept for $ (§6.4.4.1)
        box.join()

    def leave(self) -> None:
        """Close it: what was removed need not be kept for us any more."""
        self.catch_up()
        for uid in self.waiting:
            self.box.let_go(uid)
        self.waiting.clear()
        self.box.leave()

    def number(self, uid: int) -> int:
        return bisect_left(self.uids, uid) + 1

    def pick(self, ranges: Ranges | None, uid: bool = False) -> list[tuple[int, int]]:
        """A sequence set -> [(number, uid)], ascending, each once."""
        if ranges is None:
            present = [u for u in self.saved if self._has(u)]
            return [(self.number(u), u) for u in present]
        picked: set[int] = set()
        for low, high in ranges:
            picked.update(self._among_uids(low, high) if uid else self._among_numbers(low, high))
        return [(at + 1, self.uids[at]) for at in sorted(picked)]

    def _has(self, uid: int) -> bool:
        at = bisect_left(self.uids, uid)
        return at < len(self.uids) and self.uids[at] == uid

    def _among_uids(self, low: int | None, high: int | None) -> range:
        """UIDs that nobody has are no mistake (§6.4.9); * is the last one there is."""
        first, last = in_order(low, high, self.uids[-1] if self.uids else self.box.uidnext)
        return range(bisect_left(self.uids, first), bisect_right(self.uids, last))

    def _among_numbers(self, low: int | None, high: int | None) -> range:
        """Numbers that nobody has are one."""
        first, last = in_order(low, high, len(self.uids))
        if first < 1 or last > len(self.uids):
            text = f"BAD there are {len(self.uids)} messages"
            raise Refused("imap.no-such-number", text, number=str(last))
        return range(first - 1, last)

    def catch_up(self, known: Collection[Change] = ()) -> None:
        """Read on in the journal; `known` changes are our own, and the client knows them."""
        for change in self.box.journal[self.place :]:
            if change.kind == "added":
                self.uids.append(change.uid)
            elif change.kind == "removed":
                self.waiting.append(change.uid)
            elif change not in known:
                self.flagged[change.uid] = None
        self.place = len(self.box.journal)

    def tell(self, expunge: bool = True, modseq: bool = False) -> list[bytes]:
        """What may be said now: EXPUNGE, then EXISTS, then FETCH; with `modseq` for who knows CONDSTORE.

        EXPUNGE may not be said while a command with the client's numbers is on its way to us (§7.5.1).
        """
        self.catch_up()
        lines = self._expunges() if expunge else []
        if len(self.uids) > self.told:
            lines.append(b"* %d EXISTS\r\n" % len(self.uids))
        self.told = len(self.uids)
        for uid in self.flagged:  # last: a number must have been told before it is used
            if uid in self.box.messages:
                lines.append(self.flags_line(uid, modseq))
        self.flagged.clear()
        return lines

    def _expunges(self) -> list[bytes]:
        lines = []
        for uid in self.waiting:
            at = bisect_left(self.uids, uid)
            del self.uids[at]
            self.box.let_go(uid)
            if at < self.told:  # else it came and went between two tellings: it never had a number
                self.told -= 1
                lines.append(b"* %d EXPUNGE\r\n" % (at + 1))
        self.waiting.clear()
        return lines

    def flags_line(self, uid: int, modseq: bool) -> bytes:
        message = self.box.messages[uid]
        extra = b" MODSEQ (%d)" % message.modseq if modseq else b""
        return b"* %d FETCH (UID %d FLAGS %s%s)\r\n" % (self.number(uid), uid, write_flags(message.flags), extra)


def in_order(low: int | None, high: int | None, last: int) -> tuple[int, int]:
    """``4:2`` is ``2:4``, and * is the last one (§9, seq-range)."""
    ends = [last if end is None else end for end in (low, high)]
    return min(ends), max(ends)
