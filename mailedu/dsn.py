"""Delivery status notifications: how a sender learns what became of his message (RFC 3464, in a report of RFC 6522)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .message import Message

ENHANCED = re.compile(r"\d{3} ([245]\.\d{1,3}\.\d{1,3}) ?(.*)", re.DOTALL)


def failure(host: str, sender: str, failed: Mapping[str, str], original: bytes, *, date: str, unique: str) -> bytes:
    """The message that says: not delivered.  `failed`: recipient -> the reply that was the last word."""
    mark = f"=_dsn_{unique}"
    people = "\r\n".join(f"  {recipient}: {reply}" for recipient, reply in failed.items())
    text = f"Your message could not be delivered to:\r\n\r\n{people}\r\n\r\nIts header comes back with this report.\r\n"
    parts = [
        ("text/plain; charset=utf-8", text),
        ("message/delivery-status", status(host, failed)),
    ]
    header = [
        f"From: Mail Delivery System <postmaster@{host}>",
        f"To: <{sender}>",
        "Subject: Undelivered mail returned to sender",
        f"Date: {date}",
        f"Message-ID: <dsn.{unique}@{host}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{mark}"',
    ]
    body = "".join(f"--{mark}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    head = "\r\n".join(header) + "\r\n\r\n" + body + f"--{mark}\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    return head.encode("utf-8") + Message(original).header + f"\r\n--{mark}--\r\n".encode()


def status(host: str, failed: Mapping[str, str]) -> str:
    """The part for programs (RFC 3464 §2): fields of the message, then of each recipient."""
    groups = [f"Reporting-MTA: dns; {host}\r\n"]
    for recipient, reply in failed.items():
        found = ENHANCED.match(reply)
        code = found[1] if found else {"4": "4.0.0"}.get(reply[:1], "5.0.0")
        if code[0] == "4":
            code = "5.4.7" if not found else "5" + code[1:]  # it was tried for as long as it may be (RFC 3463 §3.5)
        groups.append(
            f"Final-Recipient: rfc822; {recipient}\r\n"
            f"Action: failed\r\nStatus: {code}\r\nDiagnostic-Code: smtp; {' '.join(reply.split())}\r\n"
        )
    return "\r\n".join(groups)
