"""SPF: checks a second, a record with three includes, the same zone in memory for all; in one run, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mailedu.acts import Acts, Ask
from mailedu.auth.spf import check_host
from mailedu.net.drive import World
from mailedu.opinions import pyspf
from mailedu.zone import Zone

from .measure import Row, rates, table

ZONE = """\
t.example. TXT "v=spf1 include:a.example include:b.example include:c.example -all"
a.example. TXT "v=spf1 ip4:10.0.0.0/16 ip4:10.10.0.0/16 -all"
b.example. TXT "v=spf1 ip4:10.1.0.0/16 ip4:10.11.0.0/16 -all"
c.example. TXT "v=spf1 ip4:10.2.0.0/16 ip4:10.12.0.0/16 ip4:192.0.2.0/24 -all"
"""
IP, DOMAIN, SENDER = "192.0.2.9", "t.example", "a@t.example"


def bare(acts: Acts[object], zone: Zone) -> object:
    """Performed, and nothing written down."""
    answer: object = None
    try:
        while True:
            act = acts.send(answer)
            answer = zone(act.name, act.type) if type(act) is Ask else None
    except StopIteration as end:
        return end.value


def main() -> None:
    zone = Zone(ZONE)
    query = pyspf.query_on(zone)

    def traced() -> str:
        world = World(zone)
        part = world.start(check_host(IP, DOMAIN, SENDER), "spf")
        world.run()
        return str(part.value)

    def untraced() -> str:
        return str(bare(check_host(IP, DOMAIN, SENDER), zone))

    def theirs() -> str:
        return str(query(i=IP, s=SENDER, h=DOMAIN).check()[0])

    assert traced() == untraced() == theirs() == "pass"
    third = spftrace_on(zone)
    with_trace, without, anchor, *slower = rates(traced, untraced, theirs, *([third] if third else []))
    rows = [
        Row("mailedu, every step in a trace", with_trace, anchor, "at least 1.3"),
        Row("mailedu, no trace", without, anchor, "at least 3"),
        Row("pyspf", anchor, anchor, ""),
        *(Row("spftrace", rate, anchor, "") for rate in slower),
    ]
    print(table("SPF, checks a second (three includes)", rows))
    for rate in slower:
        print(f"  with a trace, {with_trace / rate:.1f} x spftrace  (at least 3)")
    if not third:
        print("  (spftrace is not here: `pip install spftrace` measures it too)")


def spftrace_on(zone: Zone) -> Callable[[], str] | None:
    """Its check, if it is installed; one event loop for all, so that none is paid for with each check."""
    try:
        import spftrace
    except ImportError:
        return None

    class Resolver(spftrace.BaseResolver):  # type: ignore[misc]
        async def _lookup(self, name: str, type: str) -> tuple[str, list[str]]:
            return "NOERROR", list(zone(name, type))

    loop, resolver = asyncio.new_event_loop(), Resolver()

    def check() -> str:
        return str(loop.run_until_complete(spftrace.acheck(IP, SENDER, DOMAIN, resolver=resolver)).verdict)

    assert check() == "pass"
    return check
