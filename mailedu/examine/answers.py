"""Where the DNS's answers come from: a zone, a capsule, a name server; and the only thing here that asks outside.

All of them are called alike, ``dns(name, type)``, and give a list of strings, or raise NXDomain or DnsTimeout.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..acts import DnsTimeout, LabError, NXDomain
from ..names import canonical
from ..zone import Zone

Dns = Callable[[str, str], Sequence[str]]
SECONDS = 20.0  # all questions about one message together (RFC 7208 §4.6.4 wants no less for SPF)
A_QUESTION = 5.0  # seconds of it that one of them may take
PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|[0-9A-Fa-f:]+?))(?::(\d{1,5}))?")


class Nobody:
    """No DNS at all: whoever asks is told that nobody was asked."""

    def __call__(self, name: str, type: str) -> Sequence[str]:
        raise DnsTimeout("nobody was asked")


class Recorded:
    """The answers of a capsule: what is not among them is not known."""

    def __init__(self, answers: Mapping[tuple[str, str], tuple[str, Sequence[str]]]) -> None:
        self.answers = dict(answers)

    def __call__(self, name: str, type: str) -> Sequence[str]:
        status, records = self.answers.get((canonical(name), type), ("DnsTimeout", ()))
        if status == "NXDomain":
            raise NXDomain(name)
        if status:
            raise DnsTimeout(name)
        return records


class Changed:
    """Another DNS, with some records in the place of its own: what would be if they were published."""

    def __init__(self, dns: Dns, records: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.dns = dns
        self.records = {(canonical(name), type): tuple(values) for (name, type), values in records.items()}

    def __call__(self, name: str, type: str) -> Sequence[str]:
        found = self.records.get((canonical(name), type))
        return found if found is not None else self.dns(name, type)


class System:
    """The resolver of this machine, or the name server at `server`, by dnspython.

    All questions together may take `seconds`; after that each meets DnsTimeout at once.
    """

    def __init__(self, server: str = "", port: int = 53, *, seconds: float = SECONDS) -> None:
        import dns.resolver

        try:
            self.resolver = dns.resolver.Resolver(configure=not server)
        except dns.resolver.NoResolverConfiguration:
            raise LabError('This machine has no resolver configured: name one, as in dns="192.0.2.53".') from None
        if server:
            self.resolver.nameservers, self.resolver.port = [server], port
        self.left = seconds
        self.known: dict[tuple[str, str], tuple[str, ...] | Exception] = {}

    def __call__(self, name: str, type: str) -> Sequence[str]:
        key = canonical(name), type
        if key not in self.known:
            began = time.monotonic()
            self.known[key] = self.asked(name, type)
            self.left -= time.monotonic() - began
        found = self.known[key]
        if isinstance(found, Exception):
            raise found.__class__(*found.args)
        return found

    def asked(self, name: str, type: str) -> tuple[str, ...] | Exception:
        """One question over the network: its answer, or the trouble it met."""
        import dns.exception
        import dns.resolver

        if self.left <= 0:
            return DnsTimeout("the time for all questions is used up")
        limit = min(A_QUESTION, self.left)
        try:
            answer = self.resolver.resolve(f"{name.rstrip('.')}.", type, lifetime=limit, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return NXDomain(name)
        except dns.resolver.LifetimeTimeout:
            return DnsTimeout(f"no answer within {limit:.0f} s")
        except dns.resolver.NoNameservers:
            return DnsTimeout("the name servers could not answer")
        except dns.exception.DNSException as error:  # a name that cannot be asked about, an answer that cannot be read
            return DnsTimeout(str(error) or error.__class__.__name__)
        return tuple(as_text(record, type) for record in answer)


def as_text(record: Any, type: str) -> str:
    """A record as a zone file writes it; TXT with its strings joined, a character an octet."""
    if type in ("TXT", "SPF"):
        return b"".join(record.strings).decode("latin-1")
    return str(record.to_text())


def answers_of(dns: Any) -> Dns:
    """What to ask, from what was given as `dns`."""
    if dns is None:
        return Nobody()
    if isinstance(dns, str):
        return server_of(dns)
    if isinstance(dns, Zone) or callable(dns):
        return dns  # type: ignore[no-any-return]
    raise LabError('dns is "system", a name server ("127.0.0.1:5353"), a Zone, or any callable(name, type).')


def server_of(text: str) -> System:
    if text == "system":
        return System()
    found = PORT.fullmatch(text)
    if not found or not 0 < int(found[3] or 53) < 65_536:
        raise LabError(f'dns={text!r} is no name server: write "system", "192.0.2.53" or "127.0.0.1:5353".')
    return System(found[1] or found[2], int(found[3] or 53))
