"""SMTP, the client's side: a script that says a command, hears the whole reply, and takes no for an answer.

What a server does not offer is not asked of it: a message that needs 8BITMIME, SMTPUTF8 or REQUIRETLS goes nowhere
without (RFC 6152 §3, RFC 6531 §3.2, RFC 8689 §4.2.1), and one that is larger than SIZE is not begun (RFC 1870 §6).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .. import sasl
from ..acts import Acts, Hear, Hungup, LabError, Quiet, Refused, Say, TooLong, Upgrade, call
from ..wire import CRLF, Lines, has_lone_cr_or_lf, stuff
from .grammar import LINE, is_host, is_mailbox

TIMEOUTS = {"DATA": 120.0, ".": 600.0}  # seconds to wait for a reply (§4.5.3.2)
TIMEOUT = 300.0  # for all the others
WINDOW = 4096  # octets of commands that are said in one go (RFC 2920 §3.1)
ORIGINAL = re.compile(r"[!#-'*+\-/0-9?A-Z^-~]+;.")  # addr-type is an atom (RFC 3461 §4.2)
CODE = re.compile(rb"[2-5][0-5][0-9](?:[ -]|\r\n\Z)")
LARGEST_REPLY = 1_000_000  # octets
TLS = ("", "may", "must", "implicit")
TRUST = ("name", "chain", "any")


@dataclass(slots=True)
class Outcome:
    """How a delivery went: the last reply, and what was said to each recipient."""

    reply: str
    recipients: dict[str, str] = field(default_factory=dict)  # address -> reply
    offers: Collection[str] = field(default=(), compare=False)  # the extensions that the server offered

    @property
    def refused(self) -> dict[str, str]:
        """Those who will not get it."""
        return {address: reply for address, reply in self.recipients.items() if not reply.startswith("2")}

    def __str__(self) -> str:
        return self.reply


class Undelivered(Refused):
    """Nobody gets it.  ``str()`` is the last reply; `recipients` says what each one was told."""

    def __init__(self, reply: str, recipients: Mapping[str, str], offers: Collection[str] = ()) -> None:
        super().__init__("smtp.refused", reply)
        self.recipients, self.offers = dict(recipients), offers


@dataclass(slots=True)
class Mail:
    """A message and its envelope, as `send_mail` was given them."""

    sender: str
    recipients: Sequence[str]
    message: bytes
    ret: str = ""
    envid: str = ""
    notify: Mapping[str, Sequence[str]] = field(default_factory=dict)
    orcpt: Mapping[str, str] = field(default_factory=dict)
    requiretls: bool = False


def send_mail(
    host: str,
    port: int,
    helo: str,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    *,
    tls: str = "",
    trust: str = "name",
    tlsa: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    user: str = "",
    password: str = "",
    mechanism: str = "",
    nonce: str = "",
    pipelining: bool = False,
    chunk: int = 0,
    ret: str = "",
    envid: str = "",
    notify: Mapping[str, Sequence[str]] | None = None,
    orcpt: Mapping[str, str] | None = None,
    requiretls: bool = False,
    lenient: bool = False,
) -> Acts[Outcome]:
    """One message over one call.  Refused, when nobody gets it; who does not get it is in the outcome.

    `tls`: "" none, "may" if it is offered, "must" or nothing is sent, "implicit" (port 465).  `trust` is what the
    server's certificate must be: "name" one of its name, by an authority that is known, "chain" by such an authority,
    "any" whatever it shows; or it must match one of the `tlsa` records, for one of these `names` (RFC 7672).  With a
    `user` it logs in, by `mechanism`, or by the best that both sides know; SCRAM-SHA-256 needs a `nonce` that nobody
    can foresee.
    `pipelining` says all commands at once, `chunk` sends the message by BDAT in pieces of so many octets; both only
    where the server offers it, and so are `ret`, `envid`, `notify` and `orcpt` (by recipient; RFC 3461).  `lenient`
    sends a bare CR or LF as it is, which no client may (§2.3.8): smuggling needs it.
    """
    mail = Mail(sender, recipients, message, ret, envid, notify or {}, orcpt or {}, requiretls)
    login = Login(user, password, mechanism, nonce)
    check(helo, mail, tls, lenient)
    if trust not in TRUST:
        raise LabError(f"trust is one of {', '.join(map(repr, TRUST))}, not {trust!r}.")
    login.check()
    return call(host, port, Client(host, helo, tls, trust, tlsa, names).session(mail, login, pipelining, chunk))


def check_helo(helo: str) -> None:
    """LabError for what nobody can say in EHLO."""
    if not is_host(helo):
        raise LabError(f"{helo!r} is no name for a host: write it like 'mx.alpha.example' or '[192.0.2.1]'.")


def check(helo: str, mail: Mail, tls: str, lenient: bool) -> None:
    """Nothing that is not an address gets into a command, and nothing that is not lines into the data."""
    if tls not in TLS:
        raise LabError(f"tls is one of {', '.join(map(repr, TLS))}, not {tls!r}.")
    check_helo(helo)
    if not mail.recipients:
        raise LabError("A mail needs at least one recipient.")
    for address in [*mail.recipients, *([mail.sender] if mail.sender else [])]:
        if not is_mailbox(address) and (address != "postmaster" or address == mail.sender):
            raise LabError(f"{address!r} is no address: write it like 'bob@beta.example'.")
    if has_lone_cr_or_lf(mail.message) and not lenient:
        raise LabError("The message has a CR or an LF that stands alone: end its lines with \\r\\n.")
    if mail.ret not in ("", "FULL", "HDRS"):
        raise LabError(f"ret is 'FULL' or 'HDRS', not {mail.ret!r}.")
    if not mail.envid.isprintable():
        raise LabError(f"envid is printable text, not {mail.envid!r}.")
    for words in mail.notify.values():
        if list(words) != ["NEVER"] and not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
            raise LabError(f"notify is ['NEVER'], or some of SUCCESS, FAILURE and DELAY, not {list(words)}.")
    for original in mail.orcpt.values():
        if not ORIGINAL.match(original) or not original.isprintable():
            raise LabError(f"orcpt is like 'rfc822;bob@beta.example', not {original!r}.")


@dataclass(slots=True)
class Login:
    """Who logs in, and how."""

    user: str
    password: str
    mechanism: str
    nonce: str

    def check(self) -> None:
        try:
            sasl.prepared(self.user), sasl.prepared(self.password)
        except ValueError as wrong:
            raise LabError(f"The log-in does not work like this: {wrong}.") from None

    def choose(self, offered: Sequence[str], secure: bool) -> str:
        """The best that both know: in the clear rather one that does not send the password."""
        ways = ["CRAM-MD5", "PLAIN", "LOGIN"] if not secure else ["PLAIN", "LOGIN", "CRAM-MD5"]
        if self.nonce:
            ways = ["SCRAM-SHA-256", *ways]
        if self.mechanism:
            ways = [self.mechanism.upper()]
        for way in ways:
            if way in offered and way in sasl.CLIENT:
                return way
        text = f"504 5.7.4 {' or '.join(ways)} is not among {' '.join(offered) or 'nothing'}"
        raise Refused("smtp.no-mechanism", text, ways=" or ".join(ways), offered=" ".join(offered) or "nothing")


class Client:
    """One call, and what the server offers in it."""

    def __init__(
        self,
        host: str,
        helo: str,
        tls: str,
        trust: str = "name",
        tlsa: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
    ) -> None:
        self.host, self.helo, self.tls, self.trust = host, helo, tls, trust
        self.tlsa, self.names = tlsa, names
        self.lines = Lines(seconds=TIMEOUT)
        self.offers: dict[str, str] = {}  # extension -> its parameters
        self.secure = False

    def session(self, mail: Mail, login: Login, pipelining: bool, chunk: int) -> Acts[Outcome]:
        """From the greeting to QUIT, which is said in any case (§4.1.1.10)."""
        if self.tls == "implicit":
            yield from self.upgrade()
        try:
            accepted((yield from self.reply()))
            yield from self.hello()
            if self.tls in ("may", "must"):
                yield from self.start_tls()
            if login.user:
                yield from self.log_in(login)
            outcome = yield from self.transact(mail, pipelining, chunk)
        except Refused as no:
            if not str(no).startswith("421"):  # who says 421 has gone
                yield from self.quit()
            raise
        yield from self.quit()
        return outcome

    # -- hello, TLS, log-in

    def hello(self) -> Acts[None]:
        """EHLO, or HELO for who does not know it (§3.2)."""
        reply = yield from self.command(f"EHLO {self.helo}")
        self.offers = {}
        if reply.startswith("5"):
            accepted((yield from self.command(f"HELO {self.helo}")))
            return
        for line in accepted(reply).splitlines()[1:]:
            word, _, parameters = line[4:].partition(" ")
            self.offers[word.upper()] = parameters

    def start_tls(self) -> Acts[None]:
        """RFC 3207 §4: "may" goes on without where the server will not, "must" does not."""
        if "STARTTLS" not in self.offers:
            if self.tls == "must":
                raise Refused("smtp.no-starttls", "454 4.7.10 the server offers no STARTTLS, and TLS is a must")
            return
        reply = yield from self.command("STARTTLS")
        if not reply.startswith("2"):
            if self.tls == "must":
                raise Refused("smtp.no-starttls", f"454 4.7.10 the server does not begin TLS: {last(reply)}")
            return
        yield from self.upgrade()
        yield from self.hello()

    def upgrade(self) -> Acts[None]:
        """What was heard in the clear is forgotten, and what was offered too (RFC 3207 §4.2)."""
        self.lines.forget()
        yield Upgrade(self.host, self.trust, self.tlsa, self.names)
        self.secure = True

    def log_in(self, login: Login) -> Acts[None]:
        """RFC 4954 §4."""
        way = login.choose(self.offers.get("AUTH", "").upper().split(), self.secure)
        exchange = sasl.CLIENT[way](login.user, login.password, login.nonce)
        initial = next(exchange)
        line = f"AUTH {way} {base64.b64encode(initial).decode() or '='}"
        now = way not in sasl.SERVER_FIRST and len(line) + len(CRLF) <= LINE
        reply = yield from self.command(line if now else f"AUTH {way}")
        response: bytes | None = None if now or way in sasl.SERVER_FIRST else initial
        while reply.startswith("334"):
            if response is None:
                response = yield from self.respond(exchange, reply)
            reply = yield from self.command(base64.b64encode(response).decode())
            response = None
        accepted(reply)
        if not is_finished(exchange):
            raise Refused("smtp.unproved", f"454 4.7.0 {self.host} has not proved that it knows the password")

    def respond(self, exchange: sasl.Client, reply: str) -> Acts[bytes]:
        """The response to a challenge; ``*`` to one that makes no sense."""
        try:
            return exchange.send(sasl.decoded(reply[4:].strip().encode()))
        except StopIteration:
            wrong = "it goes on where the mechanism ends"
        except ValueError as why:
            wrong = str(why)
        yield from self.command("*")
        raise Refused("smtp.bad-challenge", f"454 4.7.0 {wrong}", wrong=wrong)

    # -- a mail

    def transact(self, mail: Mail, pipelining: bool, chunk: int) -> Acts[Outcome]:
        """MAIL, RCPT for each, and the message for those who were not refused."""
        commands = [f"MAIL FROM:<{mail.sender}>{self.mail_parameters(mail)}"]
        commands += [f"RCPT TO:<{one}>{self.rcpt_parameters(mail, one)}" for one in mail.recipients]
        by_chunks = chunk > 0 and "CHUNKING" in self.offers
        begun = ""
        if pipelining and "PIPELINING" in self.offers:
            if not by_chunks:
                commands.append("DATA")
            replies = yield from self.all_at_once(commands)
            if not by_chunks:
                begun = replies.pop()
        else:
            replies = yield from self.one_by_one(commands)
        told = dict(zip(mail.recipients, map(last, replies[1:]), strict=True))
        if not any(reply.startswith("2") for reply in told.values()) or not replies[0].startswith("2"):
            yield from self.take_back(begun)
            no = replies[-1] if replies[0].startswith("2") else replies[0]
            raise Undelivered(last(no), told, tuple(self.offers))
        deliver = self.send_chunks(mail.message, chunk) if by_chunks else self.send_data(mail.message, begun)
        reply = last((yield from deliver))
        if not reply.startswith("2"):
            told = {one: reply if before.startswith("2") else before for one, before in told.items()}
            raise Undelivered(reply, told, tuple(self.offers))
        return Outcome(reply, told, tuple(self.offers))

    def one_by_one(self, commands: Sequence[str]) -> Acts[list[str]]:
        """Say one, hear the reply, say the next; none after a MAIL that was refused."""
        replies = [(yield from self.command(commands[0]))]
        for command in commands[1:]:
            said_no = not replies[0].startswith("2")
            replies.append(replies[0] if said_no else (yield from self.command(command)))
        return replies

    def all_at_once(self, commands: Sequence[str]) -> Acts[list[str]]:
        """RFC 2920 §3.1: in as few pieces as fit, and then as many replies as there were commands."""
        replies = []
        for group in groups(commands):
            yield Say(b"".join(command.encode() + CRLF for command in group))
            for command in group:
                replies.append((yield from self.reply(command)))
        return replies

    def take_back(self, begun: str) -> Acts[None]:
        """RFC 2920 §3.1: DATA was answered 354 though nobody gets it; a dot alone ends that."""
        if begun.startswith("3"):
            yield Say(b".\r\n")
            yield from self.reply(".")

    def send_data(self, message: bytes, begun: str) -> Acts[str]:
        begun = begun or (yield from self.command("DATA"))
        if not begun.startswith("3"):
            return begun
        yield Say(stuff(message))
        return (yield from self.reply("."))

    def send_chunks(self, message: bytes, size: int) -> Acts[str]:
        """RFC 3030 §2: no dots are stuffed, since nobody looks for one; an empty message is one empty chunk."""
        reply = ""
        for at in range(0, len(message) or 1, size):
            piece = message[at : at + size]
            last_one = b" LAST" if at + size >= len(message) else b""
            yield Say(b"BDAT %d%s\r\n%s" % (len(piece), last_one, piece))
            reply = yield from self.reply(".")
            if not reply.startswith("2"):
                break
        return reply

    # -- parameters: only what was offered

    def mail_parameters(self, mail: Mail) -> str:
        """What MAIL says beside the sender; Refused, where the message needs what is not offered."""
        self.check_size(len(mail.message))
        self.check_requiretls(mail)
        words = [f"SIZE={len(mail.message)}"] if "SIZE" in self.offers else []
        if not mail.message.isascii():
            self.need("8BITMIME")
            words.append("BODY=8BITMIME")
        if not all(map(str.isascii, [mail.sender, *mail.recipients])) or not header(mail.message).isascii():
            self.need("SMTPUTF8")
            words.append("SMTPUTF8")
        if mail.requiretls:
            words.append("REQUIRETLS")
        if "DSN" in self.offers:
            words += [f"RET={mail.ret}"] if mail.ret else []
            words += [f"ENVID={xtext(mail.envid)}"] if mail.envid else []
        return "".join(f" {word}" for word in words)

    def rcpt_parameters(self, mail: Mail, recipient: str) -> str:
        if "DSN" not in self.offers:
            return ""
        notify, orcpt = mail.notify.get(recipient, ()), mail.orcpt.get(recipient, "")
        kind, _, address = orcpt.partition(";")
        words = [f"NOTIFY={','.join(notify)}"] if notify else []
        words += [f"ORCPT={kind};{xtext(address)}"] if orcpt else []
        return "".join(f" {word}" for word in words)

    def check_size(self, size: int) -> None:
        """RFC 1870 §6: 0, or no number, is no limit."""
        limit = self.offers.get("SIZE", "").strip()
        if limit.isascii() and limit.isdecimal() and 0 < int(limit) < size:
            text = f"552 5.3.4 the message has {size} octets, and {self.host} takes {limit}"
            raise Refused("smtp.over-offer", text, size=str(size), limit=limit)

    def check_requiretls(self, mail: Mail) -> None:
        """RFC 8689 §4.2.1."""
        if mail.requiretls and not self.secure:
            raise Refused("smtp.requiretls-clear", "550 5.7.10 REQUIRETLS needs TLS, and there is none")
        if mail.requiretls and "REQUIRETLS" not in self.offers:
            raise Refused("smtp.requiretls-unknown", f"550 5.7.30 {self.host} does not offer REQUIRETLS")

    def need(self, extension: str) -> None:
        if extension in self.offers:
            return
        if extension == "8BITMIME":
            raise Refused("smtp.no-8bitmime", f"554 5.6.3 octets beyond ASCII, and {self.host} offers no 8BITMIME")
        raise Refused(
            "smtp.no-smtputf8", f"553 5.6.7 addresses or header beyond ASCII, and {self.host} has no SMTPUTF8"
        )

    # -- words

    def quit(self) -> Acts[None]:
        """Politely; a server that has gone already changes nothing."""
        with suppress(Hungup, Quiet, Refused):
            yield from self.command("QUIT")

    def command(self, text: str) -> Acts[str]:
        yield Say(text.encode() + CRLF)
        return (yield from self.reply(text))

    def reply(self, command: str = "") -> Acts[str]:
        """All its lines (§4.2.1); Refused by 421, which may answer anything, and ends the call (§3.8)."""
        self.lines.seconds = TIMEOUTS.get(command, TIMEOUT)
        pieces = [(yield from self.line())]
        size = len(pieces[0])
        while CODE.match(pieces[-1]) and pieces[-1][3:4] == b"-" and size <= LARGEST_REPLY:
            pieces.append((yield from self.line()))
            size += len(pieces[-1])
        whole = b"".join(pieces)
        yield Hear(whole)
        if size > LARGEST_REPLY or not all(CODE.match(line) and line[:3] == whole[:3] for line in pieces):
            raise bad_reply(pieces[-1])
        text = whole.decode("utf-8", "backslashreplace")
        if text.startswith("421"):
            raise Refused("smtp.refused", last(text))
        return text

    def line(self) -> Acts[bytes]:
        """One line; Refused where it is far too long."""
        try:
            return (yield from self.lines.line())
        except TooLong as long:
            yield Hear(long.start)
            raise bad_reply(long.start) from None


def groups(commands: Sequence[str]) -> Iterator[list[str]]:
    """As many commands together as fit in a window."""
    group: list[str] = []
    size = 0
    for command in commands:
        size += len(command.encode()) + len(CRLF)
        if group and size > WINDOW:
            yield group
            group, size = [], len(command.encode()) + len(CRLF)
        group.append(command)
    yield group


def is_finished(exchange: sasl.Client) -> bool:
    """Whether the client's side of a mechanism has nothing left to say or to hear."""
    try:
        exchange.send(b"")
    except StopIteration:
        return True
    except ValueError:
        return False
    return False


def header(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[0]


def xtext(text: str) -> str:
    """RFC 3461 §4: ``"a=b"`` -> ``"a+3Db"``."""
    return "".join(letter if "!" <= letter <= "~" and letter not in "+=" else hexed(letter) for letter in text)


def hexed(letter: str) -> str:
    return "".join(f"+{octet:02X}" for octet in letter.encode())


def last(reply: str) -> str:
    """The last line of a reply."""
    return reply.rstrip("\r\n").rpartition("\n")[2]


def bad_reply(line: bytes) -> Refused:
    said = line[:60].decode("ascii", "backslashreplace").strip()
    return Refused("smtp.bad-reply", "451 4.5.0 what the server says is no reply", said=said)


def accepted(reply: str) -> str:
    if not reply.startswith("2"):
        raise Refused("smtp.refused", last(reply))
    return reply
