"""SASL's PLAIN (RFC 4616): name and password in one base64 line, as POP3's AUTH and IMAP's AUTHENTICATE take it."""

from __future__ import annotations

import base64
import binascii


def write_plain(user: str, password: str) -> bytes:
    """("bob", "pw") -> b"AGJvYgBwdw==": nothing, NUL, name, NUL, password (§2)."""
    return base64.b64encode(f"\0{user}\0{password}".encode())


def read_plain(response: bytes) -> tuple[str, str]:
    """What `write_plain` wrote, read back; ValueError says what is wrong with it."""
    try:
        message = base64.b64decode(response, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("that is not base64 of UTF-8 text") from None
    as_whom, nul, rest = message.partition("\0")
    user, second, password = rest.partition("\0")
    if not (nul and second and user and password) or "\0" in password:
        raise ValueError("PLAIN is: whom to act for or nothing, NUL, name, NUL, password")
    if as_whom not in ("", user):
        raise ValueError("nobody acts for somebody else here")
    return user, password
