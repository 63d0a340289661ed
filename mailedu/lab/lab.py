"""The front door: a whole e-mail Internet, and everything one can do to it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..acts import Acts, LabError
from ..auth import dkim, spf
from ..clock import Clock
from ..net.drive import World
from ..trace import Step, Trace
from ..zone import Zone
from . import secured, verdicts, whatif
from .again import replay
from .arena import Arena
from .attacker import Attacker
from .faults import Faults
from .history import History, Input
from .letters import addresses_in, check_address
from .mail import Mail
from .shown import Everything
from .stage import COMPANIES, PORTS, Settings, Staff, Stage, password, private_key
from .tapped import Tap
from .typed import Typed

if TYPE_CHECKING:
    from .reports import Reports
    from .serving import Net

NETWORKS = tuple(f"{company.network}.0/24" for company in COMPANIES.values())
STRANGER = "203.0.113.66"  # where a call comes from when nobody says: mallory's computer


class Lab:
    """alpha.example, beta.example and gamma.example, their people, servers and DNS, in this process.

    The same `seed` gives the same lab, octet for octet.  `tls` puts TLS under submission, relay and reading;
    `opinions` asks pyspf and dkimpy beside our own evaluators.  `staff` has more people, {"beta.example": ["dora"]},
    and `settings` other servers: {"mx.beta.example": {"most_mails": 1}} (see SmtpServer, Mx, Pop3Server, ImapServer).
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        tls: bool = True,
        opinions: bool = True,
        staff: Staff | None = None,
        settings: Settings | None = None,
    ) -> None:
        if not isinstance(seed, int):
            raise LabError(f"A seed is a whole number, not {seed!r}.")
        self.history = History(seed, tls, opinions, staff, settings)
        self.net: Net | None = None

    def beside(self, history: History) -> Lab:
        """Another lab, with this history."""
        other = Lab.__new__(Lab)
        other.history, other.net = history, None
        return other

    # -- looking

    @property
    def seed(self) -> int:
        return self.history.seed

    @property
    def zone(self) -> Zone:
        """The DNS: edit it, break it, mend it."""
        return self.history.zone

    @property
    def clock(self) -> Clock:
        """The lab's time."""
        return self.history.clock

    @property
    def world(self) -> World:
        """Where everything is performed."""
        return self.history.world

    @property
    def stage(self) -> Stage:
        """The companies' servers."""
        return self.history.stage

    @property
    def inputs(self) -> list[Input]:
        """What was done to this lab from outside, in order."""
        return self.history.inputs

    @property
    def trace(self) -> Trace:
        """All that happened so far."""
        return self.history.trace

    @property
    def everything(self) -> Everything:
        """The same as the player: ``lab.everything``, or ``lab.everything.player(opens="queue")``."""
        return Everything(self.trace)

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
        box = self.world.boxes.get(self.stage.box_of(address) + (f"/{folder}" if folder else ""))
        return list(box) if box is not None else []

    def queue(self, host: str) -> list[bytes]:
        """The messages that wait at this host to be sent on."""
        box = self.world.boxes.get(f"queue {host}")
        return list(box) if box is not None else []

    def __repr__(self) -> str:
        served = ", served on 127.0.0.1" if self.history.sockets else ""
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
        notify: str | Sequence[str] | Mapping[str, str | Sequence[str]] = (),
        ret: str = "",
        envid: str = "",
        requiretls: bool = False,
        tls: str = "verify",
        read: bool = True,
    ) -> Mail:
        """Send a message, let everything happen that it sets off, and say what became of it.

        Its sender hands it to the submission server of his company, with his password.  With `client` (an IP address)
        it goes from there straight to the recipients' MX, as a forger does it; `helo` is the name given there.
        `from_` is what the From field says, if not the sender; `message` a whole message of your own.  With `read` the
        recipients fetch it when it comes, by IMAP and by POP3, and leave it as it is.

        `notify` asks to be told: "SUCCESS,FAILURE,DELAY" or "NEVER", for all or by recipient; `ret` is how much of the
        message comes back ("FULL" or "HDRS"), `envid` your name for it (RFC 3461).  `requiretls`: under TLS all the
        way, or not at all (RFC 8689).

        `tls` is how careful the sender's mail program is with its own server: "may" takes TLS where it is offered, and
        any certificate; "must" sends nothing without TLS; "verify" wants a certificate of that name too; "implicit"
        does that on port 465, where TLS is there from the first octet.
        """
        given = dict(
            subject=subject, text=text, from_=from_, headers=headers, attachments=tuple(attachments), message=message,
            client=client, helo=helo, notify=notify, ret=ret, envid=envid, requiretls=requiretls or None,
            tls=None if tls == "verify" else tls, read=read,
        )  # fmt: skip
        to = addresses_in(recipients)
        chosen = {name: value for name, value in given.items() if value not in (None, (), "")}
        return Mail(self.history, self.history.do("send", sender, to, **chosen))

    # -- typing

    def smtp(self, host: str = "smtp", *, client: str = STRANGER) -> Typed:
        """A call to type into: `host` is a host's name (port 25), "host:587", or a port's name like "submission"."""
        return self._call(*self.stage.place(host), client)

    def pop3(self, address: str, *, name: str = "", client: str | None = None) -> Typed:
        """A call to the POP3 server of one of the people, connected and not logged in; `name` as in `imap`."""
        return self._read_by("pop", 110, address, client, name)

    def imap(self, address: str, *, name: str = "", client: str | None = None) -> Typed:
        """A call to the IMAP server of one of the people, connected and not logged in.

        `name` is what its owner calls the device ("phone"): so it is called in the trace, its lane and the arena.
        """
        return self._read_by("imap", 143, address, client, name)

    def arena(self, address: str, *, folder: str = "") -> Arena:
        """Who has this mailbox open, side by side: everybody's own numbers, who was told what, and what is pending."""
        return Arena(self.history, self.stage.box_of(address) + (f"/{folder}" if folder else ""))

    def _read_by(self, kind: str, port: int, address: str, client: str | None, name: str) -> Typed:
        if address in PORTS:
            return self._call(*PORTS[address], client or STRANGER, name)
        company = self.stage.company(address)
        return self._call(f"{kind}.{company.domain}", port, client or company.addresses[address.lower()], name)

    def _call(self, host: str, port: int, client: str, name: str = "") -> Typed:
        return Typed(self, self.history.do("call", host, port, client, *([name] if name else [])))

    def replay(self, conversation: str) -> Typed:
        """A call that a program outside made, made again in a lab of its own: to go back in it, and to fork it.

        `conversation` is its name in the trace: "mx.beta.example:25/1".
        """
        history, line = replay(self.history, conversation)
        return Typed(self.beside(history), line)

    # -- hosts that go down

    def stop(self, host: str) -> None:
        """Switch a host off: nobody answers there until `start`, its calls are cut, and its queue does not move."""
        self.history.do("switch", self.stage.check_host(host), False)

    def start(self, host: str) -> None:
        """Switch a host on again: it tries at once what stands in its queue."""
        self.history.do("switch", self.stage.check_host(host), True)

    def restart(self, host: str) -> None:
        """The power fails, and comes back: calls are cut; what stands in the queue and the mailboxes is still there."""
        self.history.do("restart", self.stage.check_host(host))

    def configure(self, host: str, **settings: Any) -> None:
        """Set a host up otherwise, from now on: ``lab.configure("mx.beta.example", open_relay=True)``.

        The settings are those of `Lab(settings=)`: `mailedu.mta.Setup` has the mail server's (open_relay, backup_for,
        via, greylist, discloses, first_pause …), SmtpServer others (without, size, most_recipients …), ImapServer its
        own (broken="expunge-early", literals, login_disabled).
        """
        self.history.do("configure", self.stage.check_host(host), **settings)

    def forward(self, old: str, new: str, *, srs: bool = False) -> None:
        """From now on letters for `old`, one of the people, go on to `new`; `srs` rewrites their senders on the way."""
        company = self.stage.company(old)
        check_address(new)
        host = f"mx.{company.domain}"
        others = [one for one in self.stage.houses[host].setup.forwards if not one.startswith(f"{old.lower()} ")]
        self.configure(host, forwards=[*others, f"{old.lower()} -> {new}"], srs=srs)

    # -- mail under TLS, or not at all

    def mta_sts(self, domain: str, mode: str = "enforce", *, by: Sequence[str] = (), **given: Any) -> None:
        """Publish an MTA-STS policy (RFC 8461): its record, and the file on a web server of the company.

        From then on the other companies' servers, or those named in `by`, look for policies and keep to them.  `mx`,
        `max_age` and `id` are what the policy says; without them its MX records, a week, and a new id.  To see what
        goes wrong: `record` and `text` as you write them, `status` and `type` of the page, `certificate` of the server.
        """
        given = given | ({"by": tuple(by) if not isinstance(by, str) else by} if by else {})
        self.history.do("mta_sts", domain, mode, **secured.checked_given(given))

    def dane(self, host: str, *, usage: int = 3, selector: int = 1, matching: int = 1) -> None:
        """Publish a TLSA record of what a host shows now, and sign its company's DNS: DANE for SMTP (RFC 7672).

        `usage` 3 is the server's own certificate, 2 its authority's; `selector` 0 the whole of it, 1 its key;
        `matching` 0 as it is, 1 its SHA-256, 2 its SHA-512.  Others' servers know the key with which it is signed, and
        keep to the record.  Who then edits the zone and does not `sign` it anew has made it bogus.
        """
        self.history.do("dane", host, usage, selector, matching)

    def sign(self, domain: str, *, days: float = secured.LASTING) -> None:
        """Sign all that the DNS has of a company (RFC 4035), for so many days; others' servers know the key."""
        if not isinstance(days, int | float) or not 0 < days <= 366:
            raise LabError(f"Signatures last a number of days, more than 0 and at most 366, not {days!r}.")
        self.history.do("sign", domain, float(days))

    # -- what goes wrong

    @property
    def faults(self) -> Faults:
        """What goes wrong because somebody asked for it, by host, command and attempt (see lab/faults.py)."""
        return Faults(self.history)

    @property
    def attacker(self) -> Attacker:
        """Who sits on the wire and changes what passes, where somebody asked for it (see lab/attacker.py)."""
        return Attacker(self.history)

    def tap(self, conversation: str = "") -> Tap:
        """One call as the client, who listens on the way, and the server see it: the newest, if none is named.

        `conversation` is its name in the trace, "mx.beta.example:25/1"; without the number it is the newest to there.
        """
        return Tap(self, conversation)

    # -- lines that break

    def lose(self, command: str, what: str, *, host: str) -> None:
        """The next time this command is typed to this host, the line breaks, and its "request" or "reply" is lost."""
        if what not in ("request", "reply"):
            raise LabError('What is lost is "request" or "reply".')
        self.history.do("lose", self.stage.check_host(host), command.upper(), what)

    # -- the evaluators, on this lab's DNS

    def check_spf(self, *, ip: str, helo: str = "", mail_from: str = "") -> verdicts.SpfVerdict:
        """SPF for a client at `ip` that says `helo` and `mail_from`."""
        return verdicts.check_spf(ip=ip, helo=helo, mail_from=mail_from, dns=self.zone, now=self.clock.now)

    def compare_spf(self, edits: whatif.Edits, *, ip: str, helo: str = "", mail_from: str = "") -> whatif.SpfComparison:
        """SPF as it is and with an edit of the DNS, side by side, the first difference marked.  The lab stays as it is.

        `edits` is the text of a zone file, or {"alpha.example": {"TXT": "v=spf1 -all"}}.
        """
        question: dict[str, Any] = {"ip": ip, "helo": helo, "mail_from": mail_from, "now": self.clock.now}
        return whatif.compare_spf(self.zone, edits, **question)

    def edit_spf(self, *, ip: str, helo: str = "", mail_from: str = "") -> whatif.SpfEditor:
        """The same to type into: the records that the check asked for; `.run(text)` does what its button does."""
        return whatif.SpfEditor(self.zone, ip=ip, helo=helo, mail_from=mail_from, now=self.clock.now)

    def map_spf(self, addresses: str | Sequence[str] = NETWORKS, *, mail_from: str, helo: str = "") -> whatif.SpfMap:
        """What MAIL FROM gets from each of many addresses: those of all three companies, if none are named."""
        return whatif.map_spf(self.zone, addresses, mail_from=mail_from, helo=helo, now=self.clock.now)

    def verify_dkim(self, message: bytes | str) -> verdicts.DkimVerdict:
        """Every DKIM signature of a message."""
        return verdicts.verify_dkim(message, dns=self.zone, now=self.clock.now)

    def sign_dkim(
        self, message: bytes | str, domain: str = "alpha.example", *, selector: str = "lab", key: Any = None, **how: Any
    ) -> verdicts.Signed:
        """Sign a message as `domain`: with its key of this lab, or with one of yours; `how` is as in `sign_dkim`."""
        if key is None and domain not in self.stage.companies:
            raise LabError(f"The lab has no key of {domain!r}: give key=, or one of {', '.join(self.stage.companies)}.")
        key = private_key(domain) if key is None else key
        return verdicts.sign_dkim(message, domain, selector=selector, key=key, now=self.clock.now, **how)

    def evaluate_dmarc(
        self, message: bytes | str, *, ip: str, helo: str = "", mail_from: str = ""
    ) -> verdicts.DmarcVerdict:
        """DMARC for a message that came from `ip` with this HELO and MAIL FROM."""
        return verdicts.evaluate_dmarc(
            message, ip=ip, helo=helo, mail_from=mail_from, dns=self.zone, now=self.clock.now
        )

    def compare_dmarc(
        self, message: bytes | str, *, ip: str, helo: str = "", mail_from: str = "", lot: int = 0
    ) -> verdicts.DmarcComparison:
        """The same message by RFC 9989 and by RFC 7489: `.new`, `.old`, `.differences`."""
        question: dict[str, Any] = {"ip": ip, "helo": helo, "mail_from": mail_from, "lot": lot}
        return verdicts.compare_dmarc(message, dns=self.zone, now=self.clock.now, **question)

    def reports(self, address: str, known: Mapping[str, str] | None = None) -> Reports:
        """The aggregate reports that lie in a mailbox, read back: `.sources()`, `.days()`, `.figure()`.

        `known` is what the owner calls an address: {"192.0.2.25": "our own server"}.
        """
        from .reports import Reports

        return Reports.of(self.mailbox(address), known)

    # -- the same, one act a next()

    def step_spf(self, *, ip: str, helo: str = "", mail_from: str = "") -> Iterator[Step]:
        """SPF, one step a next(): each is written down and not yet performed."""
        return self._step(spf.check(ip, helo, mail_from, now=self.clock.unix()), "spf")

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
        if self.history.sockets:
            raise LabError("On real sockets nobody can be stopped between two steps: close() the net first.")
        return self.history.step_send(sender, addresses_in(recipients), given)

    # -- real sockets

    def serve(self, *, keep: int | None = None, octets: int | None = None) -> Net:
        """Open the servers to programs on this machine, on ephemeral ports of 127.0.0.1: `.ports`, `.close()`.

        Used in a `with` it closes itself.  `keep` and `octets` cap the trace: so many steps, so many octets in them.
        """
        if self.net is None or self.net.closed:
            from .serving import Net  # here, because it takes asyncio, aiosmtpd and threads

            self.net = Net(self.history, keep, octets)
        return self.net

    def close(self) -> None:
        """Close what `serve` opened; harmless otherwise, and twice."""
        if self.net:
            self.net.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
