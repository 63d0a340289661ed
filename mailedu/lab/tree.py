"""The futures of a call, as a tree of text: where they part, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..trace import printable


class Call(Protocol):
    """What a tree needs of a call."""

    @property
    def exchanges(self) -> list[tuple[str, str]]: ...
    @property
    def forks(self) -> Sequence[tuple[int, Call]]: ...
    @property
    def ending(self) -> str: ...


class Tree:
    """Prints itself::

    0 (greeting)
    1 USER bob
    2 DELE 2
    ├─ 3 QUIT    CLOSED, 2 messages in the maildrop
    └─ 3 RSET
       4 QUIT    CLOSED, 3 messages in the maildrop
    """

    def __init__(self, root: Call) -> None:
        self.root = root

    def __str__(self) -> str:
        return "\n".join(lines(self.root, 0, ""))

    __repr__ = __str__


def lines(call: Call, start: int, indent: str) -> Iterator[str]:
    """The call from step `start` on, and what forks off it."""
    last = len(call.exchanges) - 1
    step = start
    while step <= last:
        ends = step == last
        yield indent + told(call, step) + (f"    {call.ending}" if ends else "")
        futures = [other for at, other in call.forks if at == step]
        if futures:
            branches = ([(call, step + 1)] if step < last else []) + [(other, step + 1) for other in futures]
            for number, (branch, first) in enumerate(branches):
                final = number == len(branches) - 1
                under = list(lines(branch, first, "")) or [f"(nothing yet)    {branch.ending}"]
                yield indent + ("└─ " if final else "├─ ") + under[0]
                yield from (indent + ("   " if final else "│  ") + line for line in under[1:])
            return
        step += 1


def told(call: Call, step: int) -> str:
    typed = call.exchanges[step][0]
    return f"{step} {printable(typed)}" if step else "0 (greeting)"
