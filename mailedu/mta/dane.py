"""DANE for SMTP, the sender's side (RFC 7672): the DNS itself says which certificate a mail exchanger shows.

Where DNSSEC vouches for the MX record, for the host's address and for TLSA records of the host, mail goes under TLS
with that certificate or not at all, and no authority is asked.  Where it does not, all is as without DANE.  Records of
usage 0 and 1, which want an authority besides, are not used between mail servers (§3.1.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256, sha512
from itertools import pairwise
from typing import Any, NamedTuple

from ..acts import Acts, Refused, Rule
from .dnssec import Keys, secure
from .house import House

DANE_TA, DANE_EE = 2, 3  # an authority's certificate, the server's own: §3.1
DIGESTS = {1: sha256, 2: sha512}  # RFC 6698 §2.1.3
SIZES = {1: 32, 2: 64}


class Tlsa(NamedTuple):
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int  # 0: the whole certificate, 1: its public key
    matching: int  # 0: as it is, 1: its SHA-256, 2: its SHA-512
    data: bytes

    @property
    def usable(self) -> bool:
        """Whether a mail server can match anything with it (RFC 7672 §3.1, RFC 6698 §4.1)."""
        known = self.usage in (DANE_TA, DANE_EE) and self.selector in (0, 1) and self.matching in (0, 1, 2)
        return known and bool(self.data) and len(self.data) == SIZES.get(self.matching, len(self.data))

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()[:16]}"


def read_tlsa(record: str) -> Tlsa:
    """``"3 1 1 0123abcd…"``, as the zone has it: so it can be read."""
    usage, selector, matching, *data = record.split()
    return Tlsa(int(usage), int(selector), int(matching), bytes.fromhex("".join(data)))


def usable(records: Sequence[str]) -> list[Tlsa]:
    """Those to match with; of two digests of the same thing only the stronger one counts (RFC 7672 §5)."""
    found = [one for one in map(read_tlsa, records) if one.usable]
    strongest: dict[tuple[int, int], int] = {}
    for one in found:
        kind = one.usage, one.selector
        strongest[kind] = max(strongest.get(kind, 0), one.matching)
    return [one for one in found if one.matching in (0, strongest[one.usage, one.selector])]


def tlsa_name(host: str, port: int = 25) -> str:
    """RFC 6698 §3."""
    return f"_{port}._tcp.{host}"


# -- what the DNS vouches for ------------------------------------------------------------------------------------------


def exchangers_signed(house: House, domain: str, keys: Keys) -> Acts[bool]:
    """Whether the MX records are signed (§2.2.1): else anybody could have named another host, and there is no DANE."""
    if not house.setup.anchors:
        return False
    return (yield from secure(house, domain, "MX", keys)) is not None


def demanded(house: House, host: str, port: int, keys: Keys) -> Acts[tuple[str, ...] | None]:
    """A host's TLSA records (§2.2.3), if they and its address are signed; None: DANE has no say here."""
    address = yield from secure(house, host, "A", keys)
    if address == ():
        address = yield from secure(house, host, "AAAA", keys)
    if address is None:  # §2.2.2: no need to ask for more
        return None
    records = yield from secure(house, tlsa_name(host, port), "TLSA", keys)
    if not records:
        yield Rule("dane.none", "opportunistic", {"host": host})
        return None
    chosen = usable(records)
    because = {"host": host, "records": ", ".join(map(str, chosen)), "count": str(len(records))}
    if chosen:
        yield Rule("dane.wanted", "must match", because)
    else:
        yield Rule("dane.unusable", "TLS without a name", because)
    return records


def not_secure(host: str, why: str) -> Refused:
    """§2.2: the mail does not go to this host now."""
    return Refused("dane.not-secure", f"450 4.7.10 DANE wants TLS with {host}: {why}", host=host, why=why)


# -- what a certificate must be ----------------------------------------------------------------------------------------


def mismatch(records: Sequence[str], chain: Sequence[bytes], names: Sequence[str], now: float) -> str:
    """Why a server's certificates (DER, its own first) match none of the records; "" if they do, or none is usable."""
    chosen = usable(records)
    reasons = [reason for one in chosen if (reason := judged(one, chain, names, now))]
    if len(reasons) < len(chosen) or not chosen:
        return ""
    return next((reason for reason in reasons if reason != NO_MATCH), NO_MATCH)


NO_MATCH = "the certificate matches no TLSA record"


def judged(record: Tlsa, chain: Sequence[bytes], names: Sequence[str], now: float) -> str:
    """Why not by this record; "" for a match."""
    if not chain:
        return "the server showed no certificate"
    if record.usage == DANE_EE:  # §3.1.1: its names and dates do not matter, the record binds it
        return "" if association(chain[0], record) == record.data else NO_MATCH
    anchors = [place for place, one in enumerate(chain) if place and association(one, record) == record.data]
    if not anchors and (record.selector, record.matching) == (0, 0):  # it is in the record, and need not be sent
        chain, anchors = [*chain, record.data], [len(chain)]
    if not anchors:
        return NO_MATCH
    return by_authority(chain[: anchors[0] + 1], names, now)


def association(certificate: bytes, record: Tlsa) -> bytes:
    """What the record would hold for this certificate (RFC 6698 §2.1.2, §2.1.3)."""
    data = public_key(certificate) if record.selector else certificate
    return DIGESTS[record.matching](data).digest() if record.matching else data


def public_key(certificate: bytes) -> bytes:
    """Its SubjectPublicKeyInfo; b"" where it cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def by_authority(chain: Sequence[bytes], names: Sequence[str], now: float) -> str:
    """§3.1.2: signed by one another up to the authority, in their time, and for one of these names (§3.2.3)."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        read = [x509.load_der_x509_certificate(one) for one in chain]
        for below, above in pairwise(read):
            below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return "the certificate is not signed by the authority in the TLSA record"
    if any(not one.not_valid_before_utc.timestamp() <= now <= one.not_valid_after_utc.timestamp() for one in read):
        return "the certificate is not valid now"
    if not any(fits(pattern, name) for pattern in names_in(read[0]) for name in names):
        return f"the certificate is not for {' or '.join(names)}"
    return ""


def names_in(certificate: Any) -> list[str]:
    """The host names in a certificate (subjectAltName)."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name).lower() for name in found.get_values_for_type(x509.DNSName)]


def fits(pattern: str, name: str) -> bool:
    """``*.beta.example`` is for a host with one label more."""
    if pattern.startswith("*."):
        return name.lower().partition(".")[2] == pattern[2:]
    return name.lower() == pattern
