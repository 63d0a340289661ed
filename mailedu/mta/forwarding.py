"""Forwarding: letters for a mailbox of ours go on to another address (RFC 5321 §3.9.1), perhaps with another sender.

A forwarder that leaves MAIL FROM as it is makes SPF fail at the next server, for it is no host of the sender's (RFC
7208 §10.3).  One that says an address of its own passes, and has to send reports on to the sender (RFC 7208, Appendix
D.2).  Such an address is made here by the Sender Rewriting Scheme, which many mail servers know and no RFC describes:

    SRS0=HHHH=TT=alpha.example=alice@gamma.example

TT is the day, HHHH a keyed hash over the rest: without it anybody could have anything sent on by us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import replace

from ..acts import Acts, Refused, Rule, Store
from ..smtp.envelope import Envelope
from .entry import entry_of
from .house import House, domain_of

ARROW = " -> "  # in a house's setup: "carol@gamma.example -> bob@beta.example"
REWRITTEN = re.compile(r"srs0[=+-]([a-z0-9+/]{4})=([a-z2-7]{2})=([^=@]+)=([^@]+)@[^@]+", re.IGNORECASE)
DAYS = 1_024  # after so many the two letters of the day begin again
VALID = 21  # days: longer than any queue tries
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648 §6


# -- the address -------------------------------------------------------------------------------------------------------


def rewritten(sender: str, domain: str, day: int, secret: bytes) -> str:
    """``alice@alpha.example`` -> ``SRS0=Xk3f=7Q=alpha.example=alice@gamma.example``."""
    local, _, host = sender.rpartition("@")
    rest = f"{stamp(day)}={host}={local}"
    return f"SRS0={mark(rest, secret)}={rest}@{domain}"


def original(address: str, day: int, secret: bytes) -> str:
    """The other way round; "" for an address that was not made with this secret, or too long ago."""
    found = REWRITTEN.fullmatch(address)
    if found is None:
        return ""
    hash, then, host, local = found.groups()
    expected = mark(f"{then}={host}={local}", secret)
    age = (day - number(then)) % DAYS
    return f"{local}@{host}" if hmac.compare_digest(hash.lower(), expected.lower()) and age <= VALID else ""


def is_rewritten(address: str) -> bool:
    return REWRITTEN.fullmatch(address) is not None


def stamp(day: int) -> str:
    """A day as two letters."""
    return LETTERS[day % DAYS // 32] + LETTERS[day % 32]


def number(letters: str) -> int:
    return LETTERS.index(letters[0].upper()) * 32 + LETTERS.index(letters[1].upper())


def mark(rest: str, secret: bytes) -> str:
    """Four letters that only who has the secret can make; capitals do not count, for servers on the way change them."""
    digest = hmac.new(secret, rest.lower().encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")[:4]


# -- a house that forwards ---------------------------------------------------------------------------------------------


def target(house: House, recipient: str) -> str:
    """Where letters for one of our mailboxes go on to; "" where they stay."""
    forwards = dict(one.split(ARROW, 1) for one in house.setup.forwards if ARROW in one)
    return forwards.get(house.mailbox(recipient), "") if forwards else ""


def sent_back(house: House, recipient: str) -> str:
    """Whose address was rewritten to this one of ours: a report to it goes on to him.  Refused if it is not ours."""
    if not house.setup.srs or not is_rewritten(recipient) or domain_of(recipient) != house.domain:
        return ""
    found = original(recipient, day(house), secret(house))
    if not found:
        text = f"550 5.1.1 {recipient} was not made here, or too long ago"
        raise Refused("mta.srs-forged", text, recipient=recipient)
    return found


def pass_on(house: House, envelope: Envelope, message: bytes) -> Acts[int]:
    """Into the queue with all that goes on to other addresses; how many copies that is."""
    count = 0
    for recipient in filter(house.is_ours, envelope.recipients):
        sender, address = envelope.sender, sent_back(house, recipient)
        if not address and (address := target(house, recipient)):
            yield Rule("mta.forwarded", "forwarded", {"recipient": recipient, "address": address})
        if not address:
            continue
        if sender and house.setup.srs and domain_of(sender) != house.domain:
            sender = rewritten(sender, house.domain, day(house), secret(house))
            yield Rule("mta.rewritten", sender, {"sender": envelope.sender})
        onward = replace(envelope, sender=sender, recipients=[address])
        yield Store(house.queue, message, entry_of(house, onward, [address]).note())
        count += 1
    return count


def day(house: House) -> int:
    return house.clock.unix() // 86_400


def secret(house: House) -> bytes:
    """The house's; the same in every lab, and so a secret to nobody."""
    return f"lab secret of {house.host}".encode()
