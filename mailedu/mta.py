"""What a mail server decides: whom it takes mail for, what it checks, where a message goes next (RFC 5321 §2.1).

    Submission   takes mail from its own people, completes and signs it, queues it (RFC 6409)
    Mx           takes mail for its own people, and looks at who sends it
    relay        what a queue does with a message: routes, attempts, pauses, and in the end a bounce

A server (`smtp/server.py`, or aiosmtpd) asks; the answers are generators of acts, so a trace shows every reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from . import dsn
from .acts import (
    Acts,
    Ask,
    DnsTimeout,
    NXDomain,
    Refused,
    Remove,
    Rule,
    Store,
    TlsFailed,
    Trouble,
    Unreachable,
    Wait,
    nested,
)
from .auth import dkim, dmarc, results, spf
from .clock import Clock
from .message import Message
from .smtp.client import Outcome, Undelivered, send_mail
from .smtp.envelope import Envelope

JUNK = "Junk"
Opinion = Callable[..., str]


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


@dataclass
class House:
    """One company's mail server: its name, its domain, the addresses it has mailboxes for."""

    host: str
    domain: str
    people: Collection[str]
    clock: Clock
    taken: int = field(default=0)  # messages so far: their ids
    most_hops: int = 100  # RFC 5321 §6.3

    def mailbox(self, address: str) -> str:
        """The mailbox of an address of ours; Refused if there is none.  Our users' names do not mind capitals."""
        if address.lower() == "postmaster":  # §4.5.1
            address = f"postmaster@{self.domain}"
        box = address.lower()
        if box not in self.people and box != f"postmaster@{self.domain}":
            raise Refused("mta.unknown-user", f"550 5.1.1 there is no mailbox {address} here", recipient=address)
        return box

    def is_ours(self, address: str) -> bool:
        return domain_of(address) == self.domain or address.lower() == "postmaster"

    def stamp(self, envelope: Envelope) -> bytes:
        """The Received field of a message that comes in (RFC 5321 §4.4)."""
        self.taken += 1
        lines = [
            f"Received: from {envelope.helo or 'unknown'} ({literal(envelope.client)})",
            f" by {self.host} with {envelope.protocol} id L{self.taken:04d}",
        ]
        if len(envelope.recipients) == 1:  # with several it would tell each of them of the others (§7.2)
            lines.append(f" for <{envelope.recipients[0]}>")
        return "\r\n".join([*lines[:-1], f"{lines[-1]}; {self.clock.stamp()}\r\n"]).encode()

    def check_hops(self, message: Message) -> None:
        """§6.3."""
        hops = len(message.all("Received"))
        if hops > self.most_hops:
            raise Refused("mta.loop", f"554 5.4.6 {hops} hops: this message goes round in circles", hops=str(hops))

    def verify(self, envelope: Envelope, name: str) -> Acts[str]:
        """VRFY: nobody is told who lives here (§7.3)."""
        yield Rule("mta.not-telling", "VRFY")
        return "252 2.5.2 send some mail, and it will be tried"

    def expand(self, envelope: Envelope, name: str) -> Acts[str]:
        """EXPN, likewise."""
        raise Refused("mta.no-lists", "550 5.1.1 there are no mailing lists here", name=name)
        yield


# -- mail for our own people -------------------------------------------------------------------------------------------


@dataclass
class Mx(House):
    """Takes mail for its own people; `opinions` are asked beside our own evaluators: "spf", "dkim" -> a callable.

    `busy` are addresses whose mailbox cannot be had just now.
    """

    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    busy: Collection[str] = ()

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        return None
        yield

    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]:
        if not self.is_ours(address):
            raise Refused(
                "mta.relay", f"550 5.7.1 {address} is not one of ours, and we relay for nobody", recipient=address
            )
        box = self.mailbox(address)
        if box in self.busy:
            raise Refused("mta.busy", f"450 4.2.1 the mailbox of {address} is busy, try later", recipient=address)
        yield Rule("mta.local", "ours", {"recipient": address, "mailbox": box})
        return None

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        return nested(f"{self.host} decides", self.judge(envelope, message))

    def judge(self, envelope: Envelope, data: bytes) -> Acts[str]:
        """Look at who sends it; then refuse it, or put it into the mailboxes."""
        message = Message(data)
        self.check_hops(message)
        found = yield from self.findings(envelope, data)
        yield Rule("mta.findings", " ".join(found.words.values()), found.words)
        folder = yield from self.decide(envelope, found)
        header = (
            f"Return-Path: <{envelope.sender}>\r\n".encode()
            + results.write(
                self.host, found.spf, found.signatures, found.dmarc, sender=envelope.sender, helo=envelope.helo
            )
            + self.stamp(envelope)
        )
        kept = yield from results.without_forged(data, [self.host])
        for recipient in envelope.recipients:
            yield Store(self.mailbox(recipient) + folder, header + kept, {"sender": envelope.sender})
        return "250 2.0.0 delivered" + (
            "" if len(envelope.recipients) == 1 else f" to {len(envelope.recipients)} mailboxes"
        )

    def findings(self, envelope: Envelope, data: bytes) -> Acts[Findings]:
        now = self.clock.unix()
        by_spf = yield from spf.check(envelope.client, envelope.helo, envelope.sender, receiver=self.host, now=now)
        yield from self.second("spf", by_spf.result, envelope.client, envelope.helo, envelope.sender)
        signatures = yield from dkim.verify(data, now)
        for number, signature in enumerate(signatures):
            yield from self.second("dkim", signature.result, data, number)
        verdict = yield from dmarc.evaluate(data, by_spf, signatures)
        return Findings(by_spf, signatures, verdict)

    def second(self, method: str, ours: str, *question: Any) -> Acts[None]:
        """The opinion of a library that we did not write, beside ours."""
        if method in self.opinions:
            theirs = self.opinions[method](*question)
            outcome = "agrees" if agree(ours, theirs) else "differs"
            yield Rule("mta.second-opinion", outcome, {"method": method, "ours": ours, "theirs": theirs})

    def decide(self, envelope: Envelope, found: Findings) -> Acts[str]:
        """A finding is not an action: this is the action (RFC 9989 §7.4).  The folder, or Refused."""
        against: list[str] = []
        if found.dmarc.disposition == "reject" and found.dmarc.result == "fail":
            against = yield from self.speaks_against(envelope, found)
        rule = dmarc.decide(found.dmarc, against=against)
        yield rule
        if rule.outcome == "reject":
            domain = found.dmarc.domain
            raise Refused("mta.dmarc-reject", f"550 5.7.26 refused, as the policy of {domain} asks", domain=domain)
        if rule.outcome == "defer":
            raise Refused(
                "mta.dns-later", "451 4.7.5 the DNS does not answer now, try again", domain=found.dmarc.domain
            )
        return f"/{JUNK}" if rule.outcome == "quarantine" else ""

    def speaks_against(self, envelope: Envelope, found: Findings) -> Acts[list[str]]:
        """What else we know that makes this message look forged; p=reject alone is not enough (RFC 9989 §7.4)."""
        against = []
        if found.spf.result in ("fail", "softfail"):
            against.append(f"SPF says {found.spf.result}")
        if not (yield from has_name(envelope.client)):
            against.append(f"no name in the DNS leads to {envelope.client}")
        return against


@dataclass
class Findings:
    """What the checks found of one message."""

    spf: spf.Spf
    signatures: Sequence[dkim.Signature]
    dmarc: dmarc.Dmarc

    @property
    def words(self) -> dict[str, str]:
        """{"spf": "pass", "dkim": "pass", "dmarc": "pass"}; with several signatures the best one's."""
        by_dkim = [signature.result for signature in self.signatures]
        best = "pass" if "pass" in by_dkim else by_dkim[0] if by_dkim else "none"
        return {"spf": self.spf.result, "dkim": best, "dmarc": self.dmarc.result}


def agree(ours: str, theirs: str) -> bool:
    """dkimpy knows only "pass" and "fail"."""
    return ours == theirs or (theirs == "fail" and ours in ("permerror", "neutral", "policy"))


def has_name(client: str) -> Acts[bool]:
    """Whether the address has a name that leads back to it."""
    try:
        address = ip_address(client)
    except ValueError:
        return False
    kind = "A" if address.version == 4 else "AAAA"
    try:
        for name in (yield Ask(address.reverse_pointer, "PTR")):
            if client in (yield Ask(name.rstrip("."), kind)):
                return True
    except (NXDomain, DnsTimeout):
        pass
    return False


def literal(client: str) -> str:
    """An address as a Received field has it (RFC 5321 §4.1.3)."""
    return f"[IPv6:{client}]" if ":" in client else f"[{client}]"


# -- mail from our own people ------------------------------------------------------------------------------------------


@dataclass
class Submission(House):
    """Takes mail from its own people, completes and signs it, and queues it (RFC 6409)."""

    key: Any = None  # the private key; None signs nothing
    selector: str = "lab"

    @property
    def queue(self) -> str:
        return f"queue {self.host}"

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        """§6.1: who is logged in writes as himself."""
        if envelope.user and address.lower() not in ("", envelope.user):
            raise Refused(
                "mta.not-yours", f"550 5.7.1 {address} is not your address", sender=address, user=envelope.user
            )
        return None
        yield

    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]:
        if self.is_ours(address):
            self.mailbox(address)
        yield Rule("mta.will-relay", "will be relayed", {"recipient": address})
        return None

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        return nested(f"{self.host} takes it on", self.take(envelope, message))

    def take(self, envelope: Envelope, data: bytes) -> Acts[str]:
        message = Message(data)
        self.check_hops(message)
        completed = yield from self.complete(message)
        signed = completed
        if self.key is not None:
            signed = yield from dkim.sign(completed, self.domain, self.selector, self.key, self.clock.unix())
        signed = self.stamp(envelope) + signed
        for note in envelopes(envelope):
            yield Store(self.queue, signed, note)
        return "250 2.0.0 queued"

    def complete(self, message: Message) -> Acts[bytes]:
        """What a submission server adds, and the one field it takes away (RFC 6409 §8, RFC 5322 §3.6.3)."""
        added = ""
        if not message.first("Date"):
            added += f"Date: {self.clock.stamp()}\r\n"
        if not message.first("Message-ID"):
            added += f"Message-ID: <{self.clock.random.randrange(10**9):09d}@{self.domain}>\r\n"
        data = message.data
        if bcc := message.all("Bcc"):
            data = b"".join(f.data for f in message.fields if f not in bcc) + message.separator + message.body
        if added or bcc:
            yield Rule("mta.completed", "changed", {"added": added.replace("\r\n", "; ").rstrip("; ") or "nothing"})
        return added.encode() + data


def envelopes(envelope: Envelope) -> Iterator[dict[str, str]]:
    """What a queue must know: one note for each domain, so that one call serves all its recipients."""
    by_domain: dict[str, list[str]] = {}
    for recipient in envelope.recipients:
        by_domain.setdefault(domain_of(recipient), []).append(recipient)
    for recipients in by_domain.values():
        yield {"sender": envelope.sender, "recipients": "\n".join(recipients), "body": envelope.body}


# -- the queue ---------------------------------------------------------------------------------------------------------

MINUTE, HOUR, DAY = 60, 3_600, 86_400
PAUSES = (15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)  # then every 8 hours, up to five days (RFC 5321 §4.5.4.1)
EXPIRES = 5 * DAY


def pauses() -> Iterator[float]:
    """How long a queue waits before each new attempt."""
    waited = 0
    for pause in PAUSES:
        waited += pause
        yield pause
    while waited < EXPIRES:
        pause = min(8 * HOUR, EXPIRES - waited)
        waited += pause
        yield pause


def relay(house: Submission, uid: int, message: bytes, note: Mapping[str, str]) -> Acts[str]:
    """What a queue does with one message: try, wait, try again; and tell the sender in the end (RFC 5321 §4.5.4.1)."""
    waiting = note["recipients"].split("\n")
    failed: dict[str, str] = {}
    reasons: dict[str, str] = {}
    when = pauses()
    while waiting:
        domain = domain_of(waiting[0])
        tried = yield from nested(f"delivery to {domain}", attempt(house, message, note, waiting), verdict=Tried.told)
        failed |= tried.refused
        reasons |= tried.deferred
        waiting = list(tried.deferred)
        if waiting:
            pause = next(when, None)
            if pause is None:
                yield Rule("mta.expired", "bounced", {"days": str(EXPIRES // DAY)})
                failed |= {one: reasons[one] for one in waiting}
                break
            yield Rule("mta.later", "queued", {"minutes": f"{pause / MINUTE:.0f}", "reason": reasons[waiting[0]]})
            yield Wait(pause)
    if failed:
        yield from bounce(house, message, note["sender"], failed)
    yield Remove(house.queue, (uid,))
    return "bounced" if failed else "delivered"


@dataclass
class Tried:
    """One attempt: recipient -> what was said."""

    delivered: dict[str, str] = field(default_factory=dict)
    deferred: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def put(self, recipient: str, reply: str) -> None:
        of = {"2": self.delivered, "5": self.refused}.get(reply[:1], self.deferred)
        of[recipient] = reply

    def told(self) -> str:
        if self.refused:
            return next(iter(self.refused.values()))
        return next(iter(self.deferred.values()), "delivered")


def attempt(house: House, message: bytes, note: Mapping[str, str], recipients: list[str]) -> Acts[Tried]:
    """Find the way, and try one host after the other until one takes the call (RFC 5321 §5.1)."""
    tried = Tried()
    try:
        hosts = yield from next_hops(domain_of(recipients[0]), house.clock)
        outcome = yield from first_that_answers(house, hosts, message, note, recipients)
    except Refused as no:
        yield Rule(no.rule, "refused", no.because)
        each = no.recipients if isinstance(no, Undelivered) else {}
        for recipient in recipients:
            tried.put(recipient, each.get(recipient, str(no)))
    except Trouble as trouble:
        for recipient in recipients:
            tried.put(recipient, f"450 4.4.1 {trouble or type(trouble).__name__}")
    else:
        for recipient in recipients:
            tried.put(recipient, outcome.recipients[recipient])
    return tried


def next_hops(domain: str, clock: Clock) -> Acts[list[str]]:
    """The hosts that take mail for a domain, best first (RFC 5321 §5.1)."""
    try:
        records = yield Ask(domain, "MX")
    except NXDomain:
        raise Refused("mta.no-domain", f"550 5.1.2 there is no domain {domain}", domain=domain) from None
    if not records:
        yield Rule("mta.implicit-mx", domain)
        return [domain]
    exchanges = [(int(record.split()[0]), record.split()[1].rstrip(".")) for record in records]
    if any(not host for _, host in exchanges):  # RFC 7505 §3
        raise Refused("mta.null-mx", f"556 5.1.10 {domain} takes no mail", domain=domain)
    if len(exchanges) > 1:
        clock.random.shuffle(exchanges)  # equal preferences share the load
    hosts = [host for _, host in sorted(exchanges, key=lambda exchange: exchange[0])]
    yield Rule("mta.route", " ".join(hosts), {"domain": domain})
    return hosts


def first_that_answers(
    house: House, hosts: list[str], message: bytes, note: Mapping[str, str], recipients: list[str]
) -> Acts[Outcome]:
    trouble: Trouble = Unreachable("nobody answers")
    for host in hosts:
        try:
            if not (yield Ask(host, "A")) and not (yield Ask(host, "AAAA")):
                raise NXDomain(f"{host} has no address")
            return (yield from hand_over(house, host, message, note["sender"], recipients))
        except Refused:
            raise
        except Trouble as why:
            trouble = why
            yield Rule("mta.no-answer", type(why).__name__, {"host": host})
    raise trouble


def hand_over(house: House, host: str, message: bytes, sender: str, recipients: list[str]) -> Acts[Outcome]:
    """One call; under TLS where it is offered, and without where that fails (RFC 7435: opportunistic)."""
    try:
        return (yield from send_mail(host, 25, house.host, sender, recipients, message, tls="may"))
    except TlsFailed as why:
        yield Rule("mta.without-tls", str(why), {"host": host})
        return (yield from send_mail(host, 25, house.host, sender, recipients, message))


def bounce(house: House, message: bytes, sender: str, failed: Mapping[str, str]) -> Acts[None]:
    """Tell the sender; nobody is told of a bounce that cannot be delivered (RFC 5321 §4.5.5)."""
    if not sender:
        yield Rule("mta.no-bounce-for-bounce", "dropped")
        return
    date, unique = house.clock.stamp(), f"{house.clock.random.randrange(10**9):09d}"
    report = dsn.failure(house.host, sender, failed, message, date=date, unique=unique)
    yield Rule("mta.bounce", "bounced", {"sender": sender, "recipients": ", ".join(failed)})
    yield Store(sender.lower(), b"Return-Path: <>\r\n" + report, {"sender": ""})
