"""Where a domain's reports may go (RFC 9990 §4): outside its organization only if the other side agrees.

rua=mailto:reports@red.example of blue.example       blue.example._report._dmarc.red.example has to say v=DMARC1
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from ...acts import Acts, Ask, DnsTimeout, NXDomain, Refused, Rule, nested
from ...names import LONGEST_NAME, canonical
from ..dmarc.record import Record, parse_record
from ..dmarc.walk import TreeWalk


def destinations(
    domain: str, record: Record, kind: str = "rua", finder: TreeWalk | None = None
) -> Acts[tuple[str, ...]]:
    """The addresses that reports about `domain` go to: of `kind` "rua" (aggregate) or "ruf" (failure reports)."""
    title = f"where {'aggregate' if kind == 'rua' else 'failure'} reports about {domain} may go"
    return nested(title, _destinations(domain, record, kind, finder or TreeWalk()), verdict=_told)


def _told(addresses: tuple[str, ...]) -> str:
    return ", ".join(addresses) or "nowhere"


def _destinations(domain: str, record: Record, kind: str, finder: TreeWalk) -> Acts[tuple[str, ...]]:
    if kind == "ruf" and record.psd == "y":
        yield Rule("report.suffix", "no failure reports", {"domain": domain})
        return ()
    found: list[str] = []
    for uri in asked_for(record, kind):
        address = address_of(uri)
        if not address:
            yield Rule("report.scheme", "ignored", {"uri": uri[:100]})
        elif (checked := (yield from check(domain, address, kind, finder))) and checked not in found:
            found.append(checked)
    return tuple(found)


def asked_for(record: Record, kind: str) -> tuple[str, ...]:
    return record.rua if kind == "rua" else record.ruf


def address_of(uri: str) -> str:
    """``"mailto:d%2Be@a.example?subject=x"`` -> ``"d+e@a.example"``; "" when it is no mailto: (RFC 6068 §2)."""
    scheme, _, rest = uri.partition(":")
    address = unquote(rest.partition("?")[0])
    one = address.count("@") == 1 and address.isprintable() and not set(address) & set(' ,;<>()"')
    return address if scheme.lower() == "mailto" and one else ""


def check(domain: str, address: str, kind: str, finder: TreeWalk) -> Acts[str]:
    """The address to send to: this one, the one its domain wants instead, or ""."""
    host = canonical(address.rpartition("@")[2])
    because = {"domain": domain, "host": host}
    try:
        ours = yield from finder.organizational(domain)
        theirs = yield from finder.organizational(host)
        if ours == theirs:
            yield Rule("report.same-organization", "sent", because)
            return address
        return (yield from outside(domain, address, host, kind))
    except DnsTimeout:
        yield Rule("report.not-known", "not sent now", because)
        return ""


def outside(domain: str, address: str, host: str, kind: str) -> Acts[str]:
    """Steps 1 to 9 of §4."""
    name, because = f"{domain}._report._dmarc.{host}", {"domain": domain, "host": host}
    if len(name) > LONGEST_NAME:
        yield Rule("report.name-too-long", "not sent", because)
        return ""
    try:
        texts: Sequence[str] = yield Ask(name, "TXT")
    except NXDomain:
        texts = ()
    agreed = [record for text in texts if (record := agreement(text)) is not None]
    if not agreed:
        yield Rule("report.not-agreed", "not sent", because)
        return ""
    instead = next((asked_for(record, kind) for record in agreed if asked_for(record, kind)), ())
    if not instead:
        yield Rule("report.agreed", "sent", because)
        return address
    other = address_of(instead[0])
    if canonical(other.rpartition("@")[2]) != host:
        yield Rule("report.elsewhere", "not sent", {**because, "other": instead[0][:100]})
        return ""
    yield Rule("report.other-address", "sent", {**because, "other": other})
    return other


def agreement(text: str) -> Record | None:
    """A record that says v=DMARC1, whatever else."""
    try:
        return parse_record(text)
    except Refused:
        return None
