"""What was changed after it was signed: usual changes are taken back, and whoever signed it says which of them it was.

A mailing list puts a footer under the body and its name before the subject; a relay writes 8-bit text in another
encoding.  A signature that is good again without such a change proves that this, and nothing else, was done.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..acts import Refused
from ..auth import dkim
from ..auth.canonical import BODY_FORMS
from ..auth.dkim.field import read_claim
from ..message import Message
from ..trace import printable

LONGEST = 1_000_000  # octets of a message in which it is worth the time
MOST = 3  # broken signatures that are looked into, from the top down
TAG = re.compile(rb"(?i)\A(subject:[ \t]*+)(\[[^\]\r\n]{1,60}\][ \t]*+)")
ENCODING = re.compile(rb"(?i)\A(content-transfer-encoding:[ \t]*+)(quoted-printable|base64)([ \t]*+\r\n)\Z")
BROKEN = ("dkim.body-differs", "dkim.signature-differs")


class Undone(NamedTuple):
    """A change that was taken back: what to call it, and the message without it."""

    kind: str  # "tail", "tag", "encoding"
    says: str
    data: bytes


Verify = Callable[[bytes], Sequence[dkim.Signature]]


def undo(data: bytes, signatures: Sequence[dkim.Signature], verify: Verify) -> Mapping[int, tuple[Undone, ...]]:
    """The place of a signature that is broken -> the changes without which it is good again."""
    found: dict[int, tuple[Undone, ...]] = {}
    broken = [at for at, one in enumerate(signatures) if one.rule in BROKEN][:MOST]
    if not broken or len(data) > LONGEST:
        return found
    for changes in guesses(Message(data), [signatures[at].start for at in broken]):
        again = verify(changes[-1].data)
        for at in broken:
            if at < len(again) and again[at].result == "pass":
                found.setdefault(at, changes)
    return found


def guesses(message: Message, starts: Sequence[int]) -> Iterator[tuple[Undone, ...]]:
    """One change, or one of the header and one of the body."""
    of_header = without_tag(message)
    of_body = [one for one in (without_encoding(message), *without_tail(message, starts)) if one]
    if of_header:
        yield (of_header,)
    for one in of_body:
        yield (one,)
        if of_header and (both := without_tag(Message(one.data))):
            yield (one, both)


def without_tag(message: Message) -> Undone | None:
    """The subject without ``[Garden]``."""
    fields = message.all("Subject")
    found = TAG.match(fields[0].data) if fields else None
    if not found:
        return None
    at = fields[0].start
    data = message.data[: at + found.end(1)] + message.data[at + found.end() :]
    return Undone("tag", f"“{shown(found[2])}” was put before the subject", data)


def without_encoding(message: Message) -> Undone | None:
    """The body as 8-bit text, where it is quoted-printable or base64 now."""
    field = message.first("Content-Transfer-Encoding")
    found = ENCODING.match(field.data) if field else None
    if field is None or not found or message.has_bare_lf:
        return None
    name = found[2].decode("ascii").lower()
    try:
        body = base64.b64decode(message.body) if name == "base64" else quopri.decodestring(message.body)
    except binascii.Error:
        return None
    header = message.data[: field.start + found.end(1)] + b"8bit" + found[3]
    header += message.data[field.start + len(field.data) : message.body_start]
    return Undone("encoding", f"the body was 8-bit text, and was written as {name} on its way", header + body)


def without_tail(message: Message, starts: Sequence[int]) -> Iterator[Undone]:
    """The body without lines at its end, where what is left has a hash that was signed."""
    fields = {field.start: field for field in message.all("DKIM-Signature")}
    wanted: dict[str, set[bytes]] = {}  # canonical form -> the hashes in bh=
    for start in starts:
        try:
            claim = read_claim(fields[start].data)
        except (Refused, KeyError):
            continue
        if claim.length is None and not message.has_bare_lf:
            wanted.setdefault(claim.body_form, set()).add(claim.body_hash)
    lines = lines_of(message.body) if wanted else []
    for count in sorted({one for form, hashes in wanted.items() for one in signed_lines(message.body, form, hashes)}):
        if count < len(lines):
            cut = message.data[: message.body_start] + b"".join(lines[:count])
            first = next((line for line in lines[count:] if line.strip(b"- \r\n")), lines[count])
            number = len(lines) - count
            kind = f"{number} lines were" if number > 1 else "a line was"
            yield Undone("tail", f"{kind} put under the body (“{shown(first)}”)", cut)


def signed_lines(body: bytes, form: str, hashes: Collection[bytes]) -> Iterator[int]:
    """How many lines from the beginning of the body have one of these hashes."""
    digest = hashlib.sha256()
    for number, line in enumerate(lines_of(BODY_FORMS[form](body)), 1):
        digest.update(line)
        if digest.digest() in hashes:
            yield number


def lines_of(body: bytes) -> list[bytes]:
    *whole, last = body.split(b"\r\n")
    return [line + b"\r\n" for line in whole] + ([last] if last else [])


def shown(text: bytes) -> str:
    """A piece of a message, short enough for a sentence."""
    told = printable(text.decode("utf-8", "replace").strip())
    return told if len(told) <= 50 else f"{told[:49]}…"
