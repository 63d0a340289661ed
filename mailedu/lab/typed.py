"""A call that one types into, and the time machine on it: back, fork, tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..acts import LabError
from ..net.drive import Part, Wire
from ..trace import Trace
from .again import branching_of_call, fork, go_back, until
from .shown import Branching, Shown
from .tree import Tree

if TYPE_CHECKING:
    from .lab import Lab


class Typed(Shown):
    """`send` a line, read the reply; step 0 is the greeting, step 1 the first thing that was sent."""

    def __init__(self, lab: Lab, number: int, host: str, port: int, client: str) -> None:
        self.lab, self.number = lab, number
        self.host, self.port, self.client = host, port, client
        self.title = f"{client} calls {host}:{port}"
        self.exchanges: list[tuple[str, str]] = []  # what was typed, what came back; the greeting is the first
        self.ends: list[int] = []  # after each of them: how many steps there were in the lab's trace
        self.forks: list[tuple[int, Typed]] = []  # (after which step, the other future)
        self.wire: Wire | None = None
        self.part: Part | None = None
        self.lost = ""  # "request" or "reply": what the next exchange loses

    def forget(self) -> None:
        """As if nothing had been said: the call is made again."""
        self.exchanges, self.ends, self.lost = [], [], ""

    def note(self, said: str, reply: str) -> None:
        """One more exchange."""
        whole = self.lab.trace
        self.exchanges.append((said, reply))
        self.ends.append(whole.dropped + len(whole))

    # -- talking

    @property
    def greeting(self) -> str:
        return self.exchanges[0][1] if self.exchanges else ""

    def send(self, line: str | bytes) -> str:
        """Say a line (bytes go as they are); the whole reply, lines joined by a newline; "" from a dead line."""
        if not isinstance(line, str | bytes):
            raise LabError(f"Type a line of text, or bytes: this is {type(line).__name__}.")
        return self.lab._type(self.number, line)

    def hangup(self, lose: str = "") -> str:
        """The line breaks: now, or at the next exchange, whose "request" or "reply" is lost on the way."""
        if lose not in ("", "request", "reply"):
            raise LabError('lose is "request" or "reply", or nothing for now.')
        return self.lab._hang_up(self.number, lose)

    def starttls(self) -> str:
        """Begin the TLS handshake, as a client does after STARTTLS or STLS was answered; "" or what went wrong."""
        return self.lab._start_tls(self.number)

    @property
    def state(self) -> str:
        """The server's state, by the name it is shown by."""
        machine: Any = self.part.machine if self.part else None
        if machine is None:
            return ""
        return str(machine.table.labels.get(machine.state, machine.state))

    def live_wire(self) -> Wire | None:
        """Our end of the line, as long as somebody is at the other."""
        return self.wire if self.wire and not self.wire.closed else None

    @property
    def trace(self) -> Trace:  # type: ignore[override]
        """This call, and all that it set off."""
        return self.lab.trace.part(self.roots())

    def roots(self) -> list[int]:
        name = self.part.home if self.part else None
        return [step.number for step in self.lab.trace.under(None) if step.conversation == name]

    # -- the time machine

    def back(self, to: int | None = None) -> None:
        """The lab as it was before the last thing sent here, or after step `to`.  It says what else is undone."""
        last = len(self.exchanges) - 1
        if to is None and last < 1:
            raise LabError("Nothing was sent here yet, so there is nothing to take back.")
        if to is not None and not 0 <= to <= last:
            raise LabError(f"This call has steps 0 to {last}: back(to={to}) leads to none of them.")
        kept = until(self, last) - 1 if to is None else until(self, to)
        undone = go_back(self, kept)
        if undone:
            print("Also undone, because it came later: " + "; ".join(undone))

    def fork(self, at: int | None = None) -> Typed:
        """The same past up to step `at` (now, if not given), in a lab of its own: `.lab` of what comes back."""
        last = len(self.exchanges) - 1
        at = last if at is None else at
        if not 0 <= at <= last:
            raise LabError(f"This call has steps 0 to {last}: fork(at={at}) leads to none of them.")
        other = fork(self, at)
        self.forks.append((at, other))
        return other

    @property
    def tree(self) -> Tree:
        """All futures that were tried from here; each end with its state and what then was."""
        return Tree(self)

    def on_branch(self) -> Branching:
        return branching_of_call(self)

    def __repr__(self) -> str:
        return f"<{self.title}: {self.state}, {len(self.exchanges) - 1} sent>"
