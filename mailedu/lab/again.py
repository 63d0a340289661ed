"""The time machine: to do again what was done, up to some point, and then something else.

A lab's inputs are its whole history, and equal inputs give equal traces.  So nothing is ever undone: going back is
doing a prefix of the inputs again, a fork does it in a lab of its own, and a branch of a script (a client that nobody
typed) steps the script up to a point and takes the line out of its hand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import Accept, Hear, LabError, Say, Store
from ..net.drive import Wire
from ..trace import Trace, printable
from .letters import plural

if TYPE_CHECKING:
    from .lab import Lab
    from .mail import Mail
    from .shown import Branching
    from .typed import Typed

EXCHANGES = ("type", "hang_up", "start_tls")  # inputs that are a step of a call; their first argument is its number


class Input(NamedTuple):
    """One thing that was done to the lab from outside."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return printable(f"{self.name}({', '.join(words)})")


# -- a call that was typed ---------------------------------------------------------------------------------------------


def until(call: Typed, step: int) -> int:
    """How many inputs its lab had when a call had got to this step; 0 is its greeting."""
    return next(islice(places(call), step, None)) + 1


def places(call: Typed) -> Iterator[int]:
    """Where among the inputs the steps of a call stand."""
    calls = 0
    for place, (name, args, _) in enumerate(call.lab.inputs):
        if name == "call":
            if calls == call.number:
                yield place
            calls += 1
        elif name in EXCHANGES and args[0] == call.number and args[1:] not in (("request",), ("reply",)):
            yield place


def go_back(call: Typed, kept: int) -> list[str]:
    """Back in place, to the first so many inputs; what of others is undone by that."""
    lab = call.lab
    if lab.net:
        raise LabError("The lab is open to programs that cannot be taken back: close() it first, or use fork().")
    undone = [str(past) for past in lab.inputs[kept:] if past.name not in EXCHANGES or past.args[0] != call.number]
    lab._become(lab.inputs[:kept])
    return undone


def fork(call: Typed, at: int) -> Typed:
    """The call in an equal lab, to which the same was done up to then."""
    return call.lab._again(call.lab.inputs[: until(call, at)]).calls[call.number]


def branching_of_call(call: Typed) -> Branching:
    """What the player calls when somebody types another line at a step of this call."""

    def branch(at: int, line: str) -> tuple[Trace, Branching]:
        step = bisect_right(call.ends, absolute(call.lab.trace, call.roots(), at))
        other = call.fork(min(step, len(call.exchanges) - 1))
        other.send(line)
        return other.trace, branching_of_call(other)

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


def ending(call: Typed) -> str:
    """In what state a call is, and what then is in the mailbox: "CLOSED, 2 messages in the maildrop"."""
    machine: Any = call.part.machine if call.part else None
    if machine is None:
        return "undone"
    box = call.lab.world.boxes.get(getattr(machine, "address", ""))
    if box is not None:
        return f"{call.state}, {plural(len(box), 'message')} in the maildrop"
    stored = [act.box for step in call.trace if isinstance(act := step.act, Store)]
    return f"{call.state}, {'delivered to ' + ', '.join(stored) if stored else 'nothing delivered'}"


# -- a call that a program outside made --------------------------------------------------------------------------------


def replay(lab: Lab, conversation: str) -> Typed:
    """See `Lab.replay`."""
    host, _, port = conversation.rpartition("/")[0].rpartition(":")
    told = [step.act for step in lab.trace if step.conversation == conversation and step.actor == host]
    client = next((act.client for act in told if isinstance(act, Accept)), None)
    if client is None:
        names = dict.fromkeys(step.conversation for step in lab.trace.only(Accept))
        raise LabError(f"No server took a call {conversation!r}: there are {', '.join(names) or 'none so far'}.")
    other = lab._again(lab.inputs)
    other._do("pretend_tls")
    call = other._call(host, int(port), client)
    for act in told:
        if isinstance(act, Hear):
            call.send(act.data)
    return call


# -- a call that a script made -----------------------------------------------------------------------------------------


def branching_of_mail(mail: Mail) -> Branching:
    """What the player calls when somebody types another line at a step of a message's journey."""

    def branch(at: int, line: str) -> tuple[Trace, Branching]:
        return Taken(mail, absolute(mail.lab.trace, [mail.root], at)).and_then(line)

    return branch


class Taken:
    """A message's journey in a lab of its own, up to a step where its client would speak; from there on one types."""

    def __init__(self, mail: Mail, at: int) -> None:
        self.mail, self.at = mail, at
        self.lines: list[tuple[int, str]] = []  # (how many steps there were before, what was typed then)
        self.speaks = whose_turn(mail.lab.trace, at)
        self.lab, self.wire = self.take()

    def take(self) -> tuple[Lab, Wire]:
        """Do it again up to where the client has heard and not yet spoken, and take the line from it."""
        past = self.mail.lab.inputs
        lab = self.mail.lab._again(past[: self.mail.place])
        name, args, given = past[self.mail.place]
        assert name == "send"
        for step in lab.step_send(*args, **given):
            if step.number == self.speaks - 1:
                break
        client = self.mail.lab.trace.step(self.speaks)
        part = next(
            part for part in lab.world.parts if (part.conversation, part.actor) == (client.conversation, client.actor)
        )
        return lab, lab.world.take_line(part)

    def and_then(self, line: str) -> tuple[Trace, Branching]:
        """Say this line; the trace that it leads to."""
        self.lines.append((len(self.lab.trace), line))
        self.lab.world.speak(self.wire, line.encode("utf-8", "surrogateescape") + b"\r\n")
        self.lab.world.run()
        return self.lab.trace.part([self.mail.root]), self.branch

    def branch(self, at: int, line: str) -> tuple[Trace, Branching]:
        """A branch of this branch: the same past up to there."""
        number = absolute(self.lab.trace, [self.mail.root], at)
        before = [said for count, said in self.lines if count <= number]
        other = Taken(self.mail, self.at if before else number)
        for said in before:
            other.and_then(said)
        return other.and_then(line)


def whose_turn(whole: Trace, at: int) -> int:
    """The number of the first step after `at` in which the client of that conversation speaks."""
    conversation = whole.step(at).conversation
    within = [step for step in whole if step.conversation == conversation]
    server = next((step.actor for step in within if isinstance(step.act, Accept)), "")
    for step in within:
        if server and step.number > at and step.actor != server and isinstance(step.act, Say):
            return step.number
    raise LabError("Nobody goes on speaking in a call after this step: choose a step inside a call.")
