"""POP3 out over loopback, the trace capped, beside Debian's Dovecot: poplib fetches 10,000 messages of 2 kB.

Both servers run in processes of their own.  Time is the shortest of several rounds, taken in turn; a client of
poplib's waits for each reply, so it is the client's work, the server's, and the way between them.
"""

from __future__ import annotations

import poplib
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from mailedu import Lab
from mailedu.acts import Store

from . import dovecot
from .apart import Apart, serve
from .imap import BOB, letter

HERE = "127.0.0.1"
COUNT, ROUNDS = 10_000, 3
GROWTH = (10_000, 30_000, 100_000)
KEEP, OCTETS = 10_000, 50_000_000  # of the trace


def filled(count: int) -> Lab:
    """A lab whose bob has so many messages."""
    lab = Lab(seed=1)
    for number in range(count):
        lab.world.boxes[BOB].perform(Store(BOB, letter(number)), lab.clock.unix())
    return lab


def logged_in(port: int) -> poplib.POP3:
    client = poplib.POP3(HERE, port)
    client.user(dovecot.USER)
    client.pass_(dovecot.PASSWORD)
    return client


def fetch_all(client: poplib.POP3, count: int) -> None:
    for number in range(1, count + 1):
        client.retr(number)


def list_all(client: poplib.POP3, count: int) -> None:
    assert len(client.list()[1]) == len(client.uidl()[1]) == count


def timed(work: Callable[[poplib.POP3, int], None], port: int, count: int) -> float:
    client = logged_in(port)
    began = time.perf_counter()
    work(client, count)
    took = time.perf_counter() - began
    client.quit()
    return took


def main() -> None:
    with ExitStack() as open_until_the_end:
        ports = {"mailedu": open_until_the_end.enter_context(Apart("benchmarks.pop3", COUNT)).ports["pop3"]}
        if dovecot.where():
            messages = [letter(number) for number in range(COUNT)]
            ports["Dovecot"] = open_until_the_end.enter_context(dovecot.serving(messages)).pop3
        best = {name: {fetch_all: 9e9, list_all: 9e9} for name in ports}
        for _ in range(ROUNDS):
            for name, port in ports.items():
                for work, fastest in best[name].items():
                    best[name][work] = min(fastest, timed(work, port, COUNT))
    print(f"POP3, {COUNT:,} messages of 2 kB, the trace capped at {KEEP:,} steps")
    for name, found in best.items():
        rate, took = COUNT / found[fetch_all], found[list_all]
        print(f"  {name:8}  RETR of all {rate:8,.0f} a second   LIST and UIDL {took:.3f} s")
    if "Dovecot" in best:
        ours, theirs = best["mailedu"], best["Dovecot"]
        print(f"  RETR {theirs[fetch_all] / ours[fetch_all]:.2f} x its rate (at least 0.5)")
        print(f"  LIST and UIDL {ours[list_all] / theirs[list_all]:.2f} x its time (at most 2)")
    print("  and more of them:")
    for count in GROWTH:
        with Apart("benchmarks.pop3", count) as server:
            port = server.ports["pop3"]
            listed, fetched = (timed(work, port, count) / count * 1e6 for work in (list_all, fetch_all))
        print(f"  {count:9,} messages: RETR {fetched:4.0f} µs, LIST and UIDL {listed:4.1f} µs each")


if __name__ == "__main__":
    serve(filled(int(sys.argv[2])).serve(keep=KEEP, octets=OCTETS).ports)
