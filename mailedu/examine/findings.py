"""The examination itself: the evaluators, one after the other, on a message that somebody brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..acts import Acts, Refused, Rule, nested
from ..auth import arc, dkim, dmarc, results, spf
from ..auth.dkim.field import read_claim
from ..auth.dkim.hashing import hash_body
from ..message import Message
from .given import Given
from .hops import Hop, delays
from .letter import Letter

KEY_GONE = ("dkim.no-key", "dkim.revoked", "dkim.key-unavailable")  # the key cannot be asked any more, the body can


@dataclass(slots=True)
class Findings:
    """What each method found.  `spf` is None where nobody knows who called."""

    spf: spf.Spf | None
    dkim: tuple[dkim.Signature, ...]
    dmarc: dmarc.Dmarc
    arc: arc.Chain | None
    differences: tuple[tuple[str, str, str], ...] = ()  # (method, what the receiver wrote, what we find)

    @property
    def verdict(self) -> str:
        """ "pass", "fail" or "temperror": what a script wants to know.

        DMARC's result; where there is no policy, whether anything passed at all.
        """
        if self.dmarc.result == "none":
            passed = any(one.result == "pass" for one in self.dkim) or (self.spf is not None and self.result == "pass")
            told = [self.result, *(str(one.result) for one in self.dkim)]
            return "pass" if passed else "temperror" if "temperror" in told else "fail"
        return {"pass": "pass", "temperror": "temperror"}.get(self.dmarc.result, "fail")

    @property
    def result(self) -> str:
        """SPF's word for MAIL FROM, "none" where it could not be asked."""
        return str(self.spf.result) if self.spf is not None else "none"


def examine(letter: Letter, given: Given) -> Acts[Findings]:
    """All of it, each part nested under its name."""
    for note in letter.notes:
        yield Rule("examine.note", "noted", {"note": note})
    for what, (value, where) in given.assumed.items():
        yield Rule("examine.assumed", value, {"what": what, "value": value, "where": where})
    yield from nested("the way it came", way(given), str)
    found = None
    if given.ip and given.sender is not None:
        found = yield from spf.check(given.ip, given.helo, given.sender, now=given.now)
    else:
        missing = "address of the client" if not given.ip else "sender of the envelope"
        yield Rule("examine.no-spf", "not checked", {"missing": missing})
    signatures = yield from dkim.verify(letter.data, given.now)
    yield from what_is_left(letter.data, signatures)
    chain = (yield from arc.validate(letter.data, given.now)) if Message(letter.data).first("ARC-Seal") else None
    policy = yield from dmarc.evaluate(letter.data, found, signatures)
    differ = yield from compared(given.claims, found, signatures, policy)
    return Findings(found, signatures, policy, chain, tuple(differ))


def way(given: Given) -> Acts[str]:
    """The hops, the first one first; the one at the border is the last that can be believed."""
    told = list(zip(given.hops, delays(given.hops), strict=True))
    for at in range(len(told) - 1, -1, -1):
        hop, delay = told[at]
        believed = given.border is not None and at <= given.border
        yield Rule("examine.hop", "believed" if believed else "claimed", hop_because(hop, delay))
        if at == given.border:
            yield Rule("examine.border", "from outside", {"host": hop.by or "a server", "client": hop.ip or hop.client})
    return f"{len(told)} hops" if len(told) != 1 else "1 hop"


def hop_because(hop: Hop, delay: float | None) -> dict[str, str]:
    return {
        "client": hop.client or "nobody named",
        "host": hop.by or "a server that gives no name",
        "protocol": hop.protocol or "a protocol that is not named",
        "delay": "at a time unknown" if delay is None else spoken(delay),
    }


def spoken(seconds: float) -> str:
    """``"after 2 h 5 min"``; less than none is a clock that is wrong."""
    if seconds < 0:
        return f"{duration(-seconds)} before the hop before it: one of two clocks is wrong"
    return f"after {duration(seconds)}"


def duration(seconds: float) -> str:
    """``3725`` -> ``"1 h 2 min"``: the two largest units."""
    left, parts = int(seconds), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def what_is_left(data: bytes, signatures: Sequence[dkim.Signature]) -> Acts[None]:
    """Without its key a signature proves nothing; whether the body is still the one that was signed can be seen."""
    message = Message(data)
    fields = {field.start: field for field in message.all("DKIM-Signature")}
    for signature in signatures:
        if signature.rule not in KEY_GONE or signature.start not in fields:
            continue
        try:
            claim = read_claim(fields[signature.start].data)
        except Refused:
            continue
        same = hash_body(message, claim.body_form, claim.length).digest == claim.body_hash
        signature.body_same = same
        because = {"domain": signature.domain, "name": f"{signature.selector}._domainkey.{signature.domain}"}
        yield Rule("examine.key-gone", "the body is the same" if same else "the body differs", because)


def compared(
    claims: Sequence[results.Results],
    by_spf: spf.Spf | None,
    signatures: Sequence[dkim.Signature],
    policy: dmarc.Dmarc,
) -> Acts[list[tuple[str, str, str]]]:
    """What the receiver found when it came, beside what is found now."""
    differ = []
    for claim in claims:
        for said in claim.results:
            ours = ours_of(said, by_spf, signatures, policy)
            if not ours:
                continue
            if ours == "temperror":
                continue  # it says nothing of what was found then
            same = ours == said.result
            because = {"host": claim.host, "method": said.method, "theirs": said.result, "ours": ours}
            yield Rule("examine.compared", "the same" if same else "different", because)
            if not same:
                differ.append((said.method, said.result, ours))
    return differ


def ours_of(
    said: results.Result, by_spf: spf.Spf | None, signatures: Sequence[dkim.Signature], policy: dmarc.Dmarc
) -> str:
    """Our result for the same thing; "" where there is none."""
    match said.method:
        case "spf":
            if by_spf is None or said["smtp.helo"]:
                return ""
            return str(by_spf.result)
        case "dkim":
            wanted = said["header.d"] or said["header.i"].rpartition("@")[2]
            fitting = [
                one
                for one in signatures
                if (not wanted or one.domain == wanted.lower())
                and (not said["header.s"] or one.selector == said["header.s"].lower())
            ]
            return ("pass" if any(one.result == "pass" for one in fitting) else fitting[0].result) if fitting else ""
        case "dmarc":
            return policy.result
    return ""
