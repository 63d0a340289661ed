"""A call that one types into, as a widget (anywidget): what was said, a prompt, and the states of the server.

The traits go to the page.  It sends {"type": "line", "text": line} or {"type": "back"}; the answer is new traits and
{"type": "done"}, or {"type": "refused", "why": sentence}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import anywidget
import traitlets

from ..acts import LabError
from .widget import retire_older

MOST = 10_000  # letters of a line


def read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


class ConsoleWidget(anywidget.AnyWidget):
    """`say` a line, go `back`, and `look`: the traits as they are then."""

    _esm = read("console.js")
    _css = read("console.css")
    said: traitlets.List[list[str]] = traitlets.List().tag(sync=True)  # ["C", a line], ["S", a line]
    state = traitlets.Unicode().tag(sync=True)
    block = traitlets.Bool(False).tag(sync=True)  # whether lines are a message's
    may: traitlets.List[str] = traitlets.List().tag(sync=True)  # commands that the state allows
    why = traitlets.Unicode().tag(sync=True)  # the rule behind the last no
    pictures: traitlets.List[str] = traitlets.List().tag(sync=True)  # the diagram, for light and dark

    def __init__(
        self, say: Callable[[str], object], back: Callable[[], object], look: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.say, self.back, self.look = say, back, look
        super().__init__(**look())
        self.on_msg(self.hear)
        retire_older(self)

    def hear(self, _: object, message: Any, buffers: object) -> None:
        """A line that was typed, or taken back."""
        if not isinstance(message, dict):
            return
        try:
            if message.get("type") == "line":
                self.say(checked(message.get("text")))
            elif message.get("type") == "back":
                self.back()
            else:
                return
        except LabError as no:
            self.send({"type": "refused", "why": str(no)})
            return
        with self.hold_sync():
            for name, value in self.look().items():
                setattr(self, name, value)
        self.send({"type": "done"})


def checked(text: Any) -> str:
    """One line, and not too long a one."""
    if not isinstance(text, str) or len(text) > MOST or "\r" in text or "\n" in text:
        raise LabError(f"Type one line of at most {MOST} letters.")
    return text
