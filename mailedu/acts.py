"""What machines, scripts and evaluators say they do, and the troubles that can meet them.

Everything in mailedu that acts is a generator of the acts below: it yields an act, and a driver (``net/``) performs
it and writes it down.  A *statement* needs no answer.  A *question* is answered by ``send``, or by ``throw`` when the
answer is a `Trouble`; only a question can make its generator wait.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


class Act:
    """The base of all acts.  Nobody changes an act once it is made: a test reads the sources for that."""

    __slots__ = ()
    nests: ClassVar[int] = 0  # +1: the acts that follow stand under this one; -1: no longer


Acts = Generator[Act, Any, T]  # what a machine, a script or an evaluator is; T is what it returns

# -- statements --------------------------------------------------------------------------------------------------------
# Not frozen: freezing a dataclass costs as much as recording it.


@dataclass(slots=True)
class Say(Act):
    """Put bytes on the wire."""

    data: bytes


@dataclass(slots=True)
class Hear(Act):
    """One framed piece was read from the wire: a line, a whole reply, a block of data, a literal and its line."""

    data: bytes


@dataclass(slots=True)
class Enter(Act):
    """Move to another state of the protocol's table."""

    state: str


@dataclass(slots=True)
class Rule(Act):
    """A rule was applied, with this outcome.  `name` is a key of the rulebooks (`mailedu.rules`)."""

    name: str
    outcome: str = ""
    because: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Open(Act):
    """A nested piece of work begins …"""

    nests: ClassVar[int] = +1
    title: str


@dataclass(slots=True)
class Close(Act):
    """… and ends with this verdict."""

    nests: ClassVar[int] = -1
    verdict: str


@dataclass(slots=True)
class Store(Act):
    """A box (somebody's mailbox, a host's queue) gets a message.  Answered by its receipt: the changes it made."""

    box: str
    message: bytes
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Remove(Act):
    """A box loses messages.  Answered by its receipt."""

    box: str
    uids: tuple[int, ...]


@dataclass(slots=True)
class Flag(Act):
    """Messages of a box have their flags set (``""``), added to (``"+"``) or taken away (``"-"``).  Has a receipt."""

    box: str
    uids: tuple[int, ...]
    how: str
    flags: tuple[str, ...]


@dataclass(slots=True)
class Watch(Act):
    """From now on this session is rung when that box changes; ``""`` ends it."""

    box: str


@dataclass(slots=True)
class Hangup(Act):
    """End the call that `Connect` began."""

    nests: ClassVar[int] = -1


# -- questions: the answer is sent back into the generator, or thrown if it is a Trouble -------------------------------


@dataclass(slots=True)
class Ask(Act):
    """Ask the DNS.  Answered by a tuple of strings, empty for a name without such records; or NXDomain, DnsTimeout."""

    name: str
    type: str


class News(enum.Enum):
    """What a `Listen` answers when the watched box has changed: a bell, not a letter.  The box knows the rest."""

    NEWS = "news"


NEWS = News.NEWS


@dataclass(slots=True)
class Listen(Act):
    """Wait for bytes: answered by bytes, by b"" at the end, or by NEWS.  Leaves no step: its cuts are the network's."""

    seconds: float = 300.0  # after so long: Quiet
    news: bool = False  # take news too (IMAP's IDLE); who does not ask for news is not told


@dataclass(slots=True)
class Connect(Act):
    """Call a host.  Answered when the call is taken, or Unreachable."""

    nests: ClassVar[int] = +1
    host: str
    port: int


@dataclass(slots=True)
class Fetch(Act):
    """Get what is at a web address by HTTPS.  Answered by a `Page`; or Unreachable, TlsFailed, or what an Ask meets."""

    url: str


@dataclass(slots=True)
class Upgrade(Act):
    """Put TLS under the conversation and forget what was read before it.  TlsFailed, when the handshake does."""

    server_name: str = ""  # the client says whom it expects
    trust: str = "name"  # … and what it believes: "name" its certificate by a known authority, "chain", "any"
    tlsa: tuple[str, ...] = ()  # TLSA records that the certificate must match, whatever it believes else (DANE)
    names: tuple[str, ...] = ()  # … for one of these names, if a record is of an authority


@dataclass(slots=True)
class Wait(Act):
    """Let the lab's clock go on."""

    seconds: float


# -- written by the driver itself --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answer(Act):
    """What the DNS said to an `Ask`."""

    name: str
    type: str
    status: str  # "", "NXDomain", "DnsTimeout"
    records: tuple[str, ...]


@dataclass(slots=True)
class Page(Act):
    """What a web server gave for a `Fetch`; or how that ended."""

    url: str
    status: int  # 200, 404, …; 0: there was no answer
    type: str  # "text/plain"; where there was no answer, why
    body: bytes


@dataclass(slots=True)
class Accept(Act):
    """A server takes a call; all it does in that call stands under this."""

    client: str  # the address the call comes from: half of SPF, and what a replay must know
    name: str = ""  # what its owner calls the device, where one is told: "phone"


@dataclass(slots=True)
class Cipher(Act):
    """What a tap sees of a step under TLS.  Its octets are random, so two are equal when the same side sent them."""

    sender: str  # "client" or "server"
    data: bytes = field(compare=False)


ACTS: dict[str, type[Act]] = {kind.__name__: kind for kind in Act.__subclasses__()}

# -- troubles ----------------------------------------------------------------------------------------------------------


class Trouble(Exception):
    """The world or the peer is at fault, not the program: thrown into a generator, or raised by it."""


class NXDomain(Trouble):
    """There is no such name."""


class DnsTimeout(Trouble):
    """The DNS did not answer, or answered that it could not."""


class Quiet(Trouble):
    """Nobody spoke for the time we were ready to listen."""


class Hungup(Trouble):
    """The other side is gone."""


class Unreachable(Trouble):
    """Nobody listens there."""


class TlsFailed(Trouble):
    """The handshake ended in an alert."""


class TooLong(Trouble):
    """A line or a block went on beyond its limit; the rest of it was read and dropped.  `start` is how it began."""

    def __init__(self, start: bytes, limit: int) -> None:
        super().__init__(f"longer than {limit} octets")
        self.start, self.limit = start, limit


class Refused(Trouble):
    """Somebody says no.  ``str()`` is what the peer reads; `rule` says why, with what it saw in `because`."""

    def __init__(self, rule: str, text: str, **because: str) -> None:
        super().__init__(text)
        self.rule, self.because = rule, because


class LabError(Exception):
    """The notebook's user asked for something that cannot be done; one sentence says what to type instead."""


# -- nesting -----------------------------------------------------------------------------------------------------------


def nested(title: str, acts: Acts[T], verdict: Callable[[T], str] = str) -> Acts[T]:
    """Open, the acts, Close: also when they end in trouble.  The only way to nest, so that nothing stays open."""
    yield Open(title)
    try:
        value = yield from acts
    except Trouble as trouble:
        yield Close(str(trouble) or type(trouble).__name__)
        raise
    yield Close(verdict(value))
    return value


def call(host: str, port: int, acts: Acts[T]) -> Acts[T]:
    """Connect, the acts, Hangup: also when they end in trouble.  (Not `finally`: a dropped generator may not yield.)"""
    try:
        yield Connect(host, port)
        value = yield from acts
    except Trouble:
        yield Hangup()
        raise
    yield Hangup()
    return value


def answer(value: T) -> Acts[T]:
    """A generator that does nothing and returns `value`: what a handler without acts of its own is."""
    return value
    yield
