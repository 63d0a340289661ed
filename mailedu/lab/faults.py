"""What goes wrong because somebody asked for it: by host, command and attempt; by address; and in the DNS.

    lab.faults.error("mx.beta.example", "RCPT", "450 4.2.1 not now", attempts=2)      twice, and then no more
    lab.faults.disconnect("mx.beta.example", ".", after=True)                         taken, and its 250 lost
    lab.faults.silence("mx.beta.example", "EHLO")                                     the client waits, and gives up
    lab.faults.delay("mx.beta.example", "greeting", 60)
    lab.faults.throttle("mx.beta.example", 100)                                       so many octets a second
    lab.faults.dns("beta.example", "MX", "servfail")
    lab.faults                                                                        lists what is on

At beta.example an address says by itself what goes wrong for who writes to it, every time, or as often as it says::

    450@            this reply to RCPT; so 421@ 552@ 554@ and all others that begin with 4 or 5
    timeout@        no reply to RCPT, ever
    disconnect@     the line is cut instead
    delay-90@       the reply comes after 90 seconds
    greylist@       who writes for the first time comes again after five minutes (RFC 6647)

    452-at-data@    … to DATA, instead of 354
    552-after-data@ … to the end of the message, instead of taking it
    timeout-after-data@  disconnect-after-data@  delay-700-after-data@
                    the message is taken, and the client does not hear of it (in time)
    timeout-in-data@  disconnect-in-data@
                    the message is on its way, and not taken

    450-once@  disconnect-after-data-twice@  421-at-data-3-times@
                    so many times, and then all is well

What of all this comes true is told in the trace by a rule, "a fault that somebody asked for".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..acts import Acts, Ask, DnsTimeout, Hear, Hungup, LabError, Listen, Refused, Rule, Say, Trouble, Wait
from ..net.drive import Machine, Part, World
from ..trace import Step
from ..zone import Zone

if TYPE_CHECKING:
    from .history import History

FAULTY = "beta.example"  # the domain whose addresses say what goes wrong
GREETING, END_OF_DATA = "greeting", "."
DAY = 86_400.0

REPLIES = {
    "421": "421 4.3.2 this host is closing down",
    "450": "450 4.2.1 this mailbox is busy",
    "451": "451 4.3.0 something went wrong here",
    "452": "452 4.2.2 this mailbox is full for the moment",
    "550": "550 5.1.1 there is no such mailbox",
    "551": "551 5.1.6 this user has moved",
    "552": "552 5.2.2 this mailbox is full",
    "553": "553 5.1.3 this is no address",
    "554": "554 5.7.1 we do not want this",
}

DNS = {  # what a resolver is left without -> how the lab's DNS says so
    "timeout": "no server answers",
    "servfail": "SERVFAIL, the server could not find out",
    "lame": "a lame delegation: the servers named for the zone do not know it",
    "truncated": "the answer is too long for a datagram, and TCP does not get through",
}


class Fault(NamedTuple):
    """One thing that goes wrong: where, when, how, and how often."""

    host: str  # "mx.beta.example", or "mx.beta.example:25"
    command: str  # "RCPT"; "greeting"; "." is the end of a message
    kind: str  # "error", "delay", "disconnect", "silence"
    reply: str = ""  # of an error
    seconds: float = 0.0  # of a delay
    after: bool = False  # the command was carried out, and the reply is what goes wrong
    attempts: tuple[int, ...] = ()  # the first time is 1; none: every time
    recipient: str = ""  # only where this address is concerned

    def fits(self, host: str, port: int, command: str, recipients: Sequence[str], done: bool) -> bool:
        """Whether this is where it goes wrong."""
        here = self.command == command and self.after == done and self.host in (host, f"{host}:{port}")
        return here and (not self.recipient or self.recipient in map(str.lower, recipients))

    def __str__(self) -> str:
        what = {
            "error": self.reply,
            "delay": f"{self.seconds:g} seconds late",
            "disconnect": "the line is cut",
            "silence": "no reply",
        }[self.kind]
        command = {GREETING: "the greeting", END_OF_DATA: "the end of a message"}.get(self.command, self.command)
        whom = f" for {self.recipient}" if self.recipient else ""
        when = "after" if self.after else "at"
        times = f" (attempt {', '.join(map(str, self.attempts))})" if self.attempts else ""
        return f"{self.host}, {when} {command}{whom}: {what}{times}"


class Cut(Trouble):
    """The line is cut in the middle of a session: nobody in it may do anything about it."""


# -- by address --------------------------------------------------------------------------------------------------------

ADDRESS = re.compile(
    r"(?P<what>[45][0-5]\d|timeout|disconnect|delay-(?P<seconds>\d{1,5})|greylist)"
    r"(?P<where>-at-data|-in-data|-after-data)?"
    r"(?:-(?P<often>once|twice|(?P<count>[1-9]\d?)-times))?"
)
GREYLIST = f"greylist@{FAULTY}"


@lru_cache(maxsize=4096)
def by_address(address: str) -> Fault | None:
    """The fault that an address names; None for one that names none (greylisting is no fault: `House.shy`)."""
    local, _, domain = address.lower().rpartition("@")
    found = ADDRESS.fullmatch(local) if domain == FAULTY else None
    if not found or found["what"] == "greylist":
        return None
    count = {"once": 1, "twice": 2}.get(found["often"] or "", int(found["count"] or 0))
    where = (found["where"] or "").removeprefix("-")
    kind = {"timeout": "silence", "disconnect": "disconnect"}.get(found["what"], "error")
    kind = "delay" if found["seconds"] else kind
    return Fault(
        f"mx.{FAULTY}:25",
        {"": "RCPT", "at-data": "DATA"}.get(where, END_OF_DATA),
        kind,
        reply_of(found["what"]) if kind == "error" else "",
        float(found["seconds"] or 0),
        where == "after-data" and kind != "error",
        tuple(range(1, count + 1)),
        address.lower(),
    )


def reply_of(code: str) -> str:
    return REPLIES.get(code, f"{code} {code[0]}.0.0 as this address says")


class Addresses(Collection[str]):
    """Who has a mailbox: these people, and at beta.example every address that says what goes wrong."""

    def __init__(self, people: Collection[str]) -> None:
        self.people = people

    def __contains__(self, address: object) -> bool:
        return address in self.people or address == GREYLIST or (isinstance(address, str) and bool(by_address(address)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.people)

    def __len__(self) -> int:
        return len(self.people)


# -- what comes true ---------------------------------------------------------------------------------------------------


class Mischief:
    """All that goes wrong in one world, and how often it has."""

    def __init__(self, world: World, zone: Zone) -> None:
        self.world, self.zone = world, zone
        self.faults: list[Fault] = []
        self.rates: dict[str, float] = {}  # host -> octets a second
        self.counts: Counter[Fault] = Counter()

    def interfere(
        self, host: str, port: int, command: str, recipients: Sequence[str] = (), done: bool = False
    ) -> Acts[None]:
        """Asked before and after each command of every server."""
        faults = self.faults
        if recipients and host == f"mx.{FAULTY}":
            faults = [*faults, *filter(None, map(by_address, recipients))]
        for fault in faults:
            if fault.fits(host, port, command, recipients, done):
                self.counts[fault] += 1
                if not fault.attempts or self.counts[fault] in fault.attempts:
                    yield from come_true(fault)

    def listening(self, host: str, port: int, machine: Any) -> Any:
        """A session's machine, with all that may go wrong in it."""
        machine.interfere = lambda command, recipients, done: self.interfere(host, port, command, recipients, done)
        rate = self.rates.get(host, 0.0)
        return Slow(machine, host, rate) if rate else machine

    def ask(self, part: Part, step: Step) -> object:
        """A question to the DNS; where it meets a fault that was asked for, the trace says so."""
        answer = self.world.ask(part, step)
        if isinstance(answer, Trouble) and isinstance(step.act, Ask):
            faults = self.zone.faults().values()
            if any((type(fault), fault.args) == (type(answer), answer.args) for fault in faults):
                because = {"name": step.act.name, "type": step.act.type, "what": str(answer) or "no answer"}
                rule = Rule("lab.dns-fault", type(answer).__name__, because)
                self.world.trace.record("dns", part.conversation, step.number, rule)
        return answer


def come_true(fault: Fault) -> Acts[None]:
    """It happens: in the middle of a server's session."""
    because = {"what": str(fault)}
    if fault.kind == "error":
        raise Refused("lab.fault", fault.reply, what=str(fault))
    yield Rule("lab.fault", fault.kind, because)
    if fault.kind == "delay":
        yield Wait(fault.seconds)
    elif fault.kind == "disconnect":
        raise Cut("the line is cut")
    else:
        while (yield Listen(DAY)):  # whatever the client says: until it hangs up
            pass
        raise Hungup


class Slow:
    """A machine behind a thin line: so many octets a second, in both directions."""

    def __init__(self, machine: Machine, host: str, rate: float) -> None:
        self.machine, self.host, self.rate = machine, host, rate

    def __getattr__(self, name: str) -> Any:
        return getattr(self.machine, name)

    @property
    def state(self) -> str:
        return self.machine.state

    def session(self) -> Acts[None]:
        yield Rule("lab.fault", "throttle", {"what": f"{self.host}: {self.rate:g} octets a second"})
        yield from slowly(self.machine.session(), self.rate)


MOST_PIECES = 50  # of one Say: however thin the line, time passes in few steps


def slowly(acts: Acts[None], rate: float) -> Acts[None]:
    """The same acts; what is said goes out in pieces, and what is heard has taken its time."""
    answer: Any = None
    try:
        while True:
            try:
                act = acts.throw(answer) if isinstance(answer, Trouble) else acts.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(act, Say):
                size = max(int(rate), -(-len(act.data) // MOST_PIECES), 1)
                for start in range(0, len(act.data), size):
                    piece = act.data[start : start + size]
                    yield Wait(len(piece) / rate)
                    yield Say(piece)
                continue
            try:
                answer = yield act
            except Trouble as trouble:
                answer = trouble
            if isinstance(act, Hear):
                yield Wait(len(act.data) / rate)
    finally:
        acts.close()


# -- what a notebook types ---------------------------------------------------------------------------------------------


class Faults:
    """`lab.faults`: what goes wrong, by host, command and attempt.

    All of it is an input of the lab, so back() and fork() do it again.  `command` is one of the host's protocol, or
    "greeting", or "." for the end of a message (SMTP).  `attempts` is how many times from now on (2), or which
    ([1, 3]); without it, every time.  `recipient`: only where this address is concerned.
    """

    def __init__(self, history: History) -> None:
        self.history = history

    def error(
        self,
        host: str,
        command: str,
        reply: str = "",
        *,
        attempts: int | Iterable[int] | None = None,
        recipient: str = "",
    ) -> None:
        """The command is not carried out, and this is the reply: "450 4.2.1 not now", "-ERR …", "NO …"."""
        self._add(host, command, "error", attempts, reply=checked_reply(host, reply), recipient=recipient.lower())

    def delay(
        self,
        host: str,
        command: str,
        seconds: float,
        *,
        after: bool = False,
        attempts: int | Iterable[int] | None = None,
        recipient: str = "",
    ) -> None:
        """So many seconds pass before it is carried out; or `after` that, before the reply."""
        if not 0 < seconds <= 30 * DAY:
            raise LabError(f"A delay is a number of seconds, more than 0, not {seconds!r}.")
        more = {"seconds": float(seconds), "after": after, "recipient": recipient.lower()}
        self._add(host, command, "delay", attempts, **more)

    def disconnect(
        self,
        host: str,
        command: str,
        *,
        after: bool = False,
        attempts: int | Iterable[int] | None = None,
        recipient: str = "",
    ) -> None:
        """The line is cut before it is carried out; or `after` that: it is done, and its reply is lost."""
        self._add(host, command, "disconnect", attempts, after=after, recipient=recipient.lower())

    def silence(
        self,
        host: str,
        command: str,
        *,
        after: bool = False,
        attempts: int | Iterable[int] | None = None,
        recipient: str = "",
    ) -> None:
        """The server says nothing more, until the client has lost its patience."""
        self._add(host, command, "silence", attempts, after=after, recipient=recipient.lower())

    def throttle(self, host: str, octets: float) -> None:
        """Calls to this host that begin from now on carry so many octets a second; 0: as many as come."""
        if not 0 <= octets < float("inf"):
            raise LabError(f"Say how many octets a second, not {octets!r}.")
        self.history.do("throttle", self.history.stage.check_host(host), float(octets))

    def dns(self, name: str, type: str = "ANY", how: str = "timeout") -> None:
        """Questions about this name are not answered: "timeout", "servfail", "lame" or "truncated".

        The same as `lab.zone.fault`; `lab.zone.mend(name, type)` or `clear()` ends it.
        """
        if how not in DNS:
            raise LabError(f"A question to the DNS can meet {', '.join(DNS)}, not {how!r}.")
        self.history.zone.fault(name, type, DnsTimeout(DNS[how]))

    def clear(self, host: str = "") -> None:
        """Nothing goes wrong any more, at this host; without one, nowhere, and in the DNS neither."""
        self.history.do("clear_faults", self.history.stage.check_host(host) if host else "")
        if not host:
            for name, type in self.history.zone.faults():
                self.history.zone.mend(name, type)

    def _add(self, host: str, command: str, kind: str, attempts: int | Iterable[int] | None, **more: Any) -> None:
        place = self.history.stage.check_place(host)
        chosen = {name: value for name, value in more.items() if value}
        self.history.do("fault", place, checked_command(host, command), kind, tuple(numbers(attempts)), **chosen)

    def __iter__(self) -> Iterator[str]:
        mischief = self.history.mischief
        yield from map(str, mischief.faults)
        yield from (f"{host}: {rate:g} octets a second" for host, rate in mischief.rates.items())
        for (name, type), trouble in self.history.zone.faults().items():
            yield f"the DNS, {name} {type}: {str(trouble) or trouble.__class__.__name__}"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        return "\n".join(self) or "nothing goes wrong but what is wrong"


def numbers(attempts: int | Iterable[int] | None) -> list[int]:
    """2 -> [1, 2]; [3] -> [3]; None, which is every time -> []."""
    chosen = [] if attempts is None else range(1, attempts + 1) if isinstance(attempts, int) else list(attempts)
    found = [one for one in chosen if isinstance(one, int) and not isinstance(one, bool) and one > 0]
    if len(found) != len(chosen) or (attempts is not None and not found):
        raise LabError(f"attempts is how many (2), or which ([1, 3]), not {attempts!r}.")
    return found


def checked_command(host: str, command: str) -> str:
    """A command of the host's protocol; LabError says which there are."""
    from .shown import TABLES

    protocol = protocol_of(host)
    known = {*TABLES[protocol].commands, *((GREETING, END_OF_DATA) if protocol == "smtp" else ())}
    found = command.lower() if command.lower() == GREETING else command.upper()
    if found not in known:
        raise LabError(f"{host} knows no command {command!r}: there are {', '.join(sorted(known))}.")
    return found


def checked_reply(host: str, reply: str) -> str:
    """A reply that says no, as the host's protocol writes it."""
    protocol = protocol_of(host)
    usual = {"smtp": REPLIES["450"], "pop3": "not now", "imap": "NO not now"}[protocol]
    reply = reply or usual
    if not reply.isprintable() or not reply.isascii() or len(reply) > 400:
        raise LabError(f"A reply is one line of printable text, not {reply!r}.")
    if protocol == "smtp" and not re.match(r"[45][0-5]\d(?: |$)", reply):
        raise LabError(f"A reply that says no begins with 4 or 5, as in {usual!r}: {reply!r} does not.")
    if protocol == "imap" and not re.match(r"(?:NO|BAD) \S", reply):
        raise LabError(f"A reply that says no begins with NO or BAD, as in {usual!r}: {reply!r} does not.")
    return reply.removeprefix("-ERR ") if protocol == "pop3" else reply


def protocol_of(host: str) -> str:
    return {"pop": "pop3", "imap": "imap"}.get(host.partition(".")[0], "smtp")
