"""Generators of the mail server's decisions, driven without a server, a wire or a world."""

from __future__ import annotations

from mailedu.acts import Ask, DnsTimeout, NXDomain, Rule
from mailedu.clock import Clock
from mailedu.mta import House, Setup
from mailedu.zone import Zone

ALICE, BOB, CAROL = "alice@alpha.example", "bob@beta.example", "carol@gamma.example"


def perform(acts, zone: Zone | None = None):
    """(the value, what was done): questions are answered from the zone."""
    done, answer = [], None
    try:
        while True:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
            done.append(act)
            answer = None
            if isinstance(act, Ask):
                try:
                    answer = (zone or Zone())(act.name, act.type)
                except (NXDomain, DnsTimeout) as trouble:
                    answer = trouble
    except StopIteration as end:
        return end.value, done


def rules(done) -> list[str]:
    return [act.name for act in done if isinstance(act, Rule)]


def house(host: str, *people: str, seed: int = 1, **settings) -> House:
    """One company's house: "mx.beta.example", with these people."""
    domain = host.partition(".")[2]
    address = {"alpha.example": "192.0.2.25", "beta.example": "198.51.100.25"}.get(domain, "203.0.113.25")
    return House(host, domain, people, Clock(seed), (address,), setup=Setup().changed(**settings))
