"""Sentences with a little Markdown in them: shown as such in a notebook, and without the marks in a terminal."""

from __future__ import annotations

import re
import textwrap

MARKS = re.compile(r"\*\*(.+?)\*\*|(?<![\w*])\*(?![\s*])([^*]+?)\*(?![\w*])|`([^`]+)`", re.DOTALL)
WIDTH = 100


def plain(markdown: str) -> str:
    """The text without **, * and `."""
    return MARKS.sub(lambda found: found[1] or found[2] or found[3], markdown)


class Note:
    """Some paragraphs that show themselves."""

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown

    def __str__(self) -> str:
        return "\n".join(
            textwrap.fill(line, WIDTH, subsequent_indent=" " * (len(line) - len(line.lstrip()))) if line else ""
            for line in plain(self.markdown).split("\n")
        )

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.markdown
