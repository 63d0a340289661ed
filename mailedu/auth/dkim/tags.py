"""Tag=value lists (RFC 6376 §3.2), and the encodings that their values use.

    read_tags(b"v=1; d=alpha.example")["d"].value     -> b"alpha.example"
    tag_spans(b"v=1; d=alpha.example")                -> [(1, "v"), (1, "="), (1, "version"), (1, ";"), …]

The reader that judges a list is the one that explains its octets.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...acts import Refused

Span = tuple[int, str]

FOLDS = rb"[ \t]*+(?:\r?\n[ \t]++)*+"  # [FWS]: blanks, maybe folded (RFC 5322 §3.2.2)
TAG = re.compile(rb"(%b)([A-Za-z][A-Za-z0-9_]*+)(%b)=([^;]*+)" % (FOLDS, FOLDS))
VISIBLE = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))
BASE64 = re.compile(rb"[A-Za-z0-9+/]++={0,2}")
WHITE = b" \t\r\n"
HEX_OCTET = re.compile(rb"=([0-9A-F]{2})")


class Tag(NamedTuple):
    """One tag: its value without the blanks around it, and where all that stands after the = begins and ends."""

    name: str
    value: bytes
    start: int
    end: int


def read_tags(text: bytes) -> dict[str, Tag]:
    """Name -> tag, in their order; Refused when this is no tag-list."""
    tags: dict[str, Tag] = {}
    at, clean = 0, is_clean(text)
    while at < len(text):
        found = TAG.match(text, at)
        if not found or not (clean or is_clean(found[4].rstrip(WHITE))):
            raise Refused("dkim.tag-list", f"no tag=value at octet {at}", octet=str(at), found=shown(text[at:]))
        name = found[2].decode("ascii")
        if name in tags:
            raise Refused("dkim.duplicate-tag", f"two {name}= tags", tag=name)
        tags[name] = Tag(name, found[4].strip(WHITE), found.start(4), found.end())
        at = found.end() + 1
        if at < len(text) and not text[at:].strip(WHITE):
            break  # blanks after the last semicolon
    return tags


def is_clean(text: bytes) -> bool:
    """Whether there are no controls in it, and no line ends but those of folds."""
    controls = text.translate(None, VISIBLE)
    folds = text.count(b"\n ") + text.count(b"\n\t")
    return not controls or (not controls.replace(b"\r\n", b"").strip(b"\n") and text.count(b"\n") == folds)


def shown(octets: bytes, most: int = 40) -> str:
    """A short piece of a list, as text."""
    text = octets.decode("utf-8", "backslashreplace")
    return text if len(text) <= most else text[: most - 1] + "…"


# -- encodings ---------------------------------------------------------------------------------------------------------


def without_white(value: bytes) -> bytes:
    """Without blanks and folds, which may stand anywhere in base64 and in quoted-printable (§2.10, §2.11)."""
    return value.translate(None, WHITE)


def read_base64(value: bytes) -> bytes:
    """The octets (RFC 2045 §6.8); ValueError says what is wrong."""
    text = without_white(value)
    if not BASE64.fullmatch(text):
        raise ValueError("it is empty" if not text else "it holds characters that are not of base64")
    if len(text) % 4:
        raise ValueError(f"it has {len(text)} characters, and base64 comes in fours")
    try:
        return b64decode(text, validate=True)
    except NotBase64 as wrong:
        raise ValueError(str(wrong)) from None


def read_quoted(value: bytes) -> bytes:
    """``b"Demo=20run"`` -> ``b"Demo run"`` (§2.11: hexadecimal in capitals); ValueError when it is not that."""
    text = without_white(value)
    if b"=" in HEX_OCTET.sub(b"", text):
        raise ValueError("an = is not followed by two hexadecimal digits in capitals")
    return HEX_OCTET.sub(lambda found: bytes([int(found[1], 16)]), text)


def write_quoted(octets: bytes, also: bytes = b"") -> bytes:
    """``b"Demo run"`` -> ``b"Demo=20run"``; `also` names more octets that have to be encoded (z= asks for ``|``)."""
    return b"".join(
        b"=%02X" % octet if not 0x21 <= octet <= 0x7E or octet in b"=;" + also else bytes([octet]) for octet in octets
    )


def words(value: bytes) -> list[bytes]:
    """``b"sha1 : sha256"`` -> ``[b"sha1", b"sha256"]``: a list with colons, folds allowed around them."""
    return [word.strip(WHITE) for word in value.split(b":")]


# -- what each octet is ------------------------------------------------------------------------------------------------


def tag_spans(text: bytes, names: Mapping[str, str]) -> list[Span]:
    """(length, what it is), adding up to all of `text`, whatever it holds; `names` says what each tag's value is."""
    return list(_spans(text, names))


def _spans(text: bytes, names: Mapping[str, str]) -> Iterator[Span]:
    at = 0
    while found := TAG.match(text, at):
        before, name, between, value = found.groups()
        core = value.strip(WHITE)
        after = value[value.index(core) + len(core) :] if core else b""
        leading = len(value) - len(core) - len(after)
        tag = name.decode("ascii")
        yield from _some((len(before), "blank"), (len(name), "tag"), (len(between), "blank"), (1, "="))
        yield from _some((leading, "blank"), (len(core), names.get(tag, "unknown tag's value")), (len(after), "blank"))
        at = found.end()
        if at < len(text):
            yield 1, ";"
            at += 1
    rest = text[at:]
    if rest:
        yield len(rest), "garbage" if rest.strip(WHITE) else "blank"


def _some(*spans: Span) -> Iterator[Span]:
    return (span for span in spans if span[0])
