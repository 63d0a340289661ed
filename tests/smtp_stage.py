"""A server with a plain mta, for the tests of SMTP: it has an opinion on everybody, and stores what it takes."""

from __future__ import annotations

from pump import Stage

from mailedu.acts import Acts, Refused, Store, answer
from mailedu.clock import Clock
from mailedu.mailbox import Mailbox
from mailedu.smtp import Envelope, SmtpServer

BOB, CAROL = "bob@beta.example", "carol@beta.example"
USERS = {"alice@alpha.example": ("lab-alice", "alice@alpha.example"), "jörg": ("grün", "joerg@alpha.example")}
SAYS = {  # what is said to who writes to them
    "later@beta.example": "450 4.2.1 this mailbox is busy",
    "full@beta.example": "452 4.2.2 this mailbox is full",
    "moved@beta.example": "551 5.1.6 try <moved@gamma.example>",
    "gone@beta.example": "421 4.3.2 shutting down",
    "lines@beta.example": "550-5.7.1 two\n550 5.7.1 lines",
}


class Mta:
    """Takes mail for its boxes, and remembers each envelope."""

    def __init__(self, boxes: dict[str, Mailbox]) -> None:
        self.boxes, self.envelopes = boxes, []

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        if address.startswith("bad@"):
            raise Refused("mta.x", f"550 5.7.1 nothing from {address}")
        return answer(None)

    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]:
        if address in SAYS:
            raise Refused("mta.x", SAYS[address])
        if address == "forward@beta.example":
            return answer("251 2.1.5 it goes to <forward@gamma.example>")
        if address != "postmaster" and address.lower() not in self.boxes:
            raise Refused("mta.x", f"550 5.1.1 no {address}")
        return answer(None)

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        self.envelopes.append(envelope)
        if b"spam" in message:
            raise Refused("mta.x", "550 5.7.1 no spam")
        if b"hurry" in message:
            raise Refused("mta.x", "451 4.7.1 not so fast")
        for recipient in envelope.recipients:
            if recipient.lower() in self.boxes:
                yield Store(recipient.lower(), message)
        return f"250 2.0.0 taken for {len(envelope.recipients)}"

    def verify(self, envelope: Envelope, name: str) -> Acts[str]:
        if name == "jörg":
            return answer("250 2.1.5 Jörg <jörg@beta.example>")
        if name == "joerg":
            return answer("250 2.1.5 Jörg <joerg@beta.example>")
        return answer("252 2.5.0 try and see")

    def expand(self, envelope: Envelope, name: str) -> Acts[str]:
        if name != "lunch":
            raise Refused("mta.x", f"550 5.1.1 no list {name}")
        return answer("250 2.1.5 <bob@beta.example>\n<carol@beta.example>")


def stage() -> Stage:
    here = Stage(**{BOB: Mailbox(1), CAROL: Mailbox(2)})
    here.mta = Mta(here.boxes)
    return here


def call(here: Stage, **options):
    options = {"users": USERS, "clock": Clock(1), "tls": True} | options
    return here.call(SmtpServer("mx.beta.example", "192.0.2.25", here.mta, **options))


def ready(here: Stage, *lines: str, **options):
    """A session that has said EHLO, and these lines."""
    smtp = call(here, **options)
    for line in ("EHLO mx.alpha.example", *lines):
        smtp.send(line)
    smtp.heard()
    return smtp


def in_data(here: Stage, **options):
    """A session that was answered 354."""
    return ready(here, "MAIL FROM:<alice@alpha.example>", f"RCPT TO:<{BOB}>", "DATA", **options)


def mails(here: Stage, box: str = BOB) -> list[bytes]:
    return list(here.boxes[box])
