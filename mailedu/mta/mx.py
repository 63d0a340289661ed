"""The MX: takes mail for its own people and looks at who sends it; and relays, as far as it is set up to.

A relay in RFC 5321's sense (§2.3.10, §3.6.2) takes mail for others, and passes it on as it is, with a Received field
more.  A backup MX does so for domains that asked it to; an open relay for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..acts import Acts, Ask, DnsTimeout, NXDomain, Refused, Rule, Store, nested
from ..auth import dkim, dmarc, results, spf
from ..message import Message
from ..smtp.envelope import Envelope
from . import forwarding, notices
from .entry import entries, entry_of
from .house import House, domain_of
from .reporting import Findings, Reporter
from .role import Role

JUNK = "Junk"
Opinion = Callable[..., str]


class Mx(Role):
    """The server on port 25; `opinions` are asked beside our own evaluators: "spf", "dkim" -> a callable."""

    def __init__(self, house: House, opinions: Mapping[str, Opinion] | None = None) -> None:
        super().__init__(house)
        self.opinions = opinions or {}
        self.reporter = Reporter(house)
        self.strangers: dict[tuple[str, str, str], float] = {}  # (client, sender, recipient) -> when it first came

    # -- whom it takes mail for

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        return None
        yield

    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]:
        """Its own people, and whoever it is set up to relay for."""
        house = self.house
        if back := forwarding.sent_back(house, address):
            yield Rule("mta.sent-back", "will be relayed", {"recipient": address, "sender": back})
        elif house.is_ours(address):
            box = house.mailbox(address)
            if box in house.setup.busy:
                raise Refused("mta.busy", f"450 4.2.1 the mailbox of {address} is busy, try later", recipient=address)
            yield Rule("mta.local", "ours", {"recipient": address, "mailbox": box})
        elif domain_of(address) in house.setup.backup_for:
            yield Rule("mta.backup", "will be relayed", {"recipient": address, "domain": domain_of(address)})
        elif house.setup.open_relay:
            yield Rule("mta.open-relay", "will be relayed", {"recipient": address, "client": envelope.client})
        else:
            text = f"550 5.7.1 {address} is not one of ours, and we relay for nobody"
            raise Refused("mta.relay", text, recipient=address)
        yield from self.greylist(envelope, address)
        return None

    def greylist(self, envelope: Envelope, address: str) -> Acts[None]:
        """RFC 6647 §2.3: a queue comes again, and what sends spam often does not."""
        if not (wait := self.house.waits(address)):
            return
        came = (envelope.client, envelope.sender, address.lower())
        now = self.house.clock.now
        first = self.strangers.setdefault(came, now)
        if now - first < wait:
            minutes = f"{(first + wait - now) / 60:.0f}"
            text = f"451 4.7.1 we do not know you yet: come again in {minutes} minutes"
            raise Refused("mta.greylisted", text, recipient=address, client=envelope.client, minutes=minutes)
        yield Rule("mta.no-stranger", "taken", {"recipient": address, "client": envelope.client})

    # -- a message

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        return nested(f"{self.host} decides", self.take(envelope, message))

    def take(self, envelope: Envelope, data: bytes) -> Acts[str]:
        """What is for us is judged, and may be refused, before anything is taken; what is for others is not ours to
        judge (RFC 5321 §3.6.2)."""
        here = [one for one in envelope.recipients if self.house.is_ours(one)]
        others = [one for one in envelope.recipients if one not in here]
        ours = [one for one in here if not forwarding.sent_back(self.house, one)]
        message = Message(data)
        self.house.check_hops(message)
        if not ours:
            stamp = self.house.stamp(envelope)
        else:
            folder, header = yield from self.judge(envelope, data)
            stamp = self.house.stamp(envelope)
            ours = [one for one in ours if not forwarding.target(self.house, one)]
            kept = yield from results.without_forged(data, [self.host])
            yield from self.deliver(envelope, ours, folder, header + stamp, without_return_path(kept))
        for entry in entries(self.house, envelope, others):
            yield Store(self.house.queue, stamp + data, entry.note())
        passed_on = yield from forwarding.pass_on(self.house, envelope, stamp + data)
        return told(len(ours), len(others) + passed_on)

    def judge(self, envelope: Envelope, data: bytes) -> Acts[tuple[str, bytes]]:
        """Look at who sends it, and refuse it or not: (the folder it goes into, the fields that say what was found)."""
        found = yield from self.findings(envelope, data)
        yield Rule("mta.findings", " ".join(found.words.values()), found.words)
        decided = yield from self.decide(envelope, found)
        yield from self.reporter.seen(envelope, data, found, decided)
        folder = self.act(decided, found)
        said = results.write(
            self.host, found.spf, found.signatures, found.dmarc, sender=envelope.sender, helo=envelope.helo
        )
        return folder, f"Return-Path: <{envelope.sender}>\r\n".encode() + said

    def deliver(
        self, envelope: Envelope, recipients: Sequence[str], folder: str, header: bytes, data: bytes
    ) -> Acts[None]:
        """Final delivery (§4.4): into the mailboxes; whoever asked is told (RFC 3461 §5.2.3)."""
        for box in dict.fromkeys(map(self.house.mailbox, recipients)):  # bob and BOB are one
            yield Store(box + folder, header + data, {"sender": envelope.sender})
        yield from notices.delivered(self.house, entry_of(self.house, envelope, recipients), data)

    def findings(self, envelope: Envelope, data: bytes) -> Acts[Findings]:
        now = self.house.clock.unix()
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

    def decide(self, envelope: Envelope, found: Findings) -> Acts[Rule]:
        """A finding is not an action: here it is decided what to do (RFC 9989 §7.4)."""
        setup, against = self.house.setup, list[str]()
        if found.dmarc.disposition == "reject" and found.dmarc.result == "fail":
            against = yield from self.speaks_against(envelope, found)
        rule = dmarc.decide(
            found.dmarc,
            against=against,
            trusted=envelope.client if envelope.client in setup.trusts else "",
            policy_alone=setup.policy_alone,
            defers=setup.defers,
        )
        yield rule
        return rule

    def act(self, decided: Rule, found: Findings) -> str:
        """The folder it goes into, or Refused."""
        domain = found.dmarc.domain
        if decided.outcome == "reject":
            raise Refused("mta.dmarc-reject", f"550 5.7.26 refused, as the policy of {domain} asks", domain=domain)
        if decided.outcome == "defer":
            raise Refused("mta.dns-later", "451 4.7.5 the DNS does not answer now, try again", domain=domain)
        return f"/{JUNK}" if decided.outcome == "quarantine" else ""

    def speaks_against(self, envelope: Envelope, found: Findings) -> Acts[list[str]]:
        """What else we know that makes this message look forged; p=reject alone is not enough (RFC 9989 §7.4)."""
        against = []
        if found.spf.result in ("fail", "softfail"):
            against.append(f"SPF says {found.spf.result}")
        if not (yield from has_name(envelope.client)):
            against.append(f"no name in the DNS leads to {envelope.client}")
        return against


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


def without_return_path(data: bytes) -> bytes:
    """§4.4: a delivered message has one such field, ours.  A stranger's could send reports astray."""
    for field in reversed(Message(data).all("Return-Path")):
        data = data[: field.start] + data[field.start + len(field.data) :]
    return data


def told(ours: int, others: int) -> str:
    """The reply to a message that was taken."""
    if not others:
        return "250 2.0.0 delivered" + ("" if ours == 1 else f" to {ours} mailboxes")
    return "250 2.0.0 queued" + (f", and delivered to {ours}" if ours else "")
