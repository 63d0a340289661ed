"""Failure reports (RFC 9991, in the format of RFC 6591): one message that failed, told at once and in detail.

A report holds what somebody wrote to somebody; so it has the header only, unless it is asked for the whole message, and
many receivers send none at all (RFC 9991 §7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from ...message import Message
from ..dmarc.evaluate import FAIL, PASS, Dmarc, SpfResult
from ..results import Results, dmarc_result, write_field, write_string
from .aggregate import Signature

DELIVERED = {"deliver": "delivered", "quarantine": "spam", "reject": "reject"}  # RFC 6591 §3.2.2
NOT_PASSED = ("fail", "softfail", "none", "neutral", "permerror", "temperror")


def wanted(found: Dmarc, spf: SpfResult | None = None, signatures: Sequence[Signature] = ()) -> tuple[str, ...]:
    """Which of fo= ask for a report about this message: "0", "1", "d", "s" (RFC 9989 §4.7); none without ruf=."""
    record = found.record
    if record is None or not record.ruf or found.result not in (PASS, FAIL):
        return ()
    aligned = (found.aligned("spf"), found.aligned("dkim"))
    asks = {
        "0": not any(aligned),
        "1": not all(aligned),
        "d": any(str(signature.result) == FAIL for signature in signatures),
        "s": spf is not None and str(spf.result) in ("fail", "softfail"),
    }
    return tuple(option for option in record.fo if asks[option])


def failure_report(
    message: bytes,
    found: Dmarc,
    *,
    host: str,
    reporter: str,
    recipient: str,
    date: str,
    message_id: str,
    source_ip: str = "",
    spf: SpfResult | None = None,
    signatures: Sequence[Signature] = (),
    sender: str | None = None,
    arrived: str = "",
    action: str = "",
    spf_record: str = "",
    whole: bool = False,
) -> bytes:
    """The report as a mail: a word to people, fields for a program, and the header of what failed (or all of it).

    `host` is the receiver, `sender` the reverse-path of the message, `action` what was done with it, `spf_record` the
    record that SPF used.
    """
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Date"], letter["Message-ID"] = reporter, recipient, date, message_id
    letter["Subject"] = f"DMARC failure report for {found.domain}"
    boundary = "=_" + hashlib.sha256(message_id.encode() + message).hexdigest()[:24]
    kind = (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report;\r\n boundary="{boundary}"'
    )
    fields = feedback(found, host, source_ip, spf, signatures, sender, arrived, action, spf_record)
    parts = [
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + explanation(found, source_ip, arrived).encode(),
        b"Content-Type: message/feedback-report\r\n\r\n" + fields,
        b"Content-Type: message/rfc822\r\n\r\n" + message
        if whole
        else b"Content-Type: text/rfc822-headers\r\n\r\n" + Message(message).header,
    ]
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return bytes(letter).rstrip(b"\r\n") + f"\r\n{kind}\r\n\r\n".encode() + body


def explanation(found: Dmarc, source_ip: str, arrived: str) -> str:
    where = f" from {source_ip}" if source_ip else ""
    when = f" on {arrived}" if arrived else ""
    return f"A message that says it is from {found.domain} came{where}{when}, and DMARC's result is {found.result}.\r\n"


def feedback(
    found: Dmarc,
    host: str,
    source_ip: str,
    spf: SpfResult | None,
    signatures: Sequence[Signature],
    sender: str | None,
    arrived: str,
    action: str,
    spf_record: str,
) -> bytes:
    """The part for programs (RFC 6591 §3.1, RFC 9991 §4)."""
    result = write_field(Results(host, (dmarc_result(found),)))
    fields = [
        ("Feedback-Type", "auth-failure"),
        ("Version", "1"),
        ("User-Agent", "mailedu"),
        ("Auth-Failure", "dmarc"),
        ("Identity-Alignment", unaligned(found)),
        ("Delivery-Result", DELIVERED.get(action, "other")),
        ("Original-Mail-From", None if sender is None else f"<{sender}>"),
        ("Arrival-Date", arrived or None),
        ("Source-IP", source_ip or None),
        ("Reported-Domain", found.domain),
        *broken_signature(found, signatures),
        *spf_dns(found, spf, spf_record),
    ]
    lines = [f"{name}: {one_line(value)}\r\n" for name, value in fields if value is not None]
    return result + "".join(lines).encode()


def unaligned(found: Dmarc) -> str:
    """Identity-Alignment: the methods that failed to vouch for the author's domain; "none" if none failed."""
    return ", ".join(method for method in ("dkim", "spf") if not found.aligned(method)) or "none"


def of_the_author(found: Dmarc, domain: str) -> bool:
    """Whether a domain is the author's, as far as that is known without asking the DNS again."""
    top = found.organizational or found.policy_domain
    return domain == found.domain or domain == top or domain.endswith("." + top)


def broken_signature(found: Dmarc, signatures: Sequence[Signature]) -> list[tuple[str, str | None]]:
    """Required when a signature of the author's own domain failed (RFC 9991 §4)."""
    for signature in signatures:
        domain = signature.domain.lower()
        if str(signature.result) != PASS and domain and of_the_author(found, domain):
            identity = str(getattr(signature, "identity", "") or f"@{domain}")
            return [("DKIM-Domain", domain), ("DKIM-Identity", identity), ("DKIM-Selector", signature.selector)]
    return []


def spf_dns(found: Dmarc, spf: SpfResult | None, record: str) -> list[tuple[str, str | None]]:
    """Required when SPF failed for the author's own domain: the record that was used (RFC 6591 §4)."""
    if spf is None or not record or str(spf.result) not in NOT_PASSED or not of_the_author(found, spf.domain.lower()):
        return []
    return [("SPF-DNS", f"txt : {spf.domain} : {write_string(record)}")]


def one_line(value: str) -> str:
    """No message may add fields to a report about it."""
    return "".join(c if c.isprintable() else "?" for c in value)
