"""POP3 out over loopback, the trace capped, beside Debian's Dovecot: poplib fetches 10,000 messages of 2 kB.

Both servers run in processes of their own.  What counts is the least of several rounds, taken in turn.
"""

from __future__ import annotations

import poplib
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from mailedu import Lab
from mailedu.acts import Store

from . import dovecot
from .apart import NEVER, Apart, Cost, Served, serve
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


def cost(work: Callable[[poplib.POP3, int], None], server: Served, port: int, count: int) -> Cost:
    client = logged_in(port)
    found = Cost.of(lambda: work(client, count), server)
    client.quit()
    return found


def main() -> None:
    with ExitStack() as until_the_end:
        ours = until_the_end.enter_context(Apart("benchmarks.pop3", COUNT))
        servers: dict[str, tuple[Served, int]] = {"mailedu": (ours, ours.ports["pop3"])}
        if dovecot.where():
            theirs = until_the_end.enter_context(dovecot.serving([letter(number) for number in range(COUNT)]))
            servers["Dovecot"] = theirs, theirs.pop3
        fetched, listed = (least_of_all(work, servers) for work in (fetch_all, list_all))
    print(f"POP3, {COUNT:,} messages of 2 kB, the trace capped at {KEEP:,} steps: a second of processor time")
    print("(client and server), and of the clock")
    for name in servers:
        rates, took = [COUNT / one for one in fetched[name]], listed[name]
        print(f"  {name:8} RETR {rates[0]:7,.0f} {rates[1]:7,.0f}   LIST, UIDL {took[0]:.3f} s {took[1]:.3f} s")
    if "Dovecot" in servers:
        rate, time = ratios(fetched["Dovecot"], fetched["mailedu"]), ratios(listed["mailedu"], listed["Dovecot"])
        print(f"  RETR       {rate[0]:.2f} x  {rate[1]:.2f} x  its rate (at least 0.5)")
        print(f"  LIST, UIDL {time[0]:.2f} x  {time[1]:.2f} x  its time (at most 2)")
    print("  and more of them, processor time a message:")
    for count in GROWTH:
        with Apart("benchmarks.pop3", count) as server:
            port = server.ports["pop3"]
            first, second = (cost(work, server, port, count)[0] / count * 1e6 for work in (list_all, fetch_all))
        print(f"  {count:9,} messages: LIST and UIDL {first:4.1f} µs, RETR {second:4.0f} µs")


def least_of_all(
    work: Callable[[poplib.POP3, int], None], servers: Mapping[str, tuple[Served, int]]
) -> dict[str, Cost]:
    """Name of a server -> the least that this work cost there, in rounds taken in turn."""
    least = dict.fromkeys(servers, NEVER)
    for _ in range(ROUNDS):
        for name, (server, port) in servers.items():
            least[name] = least[name].least(cost(work, server, port, COUNT))
    return least


def ratios(one: Cost, other: Cost) -> tuple[float, float]:
    return one.processor / other.processor, one.clock / other.clock


if __name__ == "__main__":
    serve(filled(int(sys.argv[2])).serve(keep=KEEP, octets=OCTETS).ports)
