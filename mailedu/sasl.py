"""SASL (RFC 4422): ways to say who one is, the same for SMTP, POP3 and IMAP.  Each protocol has its own lines for it.

PLAIN (RFC 4616), LOGIN (never a standard), CRAM-MD5 (RFC 2195), SCRAM-SHA-256 (RFC 5802, 7677).

A mechanism is a generator.  The server's (`SERVER`) yields challenges and is sent responses; it returns the user's
name, or "" where the password does not fit; ValueError says what is wrong with a response.  All are plain octets:
base64 is the protocol's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping

from .clock import Clock

Users = Mapping[str, tuple[str, str]]  # name -> (password, address)
Exchange = Generator[bytes, bytes, str]

PLAINTEXT = ("PLAIN", "LOGIN")  # the password itself goes over the wire


def write_plain(user: str, password: str) -> bytes:
    """("bob", "pw") -> b"AGJvYgBwdw==": nothing, NUL, name, NUL, password (§2)."""
    return base64.b64encode(f"\0{user}\0{password}".encode())


def read_plain(response: bytes) -> tuple[str, str]:
    """What `write_plain` wrote, read back; ValueError says what is wrong with it."""
    try:
        message = base64.b64decode(response, validate=True)
    except binascii.Error:
        raise ValueError("that is not base64 of UTF-8 text") from None
    return split_plain(message)


def split_plain(message: bytes) -> tuple[str, str]:
    """``[authzid] NUL authcid NUL passwd`` -> (name, password) (RFC 4616 §2)."""
    as_whom, nul, rest = text(message).partition("\0")
    user, second, password = rest.partition("\0")
    if not (nul and second and user and password) or "\0" in password:
        raise ValueError("PLAIN is: whom to act for or nothing, NUL, name, NUL, password")
    if as_whom not in ("", user):
        raise ValueError("nobody acts for somebody else here")
    return user, password


def text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("that is not base64 of UTF-8 text") from None


def fits(users: Users, user: str, password: str) -> str:
    """The name, if the password is its."""
    known, _ = users.get(user, ("", ""))
    return user if known and hmac.compare_digest(known.encode(), password.encode()) else ""


# -- the server's side


def plain(users: Users, host: str, clock: Clock | None) -> Exchange:
    user, password = split_plain((yield b""))
    return fits(users, user, password)


def login(users: Users, host: str, clock: Clock | None) -> Exchange:
    user = text((yield b"Username:"))
    password = text((yield b"Password:"))
    return fits(users, user, password)


def cram_md5(users: Users, host: str, clock: Clock | None) -> Exchange:
    """RFC 2195 §2: the password is a key, and never on the wire."""
    assert clock
    challenge = f"<{clock.random.randrange(10**6)}.{clock.unix()}@{host}>".encode()
    user, space, digest = text((yield challenge)).rpartition(" ")
    if not space:
        raise ValueError("CRAM-MD5 is: name, space, digest")
    password, _ = users.get(user, ("", ""))
    wanted = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()
    return user if password and hmac.compare_digest(wanted.encode(), digest.encode()) else ""


SERVER: dict[str, Callable[[Users, str, Clock | None], Exchange]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
}
