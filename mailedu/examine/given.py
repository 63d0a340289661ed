"""What SPF needs to know and no message says for certain: who called, what he called himself, the envelope's sender.

What is not given is read from the fields of those who can be believed, and each such guess is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address

from ..acts import LabError
from ..auth import results
from ..message import Message, addresses
from .hops import Hop, border, hops_of, house
from .letter import Letter

CLIENT = re.compile(r"client-ip=\"?([0-9A-Fa-f:.]+)", re.IGNORECASE)
FROM = re.compile(r"envelope-from=\"?<?([^\s\";>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Given:
    """`ip`, `helo`: "" where nobody knows.  `sender`: "" is the null sender of a bounce, None that nobody knows."""

    ip: str
    helo: str
    sender: str | None
    now: int  # seconds since 1970: when it was received
    hops: tuple[Hop, ...] = ()
    border: int | None = None  # the hop that came from outside
    assumed: dict[str, tuple[str, str]] = field(default_factory=dict)  # what -> (its value, where that is from)
    claims: tuple[results.Results, ...] = ()  # what the receiver wrote of it when it came
    trust_hops: int | None = None  # as it was given
    authserv_id: str = ""

    @property
    def receiver(self) -> str:
        """The server that took it from outside."""
        return self.hops[self.border].by if self.border is not None else ""


def given_of(
    letter: Letter,
    *,
    ip: str = "",
    helo: str = "",
    mail_from: str | None = None,
    when: datetime | int | None = None,
    trust_hops: int | None = None,
    authserv_id: str = "",
) -> Given:
    """What was given, and for the rest what the message tells; LabError where what was given is none."""
    check(ip, trust_hops)
    message = Message(letter.data)
    hops = tuple(hops_of(message))
    called = spf_field(message, CLIENT)
    at = border(hops, trust_hops, called)
    known = Given(ip, helo, mail_from, 0, hops, at, trust_hops=trust_hops, authserv_id=authserv_id)
    known = with_client(known, called)
    known = with_sender(known, message, letter.sender)
    known = with_date(known, when, message)
    return replace(known, claims=tuple(claims_of(message, authserv_id or known.receiver)))


def check(ip: str, trust_hops: int | None) -> None:
    if ip:
        try:
            ip_address(ip)
        except ValueError:
            raise LabError(f"{ip!r} is no IP address: write one like 192.0.2.1 or 2001:db8::1.") from None
    if trust_hops is not None and (not isinstance(trust_hops, int) or trust_hops < 1):
        raise LabError("trust_hops says how many of the topmost Received fields are by your own servers: 1 or more.")


def with_client(known: Given, called: str) -> Given:
    """Who called, and what he said his name was: as the hop at the border has it."""
    assumed = dict(known.assumed)
    hop = known.hops[known.border] if known.border is not None else Hop("")
    where = f"the Received field of {hop.by}"
    ip, helo = known.ip, known.helo
    if not ip and (hop.ip or called):
        ip = hop.ip or called
        assumed["ip"] = (ip, where if hop.ip else "the Received-SPF field")
    if not helo and hop.helo and ip == hop.ip:
        helo = hop.helo
        assumed["helo"] = (helo, where)
    return replace(known, ip=ip, helo=helo, assumed=assumed)


def with_sender(known: Given, message: Message, in_mailbox: str) -> Given:
    """MAIL FROM: Return-Path has it, which the last server writes (RFC 5321 §4.4)."""
    if known.sender is not None:
        return known
    for found, where in senders(known, message, in_mailbox):
        if found is not None:
            return replace(known, sender=found, assumed=known.assumed | {"mail_from": (f"<{found}>", where)})
    return known


def senders(known: Given, message: Message, in_mailbox: str) -> Sequence[tuple[str | None, str]]:
    """Who may have sent it, the best witness first; None where that one does not say."""
    path = message.first("Return-Path")
    in_path: str | None = None
    if path:
        in_path = next(iter(addresses(path)), "" if b"<>" in path.value else None)
    hop = known.hops[known.border] if known.border is not None else Hop("")
    return (
        (in_path, "the Return-Path field"),
        (spf_field(message, FROM) or None, "the Received-SPF field"),
        (hop.sender or None, f"the Received field of {hop.by}"),
        (in_mailbox or None, 'the mailbox file\'s "From " line'),
    )


def spf_field(message: Message, wanted: re.Pattern[str]) -> str:
    """What the topmost Received-SPF field says of the call (RFC 7208 §9.1), "" if there is none."""
    field = message.first("Received-SPF")
    found = wanted.search(field.text) if field else None
    return found[1] if found else ""


def with_date(known: Given, when: datetime | int | None, message: Message) -> Given:
    """When it was received: a signature may have expired since."""
    if when is not None:
        return replace(known, now=int(when.timestamp()) if isinstance(when, datetime) else int(when))
    hop = known.hops[known.border] if known.border is not None else next(iter(known.hops), Hop(""))
    if hop.when:
        found, where = hop.when, f"the Received field of {hop.by or 'its server'}"
    else:
        found, where = datetime.now(UTC), "today: no Received field has a date"
    text = found.strftime("%Y-%m-%d %H:%M:%S UTC")
    return replace(known, now=int(found.timestamp()), assumed=known.assumed | {"date": (text, where)})


def claims_of(message: Message, host: str) -> list[results.Results]:
    """What the receiver itself found, where it said so (RFC 8601 §5: everybody else's word counts for nothing)."""
    if not host:
        return []
    found = results.trusted(message, [host])
    if found:
        return found
    top = message.first("Authentication-Results")
    known = results.readable(top) if top else None
    return [known] if known and same_house(known.host, host) else []


def same_house(one: str, other: str) -> bool:
    return house(one) == house(other)
