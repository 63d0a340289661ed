"""Delivery status notifications: how a sender learns what became of his message (RFC 3464, in a report of RFC 6522)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .message import Message
from .trace import printable

ENHANCED = re.compile(r"\d{3}[ -]([245])\.(\d{1,3}\.\d{1,3})(?: |$)")
LARGEST = 100_000  # octets of a message that is sent back whole (RFC 3461 §6.2 allows a limit)
LARGEST_HEADER = 50_000  # octets of its header, if it is not
MOST_TEXT = 900  # characters of a reply: a line of mail has at most 998 (RFC 5322 §2.1.1)

SUBJECTS = {
    "failed": "Undelivered mail returned to sender",
    "delayed": "Your mail is delayed, and will be tried again",
    "delivered": "Your mail was delivered",
    "relayed": "Your mail was passed on",
}
TEXTS = {
    "failed": "Your message could not be delivered to:",
    "delayed": "Your message has not yet been delivered to:",
    "delivered": "Your message is in the mailbox of:",
    "relayed": "Your message was passed on, to a server that does not report what becomes of it, for:",
}
ENDINGS = {
    "failed": "Nobody tries any longer.  If you send it again, change first what was wrong.",
    "delayed": "You need do nothing: it is tried until {until}, and you will be told if that fails.",
    "delivered": "Whether it was read is another question.",
    "relayed": "You will hear of it again only if that server cannot deliver it.",
}


class Told(NamedTuple):
    """What is told of one recipient (RFC 3464 §2.3)."""

    recipient: str
    action: str  # "failed", "delayed", "delivered", "relayed"
    status: str  # "5.1.1"
    reply: str = ""  # what was said: "550 5.1.1 no such mailbox"
    remote: str = ""  # the host that said it; "": the reporting host itself
    original: str = ""  # the ORCPT parameter, if there was one: "rfc822;bob@beta.example"


class Report(NamedTuple):
    """All that one notification says.  Its recipients all have the same action."""

    host: str  # that reports
    sender: str  # whom it is for
    told: Sequence[Told]
    message: bytes  # the one it is about
    date: str
    unique: str  # digits that no other report has: for its Message-ID and boundary
    arrived: str = ""  # when the message came to this host
    source: str = ""  # from whom
    envid: str = ""  # the ENVID parameter, if there was one
    until: str = ""  # how long it will be tried
    full: bool = False  # the sender asked for the whole message back (RET=FULL)
    utf8: bool = False  # the message needed SMTPUTF8


def write(report: Report) -> bytes:
    """The notification, as a message of three parts."""
    returned_kind, returned = back(report)
    words = "\r\n".join(text(report))
    parts = [("text/plain; charset=utf-8", words), ("message/delivery-status", status(report))]
    pieces = [part(kind, said.encode()) for kind, said in parts] + [part(returned_kind, returned)]
    mark = boundary(report.unique, pieces)
    body = b"".join(b"--%s\r\n%s\r\n" % (mark, piece) for piece in pieces) + b"--%s--\r\n" % mark
    return header(report, mark.decode()) + body


def header(report: Report, mark: str) -> bytes:
    """RFC 3464 §2: from who can help, to who sent it; automatic, so that no robot answers (RFC 3834 §5)."""
    fields = [
        f"From: Mail Delivery System <postmaster@{report.host}>",
        f"To: <{report.sender}>",
        f"Subject: {SUBJECTS[report.told[0].action]}",
        f"Date: {report.date}",
        f"Message-ID: <dsn.{report.unique}@{report.host}>",
        *about(Message(report.message)),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{mark}"',
    ]
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")


def about(message: Message) -> list[str]:
    """Which message it answers: in the thread of the original's Message-ID (RFC 3834 §3.1.5)."""
    field = message.first("Message-ID")
    found = MESSAGE_ID.search(field.text) if field else None
    return [f"In-Reply-To: {found[0]}", f"References: {found[0]}"] if found else []


def text(report: Report) -> list[str]:
    """The part for people."""
    action = report.told[0].action
    people = [f"  {clean(one.recipient)}: {clean(one.reply) or one.status}" for one in report.told]
    name = [f"You called it {clean(report.envid)}.", ""] if report.envid else []
    return [TEXTS[action], "", *people, "", *name, ENDINGS[action].format(until=report.until), ""]


def status(report: Report) -> str:
    """The part for programs (§2.1): fields of the message, then of each recipient; all of it ASCII."""
    message = [
        ("Original-Envelope-Id", ascii_only(report.envid)),
        ("Reporting-MTA", f"dns; {report.host}"),
        ("Received-From-MTA", f"dns; {ascii_only(report.source)}" if report.source else ""),
        ("Arrival-Date", report.arrived),
    ]
    groups = [message, *(fields_of(one, report) for one in report.told)]
    return "\r\n".join("".join(f"{name}: {value}\r\n" for name, value in group if value) for group in groups)


def fields_of(told: Told, report: Report) -> list[tuple[str, str]]:
    """§2.3, in the order of its grammar."""
    kind, _, original = told.original.partition(";")
    tried = told.action in ("failed", "delayed")
    return [
        ("Original-Recipient", f"{kind};{ascii_only(original)}" if told.original else ""),
        ("Final-Recipient", address_type(told.recipient)),
        ("Action", told.action),
        ("Status", told.status),
        ("Remote-MTA", f"dns; {ascii_only(told.remote)}" if told.remote else ""),
        ("Diagnostic-Code", f"smtp; {ascii_only(clean(told.reply))}" if told.reply else ""),
        ("Last-Attempt-Date", report.date if tried else ""),
        ("Will-Retry-Until", report.until if told.action == "delayed" else ""),
    ]


def status_of(reply: str, expired: bool = False) -> str:
    """A reply's enhanced code (RFC 3463); its first digit is the reply's own, and 5 where nobody tries any longer."""
    kind = "5" if expired else reply[:1] if reply[:1] in "245" else "5"
    found = ENHANCED.match(reply)
    if found and found[1] == reply[:1]:
        return f"{kind}.{found[2]}"
    return f"{kind}.4.7" if expired else f"{kind}.0.0"


# -- what comes back of the original -----------------------------------------------------------------------------------


def back(report: Report) -> tuple[str, bytes]:
    """(its kind, the octets): the whole message if it was asked for, did not get through and is not too long; else its
    header (RFC 3461 §4.3, §6.2)."""
    whole = report.full and report.told[0].action == "failed" and len(report.message) <= LARGEST
    if whole:
        return ("message/global" if report.utf8 else "message/rfc822"), report.message
    message, size, fields = Message(report.message), 0, []
    for field in message.fields:
        size += len(field.data)
        if size > LARGEST_HEADER:
            break
        fields.append(field.data)
    kept = b"".join(fields)
    return ("message/global-headers" if report.utf8 and not kept.isascii() else "text/rfc822-headers"), kept


def part(kind: str, data: bytes) -> bytes:
    """A MIME part; what is beyond ASCII says so (RFC 2045 §6.2)."""
    encoding = b"" if data.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return b"Content-Type: %s\r\n%s\r\n%s" % (kind.encode(), encoding, data)


def boundary(unique: str, parts: Sequence[bytes]) -> bytes:
    """A line that stands in none of the parts, whatever they hold (RFC 2046 §5.1.1)."""
    mark = f"=_dsn_{unique}".encode()
    while any(b"--" + mark in piece for piece in parts):
        mark += b"_"
    return mark


# -- text that strangers wrote -----------------------------------------------------------------------------------------


def clean(words: str) -> str:
    """One line that is not too long, with nothing unprintable in it."""
    line = printable(" ".join(words.split()))
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 3] + "..."


def ascii_only(words: str) -> str:
    r"""``"jörg"`` -> ``r"j\x{F6}rg"``: as RFC 6533 §3 writes such an address where only ASCII may stand."""
    return "".join(letter if letter.isascii() else f"\\x{{{ord(letter):X}}}" for letter in printable(words))


def address_type(address: str) -> str:
    """``rfc822``, or RFC 6533's ``utf-8``."""
    if address.isascii():
        return f"rfc822; {printable(address)}"
    return f"utf-8; {ascii_only(address)}"
