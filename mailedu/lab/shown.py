"""How whatever has a trace shows itself: the player in a notebook, a transcript in a terminal, one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import imap, message, pop3, smtp
from ..table import Table
from ..trace import Trace

READERS = {"smtp": smtp.spans, "pop3": pop3.spans, "imap": imap.spans, "message": message.spans}
TABLES: Mapping[str, Table] = {"smtp": smtp.TABLE, "pop3": pop3.TABLE, "imap": imap.TABLE}
Branching = Callable[[int, str], Any]  # (at a step, another line) -> (the trace it leads to, its own Branching)


class Shown:
    """Something with a `trace` and a `title`."""

    trace: Trace
    title: str

    def __str__(self) -> str:
        from ..views.text import transcript

        return transcript(self.trace, tables=TABLES)

    def player(self, **options: Any) -> Any:
        """The player, as a widget; needs Jupyter."""
        from ..views.widget import Player

        return Player(self.trace, READERS, TABLES, title=self.title, on_branch=self.on_branch(), **options)

    def on_branch(self) -> Branching | None:
        """What answers a line typed at a past step; None where nothing can be typed."""
        return None

    def to_html(self, path: str | Path | None = None) -> str:
        """The player as one HTML page that needs no kernel and no network; written to `path`, if there is one."""
        from ..views.html import page

        text = page(self.trace, READERS, TABLES, self.title)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def figure(self, **options: Any) -> Any:
        """A sequence diagram by matplotlib, for papers and slides."""
        from ..views.figure import sequence

        return sequence(self.trace, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The widget where there is one; a picture and the text anyway."""
        from ..views.svg import sequence_svg

        still = {"text/plain": str(self), "image/svg+xml": sequence_svg(self.trace, title=self.title)}
        try:
            bundle = self.player()._repr_mimebundle_()
        except ImportError:
            return still
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **still}, metadata
