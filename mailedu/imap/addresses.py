"""Addresses as ENVELOPE tells them (RFC 9051 §7.5.2): read from a header field by RFC 5322 §3.4, old forms (§4.4) too.

    addresses(b'"Doe, J" <j@a.example>, friends: k@b.example;')
    -> ((b"Doe, J", None, b"j", b"a.example"),
        (None, None, b"friends", None),          a group begins
        (None, None, b"k", b"b.example"),
        (None, None, None, None))                and ends

Encoded words stay encoded: a client decodes them.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Address: TypeAlias = "tuple[bytes | None, bytes | None, bytes | None, bytes | None]"  # name, route, local part, domain

# The two plain forms, at once: `bob@beta.example` and `Bob <bob@beta.example>`.
PLAIN = re.compile(
    rb'(?:(?:([\w-]++(?: ++[\w-]++)*+)|"([^"\\]*+)")? *+<([\w.+=-]++)@([\w.-]++)>|([\w.+=-]++)@([\w.-]++))\Z'
)
WORD = re.compile(rb'[^\s"()<>,;:@\[\]]+')
QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"?', re.DOTALL)
DOMAIN_LITERAL = re.compile(rb"\[[^\]]*\]?")
BLANK = re.compile(rb"\s+")
LONGEST = 100_000  # octets of one field that are looked at
END_OF_GROUP = (None, None, None, None)


def addresses(value: bytes) -> tuple[Address, ...] | None:
    """All addresses of a field; None when there are none."""
    plain = PLAIN.match(value)
    if plain:
        name = plain[1] or plain[2]
        return ((name or None, None, plain[3] or plain[5], plain[4] or plain[6]),)
    return tuple(Scanner(value[:LONGEST]).addresses()) or None


class Scanner:
    """Goes through a field once; whatever it finds, it comes to the end."""

    def __init__(self, value: bytes) -> None:
        self.value, self.at = value, 0
        self.found: list[Address] = []
        self.in_group = False
        self.start()

    def start(self) -> None:
        """A new address."""
        self.words: list[bytes] = []  # before an @
        self.glued = True  # whether nothing stood between these words
        self.domain: list[bytes] | None = None  # behind it
        self.comment = b""
        self.angle: tuple[bytes | None, bytes, bytes] | None = None  # route, local part, domain

    def addresses(self) -> list[Address]:
        while self.at < len(self.value):
            self.step()
        self.flush()
        if self.in_group:
            self.found.append(END_OF_GROUP)
        return self.found

    def step(self) -> None:
        letter = self.value[self.at : self.at + 1]
        if blank := BLANK.match(self.value, self.at):
            self.at = blank.end()
            self.glued = False
        elif letter == b"<":
            self.at += 1
            self.angle = self.in_angles()
        elif letter == b"(":
            self.comment = self.in_parentheses() or self.comment
        elif letter in (b",", b";", b":", b"@"):
            self.at += 1
            self.mark(letter)
        else:
            self.add(self.token())

    def mark(self, letter: bytes) -> None:
        if letter == b"@":
            if self.domain is None:
                self.domain = []
        elif letter == b":" and not self.in_group and self.domain is None:
            self.found.append((None, None, b" ".join(self.words), None))
            self.in_group = True
            self.start()
        else:
            self.flush()
            if letter == b";" and self.in_group:
                self.in_group = False
                self.found.append(END_OF_GROUP)

    def add(self, word: bytes) -> None:
        if self.domain is not None:
            self.domain.append(word)
        elif self.words and self.glued:
            self.words[-1] += word
        else:
            self.words.append(word)
        self.glued = True

    def flush(self) -> None:
        """One address has ended."""
        phrase = b" ".join(self.words)
        if self.angle:
            route, local, domain = self.angle
            self.found.append((phrase or self.comment or None, route, local, domain))
        elif self.domain is not None:
            self.found.append((self.comment or None, None, b"".join(self.words), b"".join(self.domain)))
        elif phrase:
            self.found.append((self.comment or None, None, phrase, b""))  # no @: NIL would be a group
        self.start()

    def in_angles(self) -> tuple[bytes | None, bytes, bytes]:
        """``@a,@b:c@d>`` -> (b"@a,@b", b"c", b"d"): a route is of the old form (§4.4)."""
        route: bytes | None = None
        before: list[bytes] = []
        after: list[bytes] | None = None
        while self.at < len(self.value):
            letter = self.value[self.at : self.at + 1]
            if blank := BLANK.match(self.value, self.at):
                self.at = blank.end()
            elif letter == b"(":
                self.in_parentheses()
            elif letter == b">":
                self.at += 1
                break
            elif letter == b":":
                self.at += 1
                route = b"".join(before) + (b"" if after is None else b"@" + b"".join(after))
                before, after = [], None
            elif letter == b"@" and after is None and before:
                self.at += 1
                after = []
            elif letter in (b"@", b",", b"<", b";"):
                self.at += 1
                (before if after is None else after).append(letter)
            else:
                (before if after is None else after).append(self.token())
        return route or None, b"".join(before), b"".join(after or [])

    def in_parentheses(self) -> bytes:
        """A comment, which may hold comments (§3.2.2); what it says."""
        start, depth = self.at + 1, 0
        while self.at < len(self.value):
            letter = self.value[self.at : self.at + 1]
            self.at += 2 if letter == b"\\" else 1
            depth += (letter == b"(") - (letter == b")")
            if not depth:
                break
        return self.value[start : self.at - (not depth)].strip()

    def token(self) -> bytes:
        """An atom, what a quoted string holds, or a domain literal; else one octet that has no place here."""
        if quoted := QUOTED.match(self.value, self.at):
            self.at = quoted.end()
            return re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.DOTALL)
        for pattern in (WORD, DOMAIN_LITERAL):
            if found := pattern.match(self.value, self.at):
                self.at = found.end()
                return found[0]
        self.at += 1
        return b""
