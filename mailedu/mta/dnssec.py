"""DNSSEC, the asker's side (RFC 4033 to 4035): whether what the DNS said is what its owner signed.

A host is given trust anchors: the hash of a domain's key (a DS record) by a way that is not the DNS.  A domain that
has one is an "island of security" (RFC 4033 §2); chains of keys from the root are not followed here, since the lab's
DNS has no zone cuts.  What is under no anchor is insecure; what is under one is signed, or bogus.

The arithmetic is dnspython's.  An alias (CNAME) is not followed: what it leads to has no signature of this name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import Acts, Ask, NXDomain, Refused, Rule, nested
from ..names import canonical
from ..zone import TTL, written

if TYPE_CHECKING:
    from .house import House

MOST_STEPS = 16  # along a chain of NSEC records
Records = tuple[str, ...]
Keys = dict[str, Any]  # domain -> its keys, as dnspython has them


class Anchor(NamedTuple):
    """A domain whose key is known, and the hash of that key as a DS record has it."""

    domain: str
    ds: str  # "12345 15 2 0123…"


def anchor_for(anchors: tuple[str, ...], name: str) -> Anchor | None:
    """The anchor that is nearest above a name, of those that are written "beta.example 12345 15 2 0123…"."""
    known = [Anchor(*anchor.split(None, 1)) for anchor in anchors]
    above = [anchor for anchor in known if f".{canonical(name)}".endswith(f".{anchor.domain}")]
    return max(above, key=lambda anchor: len(anchor.domain), default=None)


def secure(house: House, name: str, type: str, keys: Keys) -> Acts[Records | None]:
    """The records as their owner signed them, () where he signed that there are none; None where nothing is signed.

    `keys`: those that were asked for already, and those that this asks for.
    Refused, where the signatures do not say so: somebody else has changed it, or its owner forgot to sign it anew.
    """
    anchor = anchor_for(house.setup.anchors, name)
    if anchor is None:
        yield Rule("dane.insecure", "insecure", {"name": name, "type": type})
        return None
    looking = look_up(anchor, canonical(name), type, keys, house.clock.unix())
    return (yield from nested(f"DNSSEC: {name} {type}", looking, verdict=lambda found: f"{len(found)} secure"))


def look_up(anchor: Anchor, name: str, type: str, known: Keys, now: int) -> Acts[Records]:
    keys = known.get(anchor.domain)
    if keys is None:
        keys = known[anchor.domain] = yield from keys_of(anchor, now)
    records = yield from asked(name, type)
    if not records:
        yield from denied(anchor, keys, name, type, now)
        return ()
    signatures = yield from asked(name, "RRSIG")
    because = {"name": name, "type": type, "domain": anchor.domain}
    yield Rule("dane.signed", "secure", because | {"until": check(anchor, keys, name, type, records, signatures, now)})
    return records


def asked(name: str, type: str) -> Acts[Records]:
    """What is there; a name that is not has nothing."""
    records: Records
    try:
        records = yield Ask(name, type)
    except NXDomain:
        records = ()
    return records


def bogus(name: str, type: str, why: str) -> Refused:
    """RFC 4035 §5.5: a resolver gives such data to nobody; its asker learns that there was a failure."""
    return Refused("dane.bogus", f"451 4.7.0 DNSSEC: {name} {type}: {why}", name=name, type=type, why=why)


def keys_of(anchor: Anchor, now: int) -> Acts[Any]:
    """The domain's keys: one of them has the anchor's hash, and signed them all (RFC 4035 §5.2)."""
    import dns.dnssec
    import dns.exception
    import dns.rdata

    domain = anchor.domain
    records = yield from asked(domain, "DNSKEY")
    signatures = yield from asked(domain, "RRSIG")
    if not records:
        raise bogus(domain, "DNSKEY", "the domain should be signed, and it has no key")
    keys = rrset(domain, "DNSKEY", records)
    try:
        wanted: Any = dns.rdata.from_text("IN", "DS", anchor.ds)
        anchored = [
            key for key in keys if dns.dnssec.make_ds(keys.name, key, wanted.digest_type, validating=True) == wanted
        ]
    except (dns.exception.DNSException, ValueError) as why:
        raise bogus(domain, "DNSKEY", str(why)) from None
    if not anchored:
        raise bogus(domain, "DNSKEY", "none of its keys is the one that is known here")
    known = rrset(domain, "DNSKEY", [anchored[0].to_text()])
    check(anchor, known, domain, "DNSKEY", records, signatures, now)
    yield Rule("dane.key", "secure", {"domain": domain, "tag": anchor.ds.split()[0]})
    return keys


def check(anchor: Anchor, keys: Any, name: str, type: str, records: Records, signatures: Records, now: int) -> str:
    """A signature of these records that is good now (RFC 4035 §5.3), until when; Refused says why there is none."""
    import dns.dnssec
    import dns.exception

    why = "there is no signature"
    for one in signatures:
        if one.split()[0] != type:
            continue
        [signature] = rrset(name, "RRSIG", [one])
        try:
            dns.dnssec.validate_rrsig(
                rrset(name, type, records), signature, {absolute(anchor.domain): keys}, now=float(now)
            )
        except (dns.exception.DNSException, ValueError) as wrong:
            why = PLAINER.get(str(wrong), str(wrong))
        else:
            until = one.split()[4]  # "20261207090000"
            return f"{until[:4]}-{until[4:6]}-{until[6:8]} {until[8:10]}:{until[10:12]} UTC"
    raise bogus(name, type, why)


PLAINER = {  # dnspython's words -> ours
    "verify failure": "the signature is not of these records",
    "expired": "the signature is too old",
    "not yet valid": "the signature is for a later time",
    "unknown key": "the signature is by a key that is not the domain's",
}


def denied(anchor: Anchor, keys: Any, name: str, type: str, now: int) -> Acts[None]:
    """Whether the owner signed that there is no such record (RFC 4035 §5.4): an NSEC names what there is, or a gap.

    In a packet the right NSEC comes along; here it is looked for, from the nearest name above that there is.
    (That no wildcard would have answered is not proved: the lab's signed domains have none.)
    """
    at = name
    while not (found := (yield from asked(at, "NSEC"))) and at != anchor.domain:
        at = at.partition(".")[2]
    for _ in range(MOST_STEPS):
        if not found:
            break
        signatures = yield from asked(at, "RRSIG")
        check(anchor, keys, at, "NSEC", found, signatures, now)
        next_name, *types = found[0].split()
        because = {"name": name, "type": type, "at": at, "next": next_name, "types": " ".join(types)}
        if at == name and type not in types:
            yield Rule("dane.no-such-record", "secure", because)
            return
        if at != name and lies_between(name, at, next_name, anchor.domain):
            yield Rule("dane.no-such-name", "secure", because)
            return
        if at == name or canonical(next_name) == anchor.domain:
            break
        at = canonical(next_name)
        found = yield from asked(at, "NSEC")
    raise bogus(name, type, "it is not there, and nobody signed that it is not")


def lies_between(name: str, at: str, next_name: str, domain: str) -> bool:
    """Whether a name would stand between two neighbours (RFC 4034 §6.1); after the last one comes the first."""
    after = absolute(at) < absolute(name)
    return after and (absolute(name) < absolute(next_name) or canonical(next_name) == domain)


def absolute(name: str) -> Any:
    import dns.name

    return dns.name.from_text(name)


def rrset(name: str, type: str, records: Records | list[str]) -> Any:
    """dnspython's form of records."""
    import dns.rrset

    return dns.rrset.from_text_list(absolute(name), TTL, "IN", type, [written(type, record) for record in records])
