"""A call that one types into, and the time machine on it: back, fork, tree."""

from __future__ import annotations

from typing import Protocol

from ..acts import LabError
from ..trace import Trace
from ..views.score import Branch
from . import again
from .history import History, Line
from .shown import Shown
from .tree import Tree


class Front(Protocol):
    """What a lab looks like from here: its history, and another lab like it with another history."""

    history: History

    def beside(self, history: History) -> Front: ...


class Typed(Shown):
    """`send` a line, read the reply; step 0 is the greeting, step 1 the first thing that was sent."""

    def __init__(self, lab: Front, line: Line) -> None:
        self.lab, self.line = lab, line
        self.title = f"{line.name or line.client} calls {line.host}:{line.port}"
        self.forks: list[tuple[int, Typed]] = []  # (after which step, the other future)

    # -- talking

    @property
    def exchanges(self) -> list[tuple[str, str]]:
        """What was typed, what came back; the greeting is the first."""
        return list(self.line.exchanges)

    @property
    def greeting(self) -> str:
        return self.line.exchanges[0][1] if self.line.exchanges else ""

    @property
    def state(self) -> str:
        """The server's state, by the name it is shown by."""
        return self.line.state

    def send(self, line: str | bytes) -> str:
        """Say a line (bytes go as they are); the whole reply, lines joined by a newline; "" from a dead line."""
        if not isinstance(line, str | bytes):
            raise LabError(f"Type a line of text, or bytes: this is {type(line).__name__}.")
        return str(self.lab.history.do("type", self.line.number, line))

    def hangup(self, lose: str = "") -> None:
        """The line breaks: now, or at the next exchange, whose "request" or "reply" is lost on the way."""
        if lose not in ("", "request", "reply"):
            raise LabError('lose is "request" or "reply", or nothing for now.')
        self.lab.history.do("hang_up", self.line.number, lose)

    def starttls(self) -> str:
        """Begin the TLS handshake, as a client does after STARTTLS or STLS was answered; "" or what went wrong."""
        return str(self.lab.history.do("start_tls", self.line.number))

    @property
    def trace(self) -> Trace:  # type: ignore[override]
        """This call, and all that it set off."""
        return self.lab.history.trace.part(again.roots(self.lab.history, self.line))

    # -- the time machine

    def back(self, to: int | None = None) -> None:
        """The lab as it was before the last thing sent here, or after step `to`.  It says what else is undone."""
        history, last = self.lab.history, len(self.line.exchanges) - 1
        if to is None and last < 1:
            raise LabError("Nothing was sent here yet, so there is nothing to take back.")
        self.check(to, "back")
        kept = again.until(history, self.line, last) - 1 if to is None else again.until(history, self.line, to)
        undone = again.go_back(history, self.line, kept)
        if undone:
            print("Also undone, because it came later: " + "; ".join(undone))

    def fork(self, at: int | None = None) -> Typed:
        """The same past up to step `at` (now, if not given), in a lab of its own: `.lab` of what comes back."""
        self.check(at, "fork")
        at = len(self.line.exchanges) - 1 if at is None else at
        history = again.fork(self.lab.history, self.line, at)
        other = Typed(self.lab.beside(history), history.lines[self.line.number])
        self.forks.append((at, other))
        return other

    def check(self, step: int | None, what: str) -> None:
        last = len(self.line.exchanges) - 1
        if step is not None and not 0 <= step <= last:
            raise LabError(f"This call has steps 0 to {last}: {what}() leads to one of them, not to {step}.")

    @property
    def tree(self) -> Tree:
        """All futures that were tried from here; each end with its state and what then was."""
        return Tree(self)

    @property
    def ending(self) -> str:
        """In what state it is, and what then is in the mailbox."""
        return again.ending(self.lab.history, self.line)

    def on_branch(self) -> again.Branching:
        return again.branching_of_line(self.lab.history, self.line)

    def branches(self) -> list[Branch]:
        """The futures that were forked off here, and off those."""
        found: list[Branch] = []

        def look(call: Typed, name: str) -> None:
            for at, other in call.forks:
                said = other.exchanges[at + 1][0] if len(other.exchanges) > at + 1 else "(nothing yet)"
                branch = Branch(
                    f"b{len(found) + 1}", name, again.last_step(call.lab.history, call.line, at),
                    said, other.trace, other.on_branch(),
                )  # fmt: skip
                found.append(branch)
                look(other, branch.id)

        look(self, "")
        return found

    def __repr__(self) -> str:
        return f"<{self.title}: {len(self.line.exchanges) - 1} sent; {self.ending}>"
