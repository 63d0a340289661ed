"""A DMARC policy record (RFC 9989 §4.7, §4.8): read once, never asked twice.

    parse_record("v=DMARC1; p=reject; sp=none; x=1").p       -> "reject"
    parse_record("v=spf1 -all")                              -> Refused("dmarc.not-a-record")

A tag that breaks its grammar is as if it were not there (§4.8); what was passed over is told in `faults`.  Tags may
be in capitals, as a grammar of plain strings has it, though RFC 6376 §3.2, where such lists come from, says no.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from ...acts import Refused

NONE, QUARANTINE, REJECT = "none", "quarantine", "reject"
POLICIES = (NONE, QUARANTINE, REJECT)  # from the mildest to the strictest

VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)", re.IGNORECASE)
EXACT = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
NAME = re.compile(r"[A-Za-z]+")
VALUE = re.compile(r"[ -:<-~]+")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")  # as much of RFC 3986 as a record needs
SIZE = re.compile(r"![0-9]+[kmgtKMGT]?\Z")  # obs-dmarc-report-size
MAILTO = re.compile(r"mailto:[^@?\s]+@[^@?\s]+(?:\?.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a reader passes over: `rule` says why."""

    rule: str
    tag: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The tags of a record, with their defaults (§4.7); "" is a policy that is not there, or not valid."""

    text: str
    p: str = ""
    sp: str = ""
    np: str = ""
    adkim: str = "r"
    aspf: str = "r"
    psd: str = "u"
    t: str = "n"
    fo: tuple[str, ...] = ("0",)
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    pct: int = 100  # RFC 7489 §6.3 only
    faults: tuple[Fault, ...] = ()

    def invalid(self, *tags: str) -> list[str]:
        """Those of these tags that the record has and that have no valid value."""
        return [fault.tag for fault in self.faults if fault.rule == "dmarc.tag-syntax" and fault.tag in tags]


def word(*allowed: str) -> Callable[[str], str | None]:
    def read(value: str) -> str | None:
        return value.lower() if value.lower() in allowed else None

    return read


def uris(value: str) -> tuple[str, ...] | None:
    """dmarc-urilist: those that are URIs, without RFC 7489's sizes."""
    found = [SIZE.sub("", uri.strip(" \t")) for uri in value.split(",")]
    return tuple(uri for uri in found if is_uri(uri)) or None


def is_uri(uri: str) -> bool:
    """A scheme and what belongs to it; with mailto: an address (RFC 6068 §2)."""
    if uri[:7].lower() == "mailto:":
        return MAILTO.fullmatch(uri) is not None
    return SCHEME.fullmatch(uri) is not None


def options(value: str) -> tuple[str, ...] | None:
    """dmarc-fo: 0, 1, d and s, each at most once, 0 and 1 not together."""
    found = tuple(value.lower().split(":"))
    known = all(option in ("0", "1", "d", "s") for option in found)
    return found if known and len(set(found)) == len(found) and not {"0", "1"} <= set(found) else None


def percent(value: str) -> int | None:
    return int(value) if re.fullmatch("[0-9]{1,3}", value) and int(value) <= 100 else None


Readers = dict[str, Callable[[str], object]]
BOTH: Readers = {
    "p": word(*POLICIES),
    "sp": word(*POLICIES),
    "adkim": word("r", "s"),
    "aspf": word("r", "s"),
    "fo": options,
    "rua": uris,
    "ruf": uris,
}
READERS: dict[str, Readers] = {
    "9989": {**BOTH, "np": word(*POLICIES), "psd": word("y", "n", "u"), "t": word("y", "n")},
    "7489": {**BOTH, "pct": percent},
}
REMOVED = {"9989": ("pct", "rf", "ri"), "7489": ()}  # RFC 9989 §9.3 calls them historic
UNUSED = {"9989": (), "7489": ("rf", "ri")}  # known, and of no use here


@lru_cache(1024)
def parse_record(text: str, rfc: str = "9989") -> Record:
    """All of it, or Refused when it is no record of DMARC at all."""
    if not EXACT.match(text):
        wrong = "dmarc.version" if VERSION.match(text) else "dmarc.not-a-record"
        raise _refused(wrong, text)
    tags: dict[str, object] = {}
    faults: list[Fault] = []
    seen = {"v"}
    for piece in text.split(";")[1:]:
        name, equals, value = (part.strip(" \t") for part in piece.partition("="))
        name = name.lower()
        if not name and not equals:
            continue
        if name in seen and (name == "v" or name in READERS[rfc]):
            raise Refused("dmarc.tag-twice", f"{name}= stands there twice", tag=name[:20])
        seen.add(name)
        fault = _fault(name, equals, value, rfc)
        if fault:
            faults.append(Fault(fault, name, value))
        elif name in READERS[rfc]:
            tags[name] = READERS[rfc][name](value)
    record = Record(text, faults=tuple(faults))
    return replace(record, **tags)  # type: ignore[arg-type]


def _refused(rule: str, text: str) -> Refused:
    start = text[:40]
    if rule == "dmarc.version":
        return Refused("dmarc.version", "the version is exactly DMARC1", start=start)
    return Refused("dmarc.not-a-record", "it does not begin with v=DMARC1", start=start)


def _fault(name: str, equals: str, value: str, rfc: str) -> str:
    """The rule by which this tag is passed over; "" when it counts."""
    if not (equals and NAME.fullmatch(name) and VALUE.fullmatch(value)):
        return "dmarc.tag-syntax"
    if name in READERS[rfc]:
        return "dmarc.tag-syntax" if READERS[rfc][name](value) is None else ""
    if name in REMOVED[rfc]:
        return "dmarc.tag-removed"
    return "" if name in UNUSED[rfc] else "dmarc.tag-unknown"


# -- what each octet is ------------------------------------------------------------------------------------------------

Span = tuple[int, str]  # so many octets, and what they are

WHAT = {
    "v": "version",
    "p": "policy",
    "sp": "policy for subdomains",
    "np": "policy for names that do not exist",
    "adkim": "alignment for DKIM",
    "aspf": "alignment for SPF",
    "psd": "public suffix or not",
    "t": "testing or not",
    "rua": "addresses for aggregate reports",
    "ruf": "addresses for failure reports",
    "fo": "when to send failure reports",
}
PASSED_OVER = {"dmarc.tag-syntax": "not valid", "dmarc.tag-removed": "removed", "dmarc.tag-unknown": "unknown"}


def spans(record: bytes | str) -> list[Span]:
    """What each octet of a record is: (length, name), adding up to all of it, whatever it holds."""
    text = record.decode("latin-1") if isinstance(record, bytes) else record
    if not EXACT.match(text):
        return [(len(text), "text")] if text else []
    pieces = text.split(";")
    found = [span for piece in pieces for span in [*piece_spans(piece), (1, ";")]]
    return found[:-1]  # behind the last piece there is no semicolon


def piece_spans(piece: str) -> list[Span]:
    """A tag with the blanks in it; what is passed over is told as such."""
    name, equals, value = piece.partition("=")
    tag, meant = name.strip(" \t").lower(), value.strip(" \t")
    fault = "" if tag == "v" or not (tag or equals) else _fault(tag, equals, meant, "9989")
    kind = f"{PASSED_OVER[fault]} value" if fault else WHAT.get(tag, "")
    return [*core_spans(name, "tag"), *([(1, "=")] if equals else []), *core_spans(value, kind)]


def core_spans(text: str, what: str) -> list[Span]:
    """The text without the blanks around it, and those."""
    core = text.strip(" \t")
    before = len(text) - len(text.lstrip(" \t")) if core else len(text)
    lengths = [(before, "blank"), (len(core), what), (len(text) - before - len(core), "blank")]
    return [(length, name) for length, name in lengths if length]
