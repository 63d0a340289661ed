"""The two hashes (RFC 6376 §3.7): what goes into each, octet for octet, and what comes out."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...message import Field, Message
from ..canonical import BODY_FORMS, FIELD_FORMS, PIECE, body_pieces, canonical_pieces, with_crlf

MOST_SHOWN = 4096  # octets of a hash input that a trace shows


class BodyHash(NamedTuple):
    """Hash step 1: the digest, over so many octets, of so many that the canonical body has."""

    digest: bytes
    hashed: int
    canonical: int


def hash_body(message: Message, form: str, length: int | None = None) -> BodyHash:
    """The canonical body up to l= (§3.4.5), in pieces: a long body is never copied whole."""
    if len(message.data) - message.body_start <= PIECE:
        body = with_crlf(message.body) if message.has_bare_lf else message.body
        pieces: Iterable[bytes] = (BODY_FORMS[form](body),)
    else:
        pieces = canonical_pieces(body_pieces(message.data, message.body_start), form)
    digest, canonical = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece if length is None else piece[: max(0, length - canonical)])
        canonical += len(piece)
    return BodyHash(digest.digest(), canonical if length is None else min(length, canonical), canonical)


def select(fields: Sequence[Field], names: Iterable[str], itself: Field | None = None) -> list[Field]:
    """The fields that h= names, in its order; a name again is the next field up, and at last no field (§5.4.2)."""
    left: dict[str, list[Field]] = {}
    for field in fields:
        if field is not itself:
            left.setdefault(field.name.lower(), []).append(field)
    return [left[name].pop() for name in map(str.lower, names) if left.get(name)]


def field_hash_input(chosen: Iterable[Field], bare: bytes, form: str, has_bare_lf: bool = True) -> bytes:
    """Hash step 2: the chosen fields, then the signature's own with an empty b= and without its CRLF.

    `has_bare_lf`: some line ends may have no CR.
    """
    fields = [*(field.data for field in chosen), bare]
    if has_bare_lf:
        fields = [with_crlf(field) for field in fields]
    return b"".join(map(FIELD_FORMS[form], fields)).removesuffix(b"\r\n")


def base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


def shown_input(octets: bytes) -> str:
    """A hash input as a trace holds it: one letter an octet, cut where it is very long."""
    if len(octets) <= MOST_SHOWN:
        return octets.decode("latin-1")
    return f"{octets[:MOST_SHOWN].decode('latin-1')}… ({len(octets) - MOST_SHOWN} more octets)"
