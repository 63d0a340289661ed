"""Where acts are performed: generators on one side, a world on the other.

A `Part` is one generator being performed.  A `World` performs parts until each has ended or must wait for an answer,
and writes every act into the trace.  What happens next stands in one queue, `ready`: parts that can go on, and bytes
on their way.  So nobody is spoken to while he speaks, and runs repeat.

Everything is in this process and nothing waits in real time: this is the memory world.  With a `network`
(`sockets.py`) the same parts call each other over real sockets.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from ..acts import (
    NEWS,
    Accept,
    Act,
    Acts,
    Answer,
    Ask,
    Cipher,
    Close,
    Connect,
    Fetch,
    Flag,
    Hangup,
    Hungup,
    Listen,
    Open,
    Page,
    Quiet,
    Remove,
    Say,
    Store,
    TlsFailed,
    Trouble,
    Unreachable,
    Upgrade,
    Wait,
    Watch,
)
from ..clock import Clock
from ..mailbox import Mailbox
from ..mta.dane import mismatch
from ..trace import Step, Trace

if TYPE_CHECKING:
    import ssl

    from .tls import Layer


class _Later:
    """A performer's answer when there is none yet: the part sleeps until somebody resumes it."""


LATER = _Later()
NEVER = float("inf")
HANDSHAKE = 300.0  # seconds in which a TLS handshake must be done

Dns = Callable[[str, str], Sequence[str]]
Script = Callable[
    [int, bytes, Mapping[str, str]], Acts[Any]
]  # what a box's reader does with a message: UID, octets, note
Tap = Callable[[str, str, bytes], bytes]  # (conversation, sender, data) -> the data that goes on; b"" drops it


class Machine(Protocol):
    """What listens on a port: one object a session, with one door."""

    @property
    def state(self) -> str: ...

    def session(self) -> Acts[None]: ...


class Middle(Protocol):
    """Who stands on the wire of one call: whatever one side says comes by here, and goes on only if he says it."""

    def passes(self, sender: str, data: bytes) -> None:
        """Bytes from this side, under TLS if there is TLS."""

    def ends(self, sender: str) -> None:
        """This side has hung up."""


class Road(NamedTuple):
    """What a `Middle` has in hand: the call, the step that took it, and both ends to speak to."""

    host: str
    port: int
    conversation: str
    accept: int
    to_client: Callable[[bytes], object]
    to_server: Callable[[bytes], object]


Listener = Callable[[str], Machine]  # the caller's address -> a machine for this call


class Wire:
    """One end of a connection: what arrived and was not yet heard, and the TLS layer under it, if any."""

    def __init__(self, side: str, carry: Callable[[bytes], object], close: Callable[[], object]) -> None:
        self.side = side  # "client" or "server"
        self.carry, self.close = carry, close  # to the other end; the world's
        self.inbox = bytearray()
        self.rung = False  # the watched box has changed
        self.closed = False  # the other end is gone
        self.paused = False  # the network is full
        self.tls: Layer | None = None
        self.out: Callable[[bytes], object] = drop  # of a server's end: to the client, past whoever is in the middle
        self.middle: Middle | None = None  # … who is that
        self.part: Part | None = None  # who listens here; None for a call that is typed into


class Part:
    """One generator on the stage: who acts, in which conversation, under which steps."""

    def __init__(
        self,
        acts: Acts[Any],
        actor: str,
        trace: Trace,
        conversation: str,
        parent: int | None = None,
        wire: Wire | None = None,
        then: Callable[[Any], object] | None = None,
    ) -> None:
        self.acts, self.actor, self.trace, self.conversation = acts, actor, trace, conversation
        self.home, self.wire, self.then = conversation, wire, then
        self.under: list[int | None] = [parent]
        self.question: Act | None = None  # the one it waits in
        self.until = NEVER  # when, on the lab's clock, it has waited long enough
        self.alarm = NEVER  # when the world looks after it: then, or earlier
        self.number = 0  # in the order in which parts began
        self.value: Any = None  # what it returned in the end, or the Trouble it ended in
        self.first: int | None = None  # the number of its first step
        self.machine: Machine | None = None
        if wire:
            wire.part = self

    def record(self, act: Act) -> Step:
        """Nesting belongs to the part, not to the trace: sessions interleave."""
        under = self.under
        step = self.trace.record(self.actor, self.conversation, under[-1], act)
        if self.first is None:
            self.first = step.number
        if act.nests:
            if act.nests > 0:
                under.append(step.number)
            else:
                under.pop()
        return step


class File(NamedTuple):
    """What a web server answers for a path."""

    body: bytes
    status: int = 200
    type: str = "text/plain"


@dataclass
class Site:
    """A web server: its files by their path, and the certificate that it shows."""

    files: dict[str, File] = field(default_factory=dict)
    context: ssl.SSLContext | None = None

    def get(self, path: str) -> File:
        return self.files.get(path, File(b"not found\n", 404))


class Network(Protocol):
    """How parts reach each other, where it is not this process alone."""

    def connect(self, part: Part, step: Step) -> object: ...

    def fetch(self, part: Part, step: Step) -> object: ...

    def ask(self, part: Part, step: Step) -> object: ...


class World:
    """Parts, boxes, ports and a clock; `dns(name, type)` answers, or raises NXDomain or DnsTimeout."""

    def __init__(self, dns: Dns, clock: Clock | None = None) -> None:
        self.dns = dns
        self.clock = clock or Clock()
        self.clock.on_advance = self.advance
        self.trace = Trace(self.clock)
        self.network: Network | None = None
        self.boxes: dict[str, Mailbox] = {}
        self.new_box: Callable[[str], Mailbox] = lambda name: Mailbox()
        self.watchers: dict[Wire, str] = {}  # wire -> the box whose changes ring it
        self.readers: dict[str, Script] = {}  # box -> what is done with each message it gets
        self.begun: dict[tuple[str, int], int] = {}  # (box, UID) -> the step that set its reader off
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.hosts: dict[str, str] = {}  # address -> the host that has it
        self.down: set[str] = set()  # hosts that are switched off
        self.addresses: dict[str, str] = {}  # actor -> the address it calls from
        self.contexts: Mapping[str, ssl.SSLContext] = {}  # "client", "server"; empty: TLS is only written down
        self.client_contexts: Mapping[str, ssl.SSLContext] = {}  # what a client believes -> its own, if not "client"
        self.server_contexts: dict[str, ssl.SSLContext] = {}  # host -> its own, if it is not everybody's
        self.sites: dict[str, Site] = {}  # host -> the web server that it is
        self.taps: list[Tap] = []
        self.stands: Callable[[Road], Middle | None] = nobody  # who is in the middle of a call that begins
        self.ready: deque[Iterator[Step | None]] = deque()
        self.parts: dict[Part, None] = {}  # in the order they came: a set's order is no run's twice
        self.alarms: list[tuple[float, int, int, Part]] = []  # a heap: (when, the part's number, …)
        self.count = count(1)
        self.calls: Counter[str] = Counter()
        self.doing: dict[type[Act], Callable[[Part, Step], object]] = {
            Say: self.say,
            Ask: self.ask,
            Store: self.change,
            Remove: self.change,
            Flag: self.change,
            Watch: self.watch,
            Connect: self.connect,
            Fetch: self.fetch,
            Hangup: self.hang_up,
            Upgrade: self.upgrade,
            Wait: self.wait,
        }

    # -- parts

    def start(
        self,
        acts: Acts[Any],
        actor: str,
        conversation: str = "",
        parent: int | None = None,
        wire: Wire | None = None,
        then: Callable[[Any], object] | None = None,
    ) -> Part:
        """Put a generator on the stage; `then` gets its value at the end."""
        part = Part(acts, actor, self.trace, conversation or self.numbered(actor), parent, wire, then)
        part.number = next(self.count)
        self.parts[part] = None
        self.wake(part)
        return part

    def wake(self, part: Part, answer: object = None) -> None:
        """Let it go on with this answer, when its turn comes."""
        self.ready.append(self.steps(part, answer))

    def resume(self, part: Part, answer: object = None) -> None:
        """The answer to its question is there.  Who comes second finds nobody asking."""
        part.question, part.until = None, NEVER
        self.wake(part, answer)

    def accept(
        self, host: str, port: int, client: str, conversation: str, parent: int | None, wire: Wire, name: str = ""
    ) -> Part:
        """A call comes in: a new session of the machine that listens there."""
        machine = self.listeners[host, port](client)
        step = self.trace.record(host, conversation, parent, Accept(client, name))
        to_server: Callable[[bytes], object] = lambda data: self.ready.append(self.bring(wire, data))  # noqa: E731
        road = Road(host, port, conversation, step.number, wire.out, to_server)
        wire.middle = self.stands(road)
        part = self.start(machine.session(), host, conversation, step.number, wire)
        part.machine = machine
        return part

    def steps(self, part: Part, answer: object = None) -> Iterator[Step]:
        """Perform one part until it ends or must wait.  Every next() is one step, written and not yet performed."""
        acts, doing = part.acts, self.doing
        while answer is not LATER:
            try:
                act = acts.throw(answer) if isinstance(answer, Trouble) else acts.send(answer)
            except StopIteration as end:
                return self.ended(part, end.value)
            except Trouble as trouble:
                return self.ended(part, trouble)
            except BaseException:  # a bug of ours, or Ctrl-C: this part is over, the others may go on
                self.parts.pop(part, None)
                raise
            if isinstance(act, Listen):
                answer = self.listen(part, act)
                continue
            step = part.record(act)
            yield step
            answer = None
            if do := doing.get(type(act)):
                part.question = act
                answer = do(part, step)
                if answer is not LATER:
                    part.question = None

    def ended(self, part: Part, value: object) -> None:
        """It returned a value, or ended in a Trouble."""
        part.value = value
        self.parts.pop(part, None)
        if part.wire:
            self.hang_up(part)
        if part.then:
            part.then(part.value)

    def drop(self, *actors: str) -> None:
        """All that these do ends in the middle of a word, as when the power fails: their calls are cut."""
        for part in [part for part in self.parts if part.actor in actors]:
            part.acts.close()
            self.ended(part, Hungup("it fell over"))

    def numbered(self, name: str) -> str:
        self.calls[name] += 1
        return f"{name}/{self.calls[name]}"

    # -- running

    def run(self) -> None:
        """Until everybody has ended or waits."""
        while self.ready:
            deque(self.ready[0], maxlen=0)
            self.ready.popleft()

    def journey(self) -> Generator[Step, None, None]:
        """The same, one step a next().  Who is at work stays in the queue: one may stop, and go on later."""
        seen = len(self.trace)
        while self.ready:
            for _ in self.ready[0]:
                while seen < len(self.trace):
                    yield self.trace[seen]
                    seen += 1
            self.ready.popleft()
        yield from self.trace[seen:]

    def advance(self, seconds: float) -> None:
        """Let the lab's time go on, waking whoever waited for it, in order."""
        end = self.clock.now + seconds
        self.run()
        while (due := self.next_due()) and due.until <= end:
            self.clock.now = due.until
            self.time_is_up(due)
            self.run()
        self.clock.now = end

    def sleep(self, part: Part, seconds: float) -> None:
        """It waits for so long, if nothing else happens.  A heap has an alarm for it: then, or earlier, since a later
        one need not be set before this one has rung."""
        part.until = self.clock.now + seconds
        if part.until < part.alarm:
            self.set_alarm(part)

    def set_alarm(self, part: Part) -> None:
        part.alarm = part.until
        heapq.heappush(self.alarms, (part.until, part.number, next(self.count), part))
        if len(self.alarms) > 2 * len(self.parts) + 64:  # too many of parts that have ended
            self.alarms = [alarm for alarm in self.alarms if self.counts(alarm)]
            heapq.heapify(self.alarms)

    def counts(self, alarm: tuple[float, int, int, Part]) -> bool:
        return alarm[3] in self.parts and alarm[0] == alarm[3].alarm

    def next_due(self) -> Part | None:
        """Who has the earliest deadline, if anybody has one; of several the one that began first."""
        while self.alarms:
            part = self.alarms[0][3]
            counts = self.counts(self.alarms[0])
            if counts and part.until <= part.alarm:
                return part
            heapq.heappop(self.alarms)
            if counts:
                part.alarm = NEVER
                if part.until < NEVER:
                    self.set_alarm(part)
        return None

    def time_is_up(self, part: Part) -> None:
        """A silence was too long, or a wait is over."""
        match part.question:
            case Listen():
                self.resume(part, Quiet())
            case Upgrade():
                self.resume(part, TlsFailed("the handshake did not come"))
            case _:
                self.resume(part)

    def take_line(self, part: Part) -> Wire:
        """Take its line from a client that is at work (first in the queue): it says no more, and one can type on."""
        wire = part.wire
        assert wire is not None
        self.ready.popleft()
        self.parts.pop(part, None)
        part.acts.close()
        wire.part = part.wire = None
        return wire

    # -- performers: each gives the answer, or LATER

    def say(self, part: Part, step: Step) -> object:
        assert isinstance(step.act, Say)
        if part.wire is None:
            return None
        self.speak(part.wire, step.act.data, step.number)
        return LATER if part.wire.paused else None  # the network is full: who speaks, waits

    def speak(self, wire: Wire, data: bytes, number: int | None = None) -> None:
        """Put bytes on the wire, under TLS if there is TLS; `number` is the step that says them."""
        if wire.tls:
            wire.tls.write(data)
            self.flush(wire, number)
        else:
            wire.carry(data)

    def listen(self, part: Part, act: Listen) -> object:
        wire = part.wire
        if wire is None:
            return b""
        if wire.inbox:
            heard = bytes(wire.inbox)
            wire.inbox.clear()
            return heard
        if wire.rung and act.news:
            wire.rung = False
            return NEWS
        if wire.closed:
            return b""
        part.question = act
        self.sleep(part, act.seconds)
        return LATER

    def change(self, part: Part, step: Step) -> object:
        """Do it to the box, ring whoever watches the box; the receipt says what changed."""
        act = step.act
        assert isinstance(act, Store | Remove | Flag)
        if act.box not in self.boxes:
            self.boxes[act.box] = self.new_box(act.box)
        receipt = self.boxes[act.box].perform(act, self.clock.unix())
        if receipt:
            for wire in [wire for wire, box in self.watchers.items() if box == act.box and wire is not part.wire]:
                self.ring(wire)
        if isinstance(act, Store) and act.box in self.readers:
            self.begun[act.box, receipt[0].uid] = step.number
            self.read(act.box, receipt[0].uid, act.message, act.note)
        if isinstance(act, Remove):
            for uid in act.uids:
                self.begun.pop((act.box, uid), None)
        return receipt

    def read(self, box: str, uid: int, message: bytes, note: Mapping[str, str]) -> None:
        """Begin what is done with a message of this box."""
        self.start(self.readers[box](uid, message, note), box, parent=self.begun.get((box, uid)))

    def read_again(self, box: str) -> None:
        """Begin it for all that lies there: whoever was at it was dropped."""
        for message in self.boxes[box].messages.values() if box in self.boxes else ():
            self.read(box, message.uid, message.data, message.note)

    def watch(self, part: Part, step: Step) -> object:
        assert isinstance(step.act, Watch)
        if part.wire is None:
            return None
        if step.act.box:
            self.watchers[part.wire] = step.act.box
        else:
            self.watchers.pop(part.wire, None)
        return None

    def connect(self, part: Part, step: Step) -> object:
        if self.network:
            return self.network.connect(part, step)
        assert isinstance(step.act, Connect)
        name, port = step.act.host, step.act.port
        host = self.reached(name, port)
        if not self.answers(host, port):
            return Unreachable(f"nobody listens on {name}:{port}")
        wire, _ = self.plug(host, port, self.address_of(part.actor), step.number, part)
        part.wire = wire
        return None

    def reached(self, name: str, port: int) -> str:
        """The host that a call to this name, or address, gets to: one that has the address the DNS says, and answers.

        A name for which the DNS has no address is taken for the host's own; "": nobody has the address.
        """
        if name in self.hosts or not self.hosts:
            return self.hosts.get(name, name)
        try:
            addresses = (*self.dns(name, "A"), *self.dns(name, "AAAA"))
        except Trouble:
            return name
        hosts = [self.hosts.get(address, "") for address in addresses]
        return next((host for host in hosts if self.answers(host, port)), "" if hosts else name)

    def answers(self, host: str, port: int) -> bool:
        """Whether a call there is taken."""
        return (host, port) in self.listeners and host not in self.down

    def address_of(self, actor: str) -> str:
        return self.addresses.get(actor, actor)

    def hang_up(self, part: Part, step: Step | None = None) -> object:
        wire, part.wire, part.conversation = part.wire, None, part.home
        if wire:
            self.end(wire)
        return None

    def end(self, wire: Wire) -> None:
        """This side ends the call: it says so in TLS, if there is TLS (RFC 8446 §6.1), and closes."""
        if wire.tls and wire.tls.close():
            self.flush(wire, wire.tls.step)
        wire.close()
        self.watchers.pop(wire, None)

    def wait(self, part: Part, step: Step) -> object:
        assert isinstance(step.act, Wait)
        self.sleep(part, step.act.seconds)
        return LATER

    def ask(self, part: Part, step: Step) -> object:
        if self.network:
            return self.network.ask(part, step)
        return self.ask_zone(part, step)

    def ask_zone(self, part: Part, step: Step) -> object:
        """Ask the callable, and write down what it said."""
        assert isinstance(step.act, Ask)
        try:
            return self.answered(part, step, tuple(self.dns(step.act.name, step.act.type)))
        except Trouble as trouble:
            return self.answered(part, step, trouble)

    def answered(self, part: Part, step: Step, answer: tuple[str, ...] | Trouble) -> object:
        """The DNS gave records or trouble: write it under its question; the answer for the generator."""
        assert isinstance(step.act, Ask)
        status, records = (type(answer).__name__, ()) if isinstance(answer, Trouble) else ("", answer)
        name, kind = step.act.name, step.act.type
        self.trace.record("dns", part.conversation, step.number, Answer(name, kind, status, records))
        return answer

    def fetch(self, part: Part, step: Step) -> object:
        """A handshake with the web server, and then what it has; in this process both are one call."""
        assert isinstance(step.act, Fetch)
        if self.network:
            return self.network.fetch(part, step)
        try:
            host = self.web_host(step.act.url)
            if self.contexts and (context := self.sites[host].context):
                from .tls import shake_hands  # here, because Pyodide has no ssl

                shake_hands(self.contexts["client"], context, host_in(step.act.url))
        except Trouble as trouble:
            return self.fetched(part, step, trouble)
        return self.fetched(part, step, self.sites[host].get(path_in(step.act.url)))

    def web_host(self, url: str) -> str:
        """The web server that a call to this address gets to, by the DNS; Unreachable, or what the DNS says."""
        name = host_in(url)
        addresses = (*self.dns(name, "A"), *self.dns(name, "AAAA"))
        host = next((self.hosts[address] for address in addresses if address in self.hosts), "")
        if host not in self.sites or host in self.down:
            raise Unreachable(f"nobody listens on {name}:443")
        return host

    def fetched(self, part: Part, step: Step, answer: File | Trouble) -> object:
        """The web server gave something, or there was trouble: write it under its question; the answer for the part."""
        assert isinstance(step.act, Fetch)
        url = step.act.url
        if isinstance(answer, Trouble):
            why = f"{type(answer).__name__}: {answer}".removesuffix(": ")
            self.trace.record(host_in(url), part.conversation, step.number, Page(url, 0, why, b""))
            return answer
        page = Page(url, answer.status, answer.type, answer.body)
        self.trace.record(host_in(url), part.conversation, step.number, page)
        return page

    # -- a call inside this process

    def plug(
        self,
        host: str,
        port: int,
        address: str,
        parent: int | None = None,
        caller: Part | None = None,
        name: str = "",
    ) -> tuple[Wire, Part]:
        """A wire to a new session of the machine that listens there: the caller's end, and that session."""
        conversation = self.numbered(f"{host}:{port}")
        client, server = Wire("client", drop, drop), Wire("server", drop, drop)
        self.join(conversation, client, server)
        self.join(conversation, server, client)
        server.out = lambda data: self.ready.append(self.bring(client, data))
        if caller:
            client.part, caller.conversation = caller, conversation
        return client, self.accept(host, port, address, conversation, parent, server, name)

    def join(self, conversation: str, end: Wire, other: Wire) -> None:
        """Bytes travel through the queue, never by a call."""
        end.carry = lambda data: self.ready.append(self.deliver(conversation, end, other, data))
        end.close = lambda: self.ready.append(self.cut(end, other))

    def deliver(self, conversation: str, end: Wire, other: Wire, data: bytes) -> Iterator[None]:
        for tap in self.taps:
            data = tap(conversation, end.side, data)
        middle = end.middle or other.middle
        if middle:
            middle.passes(end.side, data)
        else:
            self.arrive(other, data)
        return
        yield  # no step of its own

    def cut(self, end: Wire, other: Wire) -> Iterator[None]:
        middle = end.middle or other.middle
        if middle:
            middle.ends(end.side)
            self.ready.append(self.gone(other))  # behind what he said last
            return
        self.finish(other)
        return
        yield

    def bring(self, wire: Wire, data: bytes) -> Iterator[None]:
        """What somebody in the middle says."""
        self.arrive(wire, data)
        return
        yield

    def gone(self, wire: Wire) -> Iterator[None]:
        self.finish(wire)
        return
        yield

    # -- what comes in from outside: bytes, the end, news, time.  All of it waits until the part listens.

    def arrive(self, wire: Wire, data: bytes) -> None:
        """Bytes from the other end."""
        if wire.tls:
            self.tap(wire, "client" if wire.side == "server" else "server", data, wire.tls.step)
            self.shake(wire, data)
        else:
            wire.inbox += data
        self.nudge(wire)

    def finish(self, wire: Wire) -> None:
        """The other end is gone."""
        wire.closed = True
        part = wire.part
        if part and isinstance(part.question, Upgrade):
            self.resume(part, TlsFailed("the other side hung up"))
        self.drained(wire)
        self.nudge(wire)

    def drained(self, wire: Wire) -> None:
        """The network has room again, or nobody is there to need it."""
        wire.paused = False
        if wire.part and isinstance(wire.part.question, Say):
            self.resume(wire.part)

    def ring(self, wire: Wire) -> None:
        wire.rung = True
        self.nudge(wire)

    def nudge(self, wire: Wire) -> None:
        """If somebody listens here and there is something to hear, he hears it."""
        part = wire.part
        if part and isinstance(part.question, Listen):
            answer = self.listen(part, part.question)
            if answer is not LATER:
                self.resume(part, answer)

    # -- TLS

    def upgrade(self, part: Part, step: Step) -> object:
        assert isinstance(step.act, Upgrade)
        wire = part.wire
        if wire is None:
            return None
        wire.inbox.clear()  # nothing said in the clear counts from here on (RFC 3207 §4.2)
        if wire.closed:
            return TlsFailed("the other side hung up")
        if not self.contexts:
            return None  # a replay: the plaintext is known already
        self.begin_tls(wire, step.act.server_name, step.number, part.actor, step.act)
        self.sleep(part, HANDSHAKE)
        return LATER

    def begin_tls(
        self, wire: Wire, server_name: str, step: int | None, actor: str = "", act: Upgrade | None = None
    ) -> None:
        """Put the layer under this end, and say what it has to say."""
        from .tls import Layer  # here, because Pyodide has no ssl

        context, check = self.contexts[wire.side], None
        if wire.side == "server":
            context = self.server_contexts.get(actor, context)
        elif act and act.tlsa:
            context = self.client_contexts.get("any", context)
            check = partial(mismatch, act.tlsa, names=act.names or (server_name,), now=self.clock.unix())
        elif act:
            context = self.client_contexts.get(act.trust, context)
        wire.tls = Layer(context, wire.side, server_name, step, check)
        self.shake(wire)

    def shake(self, wire: Wire, data: bytes = b"") -> None:
        """Feed the layer, let its answer out, and wake whoever waits for the handshake."""
        layer = wire.tls
        assert layer is not None
        was_up, trouble = layer.up, None
        try:
            wire.inbox += layer.feed(data)
        except TlsFailed as failed:
            trouble = failed
            layer.why = str(failed)
        self.flush(wire, layer.step)
        part = wire.part
        if part and isinstance(part.question, Upgrade) and (trouble or (layer.up and not was_up)):
            self.resume(part, trouble)
        elif trouble or layer.ended:
            self.finish(wire)

    def flush(self, wire: Wire, number: int | None) -> None:
        """What the layer has ready goes on the wire."""
        if wire.tls and (data := wire.tls.take()):
            self.tap(wire, wire.side, data, number)
            wire.carry(data)

    def tap(self, wire: Wire, sender: str, data: bytes, number: int | None) -> None:
        """Write down what goes over the wire; one end is enough, and the server's is always ours."""
        if wire.side == "server" and wire.part:
            self.trace.record(wire.part.actor, wire.part.conversation, number, Cipher(sender, data))

    # -- what is told about the whole, not by a part

    def note(self, actor: str, acts: Iterable[Act], parent: int | None = None) -> list[Step]:
        """Write acts down that need no performing: what an exercise or a second opinion found."""
        name = self.numbered(actor)
        steps, under = [], [parent]
        for act in acts:
            steps.append(self.trace.record(actor, name, under[-1], act))
            if isinstance(act, Open):
                under.append(steps[-1].number)
            elif isinstance(act, Close):
                under.pop()
        return steps


def host_in(url: str) -> str:
    """``"https://mta-sts.beta.example/x"`` -> ``"mta-sts.beta.example"``."""
    return urlsplit(url).hostname or ""


def path_in(url: str) -> str:
    return urlsplit(url).path or "/"


def drop(*_: object) -> None:
    """A wire's `carry` and `close` while there is no other end."""


def nobody(road: Road) -> Middle | None:
    """Nobody stands on the wire."""
    return None
