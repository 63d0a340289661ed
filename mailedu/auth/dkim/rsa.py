"""RSA in plain Python (RFC 8017 §8.2), for places that have no `cryptography`, such as a browser.

It can be read, which is why it is here too.  It takes no care about what a clever neighbour learns from its running
times, so it is for lab keys only; where `cryptography` is installed, that one signs and verifies.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass

INTEGER, BIT_STRING, OCTET_STRING, SEQUENCE = 0x02, 0x03, 0x04, 0x30  # of ASN.1, in DER
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo, up to the digest (RFC 8017 §9.2)
LONGEST = 16_384  # bits; longer keys only cost time
PEM = re.compile(rb"-----BEGIN (?:RSA )?PRIVATE KEY-----(.*?)-----END", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that everybody may have."""

    modulus: int
    exponent: int

    @property
    def key_size(self) -> int:
        return self.modulus.bit_length()

    @property
    def octets(self) -> int:
        return (self.key_size + 7) // 8

    def open(self, signature: bytes) -> bytes | None:
        """The SHA-256 digest that was signed; None when this key's other half did not make the signature."""
        number = int.from_bytes(signature, "big")
        if len(signature) != self.octets or number >= self.modulus:
            return None
        block = pow(number, self.exponent, self.modulus).to_bytes(self.octets, "big")
        digest = block[-32:]
        return digest if block == padded(digest, self.octets) else None


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The half that signs, with the two primes that make it quick."""

    public: PublicKey
    exponent: int
    primes: tuple[int, int]

    @property
    def key_size(self) -> int:
        return self.public.key_size

    def public_key(self) -> PublicKey:
        return self.public

    def sign(self, digest: bytes) -> bytes:
        block = int.from_bytes(padded(digest, self.public.octets), "big")
        p, q = self.primes  # twice half the length is a quarter of the work (RFC 8017 §5.1.2)
        by_p, by_q = pow(block, self.exponent % (p - 1), p), pow(block, self.exponent % (q - 1), q)
        number = by_q + q * ((by_p - by_q) * pow(q, -1, p) % p)
        return number.to_bytes(self.public.octets, "big")


def padded(digest: bytes, octets: int) -> bytes:
    """``00 01 ff … ff 00``, the name of the hash, the digest: as long as the modulus (RFC 8017 §9.2)."""
    end = SHA256 + digest
    return b"\x00\x01" + b"\xff" * (octets - len(end) - 3) + b"\x00" + end


# -- keys as they are written ------------------------------------------------------------------------------------------


def read_public(der: bytes) -> PublicKey:
    """A SubjectPublicKeyInfo or an RSAPublicKey; ValueError when it is neither."""
    parts = sequence(der)
    if len(parts) == 2 and parts[0][0] == SEQUENCE and parts[1][0] == BIT_STRING:
        parts = sequence(parts[1][1][1:])
    if len(parts) != 2:
        raise ValueError("two numbers make an RSA key")
    modulus, exponent = map(integer, parts)
    if not (2**500 < modulus < 2**LONGEST and modulus % 2 and 3 <= exponent < 2**64 and exponent % 2):
        raise ValueError("these numbers make no RSA key")
    return PublicKey(modulus, exponent)


def write_public(key: PublicKey) -> bytes:
    """An RSAPublicKey, as RFC 6376 §3.6.1 has it."""
    return item(SEQUENCE, written_integer(key.modulus) + written_integer(key.exponent))


def read_private(pem: bytes) -> PrivateKey:
    """A key in PEM, as PKCS #1 or PKCS #8; ValueError when it is something else."""
    found = PEM.search(pem)
    if not found:
        raise ValueError("no private key in PEM")
    try:
        der = b64decode(b"".join(found[1].split()), validate=True)
    except NotBase64 as wrong:
        raise ValueError(str(wrong)) from None
    parts = sequence(der)
    if len(parts) >= 3 and parts[1][0] == SEQUENCE and parts[2][0] == OCTET_STRING:
        parts = sequence(parts[2][1])
    if len(parts) < 9:
        raise ValueError("nine numbers make an RSA private key")
    _, modulus, public, private, p, q, *_ = map(integer, parts)
    return PrivateKey(PublicKey(modulus, public), private, (p, q))


def sequence(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of each item in a SEQUENCE that is all of `der`."""
    tag, content, end = take(der, 0)
    if tag != SEQUENCE or end != len(der):
        raise ValueError("not one SEQUENCE")
    found, at = [], 0
    while at < len(content):
        tag, inner, at = take(content, at)
        found.append((tag, inner))
    return found


def take(der: bytes, at: int) -> tuple[int, bytes, int]:
    """The item at this place: tag, content, and where the next one begins."""
    if at + 2 > len(der):
        raise ValueError("it ends too soon")
    length, start = der[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2 : start], "big")
    if start + length > len(der):
        raise ValueError("it ends too soon")
    return der[at], der[start : start + length], start + length


def integer(part: tuple[int, bytes]) -> int:
    tag, content = part
    if tag != INTEGER or not content:
        raise ValueError("not an INTEGER")
    return int.from_bytes(content, "big", signed=True)


def item(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    written = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(written))) + written + content


def written_integer(number: int) -> bytes:
    return item(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))
