"""Public keys in the DNS (RFC 6376 §3.6.1, RFC 8463 §4.2), and private keys as people hold them."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...acts import LabError, Refused
from ...message import Span
from .tags import read_base64, read_tags, shown, tag_spans, words

KEY_TYPES = ("rsa", "ed25519")
SHORTEST = 1024  # bits of an RSA key (RFC 8301 §3.2)
HASH = b"sha256"

WHAT = {  # tag -> what its value is
    "v": "version",
    "g": "granularity (history)",
    "h": "hash algorithms",
    "k": "key type",
    "n": "notes",
    "p": "public key",
    "s": "service types",
    "t": "flags",
}


@dataclass(slots=True)
class Key:
    """A public key that a domain publishes, and what it may be used for."""

    type: str  # "rsa", "ed25519"
    bits: int
    public: Any  # cryptography's key
    testing: bool  # t=y
    strict: bool  # t=s: i= may not be a subdomain

    def signed(self, signature: bytes, digest: bytes) -> bool:
        """Whether the owner of this key signed what has this digest."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            if self.type == "rsa":
                self.public.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))  # RFC 6376 §3.3.2
            else:
                self.public.verify(signature, digest)  # the digest is what Ed25519 signs (RFC 8463 §3)
        except InvalidSignature:
            return False
        return True

    @property
    def signature_octets(self) -> int:
        return (self.bits + 7) // 8 if self.type == "rsa" else 64


@lru_cache(512)
def read_key(record: str) -> Key:
    """A key record (§6.1.2, steps 5 to 8); Refused says why it is none that we can use."""
    try:
        text = record.encode("latin-1")
        tags = read_tags(text)
    except UnicodeEncodeError:
        raise Refused(
            "dkim.key-syntax", "the key record is not octets", why="it holds letters beyond one octet"
        ) from None
    except Refused as no:
        raise Refused("dkim.key-syntax", f"the key record: {no}", why=str(no)) from None
    if "v" in tags and (tags["v"].value != b"DKIM1" or next(iter(tags)) != "v"):
        raise Refused("dkim.key-version", "v= is not DKIM1, or not the first tag", version=shown(tags["v"].value))
    if "p" not in tags:
        raise Refused("dkim.key-syntax", "the key record has no p=", why="p= is missing")
    if "h" in tags and HASH not in words(tags["h"].value):
        raise Refused("dkim.key-hash", "the key is not for sha256", hashes=shown(tags["h"].value))
    if "s" in tags and not {b"*", b"email"} & set(words(tags["s"].value)):
        raise Refused("dkim.key-service", "the key is not for e-mail", services=shown(tags["s"].value))
    kind = shown(tags["k"].value) if "k" in tags else "rsa"
    if kind not in KEY_TYPES:
        raise Refused("dkim.key-type", f"{kind} is an unknown type of key", type=kind)
    if not tags["p"].value:
        raise Refused("dkim.revoked", "the key is revoked")
    flags = words(tags["t"].value) if "t" in tags else []
    public, bits = read_public(kind, tags["p"].value)
    return Key(kind, bits, public, testing=b"y" in flags, strict=b"s" in flags)


def read_public(kind: str, value: bytes) -> tuple[Any, int]:
    """p= as a key, and how many bits it has."""
    try:
        octets = read_base64(value)
    except ValueError as why:
        raise Refused("dkim.key-base64", f"p= is not base64: {why}", why=str(why)) from None
    return read_ed25519(octets) if kind == "ed25519" else read_rsa(octets)


def read_rsa(octets: bytes) -> tuple[Any, int]:
    """A SubjectPublicKeyInfo, as everybody publishes, or the RSAPublicKey inside, as §3.6.1 says."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise Refused("dkim.key-form", "p= is no RSA key", type="rsa", octets=str(len(octets)))
    if key.key_size < SHORTEST:
        raise Refused("dkim.weak-key", f"the key has {key.key_size} bits", bits=str(key.key_size), least=str(SHORTEST))
    return key, key.key_size


def read_ed25519(octets: bytes) -> tuple[Any, int]:
    """32 octets (RFC 8463 §4.2)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(octets) != 32:
        raise Refused("dkim.key-form", "p= is no Ed25519 key", type="ed25519", octets=str(len(octets)))
    return Ed25519PublicKey.from_public_bytes(octets), 256


def spans(record: str | bytes) -> list[Span]:
    """What each octet of a key record is: (length, name), adding up to all of it."""
    return tag_spans(record.encode("latin-1", "replace") if isinstance(record, str) else record, WHAT)


# -- private keys ------------------------------------------------------------------------------------------------------


def private_key(key: Any) -> Any:
    """A key of `cryptography`, from itself, from PEM, or from the base64 of an Ed25519 seed (RFC 8463 §A.1)."""
    if isinstance(key, str):
        key = key.encode("ascii", "replace")
    return load_private(key) if isinstance(key, bytes) else key


@lru_cache(64)
def load_private(text: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if b"-----BEGIN" in text:
            return load_pem_private_key(text, None)
        return Ed25519PrivateKey.from_private_bytes(b64decode(text, validate=True))
    except (ValueError, TypeError, NotBase64, UnsupportedAlgorithm) as wrong:
        raise LabError(f"This is no private key ({wrong}): give one as PEM, without a password.") from wrong


def public_record(key: Any) -> str:
    """The key record to publish for a private key: ``v=DKIM1; k=rsa; p=…``."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = private_key(key).public_key()
    if key_type(key) == "rsa":
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={key_type(key)}; p={b64encode(octets).decode('ascii')}"


def key_type(key: Any) -> str:
    """ "rsa" or "ed25519"; LabError for other keys."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = private_key(key)
    if isinstance(key, RSAPrivateKey):
        return "rsa"
    if isinstance(key, Ed25519PrivateKey):
        return "ed25519"
    raise LabError(f"DKIM has no signatures with a {type(key).__name__}: give an RSA or an Ed25519 private key.")
