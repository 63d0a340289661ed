"""One person's mailboxes by name (RFC 9051 §5.1, §6.3.4–§6.3.9), as the world's boxes hold them.

INBOX is the box named after the address, any other one stands under it: "bob@beta.example/Work/2026".  A mailbox may
stand under a name that is none: that name is told of where somebody asks level by level, and cannot be opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import NamedTuple
from unicodedata import is_normalized

from ..acts import Refused
from ..mailbox import MOST, Mailbox
from .grammar import DELIMITER, canonical

LONGEST = 500  # characters of a name
SPECIAL = {  # RFC 6154 §2: what a mailbox is for, told by its name here
    "Archive": "\\Archive",
    "Drafts": "\\Drafts",
    "Junk": "\\Junk",
    "Sent": "\\Sent",
    "Trash": "\\Trash",
}


class Listing(NamedTuple):
    """What LIST asks for (§6.3.9; RFC 5258)."""

    basic: bool  # as in RFC 3501, without options
    selected: tuple[str, ...]
    reference: str
    patterns: tuple[str, ...]
    returned: tuple[str, ...]
    status: tuple[str, ...]


class Listed(NamedTuple):
    """One name that LIST tells of."""

    name: str
    attributes: tuple[str, ...]
    children: tuple[str, ...]  # CHILDINFO: what was selected by, when names under this one meet it
    meets: bool  # whether this name meets it itself


class Folders:
    """What one person has."""

    def __init__(self, address: str, boxes: MutableMapping[str, Mailbox]) -> None:
        self.address, self.boxes = address, boxes

    def place(self, name: str) -> str:
        """Where the world keeps it: "Work" -> "bob@beta.example/Work"."""
        return self.address if name == "INBOX" else self.address + DELIMITER + name

    def find(self, name: str, problem: str = "NONEXISTENT") -> Mailbox:
        """The box, or NO with this response code."""
        box = self.boxes.get(self.place(name))
        if box is None:
            raise Refused("imap.no-such-mailbox", f"NO [{problem}] no such mailbox", mailbox=name)
        return box

    def exists(self, name: str) -> bool:
        return self.place(name) in self.boxes

    def names(self) -> list[str]:
        """INBOX, and the others in their order."""
        prefix = self.address + DELIMITER
        return ["INBOX", *sorted(place.removeprefix(prefix) for place in self.boxes if place.startswith(prefix))]

    @property
    def inbox(self) -> Mailbox:
        return self.boxes[self.address]

    @property
    def subscribed(self) -> dict[str, None]:
        """Names, which need not be there (§6.3.7)."""
        return self.inbox.subscribed

    # -- LIST (§6.3.9)

    def told(self, asked: Listing) -> Iterator[Listed]:
        """The names that match a pattern and are selected; with RECURSIVEMATCH also those above selected ones."""
        patterns = [canonical(asked.reference + pattern) for pattern in asked.patterns if pattern]
        names = self.names()
        chosen = self.chosen(asked.selected, names)
        parents = with_children(names)
        recursive = with_children(chosen) if "RECURSIVEMATCH" in asked.selected else set()
        candidates = set(chosen) | recursive | ({*parents} - {*names} if not asked.selected else set())
        for name in sorted(candidates, key=lambda name: (name != "INBOX", name)):
            matching = [pattern for pattern in patterns if matches(pattern, name)]
            if not matching or (
                name not in chosen and not self.told_above(name, matching, chosen, patterns, recursive)
            ):
                continue
            children = tuple(one for one in BASE if one in asked.selected) if name in recursive else ()
            yield Listed(name, self.attributes(name, asked, name in parents), children, name in chosen)

    def listed(self, name: str) -> Listed:
        """What SELECT tells of the mailbox it opens (§6.3.2)."""
        plain = Listing(False, (), "", (), (), ())
        return Listed(name, self.attributes(name, plain, name in with_children(self.names())), (), True)

    def chosen(self, selected: Iterable[str], names: list[str]) -> set[str]:
        """The names that meet what was selected by."""
        chosen = set(self.subscribed) if "SUBSCRIBED" in selected else set(names)
        if "SPECIAL-USE" in selected:
            chosen = {name for name in chosen if name in SPECIAL}
        return chosen

    def told_above(
        self, name: str, matching: list[str], chosen: set[str], patterns: list[str], recursive: set[str]
    ) -> bool:
        """Whether a name that is not chosen itself is told of, for what stands under it (§6.3.9, §6.3.9.6).

        By RECURSIVEMATCH, unless all those are told of anyway; else where somebody asks level by level.
        """
        if name in recursive:
            under = (other for other in chosen if other.startswith(name + DELIMITER))
            return not all(any(matches(pattern, other) for pattern in patterns) for other in under)
        return any(pattern.endswith("%") for pattern in matching)

    def attributes(self, name: str, asked: Listing, parent: bool) -> tuple[str, ...]:
        """What LIST tells of a name (§7.3.1): whether it is there, subscribed, a parent, and its special use."""
        found = []
        if not self.exists(name):
            found.append("\\Noselect" if asked.basic else "\\NonExistent")
        if ("SUBSCRIBED" in asked.selected or "SUBSCRIBED" in asked.returned) and name in self.subscribed:
            found.append("\\Subscribed")
        if self.exists(name) or parent:
            found.append("\\HasChildren" if parent else "\\HasNoChildren")
        if self.exists(name) and name in SPECIAL:
            found.append(SPECIAL[name])
        return tuple(found)

    def lsub(self, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """RFC 3501 §6.3.9: % finds also the levels above a subscribed name."""
        names = set(self.subscribed)
        above = with_children(names) - names if pattern.endswith("%") else set()
        for name in sorted(names | above):
            if matches(pattern, name):
                yield name, ("\\Noselect",) if name in above else ()

    # -- changing

    def create(self, name: str) -> Mailbox:
        """A new, empty mailbox, and those above it that are not there yet (§6.3.4)."""
        check(name)
        if self.exists(name):
            raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] there is one of that name", mailbox=name)
        for above in levels(name):
            if not self.exists(above):
                self.boxes[self.place(above)] = Mailbox(self.next_uidvalidity())
        box = self.boxes[self.place(name)] = Mailbox(self.next_uidvalidity())
        return box

    def next_uidvalidity(self) -> int:
        """Greater than any a mailbox of this person ever had: no old UID is taken for a new one (§2.3.1.1)."""
        prefix = self.address + DELIMITER
        used = [box.uidvalidity for place, box in self.boxes.items() if place.startswith(prefix)]
        self.inbox.last_uidvalidity = min(max([self.inbox.last_uidvalidity, *used]) + 1, MOST)
        return self.inbox.last_uidvalidity

    def delete(self, name: str) -> None:
        """§6.3.5: gone with all its messages; the mailboxes under it stay."""
        if name == "INBOX":
            raise Refused("imap.inbox-stays", "NO [CANNOT] INBOX cannot be deleted")
        box = self.find(name)
        self.inbox.last_uidvalidity = max(self.inbox.last_uidvalidity, box.uidvalidity)
        del self.boxes[self.place(name)]

    def rename(self, old: str, new: str) -> list[tuple[str, str]]:
        """§6.3.6: with all that stands under it; (old, new) of each.  Not for INBOX, which stays."""
        if not self.exists(old) and old not in with_children(self.names()):
            self.find(old)  # refuses
        check(new)
        if new.startswith(old + DELIMITER):
            raise Refused("imap.mailbox-name", "NO [CANNOT] a mailbox cannot move into itself", mailbox=new)
        moves = [(name, new + name.removeprefix(old)) for name in self.family(old)]
        for _, target in moves:
            check(target)
            if self.exists(target):
                raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] there is one of that name", mailbox=target)
        for above in levels(new):
            if not self.exists(above):
                self.create(above)
        for source, target in moves:
            self.boxes[self.place(target)] = self.boxes.pop(self.place(source))
        return moves

    def family(self, name: str) -> list[str]:
        """The mailbox of that name and all under it."""
        return [other for other in self.names() if other == name or other.startswith(name + DELIMITER)]


BASE = ("SUBSCRIBED", "SPECIAL-USE")  # the selection options that something meets or does not


def levels(name: str) -> Iterator[str]:
    """ "a/b/c" -> "a", "a/b": what stands above it."""
    parts = name.split(DELIMITER)
    return (DELIMITER.join(parts[:count]) for count in range(1, len(parts)))


def with_children(names: Iterable[str]) -> set[str]:
    """All names that have some of these under them."""
    return {above for name in names for above in levels(name)}


def check(name: str) -> None:
    """Whether a mailbox may be called so (§5.1): printable, in Unicode's composed form, and LIST can ask for it."""
    if name == "INBOX":
        raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] everybody has an INBOX", mailbox=name)
    good = name.isprintable() and is_normalized("NFC", name) and "*" not in name and "%" not in name
    if not good or len(name) > LONGEST or not all(name.split(DELIMITER)):
        raise Refused("imap.mailbox-name", "NO [CANNOT] a mailbox cannot be called that", mailbox=name)


def matches(pattern: str, name: str) -> bool:
    """LIST's pattern: * is anything, % anything but the delimiter (§6.3.9); INBOX in any case is INBOX.

    All places in the name that the pattern may have come to, at once, as the bits of a number: no pattern takes long.
    """
    if name == "INBOX":
        pattern = pattern.upper()
    everywhere = (2 << len(name)) - 1
    found: dict[str, int] = {}  # letter -> where it stands
    for at, letter in enumerate(name):
        found[letter] = found.get(letter, 0) | 1 << at
    within_level = everywhere >> 1 & ~found.get(DELIMITER, 0)
    places = 1
    for letter in pattern[: 2 * LONGEST]:
        if letter == "*":  # from the first place on, all
            places = everywhere & -(places & -places)
        elif letter == "%":  # a carry runs from each place to the end of its level
            places |= ((places & within_level) + within_level) ^ within_level
            places &= everywhere
        else:
            places = (places & found.get(letter, 0)) << 1
        if not places:
            return False
    return places >> len(name) == 1
