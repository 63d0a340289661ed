"""The envelope: what MAIL and RCPT said of a message; and the mta that a server asks about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..acts import Acts


@dataclass(slots=True)
class Envelope:
    """Who sends to whom, by which call; nothing of it stands in the message (RFC 5321 §2.3.1)."""

    client: str  # the address that called
    helo: str = ""  # the name it gave
    sender: str = ""  # "" for <>: no answer wanted
    recipients: list[str] = field(default_factory=list)  # "postmaster" alone may be one (§4.5.1)
    tls: bool = False
    user: str = ""  # the address of who logged in
    extended: bool = False  # by EHLO
    size: int | None = None  # what SIZE= said (RFC 1870 §6)
    body: str = "7BIT"  # or "8BITMIME" (RFC 6152)
    smtputf8: bool = False  # RFC 6531 §3.4
    requiretls: bool = False  # RFC 8689 §2
    ret: str = ""  # "FULL" or "HDRS": how much a DSN returns (RFC 3461 §4.3)
    envid: str = ""  # the sender's name for this envelope (RFC 3461 §4.4)
    auth: str = ""  # who first submitted it, if that can be trusted; "<>" is nobody (RFC 4954 §5)
    notify: dict[str, tuple[str, ...]] = field(default_factory=dict)  # recipient -> ("SUCCESS", …) (RFC 3461 §4.1)
    orcpt: dict[str, str] = field(default_factory=dict)  # recipient -> "rfc822;bob@beta.example" (RFC 3461 §4.2)

    @property
    def protocol(self) -> str:
        """The word after ``with`` in a Received field: "ESMTPS" (RFC 3848; UTF8SMTP… : RFC 6531 §4.3)."""
        if not self.extended:
            return "SMTP"
        name = "UTF8SMTP" if self.smtputf8 else "ESMTP"
        return name + ("S" if self.tls else "") + ("A" if self.user else "")


class Mta(Protocol):
    """What a server asks.  Each answer is a generator; each may raise Refused with the reply: "550 5.7.1 …".

    `sender` and `recipient` return a reply to say, or None for the usual one.
    """

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]: ...
    def recipient(self, envelope: Envelope, address: str) -> Acts[str | None]: ...
    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]: ...
    def verify(self, envelope: Envelope, name: str) -> Acts[str]: ...
    def expand(self, envelope: Envelope, name: str) -> Acts[str]: ...
