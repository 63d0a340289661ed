"""SPF's macros (RFC 7208 §7): ``%{ir}.%{v}._spf.%{d2}`` is read here, and replaced by what is known of a mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    plain: str | None  # the domain name it is, when it has no macros

    def expand(self, values: Mapping[str, str]) -> str:
        """The text, its macros replaced by `values`: letter -> value."""
        return "".join(
            piece if isinstance(piece, str) else expand(piece, values[piece.letter]) for piece in self.pieces
        )


def macro_string(text: str, pieces: Sequence[str | Macro]) -> MacroString:
    letters = frozenset(piece.letter for piece in pieces if isinstance(piece, Macro))
    plain = None if letters else domain_name("".join(piece for piece in pieces if isinstance(piece, str)))
    return MacroString(text, tuple(pieces), letters, plain)


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


def domain_name(text: str) -> str:
    """A text as a domain name: without a final dot; of more than 253 characters, labels go from the left (§7.3)."""
    name = text.removesuffix(".")
    if len(name) > LONGEST_NAME:
        name = name[-LONGEST_NAME - 1 :].partition(".")[2]
    return name
