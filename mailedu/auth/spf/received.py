"""The Received-SPF field: a check's result and what it was made from, for whoever reads the message (RFC 7208 §9.1)."""

from __future__ import annotations

import re

from .check import SpfResult
from .record import FAIL, NEUTRAL, NONE, PASS, PERMERROR, SOFTFAIL, TEMPERROR

COMMENTS = {
    PASS: "{domain} lets {ip} send its mail",
    FAIL: "{domain} does not let {ip} send its mail",
    SOFTFAIL: "{domain} does not think that {ip} sends its mail",
    NEUTRAL: "{domain} does not say whether {ip} may send its mail",
    NONE: "{domain} has no policy",
    TEMPERROR: "the policy of {domain} could not be had now",
    PERMERROR: "the policy of {domain} cannot be followed",
}
DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")  # RFC 5322 §3.2.3, RFC 6532 §3.2
LONGEST = 256  # characters of a value: what strangers say is cut, and loses its control characters


def received_spf(
    found: SpfResult, *, ip: str, helo: str, sender: str, receiver: str, identity: str = "mailfrom"
) -> bytes:
    """The whole field with its CRLFs; `identity` is "mailfrom" or "helo", whichever was checked."""
    comment = COMMENTS[found.result].format(domain=found.domain, ip=ip)
    pairs = {"receiver": receiver, "identity": identity, "client-ip": ip, "helo": helo}
    if identity == "mailfrom":
        pairs["envelope-from"] = sender
    if found.mechanism:
        pairs["mechanism"] = found.mechanism
    if found.result in (TEMPERROR, PERMERROR):
        pairs["problem"] = found.problem
    lines = [
        f"Received-SPF: {found.result} ({in_comment(f'{receiver}: {comment}')})",
        *(f" {key}={value(text)};" for key, text in pairs.items()),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")


def value(text: str) -> str:
    """A dot-atom, or else a quoted-string."""
    text = harmless(text)
    if DOT_ATOM.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def in_comment(text: str) -> str:
    return re.sub(r"([()\\])", r"\\\1", harmless(text))


def harmless(text: str) -> str:
    """Without what could end the line, or steer who reads it."""
    return "".join(character if character.isprintable() else "?" for character in text[:LONGEST])
