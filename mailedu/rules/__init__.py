"""The rulebooks: one sentence and one RFC section for every rule the code applies (``*.toml`` beside this file).

Logic says ``Rule("spf.include", "match", {...})``; what that means is said here.  A test holds both to the same set.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from ..acts import Rule

STANDARDS = "standards.toml"  # the status of each RFC, with an as-of date; not rules


class Explanation(NamedTuple):
    """Where a rule is written, and what it says; {braces} in `says` are filled from the act's `because`."""

    rfc: str  # "7208 §5.2": the number and the section; "" for a rule of the lab's own
    says: str


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


@cache
def rules() -> dict[str, Explanation]:
    """Every rule's name -> its explanation, from all rulebooks."""
    found: dict[str, Explanation] = {}
    for book in sorted(resources.files(__name__).iterdir(), key=lambda book: book.name):
        if book.name.endswith(".toml") and book.name != STANDARDS:
            for name, entry in tomllib.loads(book.read_text("utf-8")).items():
                found[name] = Explanation(entry.get("rfc", ""), entry["says"])
    return found


@cache
def standards() -> Mapping[str, Any]:
    """What `rules/standards.toml` holds: RFC number -> title, status, …, and the date all that was looked up."""
    return tomllib.loads(resources.files(__name__).joinpath(STANDARDS).read_text("utf-8"))


UNKNOWN = Explanation("", "")  # a trace that was saved by another edition of this program may name other rules


def sentence(rule: Rule) -> str:
    """What this rule says of this case: its sentence with the braces filled; "" for a rule that no book has."""
    return rules().get(rule.name, UNKNOWN).says.format_map(_Known(rule.because))


def section(rule: Rule) -> str:
    """ "RFC 7208 §5.2", or "" for a rule of the lab's own."""
    rfc = rules().get(rule.name, UNKNOWN).rfc
    return f"RFC {rfc}" if rfc else ""
