"""What people do with mail: write and send it, by their own server or around it, and read it when it comes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from .. import imap, pop3
from ..acts import Acts, LabError, Trouble, nested
from ..message import compose
from ..mta import domain_of, next_hops
from ..mta.house import literal
from ..smtp import Outcome, send_mail
from ..smtp.client import check_helo
from .stage import Stage, password
from .verdicts import as_bytes

Wanted = str | Sequence[str]  # "SUCCESS,DELAY", or ["SUCCESS", "DELAY"]
PROGRAMS = {  # how careful a mail program is -> the port it calls, and what it wants of TLS there
    "may": (587, "may", "any"),
    "must": (587, "must", "any"),
    "verify": (587, "must", "name"),
    "implicit": (465, "implicit", "name"),
}
ADDRESS = re.compile(r'(?:[^\s@<>"(),:;\\\[\]\x00-\x1f\x7f]+|"[^"\r\n\x00]*")@[^\s@<>"(),:;\\\x00-\x1f\x7f]+')
DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,19}")


class Letter(NamedTuple):
    """A message on its way: the acts that send it, and whose acts they are."""

    acts: Acts[str]  # what the first server said in the end
    actor: str
    title: str
    message: bytes
    readers: tuple[str, ...]  # whose mailboxes are read when it comes


def write_letter(
    stage: Stage,
    number: str,
    sender: str,
    recipients: tuple[str, ...],
    *,
    subject: str = "",
    text: str = "",
    from_: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    attachments: Sequence[tuple[str, bytes]] = (),
    message: bytes | str | None = None,
    client: str | None = None,
    helo: str | None = None,
    notify: Wanted | Mapping[str, Wanted] = (),
    ret: str = "",
    envid: str = "",
    requiretls: bool = False,
    tls: str = "verify",
    read: bool = True,
) -> Letter:
    """See `Lab.send`; `number` makes its Message-ID."""
    if sender:
        check_address(sender)
    for name, given in (("subject", subject), ("text", text)):
        if not isinstance(given, str):
            raise LabError(f"{name} is text: write it in quotes, not {given!r}.")
    if client is not None:
        check_ip(client)
    if helo:
        check_helo(helo)
    if message is None:
        domain = domain_of((from_ or sender or "alpha.example").rstrip("> "))
        data = compose(
            sender or "<>",
            recipients,
            subject,
            text,
            date=stage.world.clock.stamp(),
            message_id=f"<{number}@{domain}>",
            from_=from_,
            headers=headers,
            attachments=attachments,
        )
    else:
        data = as_bytes(message)
    wishes = {**reports(recipients, notify, ret, envid), "requiretls": requiretls}
    if client is None:
        acts = by_own_server(stage, sender, list(recipients), data, wishes, tls)
    else:
        acts = straight(stage, sender, list(recipients), data, helo or literal(client), wishes)
    actor = sender or "nobody"
    title = f"{actor} writes to {', '.join(recipients)}"
    readers = tuple(one.lower() for one in recipients if read and one.lower() in stage.people)
    return Letter(nested(title, acts), actor, title, data, tuple(dict.fromkeys(readers)))


def reports(recipients: Sequence[str], notify: Wanted | Mapping[str, Wanted], ret: str, envid: str) -> dict[str, Any]:
    """What a sender asks to be told, as MAIL and RCPT say it (RFC 3461 §4); the original address is the recipient's."""
    given = notify if isinstance(notify, Mapping) else dict.fromkeys(recipients, notify)
    if strangers := set(given) - set(recipients):
        raise LabError(f"{min(strangers)!r} gets no copy, so nothing can be told of it: notify names recipients.")
    words = {one: tuple(wanted_words(wanted)) for one, wanted in given.items() if wanted}
    if not (words or ret or envid):
        return {}
    orcpt = {one: f"rfc822;{one}" for one in recipients if one.isascii()}
    return {"notify": words, "ret": ret.upper(), "envid": envid, "orcpt": orcpt}


def wanted_words(wanted: Wanted) -> list[str]:
    """ "success,delay" -> ["SUCCESS", "DELAY"]."""
    several = wanted.split(",") if isinstance(wanted, str) else wanted
    return [str(word).strip().upper() for word in several]


def addresses_in(recipients: str | Sequence[str]) -> tuple[str, ...]:
    """One address or several, each looked at."""
    several = tuple(recipients) if isinstance(recipients, list | tuple | set) else (recipients,)
    for address in several:
        check_address(address)
    if not several:
        raise LabError("Name at least one recipient, as in lab.send('alice@alpha.example', 'bob@beta.example').")
    return several


def check_address(address: str) -> None:
    """LabError for what nobody would write as an address."""
    if not isinstance(address, str) or not ADDRESS.fullmatch(address):
        raise LabError(f"{address!r} is no mail address: write it as in 'alice@alpha.example'.")


def check_device(name: str) -> None:
    """LabError for what no device is called here; "" is one without a name."""
    if name and not (isinstance(name, str) and DEVICE.fullmatch(name)):
        raise LabError(f"{name!r} is no name for a device: use at most 20 letters, digits, blanks or hyphens.")


def check_ip(client: str) -> None:
    """LabError for what is no IP address."""
    try:
        ip_address(client)
    except ValueError:
        raise LabError(f"{client!r} is no IP address: write one like '203.0.113.66' or '2001:db8::66'.") from None


def by_own_server(
    stage: Stage, sender: str, recipients: list[str], data: bytes, wishes: Mapping[str, Any], tls: str
) -> Acts[str]:
    """Submission (RFC 6409): log in at one's own company's server, which does the rest."""
    if tls not in PROGRAMS:
        raise LabError(f"tls is how careful the program is: {', '.join(map(repr, PROGRAMS))}, not {tls!r}.")
    if not sender:
        raise LabError("A message with no sender is a server's: say with client= from which address it comes.")
    company = stage.company(sender)
    host, laptop, user = f"mx.{company.domain}", f"laptop.{company.domain}", sender.lower()
    port, how, trust = PROGRAMS[tls] if stage.tls else (587, "", "any")
    login: dict[str, Any] = {"tls": how, "trust": trust, "user": user, "password": password(user)}
    return last_reply(send_mail(host, port, laptop, sender, recipients, data, **login, **wishes))


def straight(
    stage: Stage, sender: str, recipients: list[str], data: bytes, helo: str, wishes: Mapping[str, Any]
) -> Acts[str]:
    """To each domain's MX, without asking one's own server: the last reply."""
    reply = ""
    for domain in dict.fromkeys(map(domain_of, recipients)):
        theirs = [one for one in recipients if domain_of(one) == domain]
        host = (yield from next_hops(domain, stage.world.clock))[0]
        reply = yield from last_reply(send_mail(host, 25, helo, sender, theirs, data, tls="may", trust="any", **wishes))
    return reply


def last_reply(acts: Acts[Outcome]) -> Acts[str]:
    """How a delivery ended, as the last word of the server."""
    return (yield from acts).reply


def read_by_both(owner: str, tls: bool, uid: int, message: bytes, note: Mapping[str, str]) -> Acts[None]:
    """What the owner of a mailbox does when mail comes: read it by IMAP, and the same by POP3; it stays as it is."""
    domain, who = domain_of(owner), (owner, password(owner))
    how, imap_port, pop_port = ("implicit", 993, 995) if tls else ("", 143, 110)
    by_imap = imap.read_newest(f"imap.{domain}", imap_port, *who, tls=how)
    by_pop3 = pop3.fetch_newest(f"pop.{domain}", pop_port, *who, tls=how)
    for title, acts in [(f"{owner} reads it by IMAP", by_imap), (f"{owner} reads it by POP3", by_pop3)]:
        try:
            yield from nested(title, acts, verdict=octets)
        except Trouble:
            continue  # its Close says what went wrong; the other way may still go


def octets(message: bytes) -> str:
    return plural(len(message), "octet")


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
