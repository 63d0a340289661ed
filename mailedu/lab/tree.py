"""The futures of a call, as a tree of text: where they part, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..trace import printable
from .again import ending

if TYPE_CHECKING:
    from .typed import Typed


class Tree:
    """Prints itself::

    0 (greeting)
    1 USER bob
    2 DELE 2
    ├─ 3 QUIT    CLOSED, 2 messages in the maildrop
    └─ 3 RSET
       4 QUIT    CLOSED, 3 messages in the maildrop
    """

    def __init__(self, root: Typed) -> None:
        self.root = root

    def __str__(self) -> str:
        return "\n".join(lines(self.root, 0, ""))

    __repr__ = __str__


def lines(call: Typed, start: int, indent: str) -> Iterator[str]:
    """The call from step `start` on, and what forks off it."""
    last = len(call.exchanges) - 1
    step = start
    while step <= last:
        ends = step == last
        yield indent + told(call, step) + (f"    {ending(call)}" if ends else "")
        futures = [other for at, other in call.forks if at == step]
        if futures:
            branches = ([(call, step + 1)] if step < last else []) + [(other, step + 1) for other in futures]
            for number, (branch, first) in enumerate(branches):
                final = number == len(branches) - 1
                under = list(lines(branch, first, "")) or [f"(nothing yet)    {ending(branch)}"]
                yield indent + ("└─ " if final else "├─ ") + under[0]
                yield from (indent + ("   " if final else "│  ") + line for line in under[1:])
            return
        step += 1


def told(call: Typed, step: int) -> str:
    typed = call.exchanges[step][0]
    return f"{step} {printable(typed)}" if step else "0 (greeting)"
