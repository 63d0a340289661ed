"""Sentences with a little Markdown in them: shown as such in a notebook, and without the marks in a terminal."""

from __future__ import annotations

import re
import textwrap

MARKS = re.compile(r"\*\*(.+?)\*\*|(?<![\w*])\*(?![\s*])([^*\n]+?)\*(?![\w*])|`([^`\n]+)`")
WIDTH = 100


def plain(markdown: str) -> str:
    """The text without **, * and `; code between fences as it is."""
    pieces = re.split(r"^```.*\n?", markdown, flags=re.MULTILINE)
    return "".join(piece if number % 2 else MARKS.sub(inner, piece) for number, piece in enumerate(pieces))


def inner(found: re.Match[str]) -> str:
    if found[3]:
        return found[3]  # code is as it is
    return MARKS.sub(inner, found[1] or found[2])


class Note:
    """Some paragraphs that show themselves; `text` is for a terminal, if it is not the same without the marks."""

    def __init__(self, markdown: str, text: str = "") -> None:
        self.markdown = markdown
        self.text = text or plain(markdown)

    def __str__(self) -> str:
        return "\n".join(map(wrapped, self.text.split("\n")))

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.markdown


def wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or line
