"""Public keys in the DNS (RFC 6376 §3.6.1, RFC 8463 §4.2), and private keys as people hold them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...acts import LabError, Refused
from ...message import Span
from . import rsa
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
    public: Any  # cryptography's key, or rsa.PublicKey
    testing: bool  # t=y
    strict: bool  # t=s: i= may not be a subdomain

    def signed(self, signature: bytes, digest: bytes) -> bool:
        """Whether the owner of this key signed what has this digest."""
        if isinstance(self.public, rsa.PublicKey):
            return self.public.open(signature) == digest
        bad_signature, *scheme = rsa_scheme()
        try:
            if self.type == "rsa":
                self.public.verify(signature, digest, *scheme)  # RFC 6376 §3.3.2
            else:
                self.public.verify(signature, digest)  # the digest is what Ed25519 signs (RFC 8463 §3)
        except bad_signature:
            return False
        return True

    def opened(self, signature: bytes) -> bytes | None:
        """The digest that an RSA signature holds; None when this key does not fit it.  Ed25519 hides it."""
        if isinstance(self.public, rsa.PublicKey):
            return self.public.open(signature)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            digest: bytes = self.public.recover_data_from_signature(signature, PKCS1v15(), SHA256())
        except InvalidSignature:
            return None
        return digest

    @property
    def signature_octets(self) -> int:
        return (self.bits + 7) // 8 if self.type == "rsa" else 64


@lru_cache(1)
def rsa_scheme() -> tuple[Any, Any, Any]:
    """What `cryptography` raises for a bad signature; and PKCS #1 v1.5 over a SHA-256 digest that is there already."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    return InvalidSignature, PKCS1v15(), Prehashed(SHA256())


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
    try:
        key = load_rsa(octets)
    except ValueError:
        raise Refused("dkim.key-form", "p= is no RSA key", type="rsa", octets=str(len(octets))) from None
    if key.key_size < SHORTEST:
        raise Refused("dkim.weak-key", f"the key has {key.key_size} bits", bits=str(key.key_size), least=str(SHORTEST))
    return key, key.key_size


def load_rsa(octets: bytes) -> Any:
    """The key, or ValueError."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        return rsa.read_public(octets)
    try:
        key = load_der_public_key(octets)
    except UnsupportedAlgorithm as wrong:
        raise ValueError(str(wrong)) from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("a key, but not of RSA")
    return key


def read_ed25519(octets: bytes) -> tuple[Any, int]:
    """32 octets (RFC 8463 §4.2)."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise Refused("dkim.key-type", "there is no Ed25519 here", type="ed25519") from None
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
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return load_plain(text)
    try:
        if b"-----BEGIN" in text:
            return load_pem_private_key(text, None)
        return Ed25519PrivateKey.from_private_bytes(b64decode(text, validate=True))
    except (ValueError, TypeError, NotBase64, UnsupportedAlgorithm) as wrong:
        raise LabError(f"This is no private key ({wrong}): give one as PEM, without a password.") from wrong


def load_plain(text: bytes) -> rsa.PrivateKey:
    """The same without `cryptography`: RSA only."""
    try:
        return rsa.read_private(text)
    except ValueError as wrong:
        why = f"This is no RSA private key ({wrong}), and Ed25519 needs the package cryptography, which is not here"
        raise LabError(f"{why}: give one as PEM, without a password.") from wrong


def key_type(key: Any) -> str:
    """ "rsa" or "ed25519"; LabError for other keys."""
    key = private_key(key)
    if isinstance(key, rsa.PrivateKey):
        return "rsa"
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    except ImportError:
        pass
    else:
        if isinstance(key, RSAPrivateKey):
            return "rsa"
        if isinstance(key, Ed25519PrivateKey):
            return "ed25519"
    raise LabError(f"DKIM has no signatures with a {type(key).__name__}: give an RSA or an Ed25519 private key.")


def make_signature(key: Any, digest: bytes) -> bytes:
    """RFC 6376 §3.3.2, RFC 8463 §3."""
    if isinstance(key, rsa.PrivateKey) or key_type(key) == "ed25519":
        value: bytes = key.sign(digest)
    else:
        value = key.sign(digest, *rsa_scheme()[1:])
    return value


def public_record(key: Any) -> str:
    """The key record to publish for a private key: ``v=DKIM1; k=rsa; p=…``."""
    return f"v=DKIM1; k={key_type(key)}; p={b64encode(public_octets(private_key(key))).decode('ascii')}"


def public_octets(key: Any) -> bytes:
    public = key.public_key()
    if isinstance(public, rsa.PublicKey):
        return rsa.write_public(public)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    octets: bytes
    if key_type(key) == "rsa":
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return octets
