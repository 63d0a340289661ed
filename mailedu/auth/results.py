"""Authentication-Results (RFC 8601): what a receiver found, in a header field for those who come after it.

    Authentication-Results: mx.beta.example;
     spf=pass smtp.mailfrom=alpha.example;
     dkim=pass header.d=alpha.example header.s=lab;
     dmarc=pass header.from=alpha.example policy.dmarc=reject

`write` makes the field from findings, `read` takes one apart again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

CRLF = "\r\n"
TOKEN = re.compile(r"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]+")  # RFC 2045 §5.1, and UTF-8 by RFC 6532 §3.2
PLAIN = re.compile(r"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]*@?[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]+")
BAD = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class SpfLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...


class SignatureLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def selector(self) -> str: ...


class DmarcLike(Protocol):
    @property
    def result(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def disposition(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Property:
    """One thing a method looked at: ``header.d=alpha.example`` (§2.3)."""

    kind: str  # "smtp", "header", "body", "policy"
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one method found."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """A whole field: who says so, and what was found; no results is written "none" (§2.2)."""

    host: str  # the authserv-id
    results: tuple[Result, ...] = ()


def write(
    host: str,
    spf: SpfLike | None = None,
    signatures: Iterable[SignatureLike] = (),
    dmarc: DmarcLike | None = None,
    *,
    sender: str = "",
    helo: str = "",
    others: Sequence[Result] = (),
) -> bytes:
    """One Authentication-Results field with its CRLF; nothing that a message says can break out of it."""
    found = [spf_result(spf, sender, helo)] if spf is not None else []
    found += [dkim_result(signature) for signature in signatures] or [Result("dkim", "none")]
    found += [dmarc_result(dmarc)] if dmarc is not None else []
    return field(Results(host, (*found, *others)))


def spf_result(spf: SpfLike, sender: str = "", helo: str = "") -> Result:
    """§2.7.2: the whole address where it is known; the HELO name for a null sender."""
    if helo and not sender:
        return Result("spf", str(spf.result), (Property("smtp", "helo", helo),))
    return Result("spf", str(spf.result), (Property("smtp", "mailfrom", sender or spf.domain),))


def dkim_result(signature: SignatureLike) -> Result:
    """§2.7.1."""
    properties = (Property("header", "d", signature.domain), Property("header", "s", signature.selector))
    return Result("dkim", str(signature.result), tuple(given for given in properties if given.value))


def dmarc_result(dmarc: DmarcLike) -> Result:
    """RFC 9989 §9.1: the policy after all its options were applied."""
    properties = [Property("header", "from", dmarc.domain)] if dmarc.domain else []
    if dmarc.policy:
        properties.append(Property("policy", "dmarc", dmarc.policy))
    return Result("dmarc", str(dmarc.result), tuple(properties))


def field(results: Results) -> bytes:
    """The field, one method a line (§2.2)."""
    lines = [f"Authentication-Results: {quoted(results.host)}", *map(write_result, results.results)]
    if not results.results:
        lines.append("none")
    return (f";{CRLF} ".join(lines) + CRLF).encode("utf-8", "replace")


def write_result(result: Result) -> str:
    words = [f"{result.method}={result.result}"]
    words += [f"reason={string(result.reason)}"] if result.reason else []
    words += [f"{given.kind}.{given.name}={quoted(given.value)}" for given in result.properties]
    return " ".join(words)


def quoted(value: str) -> str:
    """As it is where the grammar allows it, else as a quoted string."""
    return value if PLAIN.fullmatch(value) else string(value)


def string(value: str) -> str:
    """A quoted string (RFC 5322 §3.2.4); a control character becomes a question mark."""
    return '"' + re.sub(r'(["\\])', r"\\\1", BAD.sub("?", value)) + '"'
