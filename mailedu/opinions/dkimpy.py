"""What dkimpy says of a signature.  It has a yes, a no, and exceptions; here they get the words of RFC 8601 §2.7.1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any

from ..acts import DnsTimeout, NXDomain

Dns = Callable[[str, str], Sequence[str]]

NO_OPINION = "no opinion"  # Ed25519, where PyNaCl is not installed


def verify(message: bytes, dns: Dns, index: int = 0, now: int | None = None) -> str:
    """``pass``, ``fail`` or ``permerror`` for the signature number `index`, from 0; ``none`` if there is none.

    `now` (seconds since 1970) is the time by which dkimpy judges t= and x=; without it, the machine's own.
    """
    import dkim

    try:
        judge = dkim.DKIM(message) if now is None else at_time(now)(message)
        if sum(name.lower() == b"dkim-signature" for name, _ in judge.headers) <= index:
            return "none"
        return "pass" if judge.verify(index, dnsfunc=asking(dns)) else "fail"
    except dkim.NaClNotFoundError:
        return NO_OPINION
    except (dkim.DKIMException, ValueError, LookupError, TypeError, AttributeError):  # the latter: input it cannot take
        return "permerror"


def asking(dns: Dns) -> Callable[..., bytes | None]:
    """Our DNS, as dkimpy asks it: the first record's octets, or None."""
    import dkim

    def txt(name: bytes, timeout: int = 5) -> bytes | None:
        try:
            records = dns(name.decode("utf-8").removesuffix("."), "TXT")
        except NXDomain:
            return None
        except DnsTimeout as late:
            raise dkim.DnsTimeoutError(str(late)) from late
        return records[0].encode("latin-1") if records else None

    return txt


def at_time(now: int) -> Any:
    """dkimpy's class with another clock: copies of the two functions that look at one, so nothing of it is patched."""
    import dkim

    validate = with_globals(dkim.validate_signature_fields, time=SimpleNamespace(time=lambda: now))
    prepare = with_globals(dkim.DKIM.verify_headerprep, validate_signature_fields=validate)
    return type("DKIM", (dkim.DKIM,), {"verify_headerprep": prepare})


def with_globals(function: Any, **others: Any) -> FunctionType:
    """The same function, which sees other things under these names."""
    copy = FunctionType(
        function.__code__,
        {**function.__globals__, **others},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
