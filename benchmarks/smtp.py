"""SMTP in over loopback, every step in a trace, beside aiosmtpd; Postfix's smtp-source sends messages of 5 kB.

Each server runs in a process of its own and keeps the messages.  What counts is the processor time of that process;
on a machine with nothing else to do the clock says the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time

from mailedu import Lab
from mailedu.acts import Acts, Store
from mailedu.net.drive import World
from mailedu.net.sockets import Sockets
from mailedu.smtp import SmtpServer
from mailedu.smtp.envelope import Envelope

from .apart import Apart, serve
from .measure import Row, table

HERE, HOST = "127.0.0.1", "mx.beta.example"
SIZE, MESSAGES, ROUNDS = 5_000, 2_000, 5
SENDER, RECIPIENT = "alice@alpha.example", "bob@beta.example"
WANTED = {1: 1.7, 10: 2.2}  # sessions at once -> times as fast as aiosmtpd


class Keeper:
    """An mta that takes everything and keeps it."""

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        return None
        yield

    recipient = verify = expand = sender

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        yield Store(RECIPIENT, message)
        return "250 2.0.0 kept"


def ours() -> int:
    world = World(lambda name, kind: ())
    world.listeners[HOST, 25] = lambda client: SmtpServer(HOST, client, Keeper(), auth="off")
    return Sockets(world).route(HOST, 25, "192.0.2.25")


def theirs() -> int:
    from aiosmtpd.smtp import SMTP, Session
    from aiosmtpd.smtp import Envelope as Theirs

    kept: list[bytes] = []

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Theirs) -> str:
            assert isinstance(envelope.original_content, bytes)
            kept.append(envelope.original_content)
            return "250 2.0.0 kept"

    loop = asyncio.new_event_loop()
    starting = loop.create_server(lambda: SMTP(Handler(), hostname=HOST, loop=loop), HERE, 0)
    server = loop.run_until_complete(starting)
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return int(server.sockets[0].getsockname()[1])


def lab() -> int:
    """beta's MX, which looks at SPF, DKIM and DMARC, with pyspf and dkimpy beside."""
    return Lab(seed=1).serve().ports["smtp"]


SERVERS = {"ours": ours, "theirs": theirs, "lab": lab}


def send(program: str, port: int, sessions: int, messages: int) -> None:
    how = ["-d", "-s", str(sessions), "-m", str(messages), "-l", str(SIZE), "-f", SENDER, "-t", RECIPIENT]
    subprocess.run([program, *how, f"{HERE}:{port}"], check=True)


def main() -> None:
    program = shutil.which("smtp-source", path=os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin")
    if program is None:
        print("SMTP: not measured, for smtp-source is not installed (Debian: postfix).")
        return
    by_processor, by_clock = [], []
    for sessions, wanted in WANTED.items():
        best = best_of(program, sessions)
        for rows, place in (by_processor, 0), (by_clock, 1):
            anchor = best["theirs"][place]
            rows.append(Row(f"mailedu, {sessions} at once", best["ours"][place], anchor, f"at least {wanted}"))
            rows.append(Row(f"aiosmtpd, {sessions} at once", anchor, anchor, ""))
    checked, _ = measured(program, "lab", 1, 300)
    by_processor.append(Row("beta's MX with all its checks, 1 at once", checked, by_processor[1].rate, ""))
    print(table(f"SMTP, messages of {SIZE:,} octets a second of the server's processor time", by_processor))
    print(table("The same, a second on the clock", by_clock))


def best_of(program: str, sessions: int) -> dict[str, tuple[float, float]]:
    """Name of a server -> its best rates of several rounds, taken in turn."""
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        for name, rates in found.items():
            rates.append(measured(program, name, sessions, MESSAGES))
    return {name: (max(one for one, _ in rates), max(other for _, other in rates)) for name, rates in found.items()}


def measured(program: str, name: str, sessions: int, messages: int) -> tuple[float, float]:
    """Messages a second: of processor time, and on the clock.  Each server is fresh: none has a longer trace."""
    with Apart("benchmarks.smtp", name) as server:
        [port] = server.ports.values()
        send(program, port, sessions, 100)
        used, began = server.seconds(), time.perf_counter()
        send(program, port, sessions, messages)
        took = time.perf_counter() - began
        return messages / (server.seconds() - used), messages / took


if __name__ == "__main__":
    serve({"smtp": SERVERS[sys.argv[2]]()})
