"""The way of a message, as its Received fields tell it (RFC 5321 §4.4), and where nobody can believe them any more.

Each server writes one on top.  So the topmost are by servers of whoever has the message now, and can be believed; the
first of them that took it from outside is the border.  All below it was in the message when it came: anybody can have
written that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

from ..auth.dmarc.legacy import public_suffixes
from ..message import Message, unfolded

WORDS = ("from", "by", "via", "with", "id", "for")
PIECE = re.compile(r"\s+|\((?:[^()\\]|\\.)*+|[^\s()]+|.", re.DOTALL)
IN_BRACKETS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
BARE = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:])")
HELO = re.compile(r"\b(?:helo|ehlo)[= ]\[?([^\s\])]+)", re.IGNORECASE)
VERSION = re.compile(r"\b(?:TLS|SSL)v?\s?(\d(?:[._]\d)?)", re.IGNORECASE)
ENVELOPE = re.compile(r"envelope-from\s+<?([^\s>)]*)", re.IGNORECASE)
NAME = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?\.?")
# Kept apart from Python's `is_private`, which counts the addresses of documentation too; those are the lab's.
INSIDE = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
]


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received field.  What it does not tell is ""."""

    text: str  # the whole field, unfolded
    helo: str = ""  # what the client called itself
    name: str = ""  # what the server found its name to be
    ip: str = ""
    by: str = ""
    protocol: str = ""  # after "with"
    id: str = ""
    recipient: str = ""
    sender: str = ""  # of the envelope, where a server notes that
    tls: str = ""  # "TLS 1.3", "TLS"
    when: datetime | None = None

    @property
    def client(self) -> str:
        return self.name or self.helo or self.ip

    @property
    def inside(self) -> bool:
        """Whether it tells of a call within one organisation."""
        if not self.ip or any(ip_address(self.ip) in network for network in INSIDE):
            return True
        return bool(self.name or self.helo) and house(self.name or self.helo) == house(self.by)

    @property
    def authenticated(self) -> bool:
        """Its client logged in: "with ESMTPSA" (RFC 3848)."""
        return self.protocol.upper().endswith(("SMTPA", "SMTPSA"))


@lru_cache(1024)
def house(host: str) -> str:
    """The organization that a name belongs to, by the list of public suffixes (DMARC's evaluator walks the DNS)."""
    name = host.lower().rstrip(".")
    return public_suffixes()(name) or name


def hops_of(message: Message) -> list[Hop]:
    """From the top of the message down: the latest first."""
    return [read_hop(unfolded(field.value)) for field in message.all("Received")]


def read_hop(text: str) -> Hop:
    """A field as far as it can be understood: servers write them in many ways."""
    told, _, date = text.rpartition(";")
    if not told:
        told, date = (text, "") if moment(text) is None else ("", text)
    clauses = dict(clauses_of(told))
    words, comments = clauses.get("from", ([], []))
    said = " ".join([*words, *comments])
    helo = HELO.search(" ".join(comments))
    name = next((word for comment in comments for word in comment.split() if is_name(word)), "")
    everything = " ".join(comment for _, all_comments in clauses.values() for comment in all_comments)
    protocol = " ".join(clauses.get("with", ([], []))[0])
    envelope = ENVELOPE.search(everything)
    return Hop(
        text=text,
        helo=helo[1] if helo else first(words).strip("[]"),
        name=name.rstrip("."),
        ip=address_in(said),
        by=first(clauses.get("by", ([], []))[0]),
        protocol=protocol,
        id=first(clauses.get("id", ([], []))[0]),
        recipient=first(clauses.get("for", ([], []))[0]).strip("<>"),
        sender=envelope[1] if envelope else "",
        tls=tls_of(protocol, everything),
        when=moment(date),
    )


def clauses_of(text: str) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    """("from", its words, its comments), and so on: the last of each kind counts."""
    word, words, comments = "", list[str](), list[str]()
    for piece in pieces(text):
        if piece.lower() in WORDS and (words or not word):
            if word:
                yield word, (words, comments)
            word, words, comments = piece.lower(), [], []
        elif piece.startswith("("):
            comments.append(piece[1:-1])
        else:
            words.append(piece)
    if word:
        yield word, (words, comments)


def pieces(text: str) -> Iterator[str]:
    """Words, and comments with their parentheses; a comment may hold others (RFC 5322 §3.2.2)."""
    depth, start = 0, 0
    for found in PIECE.finditer(text):
        piece = found[0]
        if piece.startswith("("):
            start, depth = (found.start(), 1) if not depth else (start, depth + 1)
        elif piece == ")" and depth:
            depth -= 1
            if not depth:
                yield text[start : found.end()]
        elif not depth and not piece.isspace():
            yield piece
    if depth:
        yield text[start:] + ")"


def first(words: Sequence[str]) -> str:
    return words[0] if words else ""


def is_name(word: str) -> bool:
    return "." in word and bool(NAME.fullmatch(word)) and not BARE.fullmatch(word)


def address_in(text: str) -> str:
    """The first IP address in it: one in brackets before a bare one."""
    for found in [*IN_BRACKETS.findall(text), *BARE.findall(text)]:
        try:
            return str(ip_address(found))
        except ValueError:
            continue
    return ""


def tls_of(protocol: str, comments: str) -> str:
    """ "TLS 1.3" where a version stands there, "TLS" where only the protocol says so (RFC 3848), else ""."""
    if found := VERSION.search(comments):
        return f"TLS {found[1].replace('_', '.')}"
    word = protocol.upper().partition(" ")[0]
    return "TLS" if word.endswith(("SMTPS", "SMTPSA", "LMTPS", "LMTPSA")) or word == "HTTPS" else ""


def moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def border(hops: Sequence[Hop], trust: int | None = None, client: str = "") -> int | None:
    """The place of the hop where the message came in from outside; None where that cannot be found.

    `trust` is how many of the topmost were written by your own servers.  `client` is the address that a Received-SPF
    field on top names: the hop that has it is the border.
    """
    if trust is not None:
        return min(trust, len(hops)) - 1 if hops else None
    if client:
        for at, hop in enumerate(hops):
            if hop.ip == client:
                return at
    return next((at for at, hop in enumerate(hops) if not hop.inside), None)


def delays(hops: Sequence[Hop]) -> list[float | None]:
    """Seconds since the hop before, for each: less than none where clocks differ; None where nobody knows."""
    found: list[float | None] = []
    for at, hop in enumerate(hops):
        before = hops[at + 1].when if at + 1 < len(hops) else None
        found.append((hop.when - before).total_seconds() if hop.when and before else None)
    return found
