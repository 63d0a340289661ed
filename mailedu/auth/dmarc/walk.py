"""Where a policy is found, and which domain is the organizational one (RFC 9989 §4.10): the DNS tree walk.

    news.alpha.example        _dmarc.news.alpha.example, _dmarc.alpha.example, _dmarc.example

A receiver that walks up needs no list of public suffixes, which RFC 7489 could not do without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...acts import Acts, Ask, DnsTimeout, NXDomain, Refused, Rule, nested
from ...names import LONGEST_NAME
from .record import NONE, QUARANTINE, REJECT, Fault, Record, parse_record

QUESTIONS = 8  # a walk asks no more (§4.10)
ONE_BELOW = {REJECT: QUARANTINE, QUARANTINE: NONE, NONE: NONE}  # the next milder policy
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

    def __init__(self, rfc: str = "9989") -> None:
        self.rfc = rfc
        self.known: dict[str, Record | None] = {}
        self.several: set[str] = set()  # domains with more than one record
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
        if len(name) > LONGEST_NAME:
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
        return (yield from self._only_one(domain, texts))

    def _only_one(self, domain: str, texts: Sequence[str]) -> Acts[Record | None]:
        """Steps 2 and 6 of a walk: what is no record is discarded; so are records when there are several (§4.10)."""
        records = []
        for text in texts:
            try:
                records.append(parse_record(text, self.rfc))
            except Refused as no:
                yield Rule(no.rule, "discarded", {"domain": domain, **no.because})
        if len(records) > 1:
            self.several.add(domain)
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
    told: dict[str, list[str]] = {}
    for fault in faults:
        told.setdefault(fault.rule, []).append(fault.tag[:20] or "=")
    if "dmarc.tag-syntax" in told:
        yield Rule("dmarc.tag-syntax", "ignored", {"tags": printed(", ".join(told["dmarc.tag-syntax"]))})
    if "dmarc.tag-removed" in told:
        yield Rule("dmarc.tag-removed", "ignored", {"tags": printed(", ".join(told["dmarc.tag-removed"]))})
    if "dmarc.tag-unknown" in told:
        yield Rule("dmarc.tag-unknown", "ignored", {"tags": printed(", ".join(told["dmarc.tag-unknown"]))})


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

    # -- what is asked of the receiver

    def asked(self, policy: Policy) -> Acts[str]:
        """What is to be done with mail that fails: one step less than the policy while the owner tests (§4.7, t=)."""
        if policy.record.t != "y" or policy.wanted == NONE:
            return policy.wanted
        yield Rule("dmarc.test-mode", ONE_BELOW[policy.wanted], {"policy": policy.wanted})
        return ONE_BELOW[policy.wanted]


def names(met: Met) -> str:
    return ", ".join(domain for domain, _ in met) or "no record"


def choose(author: str, domain: str, record: Record) -> Acts[Policy | None]:
    """Which policy of the record is meant: p for the domain itself, sp or np for what is below it (§4.10.1)."""
    if not record.p or record.invalid("sp", "np"):
        return (yield from without_policy(domain, record))
    tag = "p" if author == domain else (yield from below(author, record))
    wanted: str = getattr(record, tag)
    yield Rule("dmarc.policy", wanted, {"author": author, "domain": domain, "tag": tag})
    return Policy(wanted, tag, domain, record)


def without_policy(domain: str, record: Record) -> Acts[Policy | None]:
    """A policy that is missing or invalid is taken as none from who wants reports; else there is no DMARC (§4.10.1)."""
    wrong = [*([] if record.p else ["p"]), *record.invalid("sp", "np")]
    because = {"domain": domain, "tags": ", ".join(wrong)}
    if not record.rua:
        yield Rule("dmarc.invalid-policy", "no DMARC", because)
        return None
    yield Rule("dmarc.invalid-policy", "as p=none", because)
    return Policy(NONE, "p", domain, record)


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
