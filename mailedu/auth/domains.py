"""Domain names as mail compares them: in small letters, without a final dot, U-labels as A-labels (RFC 5890 §2.3)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

LONGEST = 253  # octets of a name in text, without the final dot (RFC 1035 §2.3.4)
LONGEST_LABEL = 63
FULL_STOPS = "\u3002\uff0e\uff61"  # people type these for a dot (RFC 5895 §2.3)
IN_LABELS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


@lru_cache(4096)
def a_labels(domain: str) -> str:
    """``"Bücher.Example."`` -> ``"xn--bcher-kva.example"``; what is no domain name comes out as it can."""
    name = domain.strip().removesuffix(".").lower()
    if name.isascii():
        return name
    for stop in FULL_STOPS:
        name = name.replace(stop, ".")
    return ".".join(_a_label(label) for label in name.removesuffix(".").split("."))


def _a_label(label: str) -> str:
    """RFC 5895 §2: small letters, one width, composed; then Punycode (RFC 3492)."""
    if label.isascii():
        return label
    narrow = "".join(
        unicodedata.normalize("NFKC", c) if unicodedata.decomposition(c).startswith(("<wide>", "<narrow>")) else c
        for c in label
    )
    label = unicodedata.normalize("NFC", narrow.lower())
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


@lru_cache(4096)
def is_domain(name: str) -> bool:
    """Whether a name, as `a_labels` gives it, can stand in the DNS: labels of 1 to 63 letters, digits, - and _."""
    return 0 < len(name) <= LONGEST and all(
        0 < len(label) <= LONGEST_LABEL and IN_LABELS.issuperset(label) for label in name.split(".")
    )


def parents(name: str) -> list[str]:
    """``"a.b.example"`` -> ``["b.example", "example"]``."""
    labels = name.split(".")
    return [".".join(labels[n:]) for n in range(1, len(labels))]


def is_under(name: str, other: str) -> bool:
    """Whether `name` is a subdomain of `other`, and not that name itself."""
    return name.endswith("." + other)
