"""DMARC's finding about a message (RFC 9989 §5.3): who wrote it, what that domain asks for, who vouches for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from ...acts import Acts, DnsTimeout, LabError, Refused, Rule, nested
from ...message import Message, authors
from ...names import can_be_asked, canonical
from .record import NONE, POLICIES, Record
from .walk import Policy, TreeWalk

PASS, FAIL, TEMPERROR, PERMERROR = "pass", "fail", "temperror", "permerror"
STRICT, RELAXED, UNKNOWN = "strict", "relaxed", "unknown"
IN_DOMAINS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


class Finder(Protocol):
    """How a standard finds policies and organizational domains; one for each evaluation."""

    rfc: str
    organizations: dict[str, str]  # domain -> its organizational domain, as far as it had to be known

    def policy(self, author: str) -> Acts[Policy | None]: ...
    def organizational(self, domain: str) -> Acts[str]: ...
    def asked(self, policy: Policy) -> Acts[str]: ...


class SpfResult(Protocol):
    """What we need of SPF: its result for MAIL FROM, and the domain that was checked."""

    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...


class Signature(Protocol):
    """What we need of a DKIM signature: its result, and d=."""

    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Identifier:
    """A domain that SPF or a DKIM signature spoke of, and how it stands to the author domain (§4.4)."""

    method: str  # "spf" or "dkim"
    domain: str
    result: str  # of that method
    alignment: str = NONE  # "strict": identical; "relaxed": the same organization; "none"; "unknown": DNS trouble
    organizational: str = ""  # "" where nobody had to know it

    @property
    def aligned(self) -> bool:
        return self.alignment in (STRICT, RELAXED)

    @property
    def passes(self) -> bool:
        """Authenticated and aligned: this alone makes DMARC pass."""
        return self.result == PASS and self.aligned


@dataclass(frozen=True, slots=True)
class Dmarc:
    """A finding, not an action: what is done about it, `decide` says."""

    result: str  # "pass", "fail", "none", "temperror", "permerror"
    domain: str = ""  # the author domain
    policy: str = ""  # what the owner publishes for this domain: "none", "quarantine", "reject"; "" if nothing applies
    disposition: str = NONE  # what the owner asks to be done with this very message
    policy_domain: str = ""  # whose record that is
    organizational: str = ""  # of the author domain; "" where nobody had to know it
    tag: str = ""  # "p", "sp" or "np": where the policy stands
    record: Record | None = None
    evaluated: str = ""  # the policy after all its options: what would be asked if the message failed
    identifiers: tuple[Identifier, ...] = ()
    reason: str = ""  # the rule that decided, where there is no pass or fail

    def aligned(self, method: str) -> bool:
        """Whether "spf" or "dkim" made it pass."""
        return any(found.passes for found in self.identifiers if found.method == method)

    @property
    def testing(self) -> bool:
        """The owner asks for less than the policy says: t=y (§4.7)."""
        return self.record is not None and self.record.t == "y"

    @property
    def vouchers(self) -> str:
        """Who made it pass: ``"SPF alpha.example, DKIM mail.alpha.example"``."""
        return vouchers(self.identifiers)

    def __str__(self) -> str:
        return self.result


def evaluate(
    mail: bytes | str | Message | Sequence[str],
    spf: SpfResult | None,
    signatures: Iterable[Signature] = (),
    *,
    rfc: str = "9989",
    most: int = 1,
    lot: int = 0,
) -> Acts[Dmarc]:
    """DMARC's result for a message, or for the domains in its From.

    `most` is how many author domains a receiver is ready to look at: RFC 9989 §5.3.1 lets it stop when there are
    two; one that goes on takes the strictest policy of those that fail (§11.5).  `rfc` may be "7489"; `lot`, from 0 to
    99, is then the message's draw for pct=.
    """
    if rfc not in FINDERS:
        raise LabError(f"There is no DMARC of RFC {rfc}: rfc is one of {', '.join(FINDERS)}.")
    return nested(title(rfc), _evaluate(mail, spf, tuple(signatures), lambda: FINDERS[rfc](lot), most), verdict=told)


FINDERS: dict[str, Callable[[int], Finder]] = {"9989": lambda lot: TreeWalk()}  # `legacy` adds RFC 7489's


def title(rfc: str) -> str:
    return "DMARC" if rfc == "9989" else f"DMARC, RFC {rfc}"


def told(found: Dmarc) -> str:
    return f"{found.result}, {found.disposition} is asked for" if found.result == FAIL else found.result


def _evaluate(
    mail: bytes | str | Message | Sequence[str],
    spf: SpfResult | None,
    signatures: tuple[Signature, ...],
    finder: Callable[[], Finder],
    most: int,
) -> Acts[Dmarc]:
    try:
        domains = author_domains(mail, most)
    except Refused as no:
        yield Rule(no.rule, PERMERROR, no.because)
        return Dmarc(PERMERROR, reason=no.rule)
    found = []
    for domain in domains:
        yield Rule("dmarc.author", domain)
        found.append((yield from for_author(finder(), domain, spf, signatures)))
    return max(found, key=severity)


def severity(found: Dmarc) -> tuple[int, int]:
    """With several authors: the strictest policy of those that fail, else what is least sure (§11.5)."""
    order = (PASS, NONE, PERMERROR, TEMPERROR, FAIL)
    return order.index(found.result), POLICIES.index(found.disposition)


# -- the author domain (§5.3.1) ----------------------------------------------------------------------------------------


def author_domains(mail: bytes | str | Message | Sequence[str], most: int = 1) -> list[str]:
    """The different domains in From, as A-labels; Refused when there is none, or more than `most`."""
    found = list(dict.fromkeys(canonical(domain.strip()) for domain in domains_of(mail)))
    if not found:
        raise Refused("dmarc.no-author", "From names no domain")
    if len(found) > most:
        because = {"count": str(len(found)), "most": str(most), "domains": ", ".join(found)[:200]}
        raise Refused("dmarc.many-authors", "From names several domains", **because)
    for domain in found:
        if not is_domain(domain):
            raise Refused("dmarc.bad-domain", "From names what is no domain", domain=domain[:80])
    return found


def domains_of(mail: bytes | str | Message | Sequence[str]) -> Sequence[str]:
    if isinstance(mail, bytes | Message):
        return domains_in_from(mail if isinstance(mail, Message) else Message(mail))
    return [mail] if isinstance(mail, str) else mail


def domains_in_from(message: Message) -> list[str]:
    """What stands after the last @ of each author's address."""
    fields = len(message.all("From"))
    if fields == 0:
        raise Refused("dmarc.no-from", "there is no From field")
    if fields > 1:
        raise Refused("dmarc.one-from", f"there are {fields} From fields", count=str(fields))
    return [address.rpartition("@")[2] for address in authors(message)]


@lru_cache(4096)
def is_domain(name: str) -> bool:
    """Whether this can be the name of a host in the DNS: an address in brackets is none."""
    return can_be_asked(name) and IN_DOMAINS.issuperset(name)


# -- one author domain -------------------------------------------------------------------------------------------------


def for_author(finder: Finder, author: str, spf: SpfResult | None, signatures: Sequence[Signature]) -> Acts[Dmarc]:
    """§5.3.2 to §5.3.5."""
    try:
        policy = yield from finder.policy(author)
    except DnsTimeout:
        return Dmarc(TEMPERROR, author, reason="dmarc.timeout")
    if policy is None:
        yield Rule("dmarc.no-policy", NONE, {"domain": author})
        return Dmarc(NONE, author, organizational=finder.organizations.get(author, ""), reason="dmarc.no-policy")
    identifiers = []
    for method, domain, result in claims(spf, signatures):
        identifiers.append((yield from judge(finder, author, policy, method, domain, result)))
    return (yield from conclude(finder, author, policy, tuple(identifiers)))


def claims(spf: SpfResult | None, signatures: Sequence[Signature]) -> list[tuple[str, str, str]]:
    """(method, domain, result) of all there is, each once (§5.3.3)."""
    found = [("spf", canonical(spf.domain), str(spf.result))] if spf is not None and spf.domain else []
    found += [("dkim", canonical(signature.domain), str(signature.result)) for signature in signatures]
    return list(dict.fromkeys(found))


def judge(finder: Finder, author: str, policy: Policy, method: str, domain: str, result: str) -> Acts[Identifier]:
    """Whether this identifier is authenticated, and if so, whether it is aligned (§5.3.4)."""
    because = {"method": method.upper(), "domain": domain, "author": author}
    if result not in (PASS, TEMPERROR) or not is_domain(domain):
        yield Rule("dmarc.not-authenticated", result, because)
        return Identifier(method, domain, result)
    mode = policy.record.aspf if method == "spf" else policy.record.adkim
    try:
        alignment = yield from align(finder, author, domain, mode)
    except DnsTimeout:
        alignment = UNKNOWN
    yield Rule("dmarc.alignment", alignment, {**because, "mode": {"s": STRICT, "r": RELAXED}[mode]})
    return Identifier(method, domain, result, alignment, finder.organizations.get(domain, ""))


def align(finder: Finder, author: str, domain: str, mode: str) -> Acts[str]:
    """Identical, or with one organizational domain; walks up only where that can change the answer (§4.10.2)."""
    if domain == author:
        return STRICT
    if mode == "s":
        return NONE
    ours = yield from finder.organizational(author)
    theirs = yield from finder.organizational(domain)
    return RELAXED if ours == theirs else NONE


def conclude(finder: Finder, author: str, policy: Policy, identifiers: tuple[Identifier, ...]) -> Acts[Dmarc]:
    """Pass if any identifier is authenticated and aligned (§5.3.5); temperror if one still could be (§5.3.6)."""
    result = verdict(identifiers)
    yield Rule("dmarc.result", result, {"author": author, "by": vouchers(identifiers) or "nobody"})
    evaluated = yield from finder.asked(policy)
    return Dmarc(
        result,
        author,
        policy.wanted,
        evaluated if result == FAIL else NONE,
        policy.domain,
        organization(finder, author, policy, identifiers),
        policy.tag,
        policy.record,
        evaluated,
        identifiers,
        "dmarc.timeout" if result == TEMPERROR else "",
    )


def organization(finder: Finder, author: str, policy: Policy, identifiers: Sequence[Identifier]) -> str:
    """Where everybody is the author domain, that counts as the organizational domain without a walk (§4.10.2)."""
    if author in finder.organizations:
        return finder.organizations[author]
    alone = policy.domain == author and any(found.alignment == STRICT for found in identifiers)
    return author if alone else ""


def verdict(identifiers: Sequence[Identifier]) -> str:
    if any(found.passes for found in identifiers):
        return PASS
    could_pass = any(
        found.alignment == UNKNOWN or (found.result == TEMPERROR and found.aligned) for found in identifiers
    )
    return TEMPERROR if could_pass else FAIL


def vouchers(identifiers: Sequence[Identifier]) -> str:
    return ", ".join(f"{found.method.upper()} {found.domain}" for found in identifiers if found.passes)
