"""What SEARCH and SORT compare: texts without their encodings, and without the difference of capitals.

A search has to find "Grüße" in ``=?utf-8?q?Gr=C3=BC=C3=9Fe?=`` and in base64 (RFC 9051 §6.4.4).  Texts are octets
again when they are compared: UTF-8 of their casemap, which is i;unicode-casemap but for its letters that become two
(RFC 5051 §2; RFC 5255 §4.4).
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Iterator
from unicodedata import normalize

from ..message import as_text, decoded
from .entity import Entity, in_utf8, parsed

LONGEST = 10_000  # octets of a field whose encoded words are decoded


def casemap(octets: bytes) -> bytes:
    """ "Grüße" and "GRÜSSE" are the same to it; octets that are no UTF-8 stay themselves."""
    if octets.isascii():
        return octets.upper()
    try:
        return normalize("NFKD", octets.decode("utf-8").upper()).encode("utf-8")
    except UnicodeDecodeError:
        return octets.upper()


def field_text(value: bytes) -> bytes:
    """A header field's value, its encoded words decoded (RFC 2047), as UTF-8."""
    if (b"=?" not in value and value.isascii()) or len(value) > LONGEST:
        return value
    return decoded(as_text(value)).encode("utf-8", "replace")


# -- bodies ------------------------------------------------------------------------------------------------------------


def from_base64(text: bytes) -> bytes:
    """As much as can be read: what is no base64 is passed over (RFC 2045 §6.8)."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", text.partition(b"=")[0])
    return base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


DECODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"7bit": bytes,
    b"8bit": bytes,
    b"binary": bytes,
    b"base64": from_base64,
    b"quoted-printable": quopri.decodestring,
}


def body_text(part: Entity) -> bytes:
    """A text part as UTF-8; octets whose encoding nobody knows stay as they are."""
    text = DECODERS.get(part.encoding, bytes)(part.text)
    if text.isascii():
        return text
    return in_utf8(text, part.parameters.get(b"charset", b"utf-8"))


# -- a whole message, in pieces that are searched one by one -----------------------------------------------------------


def everything(data: bytes) -> Iterator[bytes]:
    """Header and body (TEXT): at once, where nothing in it is encoded."""
    mapped = casemap(data)
    encoded = b"CONTENT-TRANSFER-ENCODING" in mapped and (b"BASE64" in mapped or b"QUOTED-PRINTABLE" in mapped)
    if not encoded and b"=?" not in mapped and (data.isascii() or is_utf8(data)):
        yield mapped
        return
    for part in parsed(data).walk():
        yield casemap(b"\r\n".join(b"%s: %s" % (name, field_text(value)) for name, value in part.fields))
        if is_text(part):
            yield casemap(body_text(part))


def bodies(data: bytes) -> Iterator[bytes]:
    """The texts of a message without any header (BODY)."""
    for part in parsed(data).walk():
        if is_text(part):
            yield casemap(body_text(part))


def is_text(part: Entity) -> bool:
    """Whether its body is a text: others are not searched (RFC 9051 §6.4.4 allows that)."""
    return part.type[0] == b"text" or (part.type[0] in (b"multipart", b"message") and not part.parts)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
