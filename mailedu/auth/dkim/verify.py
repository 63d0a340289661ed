"""Verifying (RFC 6376 §6): each signature for itself, to its end, with a result and the reason for it.

    signatures = yield from verify(message, now)
    [(s.domain, s.result, s.reason) for s in signatures]     -> [("alpha.example", "fail", "the body hash differs")]

The results are the words of RFC 8601 §2.7.1.  What happens with the message is decided elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...acts import Acts, Ask, DnsTimeout, NXDomain, Refused, Rule, nested
from ...message import Field, Message
from .field import Claim, a_name, read_claim, value_of
from .hashing import MOST_SHOWN, BodyHash, base64, field_hash_input, hash_body, select, shown_input
from .key import Key, read_key
from .tags import read_tags, shown

PASS, FAIL, POLICY, TEMPERROR, PERMERROR = "pass", "fail", "policy", "temperror", "permerror"

RESULTS = {  # rule -> result; all other reasons are permerror: PERMFAIL without a look at the hashes (§6.1.1, §6.1.2)
    "dkim.historic-algorithm": FAIL,  # RFC 8301 §3.1
    "dkim.weak-key": FAIL,  # RFC 8301 §3.2
    "dkim.body-differs": FAIL,  # §6.1.3 step 3
    "dkim.signature-differs": FAIL,  # §6.1.3 step 4
    "dkim.signature-length": FAIL,
    "dkim.key-unavailable": TEMPERROR,  # §6.1.2 step 2
    "dkim.too-many": POLICY,  # §6.1
}

SLACK = 300  # seconds by which clocks may differ (§3.5 x=)
MOST_SIGNATURES = 50  # of one message; each may cost a question, two hashes and a public-key operation (§8.4)
MOST_KEYS = 10  # records under one name
USUAL = frozenset(
    ("received", "return-path", "dkim-signature", "authentication-results")
)  # nobody expects these signed


@dataclass(slots=True)
class Signature:
    """What became of one DKIM-Signature field."""

    result: str = PERMERROR
    reason: str = ""  # in words, "" when all is well
    rule: str = ""  # the rule that decided
    domain: str = ""  # d=
    selector: str = ""  # s=
    algorithm: str = ""  # a=
    identity: str = ""  # i=
    signature: str = ""  # b=, its beginning is what RFC 6008 calls header.b
    names: tuple[str, ...] = ()  # h=
    start: int = 0  # where the field stands in the message
    bits: int = 0  # of the key
    testing: bool = False  # t=y: not to be treated differently from unsigned mail (§3.6.1)
    body_same: bool | None = None  # None: not looked at
    fields_good: bool | None = None
    unsigned_octets: int = 0  # of the canonical body behind l=
    unsigned_fields: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.result


def verify(message: bytes, now: int | None = None) -> Acts[tuple[Signature, ...]]:
    """One `Signature` a DKIM-Signature field, from the top down; `now` (seconds since 1970) is for t= and x=."""
    return nested("DKIM", verify_all(message, now), verdict)


def verdict(signatures: tuple[Signature, ...]) -> str:
    """``pass``, if there is one pass; else the first result; ``none`` without a signature."""
    results = [signature.result for signature in signatures]
    return "none" if not results else PASS if PASS in results else results[0]


def verify_all(data: bytes, now: int | None) -> Acts[tuple[Signature, ...]]:
    message = Message(data)
    fields = message.all("DKIM-Signature")
    if not fields:
        yield Rule("dkim.unsigned", "none")
    elif message.has_bare_lf:
        yield Rule("dkim.line-ends", "read as CRLF", {"count": str(data.count(b"\n") - data.count(b"\r\n"))})
    bodies: dict[tuple[str, int | None], BodyHash] = {}
    signatures = []
    for number, signature in enumerate(fields, 1):
        one = verify_one(message, signature, now, bodies, number)
        signatures.append((yield from nested(f"DKIM, signature {number}", one)))
    return tuple(signatures)


def verify_one(
    message: Message, signed: Field, now: int | None, bodies: dict[tuple[str, int | None], BodyHash], number: int
) -> Acts[Signature]:
    """All of §6.1 for one signature; whatever stops it becomes its result."""
    found = Signature(start=signed.start)
    try:
        if number > MOST_SIGNATURES:
            raise Refused("dkim.too-many", "too many signatures", limit=str(MOST_SIGNATURES))
        claim = yield from claimed(signed, found, now)  # 6.1.1
        keys = yield from find_keys(claim, found)  # 6.1.2
        yield from compute(message, signed, claim, keys, found, bodies)  # 6.1.3
    except Refused as no:
        found.result, found.reason, found.rule = RESULTS.get(no.rule, PERMERROR), str(no), no.rule
        yield Rule(no.rule, found.result, no.because)
    else:
        found.result, found.rule = PASS, "dkim.pass"
        yield Rule("dkim.pass", PASS, {"domain": claim.domain, "identity": claim.identity})
    return found


def describe(found: Signature, text: Mapping[str, str]) -> None:
    """What can be said of a signature before anybody knows whether it follows the rules."""
    found.domain, found.selector = text.get("d", "").lower(), text.get("s", "").lower()
    found.algorithm, found.identity = text.get("a", ""), text.get("i", "")
    found.signature = "".join(text.get("b", "").split())


# -- 6.1.1: the field --------------------------------------------------------------------------------------------------


def claimed(signed: Field, found: Signature, now: int | None) -> Acts[Claim]:
    tags = read_tags(value_of(signed.data)[0])
    text = {name: shown(tag.value, MOST_SHOWN) for name, tag in tags.items()}
    describe(found, text)
    yield Rule("dkim.tags", "read", text)
    claim = read_claim(signed.data, tags)
    found.domain, found.selector, found.identity = claim.domain, claim.selector, claim.identity
    found.names = claim.names
    if now is not None:
        check_times(claim, now)
    return claim


def check_times(claim: Claim, now: int) -> None:
    """t= and x=, by our clock."""
    if claim.signed_at is not None and claim.signed_at > now + SLACK:
        raise Refused("dkim.future", "the signature is from the future", t=str(claim.signed_at), now=str(now))
    if claim.expires is not None and claim.expires < now - SLACK:
        raise Refused("dkim.expired", "the signature has expired", x=str(claim.expires), now=str(now))


# -- 6.1.2: the key ----------------------------------------------------------------------------------------------------


def find_keys(claim: Claim, found: Signature) -> Acts[list[Key]]:
    """The keys under the selector that fit; Refused, with the first record's fault, if none does."""
    try:
        records: tuple[str, ...] = tuple((yield Ask(claim.key_name, "TXT")))
    except NXDomain:
        records = ()
    except DnsTimeout:
        raise Refused("dkim.key-unavailable", "the key cannot be had now", name=claim.key_name) from None
    if not records:
        raise Refused("dkim.no-key", "there is no key", name=claim.key_name)
    if len(records) > 1:
        yield Rule("dkim.several-keys", "undefined", {"name": claim.key_name, "count": str(len(records))})
    keys, faults = [], []
    for record in records[:MOST_KEYS]:
        try:
            keys.append(fitting(read_key(record), claim))
        except Refused as no:
            faults.append(no)
    if not keys:
        raise faults[0]
    found.bits, found.testing = keys[0].bits, keys[0].testing
    for key in keys:
        yield Rule("dkim.key", "fits", {"name": claim.key_name, "type": key.type, "bits": str(key.bits)})
    if found.testing:
        yield Rule("dkim.testing", "noted", {"domain": claim.domain})
    return keys


def fitting(key: Key, claim: Claim) -> Key:
    """The key, if it is for this algorithm and this identity."""
    kind = claim.algorithm.partition("-")[0]
    if key.type != kind:
        raise Refused("dkim.key-algorithm", "the key is for another algorithm", key=key.type, algorithm=claim.algorithm)
    if key.strict and a_name(claim.identity.rpartition("@")[2]) != claim.domain:
        raise Refused("dkim.strict", "the key allows no subdomain in i=", identity=claim.identity, domain=claim.domain)
    return key


# -- 6.1.3: the hashes and the signature -------------------------------------------------------------------------------


def compute(
    message: Message,
    signed: Field,
    claim: Claim,
    keys: list[Key],
    found: Signature,
    bodies: dict[tuple[str, int | None], BodyHash],
) -> Acts[None]:
    """Both hashes are computed and shown, whatever becomes of the first one."""
    body = yield from compare_body(message, claim, found, bodies)
    chosen = select(message.fields, claim.names, signed)
    yield from covered(message, signed, claim, chosen, found)
    hashed = field_hash_input(chosen, claim.bare, claim.field_form, message.has_bare_lf)
    yield from check_signature(claim, hashed, keys, found)
    if claim.length is not None:
        yield from check_length(claim, body, found)
    if not found.body_same:
        raise Refused("dkim.body-differs", "the body hash differs", domain=claim.domain)
    if not found.fields_good:
        yield from why_bad(claim, keys)


def why_bad(claim: Claim, keys: list[Key]) -> Acts[None]:
    """Refused; an RSA key can tell before whether its owner signed something else, or nothing at all."""
    check_signature_length(claim, keys)
    opened = [digest for key in keys if key.type == "rsa" and (digest := key.opened(claim.signature))]
    if opened:
        yield Rule("dkim.opened", "another hash", {"signed": base64(opened[0]), "domain": claim.domain})
        raise Refused("dkim.signature-differs", "the signature differs: it is for other fields", domain=claim.domain)
    if keys[0].type == "rsa":
        yield Rule("dkim.not-opened", "no hash", {"domain": claim.domain})
        raise Refused("dkim.signature-differs", "the signature differs: another key made it", domain=claim.domain)
    raise Refused("dkim.signature-differs", "the signature differs", domain=claim.domain)


def compare_body(
    message: Message, claim: Claim, found: Signature, bodies: dict[tuple[str, int | None], BodyHash]
) -> Acts[BodyHash]:
    """Step 3; a body that was hashed in the same way before is not hashed again."""
    body = bodies.get((claim.body_form, claim.length))
    if body is None:
        body = bodies[claim.body_form, claim.length] = hash_body(message, claim.body_form, claim.length)
    found.body_same = body.digest == claim.body_hash
    yield Rule(
        "dkim.body-hash",
        "same" if found.body_same else "differs",
        {
            "form": claim.body_form,
            "raw": str(len(message.data) - message.body_start),
            "canonical": str(body.canonical),
            "hashed": str(body.hashed),
            "digest": base64(body.digest),
            "bh": base64(claim.body_hash),
        },
    )
    return body


def check_signature(claim: Claim, hashed: bytes, keys: list[Key], found: Signature) -> Acts[None]:
    """Step 4."""
    digest = hashlib.sha256(hashed).digest()
    found.fields_good = any(key.signed(claim.signature, digest) for key in keys)
    yield Rule(
        "dkim.signature",
        "good" if found.fields_good else "bad",
        {
            "algorithm": claim.algorithm,
            "form": claim.field_form,
            "hashed": str(len(hashed)),
            "digest": base64(digest),
            "input": shown_input(hashed),
        },
    )


def covered(message: Message, signed: Field, claim: Claim, chosen: list[Field], found: Signature) -> Acts[None]:
    """Which fields the signature holds, and which of the others somebody might take for signed."""
    held = {id(one) for one in chosen}
    open_fields = [one.name for one in message.fields if one.name and id(one) not in held and one is not signed]
    found.unsigned_fields = tuple(open_fields)
    yield Rule(
        "dkim.covers",
        f"{len(chosen)} of {len(chosen) + len(open_fields)}",
        {"signed": ", ".join(one.name for one in chosen), "unsigned": ", ".join(open_fields) or "none"},
    )
    again = {name for name in map(str.lower, open_fields) if name in claim.names}
    if again - USUAL:
        yield Rule("dkim.added-again", "noted", {"names": ", ".join(sorted(again - USUAL))})


def check_length(claim: Claim, body: BodyHash, found: Signature) -> Acts[None]:
    """l= may not be more than there is (§3.5); what lies behind it is anybody's (§8.2)."""
    assert claim.length is not None
    if claim.length > body.canonical:
        raise Refused("dkim.length", "l= is more than the body has", l=str(claim.length), canonical=str(body.canonical))
    found.unsigned_octets = body.canonical - claim.length
    if found.unsigned_octets:
        yield Rule("dkim.unsigned-tail", "noted", {"l": str(claim.length), "octets": str(found.unsigned_octets)})


def check_signature_length(claim: Claim, keys: list[Key]) -> None:
    """A b= that was cut off is named as such."""
    if len(claim.signature) not in {key.signature_octets for key in keys}:
        have, wanted = str(len(claim.signature)), str(keys[0].signature_octets)
        raise Refused("dkim.signature-length", f"b= has {have} octets, not {wanted}", octets=have, wanted=wanted)
