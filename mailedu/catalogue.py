"""The catalogue of replies: what a server's answer means, in plain words, and what to do about it.

    from mailedu import replies
    replies["550 5.7.1"]                       the reply, its enhanced code, and what big providers mean by it
    replies["550-5.7.26 This mail has been…"]  a whole line out of a log or a bounce will do
    replies.search("spf")                      every entry that speaks of it

(The module has another name than the object, so that importing it does not hide `mailedu.replies`.)  The data stand in
replies.toml: the codes of RFC 5321 and its extensions, the registry of enhanced codes (RFC 5248), and
what was found on the pages of providers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from .acts import LabError

CODE = re.compile(r"(?<![\d.])([2-5]\d\d)(?![\d.])")
ENHANCED = re.compile(r"(?<![\d.])#?([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
MARK = re.compile(r"\b(?:[A-Z]{2,3}\d{2,3}|[A-Z]{2}-\d{3})\b")  # a provider's own: TSS04, SC-001
KINDS = {"2": "yes", "3": "go on", "4": "not now", "5": "no"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue."""

    key: str  # "550", "X.7.1", "X.7", "5", or a provider's "550 5.7.26"
    who: str  # "" for the standards, "Gmail"
    name: str  # in a few words
    says: str
    do: str = ""  # what to do about it
    source: str = ""  # "RFC 5321 §4.2.3"

    def __str__(self) -> str:
        head = f"{self.key} ({self.who})" if self.who else self.key
        advice = f" {self.do}" if self.do else ""
        source = f" [{self.source}]" if self.source else ""
        return f"{head}: {self.name}. {self.says}{advice}{source}"

    def speaks_of(self, word: str) -> bool:
        """Whether a word, in small letters, stands anywhere in it."""
        return word in f"{self.key} {self.who} {self.name} {self.says} {self.do}".lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is known of one reply: the entries that fit it, the standards' first, then what providers mean by it."""

    code: str  # "550", or "" where only the enhanced code is known
    enhanced: str  # "5.7.1", or ""
    entries: tuple[Entry, ...]

    @property
    def kind(self) -> str:
        """ "yes", "go on", "not now" (the queue tries again) or "no" (it bounces): the first digit alone."""
        return KINDS[(self.code or self.enhanced)[0]]

    @property
    def name(self) -> str:
        """In a few words: the enhanced code's, if it is a registered one, since it says more."""
        closest = [entry for entry in self.entries if not entry.who]
        return closest[-1].name if closest else self.kind

    @property
    def agrees(self) -> bool:
        """Whether code and enhanced code have the same first digit, as they must (RFC 2034 §4)."""
        return not (self.code and self.enhanced) or self.code[0] == self.enhanced[0]

    def __str__(self) -> str:
        head = " ".join(filter(None, [self.code, self.enhanced]))
        clash = "" if self.agrees else "\n  (code and enhanced code contradict each other: the code counts)"
        return f"{head}: {self.kind}{clash}" + "".join(f"\n  {entry}" for entry in self.entries)

    __repr__ = __str__


class Found(tuple[Entry, ...]):
    """Entries that were searched for, one a line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "nothing found"


class Catalogue:
    """All entries.  It is read when it is first used."""

    @cached_property
    def data(self) -> dict[str, Any]:
        return tomllib.loads(resources.files(__package__).joinpath("replies.toml").read_text("utf-8"))

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The standards' entries by key: "5", "550", "X.7", "X.7.1"."""
        tables = {"first": "", "code": "", "subject": "X.", "status": ""}
        return {
            prefix + key: Entry(prefix + key, "", one["name"], one["says"], one.get("do", ""), source(one))
            for table, prefix in tables.items()
            for key, one in self.data[table].items()
        }

    @cached_property
    def said(self) -> tuple[Entry, ...]:
        """What providers say."""
        return tuple(
            Entry(one["reply"], one["who"], one["name"], one["says"], one.get("do", "")) for one in self.data["said"]
        )

    def __iter__(self) -> Iterator[Entry]:
        yield from self.entries.values()
        yield from self.said

    def __len__(self) -> int:
        return len(self.entries) + len(self.said)

    def __contains__(self, text: object) -> bool:
        """Whether every code in it is a known one."""
        if not isinstance(text, str):
            return False
        code, enhanced, status = split(text)
        known = (not code or code in self.entries) and (not status or status in self.entries)
        return bool(code or enhanced) and known

    def __getitem__(self, text: str) -> Reply:
        """What a reply means: a code, an enhanced code, both, or a whole line that begins with them."""
        code, enhanced, status = split(text)
        if not code and not enhanced:
            raise LabError(f'{text!r} has no code of a reply: write it like replies["550 5.7.1"], or search for words.')
        keys = [code or enhanced[0], status or ""]
        if code not in self.entries:
            keys.insert(0, (code or enhanced)[0])
        if status and status not in self.entries:
            keys.append(status.rpartition(".")[0])
        theirs = [entry for entry in self.said if fits(entry, text, code, enhanced)]
        if enhanced and not theirs:  # some pair the enhanced code with another code than the one we know of
            theirs = [entry for entry in self.said if fits(entry, text, "", enhanced)]
        ours = [self.entries[key] for key in dict.fromkeys(keys) if key in self.entries]
        return Reply(code, enhanced, (*ours, *theirs))

    def search(self, words: str) -> Found:
        """The entries that speak of all these words, whatever their case."""
        wanted = words.lower().split()
        if not wanted:
            raise LabError('Search for at least one word: replies.search("spf").')
        return Found(entry for entry in self if all(map(entry.speaks_of, wanted)))

    def __repr__(self) -> str:
        return f'<{len(self)} entries: try replies["550 5.7.1"] or replies.search("spf")>'


def split(text: str) -> tuple[str, str, str]:
    """``"550-5.7.1 no"`` -> ("550", "5.7.1", "X.7.1"); "" for what is not there."""
    enhanced = ENHANCED.search(text)
    code = CODE.match(text.lstrip(" <#("))
    if not enhanced:
        return (code[1] if code else ""), "", ""
    digit, subject, detail = enhanced.groups()
    return (code[1] if code else ""), f"{digit}.{subject}.{detail}", f"X.{subject}.{detail}"


def fits(entry: Entry, text: str, code: str, enhanced: str) -> bool:
    """Whether a provider's entry is about this reply.  Its own marks ("SC-001") tell more than its codes."""
    marks = MARK.findall(entry.key)
    if marks:
        return all(mark in text for mark in marks)
    their_code, their_enhanced, _ = split(entry.key)
    return their_enhanced == enhanced and (not code or their_code == code)


def source(one: dict[str, str]) -> str:
    rfc = one.get("rfc", "")
    return f"RFC {rfc}" if rfc else ""


replies = Catalogue()
