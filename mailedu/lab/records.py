"""What the octets of a TXT record and of a signature's tags are, by the readers that the evaluators use themselves.

The names get the method before them ("SPF mechanism", "DKIM public key"), since words like "tag" mean something else in
other protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import message
from ..auth.dkim import field, key
from ..auth.dmarc import record as dmarc
from ..auth.spf import record as spf
from . import octets

Span = tuple[int, str]
SAME = {"space", "blank", "text", ";", "=", "CRLF", "LF", "fold", "field name", "colon"}  # the same everywhere
SIGNATURES = ("dkim-signature", "arc-message-signature", "arc-seal")


def record_spans(data: bytes, sender: str = "", verb: str = "", first: bool = True) -> list[Span]:
    """(length, name) of each piece of a TXT record; all of one that belongs to no method is "record"."""
    head = data[:40].lower().replace(b" ", b"")
    if head.startswith(b"v=spf1"):
        return named("SPF", spf.spans(data))
    if head.startswith(b"v=dmarc1"):
        return named("DMARC", dmarc.spans(data))
    if head.startswith((b"v=dkim1", b"k=rsa", b"k=ed25519", b"p=")):
        return named("DKIM", key.spans(data))
    return [(len(data), "record")] if data else []


def letter_spans(data: bytes, sender: str = "", verb: str = "", first: bool = True) -> list[Span]:
    """Of a message, with its MIME parts and the tags of its signatures told apart."""
    return octets.spans(data, field_spans)


def field_spans(one: message.Field) -> Iterable[Span]:
    """Of a field: a signature's tags, or what any field is made of."""
    if one.name.lower() in SIGNATURES:
        return broken(one.data, named("DKIM", field.spans(one.data)))
    return octets.of_field(one)


def broken(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """Each line end inside the field is a fold of its own."""
    at = 0
    for length, name in spans:
        for piece in message.LINE_END.split(data[at : at + length]):
            if piece:
                ends = at + length == len(data) and name in ("CRLF", "LF")
                yield len(piece), name if ends or piece not in message.NAMES else "fold"
        at += length


def named(method: str, spans: Iterable[Span]) -> list[Span]:
    return [(length, name if name in SAME else f"{method} {name}") for length, name in spans]
