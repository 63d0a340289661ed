"""The same parts on real sockets: 127.0.0.1 only, ephemeral ports, one daemon thread with one loop per process.

While a world has this network, all that touches the world runs in the loop's thread; only `call` crosses over.  Never
in the kernel's own loop: a blocking client in a cell would wait for a server that waits for the cell.
"""

from __future__ import annotations

import asyncio
import atexit
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from ..acts import Acts, Ask, Connect, Fetch, LabError, Listen, Trouble, Unreachable, Wait
from ..trace import Step
from . import nameserver
from .callers import is_ours
from .drive import LATER, File, Part, Wire, World, host_in, path_in

T = TypeVar("T")
HERE = "127.0.0.1"
PATIENCE = 0.3  # seconds without any event after which who waits for a reply is left waiting
TURN = 262_144  # octets that one side says before others have a turn
UNHEARD = 1_048_576  # octets that wait for somebody who does not listen now; then the other side has to wait
ANSWER = 120.0  # seconds that a call across threads may take


@cache
def the_loop() -> asyncio.AbstractEventLoop:
    """The one loop, started in a thread of its own the first time."""
    try:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="mailedu", daemon=True).start()
    except (RuntimeError, OSError) as why:
        raise LabError(f"No thread or socket can be had here ({why}), so the lab works in memory only.") from why
    return loop


def across(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the loop's thread, and wait for it."""
    return asyncio.run_coroutine_threadsafe(work, the_loop()).result(ANSWER)


class Sockets:
    """A world's network.  `route` opens a port, `close` ends all; `call` does something to the world meanwhile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop = the_loop()
        self.places: dict[tuple[str, int], int] = {}  # (host, lab port) -> a real port
        self.doors: list[tuple[socket.socket, asyncio.Task[None]]] = []  # where calls are taken
        self.closers: list[Callable[[], object]] = []
        self.webs: dict[str, int] = {}  # a web server's host -> its real port
        self.callers: dict[Any, tuple[str, str, int]] = {}  # our own socket's name -> (address, conversation, step)
        self.ends: set[End] = set()
        self.deaf: set[End] = set()  # those that take no more in until what they have is heard
        self.served: set[str] = set()  # conversations whose server's end is ours and open
        self.leaving: set[str] = set()  # those of them that our client has left already
        self.tasks: set[asyncio.Task[None]] = set()
        self.events = 0
        self.stirred = asyncio.Event()
        self.crash: BaseException | None = None
        self.closed = False
        world.network = self
        atexit.register(self.close)

    # -- crossing over

    def call(self, work: Callable[[], T]) -> T:
        """Do it in the loop's thread and let everybody go on; what it returned, or raised."""

        async def inside() -> T:
            value = work()
            self.stir()
            return value

        value = across(inside())
        self.check()
        return value

    def play(self, acts: Acts[Any], actor: str) -> Any:
        """Perform a script to its end and until all that it set off is done; what it returned."""
        part = self.call(lambda: self.world.start(acts, actor))
        self.settle()
        return part.value

    def settle(self) -> None:
        """Until nobody of ours has anything left to do but to wait for time, or for an outside client."""
        across(self._settled())
        self.check()

    def advance(self, seconds: float) -> None:
        """Let the lab's time go on; whoever wakes is waited for before the next one does."""
        across(self._advance(seconds))
        self.check()

    async def _advance(self, seconds: float) -> None:
        world = self.world
        end = world.clock.now + seconds
        await self._settled()
        while (due := world.next_due()) and due.until <= end:
            world.clock.now = due.until
            world.time_is_up(due)
            self.stir()
            await self._settled()
        world.clock.now = end

    def check(self) -> None:
        """A bug in a machine reaches whoever uses the lab at once."""
        if self.crash:
            crash, self.crash = self.crash, None
            raise crash

    def play_here(self, acts: Acts[Any], actor: str, conversation: str, parent: int | None) -> asyncio.Future[Any]:
        """For a server that we did not write: perform a script, in the loop; awaited for its value."""
        done: asyncio.Future[Any] = self.loop.create_future()
        self.world.start(acts, actor, conversation, parent, then=done.set_result)
        self.stir()
        return done

    # -- in the loop's thread

    def stir(self) -> None:
        """Something happened: everybody who can go on goes on.  A bug is kept for who next uses the lab."""
        self.events += 1
        try:
            self.world.run()
        except Exception as crash:  # noqa: BLE001 - it is raised again by `check`, where somebody sees it
            self.crash = crash
        finally:
            self.stirred.set()
            for end in list(self.deaf):
                end.hear_again()

    async def _settled(self) -> None:
        seen = -1
        while self.is_busy() and not self.crash:
            if self.events == seen:
                return  # who waits now waits for the clock
            seen = self.events
            self.stirred.clear()
            try:
                await asyncio.wait_for(self.stirred.wait(), PATIENCE)
            except TimeoutError:
                await asyncio.sleep(0)
            else:
                seen = -1

    def is_busy(self) -> bool:
        return bool(self.world.ready or self.leaving or self.tasks or any(map(is_busy, self.world.parts)))

    def hear(self, wire: Wire, data: bytes) -> None:
        self.world.arrive(wire, data)
        self.stir()

    def lose(self, wire: Wire) -> None:
        self.world.finish(wire)
        self.stir()

    # -- connections

    def route(self, host: str, port: int, client: str) -> int:
        """Open a real port for this route: who calls it and is not ours comes from the address `client`."""

        def taken(wire: Wire, peer: Any, end: End) -> None:
            known = self.callers.pop(peer, None)
            address, conversation, parent = known or (client, self.world.numbered(f"{host}:{port}"), None)
            end.conversation = conversation
            self.served.add(conversation)
            self.world.accept(host, port, address, conversation, parent, wire)

        return self.listen(lambda: End(self, host, "server", taken), host, port)

    def listen(self, protocol: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> int:
        """Open a real port for any asyncio protocol."""
        try:
            listener = listening()
        except OSError as why:
            raise LabError(f"No socket can be had on {HERE} ({why}), so the lab works in memory only.") from why

        async def serve() -> None:
            self.doors.append((listener, self.loop.create_task(self.take_calls(listener, protocol))))

        across(serve())
        real = int(listener.getsockname()[1])
        self.places.setdefault((host, port), real)
        return real

    async def take_calls(self, listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Until we close.  Not asyncio's own server: that one forgets who is just coming in while it closes."""
        while not self.closed:
            try:
                call, _ = await self.loop.sock_accept(listener)
            except OSError:  # too many open files: somebody will hang up
                await asyncio.sleep(0.1)
                continue
            if self.closed or not is_ours(call):
                call.close()
            else:
                await self.loop.connect_accepted_socket(protocol, call)
        listener.close()

    async def shut(self, listener: socket.socket, taking: asyncio.Task[None]) -> None:
        """Close a port: one last call, of our own, so that whoever takes calls there looks up."""
        with socket.socket(proto=socket.IPPROTO_TCP) as last, suppress(OSError):  # somebody else's call may do as well
            last.setblocking(False)
            await self.loop.sock_connect(last, listener.getsockname())
        await taking

    def serve_dns(self) -> int:
        """The lab's DNS over UDP and TCP; the port."""

        async def serve() -> int:
            port, close = await nameserver.serve(lambda name, kind: self.world.dns(name, kind))
            self.closers.append(close)
            return port

        return across(serve())

    def connect(self, part: Part, step: Step) -> object:
        task = self.loop.create_task(self.dial(part, step))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return LATER

    async def dial(self, part: Part, step: Step) -> None:
        """Call a host; our own socket has a name before it calls, so that the server can know who it is."""
        place = step.act
        assert isinstance(place, Connect)
        where = self.world.reached(place.host, place.port), place.port
        if where not in self.places or where[0] in self.world.down:
            self.world.resume(part, Unreachable(f"nobody listens on {place.host}:{place.port}"))
            return self.stir()
        conversation = self.world.numbered(f"{where[0]}:{place.port}")

        def up(wire: Wire, peer: Any, end: End) -> None:
            wire.part, part.wire, part.conversation = part, wire, conversation
            end.conversation = conversation

        caller = socket.socket(proto=socket.IPPROTO_TCP)  # with that asyncio sends small pieces at once (TCP_NODELAY)
        try:
            caller.bind((HERE, 0))
            caller.setblocking(False)
            self.callers[caller.getsockname()] = self.world.address_of(part.actor), conversation, step.number
            await self.loop.sock_connect(caller, (HERE, self.places[where]))
            await self.loop.create_connection(lambda: End(self, where[0], "client", up), sock=caller)
        except OSError as why:
            caller.close()
            self.world.resume(part, Unreachable(str(why)))
        else:
            self.world.resume(part)
        self.stir()

    def ask(self, part: Part, step: Step) -> object:
        return self.world.ask_zone(part, step)

    # -- the web

    def serve_web(self, host: str) -> int:
        """The real port of a web server, opened the first time."""
        if host not in self.webs:
            from . import web  # here, because few need it

            self.webs[host], close = web.serve(self.world.sites, host)
            self.closers.append(close)
        return self.webs[host]

    def fetch(self, part: Part, step: Step) -> object:
        task = self.loop.create_task(self.get(part, step))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return LATER

    async def get(self, part: Part, step: Step) -> None:
        """By HTTPS, in a thread, because http.client waits."""
        from . import web

        assert isinstance(step.act, Fetch)
        url = step.act.url
        answer: File | Trouble
        try:
            port = self.serve_web(self.world.web_host(url))
            context = self.world.contexts.get("client")
            getting = self.loop.run_in_executor(None, web.get, port, host_in(url), path_in(url), context)
            while not (await asyncio.wait({getting}, timeout=PATIENCE / 3))[0]:
                self.stir()  # who waits for this knows that something goes on
            answer = getting.result()
        except Trouble as trouble:
            answer = trouble
        self.world.resume(part, self.world.fetched(part, step, answer))
        self.stir()

    # -- the end

    def close(self) -> None:
        """Close every port and every call, and give the world back; twice does no harm."""
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)

        async def stop() -> None:
            for listener, taking in self.doors:
                await self.shut(listener, taking)
            for close in self.closers:
                close()
            for end in list(self.ends):
                end.transport.close()
            for _ in range(100):
                if not self.ends and not self.tasks:
                    break
                await asyncio.sleep(0.01)
            for end in list(self.ends):
                end.transport.abort()
            await asyncio.sleep(0)
            self.world.run()
            self.world.network = None

        if self.loop.is_running():
            across(stop())


def listening() -> socket.socket:
    """A port of this machine that nobody else has."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        listener.bind((HERE, 0))
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def is_busy(part: Part) -> bool:
    """Whether it will go on without time passing: servers wait for clients, and clients for a reply that comes."""
    match part.question:
        case Wait():
            return False
        case Listen():
            return part.wire is not None and part.wire.side == "client"
        case Ask() | None:
            return True
    return True


class End(asyncio.BufferedProtocol):
    """One end of a TCP connection; all it knows is its wire."""

    room = memoryview(bytearray(262_144))  # where bytes come in, one end at a time: a new one each time costs far more

    def __init__(self, sockets: Sockets, host: str, side: str, ready: Callable[[Wire, Any, End], object]) -> None:
        self.sockets, self.host, self.side, self.ready = sockets, host, side, ready
        self.conversation = ""
        self.said = 0  # octets since others last had a turn
        self.full = False  # the network takes no more now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.wire = Wire(self.side, self.carry, self.leave)
        self.wire.out = self.write
        if self.sockets.closed or self.host in self.sockets.world.down:
            return transport.abort()
        self.sockets.ends.add(self)
        self.ready(self.wire, transport.get_extra_info("peername"), self)
        self.sockets.stir()

    def leave(self) -> None:
        """This side hangs up."""
        if self.wire.middle:
            self.wire.middle.ends("server")
        if self.side == "client" and self.conversation in self.sockets.served:
            self.sockets.leaving.add(self.conversation)
        self.transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.room

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self.room[:nbytes])
        if self.wire.middle:
            self.wire.middle.passes("client", data)
            self.sockets.stir()
        else:
            self.sockets.hear(self.wire, data)
        if len(self.wire.inbox) > UNHEARD:
            self.sockets.deaf.add(self)
            self.transport.pause_reading()

    def hear_again(self) -> None:
        """As soon as there is little left to hear."""
        if len(self.wire.inbox) <= UNHEARD:
            self.sockets.deaf.discard(self)
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        """The other side says no more; what it asked for it may still want to hear, so we hang up when that is said."""
        if self.wire.middle:
            self.wire.middle.ends("client")
            self.sockets.stir()
        self.sockets.lose(self.wire)
        return True

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():  # else nobody hears it
            self.transport.write(data)

    def carry(self, data: bytes) -> None:
        """Bytes for the other end.  Who says much waits now and then, so that nobody else has to wait for long."""
        if self.wire.middle:
            self.wire.middle.passes("server", data)
        else:
            self.write(data)
        self.said += len(data)
        if self.said > TURN:
            self.said = 0
            self.wire.paused = True
            self.sockets.loop.call_soon(self.go_on)

    def pause_writing(self) -> None:
        self.full = self.wire.paused = True

    def resume_writing(self) -> None:
        self.full = False
        self.go_on()

    def go_on(self) -> None:
        if not self.full:
            self.sockets.world.drained(self.wire)
            self.sockets.stir()

    def connection_lost(self, error: Exception | None) -> None:
        self.full = False
        self.wire.inbox.clear()  # nobody is there to hear what would be answered
        self.sockets.ends.discard(self)
        self.sockets.deaf.discard(self)
        if self.side == "server":
            self.sockets.served.discard(self.conversation)
            self.sockets.leaving.discard(self.conversation)
        self.sockets.lose(self.wire)
