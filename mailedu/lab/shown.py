"""How whatever has a trace shows itself: the player in a notebook, a transcript in a terminal, one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import catalogue, imap, pop3, smtp
from ..table import Table
from ..trace import Trace
from ..views.lanes import as_data, lanes
from .microscopes import microscopes
from .records import letter_spans, record_spans

READERS = {
    "smtp": smtp.spans,
    "pop3": pop3.spans,
    "imap": imap.spans,
    "message": letter_spans,
    "TXT": record_spans,
}
TABLES: Mapping[str, Table] = {"smtp": smtp.TABLE, "pop3": pop3.TABLE, "imap": imap.TABLE}
Branching = Callable[[int, str], Any]  # (at a step, another line) -> (the trace it leads to, its own Branching)


def meaning(reply: str) -> Sequence[tuple[str, str, str]]:
    """[(code, what it means, where that is written)] of an SMTP reply, by the catalogue of replies."""
    code, enhanced, _ = catalogue.split(reply)
    return known(code, enhanced) if code else ()


@lru_cache(maxsize=1_000)  # strangers' replies have any codes
def known(code: str, enhanced: str) -> Sequence[tuple[str, str, str]]:
    entries = [entry for entry in catalogue.replies[f"{code} {enhanced}"].entries if not entry.who]
    return [
        (entry.key.replace("X", enhanced[:1]), f"{entry.name}. {entry.says} {entry.do}".rstrip(), entry.source)
        for entry in entries
    ]


MEANINGS = {"smtp": meaning}


class Shown:
    """Something with a `trace` and a `title`."""

    trace: Trace
    title: str

    def __str__(self) -> str:
        from ..views.text import transcript

        return transcript(self.trace, tables=TABLES)

    def player(self, **options: Any) -> Any:
        """The player, as a widget; needs Jupyter.

        With `predict` a step stays covered until a guess was made, and no guess is scored:
        ``predict={"550 5.7.26": ("What comes back?", {"250": "No: DMARC fails, and …", "550": True})}``.
        """
        from ..views.widget import Player

        return Player(
            self.trace, READERS, TABLES, title=self.title, on_branch=self.on_branch(), grown=self.branches(),
            meanings=MEANINGS, microscopes=self.microscopes(), **options,
        )  # fmt: skip

    def on_branch(self) -> Branching | None:
        """What answers a line typed at a past step; None where nothing can be typed."""
        return None

    def branches(self) -> Sequence[Any]:
        """The futures that were tried, as `views.score.Branch`."""
        return ()

    def microscopes(self) -> Sequence[Any]:
        """The DKIM signatures in it, octet for octet."""
        return microscopes(self.trace)

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        """The player as one HTML page that needs no kernel and no network; written to `path`, if there is one.

        The futures that were tried are in it; `predict` is as in `player`.
        """
        from ..views.html import page

        text = page(
            self.trace, READERS, TABLES, self.title, branches=self.branches(), meanings=MEANINGS,
            microscopes=self.microscopes(), **options,
        )  # fmt: skip
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def figure(self, **options: Any) -> Any:
        """A sequence diagram by matplotlib, for papers and slides."""
        from ..views.figure import sequence

        return sequence(self.trace, **options)

    def picture(self) -> str:
        """A still picture, as SVG."""
        from ..views.svg import sequence_svg

        return sequence_svg(self.trace, title=self.title)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The widget where there is one; a picture and the text anyway."""
        still = {"text/plain": str(self), "image/svg+xml": self.picture()}
        try:
            bundle = self.player()._repr_mimebundle_()
        except ImportError:
            return still
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **still}, metadata


class Everything(Shown):
    """All that happened in a lab so far, to step through; opened at its queues, where something waited."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.title = trace, "All that happened so far"

    def __repr__(self) -> str:
        from ..views.queue import in_words

        return "\n".join(map(in_words, lanes(self.trace))) or f"<{len(self.trace)} steps, and no queue>"

    def player(self, **options: Any) -> Any:
        return super().player(**{"opens": self.opens, **options})

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        return super().to_html(path, **{"opens": self.opens, **options})

    @property
    def opens(self) -> str:
        return "queue" if as_data(self.trace) else ""
