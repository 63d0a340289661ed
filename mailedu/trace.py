"""What happened, in order and in its place.  Everything mailedu shows is read from here, and nothing edits it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from .acts import (
    ACTS,
    Accept,
    Act,
    Answer,
    Ask,
    Cipher,
    Close,
    Connect,
    Enter,
    Fetch,
    Flag,
    Hangup,
    Hear,
    LabError,
    Open,
    Page,
    Remove,
    Rule,
    Say,
    Store,
    T,
    Upgrade,
    Wait,
    Watch,
)


@dataclass(slots=True)
class Step:
    """One act, and where it stands in the story."""

    number: int
    at: float  # seconds on the lab's clock, never the wall's
    actor: str  # "alice@alpha.example", "mx.beta.example", "dns"
    conversation: str  # "mx.beta.example:25/1": the first call to that port
    parent: int | None  # the number of the step it stands under
    act: Act


NO_LIMIT = float("inf")


class Trace:
    """Append-only.  Index it, slice it, loop over it, walk it as a tree.

    With `keep` (steps) or `octets` (of bytes held in steps) the oldest steps are dropped when there are more: a
    server that runs for days stays small.  Numbers go on; `dropped` counts what is gone.
    """

    def __init__(
        self, now: Callable[[], float] = lambda: 0.0, keep: int | None = None, octets: int | None = None
    ) -> None:
        self._steps: list[Step] = []
        self._now = now
        self._watchers: list[Callable[[Step], None]] = []
        self.dropped, self._held = 0, 0
        self._limit(keep, octets)

    # -- writing
    def record(self, actor: str, conversation: str, parent: int | None, act: Act) -> Step:
        steps = self._steps
        step = Step(self.dropped + len(steps), self._now(), actor, conversation, parent, act)
        steps.append(step)
        if self._capped:
            self._held += held(act)
            if len(steps) > self._most or self._held > self._room:
                self._drop()
        for tell in self._watchers:
            tell(step)
        return step

    def watch(self, tell: Callable[[Step], None]) -> None:
        """`tell` is called with each step from now on."""
        self._watchers.append(tell)

    def cap(self, keep: int | None, octets: int | None) -> None:
        """Hold at most so many steps, with at most so many octets, from now on; None is no limit.

        The last step always stays, however many octets it has.
        """
        self._limit(keep, octets)
        self._held = sum(held(step.act) for step in self._steps)
        self._drop()

    def _limit(self, keep: int | None, octets: int | None) -> None:
        self.keep, self.octets = keep, octets
        self._most = NO_LIMIT if keep is None else keep
        self._room = NO_LIMIT if octets is None else octets
        self._capped = keep is not None or octets is not None

    def _drop(self) -> None:
        """Where there is too much, drop down to nine tenths of the limits: so a full trace costs little more."""
        count, held_now, gone = len(self._steps), self._held, 0
        if count <= self._most and held_now <= self._room:
            return
        most, room = max(self._most * 0.9, 1), self._room * 0.9
        while gone < count - 1 and (count - gone > most or held_now > room):
            held_now -= held(self._steps[gone].act)
            gone += 1
        del self._steps[:gone]
        self.dropped, self._held = self.dropped + gone, held_now

    # -- reading
    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    def __getitem__(self, index: Any) -> Any:
        """The step at this place among those kept (an int), or a list of them (a slice)."""
        return self._steps[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self._steps == other._steps

    __hash__ = None  # type: ignore[assignment]  # it grows

    def step(self, number: int) -> Step:
        """The step with this number; LabError when there is none (any more)."""
        if not 0 <= number - self.dropped < len(self._steps):
            first, last = self.dropped, self.dropped + len(self._steps) - 1
            raise LabError(f"There is no step {number} in this trace: it holds steps {first} to {last}.")
        return self._steps[number - self.dropped]

    def only(self, *kinds: type[Act]) -> list[Step]:
        """The steps whose act is one of these kinds: ``trace.only(Say, Hear)``."""
        return [step for step in self._steps if isinstance(step.act, kinds)]

    def under(self, number: int | None) -> list[Step]:
        """The steps that stand directly under this one; None: under nothing (any more)."""
        return self.children().get(number, [])

    def walk(self, number: int | None = None, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """(depth, step), the tree depth first: what interleaved in time stands together here.

        Where the oldest steps were dropped, a step whose parent is gone stands at the top.
        """
        children = self.children()
        todo = [(depth, step) for step in reversed(children.get(number, []))]
        while todo:
            depth, step = todo.pop()
            yield depth, step
            todo += [(depth + 1, child) for child in reversed(children.get(step.number, []))]

    def children(self) -> dict[int | None, list[Step]]:
        """Each step's number -> the steps directly under it; None -> those at the top."""
        children: dict[int | None, list[Step]] = {}
        for step in self._steps:
            parent = None if step.parent is not None and step.parent < self.dropped else step.parent
            children.setdefault(parent, []).append(step)
        return children

    def part(self, roots: Iterable[int]) -> Trace:
        """A trace of its own: these steps and all that stands under them, numbered anew from 0."""
        chosen = set(roots)
        number: dict[int, int] = {}
        part = Trace(self._now)
        first = max(min(chosen, default=self.dropped) - self.dropped, 0)  # nothing before it can stand under it
        for step in islice(self._steps, first, None):
            if step.number in chosen or step.parent in number or step.parent in chosen:
                number[step.number] = len(part._steps)
                parent = None if step.parent is None else number.get(step.parent)
                part._steps.append(Step(number[step.number], step.at, step.actor, step.conversation, parent, step.act))
        return part

    # -- comparing
    def story(self, actors: Collection[str] | None = None) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
        """The normal form, equal in every world: what each actor did in each conversation, in its order.

        (conversation, actor) -> [(seconds, place of the parent, act), …].  Worlds interleave differently (even the two
        ends of one call, at a TLS handshake), so numbers go, and a parent becomes its place: (conversation, actor,
        index).  TLS records go too.  A client that is not ours leaves no steps, so one may keep only these `actors`.
        """
        story: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        place: dict[int, tuple[str, str, int]] = {}
        for step in self._steps:
            if isinstance(step.act, Cipher) or (actors is not None and step.actor not in actors):
                continue
            told = story.setdefault((step.conversation, step.actor), [])
            told.append((step.at, None if step.parent is None else place.get(step.parent), step.act))
            place[step.number] = step.conversation, step.actor, len(told) - 1
        return story

    # -- to JSON and back, without loss
    def to_json(self) -> str:
        """[[number, at, actor, conversation, parent, kind of act, [its fields]], …]; bytes as latin-1 text."""
        return json.dumps([row(step) for step in self._steps])

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """What `to_json` wrote.  LabError when it is something else."""
        trace = cls()
        try:
            rows = checked(list, json.loads(text))
            for row in rows:
                step = step_of(*checked(list, row))
                if step.number != (trace._steps[-1].number + 1 if trace._steps else step.number):
                    raise ValueError(f"step {step.number} is out of order")
                trace._steps.append(step)
        except (ValueError, TypeError, RecursionError) as wrong:
            raise LabError(f"This is not the JSON of a trace ({wrong}): pass what Trace.to_json() gave.") from wrong
        trace.dropped = trace._steps[0].number if trace._steps else 0
        return trace

    def __str__(self) -> str:
        return "\n".join(line(step, depth) for depth, step in self.walk())

    def __repr__(self) -> str:
        return f"<Trace of {len(self)} steps>"


HOLDS: dict[type[Act], Callable[[Any], int]] = {  # what grows with what strangers send: wire, mail, DNS
    **dict.fromkeys((Say, Hear, Cipher), lambda act: len(act.data)),
    Open: lambda act: len(act.title),
    Close: lambda act: len(act.verdict),
    Store: lambda act: len(act.message),
    Rule: lambda act: len(act.outcome) + sum(map(len, act.because.values())),
    Answer: lambda act: sum(map(len, act.records)),
    Page: lambda act: len(act.body) + len(act.type),
}


def held(act: Act) -> int:
    """How many octets this act holds."""
    count = HOLDS.get(type(act))
    return count(act) if count else 0


# -- JSON --------------------------------------------------------------------------------------------------------------


def row(step: Step) -> list[Any]:
    values = [plain(getattr(step.act, f.name)) for f in fields(step.act)]  # type: ignore[arg-type]
    kind = type(step.act).__name__
    return [step.number, step.at, step.actor, step.conversation, step.parent, kind, values]


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return dict(value) if isinstance(value, Mapping) else value


def step_of(
    number: int, at: float, actor: str, conversation: str, parent: int | None, kind: str, values: list[Any]
) -> Step:
    """A row as a step; ValueError or TypeError when it is not what `row` writes."""
    made = ACTS.get(checked(str, kind))
    if made is None:
        raise ValueError(f"{kind} is no act")
    if checked(int, number) < 0 or (parent is not None and not 0 <= checked(int, parent) < number):
        raise ValueError(f"step {number} stands under {parent}")
    given = [RICH[str(f.type)](value) for f, value in zip(fields(made), checked(list, values), strict=True)]  # type: ignore[arg-type]
    return Step(number, seconds(at), checked(str, actor), checked(str, conversation), parent, made(*given))


def checked(kind: type[T], value: object) -> T:
    """The value, if it is of this kind."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{printable(repr(value))[:60]} where a {kind.__name__} belongs")
    return value


def seconds(value: object) -> float:
    """A number; JSON's own, so neither NaN nor less than nothing."""
    found = value if isinstance(value, int) and not isinstance(value, bool) else checked(float, value)
    if not found >= 0:
        raise ValueError(f"{found} where seconds belong")
    return found


RICH: dict[str, Callable[[Any], Any]] = {  # how a field is declared -> its value, from JSON's
    "str": lambda value: checked(str, value),
    "int": lambda value: checked(int, value),
    "float": seconds,
    "bool": bool,
    "bytes": lambda value: checked(str, value).encode("latin-1"),
    "tuple[str, ...]": lambda value: tuple(checked(str, item) for item in checked(list, value)),
    "tuple[int, ...]": lambda value: tuple(checked(int, item) for item in checked(list, value)),
    "Mapping[str, str]": lambda value: {key: checked(str, word) for key, word in checked(dict, value).items()},
}


# -- a line of text a step ---------------------------------------------------------------------------------------------


def line(step: Step, depth: int = 0) -> str:
    """The step in one line of plain text; what a message says cannot leave its line or steer a terminal."""
    return f"{step.number:>5} {printable(step.actor):>22}  {'  ' * depth}{told(step.act)}"


def told(act: Act) -> str:
    """The act in a few words."""
    return printable(words(act))


def words(act: Act) -> str:
    match act:
        case Say(data):
            return f"> {shown(data)}"
        case Hear(data):
            return f"< {shown(data)}"
        case Enter(state):
            return f"-> {state}"
        case Ask(name, kind):
            return f"? {name} {kind}"
        case Answer(_, _, status, records):
            return f"= {status or ' | '.join(records) or '(nothing)'}"
        case Fetch(url):
            return f"? {url}"
        case Page(_, status, kind, body):
            return f"= {status} {kind}: {shown(body)}" if status else f"= {kind}"
        case Rule(name, outcome, because):
            reasons = ", ".join(f"{key}={value}" for key, value in because.items())
            return f"[{name}] {outcome}" + (f" ({reasons})" if reasons else "")
        case Open(title):
            return f"{title} {{"
        case Close(verdict):
            return f"}} {verdict}"
        case Store(box, message):
            return f"[+] {box}: {len(message)} octets"
        case Remove(box, uids):
            return f"[-] {box}: uid {', '.join(map(str, uids))}"
        case Flag(box, uids, how, flags):
            return f"[{how or '='}] {box}: uid {', '.join(map(str, uids))}: {' '.join(flags)}"
        case Connect(host, port):
            return f"calls {host}:{port}"
        case Hangup():
            return "hangs up"
        case Accept(client, name):
            return f"takes a call from {client}" + (f", {name}" if name else "")
        case Upgrade():
            return "TLS from here on"
        case Cipher(sender, data):
            return f"~ {sender}: {len(data)} octets of TLS"
        case Wait(pause):
            return f"waits {pause:g} seconds"
        case Watch(box):
            return f"watches {box}" if box else "watches no longer"
    return str(act)


def shown(data: bytes, most: int = 90) -> str:
    """Bytes as one short line of printable text; CRLF inside is " / ", any other CR or LF is spelt out."""
    text = data[: 4 * most].decode("utf-8", "backslashreplace").removesuffix("\r\n").replace("\r\n", " / ")
    text = printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def printable(text: str) -> str:
    """Controls, escapes and bidi marks spelt out: hostile text is shown, never obeyed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
