"""An explanation as text for a terminal, and as data for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..trace import printable
from .findings import duration
from .hops import Hop, delays

if TYPE_CHECKING:
    from .explanation import Explanation

WIDTH = 100
SCHEMA = 1  # the version of what `as_data` gives: `schema.json` describes it


def report(found: Explanation) -> str:
    """The whole of it; what the message says is text, whatever it holds."""
    parts = [head(found), verdicts(found), way(found), parts_of(found), prose(found)]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def head(found: Explanation) -> Iterator[str]:
    for name in ("From", "To", "Subject", "Date"):
        if field := found.message.first(name):
            yield f"{name + ':':<9}{printable(field.text)[: WIDTH - 9]}"
    for note in found.letter.notes:
        yield f"note:    {note}"
    for what, (value, where) in found.given.assumed.items():
        yield f"assumed: {what} {printable(value)}, from {printable(where)}"


def verdicts(found: Explanation) -> Iterator[str]:
    spf, dmarc, chain = found.findings.spf, found.findings.dmarc, found.findings.arc
    whose = f"{found.given.ip} for {spf.domain}; greeting {found.given.helo or 'unknown'}: {spf.helo}" if spf else ""
    yield line("SPF", found.spf if spf else "not checked", whose)
    for one in found.findings.dkim:
        yield line("DKIM", one.result, f"d={one.domain} s={one.selector} {one.algorithm} {one.reason}")
    if not found.findings.dkim:
        yield line("DKIM", "none", "")
    policy = f"{dmarc.tag}={dmarc.policy} at _dmarc.{dmarc.policy_domain}" if dmarc.policy else ""
    yield line("DMARC", dmarc.result, f"{dmarc.domain} {policy}")
    if chain is not None:
        yield line("ARC", chain.result, f"{len(chain.sets)} sets {chain.reason}")


def line(method: str, result: str, told: str) -> str:
    return printable(f"{method:<6} {result:<12} {told}").rstrip()


def way(found: Explanation) -> Iterator[str]:
    """The hops from the first on, with what each took; a line where trust ends."""
    if not found.hops:
        yield "The way: it has no Received field."
        return
    yield "The way, the first hop first (times are UTC)"
    told = list(zip(found.hops, delays(found.hops), strict=True))
    for at in range(len(told) - 1, -1, -1):
        if at == found.given.border:
            yield f"  -- what stands above, anybody can have written; what stands below, {receiver(found)} did"
        yield hop_line(*told[at])


def receiver(found: Explanation) -> str:
    return printable(found.given.receiver) or "a server that gives no name"


def hop_line(hop: Hop, delay: float | None) -> str:
    when = hop.when.strftime("%m-%d %H:%M:%S") if hop.when else "no date"
    took = "" if delay is None else ("+" if delay >= 0 else "-") + duration(abs(delay))
    client = f"{hop.client or '?'} [{hop.ip}]" if hop.ip else hop.client or "?"
    said = f"it says: {hop.protocol or 'no protocol'}, {hop.tls or 'no TLS'}"
    return printable(f"  {when:<14} {took:>9}  {client} -> {hop.by or '?'}  {said}")


def parts_of(found: Explanation) -> Iterator[str]:
    yield from str(found.anatomy).splitlines()


def prose(found: Explanation) -> Iterator[str]:
    yield from textwrap.wrap(printable(found.paragraph), WIDTH)
    for one in found.advice:
        first, *rest = str(one).splitlines()
        yield ""
        yield from textwrap.wrap(printable(first), WIDTH, initial_indent="* ", subsequent_indent="  ")
        yield from map(printable, rest)


def as_data(found: Explanation) -> dict[str, Any]:
    """What `schema.json` describes."""
    dmarc, given = found.findings.dmarc, found.given
    return {
        "schema": SCHEMA,
        "verdict": found.verdict,
        "paragraph": found.paragraph,
        "given": {"ip": given.ip, "helo": given.helo, "mail_from": given.sender, "date": given.now},
        "assumed": {what: {"value": value, "from": where} for what, (value, where) in given.assumed.items()},
        "notes": list(found.letter.notes),
        "spf": spf_data(found),
        "dkim": [signature_data(one) for one in found.findings.dkim],
        "dmarc": {
            "result": dmarc.result,
            "domain": dmarc.domain,
            "policy": dmarc.policy,
            "disposition": dmarc.disposition,
            "policy_domain": dmarc.policy_domain,
            "identifiers": [
                {"method": one.method, "domain": one.domain, "result": one.result, "alignment": one.alignment}
                for one in dmarc.identifiers
            ],
        },
        "arc": found.findings.arc.result if found.findings.arc is not None else None,
        "hops": [hop_data(found, at) for at in range(len(found.hops))],
        "parts": [
            {"type": one.what, "encoding": one.encoding, "octets": one.octets, "depth": len(one.branch) // 3}
            for one in found.anatomy.pieces
        ],
        "advice": [
            {
                "says": one.says,
                "record": dict(zip(("name", "type", "text"), one.record, strict=True)) if one.record else None,
                "then": one.then,
            }
            for one in found.advice
        ],
        "differences": [
            {"method": method, "receiver": theirs, "now": ours} for method, theirs, ours in found.findings.differences
        ],
    }


def spf_data(found: Explanation) -> dict[str, Any] | None:
    spf = found.findings.spf
    if spf is None:
        return None
    return {
        "result": str(spf.result),
        "helo": str(spf.helo),
        "domain": spf.domain,
        "explanation": spf.explanation,
        "lookups": spf.lookups,
        "voids": spf.voids,
    }


def signature_data(one: Any) -> dict[str, Any]:
    return {
        "result": one.result,
        "reason": one.reason,
        "domain": one.domain,
        "selector": one.selector,
        "algorithm": one.algorithm,
        "body_same": one.body_same,
        "fields_good": one.fields_good,
    }


def hop_data(found: Explanation, at: int) -> dict[str, Any]:
    hop: Hop = found.hops[at]
    return {
        "client": hop.client,
        "helo": hop.helo,
        "ip": hop.ip,
        "by": hop.by,
        "protocol": hop.protocol,
        "tls": hop.tls,
        "when": hop.when.isoformat() if hop.when else None,
        "delay": delays(found.hops)[at],
        "believed": found.given.border is not None and at <= found.given.border,
    }
