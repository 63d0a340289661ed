"""Signing (RFC 6376 §5): two hashes, one signature, one field in front of the message."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from ...acts import Acts, LabError, Rule, nested
from ...message import Message
from ..canonical import BODY_FORMS, FIELD_FORMS, has_bare_lf, parted, with_crlf
from .field import FIELD_NAME, LOCAL_PART, a_name, is_under
from .hashing import BodyHash, base64, field_hash_input, hash_body, select, shown_input
from .key import SHORTEST, key_type, make_signature, private_key
from .tags import write_quoted

RECOMMENDED = (  # §5.4.1, and what MIME needs
    "from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc",
    "mime-version", "content-type", "content-transfer-encoding", "content-id", "content-description",
    "resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id",
    "in-reply-to", "references",
    "list-id", "list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive",
    "list-unsubscribe-post",
)  # fmt: skip
TOLD = (("d", "domain"), ("s", "selector"), ("a", "algorithm"))
LINE = 76  # characters of a line of the field, about


def sign(
    message: bytes,
    domain: str,
    selector: str,
    key: Any,
    now: int,
    *,
    names: str | Sequence[str] | None = None,
    oversign: Sequence[str] = ("from",),
    canonicalization: str = "relaxed/relaxed",
    identity: str = "",
    length: bool | int = False,
    valid: int | None = None,
    copy: Iterable[str] = (),
) -> Acts[bytes]:
    """The message with its DKIM-Signature in front; line ends become CRLF, as they must before signing (§5.3).

    `key` is a private key of `cryptography`, or its PEM, or the base64 of an Ed25519 seed.  `names` is h=, in its
    order: without it every recommended field that is there, and those of `oversign` once more, so that nobody can add
    another.  `length` sets l= (True: all there is), `valid` sets x= so many seconds after `now`, `copy` names the
    fields that z= repeats.
    """
    key = private_key(key)
    forms = checked_forms(canonicalization)
    check_names(domain, selector, identity)
    who = [("a", f"{checked_key(key)}-sha256"), ("c", "/".join(forms)), ("d", domain), ("s", selector)]
    who += [("i", write_quoted(identity.encode()).decode("ascii"))] if identity else []
    who += [("t", str(now))]
    who += [("x", str(now + valid))] if valid is not None else []
    whole = Message(with_crlf(message))
    wanted = wanted_names(whole, names, oversign)
    signing = signed(whole, key, who, forms, wanted, length, copies(whole, copy))
    return nested("DKIM, signing", told_line_ends(message, signing), lambda _: "signed")


def told_line_ends(data: bytes, signing: Acts[bytes]) -> Acts[bytes]:
    if has_bare_lf(data):
        yield Rule("dkim.line-ends", "made CRLF", {"count": str(data.count(b"\n") - data.count(b"\r\n"))})
    return (yield from signing)


def signed(
    message: Message,
    key: Any,
    who: Sequence[tuple[str, str]],
    forms: tuple[str, str],
    names: Sequence[str],
    length: bool | int,
    copied: str,
) -> Acts[bytes]:
    """§5.5: the body's hash goes into the field, the field's own hash into b=."""
    body, limit = measured(message, forms[1], length)
    yield Rule(
        "dkim.sign-body",
        "hashed",
        {
            "form": forms[1],
            "raw": str(len(message.data) - message.body_start),
            "canonical": str(body.canonical),
            "hashed": str(body.hashed),
            "digest": base64(body.digest),
        },
    )
    tags = [("v", "1"), *who]
    tags += [("l", str(limit))] if limit is not None else []
    tags += [("h", ":".join(names))]
    tags += [("z", copied)] if copied else []
    bare = folded("DKIM-Signature", [*tags, ("bh", base64(body.digest))]) + b"b="
    hashed = field_hash_input(select(message.fields, names), bare, forms[0], has_bare_lf=False)
    value = yield from make_value(hashed, forms[0], key, "dkim.sign-fields")
    yield Rule("dkim.signed", "signed", {name: dict(who)[tag] for tag, name in TOLD})
    return with_field(message, bare + in_lines(value, 2) + b"\r\n")


def make_value(hashed: bytes, form: str, key: Any, rule: str) -> Acts[str]:
    """What b= becomes."""
    digest = hashlib.sha256(hashed).digest()
    because = {"form": form, "hashed": str(len(hashed)), "digest": base64(digest), "input": shown_input(hashed)}
    yield Rule(rule, "hashed", because)
    return base64(make_signature(key, digest))


def measured(message: Message, form: str, length: bool | int) -> tuple[BodyHash, int | None]:
    """The body's hash, and what l= says."""
    body = hash_body(message, form)
    if length is False:
        return body, None
    limit = body.canonical if length is True else int(length)
    if not 0 <= limit <= body.canonical:
        raise LabError(f"The canonical body has {body.canonical} octets: give a length from 0 to {body.canonical}.")
    return (body if limit == body.canonical else hash_body(message, form, limit)), limit


def with_field(message: Message, field: bytes) -> bytes:
    """The message with this field on top (§5.6); one that was only a body gets the empty line it lacked."""
    at = len(message.fields[0].data) if message.fields and not message.fields[0].name else 0
    gap = b"\r\n" if message.header_end == at and message.body and not message.separator else b""
    return message.data[:at] + field + gap + message.data[at:]


# -- what the notebook's user asks for ---------------------------------------------------------------------------------


def checked_key(key: Any) -> str:
    """The key's type; too short a key may not sign (RFC 8301 §3.2)."""
    kind = key_type(key)
    if kind == "rsa" and key.key_size < SHORTEST:
        raise LabError(f"An RSA key of {key.key_size} bits may not sign: take one of {SHORTEST} bits, better 2048.")
    return kind


def checked_forms(canonicalization: str) -> tuple[str, str]:
    field_form, slash, body_form = canonicalization.partition("/")
    body_form = body_form if slash else "simple"
    if field_form not in FIELD_FORMS or body_form not in BODY_FORMS:
        raise LabError(f"There are no canonical forms {canonicalization!r}: give for example 'relaxed/simple'.")
    return field_form, body_form


def check_names(domain: str, selector: str, identity: str) -> None:
    if "." not in a_name(domain):
        raise LabError(f"{domain!r} is no domain: give one such as 'alpha.example'.")
    if not a_name(selector):
        raise LabError(f"{selector!r} is no selector: give a label such as 'lab2026'.")
    local_part, at, place = identity.rpartition("@")
    inside = is_under(a_name(place), a_name(domain))
    if identity and (not at or not inside or not LOCAL_PART.fullmatch(local_part)):
        raise LabError(f"{identity!r} is no identity for {domain}: give an address there, such as '@{domain}'.")


def wanted_names(message: Message, names: str | Sequence[str] | None, oversign: Sequence[str]) -> list[str]:
    """h=, as it will stand there."""
    if names is None:
        there = [field.name.lower() for field in message.fields]
        wanted = [name for name in there if name in RECOMMENDED] + [name.lower() for name in oversign]
        return wanted if "from" in wanted else ["from", *wanted]
    wanted = names.split(":") if isinstance(names, str) else list(names)
    wanted = [name.strip() for name in wanted]
    if wrong := [name for name in wanted if not FIELD_NAME.fullmatch(name.encode()) or ";" in name]:
        raise LabError(f"{wrong[0]!r} is no name of a field: give names such as 'from' and 'subject'.")
    if "from" not in (name.lower() for name in wanted):
        raise LabError("From has to be signed: put 'from' among the names.")
    return wanted


# -- the field ---------------------------------------------------------------------------------------------------------


def copies(message: Message, names: Iterable[str]) -> str:
    """z=: these fields as they are now, for whoever looks for what changed on the way."""
    found = [field for name in names for field in message.all(name)]
    return "|".join(f"{field.name}:{write_quoted(parted(field.value)[0], b'|').decode('ascii')}" for field in found)


def folded(name: str, tags: Iterable[tuple[str, str]]) -> bytes:
    """``DKIM-Signature: v=1; a=…;`` in lines, up to where b= will stand."""
    lines, line = [], f"{name}:"
    for tag, value in tags:
        piece = f" {tag}={value};"
        if len(line) + len(piece) > LINE and line.strip():
            lines.append(line)
            line = ""
        while len(line) + len(piece) > LINE and (cut := break_at(piece, LINE - len(line))):
            lines.append(line + piece[:cut])
            line, piece = "", " " + piece[cut:]
        line += piece
    return "\r\n".join([*lines, line, " "]).encode()


def break_at(piece: str, most: int) -> int:
    """Where a value may be parted: a list of names behind a colon, copied fields anywhere; 0 when nowhere."""
    if piece.startswith(" h="):
        return piece.rfind(":", 0, most) + 1
    return piece.rfind("|", 0, most) + 1 or (most if most > 20 else 0) if piece.startswith(" z=") else 0


def in_lines(value: str, used: int) -> bytes:
    """Base64 in lines that begin with a blank; so much of the first one is used."""
    first = LINE - 1 - used
    rest = value[first:]
    lines = [value[:first], *(rest[n : n + LINE - 1] for n in range(0, len(rest), LINE - 1))]
    return "\r\n ".join(lines).encode("ascii")
