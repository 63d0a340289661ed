"""What the parameters of MAIL and RCPT mean; each belongs to an extension, and its value has a grammar of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..acts import Refused
from .envelope import Envelope
from .grammar import Parameters, is_mailbox

MAIL = {  # keyword -> its extension
    "SIZE": "SIZE",  # RFC 1870 §3
    "BODY": "8BITMIME",  # RFC 6152 §2
    "SMTPUTF8": "SMTPUTF8",  # RFC 6531 §3.4
    "REQUIRETLS": "REQUIRETLS",  # RFC 8689 §2
    "RET": "DSN",  # RFC 3461 §4.3
    "ENVID": "DSN",  # RFC 3461 §4.4
    "AUTH": "AUTH",  # RFC 4954 §5
}
RCPT = {"NOTIFY": "DSN", "ORCPT": "DSN"}  # RFC 3461 §4.1, §4.2

SIZE = re.compile(r"[0-9]{1,20}")
XTEXT = re.compile(r"(?:[!-*,-<>-~\x80-\U0010ffff]|\+[0-9A-F]{2})+")
TYPE = re.compile(r"[!#-'*+\-/0-9?A-Z^-~]+")  # addr-type: an atom


def apply_mail(envelope: Envelope, parameters: Parameters, offers: Callable[[str], bool], size: int) -> None:
    """Write in the envelope what MAIL's parameters say, or refuse."""
    for keyword, value in parameters.items():
        check_offered(keyword, MAIL, offers, "MAIL")
        match keyword:
            case "SIZE":
                envelope.size = declared(value, size)
            case "BODY":
                envelope.body = one_of(keyword, value, "7BIT", "8BITMIME")
            case "SMTPUTF8":
                no_value(keyword, value)
                envelope.smtputf8 = True
            case "REQUIRETLS":
                no_value(keyword, value)
                envelope.requiretls = True
            case "RET":
                envelope.ret = one_of(keyword, value, "FULL", "HDRS")
            case "ENVID":
                envelope.envid = xtext(keyword, value, 100)
            case "AUTH":
                envelope.auth = submitter(value)
    if envelope.auth and not envelope.user:
        envelope.auth = "<>"  # who has not logged in is not believed (RFC 4954 §5)
    if envelope.requiretls and envelope.ret:
        envelope.ret = "HDRS"  # RFC 8689 §5
    if not envelope.smtputf8 and not envelope.sender.isascii():
        text = "550 5.6.7 a sender beyond ASCII needs SMTPUTF8"
        raise Refused("smtp.ascii-only", text, address=envelope.sender)


def apply_recipient(
    envelope: Envelope, mailbox: str, parameters: Parameters, offers: Callable[[str], bool]
) -> tuple[tuple[str, ...], str]:
    """NOTIFY's words and ORCPT's address, or refuse."""
    notify: tuple[str, ...] = ()
    orcpt = ""
    for keyword, value in parameters.items():
        check_offered(keyword, RCPT, offers, "RCPT")
        if keyword == "NOTIFY":
            notify = notices(value)
        else:
            orcpt = original(value)
    if not envelope.smtputf8 and not mailbox.isascii():
        raise Refused("smtp.ascii-only", "553 5.6.7 a recipient beyond ASCII needs SMTPUTF8", address=mailbox)
    return notify, orcpt


def check_offered(keyword: str, known: dict[str, str], offers: Callable[[str], bool], command: str) -> None:
    """§4.1.1.11: 555 for what we do not know or did not offer."""
    if keyword not in known or not offers(known[keyword]):
        text = f"555 5.5.4 {command} has no parameter {keyword} here"
        raise Refused("smtp.parameter", text, parameter=keyword, command=command)


def wrong(keyword: str, production: str) -> Refused:
    text = f"501 5.5.4 {keyword}: {production} expected"
    return Refused("smtp.value", text, parameter=keyword, production=production)


def no_value(keyword: str, value: str) -> None:
    if value:
        raise wrong(keyword, "no value")


def one_of(keyword: str, value: str, *choices: str) -> str:
    if value.upper() not in choices:
        raise wrong(keyword, " or ".join(choices))
    return value.upper()


def declared(value: str, most: int) -> int:
    """RFC 1870 §6: how big the message will be."""
    if not SIZE.fullmatch(value):
        raise wrong("SIZE", "size-value")
    if int(value) > most:
        raise Refused("smtp.declared-too-big", f"552 5.3.4 at most {most} octets", limit=str(most), size=value)
    return int(value)


def xtext(keyword: str, value: str, most: int) -> str:
    """``+3D`` for "=", and so on (RFC 3461 §4); what it stands for is printable."""
    if not XTEXT.fullmatch(value) or len(value) > most:
        raise wrong(keyword, f"xtext of at most {most} characters")
    text = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value)
    if not text.isprintable():
        raise wrong(keyword, "printable xtext")
    return text


def submitter(value: str) -> str:
    """RFC 4954 §5: a mailbox in xtext, or ``<>``."""
    if value == "<>":
        return value
    mailbox = xtext("AUTH", value, 500)
    if not is_mailbox(mailbox):
        raise wrong("AUTH", "a mailbox or <>")
    return mailbox


def notices(value: str) -> tuple[str, ...]:
    """RFC 3461 §4.1: NEVER alone, or some of the other three."""
    words = tuple(value.upper().split(","))
    if words != ("NEVER",) and not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise wrong("NOTIFY", "NEVER, or a list of SUCCESS, FAILURE, DELAY")
    return words


def original(value: str) -> str:
    """RFC 3461 §4.2: ``rfc822;bob+2Bx@beta.example`` -> ``rfc822;bob+x@beta.example``."""
    kind, semicolon, address = value.partition(";")
    if not semicolon or not TYPE.fullmatch(kind):
        raise wrong("ORCPT", "addr-type;xtext")
    return f"{kind};{xtext('ORCPT', address, 500)}"
