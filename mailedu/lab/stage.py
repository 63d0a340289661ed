"""The stage: three companies with their people, servers, mailboxes and DNS, built into a world.

alpha.example and beta.example run our own servers.  gamma.example runs them in memory; on real sockets its MX is
aiosmtpd, a server that we did not write.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from ..acts import Acts, LabError, Refused
from ..auth.dkim.rsa import read_private
from ..auth.report import Ledger
from ..clock import Clock
from ..imap import ImapServer
from ..imap.folders import Folders
from ..mailbox import MOST, Mailbox
from ..mta import House, Mx, Opinion, Setup, Submission, relay
from ..net.drive import Part, Script, World
from ..pop3 import Pop3Server
from ..smtp import SmtpServer
from ..zone import Zone
from .faults import FAULTY, GREYLIST, Addresses, Mischief

HERE = resources.files(__package__)
NAME = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
LARGEST = 35_000_000  # octets of a message that the servers take


class Company(NamedTuple):
    """A domain, the first three numbers of its addresses, and who works there: name -> last number."""

    domain: str
    network: str
    people: dict[str, int]

    @property
    def addresses(self) -> dict[str, str]:
        """Mail address -> the address its owner's computer calls from."""
        return {f"{name}@{self.domain}": f"{self.network}.{number}" for name, number in self.people.items()}


COMPANIES = {
    company.domain: company
    for company in [
        Company("alpha.example", "192.0.2", {"alice": 10, "amir": 11}),
        Company("beta.example", "198.51.100", {"bob": 10, "bella": 11}),
        Company("gamma.example", "203.0.113", {"carol": 10, "mallory": 66}),
    ]
}

# What a port is called -> (whose it is when no host is named, its number in the lab)
PORTS = {
    "smtp": ("mx.beta.example", 25),
    "submission": ("mx.alpha.example", 587),
    "submissions": ("mx.alpha.example", 465),
    "smtp-alt": ("mx.alpha.example", 2525),
    "pop3": ("pop.beta.example", 110),
    "pop3s": ("pop.beta.example", 995),
    "imap": ("imap.beta.example", 143),
    "imaps": ("imap.beta.example", 993),
}
SERVED = ("localhost", "127.0.0.1")  # how a program outside calls our servers
IMPLICIT_TLS = frozenset({465, 995, 993})
SUBMISSION = (587, 465, 2525)
IPV6 = {"mx.alpha.example": ("2001:db8:a::25",)}
LIMITS = ("most_mails", "most_recipients", "size")
OF_SERVER = (*LIMITS, "keeps_plaintext", "lenient", "plain_needs_tls", "service", "tls_required", "without")
OF_HOUSE = tuple(one.name for one in fields(Setup))
OF_POP3 = ("keeps_nothing", "keeps_plaintext", "login_delay", "plain_needs_tls", "tells_count")
OF_IMAP = ("broken", "keeps_plaintext", "literals", "login_disabled")
TLS_CHOICES = {
    "certificate": ("good", "wrong name", "expired", "self-signed", "unknown CA"),
    "tls_version": ("", "1.2", "1.3"),  # "": whichever the client prefers
}
OF_TLS = tuple(TLS_CHOICES)  # of every host

Staff = Mapping[str, Sequence[str]]  # domain -> the names of more people who work there
Settings = Mapping[str, Mapping[str, Any]]  # host -> what it does otherwise (SmtpServer, Mx, Pop3Server, ImapServer)


@cache
def zone_text() -> str:
    """The zone file that every lab begins with."""
    return HERE.joinpath("stage.zone").read_text("utf-8")


@cache
def first_zone() -> Zone:
    return Zone(zone_text())


@cache
def private_key(domain: str) -> Any:
    """The company's key for DKIM; the same in every lab, published on purpose, and so a secret of nobody's.

    Where there is no `cryptography` (in Pyodide), a key of our own plain RSA, which makes the same signatures.
    """
    pem = HERE.joinpath("keys", f"{domain.partition('.')[0]}.pem").read_bytes()
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return read_private(pem)
    return load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)  # ours: a test checks it once for all


def password(address: str) -> str:
    """Everybody's lab password: "lab-bob"."""
    return f"lab-{address.partition('@')[0]}"


class Stage:
    """The companies' servers, as they stand in one world."""

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        tls: bool,
        opinions: Mapping[str, Opinion],
        mischief: Mischief,
        staff: Staff | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.world, self.seed, self.tls, self.mischief = world, seed, tls, mischief
        self.companies = with_staff(staff or {})
        self.settings = {host: dict(chosen) for host, chosen in (settings or {}).items()}
        self.mx: dict[str, Mx] = {}  # domain -> what its MX decides
        self.reporting: dict[str, Part] = {}  # host -> what writes its reports
        self.houses: dict[str, House] = {}  # host -> what its servers and its queue share
        world.new_box = self.new_box
        for company in self.companies.values():
            self.build(company, opinions)
        for host in self.settings:
            self.check_settings(self.check_host(host))
            self.show_certificate(host)

    def check_settings(self, host: str) -> None:
        """LabError for a setting that no server could have."""
        chosen = self.settings[host]
        of_kind = {"pop": OF_POP3, "imap": OF_IMAP}.get(host.partition(".")[0], (*OF_SERVER, *OF_HOUSE))
        known = (*of_kind, *OF_TLS)
        if unknown := set(chosen) - set(known):
            raise LabError(f"{host} has no setting {min(unknown)!r}: there are {', '.join(known)}.")
        for name, values in TLS_CHOICES.items():
            if chosen.get(name, values[0]) not in values:
                raise LabError(f"{name} is one of {', '.join(map(repr, values))}, not {chosen[name]!r}.")
        if chosen.get("via"):
            self.place(str(chosen["via"]), 2525)
        for (name, port), listens in self.world.listeners.items():
            if name == host and port in (25, 143, *SUBMISSION):
                listens("192.0.2.1")

    def configure(self, host: str, chosen: Mapping[str, Any]) -> None:
        """Set a host up otherwise: calls that begin from now on meet it so."""
        before = self.settings.get(self.check_host(host), {})
        self.settings[host] = {**before, **chosen}
        try:
            self.check_settings(host)
            if host in self.houses:
                self.houses[host].setup = Setup().changed(**self.chosen(host, OF_HOUSE))
        except LabError:
            self.settings[host] = before
            raise
        self.show_certificate(host)

    def show_certificate(self, host: str) -> None:
        """What it shows from now on, and which TLS it speaks."""
        chosen = self.chosen(host, OF_TLS)
        if chosen and self.tls:
            from ..net.tls import server_context  # here, because Pyodide has no ssl

            certificate, version = (chosen.get(name, values[0]) for name, values in TLS_CHOICES.items())
            self.world.server_contexts[host] = server_context(host, *SERVED, certificate=certificate, version=version)

    def chosen(self, host: str, names: Sequence[str]) -> dict[str, Any]:
        """What was chosen for a host, of these settings."""
        return {name: value for name, value in self.settings.get(host, {}).items() if name in names}

    def new_box(self, name: str) -> Mailbox:
        """An empty box; a folder of somebody's mailbox gets a UIDVALIDITY that none of theirs ever had."""
        owner, slash, _ = name.partition("/")
        if slash and owner in self.world.boxes:
            return Mailbox(Folders(owner, self.world.boxes).next_uidvalidity())
        return Mailbox(uidvalidity(self.seed, name))

    def build(self, company: Company, opinions: Mapping[str, Opinion]) -> None:
        """One company: its mailboxes, its MX and submission server with a queue, POP3 and IMAP."""
        world, domain, clock = self.world, company.domain, self.world.clock
        host, people = f"mx.{domain}", tuple(company.addresses)
        for address in people:
            world.boxes[address] = world.new_box(address)
        world.addresses |= company.addresses
        world.addresses[f"queue {host}"] = world.addresses[host] = f"{company.network}.25"
        for number, kind in enumerate(("mx", "pop", "imap"), 25):
            world.hosts[f"{company.network}.{number}"] = f"{kind}.{domain}"
        world.hosts |= {address: host for address in IPV6.get(host, ())}
        setup = Setup().changed(**self.chosen(host, OF_HOUSE))
        addresses = (world.addresses[host], *IPV6.get(host, ()))
        house = self.houses[host] = House(host, domain, people, clock, addresses, private_key(domain), setup=setup)
        if domain == FAULTY:
            house.people, house.shy = Addresses(people), (GREYLIST,)
        mx = self.mx[domain] = Mx(house, opinions)
        submission = Submission(house)
        world.readers[house.queue] = self.begin(house)
        self.begin_reports(host)
        users = {address: (password(address), address) for address in people}
        users |= {address.partition("@")[0]: known for address, known in users.items()}  # bob will do
        others = [other for other in self.companies if other != domain]  # customers of its submission service
        accounts = users | {other: (password(f"{other}@"), f"@{other}") for other in others}
        self.listen(host, 25, lambda client, implicit: self.smtp(host, client, mx, auth="off", implicit=implicit))
        for port in SUBMISSION:
            self.listen(
                host,
                port,
                lambda client, implicit: self.smtp(
                    host, client, submission, auth="required", users=accounts, implicit=implicit
                ),
            )
        pop, imap = f"pop.{domain}", f"imap.{domain}"
        for port in (110, 995):
            self.listen(pop, port, lambda client, implicit: self.pop3(pop, client, users, clock, implicit))
        for port in (143, 993):
            self.listen(imap, port, lambda client, implicit: self.imap(imap, client, users, implicit))

    def begin(self, house: House) -> Script:
        """What a house does with each message in its queue: what it did before it fell over stands in the flags."""

        def script(uid: int, message: bytes, note: Mapping[str, str]) -> Acts[str]:
            return relay(house, uid, message, note, self.world.boxes[house.queue].messages[uid].flags)

        return script

    def begin_reports(self, host: str) -> None:
        """At the end of each day a host that reports does so; once begun it goes on until the host falls over."""
        mx = next((mx for mx in self.mx.values() if mx.host == host), None)
        if mx is not None and mx.house.setup.reports and self.reporting.get(host) not in self.world.parts:
            mx.reporter.ledger = Ledger()
            self.reporting[host] = self.world.start(mx.reporter.days(), host)

    def listen(self, host: str, port: int, machine: Callable[[str, bool], Any]) -> None:
        def call(client: str) -> Any:
            return self.mischief.listening(host, port, machine(client, self.tls and port in IMPLICIT_TLS))

        self.world.listeners[host, port] = call

    def smtp(self, host: str, client: str, mta: Mx | Submission, **more: Any) -> SmtpServer:
        more = {"size": LARGEST, **more, **self.chosen(host, OF_SERVER)}
        return SmtpServer(host, client, mta, tls=self.tls, clock=self.world.clock, **more)

    def pop3(
        self, host: str, client: str, users: dict[str, tuple[str, str]], clock: Clock, implicit: bool
    ) -> Pop3Server:
        more = self.chosen(host, OF_POP3)
        return Pop3Server(host, client, users, self.world.boxes, tls=self.tls, implicit=implicit, clock=clock, **more)

    def imap(self, host: str, client: str, users: dict[str, tuple[str, str]], implicit: bool) -> ImapServer:
        world = self.world
        more = self.chosen(host, OF_IMAP)
        return ImapServer(host, client, users, world.boxes, tls=self.tls, implicit=implicit, clock=world.clock, **more)

    # -- who is who

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(address for company in self.companies.values() for address in company.addresses)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(host for host, _ in self.world.listeners))

    def company(self, address: str) -> Company:
        """The company of one of our people; LabError says who there is."""
        found = self.companies.get(address.rpartition("@")[2].lower())
        if found is None or address.lower() not in found.addresses:
            raise LabError(f"Nobody in this lab is {address!r}: the people are {', '.join(self.people)}.")
        return found

    def check_host(self, host: str) -> str:
        """A host's name; LabError says which there are."""
        if host not in self.hosts:
            raise LabError(f"There is no host {host!r} in this lab: the hosts are {', '.join(self.hosts)}.")
        return host

    def check_place(self, name: str) -> str:
        """A host's name, or "host:port"; LabError when nobody listens there."""
        host, colon, _ = name.partition(":")
        if colon:
            self.place(name)
        return f"{self.check_host(host)}{name[len(host) :]}"

    def box_of(self, address: str) -> str:
        """The mailbox of an address that gets mail in this lab: somebody's, a postmaster's, one that goes wrong."""
        house = self.houses.get(f"mx.{address.rpartition('@')[2].lower()}")
        try:
            return house.mailbox(address) if house else self.company(address).domain
        except Refused:
            return self.company(address).domain

    def place(self, name: str, port: int | None = None, standard: str = "smtp") -> tuple[str, int]:
        """("mx.beta.example", 25) of "mx.beta.example", "mx.beta.example:587", or a port's name like "submission"."""
        if not isinstance(name, str):
            raise LabError(f"Name a host or a port, as in 'mx.beta.example' or 'submission', not {name!r}.")
        host, colon, digits = name.partition(":")
        if name in PORTS:
            found = PORTS[name]
        else:
            found = host, int(digits) if colon and digits.isdecimal() else port or PORTS[standard][1]
        if found not in self.world.listeners:
            raise LabError(
                f"Nobody listens on {found[0]}:{found[1]} in this lab: name a host ({', '.join(self.hosts)}) "
                f"or a port ({', '.join(PORTS)})."
            )
        return found


def with_staff(staff: Staff) -> dict[str, Company]:
    """The companies, and who works there besides."""
    companies = dict(COMPANIES)
    for domain, names in staff.items():
        if domain not in companies:
            raise LabError(f"No company here is {domain!r}: there are {', '.join(companies)}.")
        company = companies[domain]
        more = {name: 100 + number for number, name in enumerate(dict.fromkeys(names)) if name not in company.people}
        if isinstance(names, str) or len(more) > 100 or not all(map(NAME.fullmatch, more)):
            raise LabError("Name at most 100 people, as in staff={'beta.example': ['dora', 'emil']}.")
        companies[domain] = company._replace(people=company.people | more)
    return companies


def uidvalidity(seed: int, name: str) -> int:
    """A box's UIDVALIDITY, from the lab's seed: the same whenever the box is made (RFC 9051 §2.3.1.1)."""
    return zlib.crc32(f"{seed} {name}".encode()) % (MOST - 1) + 1
