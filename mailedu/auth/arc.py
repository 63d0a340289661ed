"""ARC (RFC 8617), which is history: an experiment of 2019 in which each relay seals what it found, for the next one.

    i=1   ARC-Authentication-Results: what the first relay found       ARC-Message-Signature: the message as it left
          ARC-Seal: cv=none, signs these two
    i=2   … what the second found                                      … the message as it left there
          ARC-Seal: cv=pass, signs all fields of i=1, and its own two

    chain = yield from validate(message, now)        chain.result, chain.instance: "fail", 2: there it is broken
    message = yield from seal(message, domain, selector, key, now, results=…, chain=chain)

A chain that passes proves who handled the message and what they say they saw; whether to believe them is nobody's rule,
which is why it stayed an experiment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..acts import Acts, LabError, Refused, Rule, nested
from ..message import Field, Message, as_text
from .canonical import with_crlf
from .dkim.field import (
    Claim,
    make_claim,
    octets,
    read_algorithm,
    read_domain,
    read_number,
    read_selector,
    require,
    value_of,
    without_signature,
)
from .dkim.hashing import BodyHash, base64, field_hash_input, hash_body, select
from .dkim.key import private_key
from .dkim.sign import RECOMMENDED, check_names, checked_key, folded, in_lines, make_value, with_field
from .dkim.tags import Tag, read_tags, shown
from .dkim.verify import Signature, check_signature, check_times, compute, find_keys, why_bad

NONE, PASS, FAIL = "none", "pass", "fail"
RELAXED = "relaxed"

RESULTS, SIGNATURE, SEAL = "ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"
KINDS = (RESULTS, SIGNATURE, SEAL)  # in the order in which a seal hashes them (§5.1.1)
MOST = 50  # sets (§4.2.1)
NEVER_SIGNED = ("authentication-results", *(kind.lower() for kind in KINDS))  # by a message signature (§4.1.2)
COMMENTS = rb"(?:[ \t\r\n]|\([^()]*\))*"
INSTANCE = re.compile(rb"%bi%b=%b([0-9]{1,2})%b;" % (COMMENTS, COMMENTS, COMMENTS, COMMENTS))


@dataclass(slots=True)
class ArcSet:
    """The three fields of one instance, and what was found about them."""

    instance: int
    results: Field
    signature: Field
    seal: Field
    domain: str = ""  # of the seal
    status: str = ""  # cv=
    signature_result: str = ""  # "pass", "fail", or "" when nobody looked
    seal_result: str = ""

    @property
    def fields(self) -> tuple[Field, Field, Field]:
        return self.results, self.signature, self.seal

    @property
    def said(self) -> str:
        """What this relay says it found, without the instance."""
        return " ".join(as_text(self.results.value).partition(";")[2].split())


@dataclass(slots=True)
class Chain:
    """What became of the chain (§4.4)."""

    result: str  # "none", "pass", "fail"
    reason: str = ""
    rule: str = ""  # the rule that decided
    instance: int = 0  # where the chain is broken; 0 when it is not, or not at one place
    sets: tuple[ArcSet, ...] = ()
    oldest_pass: int = 0  # the oldest message signature that still fits; 0: all of them (§5.2 step 5)

    def __str__(self) -> str:
        return self.result


# -- validating (§5.2) -------------------------------------------------------------------------------------------------


def validate(message: bytes, now: int | None = None) -> Acts[Chain]:
    """The Chain Validation Status of a message, and the instance at which the chain is broken, if it is."""
    return nested("ARC", validated(Message(message), now))


def validated(message: Message, now: int | None) -> Acts[Chain]:
    """The steps of §5.2; the first that fails ends it, and no failure is a temporary one (§5.2.1)."""
    chain = Chain(PASS, rule="arc.pass")
    try:
        chain.sets = tuple(sorted_sets(message))  # steps 1 to 3
        if not chain.sets:
            yield Rule("arc.none", NONE)
            return Chain(NONE, rule="arc.none")
        yield Rule("arc.chain", "complete", {"count": str(len(chain.sets)), "sealers": sealers(chain.sets)})
        bodies: dict[tuple[str, int | None], BodyHash] = {}
        newest, *older = reversed(chain.sets)
        if not (yield from signature_holds(message, newest, now, bodies)):  # step 4
            raise Refused("arc.signature", "the newest message signature does not fit", instance=str(newest.instance))
        yield from find_oldest(message, chain, older, now, bodies)  # step 5
        for arc_set in (newest, *older):  # step 6
            if not (yield from seal_holds(arc_set, chain.sets, now)):
                raise Refused("arc.seal", f"seal {arc_set.instance} does not fit", instance=str(arc_set.instance))
    except Refused as no:
        chain.result, chain.reason, chain.rule = FAIL, str(no), no.rule
        chain.instance = int(no.because.get("instance", "0"))
        yield Rule(no.rule, FAIL, no.because)
    else:
        yield Rule("arc.pass", PASS, {"count": str(len(chain.sets)), "sealers": sealers(chain.sets)})
    return chain


def sealers(sets: Sequence[ArcSet]) -> str:
    return ", ".join(f"{arc_set.instance} {arc_set.domain}" for arc_set in sets)


def sorted_sets(message: Message) -> list[ArcSet]:
    """Steps 1 to 3: the sets from 1 to N, each complete and alone, and cv= as it has to be."""
    found: dict[int, dict[str, list[Field]]] = {}
    for kind in KINDS:
        for field in message.all(kind):
            found.setdefault(instance_of(field), {}).setdefault(kind, []).append(field)
    if len(found) > MOST:
        raise Refused("arc.too-many", f"more than {MOST} sets", limit=str(MOST))
    check_ended(found)
    sets = []
    for expected, instance in enumerate(sorted(found), 1):
        if instance != expected:
            raise Refused("arc.gap", f"set {expected} is missing", instance=str(expected), after=str(instance))
        sets.append(complete(instance, found[instance]))
    return sets


def instance_of(field: Field) -> int:
    """i=, from 1 to 50 (§4.2.1)."""
    if field.name.lower() == RESULTS.lower():
        match = INSTANCE.match(field.value)
        value = match[1] if match else b""
    else:
        value = tags_of(field)["i"].value if "i" in tags_of(field) else b""
    if not re.fullmatch(rb"[0-9]{1,2}", value) or not 1 <= int(value) <= MOST:
        raise Refused(
            "arc.instance", f"{field.name} has no instance", field=field.name, value=shown(value) or "nothing"
        )
    return int(value)


def tags_of(field: Field) -> Mapping[str, Tag]:
    try:
        return read_tags(value_of(field.data)[0])
    except Refused as no:
        raise Refused("arc.syntax", f"{field.name}: {no}", field=field.name, why=str(no)) from None


def check_ended(found: Mapping[int, Mapping[str, list[Field]]]) -> None:
    """Step 2: whoever sealed last has found the chain broken already."""
    last = max(found, default=0)
    for seal in found.get(last, {}).get(SEAL, []):
        if cv_of(seal) == FAIL:
            raise Refused("arc.ended", f"seal {last} says that the chain is broken", instance=str(last))


def cv_of(seal: Field) -> str:
    tags = tags_of(seal)
    return shown(tags["cv"].value) if "cv" in tags else ""


def complete(instance: int, fields: Mapping[str, list[Field]]) -> ArcSet:
    """Step 3: one field of each kind, no h= in the seal (§4.1.3), and cv=none in the first set, cv=pass later."""
    for kind in KINDS:
        count = len(fields.get(kind, []))
        if count != 1:
            raise Refused(
                "arc.set",
                f"set {instance} has {count} {kind} fields",
                instance=str(instance),
                kind=kind,
                count=str(count),
            )
    arc_set = ArcSet(instance, fields[RESULTS][0], fields[SIGNATURE][0], fields[SEAL][0])
    tags = tags_of(arc_set.seal)
    if "h" in tags:
        raise Refused("arc.seal-h", f"seal {instance} has an h=", instance=str(instance))
    arc_set.status, wanted = cv_of(arc_set.seal), NONE if instance == 1 else PASS
    if arc_set.status != wanted:
        raise Refused(
            "arc.cv",
            f"seal {instance} says cv={arc_set.status}",
            instance=str(instance),
            cv=arc_set.status,
            wanted=wanted,
        )
    arc_set.domain = shown(tags["d"].value).lower() if "d" in tags else ""
    return arc_set


# -- the signatures ----------------------------------------------------------------------------------------------------


def find_oldest(
    message: Message,
    chain: Chain,
    older: Sequence[ArcSet],
    now: int | None,
    bodies: dict[tuple[str, int | None], BodyHash],
) -> Acts[None]:
    """Step 5: how far back the message is as it was; an older signature that does not fit breaks nothing."""
    for arc_set in older:
        if not (yield from signature_holds(message, arc_set, now, bodies)):
            chain.oldest_pass = arc_set.instance + 1
            yield Rule("arc.changed", "noted", {"instance": str(arc_set.instance), "oldest": str(chain.oldest_pass)})
            return


def signature_holds(
    message: Message, arc_set: ArcSet, now: int | None, bodies: dict[tuple[str, int | None], BodyHash]
) -> Acts[bool]:
    """§4.1.2: a DKIM signature by another name, without v=, and with i= for the instance."""
    checking = check_message_signature(message, arc_set, now, bodies)
    arc_set.signature_result = yield from nested(f"ARC, message signature {arc_set.instance}", judged(checking))
    return arc_set.signature_result == PASS


def check_message_signature(
    message: Message, arc_set: ArcSet, now: int | None, bodies: dict[tuple[str, int | None], BodyHash]
) -> Acts[None]:
    field = arc_set.signature
    tags = tags_of(field)
    require(tags, ("a", "b", "bh", "d", "h", "s"))
    claim = make_claim(field.data, tags)
    yield from check_claim(claim, tags, now)
    if SEAL.lower() in claim.names:
        raise Refused("arc.signed-seal", f"it signs {SEAL}", name=SEAL)
    if forbidden := [name for name in claim.names if name in NEVER_SIGNED]:
        yield Rule("arc.signed-arc", "noted", {"name": forbidden[0]})  # a sealer's fault, and nobody else's
    found = Signature()
    keys = yield from find_keys(claim, found)
    yield from compute(message, field, claim, keys, found, bodies)


def seal_holds(arc_set: ArcSet, sets: Sequence[ArcSet], now: int | None) -> Acts[bool]:
    checking = check_seal(arc_set, sets, now)
    arc_set.seal_result = yield from nested(f"ARC, seal {arc_set.instance}", judged(checking))
    return arc_set.seal_result == PASS


def check_seal(arc_set: ArcSet, sets: Sequence[ArcSet], now: int | None) -> Acts[None]:
    """§5.1.1: all sets up to this one, oldest first, its own seal last."""
    tags = tags_of(arc_set.seal)
    claim = read_seal(arc_set.seal, tags)
    yield from check_claim(claim, tags, now)
    found = Signature()
    keys = yield from find_keys(claim, found)
    yield from check_signature(
        claim, seal_input(sets[: arc_set.instance - 1], arc_set.fields[:2], claim.bare), keys, found
    )
    if not found.fields_good:
        yield from why_bad(claim, keys)


def read_seal(field: Field, tags: Mapping[str, Tag]) -> Claim:
    """§4.1.3: no body hash, no h=, and always relaxed."""
    require(tags, ("cv", "a", "b", "d", "s"))
    domain = read_domain(tags["d"])
    return Claim(
        tags=tags,
        algorithm=read_algorithm(tags["a"]),
        signature=octets(tags["b"]),
        body_hash=b"",
        field_form=RELAXED,
        body_form="",
        domain=domain,
        selector=read_selector(tags["s"]),
        identity=f"@{domain}",
        names=(),
        length=None,
        signed_at=read_number(tags, "t"),
        expires=None,
        bare=without_signature(field.data, tags["b"], value_of(field.data)[1]),
    )


def seal_input(before: Sequence[ArcSet], own: Sequence[Field], bare: bytes) -> bytes:
    fields = [field for arc_set in before for field in arc_set.fields]
    return field_hash_input([*fields, *own], bare, RELAXED)


def check_claim(claim: Claim, tags: Mapping[str, Tag], now: int | None) -> Acts[None]:
    yield Rule("arc.tags", "read", {name: shown(tag.value, 400) for name, tag in tags.items()})
    if now is not None:
        check_times(claim, now)


def judged(checking: Acts[None]) -> Acts[str]:
    """ "pass", or "fail" after the rule that says why."""
    try:
        yield from checking
    except Refused as no:
        yield Rule(no.rule, FAIL, no.because)
        return FAIL
    return PASS


# -- sealing (§5.1) ----------------------------------------------------------------------------------------------------


def seal(
    message: bytes,
    domain: str,
    selector: str,
    key: Any,
    now: int,
    *,
    results: bytes | str,
    chain: Chain | None = None,
    names: Sequence[str] | None = None,
) -> Acts[bytes]:
    """The message with one more set on top, or as it is, where the chain ended before.

    `results` is an Authentication-Results field, or its value; `chain` is what `validate` found when the message came
    (without it, the message is validated as it is now); `names` is h= of the message signature.
    """
    key = private_key(key)
    who = [("a", f"{checked_key(key)}-sha256"), ("d", domain), ("s", selector), ("t", str(now))]
    check_names(domain, selector, "")
    whole = Message(with_crlf(message))
    sealing = sealed(whole, key, who, payload(results), checked_names(whole, names), chain)
    return nested("ARC, sealing", sealing, lambda made: "sealed" if made != whole.data else "left as it is")


def sealed(
    message: Message,
    key: Any,
    who: Sequence[tuple[str, str]],
    results: bytes,
    names: Sequence[str],
    chain: Chain | None,
) -> Acts[bytes]:
    if chain is None:
        now = int(dict(who)["t"])
        chain = yield from validate(message.data, now)
    instance = highest(message) + 1
    if chain.rule == "arc.ended" or instance > MOST:
        yield Rule("arc.not-sealed", "left as it is", {"instance": str(instance - 1)})
        return message.data
    if (chain.result == NONE) != (instance == 1):
        raise LabError("This is not the chain of this message: give what validate() found for it, or no chain.")
    own_results = Field(RESULTS, f"{RESULTS}: i={instance}; ".encode() + results)
    own_signature = yield from sign_message(message, instance, key, who, names)
    before = chain.sets if chain.result == PASS else ()  # a broken chain is not signed again (§5.1.2)
    bare = folded(SEAL, [("i", str(instance)), *who, ("cv", chain.result)]) + b"b="
    value = yield from make_value(seal_input(before, (own_results, own_signature), bare), RELAXED, key, "arc.sign-seal")
    own_seal = bare + in_lines(value, 2) + b"\r\n"
    told = {"instance": str(instance), "domain": dict(who)["d"], "cv": chain.result}
    yield Rule("arc.sealed", chain.result, told)
    return with_field(message, own_seal + own_signature.data + own_results.data)


def highest(message: Message) -> int:
    """The highest instance of any field that has one."""
    found = [0]
    for kind in KINDS:
        for field in message.all(kind):
            try:
                found.append(instance_of(field))
            except Refused:
                continue
    return max(found)


def payload(results: bytes | str) -> bytes:
    """The value of an Authentication-Results field, with its CRLF."""
    data = results.encode() if isinstance(results, str) else results
    name, colon, value = data.partition(b":")
    value = value if colon and name.lower() == b"authentication-results" else data
    value = with_crlf(value.strip())
    if not value or re.search(rb"\r\n(?![ \t])", value):
        raise LabError("Give results= an Authentication-Results field, or its value: 'mx.beta.example; spf=pass'.")
    return value + b"\r\n"


def checked_names(message: Message, names: Sequence[str] | None) -> list[str]:
    """h= of the message signature (§4.1.2): DKIM signatures are signed too, fields of ARC and of results never."""
    if names is None:
        there = [field.name.lower() for field in message.fields]
        return [name for name in there if name in RECOMMENDED or name == "dkim-signature"] + ["from"]
    if any(name.lower() in NEVER_SIGNED for name in names) or "from" not in map(str.lower, names):
        raise LabError("A message signature signs From, and no field of ARC or of results: give other names.")
    return list(names)


def sign_message(
    message: Message, instance: int, key: Any, who: Sequence[tuple[str, str]], names: Sequence[str]
) -> Acts[Field]:
    """The ARC-Message-Signature (§4.1.2)."""
    body = hash_body(message, RELAXED)
    tags = [("i", str(instance)), *who, ("c", "relaxed/relaxed"), ("h", ":".join(names)), ("bh", base64(body.digest))]
    bare = folded(SIGNATURE, tags) + b"b="
    hashed = field_hash_input(select(message.fields, names), bare, RELAXED)
    value = yield from make_value(hashed, RELAXED, key, "arc.sign-message")
    return Field(SIGNATURE, bare + in_lines(value, 2) + b"\r\n")
