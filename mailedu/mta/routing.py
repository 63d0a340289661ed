"""Where a message goes next: the hosts that take mail for a domain (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..acts import Acts, Ask, NXDomain, Refused, Rule
from ..clock import Clock
from ..names import canonical
from .entry import Entry
from .house import House, address_in

MOST_HOSTS = 10  # tried in one attempt: §5.1 allows a limit, and asks for two at least


class Hop(NamedTuple):
    """A host to call next, and how."""

    host: str
    port: int = 25
    user: str = ""  # who logs in, at a vendor's service
    password: str = ""


def hops(house: House, entry: Entry) -> Acts[list[Hop]]:
    """Where this host calls for an entry of its queue."""
    if house.setup.via and entry.domain != house.domain:
        return (yield from by_service(house, entry.domain))
    me = () if entry.domain == house.domain else (house.host,)  # its own people's mail goes in by its own front door
    hosts = yield from next_hops(entry.domain, house.clock, me)
    return [Hop(host) for host in hosts]


def by_service(house: House, domain: str) -> Acts[list[Hop]]:
    """A vendor's "SMTP relay": a submission service for whole companies, with a log-in.  Not RFC 5321's relay."""
    host, _, port = house.setup.via.partition(":")
    yield Rule("mta.via", host, {"domain": domain, "host": house.setup.via, "account": house.domain})
    return [Hop(host, int(port or 2525), house.domain, f"lab-{house.domain}")]


def next_hops(domain: str, clock: Clock, me: Collection[str] = ()) -> Acts[list[str]]:
    """The hosts that take mail for a domain, best first; `me`: the names of who asks, if it is no end of the way."""
    if address := address_in(domain):  # §4.1.3: [192.0.2.25] needs no DNS
        yield Rule("mta.literal", address, {"domain": domain})
        return [address]
    try:
        records = yield Ask(domain, "MX")
    except NXDomain:
        raise Refused("mta.no-domain", f"550 5.1.2 there is no domain {domain}", domain=domain) from None
    if not records:
        yield Rule("mta.implicit-mx", domain)
        return [domain]
    exchanges = [(int(number), canonical(host)) for number, host in map(str.split, records)]
    if not all(host for _, host in exchanges):
        exchanges = yield from without_null(domain, exchanges)
    if len(exchanges) > 1:
        clock.random.shuffle(exchanges)  # equal preferences share the load
        exchanges.sort(key=lambda exchange: exchange[0])
    exchanges = yield from up_to_me(domain, exchanges, me)
    hosts = list(dict.fromkeys(host for _, host in exchanges))
    if len(hosts) > MOST_HOSTS:
        yield Rule("mta.many-hosts", str(MOST_HOSTS), {"domain": domain, "count": str(len(hosts))})
        hosts = hosts[:MOST_HOSTS]
    yield Rule("mta.route", " ".join(hosts), {"domain": domain})
    return hosts


Exchanges = list[tuple[int, str]]  # (preference, host)


def without_null(domain: str, exchanges: Exchanges) -> Acts[Exchanges]:
    """RFC 7505 §3: a lone dot says that the domain takes no mail; beside others it says nothing."""
    others = [(preference, host) for preference, host in exchanges if host]
    if not others:
        raise Refused("mta.null-mx", f"556 5.1.10 {domain} takes no mail", domain=domain)
    yield Rule("mta.null-among-others", "ignored", {"domain": domain})
    return others


def up_to_me(domain: str, exchanges: Exchanges, me: Collection[str]) -> Acts[Exchanges]:
    """§5.1: who finds itself in the list calls only those who are better; so no message goes back and forth."""
    mine = [preference for preference, host in exchanges if host in me]
    if not mine:
        return exchanges
    better = [(preference, host) for preference, host in exchanges if preference < min(mine)]
    if not better:
        raise own_loop(domain)
    yield Rule("mta.better-than-me", " ".join(host for _, host in better), {"domain": domain})
    return better


def own_loop(domain: str) -> Refused:
    text = f"554 5.4.6 the best mail exchanger of {domain} is this very host, which does not know the domain"
    return Refused("mta.own-loop", text, domain=domain)


def find(house: House, host: str, domain: str) -> Acts[None]:
    """Whether a host has an address, and is somebody else (§5.1); Refused if not.

    An alias is followed, as everybody does, though an MX record must not name one (RFC 2181 §10.3).
    """
    if address_in(f"[{host}]"):
        return
    try:
        addresses = yield Ask(host, "A")
        if not addresses:
            addresses = yield Ask(host, "AAAA")
    except NXDomain:
        addresses = ()
    if not addresses:
        raise Refused("mta.no-address", f"550 5.4.4 {host} has no address", host=host)
    if domain != house.domain and set(addresses) & set(house.addresses):
        raise own_loop(domain)
