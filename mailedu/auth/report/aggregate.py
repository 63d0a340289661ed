"""Aggregate reports (RFC 9990 §3.1): a receiver counts what it saw in a domain's name, and tells the domain's owner.

ledger.add(found, "192.0.2.25", spf, signatures, decided)     once a message
for report in ledger.reports("beta.example", ...):            once a day
    mail(report, ...)                                         XML, in a gzip file, in a mail
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Protocol

from ...acts import Rule
from ..dmarc.decide import DEFER, DELIVER
from ..dmarc.evaluate import FAIL, PASS, Dmarc, SpfResult
from ..dmarc.record import NONE, Record

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"
GENERATOR = "mailedu"
SIGNATURES = 100  # of one row (§3.1.3)
OVERRIDES = ("local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder")  # §3.1.6


class Signature(Protocol):
    """What we need of a DKIM signature."""

    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def selector(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A DKIM result, whatever DMARC made of it."""

    domain: str
    selector: str
    result: str
    human: str = ""  # more, for people


@dataclass(frozen=True, slots=True)
class Spf:
    """An SPF result, whatever DMARC made of it."""

    domain: str
    result: str
    human: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """So many messages from one address with one fate (the XML's record)."""

    source_ip: str
    count: int
    disposition: str  # what was done: "none", "pass", "quarantine", "reject"
    dkim: str  # whether DKIM made it pass: "pass" or "fail"
    spf: str
    header_from: str
    envelope_from: str = ""
    envelope_to: str = ""
    signatures: tuple[Signed, ...] = ()
    checked: Spf | None = None
    reasons: tuple[tuple[str, str], ...] = ()  # (type, comment) where something else was done than was asked


@dataclass(frozen=True, slots=True)
class Published:
    """The policy that was found."""

    domain: str
    p: str
    sp: str = ""
    np: str = ""
    adkim: str = "r"
    aspf: str = "r"
    fo: str = "0"
    testing: str = "n"
    discovery: str = "treewalk"  # "psl" is RFC 7489's way


@dataclass(frozen=True, slots=True)
class Report:
    """What one receiver saw of one policy in one stretch of time."""

    organization: str
    email: str
    report_id: str
    begin: int  # seconds since 1970
    end: int
    published: Published
    rows: tuple[Row, ...]
    contact: str = ""
    error: str = ""
    generator: str = GENERATOR

    @property
    def count(self) -> int:
        """How many messages."""
        return sum(row.count for row in self.rows)

    def passing(self) -> int:
        return sum(row.count for row in self.rows if PASS in (row.dkim, row.spf))


# -- counting ----------------------------------------------------------------------------------------------------------


class Ledger:
    """What a receiver saw since it last reported; one report for each policy (§3.1)."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Published, Record], dict[Row, int]] = {}  # a policy and its record -> row -> count

    def add(
        self,
        found: Dmarc,
        source_ip: str,
        spf: SpfResult | None = None,
        signatures: Sequence[Signature] = (),
        decided: Rule | None = None,
        *,
        sender: str = "",
        recipient: str = "",
        count: int = 1,
    ) -> bool:
        """Count a message; False if nobody asked to be told of it.  `sender` and `recipient` are domains.

        `decided` is what `decide` said; without it, what the domain asked for was done.
        """
        record = found.record
        if record is None or not record.rua:
            return False
        row = observed(found, source_ip, spf, signatures, decided, sender, recipient)
        rows = self.seen.setdefault((published(found), record), {})
        rows[row] = rows.get(row, 0) + count
        return True

    def close(
        self, organization: str, email: str, begin: int, end: int, contact: str = ""
    ) -> list[tuple[Report, Record]]:
        """The reports for that time, the busiest first, each with the record that asks for it; counting begins anew."""
        found: list[tuple[Report, Record]] = []
        for (policy, record), rows in sorted(self.seen.items(), key=lambda entry: -sum(entry[1].values())):
            counted = tuple(replace(row, count=count) for row, count in rows.items())
            name = f"{begin}.{len(found)}.{policy.domain}@{organization}"
            found.append((Report(organization, email, name, begin, end, policy, counted, contact), record))
        self.seen = {}
        return found


def published(found: Dmarc, discovery: str = "treewalk") -> Published:
    """The policy as it counted: one that is missing or invalid was taken as none (RFC 9989 §4.10.1)."""
    record = found.record
    assert record is not None
    return Published(
        found.policy_domain,
        record.p or NONE,
        record.sp,
        record.np,
        record.adkim,
        record.aspf,
        ":".join(record.fo),
        record.t,
        discovery,
    )


def observed(
    found: Dmarc,
    source_ip: str,
    spf: SpfResult | None,
    signatures: Sequence[Signature],
    decided: Rule | None,
    sender: str,
    recipient: str,
) -> Row:
    """One message as a row; its count is what makes it equal to others, so it is left at 0."""
    action = decided.outcome if decided else {NONE: DELIVER}.get(found.disposition, found.disposition)
    return Row(
        source_ip,
        0,
        disposition(found, action),
        PASS if found.aligned("dkim") else FAIL,
        PASS if found.aligned("spf") else FAIL,
        found.domain,
        sender,
        recipient,
        tuple(in_order(found, signatures)),
        Spf(spf.domain, str(spf.result)) if spf is not None and spf.domain else None,
        reasons(found, action, decided),
    )


def disposition(found: Dmarc, action: str) -> str:
    """ "pass" is for mail that passes where the policy would have done something (ActionDispositionType in §A)."""
    if found.result == PASS:
        return NONE if found.policy == NONE else PASS
    return NONE if action in (DELIVER, DEFER) else action


def reasons(found: Dmarc, action: str, decided: Rule | None) -> tuple[tuple[str, str], ...]:
    """Why something else was done than the policy says (§3.1.6)."""
    done = disposition(found, action)
    if found.result == PASS or done == found.policy:
        return ()
    if found.result != FAIL:
        return (("other", f"the result is {found.result}"),)
    because: list[tuple[str, str]] = []
    if found.disposition != found.policy:
        because.append(("policy_test_mode", "t=y"))
    if done != found.disposition and decided is not None:
        trusted = decided.because.get("trusted", "")
        alone = decided.name == "dmarc.decide-not-alone"  # RFC 9989 §7.4
        own = ("local_policy", "a policy alone is no reason to reject" if alone else "")
        because.append(("trusted_forwarder", trusted) if trusted else own)
    return tuple(because)


def in_order(found: Dmarc, signatures: Iterable[Signature]) -> list[Signed]:
    """Those that matter most to the owner first, at most a hundred (§3.1.3)."""
    alignments = {one.domain: one.alignment for one in found.identifiers if one.method == "dkim"}

    def rank(signature: Signature) -> int:
        passes = str(signature.result) == PASS
        alignment = alignments.get(signature.domain.lower(), "")
        return ["strict", "relaxed"].index(alignment) if passes and alignment in ("strict", "relaxed") else 3 - passes

    chosen = sorted((s for s in signatures if s.domain), key=rank)[:SIGNATURES]
    return [Signed(s.domain, s.selector, str(s.result), human(s)) for s in chosen]


def human(signature: Signature) -> str:
    return str(getattr(signature, "reason", ""))


# -- XML (§A) ----------------------------------------------------------------------------------------------------------

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> bytes:
    """The report as XML, elements in the schema's order."""
    return "".join(lines(report)).encode()


def lines(report: Report) -> Iterator[str]:
    policy = report.published
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="{NAMESPACE}">\n<version>1.0</version>\n'
    yield "<report_metadata>\n" + element("org_name", report.organization) + element("email", report.email)
    yield optional("extra_contact_info", report.contact) + element("report_id", report.report_id)
    yield f"<date_range>\n<begin>{report.begin}</begin>\n<end>{report.end}</end>\n</date_range>\n"
    yield optional("error", report.error) + optional("generator", report.generator) + "</report_metadata>\n"
    yield "<policy_published>\n" + element("domain", policy.domain) + optional("discovery_method", policy.discovery)
    yield element("p", policy.p) + optional("sp", policy.sp) + optional("np", policy.np) + optional("fo", policy.fo)
    yield optional("adkim", policy.adkim) + optional("aspf", policy.aspf) + optional("testing", policy.testing)
    yield "</policy_published>\n"
    for row in report.rows:
        yield record(row)
    yield "</feedback>\n"


def record(row: Row) -> str:
    because = "".join(
        f"<reason>\n{element('type', kind)}{optional('comment', comment)}</reason>\n" for kind, comment in row.reasons
    )
    return (
        f"<record>\n<row>\n{element('source_ip', row.source_ip)}<count>{row.count}</count>\n"
        f"<policy_evaluated>\n{element('disposition', row.disposition)}{element('dkim', row.dkim)}"
        f"{element('spf', row.spf)}{because}</policy_evaluated>\n</row>\n"
        f"<identifiers>\n{element('header_from', row.header_from)}{optional('envelope_from', row.envelope_from)}"
        f"{optional('envelope_to', row.envelope_to)}</identifiers>\n"
        f"<auth_results>\n{''.join(map(signed, row.signatures))}{checked(row.checked)}</auth_results>\n</record>\n"
    )


def signed(found: Signed) -> str:
    return (
        f"<dkim>\n{element('domain', found.domain)}{element('selector', found.selector)}"
        f"{element('result', found.result)}{optional('human_result', found.human)}</dkim>\n"
    )


def checked(found: Spf | None) -> str:
    if found is None:
        return ""
    return (
        f"<spf>\n{element('domain', found.domain)}<scope>mfrom</scope>\n"
        f"{element('result', found.result)}{optional('human_result', found.human)}</spf>\n"
    )


def element(name: str, text: str) -> str:
    """One element; what XML cannot carry becomes a question mark."""
    return f"<{name}>{escape(NOT_XML.sub('?', text), quote=False)}</{name}>\n"


def optional(name: str, text: str) -> str:
    return element(name, text) if text else ""


# -- as mail (§3.5.2) --------------------------------------------------------------------------------------------------


def filename(report: Report) -> str:
    """``beta.example!alpha.example!1795392000!1795478399.xml.gz``: who tells whom about when."""
    return f"{report.organization}!{report.published.domain}!{report.begin}!{report.end}.xml.gz"


def subject(report: Report) -> str:
    return f"Report Domain: {report.published.domain} Submitter: {report.organization} Report-ID: <{report.report_id}>"


def compressed(report: Report) -> bytes:
    """The XML in gzip; the same report gives the same octets."""
    return gzip.compress(write(report), mtime=0)


def mail(report: Report, sender: str, recipient: str, *, date: str, message_id: str = "") -> bytes:
    """The report as a message: a word to people, and the file.  Sent again it has the same Message-ID (§3.5.2)."""
    message_id = message_id or f"<{report.report_id}>"
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = sender, recipient, subject(report)
    letter["Date"], letter["Message-ID"] = date, message_id
    domain, count = report.published.domain, report.count
    letter.set_content(
        f"This is a DMARC aggregate report about mail from {domain}: {count} messages, {report.passing()} of which "
        f"pass.\nIt is meant for a program; the standard is RFC 9990.\n"
    )
    letter.add_attachment(compressed(report), maintype="application", subtype="gzip", filename=filename(report))
    letter.set_boundary("=_" + hashlib.sha256(f"{report.report_id} {message_id}".encode()).hexdigest()[:24])
    return bytes(letter)
