"""Where a policy is found, and which domain is the organizational one (RFC 9989 §4.10): the DNS tree walk.

    news.alpha.example        _dmarc.news.alpha.example, _dmarc.alpha.example, _dmarc.example

A receiver that walks up needs no list of public suffixes, which RFC 7489 could not do without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...acts import Acts, Ask, DnsTimeout, NXDomain, Refused, Rule, nested
from ..domains import LONGEST
from .record import NONE, Fault, Record, parse_record

QUESTIONS = 8  # a walk asks no more (§4.10)
PREFIX = "_dmarc."

Met = list[tuple[str, Record]]  # the records of a walk, from the longest name to the shortest


class Policy(NamedTuple):
    """What applies to an author domain (§4.10.1)."""

    wanted: str  # "none", "quarantine", "reject"
    tag: str  # "p", "sp" or "np": which of them said so
    domain: str  # the DMARC policy domain: where the record was found
    record: Record


def targets(domain: str) -> Iterator[str]:
    """The names a walk asks about: the domain, then its parents; of a long name only the last seven labels (§4.10)."""
    yield domain
    labels = domain.split(".")
    for n in range(max(1, len(labels) - (QUESTIONS - 1)), len(labels)):
        yield ".".join(labels[n:])


def organizational(start: str, met: Met) -> tuple[str, str]:
    """(organizational domain, why) for a walk from `start` that met these records (§4.10.2)."""
    for domain, record in met:
        if record.psd == "n":
            return domain, "psd=n"
        if record.psd == "y" and domain != start:
            return one_below(start, domain), "psd=y"
    if met:
        return met[-1][0], "fewest labels"
    return start, "no record"


def one_below(name: str, parent: str) -> str:
    """``one_below("a.b.bank.example", "bank.example")`` -> ``"b.bank.example"``."""
    return ".".join(name.split(".")[-parent.count(".") - 2 :])


class Records:
    """The records of one evaluation: each name is asked about once."""

    def __init__(self) -> None:
        self.known: dict[str, Record | None] = {}
        self.late: set[str] = set()  # domains whose record could not be asked for

    def at(self, domain: str) -> Acts[Record | None]:
        """The one valid record of this very domain, or None; DnsTimeout when nobody can tell."""
        if domain in self.late:
            raise DnsTimeout(f"no answer about {PREFIX}{domain}")
        if domain in self.known:
            record = self.known[domain]
            yield Rule("dmarc.known", "record" if record else "no record", {"domain": domain})
            return record
        self.known[domain] = record = yield from self._ask(domain)
        return record

    def _ask(self, domain: str) -> Acts[Record | None]:
        name = PREFIX + domain
        if len(name) > LONGEST:
            yield Rule("dmarc.name-too-long", "no record", {"domain": domain})
            return None
        try:
            texts: Sequence[str] = yield Ask(name, "TXT")
        except NXDomain:
            texts = ()
        except DnsTimeout:
            self.late.add(domain)
            yield Rule("dmarc.timeout", "temperror", {"name": name})
            raise
        return (yield from only_record(domain, texts))


def only_record(domain: str, texts: Sequence[str]) -> Acts[Record | None]:
    """Steps 2 and 6 of a walk: what is no record is discarded; so are records when there are several (§4.10)."""
    records = []
    for text in texts:
        try:
            records.append(parse_record(text))
        except Refused as no:
            yield Rule(no.rule, "discarded", {"domain": domain, **no.because})
    if len(records) > 1:
        yield Rule("dmarc.many-records", "all discarded", {"domain": domain, "count": str(len(records))})
        return None
    if not records:
        yield Rule("dmarc.no-record", "no record", {"domain": domain})
        return None
    yield Rule("dmarc.record", "record", {"domain": domain, "record": printed(records[0].text)})
    yield from passed_over(records[0].faults)
    return records[0]


def passed_over(faults: Sequence[Fault]) -> Acts[None]:
    """What in the record counts for nothing, one act a kind (§4.7, §4.8)."""
    told = {rule: ", ".join(fault.tag[:20] for fault in faults if fault.rule == rule) for rule in KINDS}
    if told["dmarc.tag-syntax"]:
        yield Rule("dmarc.tag-syntax", "ignored", {"tags": printed(told["dmarc.tag-syntax"])})
    if told["dmarc.tag-removed"]:
        yield Rule("dmarc.tag-removed", "ignored", {"tags": printed(told["dmarc.tag-removed"])})
    if told["dmarc.tag-unknown"]:
        yield Rule("dmarc.tag-unknown", "ignored", {"tags": printed(told["dmarc.tag-unknown"])})


KINDS = ("dmarc.tag-syntax", "dmarc.tag-removed", "dmarc.tag-unknown")


def printed(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class TreeWalk:
    """RFC 9989's way to a policy and to organizational domains.  One for each evaluation."""

    rfc = "9989"

    def __init__(self) -> None:
        self.records = Records()
        self.organizations: dict[str, str] = {}

    # -- policy discovery (§4.10.1)

    def policy(self, author: str) -> Acts[Policy | None]:
        """The policy for mail from this author domain; None when DMARC does not apply to it."""
        record = yield from self.records.at(author)
        if record:
            return (yield from choose(author, author, record))
        met = yield from nested(f"tree walk from {author}", self.walk(author), verdict=names)
        found = yield from self._organizational(author, met)
        applicable = dict(met)
        for domain in (found, *(name for name, record in met if record.psd == "y")):
            if domain in applicable:
                return (yield from choose(author, domain, applicable[domain]))
        return None

    def walk(self, start: str) -> Acts[Met]:
        """The records met on the way up, at most eight questions (§4.10)."""
        met: Met = []
        for domain in targets(start):
            if domain == start and start in self.records.known:
                record = self.records.known[start]  # the question that came before this walk
            else:
                record = yield from self.records.at(domain)
            if record:
                met.append((domain, record))
                if record.psd in ("y", "n"):
                    yield Rule("dmarc.walk-ends", "psd=" + record.psd, {"domain": domain})
                    break
        return met

    # -- organizational domains (§4.10.2)

    def organizational(self, domain: str) -> Acts[str]:
        if domain not in self.organizations:
            met = yield from nested(f"tree walk from {domain}", self.walk(domain), verdict=names)
            yield from self._organizational(domain, met)
        return self.organizations[domain]

    def _organizational(self, start: str, met: Met) -> Acts[str]:
        found, why = organizational(start, met)
        self.organizations[start] = found
        yield Rule("dmarc.organizational", found, {"domain": start, "why": why})
        return found


def names(met: Met) -> str:
    return ", ".join(domain for domain, _ in met) or "no record"


def choose(author: str, domain: str, record: Record) -> Acts[Policy | None]:
    """Which policy of the record is meant: p for the domain itself, sp or np for what is below it (§4.10.1)."""
    wrong = record.invalid("sp", "np") or ([] if record.p else ["p"])
    if wrong:
        because = {"domain": domain, "tags": ", ".join(wrong)}
        if not record.rua:
            yield Rule("dmarc.invalid-policy", "no DMARC", because)
            return None
        yield Rule("dmarc.invalid-policy", "as p=none", because)
        return Policy(NONE, "p", domain, record)
    tag = "p" if author == domain else (yield from below(author, record))
    wanted: str = getattr(record, tag)
    yield Rule("dmarc.policy", wanted, {"author": author, "domain": domain, "tag": tag})
    return Policy(wanted, tag, domain, record)


def below(author: str, record: Record) -> Acts[str]:
    """The tag for a subdomain: np if it does not exist, sp, p; each only where the record has it (§4.7)."""
    if record.np and not (yield from exists(author)):
        return "np"
    return "sp" if record.sp else "p"


def exists(domain: str) -> Acts[bool]:
    """Whether there is such a name at all; one without records of the type asked for is there (§3.2.13)."""
    try:
        yield Ask(domain, "A")
        there = True
    except NXDomain:
        there = False
    except DnsTimeout:
        yield Rule("dmarc.timeout", "temperror", {"name": domain})
        raise
    yield Rule("dmarc.exists", "it exists" if there else "no such name", {"domain": domain})
    return there
