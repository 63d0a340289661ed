"""TLS as a layer under a conversation: an SSLObject between two MemoryBIOs; and the lab's certificates.

A layer knows no socket and no machine.  The certificates are real ones, from a certificate authority that is made
when it is first needed and that nobody outside this process trusts.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import cache
from typing import Any

from ..acts import TlsFailed


class Layer:
    """One end's TLS.  `step` is the number of the Upgrade that put it there."""

    def __init__(self, context: ssl.SSLContext, side: str, server_name: str, step: int | None) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.up = False  # the handshake is done
        self.ended = False  # the other side said that it will say no more
        self.broken = False
        self.step = step
        self.tls = context.wrap_bio(self.incoming, self.outgoing, side == "server", server_name or None)

    def feed(self, cipher: bytes) -> bytes:
        """Bytes from the wire in, plaintext out; what must go back waits in `take()`.  TlsFailed says why not."""
        if cipher:
            self.incoming.write(cipher)
        plain: list[bytes] = []
        try:
            if not self.up:
                self.tls.do_handshake()
                self.up = True
            while more := self.tls.read(65_536):
                plain.append(more)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.broken = True
            if not plain:
                raise TlsFailed(reason(error)) from None
        return b"".join(plain)

    def write(self, plain: bytes) -> None:
        """Plaintext in; its records wait in `take()`.  Into a broken layer nothing goes."""
        if self.up and not self.broken:
            self.tls.write(plain)

    def take(self) -> bytes:
        """What must go on the wire now."""
        return self.outgoing.read()

    def close(self) -> bool:
        """Say that no more will be said (close_notify); whether that could be said."""
        if not self.up or self.broken:
            return False
        with suppress(ssl.SSLError):  # the other side's goodbye is not waited for
            self.tls.unwrap()
        return True


def reason(error: ssl.SSLError) -> str:
    """Why a handshake failed, in OpenSSL's words."""
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"the certificate was not accepted: {verify}"
    return (error.reason or "the handshake failed").replace("_", " ").lower()


@cache
def authority(name: str = "mailedu lab CA") -> Any:
    """The lab's certificate authority (a `trustme.CA`)."""
    import trustme

    return trustme.CA(organization_name=name)


@cache
def server_context(*hosts: str) -> ssl.SSLContext:
    """What a server of these names shows: a certificate that the lab's authority signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a session is never resumed, so nobody need wonder what the tickets are
    certificate = authority().issue_cert(*hosts, common_name=hosts[0])  # fetchmail takes none without a common name
    certificate.configure_cert(context)
    return context


@cache
def client_context() -> ssl.SSLContext:
    """What a client needs to verify the lab's servers, and their names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context
