"""One session's picture of a mailbox: the numbers it was told, and what happened since (RFC 9051 §2.3.1.2, §7.5.1).

A mailbox has UIDs; only a session has sequence numbers.  They move when the session *hears* EXPUNGE and at no other
moment, so a session may lag behind the journal: that lag is the lesson.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator

from ..acts import Refused
from ..mailbox import Change, Mailbox
from .grammar import LARGEST_64, Ranges, write_flags, write_set

SYSTEM_FLAGS = ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")


class View:
    """What one session knows of one box.  `leave` it when the session closes the box.

    `recent`: the session speaks IMAP4rev1, where a message is \\Recent for the first session that is told of it; with
    EXAMINE it stays so for the next one too (`read_only`).
    """

    def __init__(self, name: str, box: Mailbox, read_only: bool = False, recent: bool = True) -> None:
        self.name, self.box, self.read_only, self.knows_recent = name, box, read_only, recent
        self.uids = list(box.messages)  # number n is uids[n - 1]: always ascending
        self.place = len(box.journal)  # the journal is read as far as here
        self.told = len(self.uids)  # how many messages the client believes there are
        self.keywords = len(box.keywords)  # how many of them it was told
        self.waiting: dict[int, int] = {}  # removed, and not yet told: UID -> MODSEQ of that
        self.flagged: dict[int, bool] = {}  # to be told: UID -> the flags, or (False) their MODSEQ alone
        self.recent: set[int] = set()
        self.saved: frozenset[int] = frozenset()  # UIDs that SEARCH RETURN (SAVE) kept for $ (§6.4.4.1)
        box.join()
        self.claim_recent(self.uids)

    def leave(self) -> None:
        """Close it: what was removed need not be kept for us any more."""
        unread = self.box.journal[self.place :]
        for uid in [*self.waiting, *(change.uid for change in unread if change.kind == "removed")]:
            self.box.let_go(uid)
        self.waiting.clear()
        self.place = len(self.box.journal)
        self.box.leave()

    def claim_recent(self, uids: list[int]) -> None:
        """Those that no session was told of before (RFC 3501 §2.3.2)."""
        self.recent.update(uids[bisect_left(uids, self.box.recent_from) :])
        if not self.read_only:
            self.box.recent_from = self.box.uidnext

    # -- numbers and UIDs

    def number(self, uid: int) -> int:
        return bisect_left(self.uids, uid) + 1

    def has(self, uid: int) -> bool:
        """Whether it has a number here, be it removed or not."""
        at = bisect_left(self.uids, uid)
        return at < len(self.uids) and self.uids[at] == uid

    def pick(self, ranges: Ranges | None, uid: bool = False) -> list[tuple[int, int]]:
        """A sequence set -> [(number, uid)], ascending, each once."""
        if ranges is None:
            return [(self.number(one), one) for one in sorted(self.saved) if self.has(one)]
        among = self._among_uids if uid else self._among_numbers
        merged = merge(among(low, high) for low, high in ranges)
        return [(at + 1, self.uids[at]) for start, stop in merged for at in range(start, stop)]

    def _among_uids(self, low: int | None, high: int | None) -> tuple[int, int]:
        """UIDs that nobody has are no mistake (§6.4.9); * is the last one there is."""
        first, last = in_order(low, high, self.last_uid)
        return bisect_left(self.uids, first), bisect_right(self.uids, last)

    def _among_numbers(self, low: int | None, high: int | None) -> tuple[int, int]:
        """Numbers that nobody has are one (§9, seq-number)."""
        first, last = in_order(low, high, len(self.uids))
        if first < 1 or last > len(self.uids):
            text = f"BAD there are {len(self.uids)} messages"
            raise Refused("imap.no-such-number", text, number=str(last))
        return first - 1, last

    @property
    def last_uid(self) -> int:
        """What * means among UIDs; in an empty mailbox nobody has it."""
        return self.uids[-1] if self.uids else self.box.uidnext

    # -- the journal

    def catch_up(self, known: Collection[Change] = (), silent: bool = False) -> None:
        """Read on in the journal; `known` changes are our own, and the client knows of them.

        With `silent` it is told their MODSEQ nevertheless (RFC 7162 §3.1.3).
        """
        added = len(self.uids)
        for change in self.box.journal[self.place :]:
            if change.kind == "added":
                self.uids.append(change.uid)
            elif change.kind == "removed":
                self.waiting[change.uid] = change.modseq
            elif change not in known:
                self.flagged[change.uid] = True
            elif silent:
                self.flagged.setdefault(change.uid, False)
        self.place = len(self.box.journal)
        if len(self.uids) > added:
            self.claim_recent(self.uids)

    @property
    def modseq(self) -> int:
        """HIGHESTMODSEQ as far as the client may trust it: nothing before it is untold (RFC 7162 §3.2)."""
        return min(self.waiting.values()) - 1 if self.waiting else self.place + 1

    def pending(self) -> list[tuple[str, int]]:
        """(kind, UID) of all that happened and that the client was not told yet; looking at it changes nothing."""
        untold = [("removed", uid) for uid in self.waiting] + [("flagged", uid) for uid in self.flagged]
        return untold + [(change.kind, change.uid) for change in self.box.journal[self.place :]]

    # -- what may be said now

    def tell(self, expunge: bool = True, modseq: bool = False, vanished: bool = False) -> list[bytes]:
        """EXPUNGE, then EXISTS, then FETCH.

        EXPUNGE may not be said while a command with the client's numbers is on its way to us (§7.5.1).  With `modseq`
        for who knows CONDSTORE, with `vanished` for who has enabled QRESYNC.
        """
        self.catch_up()
        lines = list(self._expunges(vanished)) if expunge else []
        if len(self.uids) > self.told:
            lines.append(b"* %d EXISTS\r\n" % len(self.uids))
            if self.knows_recent:
                lines.append(b"* %d RECENT\r\n" % len(self.recent))
        self.told = len(self.uids)
        flagged = [(uid, whole) for uid, whole in sorted(self.flagged.items()) if uid in self.box.messages]
        self.flagged.clear()
        lines += self.new_keywords()
        if flagged:  # last: a number must have been told before it is used
            if vanished and self.waiting:  # a cache may not believe that it has seen everything up to these
                lines.append(b"* OK [HIGHESTMODSEQ %d] more was removed\r\n" % self.modseq)
            lines += [self.flags_line(uid, whole, modseq) for uid, whole in flagged]
        return lines

    def _expunges(self, vanished: bool) -> Iterator[bytes]:
        """Who was never told of a message is not told of its end either."""
        uids: list[int] = []
        for uid in self.waiting:
            at = bisect_left(self.uids, uid)
            del self.uids[at]
            self.box.let_go(uid)
            self.recent.discard(uid)
            if at < self.told:
                self.told -= 1
                uids.append(uid)
                if not vanished:
                    yield b"* %d EXPUNGE\r\n" % (at + 1)
        self.waiting.clear()
        if vanished and uids:
            yield b"* VANISHED %s\r\n" % write_set(sorted(uids))

    def new_keywords(self) -> list[bytes]:
        """FLAGS again, when there are keywords in the mailbox that the client has not heard of (§7.3.5)."""
        if len(self.box.keywords) == self.keywords:
            return []
        self.keywords = len(self.box.keywords)
        return [self.flags_response()]

    def flags_response(self) -> bytes:
        return b"* FLAGS %s\r\n" % write_flags((*SYSTEM_FLAGS, *self.box.keywords.values()))

    def flags_line(self, uid: int, whole: bool, modseq: bool) -> bytes:
        message = self.box.messages[uid]
        told = [b"UID %d" % uid]
        if whole:
            told.append(b"FLAGS " + write_flags(self.flags_of(message.uid, message.flags)))
        if modseq:
            told.append(b"MODSEQ (%d)" % message.modseq)
        return b"* %d FETCH (%s)\r\n" % (self.number(uid), b" ".join(told))

    def flags_of(self, uid: int, flags: frozenset[str]) -> frozenset[str]:
        return flags | {"\\Recent"} if self.knows_recent and uid in self.recent else flags

    # -- who comes back (RFC 7162 §3.2.5, §3.2.6)

    def vanished(self, ranges: Ranges | None, since: int, above: int = 0) -> bytes:
        """Those of these UIDs, above that one, that were removed since then and that this session has never had."""
        merged = merge_numbers(ranges, self.box.uidnext - 1)  # here * is also one that is gone
        gone = {
            change.uid
            for change in self.box.since(since)
            if change.kind == "removed" and change.uid > above and inside(merged, change.uid)
        }
        uids = sorted(uid for uid in gone if not self.has(uid))
        return b"* VANISHED (EARLIER) %s\r\n" % write_set(uids) if uids else b""

    def agrees_up_to(self, numbers: Ranges, uids: Ranges) -> int:
        """The last UID that still has the number a client remembers: it knows of all that went before (§3.2.5.2)."""
        last = agreed = 0
        for number, uid in zip(each(numbers), each(uids), strict=False):
            if not last < number <= len(self.uids):
                break  # they have to ascend
            last = number
            if self.uids[number - 1] == uid:
                agreed = uid
        return agreed

    def changed_since(self, modseq: int, uids: list[int], flags: Collection[str]) -> set[int]:
        """Those that somebody changed after that; where `flags` are given, only changes of these count (§3.1.12)."""
        later = {uid for uid in uids if self.box.read(uid).modseq > modseq}
        if not later or not flags:
            return later
        then = {change.uid: change.before for change in reversed(self.box.since(modseq)) if change.kind == "flagged"}
        spelt = self.box.spelt(flags)
        return {uid for uid in later if uid not in then or (then[uid] ^ self.box.read(uid).flags) & spelt}


def each(ranges: Ranges) -> Iterator[int]:
    """((1, 2), (5, 5)) -> 1, 2, 5"""
    return (n for low, high in ranges for n in range(low or 0, (high or 0) + 1))


def in_order(low: int | None, high: int | None, last: int) -> tuple[int, int]:
    """``4:2`` is ``2:4``, and * is the last one (§9, seq-range)."""
    ends = [last if end is None else end for end in (low, high)]
    return min(ends), max(ends)


def merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """[(5, 9), (1, 3), (2, 6)] -> [(1, 9)]: ascending, none in another (the second number is the first outside)."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        elif start < stop:
            merged.append((start, stop))
    return merged


def merge_numbers(ranges: Ranges | None, last: int) -> list[tuple[int, int]]:
    """A sequence set as spans of numbers, for `inside`."""
    ordered = (in_order(low, high, last) for low, high in ranges or ())
    return merge((first, final + 1) for first, final in ordered)


def inside(merged: list[tuple[int, int]], number: int) -> bool:
    at = bisect_right(merged, (number, LARGEST_64)) - 1
    return at >= 0 and number < merged[at][1]
