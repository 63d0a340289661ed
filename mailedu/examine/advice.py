"""What happened, why, and what to change: in plain words, and as the very record to publish.

No record is proposed untried: with it in the DNS the message is examined again, and the outcome stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..acts import Rule
from ..auth import dkim, dmarc
from ..message import Message, addresses
from ..trace import Trace
from .findings import Findings
from .given import Given
from .hops import Hop, owner

Records = Mapping[tuple[str, str], Sequence[str]]
Try = Callable[[Records], Findings]  # some records in the DNS -> what would then be found
ALL = re.compile(r"(?i)[-~?+]?all|redirect=.*")
CONDITION = "If {ip} is a host that sends mail for {domain}"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change.  `record` is (name, type, text) to publish; `then` what the message gets with it."""

    says: str
    record: tuple[str, str, str] | None = None
    then: str = ""

    def __str__(self) -> str:
        if not self.record:
            return self.says
        name, type, text = self.record
        return f'{self.says}\n    {name}. {type} "{text}"\n  With it: {self.then}.'


@dataclass(slots=True)
class Case:
    """All that an explanation is made from."""

    message: Message
    given: Given
    found: Findings
    trace: Trace

    @property
    def author(self) -> str:
        return self.found.dmarc.domain

    def rules(self, name: str) -> list[Rule]:
        """What was applied under this name, in its order."""
        return [step.act for step in self.trace.only(Rule) if isinstance(step.act, Rule) and step.act.name == name]


# -- what happened -----------------------------------------------------------------------------------------------------


def what_happened(case: Case) -> Iterator[str]:
    """A sentence each: the verdict, then SPF, then each signature, then what else is worth knowing."""
    yield verdict(case)
    yield about_spf(case)
    if not case.found.dkim:
        yield "It bears no DKIM signature."
    for signature in case.found.dkim:
        yield about_signature(signature)
    yield from about_the_way(case)
    yield from about_names(case)
    if case.found.differences:
        told = ", ".join(f"{method}={theirs} (now {ours})" for method, theirs, ours in case.found.differences)
        yield f"When it came its receiver found {told}: records, keys or the message have changed since then."


def verdict(case: Case) -> str:
    found = case.found.dmarc
    match found.result:
        case "pass":
            return f"It passes DMARC for {found.domain}, by {found.vouchers}."
        case "fail":
            asked = {"none": "asks for nothing to be done", "": "asks for nothing to be done"}
            wants = asked.get(found.disposition, f"asks receivers to {found.disposition} it")
            return (
                f"It fails DMARC: nothing that {found.domain} can be held to vouches for it, and the policy "
                f"({found.tag}={found.policy} at _dmarc.{found.policy_domain}) {wants}."
            )
        case "none":
            return f"{found.domain} has no DMARC policy, so nothing binds its From field to SPF or DKIM."
        case "temperror":
            return f"Whether it passes DMARC for {found.domain} cannot be said now: the DNS did not answer."
    because = {
        "dmarc.no-from": "it has no From field",
        "dmarc.one-from": "it has several From fields",
        "dmarc.no-author": "its From field names no address",
        "dmarc.many-authors": "its From field names authors of several domains",
        "dmarc.bad-domain": "its From field names what is no domain",
    }
    return f"DMARC cannot judge it: {because.get(found.reason, 'its author cannot be read')} (RFC 5322 §3.6)."


def about_spf(case: Case) -> str:
    spf, given = case.found.spf, case.given
    if spf is None:
        missing = "from which address it came" if not given.ip else "the sender of its envelope"
        return f"SPF could not be asked: nobody told {missing}."
    whom = f"{given.ip} for {spf.domain}"
    stopped = [rule for rule in STOPS if case.rules(rule)]
    match str(spf.result):
        case "pass":
            aligned = any(one.method == "spf" and one.aligned for one in case.found.dmarc.identifiers)
            told = f"SPF passes: {spf.domain} lets {given.ip} send."
            if aligned or not case.author or not case.found.dmarc.identifiers:
                return told
            return f"{told} But that is another organisation than {case.author}, so DMARC does not count it."
        case "none":
            return f"SPF finds no policy of {spf.domain}."
        case "permerror":
            return f"SPF ends in permerror for {whom}: {STOPS[stopped[0]] if stopped else 'its record is wrong'}."
        case "temperror":
            return f"SPF ends in temperror for {whom}: the DNS did not answer."
        case result:
            return f"SPF says {result}: the policy of {spf.domain} does not name {given.ip}."


STOPS = {
    "spf.too-many-lookups": "its record needs more than ten look-ups",
    "spf.too-many-voids": "its record asks for names that are not there, more than twice",
    "spf.many-records": "there are several SPF records at that name",
    "spf.unknown-mechanism": "its record has a mechanism that is none",
    "spf.syntax": "its record does not follow the grammar",
    "spf.include": "it includes a domain without a record",
}


BODY = {
    True: "The body is still the one that was signed.",
    False: "The body is another than was signed.",
    None: "",
}


def about_signature(signature: dkim.Signature) -> str:
    whose = f"The signature of {signature.domain or 'nobody'}"
    name = f"{signature.selector}._domainkey.{signature.domain}"
    match signature.rule:
        case "dkim.pass":
            return f"{whose} is good: it signed these fields and this body."
        case "dkim.body-differs" if signature.fields_good:
            return (
                f"{whose} is good for the fields, and the body is another than was signed: somebody changed it on its "
                f"way (a footer, a scanner, another encoding)."
            )
        case "dkim.body-differs":
            return f"{whose} fits neither the body nor the fields."
        case "dkim.signature-differs":
            return f"{whose} does not fit: the body is as signed, and a field was changed, or another key made it."
        case "dkim.no-key" | "dkim.revoked" | "dkim.key-unavailable":
            gone = {"dkim.revoked": "was taken back (p= is empty)", "dkim.key-unavailable": "could not be had"}
            why = f"its key at {name} {gone.get(signature.rule, 'is not there')}"
            return f"{whose} cannot be checked: {why}. {BODY[signature.body_same]}".rstrip()
        case "dkim.expired":
            return f"{whose} had expired when the message came."
        case "dkim.future":
            return f"{whose} is dated after the message came: the clock of one of the two is wrong."
    return f"{whose} does not count: {signature.reason}."


def about_the_way(case: Case) -> Iterator[str]:
    if before := forwarded_by(case):
        yield f"It looks forwarded: {before.by or 'the host that brought it'} had taken it from {before.ip} before."
    if case.message.first("List-Id") or case.message.first("List-Post"):
        yield "It came through a mailing list, by its List-Id field."
    if case.found.arc is not None:
        chain = case.found.arc
        broken = f", and breaks at instance {chain.instance}" if chain.instance else ""
        yield f"It has an ARC chain of {len(chain.sets)}: {chain.result}{broken}; worth as much as its sealers."


def forwarded_by(case: Case) -> Hop | None:
    """The claimed hop in which the host at the border took it from another house, without anybody logging in."""
    at = case.given.border
    if at is None or at + 1 >= len(case.given.hops):
        return None
    here, before = case.given.hops[at], case.given.hops[at + 1]
    if before.inside or before.authenticated or owner(before.client) == owner(here.client):
        return None
    return before


def about_names(case: Case) -> Iterator[str]:
    """What a reader sees and takes for the sender."""
    field = case.message.first("From")
    shown = field.text.rpartition("<")[0] if field else ""
    named = [word.strip("\"'()<>,;") for word in shown.split() if "@" in word]
    real = {domain_in(one) for one in addresses(field)} if field else set()
    for name in named:
        if domain_in(name) not in real:
            yield f"The name shown in From, {name!r}, is an address that the message is not from."
    if case.author.startswith("xn--") or ".xn--" in case.author:
        yield f"{case.author} has letters that may look like others: read it in this form."
    if case.found.dmarc.result == "pass":
        yield f"All this says who is responsible, {case.author}, and not that he is honest or is whom you know."


def domain_in(address: str) -> str:
    return address.rpartition("@")[2].lower()


# -- what to change ----------------------------------------------------------------------------------------------------


def what_to_change(case: Case, tried: Try) -> Iterator[Advice]:
    """The shortest way first; nothing where nothing is wrong."""
    dmarc_result = case.found.dmarc.result
    if dmarc_result == "temperror" or "temperror" in (case.found.result, *(one.result for one in case.found.dkim)):
        yield Advice("Ask again later, or where the DNS can be reached: a temporary error says nothing of the message.")
    if dmarc_result == "permerror":
        yield Advice("Whoever makes these messages must write one From field with one address.")
    if dmarc_result != "pass":
        yield from better_spf(case, tried)
        yield from better_dkim(case)
        yield from better_alignment(case)
    if dmarc_result == "none" and case.author:
        yield better_policy(case, tried)


def better_policy(case: Case, tried: Try) -> Advice:
    name = f"_dmarc.{case.author}"
    text = f"v=DMARC1; p=none; rua=mailto:dmarc@{case.author}"
    says = f"Publish a policy for {case.author}; begin with p=none, and read the reports before asking for more:"
    return proposal(says, name, text, tried)


def proposal(says: str, name: str, text: str, tried: Try) -> Advice:
    """The record, and what the message gets when it is published."""
    found = tried({(name, "TXT"): [text]})
    return Advice(says, (name, "TXT", text), f"SPF {found.result}, DMARC {found.dmarc.result}")


def better_spf(case: Case, tried: Try) -> Iterator[Advice]:
    spf, ip = case.found.spf, case.given.ip
    if spf is None or not spf.domain:
        return
    domain = spf.domain
    ours = owner(domain) == owner(case.author)
    found = [
        rule.because.get("record", "") for rule in case.rules("spf.record") if rule.because.get("domain") == domain
    ]
    if case.rules("spf.many-records"):
        yield Advice(f"Publish one SPF record at {domain}, with the terms of all of them: several are an error.")
    elif case.rules("spf.too-many-lookups"):
        costly = ", ".join(rule.because.get("term", "") for rule in case.rules("spf.lookup"))
        yield Advice(f"Let the record of {domain} ask less than eleven times; these terms ask: {costly}.")
    elif case.found.result in ("fail", "softfail", "neutral") and ours and found and not forwarded_by(case):
        says = f"{CONDITION.format(ip=ip, domain=domain)}, its record must name it:"
        yield proposal(says, domain, with_host(found[-1], ip), tried)
    elif case.found.result == "none" and ours and not forwarded_by(case):
        says = f"{CONDITION.format(ip=ip, domain=domain)}, publish who may send for it:"
        yield proposal(says, domain, with_host("v=spf1 -all", ip), tried)
    if forwarded_by(case):
        yield Advice(
            "A forwarded message fails SPF whatever the record says, for it comes from another host: a DKIM signature "
            "of the author's domain, which a forwarder leaves whole, is what survives (RFC 9989 says so too)."
        )


def with_host(record: str, ip: str) -> str:
    """The record with the address named, before what catches all."""
    term = f"ip6:{ip}" if ":" in ip else f"ip4:{ip}"
    terms = record.split()
    at = next((at for at, one in enumerate(terms) if ALL.fullmatch(one)), len(terms))
    return " ".join([*terms[:at], term, *terms[at:]])


def better_dkim(case: Case) -> Iterator[Advice]:
    ours = [one for one in case.found.dkim if owner(one.domain) == owner(case.author)]
    if case.author and not ours:
        yield Advice(f"Let whoever sends this sign it with d={case.author}: his own domain's signature does not count.")
    for signature in ours:
        name = f"{signature.selector}._domainkey.{signature.domain}"
        says = {
            "dkim.no-key": f"Publish the public key at {name}, or sign with a selector that has one; keep old keys for "
            f"as long as mail with their signatures may be on its way.",
            "dkim.revoked": f"Sign with another selector: the key at {name} was taken back.",
            "dkim.key-base64": f"Publish the key at {name} again, whole: its p= is no base64. In a zone file a long "
            f"record is several strings, which are joined without a blank.",
            "dkim.key-form": f"Publish the key at {name} again, whole: p= is cut off.",
            "dkim.key-syntax": f"Publish the key at {name} again: the record does not follow the grammar.",
            "dkim.signature-length": "b= is not as long as the key makes it: publish the key that signs, or find who "
            "cuts the field off.",
            "dkim.body-differs": "Find who changes the body behind the signer (a footer, a scanner, a list), and let "
            "that be done before the message is signed.",
            "dkim.signature-differs": "Find who changes a signed field behind the signer (often Subject or To), or "
            f"whether {name} has the key of another signer.",
            "dkim.expired": "Give the signature more time (x=), or find where the message waited so long.",
            "dkim.future": "Set the signer's clock, by NTP.",
            "dkim.weak-key": "Sign with an RSA key of 2048 bits, or with Ed25519 beside it.",
            "dkim.historic-algorithm": "Sign with a=rsa-sha256: receivers must not take rsa-sha1 any more.",
        }.get(signature.rule)
        if says:
            yield Advice(says)


def better_alignment(case: Case) -> Iterator[Advice]:
    found: dmarc.Dmarc = case.found.dmarc
    for one in found.identifiers:
        if one.result != "pass" or one.aligned or one.alignment == "unknown":
            continue
        if owner(one.domain) == owner(found.domain):
            tag = "aspf" if one.method == "spf" else "adkim"
            yield Advice(f"{one.domain} is of the same house, and {tag}=s lets only {found.domain} itself count.")
        elif one.method == "spf":
            yield Advice(f"Or let the envelope's sender be an address under {found.domain}, and not {one.domain}.")
