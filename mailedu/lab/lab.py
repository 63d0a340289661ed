"""The front door: a whole e-mail Internet, and everything one can do to it.

A lab's inputs are its whole history.  What is done to it from outside is written down in `inputs`; played again into an
equal, fresh lab it gives the same trace.  So nothing is ever undone: `back` and `fork` play a prefix again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..acts import Acts, LabError
from ..auth import dkim, spf
from ..clock import Clock
from ..mta import Opinion
from ..net.drive import Part, Wire, World
from ..trace import Step, Trace
from ..zone import Zone
from . import verdicts
from .again import Input, replay
from .letters import Letter, addresses_in, read_by_both, write_letter
from .mail import Mail
from .stage import COMPANIES, IMPLICIT_TLS, PORTS, Stage, first_zone, password
from .typed import Typed

if TYPE_CHECKING:
    from .serving import Net

T = TypeVar("T")
STRANGER = "203.0.113.66"  # where a call comes from when nobody says: mallory's computer


class Lab:
    """alpha.example, beta.example and gamma.example, their people, servers and DNS, in this process.

    The same `seed` gives the same lab, octet for octet.  `tls` puts TLS under submission, relay and reading;
    `opinions` asks pyspf and dkimpy beside our own evaluators.
    """

    def __init__(self, seed: int = 1, *, tls: bool = True, opinions: bool = True) -> None:
        if not isinstance(seed, int):
            raise LabError(f"A seed is a whole number, not {seed!r}.")
        self.seed, self._tls, self._opinions = seed, tls, opinions
        self.inputs: list[Input] = []
        self.calls: list[Typed] = []
        self.net: Net | None = None
        self._replaying = False
        self._lent: tuple[tuple[str, ...], str, str | None] | None  # readers; an actor and its address
        self._build()

    def _build(self) -> None:
        """A fresh world with the stage on it."""
        self.zone = first_zone().copy()
        self.clock = Clock(self.seed)
        self.world = World(self.zone, self.clock)
        self.zone.watch(partial(self._zone_changes, self.zone))
        self.clock.on_advance = self._time_passes
        contexts = tls_contexts(self._hosts()) if self._tls else {}
        self.world.contexts = contexts
        self.stage = Stage(self.world, self.seed, tls=bool(contexts), opinions=self._ask_libraries())
        self.sent = 0
        self._lent = None

    def _hosts(self) -> tuple[str, ...]:
        return tuple(f"{kind}.{domain}" for domain in COMPANIES for kind in ("mx", "pop", "imap"))

    def _ask_libraries(self) -> dict[str, Opinion]:
        """pyspf and dkimpy, on this lab's zone."""
        if not self._opinions:
            return {}
        from ..opinions import dkimpy, pyspf

        return {
            "spf": lambda ip, helo, mail_from: pyspf.check(ip, helo, mail_from, self.zone),
            "dkim": lambda message, number: dkimpy.verify(message, self.zone, number),
        }

    # -- looking

    @property
    def trace(self) -> Trace:
        """All that happened so far."""
        return self.world.trace

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody's address."""
        return self.stage.people

    def password(self, address: str) -> str:
        """The lab password of one of the people: made up for the lab, and secret to nobody."""
        self.stage.company(address)
        return password(address)

    def mailbox(self, address: str, folder: str = "") -> list[bytes]:
        """The messages that lie there now, oldest first."""
        self.stage.company(address)
        box = self.world.boxes.get(address.lower() + (f"/{folder}" if folder else ""))
        return list(box) if box is not None else []

    def queue(self, host: str) -> list[bytes]:
        """The messages that wait at this host to be sent on."""
        box = self.world.boxes.get(f"queue {host}")
        return list(box) if box is not None else []

    def __repr__(self) -> str:
        served = ", served on 127.0.0.1" if self.net else ""
        return f"<Lab with seed {self.seed}: {len(self.people)} people, {len(self.trace)} steps so far{served}>"

    # -- sending

    def send(
        self,
        sender: str,
        recipients: str | Sequence[str],
        *,
        subject: str = "",
        text: str = "",
        from_: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        attachments: Sequence[tuple[str, bytes]] = (),
        message: bytes | str | None = None,
        client: str | None = None,
        helo: str | None = None,
        read: bool = True,
    ) -> Mail:
        """Send a message, let everything happen that it sets off, and say what became of it.

        Its sender hands it to the submission server of his company, with his password.  With `client` (an IP address)
        it goes from there straight to the recipients' MX, as a forger does it; `helo` is the name given there.
        `from_` is what the From field says, if not the sender; `message` a whole message of your own.  With `read` the
        recipients fetch it when it comes, by IMAP and by POP3, and leave it as it is.
        """
        given = dict(
            subject=subject, text=text, from_=from_, headers=headers, attachments=tuple(attachments), message=message,
            client=client, helo=helo, read=read,
        )  # fmt: skip
        to = addresses_in(recipients)
        chosen = {name: value for name, value in given.items() if value not in (None, (), "")}
        return self._do("send", sender, to, **chosen)  # type: ignore[no-any-return]

    def _do_send(self, sender: str, recipients: tuple[str, ...], **given: Any) -> Mail:
        letter = self._letter(sender, recipients, given)
        before = len(self.inputs) - 1
        part = self._play(letter, given.get("client"))
        return Mail(self, before, part.first or 0, letter.title, recipients, letter.message, str(part.value))

    def _letter(self, sender: str, recipients: tuple[str, ...], given: Mapping[str, Any]) -> Letter:
        self.sent += 1
        return write_letter(self.stage, f"{self.sent}.{self.seed}", sender, recipients, **given)

    # -- typing

    def smtp(self, host: str = "smtp", *, client: str = STRANGER) -> Typed:
        """A call to type into: `host` is a host's name (port 25), "host:587", or a port's name like "submission"."""
        return self._call(*self.stage.place(host), client)

    def pop3(self, address: str, *, client: str | None = None) -> Typed:
        """A call to the POP3 server of one of the people, connected and not logged in."""
        return self._read_by("pop", 110, address, client)

    def imap(self, address: str, *, name: str = "", client: str | None = None) -> Typed:
        """A call to the IMAP server of one of the people, connected and not logged in."""
        return self._read_by("imap", 143, address, client)

    def _read_by(self, kind: str, port: int, address: str, client: str | None) -> Typed:
        if address in PORTS:
            return self._call(*PORTS[address], client or STRANGER)
        company = self.stage.company(address)
        return self._call(f"{kind}.{company.domain}", port, client or company.addresses[address.lower()])

    def _call(self, host: str, port: int, client: str) -> Typed:
        return self._do("call", host, port, client)  # type: ignore[no-any-return]

    def _do_call(self, host: str, port: int, client: str) -> Typed:
        """In a replay the calls that are there already are used again, so that who holds one may go on with it."""
        number = sum(past.name == "call" for past in self.inputs) - 1
        if number == len(self.calls):
            self.calls.append(Typed(self, number, host, port, client))
        call = self.calls[number]
        call.forget()

        def plug() -> None:
            call.wire, call.part = self.world.plug(host, port, client)
            if self.world.contexts and port in IMPLICIT_TLS:
                self.world.begin_tls(call.wire, host, None)

        self._in_world(plug)
        call.note("", heard(call))
        return call

    def _type(self, number: int, line: str | bytes) -> str:
        return self._do("type", number, line)  # type: ignore[no-any-return]

    def _do_type(self, number: int, line: str | bytes) -> str:
        call, wire = self.calls[number], self.calls[number].live_wire()
        data = line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape") + b"\r\n"
        lost, call.lost = call.lost, ""
        if wire and lost != "request":
            self._in_world(lambda: self.world.speak(wire, data))
        if wire and lost:
            self._break(wire)
        reply = "" if lost else heard(call)
        call.note(line if isinstance(line, str) else repr(line), reply)
        return reply

    def _break(self, wire: Wire) -> None:
        """The line is cut: the server notices, and what it said last is heard by nobody."""
        self._in_world(lambda: self.world.end(wire))
        wire.closed = True

    def _hang_up(self, number: int, lose: str) -> str:
        return self._do("hang_up", number, lose)  # type: ignore[no-any-return]

    def _do_hang_up(self, number: int, lose: str) -> str:
        call, wire = self.calls[number], self.calls[number].live_wire()
        call.lost = lose
        if not lose:
            if wire:
                self._break(wire)
            call.note("(hangs up)", "")
        return ""

    def _start_tls(self, number: int) -> str:
        return self._do("start_tls", number)  # type: ignore[no-any-return]

    def _do_start_tls(self, number: int) -> str:
        call, wire = self.calls[number], self.calls[number].live_wire()
        if not self.world.contexts:
            said = "This lab has no TLS."
        elif not wire or wire.tls:
            said = "There is no line that TLS could begin on now."
        else:
            self._in_world(lambda: self.world.begin_tls(wire, call.host, None))
            said = heard(call) if wire.tls and wire.tls.up else "The handshake failed."
        call.note("(TLS handshake)", said)
        return said

    # -- time and names

    def _time_passes(self, seconds: float) -> None:
        self._do("advance", seconds)

    def _do_advance(self, seconds: float) -> None:
        if self.net:
            self.net.sockets.advance(seconds)
        else:
            self.world.advance(seconds)

    def _zone_changes(self, zone: Zone, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The zone tells before it changes; the change itself is its own."""
        if zone is not self.zone:
            raise LabError("This is the zone of a past that was taken back: use lab.zone.")
        self._finish()
        if not self._replaying:
            self.inputs.append(Input(f"zone.{name}", args, kwargs))

    # -- the evaluators, on this lab's DNS

    def check_spf(self, *, ip: str, helo: str = "", mail_from: str = "") -> verdicts.SpfVerdict:
        """SPF for a client at `ip` that says `helo` and `mail_from`."""
        return verdicts.check_spf(ip=ip, helo=helo, mail_from=mail_from, dns=self.zone, now=self.clock.now)

    def verify_dkim(self, message: bytes | str) -> verdicts.DkimVerdict:
        """Every DKIM signature of a message."""
        return verdicts.verify_dkim(message, dns=self.zone, now=self.clock.now)

    def evaluate_dmarc(
        self, message: bytes | str, *, ip: str, helo: str = "", mail_from: str = ""
    ) -> verdicts.DmarcVerdict:
        """DMARC for a message that came from `ip` with this HELO and MAIL FROM."""
        return verdicts.evaluate_dmarc(
            message, ip=ip, helo=helo, mail_from=mail_from, dns=self.zone, now=self.clock.now
        )

    # -- the same, one act a next()

    def step_spf(self, *, ip: str, helo: str = "", mail_from: str = "") -> Iterator[Step]:
        """SPF, one step a next(): each is written down and not yet performed."""
        return self._step(spf.check(ip, helo, mail_from), "spf")

    def step_dkim(self, message: bytes | str) -> Iterator[Step]:
        """DKIM, one step a next()."""
        return self._step(dkim.verify(verdicts.as_bytes(message), self.clock.unix()), "dkim")

    def step_dmarc(self, message: bytes | str, *, ip: str, helo: str = "", mail_from: str = "") -> Iterator[Step]:
        """DMARC with the SPF and DKIM it rests on, one step a next()."""
        data = verdicts.as_bytes(message)
        return self._step(verdicts.dmarc_acts(data, ip, helo, mail_from, self.clock.unix()), "dmarc")

    def _step(self, acts: Acts[Any], actor: str) -> Iterator[Step]:
        world = World(self.zone)
        world.clock.now = self.clock.now
        world.start(acts, actor)
        return world.journey()

    def step_send(self, sender: str, recipients: str | Sequence[str], **given: Any) -> Generator[Step, None, None]:
        """`send`, one step a next().  What is left when one stops goes on with whatever is done next in the lab."""
        if self.net:
            raise LabError("On real sockets nobody can be stopped between two steps: close() the net first.")
        to = addresses_in(recipients)
        self._finish()
        self.inputs.append(Input("send", (sender, to), given))
        self._start(self._letter(sender, to, given), given.get("client"))
        return self.world.journey()

    # -- real sockets

    def serve(self, *, keep: int | None = None, octets: int | None = None) -> Net:
        """Open the servers to programs on this machine, on ephemeral ports of 127.0.0.1: `.ports`, `.close()`.

        Used in a `with` it closes itself.  `keep` and `octets` cap the trace: so many steps, so many octets in them.
        """
        if self.net is None:
            from .serving import Net  # here, because it takes asyncio, aiosmtpd and threads

            self._finish()
            self.net = Net(self, keep, octets)
        return self.net

    def close(self) -> None:
        """Close what `serve` opened; harmless otherwise, and twice."""
        if self.net:
            self.net.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- doing things to the world

    def _do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Something done from outside: written down, so that it can be done again."""
        before = len(self.inputs)
        self._finish()
        self.inputs.append(Input(name, args, kwargs))
        try:
            return getattr(self, f"_do_{name}")(*args, **kwargs)
        except LabError:
            del self.inputs[before:]  # nothing was done
            raise
        except KeyboardInterrupt:
            if not self.net:
                self._become(self.inputs[:before])  # somebody was stopped in the middle of a word: as if never begun
            raise

    def _in_world(self, work: Callable[[], T]) -> T:
        """Touch the world, and let everybody go on who can."""
        if self.net:
            return self.net.sockets.call(work)
        value = work()
        self.world.run()
        return value

    def _start(self, letter: Letter, client: str | None) -> Part:
        """Put a letter on its way; until `_finish`, who gets it reads it."""
        world, actor = self.world, letter.actor
        for box in letter.readers:
            world.readers[box] = partial(read_by_both, box, self.stage.tls)
        self._lent = letter.readers, actor, world.addresses.get(actor)
        if client is not None:
            world.addresses[actor] = client
        return world.start(letter.acts, actor)

    def _finish(self) -> None:
        """End what `step_send` may have left half-way, and take back what `_start` lent."""
        if self._lent is None:
            return
        (readers, actor, address), self._lent = self._lent, None
        if not self.net:
            self.world.run()
        for box in readers:
            del self.world.readers[box]
        if address is None:
            self.world.addresses.pop(actor, None)
        else:
            self.world.addresses[actor] = address

    def _play(self, letter: Letter, client: str | None) -> Part:
        """Send a letter, and let everything happen that it sets off."""
        part = self._in_world(lambda: self._start(letter, client))
        if self.net:
            self.net.sockets.settle()
        self._finish()
        return part

    # -- the time machine

    def _become(self, inputs: Sequence[Input]) -> None:
        """This lab, as it was when only these things had been done to it."""
        again = list(inputs)
        self.inputs = []
        for call in self.calls:
            call.wire = call.part = None
        self._replaying = True
        try:
            self._build()
            for name, args, kwargs in again:
                if name.startswith("zone."):
                    getattr(self.zone, name.removeprefix("zone."))(*args, **kwargs)
                    self.inputs.append(Input(name, args, kwargs))
                else:
                    self._do(name, *args, **kwargs)
        finally:
            self._replaying = False

    def replay(self, conversation: str) -> Typed:
        """A call that a program outside made, made again in a lab of its own: to go back in it, and to fork it.

        `conversation` is its name in the trace: "mx.beta.example:25/1".
        """
        return replay(self, conversation)

    def _do_pretend_tls(self) -> None:
        """Say in the clear what was said under TLS: a replay knows the plaintext already."""
        self.world.contexts = {}

    def _again(self, inputs: Sequence[Input]) -> Lab:
        """An equal, fresh lab to which only these things were done."""
        lab = Lab(self.seed, tls=self._tls, opinions=self._opinions)
        lab._become(inputs)
        return lab


def heard(call: Typed) -> str:
    """What came back by now, as text: lines joined by a newline, without the last line's end."""
    if call.wire is None:
        return ""
    data = bytes(call.wire.inbox)
    call.wire.inbox.clear()
    return data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").removesuffix("\n")


@cache
def tls_contexts(hosts: tuple[str, ...]) -> Mapping[str, Any]:
    """What both sides of TLS need; none where there is no `ssl` (in Pyodide): there TLS is only written down."""
    try:
        from ..net import tls
    except ImportError:
        return {}
    return {"client": tls.client_context(), "server": tls.server_context(*hosts)}
