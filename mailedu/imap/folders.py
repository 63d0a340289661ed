"""One person's mailboxes by name (RFC 9051 §5.1, §6.3.3–§6.3.9), as the world's boxes hold them.

INBOX is the box named after the address, any other one stands under it: "bob@beta.example/Work/2026".
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from ..acts import Refused
from ..mailbox import MOST, Mailbox

DELIMITER = "/"
LONGEST = 500  # characters of a name
SPECIAL = {  # RFC 6154 §2: what a mailbox is for, told by its name here
    "Archive": "\\Archive",
    "Drafts": "\\Drafts",
    "Junk": "\\Junk",
    "Sent": "\\Sent",
    "Trash": "\\Trash",
}


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

    def names(self) -> list[str]:
        """INBOX, and the others in their order."""
        prefix = self.address + DELIMITER
        return ["INBOX", *sorted(place.removeprefix(prefix) for place in self.boxes if place.startswith(prefix))]

    def has_children(self, name: str) -> bool:
        return any(other.startswith(name + DELIMITER) for other in self.names())

    def parents(self) -> set[str]:
        """Names that are no mailbox, but have some under them."""
        names = self.names()
        return {above for name in names for above in levels(name)} - set(names)

    @property
    def inbox(self) -> Mailbox:
        return self.boxes[self.address]

    # -- subscriptions (§6.3.7, §6.3.8)

    @property
    def subscribed(self) -> dict[str, None]:
        return self.inbox.subscribed

    # -- changing

    def create(self, name: str) -> Mailbox:
        """A new, empty mailbox, and those above it that are not there yet (§6.3.4)."""
        check(name)
        if self.place(name) in self.boxes:
            raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] there is one of that name", mailbox=name)
        for above in levels(name):
            if self.place(above) not in self.boxes:
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
        self.find(old)
        check(new)
        if new.startswith(old + DELIMITER):
            raise Refused("imap.mailbox-name", "NO [CANNOT] a mailbox cannot move into itself", mailbox=new)
        under = [name for name in self.names() if name.startswith(old + DELIMITER)]
        moves = [(name, new + name.removeprefix(old)) for name in (old, *under)]
        for _, target in moves:
            if self.place(target) in self.boxes:
                raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] there is one of that name", mailbox=target)
        for above in levels(new):
            if self.place(above) not in self.boxes:
                self.create(above)
        for source, target in moves:
            self.boxes[self.place(target)] = self.boxes.pop(self.place(source))
        return moves


def levels(name: str) -> Iterator[str]:
    """ "a/b/c" -> "a", "a/b": what stands above it."""
    parts = name.split(DELIMITER)
    return (DELIMITER.join(parts[:count]) for count in range(1, len(parts)))


def check(name: str) -> None:
    """Whether a mailbox may be called so (§5.1)."""
    if name == "INBOX":
        raise Refused("imap.mailbox-exists", "NO [ALREADYEXISTS] everybody has an INBOX", mailbox=name)
    empty_level = not all(name.split(DELIMITER))
    if empty_level or len(name) > LONGEST or not name.isprintable() or "*" in name or "%" in name:
        raise Refused("imap.mailbox-name", "NO [CANNOT] a mailbox cannot be called that", mailbox=name)


def attributes(name: str) -> tuple[str, ...]:
    """Special use."""
    return (SPECIAL[name],) if name in SPECIAL else ()


def matches(pattern: str, name: str) -> bool:
    """LIST's pattern: * is anything, % anything but the delimiter (§6.3.9); INBOX in any case is INBOX.

    All places in the name that the pattern may have come to, at once: so no pattern takes long.
    """
    if name == "INBOX":
        pattern = pattern.upper()
    places = {0}
    for letter in pattern[: LONGEST + 1]:
        if letter == "*":
            places = set(range(min(places), len(name) + 1))
        elif letter == "%":
            places = {end for start in places for end in range(start, level_end(name, start) + 1)}
        else:
            places = {place + 1 for place in places if name[place : place + 1] == letter}
        if not places:
            return False
    return len(name) in places


def level_end(name: str, start: int) -> int:
    end = name.find(DELIMITER, start)
    return len(name) if end < 0 else end
