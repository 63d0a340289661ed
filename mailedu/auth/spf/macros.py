"""SPF's macros (RFC 7208 §7): ``%{ir}.%{v}._spf.%{d2}`` is read here, and replaced by what is known of a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ...names import LONGEST_NAME

LETTERS = "slodipvh"  # allowed everywhere (§7.2)
EXP_LETTERS = LETTERS + "crt"  # allowed in the text that exp= leads to
PERCENT = {"%%": "%", "%_": " ", "%-": "%20"}  # §7.1


@dataclass(frozen=True, slots=True)
class Macro:
    """``%{l2r+-}``: the right-hand 2 parts of the reversed local-part, which is split at + and -."""

    text: str
    letter: str  # in lower case
    escaped: bool  # a capital letter: the value is URL-escaped
    parts: int  # how many right-hand parts to use; 0: all
    reverse: bool
    delimiters: str


@dataclass(frozen=True, slots=True)
class MacroString:
    """A text with macros in it."""

    text: str
    pieces: tuple[str | Macro, ...]
    letters: frozenset[str]  # of its macros

    def text_without_macros(self) -> str:
        """The whole of it, when there are none."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def expand(self, values: Mapping[str, str]) -> str:
        """The text, its macros replaced by `values`: letter -> value."""
        return "".join(
            piece if isinstance(piece, str) else expand(piece, values[piece.letter]) for piece in self.pieces
        )


def expand(macro: Macro, value: str) -> str:
    """One macro's value after its transformers (§7.3)."""
    if macro.parts or macro.reverse or macro.delimiters:
        parts = split(value, macro.delimiters)
        if macro.reverse:
            parts.reverse()
        value = ".".join(parts[-macro.parts :])  # [-0:] is all of them
    return quote(value, safe="") if macro.escaped else value


def split(value: str, delimiters: str) -> list[str]:
    """The parts between delimiters, by default dots; empty ones are parts too."""
    return re.split(f"[{re.escape(delimiters)}]", value) if delimiters else value.split(".")


def fitted(name: str) -> str:
    """A name of at most 253 characters: labels go from the left until it fits (§7.3)."""
    if len(name) <= LONGEST_NAME:
        return name
    right = name[-LONGEST_NAME - 1 :]
    return right.partition(".")[2]
