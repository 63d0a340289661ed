"""Submission: takes mail from its own people, completes and signs it, and queues it (RFC 6409)."""

from __future__ import annotations

from ..acts import Acts, Refused, Rule, Store, nested
from ..auth import dkim
from ..message import Message
from ..smtp.envelope import Envelope
from .entry import entries
from .house import domain_of
from .role import Role


class Submission(Role):
    """The server on ports 587 and 465, and on 2525 where a vendor calls it an "SMTP relay"."""

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        """§6.1: who is logged in writes as himself; an account "@alpha.example" writes for the whole company."""
        if self.house.setup.any_sender:
            return None
        user = envelope.user
        mine = domain_of(address) == user[1:] if user.startswith("@") else address.lower() == user
        if user and address and not mine:
            raise Refused("mta.not-yours", f"550 5.7.1 {address} is not your address", sender=address, user=user)
        return None
        yield

    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]:
        if self.house.is_ours(address):
            self.house.mailbox(address)
        yield Rule("mta.will-relay", "will be relayed", {"recipient": address})
        return None

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        return nested(f"{self.host} takes it on", self.take(envelope, message))

    def take(self, envelope: Envelope, data: bytes) -> Acts[str]:
        house, message = self.house, Message(data)
        house.check_hops(message)
        completed = yield from self.complete(message)
        signed = completed
        if house.key is not None and not envelope.user.startswith("@"):  # a company signs its mail before
            signed = yield from dkim.sign(completed, house.domain, house.selector, house.key, house.clock.unix())
        signed = house.stamp(envelope) + signed
        for entry in entries(house, envelope, envelope.recipients):
            yield Store(house.queue, signed, entry.note())
        return "250 2.0.0 queued"

    def complete(self, message: Message) -> Acts[bytes]:
        """What a submission server adds, and the one field it takes away (RFC 6409 §8, RFC 5322 §3.6.3)."""
        house, added = self.house, ""
        if not message.first("Date"):
            added += f"Date: {house.clock.stamp()}\r\n"
        if not message.first("Message-ID"):
            added += f"Message-ID: <{house.clock.random.randrange(10**9):09d}@{house.domain}>\r\n"
        data = message.data
        if bcc := message.all("Bcc"):
            data = b"".join(f.data for f in message.fields if f not in bcc) + message.separator + message.body
        if added or bcc:
            yield Rule("mta.completed", "changed", {"added": added.replace("\r\n", "; ").rstrip("; ") or "nothing"})
        return added.encode() + data
