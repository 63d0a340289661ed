"""A mail server that we did not write: aiosmtpd outside, the same MX decisions inside."""

from __future__ import annotations

import ssl
from typing import Any

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as TheirEnvelope
from aiosmtpd.smtp import Session as TheirSession

from ..acts import Accept, Acts, Refused, Trouble
from ..mta import Mx
from ..smtp.envelope import Envelope
from .sockets import Sockets


class Handler:
    """aiosmtpd's hooks; each awaits one of the generators that our own server runs."""

    def __init__(self, sockets: Sockets, mx: Mx, client: str) -> None:
        self.sockets, self.mx, self.client = sockets, mx, client
        self.calls: dict[int, tuple[str, str, int]] = {}  # id of a session -> (address, conversation, its Accept)

    def call(self, session: TheirSession) -> tuple[str, str, int]:
        """Who calls: one of ours, or the address that the port stands for."""
        found = getattr(session, "mailedu_call", None)
        if found is None:
            named = self.sockets.callers.pop(session.peer, None)
            address, conversation, parent = named or (
                self.client,
                self.sockets.world.numbered(f"{self.mx.host}:25"),
                None,
            )
            step = self.sockets.world.trace.record(self.mx.host, conversation, parent, Accept(address))
            found = session.mailedu_call = address, conversation, step.number  # type: ignore[attr-defined]
        return found

    def envelope(self, session: TheirSession, theirs: TheirEnvelope) -> Envelope:
        """What our own server would have handed on."""
        sender = theirs.mail_from or ""
        return Envelope(
            client=self.call(session)[0],
            helo=session.host_name or "",
            sender="" if sender == "<>" else sender,  # how aiosmtpd writes the null sender
            recipients=list(theirs.rcpt_tos),
            tls=session.ssl is not None,
            extended=bool(session.extended_smtp),
            smtputf8=bool(theirs.smtp_utf8),
        )

    async def perform(self, acts: Acts[Any], session: TheirSession, usual: str) -> str:
        """Run a generator of ours in this call; the reply."""
        _, conversation, parent = self.call(session)
        value = await self.sockets.play_here(acts, self.mx.host, conversation, parent)
        if isinstance(value, Refused):
            return str(value)
        if isinstance(value, Trouble):
            return f"451 4.3.0 {value}"
        return str(value or usual)

    async def handle_MAIL(
        self, server: SMTP, session: TheirSession, envelope: TheirEnvelope, address: str, options: list[str]
    ) -> str:
        ours = self.envelope(session, envelope)
        reply = await self.perform(
            self.mx.sender(ours, "" if address == "<>" else address), session, "250 2.1.0 sender ok"
        )
        if reply.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(
        self, server: SMTP, session: TheirSession, envelope: TheirEnvelope, address: str, options: list[str]
    ) -> str:
        ours = self.envelope(session, envelope)
        reply = await self.perform(self.mx.recipient(ours, address), session, "250 2.1.5 recipient ok")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(self, server: SMTP, session: TheirSession, envelope: TheirEnvelope) -> str:
        data = envelope.original_content or b""
        return await self.perform(self.mx.receive(self.envelope(session, envelope), data), session, "250 2.0.0 ok")


def serve_aiosmtpd(sockets: Sockets, mx: Mx, client: str) -> int:
    """A real port where aiosmtpd answers for the MX, and our evaluators judge."""
    world = sockets.world
    context: ssl.SSLContext | None = world.server_contexts.get(mx.host, world.contexts.get("server"))

    def server() -> SMTP:
        return SMTP(
            Handler(sockets, mx, client),
            hostname=mx.host,
            ident="aiosmtpd",
            data_size_limit=35_000_000,
            enable_SMTPUTF8=True,
            decode_data=False,
            tls_context=context,
            loop=sockets.loop,
        )

    return sockets.listen(server, mx.host, 25)
