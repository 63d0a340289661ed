"""SPF, DKIM and DMARC by themselves: the evaluators run to their end, with any resolver, and with their trace.

And DKIM's other half: to sign a message with any key, any canonical forms, any choice of fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..acts import Acts, LabError
from ..auth import dkim, dmarc, spf
from ..clock import MORNING
from ..message import Message
from ..net.drive import Dns, World
from ..trace import Trace
from .microscopes import microscopes
from .shown import Shown

MESSAGE_NEEDED = "Give the message as bytes (or as text): its header, an empty line, its body."


class SpfVerdict(Shown):
    """SPF's two checks: `result` is MAIL FROM's, `helo` HELO's; `explanation` is what the domain says of a fail."""

    def __init__(self, found: spf.Spf, trace: Trace) -> None:
        self.trace, self.title = trace, "SPF"
        self.result, self.helo = str(found.result), str(found.helo)
        self.domain, self.explanation = found.domain, found.explanation
        self.lookups, self.voids = found.lookups, found.voids  # of MAIL FROM: of 10, and of 2 (RFC 7208 §4.6.4)

    def __repr__(self) -> str:
        return f"<SPF {self.result} for {self.domain}, HELO {self.helo}>"

    def picture(self) -> str:
        from ..views.spf import tree_svg

        return tree_svg(self.trace)

    def figure(self, **options: Any) -> Any:
        """The records as trees of terms, by matplotlib: each term with its outcome, its cost and its section."""
        from ..views.spf import spf_tree

        return spf_tree(self.trace, **options)


class DkimVerdict(tuple[dkim.Signature, ...], Shown):
    """One result a signature: `.result .reason .domain .selector`; and the trace of all of it."""

    trace: Trace
    title = "DKIM"

    message: bytes

    def __new__(cls, found: Iterable[dkim.Signature], trace: Trace, message: bytes = b"") -> DkimVerdict:
        made = super().__new__(cls, found)
        made.trace, made.message = trace, message
        return made

    def microscopes(self) -> Sequence[Any]:
        return microscopes(self.trace, [self.message])

    def __repr__(self) -> str:
        each = ", ".join(f"{one.result} for {one.domain}" for one in self)
        return f"<DKIM {each or 'none'}>"


class DmarcVerdict(Shown):
    """`result`; `policy` as published for the domain; `disposition`, what its owner asks to be done."""

    def __init__(self, found: dmarc.Dmarc, by_spf: spf.Spf, signatures: Iterable[dkim.Signature], trace: Trace) -> None:
        self.trace, self.title, self.finding = trace, "DMARC", found
        self.result, self.policy, self.disposition = str(found.result), found.policy, found.disposition
        self.domain = found.domain
        self.spf, self.dkim = str(by_spf.result), tuple(str(one.result) for one in signatures)

    def __repr__(self) -> str:
        return f"<DMARC {self.result} for {self.domain}, policy {self.policy or 'none'}>"


class DmarcComparison(Shown):
    """One message under RFC 9989 and under RFC 7489: `new`, `old`, and the `differences`, (what, new, old) each."""

    def __init__(self, new: dmarc.Dmarc, old: dmarc.Dmarc, trace: Trace) -> None:
        self.new, self.old, self.trace, self.title = new, old, trace, "DMARC: RFC 9989 beside RFC 7489"
        self.differences = dmarc.differences(new, old)

    def __repr__(self) -> str:
        told = "; ".join(
            f"{what}: {ours or 'nothing'}, not {theirs or 'nothing'}" for what, ours, theirs in self.differences
        )
        return f"<RFC 9989 {self.new.result}, RFC 7489 {self.old.result}: {told or 'no difference'}>"


def perform(acts: Acts[Any], dns: Dns, actor: str, now: float = 0.0) -> tuple[Any, Trace]:
    """Run acts to their end in a world of their own: (what they returned, what they did)."""
    if not callable(dns):
        raise LabError("Give dns= a Zone, or any callable(name, type) that returns a list of strings.")
    world = World(dns)
    world.clock.now = now
    part = world.start(acts, actor)
    world.run()
    return part.value, world.trace


def check_spf(*, ip: str, helo: str, mail_from: str, dns: Dns, now: float = 0.0) -> SpfVerdict:
    """SPF for a client at `ip` that says `helo` and `mail_from` ("" for a bounce): RFC 7208's two checks."""
    found, trace = perform(spf.check(ip, helo, mail_from, now=unix(now)), dns, "spf", now)
    return SpfVerdict(found, trace)


def verify_dkim(message: bytes | str, *, dns: Dns, now: float = 0.0) -> DkimVerdict:
    """Every DKIM signature of a message (RFC 6376); an empty result where there is none."""
    data = as_bytes(message)
    found, trace = perform(dkim.verify(data, unix(now)), dns, "dkim", now)
    return DkimVerdict(found, trace, data)


class Signed(Shown):
    """What signing made: `message`, the signed one, and `field`, the signature; and the trace of both hashes."""

    title = "DKIM, signing"

    def __init__(self, message: bytes, trace: Trace) -> None:
        self.message, self.trace = message, trace
        self.field = Message(message).all("DKIM-Signature")[0].data

    def __repr__(self) -> str:
        return f"<Signed: {len(self.message)} octets, {len(self.field)} of them the signature's field>"


def sign_dkim(message: bytes | str, domain: str, *, selector: str, key: Any, now: float = 0.0, **how: Any) -> Signed:
    """The message with a DKIM-Signature of `domain` in front (RFC 6376 §5).

    `key` is a private key: of `cryptography`, or PEM, or the base64 of an Ed25519 seed (RFC 8463).  `how` is what
    `auth.dkim.sign` takes: `names` (h=), `oversign`, `canonicalization` ("relaxed/simple"), `length` (l=), `valid`
    (x=, in seconds), `identity` (i=), `copy` (z=).
    """
    if unknown := [name for name in how if name not in HOW]:
        raise LabError(f"Signing has no choice {unknown[0]!r}: there are {', '.join(HOW)}.")
    acts = dkim.sign(as_bytes(message), domain, selector, key, unix(now), **how)
    found, trace = perform(acts, no_answers, "signer", now)
    return Signed(found, trace)


HOW = ("names", "oversign", "canonicalization", "identity", "length", "valid", "copy")


def no_answers(name: str, type: str) -> tuple[str, ...]:
    return ()  # who signs asks nobody


def evaluate_dmarc(
    message: bytes | str, *, ip: str, helo: str, mail_from: str, dns: Dns, now: float = 0.0
) -> DmarcVerdict:
    """DMARC for a message (RFC 9989), with the SPF and DKIM that it rests on."""
    acts = dmarc_acts(as_bytes(message), ip, helo, mail_from, unix(now))
    (found, by_spf, signatures), trace = perform(acts, dns, "dmarc", now)
    return DmarcVerdict(found, by_spf, signatures, trace)


def dmarc_acts(
    data: bytes, ip: str, helo: str, mail_from: str, now: int
) -> Acts[tuple[dmarc.Dmarc, spf.Spf, tuple[dkim.Signature, ...]]]:
    by_spf = yield from spf.check(ip, helo, mail_from, now=now)
    signatures = yield from dkim.verify(data, now)
    found = yield from dmarc.evaluate(data, by_spf, signatures)
    return found, by_spf, signatures


def compare_dmarc(
    message: bytes | str, *, ip: str, helo: str, mail_from: str, dns: Dns, now: float = 0.0, lot: int = 0
) -> DmarcComparison:
    """DMARC by RFC 9989 and by RFC 7489, on the same SPF and DKIM; `lot` is the message's draw for pct=, 0 to 99."""
    if lot not in range(100):
        raise LabError(f"lot is a number from 0 to 99, not {lot!r}.")
    (new, old), trace = perform(comparison(as_bytes(message), ip, helo, mail_from, unix(now), lot), dns, "dmarc", now)
    return DmarcComparison(new, old, trace)


def comparison(
    data: bytes, ip: str, helo: str, mail_from: str, now: int, lot: int
) -> Acts[tuple[dmarc.Dmarc, dmarc.Dmarc]]:
    by_spf = yield from spf.check(ip, helo, mail_from, now=now)
    signatures = yield from dkim.verify(data, now)
    return (yield from dmarc.compare(data, by_spf, signatures, lot=lot))


def unix(now: float) -> int:
    """Seconds of lab time as seconds since 1970."""
    return int(MORNING.timestamp() + now)


def as_bytes(message: bytes | str) -> bytes:
    """The message's octets; a str is given CRLF line ends, bytes stay as they are."""
    if isinstance(message, str):
        return message.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    if isinstance(message, bytes | bytearray | memoryview):
        return bytes(message)
    raise LabError(f"{MESSAGE_NEEDED} This is {type(message).__name__}.")
