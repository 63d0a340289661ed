"""One attempt: find the way, call one host after the other until one answers, and say what became of each recipient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..acts import Acts, DnsTimeout, Hungup, Quiet, Refused, Rule, TlsFailed, Trouble
from ..smtp.client import Outcome, Undelivered, send_mail
from . import dane, sts
from .dnssec import Keys
from .entry import Entry
from .house import TLS, House, address_in
from .routing import Hop, find, hops


class Said(NamedTuple):
    """What was the last word on a recipient, and whose it was."""

    reply: str
    remote: str = ""  # the host that said so; "": nobody did, we found it out
    tells: bool = True  # whether that host reports what becomes of it (the DSN extension, RFC 3461)


@dataclass
class Tried:
    """What an attempt led to: recipient -> what was said."""

    delivered: dict[str, Said] = field(default_factory=dict)
    deferred: dict[str, Said] = field(default_factory=dict)
    refused: dict[str, Said] = field(default_factory=dict)

    def put(self, recipient: str, said: Said) -> None:
        """RFC 5321 §4.2.1: the first digit says which it is."""
        {"2": self.delivered, "5": self.refused}.get(said.reply[:1], self.deferred)[recipient] = said

    def told(self) -> str:
        """The attempt in a few words: the worst that happened."""
        worst = [*self.refused.values(), *self.deferred.values()]
        return worst[0].reply if worst else "delivered"


def attempt(house: House, entry: Entry, message: bytes, recipients: Sequence[str]) -> Acts[Tried]:
    """Once round: the DNS is asked anew each time, so what was repaired meanwhile helps."""
    try:
        way = yield from hops(house, entry)
        promise = yield from promised(house, entry)
    except Refused as no:
        yield Rule(no.rule, "refused", no.because)
        return all_of(recipients, Said(str(no)))
    except Trouble as trouble:
        return all_of(recipients, Said(as_reply(trouble, entry.domain)))
    return (yield from one_after_the_other(house, entry, message, recipients, way, promise))


def all_of(recipients: Sequence[str], said: Said) -> Tried:
    """The same for everybody."""
    tried = Tried()
    for recipient in recipients:
        tried.put(recipient, said)
    return tried


def one_after_the_other(
    house: House,
    entry: Entry,
    message: bytes,
    recipients: Sequence[str],
    way: Sequence[Hop],
    promise: Promise,
) -> Acts[Tried]:
    """RFC 5321 §5.1.  Where none answers, one that may answer later counts more than one that never will."""
    last = Said("550 5.4.4 nobody takes mail there")
    for hop in way:
        try:
            yield from find(house, hop.host, entry.domain)
            outcome = yield from as_promised(house, entry, message, recipients, hop, promise)
        except Undelivered as no:  # this host has spoken: no need to ask the others
            told = {one: reply for one, reply in no.recipients.items() if not reply.startswith("2")}
            return each(recipients, Outcome(str(no), told, no.offers), hop.host)
        except Trouble as trouble:
            if isinstance(trouble, Refused) and trouble.rule.startswith(POLICIES):
                yield Rule(trouble.rule, "refused", trouble.because)
            theirs = isinstance(trouble, Refused) and not trouble.rule.startswith(OURS)  # else we found it out
            said = Said(as_reply(trouble, hop.host), hop.host if theirs else "")
            yield Rule("mta.no-answer", type(trouble).__name__, {"host": hop.host, "reply": said.reply})
            if said.reply.startswith("4") or not last.reply.startswith("4"):
                last = said
        else:
            return each(recipients, outcome, hop.host)
    return all_of(recipients, last)


def each(recipients: Sequence[str], outcome: Outcome, host: str) -> Tried:
    """What a host said to each of them."""
    tried = Tried()
    for recipient in recipients:
        reply = outcome.recipients.get(recipient, outcome.reply)
        tried.put(recipient, Said(reply, host, "DSN" in outcome.offers))
    return tried


POLICIES = ("sts.", "dane.")
OURS = ("mta.", *POLICIES)  # rules by which we refuse to go on, whatever the other side says
NO_TLS = ("smtp.requiretls-clear", "smtp.requiretls-unknown")


class Promise(NamedTuple):
    """What a domain says about mail to it."""

    signed: bool = False  # its MX records are signed, so that DANE counts
    policy: sts.Policy | None = None
    keys: Keys = {}  # with which things were signed


def promised(house: House, entry: Entry) -> Acts[Promise]:
    """By DNSSEC, and by MTA-STS; a vendor's service that takes all mail stands for none of those domains."""
    if house.setup.via or entry.domain == house.domain or address_in(entry.domain):
        return Promise()
    keys: Keys = {}
    signed = yield from dane.exchangers_signed(house, entry.domain, keys)
    policy = yield from sts.find_policy(house, entry.domain)
    return Promise(signed, policy, keys)


def as_promised(
    house: House, entry: Entry, message: bytes, recipients: Sequence[str], hop: Hop, promise: Promise
) -> Acts[Outcome]:
    """One host, as its domain wants it: by DANE, if that has a say there; else by MTA-STS; else as well as it goes."""
    tlsa = (yield from dane.demanded(house, hop.host, hop.port, promise.keys)) if promise.signed else None
    policy = promise.policy
    if tlsa is not None and (dane.usable(tlsa) or policy is None):
        outcome = yield from by_dane(house, entry, message, recipients, hop, tlsa)
        if policy:
            yield Rule("dane.before-sts", "DANE", {"host": hop.host, "domain": entry.domain})
        return outcome
    if policy is None or policy.mode == "none":
        return (yield from hand_over(house, entry, message, recipients, hop))
    return (yield from by_policy(house, entry, message, recipients, hop, policy))


def by_dane(
    house: House, entry: Entry, message: bytes, recipients: Sequence[str], hop: Hop, tlsa: Sequence[str]
) -> Acts[Outcome]:
    """Under TLS and with a certificate that the records name, or not at all (RFC 7672 §2.2)."""
    try:
        outcome = yield from hand_over(house, entry, message, recipients, hop, "must", tlsa)
    except TlsFailed as why:
        raise dane.not_secure(hop.host, str(why)) from None
    except Refused as no:
        if no.rule != "smtp.no-starttls":
            raise
        raise dane.not_secure(hop.host, reason(no)) from None
    if dane.usable(tlsa):
        yield Rule("dane.matched", "secure", {"host": hop.host})
    return outcome


def by_policy(
    house: House, entry: Entry, message: bytes, recipients: Sequence[str], hop: Hop, policy: sts.Policy
) -> Acts[Outcome]:
    """MTA-STS: "enforce" or not at all, "testing" says what is wrong and sends all the same (RFC 8461 §5)."""
    yield from sts.check_host(policy, entry.domain, hop.host)
    try:
        outcome = yield from hand_over(house, entry, message, recipients, hop, "verify")
    except TlsFailed as why:
        refused = sts.not_secure(policy, entry.domain, hop.host, str(why))
    except Refused as no:
        if no.rule != "smtp.no-starttls":
            raise
        refused = sts.not_secure(policy, entry.domain, hop.host, reason(no))
    else:
        yield Rule("sts.secure", policy.mode, {"host": hop.host, "domain": entry.domain})
        return outcome
    if policy.mode == "enforce":
        raise refused
    yield Rule(refused.rule, "testing", refused.because)
    return (yield from hand_over(house, entry, message, recipients, hop))


def reason(no: Refused) -> str:
    """A reply of our own without its codes."""
    return str(no).split(" ", 2)[2]


def hand_over(
    house: House,
    entry: Entry,
    message: bytes,
    recipients: Sequence[str],
    hop: Hop,
    wants: str = "",
    tlsa: Sequence[str] = (),
) -> Acts[Outcome]:
    """One call; under TLS where it is offered, and without where that fails (RFC 7435: opportunistic).

    A house that is set up otherwise ("must", "verify") sends nothing without.  What is marked REQUIRETLS goes under TLS
    or not at all (RFC 8689 §4.2.1), unless it is a bounce: that one should not be lost (§5).
    """
    tls, trust = TLS[wants or house.setup.tls]
    if entry.requiretls and not tlsa:
        trust = "name"
    wishes: dict[str, Any] = {"trust": trust, "tlsa": tuple(tlsa), "requiretls": entry.requiretls}
    try:
        return (yield from say(house, entry, message, recipients, hop, tls=tls, **wishes))
    except TlsFailed as why:
        if tls == "must":
            raise
        if entry.requiretls and entry.sender:
            text = f"550 5.7.10 no TLS with {hop.host}: {why}"
            raise Refused("mta.requiretls", text, host=hop.host, why=str(why)) from None
        yield Rule("mta.without-tls", str(why), {"host": hop.host})
        return (yield from say(house, entry, message, recipients, hop, tls=""))
    except Refused as no:
        if no.rule not in NO_TLS or entry.sender:
            raise
        yield Rule("mta.bounce-in-the-clear", "sent", {"host": hop.host})
        return (yield from say(house, entry, message, recipients, hop, tls=tls, trust=trust, tlsa=tuple(tlsa)))


def say(
    house: House,
    entry: Entry,
    message: bytes,
    recipients: Sequence[str],
    hop: Hop,
    *,
    tls: str,
    trust: str = "any",
    tlsa: tuple[str, ...] = (),
    requiretls: bool = False,
) -> Acts[Outcome]:
    """The call itself: what the sender asked for is passed on as it came (RFC 3461 §5.2.1).

    `lenient`, because a queue sends what its server took: a strict one took nothing that this would let through.
    """
    return send_mail(
        hop.host,
        hop.port,
        house.host,
        entry.sender,
        recipients,
        message,
        tls=tls,
        trust=trust,
        tlsa=tlsa,
        names=(hop.host, entry.domain) if tlsa else (),
        user=hop.user,
        password=hop.password,
        ret=entry.ret,
        envid=entry.envid,
        notify=entry.notify,
        orcpt=entry.orcpt,
        requiretls=requiretls,
        lenient=True,
    )


def as_reply(trouble: Trouble, host: str) -> str:
    """What went wrong, written as a reply: its code says whether to try again (RFC 3463)."""
    match trouble:
        case Refused():
            return str(trouble)
        case DnsTimeout():
            return f"451 4.4.3 the DNS does not answer about {host}" + (f": {trouble}" if str(trouble) else "")
        case Hungup():
            return f"450 4.4.2 {host} hung up"
        case Quiet():
            return f"450 4.4.2 {host} was silent for too long"
    return f"450 4.4.1 {trouble or type(trouble).__name__}"
