"""What the player shows of DKIM, octet for octet: made here, as plain data, from the messages that a trace holds.

A message is looked at as it came, and then as it would be if one thing had happened to it on the way: each change is
verified anew, with the answers that the trace has of the DNS.  So a page without a kernel shows real verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from ..acts import Acts, Answer, Ask, DnsTimeout, LabError, NXDomain, Refused, Store
from ..auth import dkim
from ..auth.canonical import STEPS
from ..auth.dkim.field import read_claim
from ..auth.dkim.hashing import hash_body
from ..auth.dkim.key import read_key
from ..auth.dkim.microscope import LONGEST, View, look
from ..auth.dkim.microscope import STEPS as OWN_STEPS
from ..clock import MORNING
from ..message import Field, Message
from ..trace import Trace

Data = dict[str, Any]
Dns = Callable[[str, str], tuple[str, ...]]
T = TypeVar("T")
MOST = 4  # signatures that are shown of one trace
MOST_CHANGED = 20_000  # octets of a message of which changes are shown


def microscopes(trace: Trace, messages: Sequence[bytes] = ()) -> list[Data]:
    """A microscope for each signature of these messages; without any, of those that the trace stored."""
    known: dict[bytes, bytes] = {}  # a signature's field -> the latest message that carries it
    for message in messages or stored(trace):
        for field in Message(message).all("DKIM-Signature"):
            known[field.data] = message
    dns, now = recorded(trace), int(MORNING.timestamp() + (trace[-1].at if len(trace) else 0))
    found: list[Data] = []
    for signature, message in known.items():
        number = [field.data for field in Message(message).all("DKIM-Signature")].index(signature) + 1
        if len(found) < MOST and (made := microscope(message, number, dns, now)):
            found.append(made)
    return found


def stored(trace: Trace) -> Iterator[bytes]:
    for step in trace.only(Store):
        if isinstance(step.act, Store) and b"DKIM-Signature" in step.act.message:
            yield step.act.message


def recorded(trace: Trace) -> Dns:
    """The DNS, as far as the trace has it."""
    answers = {(step.act.name, step.act.type): step.act for step in trace if isinstance(step.act, Answer)}

    def dns(name: str, type: str) -> tuple[str, ...]:
        answer = answers.get((name, type))
        if answer is None or answer.status == "DnsTimeout":
            raise DnsTimeout
        if answer.status == "NXDomain":
            raise NXDomain
        return answer.records

    return dns


class Scope(dict[str, Any]):
    """One signature as plain data; where there is a kernel, also what becomes of it with an octet changed."""

    def __init__(self, told: Data, message: bytes, number: int, dns: Dns, now: int) -> None:
        super().__init__(told)
        self.message, self.number, self.dns, self.now = message, number, dns, now

    def tamper(self, at: int, octet: int) -> Data:
        """The variant with another octet at this place."""
        if not (0 <= at < len(self.message) <= MOST_CHANGED and 0 <= octet < 256):
            raise LabError(f"There is no octet {at} to change here, or none that is {octet}.")
        other = self.message[:at] + bytes([octet]) + self.message[at + 1 :]
        try:
            return variant(f"octet {at}", other, self.number, self.dns, self.now)
        except (LabError, IndexError, Refused):
            raise LabError("With that octet it is no signature any more, so there is nothing to look at.") from None


def microscope(message: bytes, number: int, dns: Dns, now: int) -> Data | None:
    """One signature: what it hashes, and what becomes of it; None when it cannot be read at all."""
    try:
        seen = variant("as it came", message, number, dns, now)
    except LabError:
        return None
    signed = Message(message).all("DKIM-Signature")[number - 1]
    claim = read_claim(signed.data)
    told = {
        "domain": claim.domain,
        "algorithm": claim.algorithm,
        "key": claim.key_name,
        "record": "".join(records(dns, claim.key_name)),
        "forms": [claim.field_form, claim.body_form],
        "length": claim.length,
        "steps": STEPS | OWN_STEPS,
        "variants": [seen, *changed(message, number, dns, now)],
    }
    return Scope(told, message, number, dns, now)


def records(dns: Dns, name: str) -> tuple[str, ...]:
    try:
        return dns(name, "TXT")
    except (DnsTimeout, NXDomain):
        return ()


def answered(acts: Acts[T], dns: Dns) -> T:
    """What acts return whose questions to the DNS are answered, and that are written down nowhere."""
    act = next(acts)
    while True:
        try:
            answer = dns(act.name, act.type) if isinstance(act, Ask) else None
        except (DnsTimeout, NXDomain) as trouble:
            step = partial(acts.throw, trouble)
        else:
            step = partial(acts.send, answer)
        try:
            act = step()
        except StopIteration as end:
            value: T = end.value
            return value


# -- one thing that happened on the way --------------------------------------------------------------------------------


def changed(message: bytes, number: int, dns: Dns, now: int) -> Iterator[Data]:
    if len(message) > MOST_CHANGED:
        return
    for title, other in changes(message, number):
        if other != message:
            try:
                yield variant(title, other, number, dns, now)
            except LabError:
                continue  # then it is no signature any more


def changes(data: bytes, number: int) -> Iterator[tuple[str, bytes]]:
    """(what happened, the message then)."""
    message = Message(data)
    signed = message.all("DKIM-Signature")[number - 1]
    start, end = message.body_start, len(data)
    yield "a letter of the body", other_letter(data, start, end)
    yield "two blanks for one, in the body", twice(data, start, end)
    yield "a blank before the body", data[:start] + b" " + data[start:]
    yield "an empty line at the end", data + b"\r\n"
    yield "a line more at the end", data + b"One more line\r\n"
    subject = message.first("Subject")
    if subject is not None:
        value, after = subject.start + len("Subject: "), subject.start + len(subject.data)
        yield "a letter of the Subject", other_letter(data, value, after)
        yield "two blanks for one, in the Subject", twice(data, value, after)
        yield "SUBJECT for Subject", data[: subject.start] + b"SUBJECT" + data[subject.start + 7 :]
        yield "a second Subject on top", b"Subject: Another\r\n" + data
    yield "a field that h= does not name", b"X-Seen: yes\r\n" + data
    yield "a letter of bh=", other_letter(data, *value_in(signed, rb"\bbh=\s*()"))


def value_in(signed: Field, pattern: bytes) -> tuple[int, int]:
    found = re.search(pattern, signed.data)
    at = signed.start + (found.start(1) if found else 0)
    return at, at + 1


def other_letter(data: bytes, start: int, end: int) -> bytes:
    """With another letter for the last one of the first word there."""
    found = re.compile(rb"[A-Za-z]+").search(data, start, end)
    if not found:
        return data
    at = found.end() - 1
    return data[:at] + (b"n" if data[at : at + 1] == b"m" else b"m") + data[at + 1 :]


def twice(data: bytes, start: int, end: int) -> bytes:
    found = re.compile(rb"(?<=\S) (?=\S)").search(data, start, end)
    return data[: found.end()] + data[found.start() :] if found else data


def variant(title: str, data: bytes, number: int, dns: Dns, now: int) -> Data:
    """The message, what is made of it in both forms, the two hashes, and the verdict."""
    one = answered(dkim.verify(data, now), dns)[number - 1]
    message = Message(data)
    signed = message.all("DKIM-Signature")[number - 1]
    if len(message.body) > LONGEST or message.body_start > LONGEST:
        return {"title": title, **verdict(one), "octets": [message.body_start, len(message.body)]} | digests(
            data, signed
        )
    views = {form: look(data, number, form) for form in ("simple", "relaxed")}
    return {
        "title": title,
        **verdict(one),
        "octets": [message.body_start, len(message.body)],
        "message": data.decode("latin-1"),
        "views": {form: plain(view) for form, view in views.items()},
    } | digests(data, signed, opened(signed, dns))


def verdict(one: dkim.Signature) -> Data:
    return {"result": one.result, "reason": one.reason, "body": one.body_same, "fields": one.fields_good}


def plain(view: View) -> Data:
    """A view: its parts, each with its runs, and the two inputs."""
    parts = [[part.start, part.octets, part.hash, part.at, [list(run) for run in part.runs]] for part in view.parts]
    return {
        "parts": parts,
        "fields": view.fields_input.decode("latin-1"),
        "body": "" if view.body_input is None else view.body_input.decode("latin-1"),
    }


def digests(data: bytes, signed: Field, inside: bytes | None = None) -> Data:
    """The hashes as they are, and as the signature has them; in hexadecimal, "" where nobody knows."""
    claim = read_claim(signed.data)
    body = hash_body(Message(data), claim.body_form, claim.length)
    fields = sha256(look(data, place(data, signed)).fields_input).hexdigest()
    said = [inside.hex() if inside else "", claim.body_hash.hex()]
    return {"hashes": [fields, body.digest.hex()], "said": said, "hashed": body.hashed, "canonical": body.canonical}


def place(data: bytes, signed: Field) -> int:
    return [field.start for field in Message(data).all("DKIM-Signature")].index(signed.start) + 1


def opened(signed: Field, dns: Dns) -> bytes | None:
    """The hash inside b=, where the key can tell (RSA)."""
    claim = read_claim(signed.data)
    try:
        keys = [read_key(record) for record in records(dns, claim.key_name)]
    except Refused:
        return None
    return next((digest for key in keys if key.type == "rsa" and (digest := key.opened(claim.signature))), None)
