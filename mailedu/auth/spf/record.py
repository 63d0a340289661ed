"""An SPF record's terms (RFC 7208 §4.6.1, §12): read from its text, and every octet of it named.

    parse("v=spf1 mx ~include:esp.example -all")  -> Record, or Stop
    spans("v=spf1 -all")                          -> [(6, "version"), (1, "space"), (1, "qualifier"), (3, "mechanism")]

The reader that makes the terms is the one that explains the octets.  It asks nobody, so what it made is remembered.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from .macros import EXP_LETTERS, LETTERS, PERCENT, Macro, MacroString, macro_string

PASS, FAIL, SOFTFAIL, NEUTRAL = "pass", "fail", "softfail", "neutral"
NONE, TEMPERROR, PERMERROR = "none", "temperror", "permerror"
QUALIFIERS = {"+": PASS, "-": FAIL, "~": SOFTFAIL, "?": NEUTRAL}  # 4.6.2
MECHANISMS = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")  # 5

LONG = 4096  # characters: strangers write records, and memory is ours

Span = tuple[int, str]  # so many octets, and what they are


class Stop(Exception):
    """The evaluation ends here with this result; `rule` says why, with what it saw in `because`."""

    def __init__(self, rule: str, result: str, **because: str) -> None:
        super().__init__(f"{result}: {rule}")
        self.rule, self.result, self.because = rule, result, because


@dataclass(frozen=True, slots=True)
class Network:
    """``192.0.2.0/24`` or ``2001:db8::/32``, as the number its high bits make."""

    version: int
    mask: int
    high: int

    def holds(self, version: int, number: int) -> bool:
        return version == self.version and number & self.mask == self.high


@dataclass(frozen=True, slots=True, eq=False)
class Directive:
    """A mechanism and the result its match has.  (Each is itself alone, so that it can be looked up quickly.)"""

    text: str  # as the record has it: "~include:esp.example"
    result: str  # "softfail"
    mechanism: str  # "include"
    domain: MacroString | None = None
    network: Network | None = None  # of ip4 and ip6
    prefixes: tuple[int, int] = (32, 128)  # how many bits of an IPv4 and of an IPv6 address count


@dataclass(frozen=True, slots=True)
class Modifier:
    text: str  # "redirect=_spf.example.com"
    name: str
    value: MacroString


@dataclass(frozen=True, slots=True)
class Record:
    directives: tuple[Directive, ...]
    redirect: Modifier | None = None
    exp: Modifier | None = None


# -- reading -----------------------------------------------------------------------------------------------------------

VERSION = re.compile(r"v=spf1(?= |\Z)", re.IGNORECASE)  # 4.5
SPACES = re.compile(r" +")
TERM_END = re.compile(r"(?= |\Z)")
TERM = re.compile(r"[^ ]+")
MODIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?==)")
QUALIFIER = re.compile(r"[-+?~]")
NAME = re.compile(r"[^ :/=]+")
COLON = re.compile(r":")
EQUALS = re.compile(r"=")
SLASH = re.compile(r"/")
SLASHES = re.compile(r"//")
PREFIX_4 = re.compile(r"0|[1-9][0-9]?(?![0-9])")  # 5.6
PREFIX_6 = re.compile(r"0|[1-9][0-9]{0,2}(?![0-9])")
QNUM = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IP4 = re.compile(rf"{QNUM}(?:\.{QNUM}){{3}}(?![0-9.])")
IP6 = re.compile(r"[0-9A-Fa-f:.]+")
NOTHING = re.compile(r"\Z")
DUAL_CIDR = re.compile(r"(?:/[0-9]+)?(?://[0-9]+)?\Z")
LITERAL = re.compile(r"[!-$&-~]+")  # 7.1: macro-literal
LITERAL_OR_SPACE = re.compile(r"[ -$&-~]+")  # 7.1: explain-string
PERCENTS = re.compile(r"%[%_-]")
MACRO = re.compile(r"%\{([A-Za-z])([0-9]*)([Rr]?)([-.+,/_=]*)\}")
TOPLABEL = re.compile(r"\.([0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?)\.?\Z")  # 7.1; all digits is none


class Reader:
    """A record's text, how far it has been read, and what its octets were taken for."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.spans: list[Span] = []
        self.term = ""  # the term being read

    def sees(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self.text, self.at)

    def take(self, pattern: re.Pattern[str], name: str) -> re.Match[str]:
        """What matches, named; Stop when nothing does."""
        found = self.sees(pattern)
        if found is None:
            raise Stop("spf.syntax", PERMERROR, term=self.term, wanted=name, found=self._rest() or "the end")
        self.taken(found, name)
        return found

    def may_take(self, pattern: re.Pattern[str], name: str) -> str:
        """The same, or ""."""
        return self.take(pattern, name)[0] if self.sees(pattern) else ""

    def _rest(self) -> str:
        found = self.sees(TERM)
        return found[0] if found else ""

    # -- the record (4.5, 4.6)

    def record(self) -> Record:
        directives: list[Directive] = []
        modifiers: dict[str, Modifier] = {}
        self.take(VERSION, "version")
        while self.at < len(self.text):
            self.take(SPACES, "space")
            if self.at == len(self.text):
                break  # 4.5: spaces at the end
            found = self.next_term()
            if isinstance(found, Directive):
                directives.append(found)
            elif found.name in ("redirect", "exp") and found.name in modifiers:
                raise Stop("spf.modifier-twice", PERMERROR, term=found.text, modifier=found.name)  # 6
            else:
                modifiers[found.name] = found
        return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))

    def next_term(self) -> Directive | Modifier:
        """4.6.1"""
        self.term = self._rest()
        if not self.term.isascii():
            raise Stop("spf.not-ascii", PERMERROR, term=self.term)  # 3.1
        found = self.modifier() if self.sees(MODIFIER) else self.directive()
        if not self.sees(TERM_END):
            wanted = "the end of the term"
            raise Stop("spf.syntax", PERMERROR, term=self.term, wanted=wanted, found=self._rest())
        return found

    def modifier(self) -> Modifier:
        """6: name "=" value; an unknown one is a macro-string, which need not end like a domain."""
        name = self.take(MODIFIER, "modifier")[0].lower()
        self.take(EQUALS, "equals sign")
        value = self.domain_spec() if name in ("redirect", "exp") else self.macro_string(LITERAL, LETTERS)
        return Modifier(self.term, name, value)

    # -- directives (5)

    def directive(self) -> Directive:
        qualifier = self.may_take(QUALIFIER, "qualifier")
        name = self.sees(NAME)
        if name is None or name[0].lower() not in MECHANISMS:
            raise Stop("spf.unknown-mechanism", PERMERROR, term=self.term)
        mechanism = self.take(NAME, "mechanism")[0].lower()
        domain, network, prefixes = None, None, (32, 128)
        match mechanism:
            case "include" | "exists":  # 5.2, 5.7
                self.take(COLON, "colon")
                domain = self.domain_spec()
            case "a" | "mx":  # 5.3, 5.4
                domain = self.domain_spec(DUAL_CIDR) if self.may_take(COLON, "colon") else None
                prefixes = self.dual_cidr_length()
            case "ptr":  # 5.5
                domain = self.domain_spec() if self.may_take(COLON, "colon") else None
            case "ip4":  # 5.6
                self.take(COLON, "colon")
                network = self.ip4_network()
            case "ip6":  # 5.6
                self.take(COLON, "colon")
                network = self.ip6_network()
        return Directive(self.term, QUALIFIERS[qualifier or "+"], mechanism, domain, network, prefixes)

    def ip4_network(self) -> Network:
        address = IPv4Address(self.take(IP4, "IPv4 network")[0])
        return network(4, int(address), self.prefix(SLASH, PREFIX_4, 32))

    def ip6_network(self) -> Network:
        found = self.sees(IP6)
        try:
            address = IPv6Address(found[0] if found else "")
        except AddressValueError:
            raise Stop("spf.syntax", PERMERROR, term=self.term, wanted="IPv6 network", found=self._rest()) from None
        self.take(IP6, "IPv6 network")
        return network(6, int(address), self.prefix(SLASH, PREFIX_6, 128))

    def dual_cidr_length(self) -> tuple[int, int]:
        """5.6: ``/24``, ``//64`` or ``/24//64``."""
        prefix_4 = 32 if self.sees(SLASHES) else self.prefix(SLASH, PREFIX_4, 32)
        return prefix_4, self.prefix(SLASHES, PREFIX_6, 128)

    def prefix(self, slash: re.Pattern[str], pattern: re.Pattern[str], most: int) -> int:
        """How many bits count: all of them when nothing is said."""
        if not self.may_take(slash, "slash"):
            return most
        start = self.at
        digits = self.take(pattern, "prefix length")[0]
        if int(digits) > most:
            self.go_back(start)
            raise Stop("spf.prefix-length", PERMERROR, term=self.term, length=digits, most=str(most))
        return int(digits)

    # -- domain-spec and macro-string (7.1)

    def domain_spec(self, then: re.Pattern[str] = NOTHING) -> MacroString:
        """A macro-string that ends in a macro, or in a dot and a top label; `then` matches what may follow."""
        rest = self._rest()
        tail = then.search(rest)
        assert tail is not None  # it may be empty
        start = self.at
        found = self.macro_string(LITERAL, LETTERS, start + tail.start())
        if not found.pieces:
            raise Stop("spf.syntax", PERMERROR, term=self.term, wanted="domain name", found=rest or "the end")
        if self.spans[-1][1] == "text":
            top = TOPLABEL.search(found.text)
            if top is None or top[1].isdigit():
                self.go_back(start)
                raise Stop("spf.domain-spec", PERMERROR, term=self.term, domain=found.text)
        return found

    def macro_string(self, literal: re.Pattern[str], letters: str, end: int = sys.maxsize) -> MacroString:
        """As much as there is of it before `end`."""
        start = self.at
        pieces: list[str | Macro] = []
        while True:
            if found := literal.match(self.text, self.at, end):
                pieces.append(self.taken(found, "text"))
            elif found := PERCENTS.match(self.text, self.at, end):
                pieces.append(PERCENT[self.taken(found, "escape")])
            elif self.text.startswith("%", self.at, end):
                pieces.append(self.macro(letters, end))
            else:
                break
        return macro_string(self.text[start : self.at], pieces)

    def macro(self, letters: str, end: int) -> Macro:
        """7.1: macro-expand; 7.3: a number of parts is not zero."""
        found = MACRO.match(self.text, self.at, end)
        if found is None or found[1].lower() not in letters or (found[2] and not found[2].strip("0")):
            raise Stop("spf.macro", PERMERROR, term=self.term, macro=found[0] if found else self._rest()[:40])
        self.taken(found, "macro")
        letter, parts = found[1].lower(), int(found[2][:9] or 0)
        return Macro(found[0], letter, letter != found[1], parts, bool(found[3]), found[4])

    def go_back(self, start: int) -> None:
        """Take back what was read from there on."""
        while self.at > start:
            self.at -= self.spans.pop()[0]

    def taken(self, found: re.Match[str], name: str) -> str:
        self.at = found.end()
        self.spans.append((len(found[0]), name))
        return found[0]


def network(version: int, number: int, prefix: int) -> Network:
    """The addresses that have their first `prefix` bits in common with this one."""
    bits = 32 if version == 4 else 128
    mask = (1 << bits) - (1 << (bits - prefix))
    return Network(version, mask, number & mask)


def is_record(text: str) -> bool:
    """Whether a TXT record is one for SPF: ``v=spf1``, and then a space or nothing (4.5)."""
    return VERSION.match(text) is not None


def parse(text: str) -> Record:
    """The record, all of it; Stop when any of it cannot be read (4.6)."""
    return _remembered(text) if len(text) <= LONG else _remembered_for_now(text)


def _read(text: str) -> Record:
    return Reader(text).record()


_remembered = lru_cache(maxsize=1024)(_read)
_remembered_for_now = lru_cache(maxsize=4)(_read)  # a loop of includes reads it again and again


def parse_explanation(text: str) -> MacroString:
    """What exp= leads to: an explain-string (6.2, 7.1); Stop when it is none."""
    reader = Reader(text)
    found = reader.macro_string(LITERAL_OR_SPACE, EXP_LETTERS)
    if reader.at < len(text):
        raise Stop("spf.explanation-syntax", NONE, found=text[reader.at : reader.at + 40])
    return found


def spans(record: bytes | str) -> list[Span]:
    """What each octet of a TXT record is: (length, name), adding up to all of it, whatever it holds.

    A term that cannot be read is "unreadable" from where it cannot; a record that is not for SPF is "text".
    """
    text = record.decode("latin-1") if isinstance(record, bytes) else record
    if not is_record(text):
        return [(len(text), "text")] if text else []
    reader = Reader(text)
    reader.take(VERSION, "version")
    while reader.at < len(text):
        reader.may_take(SPACES, "space")
        try:
            if reader.at < len(text):
                reader.next_term()
        except Stop:
            if not reader.may_take(TERM, "unreadable"):  # it ends too early
                reader.spans[-1] = reader.spans[-1][0], "unreadable"
    return reader.spans
