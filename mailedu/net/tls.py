"""TLS as a layer under a conversation: an SSLObject between two MemoryBIOs; and the lab's certificates.

A layer knows no socket and no machine.  The certificates are real ones, from a certificate authority that is made
when it is first needed and that nobody outside this process trusts.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from typing import Any

from ..acts import TlsFailed

Check = Callable[[Sequence[bytes]], str]
DER = 2  # what OpenSSL's module calls this encoding
MOST_TURNS = 10  # of a handshake in this process: two are enough


class Layer:
    """One end's TLS.  `step` is the number of the Upgrade that put it there.

    `check` gets the other side's certificates (DER, its own first), and says what is wrong with them.
    """

    def __init__(
        self, context: ssl.SSLContext, side: str, server_name: str, step: int | None, check: Check | None = None
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.up = False  # the handshake is done
        self.ended = False  # the other side said that it will say no more
        self.broken = False
        self.why = ""  # … and this is why
        self.step, self.check = step, check
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
                if self.check and (wrong := self.check(chain(self.tls))):
                    self.broken = True
                    raise TlsFailed(wrong)
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


def chain(tls: ssl.SSLObject) -> list[bytes]:
    """The certificates that the other side showed, as it did: its own first, and nobody has verified them."""
    if get := getattr(tls, "get_unverified_chain", None):  # from Python 3.13
        return list(get())
    shown = tls._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # the same, before it had a name
    return [one.public_bytes(DER) for one in shown]


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> list[bytes]:
    """A handshake between two ends in this process; the certificates that the server showed.  TlsFailed: why not."""
    ends = Layer(client, "client", name, None), Layer(server, "server", "", None)
    said = b""
    for _ in range(MOST_TURNS):
        for end in ends:
            with suppress(TlsFailed) if end is ends[1] else nullcontext():  # the client's own reason is the better one
                end.feed(said)
            said = end.take()
        if ends[0].up and ends[1].up:
            return chain(ends[0].tls)
    raise TlsFailed("the handshake came to no end")


def reason(error: ssl.SSLError) -> str:
    """Why a handshake failed, in OpenSSL's words."""
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"the certificate was not accepted: {verify}"
    words = (error.reason or "the handshake failed").replace("_", " ").lower()
    return words.removeprefix("sslv3 ").removeprefix("tlsv1 ")  # which version it was named in says nothing here


OURS, STRANGE = "mailedu lab CA", "an authority that nobody knows"


def authority(name: str = OURS) -> Any:
    """The lab's certificate authority (a `trustme.CA`), or another."""
    return made_authority(name)


@cache
def made_authority(name: str) -> Any:
    import trustme

    return trustme.CA(organization_name=name)


ISSUERS = {"good": OURS, "wrong name": OURS, "expired": OURS}  # the stranger's own certificate is not shown
CERTIFICATES = ("good", "wrong name", "expired", "self-signed", "unknown CA")
VERSIONS = {"": (), "1.2": (ssl.TLSVersion.TLSv1_2,), "1.3": (ssl.TLSVersion.TLSv1_3,)}
ELSEWHERE = "elsewhere.example"  # whose certificate has the wrong name


@cache
def server_context(*hosts: str, certificate: str = "good", version: str = "") -> ssl.SSLContext:
    """What a server of these names shows: one of CERTIFICATES.  `version` "1.2" or "1.3": it speaks no other TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a session is never resumed, so nobody need wonder what the tickets are
    for only in VERSIONS[version]:
        context.minimum_version = context.maximum_version = only
    show(context, issued(certificate, *hosts), ISSUERS.get(certificate, ""))
    return context


def show(context: ssl.SSLContext, leaf: Any, issuer: str) -> None:
    """Show a certificate (a `trustme.LeafCert`) and its authority's, which DANE may be about (RFC 7672 §3.1.2)."""
    import trustme

    pieces = [leaf.private_key_pem, *leaf.cert_chain_pems, *([authority(issuer).cert_pem] if issuer else [])]
    with trustme.Blob(b"".join(piece.bytes() for piece in pieces)).tempfile() as path:
        context.load_cert_chain(path)


def certificates(context: ssl.SSLContext) -> list[bytes]:
    """What a server with this context shows, as DER: its own certificate first."""
    return shake_hands(client_context("any"), context, "mx.example")


def issued(kind: str, *hosts: str) -> Any:
    """A certificate and its key (a `trustme.LeafCert`).  It has a common name: fetchmail takes none without."""
    match kind:
        case "good":
            return authority().issue_cert(*hosts, common_name=hosts[0])
        case "wrong name":
            return authority().issue_cert(ELSEWHERE, common_name=ELSEWHERE)
        case "expired":
            long_ago = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2021, 1, 1, tzinfo=UTC)}
            return authority().issue_cert(*hosts, common_name=hosts[0], **long_ago)
        case "self-signed":
            return self_signed(*hosts)
    return authority(STRANGE).issue_cert(*hosts, common_name=hosts[0])


def self_signed(*hosts: str) -> Any:
    """A certificate that vouches for itself: no authority has anything to do with it."""
    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    names = [x509.IPAddress(ip_address(host)) if is_address(host) else x509.DNSName(host) for host in hosts]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return trustme.LeafCert(private, made.public_bytes(pem), [])


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


TRUST = ("name", "chain", "any")


@cache
def client_context(trust: str = "name") -> ssl.SSLContext:
    """What a client needs to verify the lab's servers; "chain" does not look at the name, "any" at nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = trust == "name"
    context.verify_mode = ssl.CERT_NONE if trust == "any" else ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return context
