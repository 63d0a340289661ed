"""One host that takes mail for a company: its names, its people, and how it is set up."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..acts import LabError, Refused
from ..clock import Clock
from ..message import Message
from ..names import canonical
from ..smtp.envelope import Envelope

if TYPE_CHECKING:
    from .sts import Kept

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
ANCHOR = re.compile(r"[^ ]+ \d{1,5} \d{1,3} \d{1,3} (?:[0-9a-f]{2})+")  # a domain, and a DS record (RFC 4034 §5.3)
POSTMASTER = "postmaster"
TLS = {"may": ("may", "any"), "must": ("must", "any"), "verify": ("must", "name")}  # as `send_mail` has it: tls, trust


@dataclass(frozen=True)
class Setup:
    """What a host does beyond its own people's mail, and how patient it is; times are in seconds."""

    open_relay: bool = False  # passes on anybody's mail to anybody: once a courtesy, today what no server may do
    busy: tuple[str, ...] = ()  # addresses whose mailbox cannot be had just now
    backup_for: tuple[str, ...] = ()  # domains of others whose mail it takes, and passes on to them
    via: str = ""  # "mx.gamma.example:2525": it hands all it sends to this service, which finds the way
    tls: str = "may"  # to others' servers where they offer it; "must" or nothing is sent, "verify" its certificate too
    anchors: tuple[str, ...] = ()  # "beta.example 12345 15 2 0123…": hashes of keys it knows: there DANE counts
    mta_sts: bool = False  # it looks for the MTA-STS policies of those it sends to, and keeps to them (see sts.py)
    any_sender: bool = False  # who is logged in may write in anybody's name (RFC 6409 §6.1 lets it choose)
    greylist: float = 0.0  # who comes for the first time comes again after so long (RFC 6647)
    forwards: tuple[str, ...] = ()  # "carol@gamma.example -> bob@beta.example": her letters go on to him
    srs: bool = False  # what goes on has a sender of ours, so that SPF passes (see forwarding.py)
    reports: bool = False  # tells domains' owners each day what came in their name (RFC 9990)
    failure_reports: int = 0  # tells them at once of a letter that failed, so many times a day (RFC 9991)
    policy_alone: bool = False  # refuses on p=reject with nothing else to go by, though RFC 9989 §7.4 forbids it
    defers: bool = False  # when the DNS does not answer about DMARC: come again, instead of delivering (RFC 9989 §5.4)
    trusts: tuple[str, ...] = ()  # addresses of forwarders and lists whose word it takes
    discloses: bool = False  # VRFY and EXPN tell who lives here (RFC 5321 §7.3)
    most_hops: int = 100  # RFC 5321 §6.3
    first_pause: float = 15 * MINUTE  # RFC 5321 §4.5.4.1, and so are the others
    longest_pause: float = 8 * HOUR
    warns_after: float = 4 * HOUR  # who asked to be told of a delay is told (RFC 3461 §5.2.5)
    gives_up_after: float = 5 * DAY

    def changed(self, **settings: Any) -> Setup:
        """Another one, with these settings; LabError says what there is to set, and how."""
        kinds = {one.name: type(one.default) for one in fields(Setup)}
        for name, value in settings.items():
            if name not in kinds:
                raise LabError(f"A mail server has no setting {name!r}: there are {', '.join(kinds)}.")
            settings[name] = checked(name, kinds[name], value)
        made = replace(self, **settings)
        if made.tls not in TLS:
            raise LabError(f"tls is how it calls other servers: {', '.join(map(repr, TLS))}, not {made.tls!r}.")
        for anchor in made.anchors:
            if not ANCHOR.fullmatch(anchor):
                raise LabError(f"An anchor is a domain and the hash of its key, as lab.sign makes it, not {anchor!r}.")
        if not 0 < made.first_pause <= made.longest_pause <= made.gives_up_after <= 30 * DAY:
            raise LabError("first_pause, longest_pause and gives_up_after are seconds, more than 0 and in this order.")
        return made


def checked(name: str, kind: type, value: Any) -> Any:
    """A setting's value, if it is one."""
    if kind is tuple and isinstance(value, list | tuple | set) and all(isinstance(one, str) for one in value):
        return tuple(map(canonical, value))
    if kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return kind(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    wanted = {bool: "True or False", tuple: "a list of names", str: "text", int: "a number"}
    raise LabError(f"{name} is {wanted.get(kind, 'a number of seconds')}, not {value!r}.")


@dataclass
class House:
    """One host of a company: what its servers and its queue must know."""

    host: str
    domain: str
    people: Collection[str]  # the addresses that have a mailbox
    clock: Clock
    addresses: tuple[str, ...] = ()  # of the host
    key: Any = None  # the company's private key; None signs nothing
    selector: str = "lab"
    setup: Setup = field(default_factory=Setup)
    shy: Collection[str] = ()  # addresses for which it greylists in any case
    taken: int = 0  # messages so far: their ids
    policies: dict[str, Kept] = field(default_factory=dict)  # domain -> its MTA-STS policy, as it was fetched
    missed: dict[str, tuple[str, float]] = field(default_factory=dict)  # … or the id of one that was not, and when

    @property
    def queue(self) -> str:
        """The box of what it has taken and not yet passed on."""
        return f"queue {self.host}"

    @property
    def postmaster(self) -> str:
        return f"{POSTMASTER}@{self.domain}"

    # -- who lives here

    def is_ours(self, address: str) -> bool:
        return domain_of(address) in (self.domain, self.host, *self.literals) or address.lower() == POSTMASTER

    @property
    def literals(self) -> list[str]:
        """Its addresses as an address has them behind the @ (RFC 5321 §4.1.3)."""
        return [literal(address).lower() for address in self.addresses]

    def mailbox(self, address: str) -> str:
        """The mailbox of an address of ours; Refused if there is none.  Our users' names do not mind capitals."""
        local, _, domain = address.lower().rpartition("@")
        if POSTMASTER in (local, address.lower()):  # every name of ours has one (RFC 5321 §4.5.1, RFC 3461 §9.3)
            return self.postmaster
        box = f"{local}@{self.domain}"
        if domain == self.host or box not in self.people:
            raise Refused("mta.unknown-user", f"550 5.1.1 there is no mailbox {address} here", recipient=address)
        return box

    def complete(self, address: str) -> str:
        """``postmaster`` -> ``postmaster@beta.example``; all others have a domain already."""
        return address if "@" in address else f"{address}@{self.domain}"

    def waits(self, address: str) -> float:
        """Seconds for which a stranger is put off who writes to this address (RFC 6647 §2.1)."""
        return self.setup.greylist or (5 * MINUTE if address.lower() in self.shy else 0.0)

    # -- a message that comes in

    def stamp(self, envelope: Envelope) -> bytes:
        """Its Received field (RFC 5321 §4.4)."""
        self.taken += 1
        lines = [
            f"Received: from {envelope.helo or 'unknown'} ({literal(envelope.client)})",
            f" by {self.host} with {envelope.protocol} id L{self.taken:04d}",
        ]
        if len(envelope.recipients) == 1:  # with several it would tell each of them of the others (§7.2)
            lines.append(f" for <{envelope.recipients[0]}>")
        return "\r\n".join([*lines[:-1], f"{lines[-1]}; {self.clock.stamp()}\r\n"]).encode()

    def check_hops(self, message: Message) -> None:
        """RFC 5321 §6.3: who counts Received fields ends a loop."""
        hops = len(message.all("Received"))
        if hops > self.setup.most_hops:
            raise Refused("mta.loop", f"554 5.4.6 {hops} hops: this message goes round in circles", hops=str(hops))


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def literal(client: str) -> str:
    """An address as a Received field has it (RFC 5321 §4.1.3); a name stays one."""
    return f"[IPv6:{client}]" if ":" in client else f"[{client}]"


def address_in(domain: str) -> str:
    """``"[192.0.2.25]"`` -> ``"192.0.2.25"``; "" for what is no address literal (RFC 5321 §4.1.3)."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return ""
    try:
        return str(ip_address(domain[1:-1].lower().removeprefix("ipv6:")))
    except ValueError:
        return ""
