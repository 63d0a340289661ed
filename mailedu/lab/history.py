"""What was done to a lab from outside, in order, and the world that it led to.

The inputs are the whole history: done again in an equal, fresh world they give the same trace.  So nothing is ever
undone; going back is doing a prefix of the inputs again (`again.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..acts import Ask, LabError, Rule
from ..clock import Clock
from ..mta import Opinion
from ..net.drive import Part, Road, Wire, World
from ..trace import Step, Trace, printable
from ..zone import Zone
from . import secured
from .attacker import Attack, OnTheWire
from .faults import Fault, Mischief
from .letters import Letter, check_device, check_ip, read_by_both, write_letter
from .stage import COMPANIES, IMPLICIT_TLS, SERVED, Settings, Staff, Stage, first_zone

if TYPE_CHECKING:
    from ..net.sockets import Sockets

T = TypeVar("T")


class Input(NamedTuple):
    """One thing that was done from outside."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return printable(f"{self.name}({', '.join(words)})")


class Line:
    """A call that is typed into: our end of it, and what was said so far."""

    def __init__(self, number: int, host: str, port: int, client: str, name: str = "") -> None:
        self.number, self.host, self.port, self.client, self.name = number, host, port, client, name
        self.wire: Wire | None = None
        self.part: Part | None = None  # the server's session
        self.exchanges: list[tuple[str, str]] = []  # what was typed, what came back; the greeting is the first
        self.ends: list[int] = []  # after each of them: how many steps there were in the trace
        self.lost = ""  # "request" or "reply": what the next exchange loses

    def forget(self) -> None:
        """As if it had never been called."""
        self.wire = self.part = None
        self.exchanges, self.ends, self.lost = [], [], ""

    def live_wire(self) -> Wire | None:
        """Our end, as long as somebody is at the other."""
        return self.wire if self.wire and not self.wire.closed else None

    @property
    def machine(self) -> Any:
        """The machine at the other end; None in a past that was taken back."""
        return self.part.machine if self.part else None

    @property
    def state(self) -> str:
        """The server's state, by the name it is shown by."""
        machine = self.machine
        return str(machine.table.labels.get(machine.state, machine.state)) if machine else ""

    def heard(self) -> str:
        """What came back by now, as text: lines joined by a newline, without the last line's end."""
        if self.wire is None:
            return ""
        data = bytes(self.wire.inbox)
        self.wire.inbox.clear()
        return data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").removesuffix("\n")


class Sent(NamedTuple):
    """A message that was sent."""

    place: int  # among the inputs
    root: int  # the number of its journey's first step
    title: str
    recipients: tuple[str, ...]
    message: bytes
    part: Part  # who sends it

    @property
    def reply(self) -> str:
        """What the first server said in the end; "" as long as it has not."""
        value = self.part.value
        return "" if value is None else str(value)


class History:
    """The inputs of one lab, and the world, zone, clock and stage that they led to."""

    def __init__(
        self, seed: int, tls: bool, opinions: bool, staff: Staff | None = None, settings: Settings | None = None
    ) -> None:
        self.seed, self.tls, self.opinions = seed, tls, opinions
        self.staff, self.settings = staff, settings
        self.inputs: list[Input] = []
        self.lines: list[Line] = []
        self.sockets: Sockets | None = None  # while the lab is open to programs outside
        self.replaying = False
        self.doing = 0  # things at once: what is done by another door is part of what that one does
        self.build()

    def build(self) -> None:
        """A fresh world with the stage on it."""
        self.zone = first_zone().copy()
        self.clock = Clock(self.seed)
        self.world = World(self.zone, self.clock)
        self.zone.watch(partial(self.zone_changes, self.zone))
        self.clock.on_advance = partial(self.do, "advance")
        self.world.contexts = tls_contexts() if self.tls else {}
        self.world.client_contexts = self.world.contexts
        self.mischief = Mischief(self.world, self.zone)
        self.world.doing[Ask] = self.mischief.ask
        self.attacks: list[Attack] = []
        self.world.stands = self.stands
        self.stage = Stage(
            self.world,
            self.seed,
            tls=bool(self.world.contexts),
            opinions=self.libraries(),
            mischief=self.mischief,
            staff=self.staff,
            settings=self.settings,
        )
        self.policies = 0  # published so far: their ids
        self.losses: list[tuple[str, str, str]] = []  # (host, command, "request" or "reply"), each for once
        self.sent = 0
        self.lent: tuple[Letter, str | None] | None = None  # a letter on its way, and its sender's usual address

    def libraries(self) -> dict[str, Opinion]:
        """pyspf and dkimpy, asked on the same zone."""
        if not self.opinions:
            return {}
        from ..opinions import dkimpy, pyspf

        return {
            "spf": lambda ip, helo, mail_from: pyspf.check(ip, helo, mail_from, self.zone),
            "dkim": lambda message, number: dkimpy.verify(message, self.zone, number, self.clock.unix()),
        }

    @property
    def trace(self) -> Trace:
        return self.world.trace

    # -- doing, and doing again

    def do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Something done from outside: written down, so that it can be done again."""
        before = len(self.inputs)
        self.finish()
        self.inputs.append(Input(name, args, kwargs))
        self.doing += 1
        try:
            return getattr(self, f"do_{name}")(*args, **kwargs)
        except LabError:
            del self.inputs[before:]  # nothing was done
            raise
        except KeyboardInterrupt:
            if not self.sockets:
                self.become(self.inputs[:before])  # stopped in the middle of a word: as if never begun
            raise
        finally:
            self.doing -= 1

    def become(self, inputs: Sequence[Input]) -> None:
        """What it was when only these things had been done."""
        again = list(inputs)
        self.inputs = []
        for line in self.lines:
            line.forget()
        self.replaying = True
        try:
            self.build()
            for name, args, kwargs in again:
                if name.startswith("zone."):
                    getattr(self.zone, name.removeprefix("zone."))(*args, **kwargs)
                    self.inputs.append(Input(name, args, kwargs))
                else:
                    self.do(name, *args, **kwargs)
        finally:
            self.replaying = False

    def again(self, inputs: Sequence[Input]) -> History:
        """An equal history of its own, of only these things."""
        history = History(self.seed, self.tls, self.opinions, self.staff, self.settings)
        history.become(inputs)
        return history

    def zone_changes(self, zone: Zone, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The zone tells before it changes; the change itself is its own."""
        if zone is not self.zone:
            raise LabError("This is the zone of a past that was taken back: use lab.zone.")
        self.finish()
        if not self.replaying and not self.doing:
            self.inputs.append(Input(f"zone.{name}", args, kwargs))

    def in_world(self, work: Callable[[], T], settle: bool = False) -> T:
        """Touch the world, and let everybody go on who can: on real sockets that takes time, and `settle` waits."""
        if self.sockets:
            value = self.sockets.call(work)
            if settle:
                self.sockets.settle()
            return value
        value = work()
        self.world.run()
        return value

    # -- letters

    def do_send(self, sender: str, recipients: tuple[str, ...], **given: Any) -> Sent:
        place = len(self.inputs) - 1
        letter = self.letter(sender, recipients, given)
        part = self.in_world(lambda: self.start(letter, given.get("client")))
        if self.sockets:
            self.sockets.settle()
        self.finish()
        return Sent(place, part.first or 0, letter.title, recipients, letter.message, part)

    def step_send(self, sender: str, recipients: tuple[str, ...], given: Any) -> Generator[Step, None, None]:
        """The same, one step a next(); what is left goes on with whatever is done next."""
        self.finish()
        self.inputs.append(Input("send", (sender, recipients), given))
        self.start(self.letter(sender, recipients, given), given.get("client"))
        return self.world.journey()

    def letter(self, sender: str, recipients: tuple[str, ...], given: Mapping[str, Any]) -> Letter:
        self.sent += 1
        return write_letter(self.stage, f"{self.sent}.{self.seed}", sender, recipients, **given)

    def start(self, letter: Letter, client: str | None) -> Part:
        """Put a letter on its way; until `finish`, who gets it reads it."""
        for box in letter.readers:
            self.world.readers[box] = partial(read_by_both, box, self.stage.tls)
        self.lent = letter, self.world.addresses.get(letter.actor)
        if client is not None:
            self.world.addresses[letter.actor] = client
        return self.world.start(letter.acts, letter.actor)

    def finish(self) -> None:
        """End what `step_send` may have left half-way, and take back what `start` lent."""
        if self.lent is None:
            return
        (letter, address), self.lent = self.lent, None
        if not self.sockets:
            self.world.run()
        for box in letter.readers:
            del self.world.readers[box]
        if address is None:
            self.world.addresses.pop(letter.actor, None)
        else:
            self.world.addresses[letter.actor] = address

    # -- lines that are typed

    def do_call(self, host: str, port: int, client: str, name: str = "") -> Line:
        """In a replay the lines that are there are used again, so that who holds one may go on with it."""
        check_ip(client)
        check_device(name)
        if host in self.world.down:
            raise LabError(f"{host} is switched off, so nobody answers: lab.start({host!r}) switches it on.")
        number = sum(past.name == "call" for past in self.inputs) - 1
        if number == len(self.lines):
            self.lines.append(Line(number, host, port, client, name))
        line = self.lines[number]
        line.forget()

        def plug() -> None:
            line.wire, line.part = self.world.plug(host, port, client, name=name)
            if self.world.contexts and port in IMPLICIT_TLS:
                self.world.begin_tls(line.wire, host, None)

        self.in_world(plug)
        self.note(line, "", line.heard())
        return line

    def do_type(self, number: int, said: str | bytes) -> str:
        line, wire = self.lines[number], self.lines[number].live_wire()
        data = said if isinstance(said, bytes) else said.encode("utf-8", "surrogateescape") + b"\r\n"
        lost, line.lost = line.lost or (self.loss(line.host, data) if wire else ""), ""
        if wire and lost != "request":
            self.in_world(lambda: self.world.speak(wire, data))
        if wire and lost:
            self.cut(wire)
        reply = "" if lost else line.heard()
        self.note(line, said if isinstance(said, str) else repr(said), reply)
        return reply

    def do_lose(self, host: str, command: str, what: str) -> None:
        self.losses.append((host, command, what))

    def loss(self, host: str, data: bytes) -> str:
        """What is to be lost when this is said to that host; it is lost once."""
        command = data.split(None, 1)[0].decode("latin-1").upper() if data.strip() else ""
        for loss in self.losses:
            if loss[:2] == (host, command):
                self.losses.remove(loss)
                return loss[2]
        return ""

    def do_hang_up(self, number: int, lose: str) -> None:
        line, wire = self.lines[number], self.lines[number].live_wire()
        line.lost = lose
        if not lose:
            if wire:
                self.cut(wire)
            self.note(line, "(hangs up)", "")

    def do_start_tls(self, number: int) -> str:
        line, wire = self.lines[number], self.lines[number].live_wire()
        if not self.world.contexts:
            said = "This lab has no TLS."
        elif not wire or wire.tls:
            said = "There is no line that TLS could begin on now."
        else:
            self.in_world(lambda: self.world.begin_tls(wire, line.host, None))
            why = f"The handshake failed: {wire.tls.why}." if wire.tls and wire.tls.why else "The handshake failed."
            said = line.heard() if wire.tls and wire.tls.up and not wire.tls.why else why
        self.note(line, "(TLS handshake)", said)
        return said

    def cut(self, wire: Wire) -> None:
        """The line breaks: the server notices, and what it said last is heard by nobody."""
        self.in_world(lambda: self.world.end(wire))
        wire.closed = True
        wire.inbox.clear()

    def note(self, line: Line, said: str, reply: str) -> None:
        """One more exchange."""
        line.exchanges.append((said, reply))
        line.ends.append(self.trace.dropped + len(self.trace))

    # -- the rest

    def do_advance(self, seconds: float) -> None:
        if self.sockets:
            self.sockets.advance(seconds)
        else:
            self.world.advance(seconds)

    def do_switch(self, host: str, on: bool) -> None:
        """A host is switched off: nobody answers there, and its calls are cut; or on again."""
        if on == (host not in self.world.down):
            return  # as it is already
        if on:
            self.world.down.discard(host)
            self.in_world(lambda: self.stand_up(host), settle=True)
        else:
            self.world.down.add(host)
            self.in_world(lambda: self.fall_over(host), settle=True)

    def do_restart(self, host: str) -> None:
        if host in self.world.down:
            raise LabError(f"{host} is switched off: lab.start({host!r}) switches it on.")

        def restart() -> None:
            self.fall_over(host)
            self.world.note(host, [Rule("lab.restart", "restarted", {"host": host})])
            self.stand_up(host)

        self.in_world(restart, settle=True)

    def fall_over(self, host: str) -> None:
        """All that it was at is dropped; what stands in its boxes stays."""
        self.world.drop(host, f"queue {host}")

    def stand_up(self, host: str) -> None:
        """It goes on with what stands in its queue, and counts anew for its reports."""
        self.world.read_again(f"queue {host}")
        self.stage.begin_reports(host)

    def do_configure(self, host: str, **settings: Any) -> None:
        self.stage.configure(host, settings)
        self.in_world(lambda: self.stage.begin_reports(host), settle=True)

    def do_mta_sts(self, domain: str, mode: str, **given: Any) -> None:
        secured.check_policy(self, domain, mode, given.get("by", ()))
        secured.publish_policy(self, domain, mode, **given)

    def do_sign(self, domain: str, days: float) -> None:
        secured.sign_zone(self, secured.check_domain(self, domain), days)

    def do_dane(self, host: str, usage: int, selector: int, matching: int) -> None:
        secured.publish_tlsa(self, host, usage, selector, matching)

    def do_fault(self, host: str, command: str, kind: str, attempts: tuple[int, ...], **more: Any) -> None:
        fault = Fault(host, command, kind, attempts=attempts, **more)
        self.mischief.counts.pop(fault, None)
        self.mischief.faults.append(fault)

    def stands(self, road: Road) -> OnTheWire | None:
        """Who is in the middle of a call that begins: the attacker, if he does anything there."""
        here = [attack for attack in self.attacks if attack.fits(road.host, road.port)]
        return OnTheWire(self.world, road, here) if here else None

    def do_attack(self, **attack: Any) -> None:
        self.attacks.append(Attack(**attack))

    def do_attack_ends(self) -> None:
        self.attacks.clear()

    def do_throttle(self, host: str, octets: float) -> None:
        if octets:
            self.mischief.rates[host] = octets
        else:
            self.mischief.rates.pop(host, None)

    def do_clear_faults(self, host: str) -> None:
        mischief = self.mischief
        mischief.faults = [one for one in mischief.faults if host and one.host.partition(":")[0] != host]
        mischief.rates = {name: rate for name, rate in mischief.rates.items() if host and name != host}

    def do_pretend_tls(self) -> None:
        """Say in the clear what was said under TLS: a replay knows the plaintext already."""
        self.world.contexts = {}
        self.attacks.clear()  # what they led to is known too


@cache
def tls_contexts() -> Mapping[str, Any]:
    """What both sides of TLS need; none where there is no `ssl` (in Pyodide): there TLS is only written down."""
    try:
        from ..net import tls
    except ImportError:
        return {}
    hosts = [f"{kind}.{domain}" for domain in COMPANIES for kind in ("mx", "pop", "imap")]
    believing = {trust: tls.client_context(trust) for trust in ("chain", "any")}
    return {"client": tls.client_context(), "server": tls.server_context(*hosts, *SERVED), **believing}
