"""pyspf's opinion about a mail, from the same answers of the DNS that our own check gets."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..acts import DnsTimeout, NXDomain

Dns = Callable[[str, str], Sequence[str]]


def check(ip: str, helo: str, mail_from: str, dns: Dns) -> str:
    """pass, fail, softfail, neutral, none, temperror or permerror: what it says of MAIL FROM."""
    return explain(ip, helo, mail_from, dns)[0]


def explain(ip: str, helo: str, mail_from: str, dns: Dns) -> tuple[str, str]:
    """The same, and the explanation of a fail."""
    query = query_on(dns)(i=ip, s=mail_from, h=helo)
    query.set_default_explanation("")
    result, _, explanation = query.check()
    return result, explanation if result == "fail" else ""


def query_on(dns: Dns) -> Any:
    """pyspf's query class, asking `dns`.

    pyspf looks things up by a function of its module.  To put another one there would be seen by every thread, so the
    one method that calls it is given globals of its own, in a class of its own.
    """
    import spf

    def look(name: str, type: str, *_: object) -> Iterator[tuple[tuple[str, str], object]]:
        try:
            answers = dns(name, type)
        except NXDomain:
            return
        except DnsTimeout as trouble:
            raise spf.TempError(f"DNS {trouble}") from None
        for answer in answers:
            yield (name, type), told(type, answer)

    ask = spf.query.dns
    ask = types.FunctionType(ask.__code__, vars(spf) | {"DNSLookup": look}, "dns", ask.__defaults__, ask.__closure__)
    return type("Query", (spf.query,), {"dns": ask})


def told(type: str, answer: str) -> object:
    """A record as pyspf's own resolver gives it."""
    if type in ("TXT", "SPF"):
        return (answer.encode("latin-1"),)
    if type == "MX":
        preference, _, exchange = answer.partition(" ")
        return int(preference), exchange.removesuffix(".")
    return answer.removesuffix(".")
