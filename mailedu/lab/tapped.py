"""What a tap sees of one call, as something that shows itself: three columns as text, and the player."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import Accept, Connect, LabError
from ..trace import Trace
from ..views.tap import Row, as_text, conversations, tap
from .shown import Shown

if TYPE_CHECKING:
    from .lab import Lab


RECORD_LABEL = "recorded on another machine, and not run here"
RECORDED = resources.files(__package__).joinpath("recorded-starttls.json")


class Tap(Shown):
    """`rows` (see views/tap.py), `passwords`; `str()` is three columns: client, the wire, server."""

    def __init__(self, lab: Lab | Recorded, conversation: str = "") -> None:
        self.lab, self.conversation = lab, named(lab.trace, conversation)
        self.label = RECORD_LABEL if isinstance(lab, Recorded) else ""
        self.title = f"{self.conversation}, {self.label or 'tapped'}"

    @property
    def rows(self) -> list[Row]:
        """What was said, piece by piece, as each of the three saw it."""
        return tap(self.lab.trace, self.conversation)

    @property
    def pieces(self) -> list[tuple[str, bytes]]:
        """What passed the middle, in order: (who, octets), a line or a reply each, or a TLS record."""
        found: list[tuple[str, bytes]] = []
        for row in self.rows:
            if row.records:
                found += [(record.sender, record.data) for record in row.records]
            elif row.sender and row.wire is not None and not row.sealed:
                found.append((row.sender, row.wire))
        return found

    @property
    def passwords(self) -> list[str]:
        """What of the log-ins somebody on the way could read."""
        return [row.decoded for row in self.rows if row.decoded]

    @property
    def trace(self) -> Trace:  # type: ignore[override]
        """The call, and what it set off."""
        whole = self.lab.trace
        accept = next(step for step in whole.only(Accept) if step.conversation == self.conversation)
        above = accept.parent if accept.parent is not None and accept.parent >= whole.dropped else None
        return whole.part([above if above is not None else accept.number])

    def __str__(self) -> str:
        whole = self.lab.trace
        accept = next(step for step in whole.only(Accept) if step.conversation == self.conversation)
        call = whole.step(accept.parent) if accept.parent is not None and accept.parent >= whole.dropped else None
        client = call.actor if call and isinstance(call.act, Connect) else accept.act.client  # type: ignore[attr-defined]
        text = as_text(self.rows, client, accept.actor)
        return f"({self.label})\n{text}" if self.label else text

    def player(self, **options: Any) -> Any:
        """The player, with the tap's three columns seen first."""
        return super().player(**({"opens": "tap"} | options))

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        return super().to_html(path, **({"opens": "tap"} | options))

    def __repr__(self) -> str:
        return str(self)


class Recorded(NamedTuple):
    """A trace from another machine, in place of a lab."""

    trace: Trace


def recorded() -> Tap:
    """A call with STARTTLS, recorded on a machine that has TLS: for where there is none, as in Pyodide."""
    return Tap(Recorded(Trace.from_json(RECORDED.read_text("utf-8"))))


def named(trace: Trace, name: str) -> str:
    """The call of this name; the newest to a host, or of all, if no number is in it."""
    known = conversations(trace)
    found = [one for one in known if not name or one == name or one.startswith((f"{name}/", f"{name}:"))]
    if not found:
        raise LabError(f"No call {name!r} was taken so far: there are {', '.join(known) or 'none'}.")
    return found[-1]
