"""One mailbox and all who have it open, side by side: everybody's numbers, who was told what, and what waits."""

from __future__ import annotations

from typing import Any

from ..acts import LabError
from ..trace import Trace
from ..views import arena as view
from ..views.numbers import drawing
from ..views.picture import Picture
from .history import History
from .shown import Shown


class Arena(Shown):
    """A mailbox's sessions up to now: the player's pane in a notebook, a table a moment in a terminal."""

    def __init__(self, history: History, box: str) -> None:
        self.box = box
        self.trace: Trace = history.trace
        self.title = f"Who has which number: {box}"
        self.found = view.arena(self.trace, box)

    def __str__(self) -> str:
        return view.text(self.found)

    def __repr__(self) -> str:
        names = ", ".join(f"{client.name} ({client.protocol})" for client in map(view.plain, self.found.clients))
        return f"<Arena of {self.box}: {names}; {len(self.found.moments)} moments>"

    @property
    def now(self) -> str:
        """How everything stands, as a small table."""
        return "\n".join(view.state(self.found, self.found.moments[-1]))

    def seat(self, name: str) -> view.Seat:
        """What the device of this name knows now: `.numbers` (UIDs, in the order of its numbers), `.pending`."""
        for client, seat in zip(self.found.clients, self.found.moments[-1].seats, strict=True):
            if client.name == name and seat is not None:
                return seat
        names = ", ".join(client.name for client in self.found.clients)
        raise LabError(f"No {name!r} has this mailbox open now; there were {names}.")

    @property
    def board(self) -> Picture:
        """The moments from top to bottom, with everybody's numbers, as a picture."""
        return Picture(drawing(self.found), str(self))

    def player(self, **options: Any) -> Any:
        return super().player(arena=self.box, opens="arena", **options)

    def to_html(self, path: Any = None, **options: Any) -> str:
        return super().to_html(path, arena=self.box, opens="arena", **options)
