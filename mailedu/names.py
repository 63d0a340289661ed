"""Domain names as text: one spelling for each, and U-labels as the DNS knows them (RFC 1035 §2.3, RFC 5890 §2.3)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST_LABEL = 63  # octets (RFC 1035 §2.3.4)
LONGEST_NAME = 253  # characters without the final dot: 255 octets on the wire

ESCAPE = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)
LABEL = re.compile(r"((?:[^.\\]|\\.?)*)(?:\.|$)", re.DOTALL)


def labels(name: str) -> list[str]:
    r"""``"mx.beta.example."`` -> ``["mx", "beta", "example"]``; in ``r"a\.b.example"`` the first dot is an octet."""
    return LABEL.findall(name)[:-1] if "\\" in name else name.removesuffix(".").split(".")


def canonical(name: str) -> str:
    r"""The one spelling of a name: ``"Beta.Example."`` -> ``"beta.example"``, ``r"a\032b"`` -> ``"a b"``."""
    name = a_labels(name).lower()
    if "\\" in name:
        return ".".join(ESCAPE.sub(_plain, label) for label in labels(name))
    return name.removesuffix(".")


def _plain(escape: re.Match[str]) -> str:
    """The character an escape stands for (RFC 1035 §5.1); a dot inside a label, and a backslash, stay escaped."""
    found = escape[1]
    if len(found) == 3:
        if int(found) > 255:
            return "\\" + escape[0]
        found = chr(int(found)).lower() if int(found) < 128 else chr(int(found))
    return "\\" + found if found in ".\\" else found


def a_labels(name: str) -> str:
    """``"grüße.example"`` -> ``"xn--gre-6ka8l.example"``; labels in ASCII stay as they are (RFC 5891 §4.4)."""
    if name.isascii():
        return name
    return ".".join(label if label.isascii() else a_label(label) for label in re.split("[.。]", name))


def a_label(label: str) -> str:
    """One U-label; mapped to lower case and NFC first, as RFC 5895 §2 does for what people type."""
    return "xn--" + unicodedata.normalize("NFC", label.lower()).encode("punycode").decode("ascii")


@lru_cache(maxsize=4096)
def can_be_asked(name: str) -> bool:
    """Whether the DNS can carry this name: labels of 1 to 63 octets, 255 in all (RFC 1035 §2.3.4)."""
    if name in ("", "."):
        return name == "."
    found = [ESCAPE.sub("x", label) for label in labels(a_labels(name))]
    return sum(map(len, found)) + len(found) - 1 <= LONGEST_NAME and all(
        0 < len(label) <= LONGEST_LABEL for label in found
    )
