"""What a DKIM-Signature field says (RFC 6376 §3.5), read once and read strictly: §6.1.1 asks for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...acts import Refused
from ...message import Field, Span, field_spans
from ...names import a_labels, can_be_asked
from ..canonical import BODY_FORMS, FIELD_FORMS, parted
from .tags import FOLDS, Tag, read_base64, read_quoted, read_tags, shown, tag_spans, without_white, words

REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")  # §6.1.1
ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # -> the key's type (RFC 8301 §3.1, RFC 8463 §3)
HISTORIC = ("rsa-sha1",)  # RFC 8301 §3.1
FIELD_NAME = re.compile(rb"[!-9;-~]+")
NAMES = re.compile(rb"[!-9;-~]++(?:%b:%b[!-9;-~]++)*+" % (FOLDS, FOLDS))
LOCAL_PART = re.compile(r"""(?:[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*|"(?:[^"\\]|\\.)*")?""")
NUMBER = re.compile(rb"[0-9]+")
LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"  # as hosts have them, with underscores: the RFC has none, selectors do
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
FOREVER = 10**12  # a time of more than twelve digits is as good as none (§3.5 t=)

WHAT = {  # tag -> what its value is
    "v": "version",
    "a": "algorithm",
    "b": "signature",
    "bh": "body hash",
    "c": "canonical forms",
    "d": "signing domain",
    "h": "signed fields",
    "i": "identity",
    "l": "length of the body that is signed",
    "q": "way to the key",
    "s": "selector",
    "t": "time of signing",
    "x": "time of expiry",
    "z": "copied fields",
}


@dataclass(slots=True)
class Claim:
    """What a DKIM-Signature field claims, and what has to be hashed to see whether it is true."""

    tags: Mapping[str, Tag]
    algorithm: str
    signature: bytes
    body_hash: bytes
    field_form: str
    body_form: str
    domain: str  # in A-labels
    selector: str  # in A-labels
    identity: str
    names: tuple[str, ...]  # h=, in small letters
    length: int | None
    signed_at: int | None
    expires: int | None
    bare: bytes  # the field with nothing after b=

    @property
    def key_name(self) -> str:
        """Where the key is (§3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def value_of(field: bytes) -> tuple[bytes, int]:
    """What stands between the colon and the line's end, and where that begins."""
    start = field.index(b":") + 1
    return parted(field[start:])[0], start


def read_claim(field: bytes, tags: Mapping[str, Tag] | None = None) -> Claim:
    """§6.1.1, in its order; Refused names what is wrong.  `tags`, if somebody has read them already."""
    tags = read_tags(value_of(field)[0]) if tags is None else tags
    if "v" in tags and tags["v"].value != b"1":
        raise Refused("dkim.version", "the version is not 1", version=shown(tags["v"].value))
    require(tags, REQUIRED)
    return make_claim(field, tags, read_identity(tags, read_domain(tags["d"])))


def require(tags: Mapping[str, Tag], names: Iterable[str]) -> None:
    for name in names:
        if name not in tags:
            raise Refused("dkim.missing-tag", f"{name}= is missing", tag=name)


def make_claim(field: bytes, tags: Mapping[str, Tag], identity: str = "") -> Claim:
    """All tags but v= and i=, which ARC has not, or has for something else."""
    field_form, body_form = read_forms(tags)
    claim = Claim(
        tags=tags,
        algorithm=read_algorithm(tags["a"]),
        signature=octets(tags["b"]),
        body_hash=octets(tags["bh"]),
        field_form=field_form,
        body_form=body_form,
        domain=(domain := read_domain(tags["d"])),
        selector=read_selector(tags["s"]),
        identity=identity or f"@{domain}",
        names=read_names(tags["h"]),
        length=read_number(tags, "l", 76),
        signed_at=read_number(tags, "t"),
        expires=read_number(tags, "x"),
        bare=without_signature(field, tags["b"], value_of(field)[1]),
    )
    check_query(tags)
    if claim.signed_at is not None and claim.expires is not None and claim.expires <= claim.signed_at:
        raise Refused("dkim.expiry-order", "x= is not after t=", t=str(claim.signed_at), x=str(claim.expires))
    return claim


def without_signature(field: bytes, signature: Tag, start: int) -> bytes:
    """The field with an empty b=: it cannot sign its own signature (§3.7)."""
    return field[: start + signature.start] + field[start + signature.end :]


# -- the tags ----------------------------------------------------------------------------------------------------------


def wrong(tag: Tag, wanted: str) -> Refused:
    return Refused(
        "dkim.tag-value", f"{tag.name}= is not {wanted}", tag=tag.name, wanted=wanted, value=shown(tag.value)
    )


def octets(tag: Tag) -> bytes:
    try:
        return read_base64(tag.value)
    except ValueError as why:
        raise Refused("dkim.base64", f"{tag.name}= is not base64: {why}", tag=tag.name, why=str(why)) from None


def read_algorithm(tag: Tag) -> str:
    name = shown(tag.value)
    if name in HISTORIC:
        raise Refused("dkim.historic-algorithm", f"{name} is not used any more", algorithm=name)
    if name not in ALGORITHMS:
        raise Refused("dkim.unknown-algorithm", f"{name} is an unknown algorithm", algorithm=name)
    return name


def read_forms(tags: Mapping[str, Tag]) -> tuple[str, str]:
    """c=: ``relaxed`` alone means relaxed/simple."""
    if "c" not in tags:
        return "simple", "simple"
    text = shown(tags["c"].value)
    field_form, slash, body_form = text.partition("/")
    body_form = body_form if slash else "simple"
    if field_form not in FIELD_FORMS or body_form not in BODY_FORMS:
        raise Refused("dkim.unknown-form", f"{text} is no known pair of canonical forms", forms=text)
    return field_form, body_form


def text_of(tag: Tag) -> str:
    """A value that may be UTF-8 (RFC 8616 §5)."""
    try:
        return tag.value.decode("utf-8")
    except UnicodeDecodeError:
        raise wrong(tag, "UTF-8") from None


def read_domain(tag: Tag) -> str:
    """d=: a name with a dot in it."""
    name = a_name(text_of(tag))
    if "." not in name:
        raise wrong(tag, "a domain name")
    return name


def read_selector(tag: Tag) -> str:
    name = a_name(text_of(tag))
    if not name:
        raise wrong(tag, "a selector")
    return name


def a_name(text: str) -> str:
    """The name in small letters and A-labels (RFC 8616 §5); "" when it is none."""
    name = a_labels(text).lower()
    return name if NAME.fullmatch(name) and can_be_asked(name) else ""


def is_under(name: str, domain: str) -> bool:
    """Whether a name is that domain, or below it."""
    return f".{name}".endswith(f".{domain}")


def read_identity(tags: Mapping[str, Tag], domain: str) -> str:
    """i=: an address, its local part may be empty, at d= or below it."""
    if "i" not in tags:
        return f"@{domain}"
    tag = tags["i"]
    try:
        identity = read_quoted(tag.value).decode("utf-8")
    except ValueError:
        raise wrong(tag, "quoted-printable") from None
    local_part, at, place = identity.rpartition("@")
    if not at or not LOCAL_PART.fullmatch(local_part) or not a_name(place):
        raise wrong(tag, "an address")
    if not is_under(a_name(place), domain):
        raise Refused("dkim.identity", f"{identity} is not at {domain} or below it", identity=identity, domain=domain)
    return identity


def read_names(tag: Tag) -> tuple[str, ...]:
    """h=: names of fields, From among them (§5.4)."""
    if not NAMES.fullmatch(tag.value):
        raise wrong(tag, "a list of field names")
    found = tuple(without_white(tag.value).decode("ascii").lower().split(":"))
    if "from" not in found:
        raise Refused("dkim.from-not-signed", "From is not among the signed fields", names=shown(tag.value))
    return found


def read_number(tags: Mapping[str, Tag], name: str, most: int | None = None) -> int | None:
    """l= has at most 76 digits; a time may have more than twelve, and is then as good as infinite."""
    if name not in tags:
        return None
    value = tags[name].value
    if not NUMBER.fullmatch(value) or (most is not None and len(value) > most):
        raise wrong(tags[name], "a number" if most is None else f"a number of at most {most} digits")
    return int(value) if most is not None or len(value) <= 12 else FOREVER


def check_query(tags: Mapping[str, Tag]) -> None:
    """q=: one known way to the key is enough."""
    if "q" in tags and b"dns/txt" not in words(tags["q"].value):
        raise Refused("dkim.query", "no known way to the key", methods=shown(tags["q"].value))


def read_copies(tag: Tag) -> list[tuple[str, str]]:
    """z=: (name, value) of the fields as the signer saw them; to look at, never to hash."""
    copies = []
    for copy in tag.value.split(b"|"):
        name, colon, value = copy.partition(b":")
        if not colon or not FIELD_NAME.fullmatch(name.strip()):
            raise wrong(tag, "a list of copied fields")
        try:
            copies.append((name.strip().decode("ascii"), read_quoted(value).decode("utf-8", "replace")))
        except ValueError:
            raise wrong(tag, "quoted-printable") from None
    return copies


# -- what each octet is ------------------------------------------------------------------------------------------------


def spans(field: bytes) -> list[Span]:
    """What each octet of a DKIM-Signature field is: (length, name), adding up to all of it."""
    if b":" not in field:
        return field_spans(Field("", field)) if field else []
    text, start = value_of(field)
    name = field[: start - 1]
    head: list[Span] = [(len(name.rstrip(b" \t")), "field name"), (len(name) - len(name.rstrip(b" \t")), "blank")]
    end: Span = (len(field) - start - len(text), "CRLF" if field.endswith(b"\r\n") else "LF")
    return [span for span in (*head, (1, "colon"), *tag_spans(text, WHAT), end) if span[0]]
