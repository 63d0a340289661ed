"""What an MX tells the owners of domains about mail in their name: once a day (RFC 9990), and of one letter (RFC 9991).

Reports are mail.  They are signed, wait in the host's own queue, and find their way as any other message does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..acts import Acts, Rule, Store, Wait, nested
from ..auth import dkim, dmarc, report, spf
from ..smtp.envelope import Envelope
from .entry import Entry
from .house import DAY, House, domain_of


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


@dataclass
class Reporter:
    """One receiver's counting and telling; what it counted is lost when the host falls over, as it may be (§3.1)."""

    house: House
    ledger: report.Ledger = field(default_factory=report.Ledger)
    failures: dict[tuple[int, str], int] = field(default_factory=dict)  # (day, domain) -> failure reports so far

    @property
    def today(self) -> int:
        return self.house.clock.unix() // int(DAY)

    # -- one message

    def seen(self, envelope: Envelope, data: bytes, found: Findings, decided: Rule) -> Acts[None]:
        """A message was judged: count it, and tell of it at once where that is asked for."""
        house = self.house
        if house.setup.reports:
            sender = domain_of(envelope.sender)
            self.ledger.add(
                found.dmarc, envelope.client, found.spf, found.signatures, decided, sender=sender,
                recipient=house.domain,
            )  # fmt: skip
        if house.setup.failure_reports:
            yield from self.failed(envelope, data, found, decided)

    def failed(self, envelope: Envelope, data: bytes, found: Findings, decided: Rule) -> Acts[None]:
        """A failure report, if the owner asks for one about this kind of failure, and has not had enough of them."""
        options = report.wanted(found.dmarc, found.spf, found.signatures)
        record = found.dmarc.record
        if not options or record is None:
            return
        domain, today = found.dmarc.policy_domain, self.today
        told = self.failures.get((today, domain), 0)
        most = self.house.setup.failure_reports
        if told >= most:
            yield Rule("report.enough", "not sent", {"domain": domain, "most": str(most)})
            return
        self.failures[today, domain] = told + 1
        for recipient in (yield from report.destinations(domain, record, "ruf")):
            yield Rule("report.failure", "sent", {"domain": domain, "fo": ":".join(options), "to": recipient})
            letter = self.failure(envelope, data, found, decided, recipient)
            yield from self.send("", recipient, letter)

    def failure(self, envelope: Envelope, data: bytes, found: Findings, decided: Rule, recipient: str) -> bytes:
        house = self.house
        return report.failure_report(
            data, found.dmarc, host=house.host, reporter=house.postmaster, recipient=recipient,
            date=house.clock.stamp(), message_id=self.message_id(), source_ip=envelope.client, spf=found.spf,
            signatures=found.signatures, sender=envelope.sender, arrived=house.clock.stamp(), action=decided.outcome,
        )  # fmt: skip

    # -- every day

    def days(self) -> Acts[None]:
        """At the end of each day of the lab, UTC, the reports about it."""
        while True:
            now = self.house.clock.unix()
            yield Wait(float((self.today + 1) * int(DAY) - now))
            if self.ledger.seen:
                title = f"{self.house.host} reports about the day"
                yield from nested(title, self.close(), verdict=lambda sent: f"{sent} sent")

    def close(self) -> Acts[int]:
        """The reports about the day that is over, each to those who may have it; how many went out."""
        house, sent = self.house, 0
        end = self.today * int(DAY)
        for told, record in self.ledger.close(house.domain, house.postmaster, end - int(DAY), end - 1):
            for recipient in (yield from report.destinations(told.published.domain, record)):
                because = {"domain": told.published.domain, "count": str(told.count), "to": recipient}
                yield Rule("report.aggregate", "sent", because)
                letter = report.mail(told, house.postmaster, recipient, date=house.clock.stamp())
                yield from self.send(house.postmaster, recipient, letter)
                sent += 1
        return sent

    # -- as mail

    def message_id(self) -> str:
        return f"<{self.house.clock.random.randrange(10**9):09d}@{self.house.domain}>"

    def send(self, sender: str, recipient: str, letter: bytes) -> Acts[None]:
        """Signed, because a report has to pass DMARC itself (RFC 9990 §3.5.2); then into the queue."""
        house = self.house
        if house.key is not None:
            letter = yield from dkim.sign(letter, house.domain, house.selector, house.key, house.clock.unix())
        yield Store(house.queue, letter, Entry(sender, (recipient,), house.clock.now).note())
