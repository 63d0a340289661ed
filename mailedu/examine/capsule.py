"""A message with all that its verdict rested on, in one JSON file that anybody can replay without a network.

Bytes are written as characters, one an octet, so that the message can be read in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..acts import Answer, LabError
from ..message import Message, addresses
from ..names import canonical
from ..trace import Trace
from .letter import NotAMessage

KIND, VERSION = "mailedu capsule", 1
Answers = dict[tuple[str, str], tuple[str, tuple[str, ...]]]  # (name, type) -> ("" or a trouble's name, its records)
STATUSES = ("", "NXDomain", "DnsTimeout")
LETTERS = re.compile(rb"[^\s]")
LOCAL = re.compile(rb"[^\s<>\"(),:;\\\[\]=@]++(?=@)")  # before an address's @


@dataclass(frozen=True, slots=True)
class Capsule:
    """`message` and `dns`; who called, and when; what was found then; what was made unreadable since."""

    message: bytes
    dns: Answers = field(default_factory=dict)
    ip: str = ""
    helo: str = ""
    mail_from: str | None = None
    date: int = 0  # seconds since 1970
    title: str = ""
    trust_hops: int | None = None
    authserv_id: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)  # {"spf": "pass", …}: computed when it was made
    redacted: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The file's text."""
        dns = [
            {"name": name, "type": type, "status": status, "records": list(records)}
            for (name, type), (status, records) in sorted(self.dns.items())
        ]
        return json.dumps(
            {
                "kind": KIND,
                "version": VERSION,
                "title": self.title,
                "ip": self.ip,
                "helo": self.helo,
                "mail_from": self.mail_from,
                "date": self.date,
                "trust_hops": self.trust_hops,
                "authserv_id": self.authserv_id,
                "verdicts": dict(self.verdicts),
                "redacted": list(self.redacted),
                "dns": dns,
                "message": self.message.decode("latin-1").split("\n"),
            },
            indent=1,
            ensure_ascii=True,
        )

    def save(self, path: str | Path) -> Path:
        """Write the file."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")
        return Path(path)

    def __repr__(self) -> str:
        return f"<Capsule: {self.title or 'a message'}, {len(self.message)} octets, {len(self.dns)} DNS answers>"


def answers_in(trace: Trace) -> Answers:
    """All that the DNS said in a run."""
    return {
        (canonical(step.act.name), step.act.type): (step.act.status, tuple(step.act.records))
        for step in trace
        if isinstance(step.act, Answer)
    }


# -- reading -----------------------------------------------------------------------------------------------------------


def read_capsule(source: str | Path) -> Capsule:
    """A capsule from its file or its text; LabError says what is wrong with it."""
    if isinstance(source, Path):
        try:
            source = source.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise NotAMessage(f"{source} cannot be read as a capsule: {error}.") from None
    try:
        given = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise NotAMessage(f"This is no capsule: it is no JSON ({error}).") from None
    if not isinstance(given, dict) or given.get("kind") != KIND:
        raise NotAMessage(f'This JSON is no capsule: it has no "kind": "{KIND}".')
    if given.get("version") != VERSION:
        raise NotAMessage(f"This capsule is of version {given.get('version')!r}; this mailedu reads version {VERSION}.")
    return Capsule(
        octets(given.get("message")),
        dict(map(answer_in, wanted(given, "dns", list))),
        wanted(given, "ip", str),
        wanted(given, "helo", str),
        wanted(given, "mail_from", str | None),
        wanted(given, "date", int),
        wanted(given, "title", str),
        wanted(given, "trust_hops", int | None),
        wanted(given, "authserv_id", str),
        {str(method): str(result) for method, result in wanted(given, "verdicts", dict).items()},
        tuple(map(str, wanted(given, "redacted", list))),
    )


def wanted(given: dict[str, Any], name: str, kind: Any) -> Any:
    """A member of the kind that stands there."""
    value = given.get(name, None if isinstance(None, kind) else kind())
    if not isinstance(value, kind) or isinstance(value, bool):
        raise NotAMessage(f'This capsule cannot be read: "{name}" is {type(value).__name__}.')
    return value


def octets(lines: Any) -> bytes:
    try:
        return "\n".join(lines).encode("latin-1")
    except (TypeError, UnicodeError):
        raise NotAMessage('This capsule cannot be read: "message" is a list of lines, a character an octet.') from None


def answer_in(given: Any) -> tuple[tuple[str, str], tuple[str, tuple[str, ...]]]:
    try:
        name, type, status, records = (given[key] for key in ("name", "type", "status", "records"))
        if status not in STATUSES or not all(isinstance(one, str) for one in (name, type, *records)):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise NotAMessage('This capsule cannot be read: an answer in "dns" has name, type, status, records.') from None
    return (canonical(name), type), (status, tuple(records))


# -- making unreadable -------------------------------------------------------------------------------------------------

PARTS = ("addresses", "subject", "body")
IDENTITIES = ("message-id", "references", "in-reply-to", "content-id")  # no addresses, though they have an @
PEOPLE = ("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "delivered-to", "x-original-to")


def redacted(capsule: Capsule, parts: Sequence[str] = PARTS) -> Capsule:
    """The same, with text of the same length in the place of addresses' local parts, of the subject, of the body.

    Domains stay: the verdicts are about them.  The verdicts that were computed stay as well; which of them a replay
    can still reach is for whoever asks to find out (`explain` says it).
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise LabError(f"{unknown[0]!r} cannot be made unreadable: there are {', '.join(PARTS)}.")
    data, sender = capsule.message, capsule.mail_from
    if "body" in parts:
        message = Message(data)
        data = data[: message.body_start] + LETTERS.sub(b"x", message.body)
    if "subject" in parts:
        data = without_subject(data)
    if "addresses" in parts:
        for address in sorted(people(data) | ({sender} if sender else set()), key=len, reverse=True):
            data = data.replace(address.encode("utf-8", "surrogateescape"), hidden(address).encode())
        data = without_names(without_addresses(data))
        sender = hidden(sender) if sender else sender
    kept = tuple(part for part in PARTS if part in parts or part in capsule.redacted)
    return replace(capsule, message=data, mail_from=sender, redacted=kept)


def hidden(address: str) -> str:
    """``bob@beta.example`` -> ``xxx@beta.example``, as many octets."""
    local, _, domain = address.rpartition("@")
    return "x" * len(local.encode("utf-8", "surrogateescape")) + "@" + domain


def people(data: bytes) -> set[str]:
    """The addresses in the fields that name people."""
    fields = Message(data).fields
    return {address for one in fields if one.name.lower() in PEOPLE for address in addresses(one)}


def without_addresses(data: bytes) -> bytes:
    """Addresses in all other fields too: a Received field names the recipient, and a receiver the sender it judged."""
    message = Message(data)
    for one in reversed(message.fields):
        if one.name.lower() not in IDENTITIES:
            field = LOCAL.sub(lambda found: b"x" * len(found[0]), one.data)
            data = data[: one.start] + field + data[one.start + len(field) :]
    return data


def without_names(data: bytes) -> bytes:
    """The names before the addresses, made unreadable too."""
    for one in reversed(Message(data).fields):
        if one.name.lower() in PEOPLE and b"<" in one.value:
            value = re.sub(rb"[^<>,;:\s\"]+(?=[^<>]*<)", lambda found: b"x" * len(found[0]), one.value)
            start = one.start + len(one.data) - len(one.value)
            data = data[:start] + value + data[start + len(value) :]
    return data


def without_subject(data: bytes) -> bytes:
    for one in reversed(Message(data).all("Subject")):
        start = one.start + len(one.data) - len(one.value)
        data = data[:start] + LETTERS.sub(b"x", one.value) + data[start + len(one.value) :]
    return data
