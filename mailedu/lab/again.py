"""The time machine: to do again what was done, up to some point, and then something else.

Equal inputs give equal traces.  So going back is doing a prefix of the inputs again, a fork does it in a world of its
own, and a branch of a script (a client that nobody typed) steps the script up to a point and takes the line out of its
hand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from ..acts import Accept, Hear, LabError, Say, Store
from ..net.drive import Wire
from ..trace import Trace
from .history import History, Line, Sent
from .letters import plural

Branching = Callable[[int, str], Any]  # (at a step, another line) -> (the trace it leads to, its own Branching)
EXCHANGES = ("type", "hang_up", "start_tls")  # inputs that are a step of a line; their first argument is its number


# -- a line that is typed ----------------------------------------------------------------------------------------------


def until(history: History, line: Line, step: int) -> int:
    """How many inputs there were when a line had got to this step; 0 is its greeting."""
    return next(islice(places(history, line), step, None)) + 1


def places(history: History, line: Line) -> Iterator[int]:
    """Where among the inputs the steps of a line stand."""
    calls = 0
    for place, (name, args, _) in enumerate(history.inputs):
        if name == "call":
            if calls == line.number:
                yield place
            calls += 1
        elif name in EXCHANGES and args[0] == line.number and args[1:] not in (("request",), ("reply",)):
            yield place


def go_back(history: History, line: Line, kept: int) -> list[str]:
    """Back in place, to the first so many inputs; what of others is undone by that."""
    if history.sockets:
        raise LabError("The lab is open to programs that cannot be taken back: close() it first, or use fork().")
    undone = [str(past) for past in history.inputs[kept:] if past.name not in EXCHANGES or past.args[0] != line.number]
    history.become(history.inputs[:kept])
    return undone


def fork(history: History, line: Line, at: int) -> History:
    """An equal history, up to a step of a line."""
    return history.again(history.inputs[: until(history, line, at)])


def roots(history: History, line: Line) -> list[int]:
    """The numbers of the steps under which a line and all that it set off stands."""
    name = line.part.home if line.part else None
    return [step.number for step in history.trace.under(None) if step.conversation == name]


def branching_of_line(history: History, line: Line) -> Branching:
    """What the player calls when somebody types something else at a step of a line."""

    def branch(at: int, said: str) -> tuple[Trace, Branching]:
        step = bisect_right(line.ends, absolute(history.trace, roots(history, line), at))
        other = fork(history, line, min(step, len(line.exchanges) - 1))
        again = other.lines[line.number]
        other.do("type", line.number, said)
        return other.trace.part(roots(other, again)), branching_of_line(other, again)

    return branch


def absolute(whole: Trace, roots: list[int], number: int) -> int:
    """The number in the whole trace of a step of the part that stands under these roots."""
    chosen = set(roots)
    count = -1
    for step in whole:
        if step.number in chosen or step.parent in chosen:
            chosen.add(step.number)
            count += 1
            if count == number:
                return step.number
    raise LabError(f"There is no step {number} here: the last one is {count}.")


def last_step(history: History, line: Line, exchange: int) -> int:
    """The number, in the trace of the line alone, of the last step of an exchange; 0 is the greeting."""
    whole, chosen = history.trace, set(roots(history, line))
    count = -1
    for step in whole:
        if step.number >= line.ends[exchange]:
            break
        if step.number in chosen or step.parent in chosen:
            chosen.add(step.number)
            count += 1
    return count


def ending(history: History, line: Line) -> str:
    """In what state a line is, and what then is in the mailbox: "CLOSED, 2 messages in the maildrop"."""
    if line.machine is None:
        return "undone"
    box = history.world.boxes.get(getattr(line.machine, "address", ""))
    if box is not None:
        return f"{line.state}, {plural(len(box), 'message')} in the maildrop"
    part = history.trace.part(roots(history, line))
    stored = [act.box for step in part if isinstance(act := step.act, Store)]
    return f"{line.state}, {'delivered to ' + ', '.join(stored) if stored else 'nothing delivered'}"


# -- a call that a program outside made --------------------------------------------------------------------------------


def replay(history: History, conversation: str) -> tuple[History, Line]:
    """See `Lab.replay`."""
    host, _, port = conversation.rpartition("/")[0].rpartition(":")
    told = [step.act for step in history.trace if step.conversation == conversation and step.actor == host]
    taken = next((act for act in told if isinstance(act, Accept)), None)
    if taken is None:
        names = dict.fromkeys(step.conversation for step in history.trace.only(Accept))
        raise LabError(f"No server took a call {conversation!r}: there are {', '.join(names) or 'none so far'}.")
    other = history.again(history.inputs)
    other.do("pretend_tls")
    line: Line = other.do("call", host, int(port), taken.client, *([taken.name] if taken.name else []))
    for act in told:
        if isinstance(act, Hear):
            other.do("type", line.number, act.data)
    return other, line


# -- a call that a script made -----------------------------------------------------------------------------------------


def branching_of_sent(history: History, sent: Sent) -> Branching:
    """What the player calls when somebody types another line at a step of a message's journey."""

    def branch(at: int, said: str) -> tuple[Trace, Branching]:
        return Taken(history, sent, absolute(history.trace, [sent.root], at)).and_then(said)

    return branch


class Taken:
    """A message's journey in a world of its own, up to where its client would speak; from there on one types."""

    def __init__(self, before: History, sent: Sent, at: int) -> None:
        self.before, self.sent, self.at = before, sent, at
        self.typed: list[tuple[int, str]] = []  # (how many steps there were before, what was typed then)
        self.speaks = whose_turn(before.trace, at)
        self.history, self.wire = self.take()

    def take(self) -> tuple[History, Wire]:
        """Do it again up to where the client has heard and not yet spoken, and take the line from it."""
        past = self.before.inputs
        history = self.before.again(past[: self.sent.place])
        _, (sender, recipients), given = past[self.sent.place]
        for step in history.step_send(sender, recipients, given):
            if step.number == self.speaks - 1:
                break
        client = self.before.trace.step(self.speaks)
        [part] = (p for p in history.world.parts if (p.conversation, p.actor) == (client.conversation, client.actor))
        return history, history.world.take_line(part)

    def and_then(self, said: str) -> tuple[Trace, Branching]:
        """Say this; the trace that it leads to."""
        self.typed.append((len(self.history.trace), said))
        self.history.world.speak(self.wire, said.encode("utf-8", "surrogateescape") + b"\r\n")
        self.history.world.run()
        return self.history.trace.part([self.sent.root]), self.branch

    def branch(self, at: int, said: str) -> tuple[Trace, Branching]:
        """A branch of this branch: the same past up to there."""
        number = absolute(self.history.trace, [self.sent.root], at)
        before = [line for count, line in self.typed if count <= number]
        other = Taken(self.before, self.sent, self.at if before else number)
        for line in before:
            other.and_then(line)
        return other.and_then(said)


def whose_turn(whole: Trace, at: int) -> int:
    """The number of the first step after `at` in which the client of that conversation speaks."""
    conversation = whole.step(at).conversation
    within = [step for step in whole if step.conversation == conversation]
    server = next((step.actor for step in within if isinstance(step.act, Accept)), "")
    for step in within:
        if server and step.number > at and step.actor != server and isinstance(step.act, Say):
            return step.number
    raise LabError("Nobody goes on speaking in a call after this step: choose a step inside a call.")
