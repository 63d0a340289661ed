"""DMARC as it was until May 2026 (RFC 7489): the organizational domain comes from a list of public suffixes.

For comparison: `compare` runs one message under both, and says where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from ...acts import Acts, Rule, nested
from ...message import Message
from .evaluate import FINDERS, Dmarc, Signature, SpfResult, evaluate
from .record import NONE
from .walk import ONE_BELOW, Policy, Records, without_policy

Suffixes = Callable[[str], str | None]  # "www.example.co.uk" -> "example.co.uk"; None for a public suffix


@cache
def public_suffixes() -> Suffixes:
    """The Public Suffix List that the package publicsuffixlist brings along."""
    from publicsuffixlist import PublicSuffixList  # type: ignore[import-untyped,unused-ignore]

    found: Suffixes = PublicSuffixList().privatesuffix
    return found


class SuffixList:
    """RFC 7489's way to a policy and to organizational domains (§3.2, §6.6.3).  One for each evaluation."""

    rfc = "7489"

    def __init__(self, lot: int = 0, suffixes: Suffixes | None = None) -> None:
        self.records = Records(self.rfc)
        self.organizations: dict[str, str] = {}
        self.lot, self.suffixes = lot, suffixes or public_suffixes()

    def policy(self, author: str) -> Acts[Policy | None]:
        """§6.6.3: at the author domain, else at its organizational domain, and nowhere else."""
        domain = author
        record = yield from self.records.at(author)
        if record is None and author not in self.records.several:
            domain = yield from self.organizational(author)
            if domain != author:
                record = yield from self.records.at(domain)
        if record is None:
            return None
        if not record.p or record.invalid("sp"):
            return (yield from without_policy(domain, record))
        tag = "sp" if domain != author and record.sp else "p"
        wanted: str = getattr(record, tag)
        yield Rule("dmarc.policy", wanted, {"author": author, "domain": domain, "tag": tag})
        return Policy(wanted, tag, domain, record)

    def organizational(self, domain: str) -> Acts[str]:
        """§3.2: the public suffix and one label more."""
        if domain not in self.organizations:
            self.organizations[domain] = found = self.suffixes(domain) or domain
            yield Rule("dmarc.suffix-list", found, {"domain": domain})
        return self.organizations[domain]

    def asked(self, policy: Policy) -> Acts[str]:
        """§6.6.4: pct= of the messages get the policy, the others the next milder one."""
        share = policy.record.pct
        if share == 100 or policy.wanted == NONE:
            return policy.wanted
        wanted = policy.wanted if self.lot < share else ONE_BELOW[policy.wanted]
        yield Rule("dmarc.sampling", wanted, {"share": str(share), "lot": str(self.lot), "policy": policy.wanted})
        return wanted


FINDERS["7489"] = SuffixList

COMPARED = ("result", "disposition", "policy", "tag", "policy_domain", "organizational", "reason")


def compare(
    mail: bytes | str | Message | Sequence[str],
    spf: SpfResult | None,
    signatures: Iterable[Signature] = (),
    *,
    lot: int = 0,
) -> Acts[tuple[Dmarc, Dmarc]]:
    """(RFC 9989's finding, RFC 7489's finding), with one act for each thing in which they differ."""
    return nested("RFC 9989 beside RFC 7489", _compare(mail, spf, tuple(signatures), lot), verdict=_told)


def _compare(
    mail: bytes | str | Message | Sequence[str], spf: SpfResult | None, signatures: tuple[Signature, ...], lot: int
) -> Acts[tuple[Dmarc, Dmarc]]:
    new = yield from evaluate(mail, spf, signatures)
    old = yield from evaluate(mail, spf, signatures, rfc="7489", lot=lot)
    for what, ours, theirs in differences(new, old):
        yield Rule("dmarc.difference", what, {"what": what, "new": ours or "nothing", "old": theirs or "nothing"})
    return new, old


def _told(found: tuple[Dmarc, Dmarc]) -> str:
    return ", ".join(what for what, _, _ in differences(*found)) or "no difference"


def differences(new: Dmarc, old: Dmarc) -> list[tuple[str, str, str]]:
    """[(what, by RFC 9989, by RFC 7489), …]; who is aligned too: ``("alignment", "DKIM a.example", "")``."""
    found = [(what, str(getattr(new, what)), str(getattr(old, what))) for what in COMPARED]
    found.append(("alignment", new.vouchers, old.vouchers))
    return [(what, ours, theirs) for what, ours, theirs in found if ours != theirs]
