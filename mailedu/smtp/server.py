"""SMTP, the server's side (RFC 5321 and its extensions: 1870 2034 2920 3030 3207 3461 4954 6152 6531 8689 9422).

    S: 220 mx.beta.example ESMTP
    C: EHLO mx.alpha.example            GREETED: nobody has said hello
    S: 250 …                            READY: hello was said; no mail is under way
    C: MAIL FROM:<alice@alpha.example>
    S: 250 2.1.0 sender ok              MAIL: a transaction has begun
    C: RCPT TO:<bob@beta.example>
    S: 250 2.1.5 recipient ok           RCPT: somebody will get it
    C: DATA
    S: 354 …                            DATA: all that comes is the message, up to CRLF . CRLF
    C: .
    S: 250 2.0.0 …                      READY again: the server has taken the mail over

No socket, no DNS: it yields what it does, and asks its `mta` whom and what to take.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from .. import sasl
from ..acts import (
    Acts,
    Enter,
    Hear,
    Hungup,
    LabError,
    Quiet,
    Refused,
    Rule,
    Say,
    TlsFailed,
    TooLong,
    Upgrade,
    answer,
    nested,
)
from ..clock import Clock
from ..wire import CRLF, Lines, has_lone_cr_or_lf, unstuff
from .envelope import Envelope, Mta
from .grammar import LINE, SASL_LINE, WIDER, WIDEST, Parameters, Path, Reader, spans
from .lenient import ENDS, KEEPS, LenientLines, ends_properly, with_crlf
from .parameters import apply_mail, apply_recipient
from .reply import plain, written
from .states import (
    BEFORE_LOGIN,
    BEFORE_TLS,
    CLOSED,
    COMMANDS,
    DATA,
    EXTENSIONS,
    GREETED,
    HELP,
    HISTORY,
    NO_SERVICE,
    TABLE,
)

IDLE = 300.0  # seconds of silence after which a session ends (§4.5.3.2.7)
TEXT_LINE = 1000  # octets of a line of a message, with its CRLF (§4.5.3.1.6)
LARGEST = 10_240_000  # octets of a message, where nobody says otherwise
PIECE = 65_536  # a chunk that is refused is read in pieces of this size
WORD = re.compile(rb"[!-~]{1,20}")

Interfere = Callable[[str, Sequence[str], bool], Acts[None]]  # (command, or "greeting", or "."; for whom; done?)
Etrn = Callable[[Envelope, str], Acts[str]]  # starts the queue for a host; returns the reply, or raises Refused


class SmtpServer:
    """One session of an SMTP server.

    `users`: name -> (password, address).  `tls` offers STARTTLS; `implicit` begins with TLS (port 465); with
    `tls_required` nothing goes on without it.  `auth` is "offered", "required" (a submission server's) or "off".  With
    `plain_needs_tls` no password is taken in the clear; that is how a real server should be set up, and not the lab's
    default, so that a password on the wire can be seen.  CRAM-MD5 and SCRAM-SHA-256 need a `clock`: it has the only
    dice.  `size` is the largest message, 0 for no limit; `most_mails` 0 for any number a session.  `without` names
    extensions not to offer.  `service=False` is a host that takes no mail.  `lenient`: see lenient.py.
    `keeps_plaintext` is the bug of 2011: what came behind STARTTLS in the clear is obeyed under TLS.  `interfere` is
    asked before and after each command, and may make it go wrong: it waits, refuses, or ends the session.
    """

    table = TABLE
    spans = staticmethod(spans)

    def __init__(
        self,
        host: str,
        client: str,
        mta: Mta,
        *,
        users: Mapping[str, tuple[str, str]] | None = None,
        tls: bool = False,
        implicit: bool = False,
        tls_required: bool = False,
        auth: str = "offered",
        plain_needs_tls: bool = False,
        clock: Clock | None = None,
        size: int = LARGEST,
        most_recipients: int = 1000,
        most_mails: int = 0,
        without: Collection[str] = (),
        etrn: Etrn | None = None,
        service: bool = True,
        lenient: str = "",
        keeps_plaintext: bool = False,
        interfere: Interfere | None = None,
    ) -> None:
        if auth not in ("offered", "required", "off"):
            raise LabError(f'auth is "offered", "required" or "off", not {auth!r}.')
        if most_recipients < 100:
            raise LabError("A server takes at least 100 recipients a mail (RFC 5321 §4.5.3.1.8): say 100 or more.")
        if unknown := set(without) - set(EXTENSIONS):
            raise LabError(f"No extension is called {min(unknown)}: there are {', '.join(EXTENSIONS)}.")
        if lenient not in ("", KEEPS, ENDS):
            raise LabError(f'lenient is "" (as the RFC says), "{KEEPS}" or "{ENDS}", not {lenient!r}.')
        self.host, self.client, self.mta, self.users = host, client, mta, users or {}
        self.tls, self.implicit, self.tls_required = tls, implicit, tls_required
        self.auth, self.plain_needs_tls, self.clock = auth, plain_needs_tls, clock
        self.size, self.most_recipients, self.most_mails = size, most_recipients, most_mails
        self.without, self.etrn, self.service, self.lenient = frozenset(without), etrn, service, lenient
        self.most = size or 2**62  # octets of a message
        self.keeps_plaintext = keeps_plaintext
        self.interfere = interfere
        self.lines = LenientLines(seconds=IDLE) if lenient == ENDS else Lines(seconds=IDLE)
        self.state = GREETED if service else NO_SERVICE
        self.envelope = Envelope(client)
        self.widths: dict[str, int] = {}  # command -> octets of its line, where an extension that we offered widens it
        self.mails = 0  # transactions begun
        self.refused = 0  # recipients of this transaction
        self.chunks: list[bytes] = []  # what BDAT brought so far
        self.unread = 0  # octets of a chunk still on their way

    # -- a session

    def session(self) -> Acts[None]:
        """From greeting to goodbye; when this generator ends, the line is cut."""
        try:
            if self.implicit:
                yield from self.upgrade()
            yield from self.greet()
            while self.state != CLOSED:
                yield from self.exchange()
        except TlsFailed:
            yield from self.enter(CLOSED)
        except Hungup:
            yield Rule("smtp.hung-up", self.state)
            yield from self.enter(CLOSED)
        except Quiet:
            yield Rule("smtp.silent", self.state, {"minutes": f"{IDLE / 60:.0f}"})
            yield Say(f"421 4.4.2 {self.host} you were silent for too long\r\n".encode())
            yield from self.enter(CLOSED)

    def greet(self) -> Acts[None]:
        """§3.1; 554 instead of 220 where there is no service."""
        if self.interfere:
            try:
                yield from self.interfere("greeting", (), False)
            except Refused as no:
                yield Rule(no.rule, "refused", no.because)
                yield Say(written(plain(str(no))))
                yield from self.enter(CLOSED if str(no).startswith("421") else NO_SERVICE)
                return
        yield Say(f"{'220' if self.service else '554'} {self.host} ESMTP mailedu\r\n".encode())
        yield Enter(self.state)

    def exchange(self) -> Acts[None]:
        """One command and its reply."""
        try:
            line = yield from self.lines.line(WIDEST)
        except TooLong as long:
            verb = title(long.start)
            yield from nested(verb, self.refuse("?", self.long_line(verb)))
        else:
            yield from nested(title(line), self.obey(line))

    def obey(self, line: bytes) -> Acts[str]:
        """Read a command, do it, answer it, move on; returns the outcome."""
        yield Hear(line)
        if self.lenient == ENDS and not line.endswith(CRLF):
            yield Rule("smtp.lenient-line", "taken")
            line = with_crlf(line)
        verb = "?"
        try:
            reader = Reader(line)
            verb = reader.verb()
            self.check_length(verb, line)
            self.check_known(verb)
            if verb == "BDAT":
                verb = self.announce(line)
            self.check(verb)
            word = verb.split()[0]
            handler: Callable[..., Acts[str]] = getattr(self, "do_" + word)
            arguments = reader.arguments(word)
            if self.interfere:
                yield from self.interfere(verb, self.concerned(verb, arguments), False)
            reply = yield from handler(*arguments)
            if self.interfere and self.state != DATA:
                yield from self.interfere(verb, self.concerned(verb, arguments), True)
        except Refused as no:
            return (yield from self.refuse(verb, no))
        yield Say(written(reply, self.may_say_utf8(word, reply)))
        if verb == "STARTTLS":
            return (yield from self.start_tls())
        yield from self.move("." if self.state == DATA else verb, "ok")
        return "ok"

    def concerned(self, verb: str, arguments: Sequence[object]) -> Sequence[str]:
        """Whom a command is about: the one that RCPT names, or all of the mail that is under way."""
        if verb != "RCPT":
            return self.envelope.recipients
        assert isinstance(arguments[0], Path)
        return [arguments[0].mailbox]

    def refuse(self, verb: str, no: Refused) -> Acts[str]:
        """The reply that says no; 421 ends the session (§3.8)."""
        yield from self.read_unread()
        yield Rule(no.rule, "refused", no.because)
        text = str(no)
        yield Say(written(plain(text) if verb in ("EHLO", "HELO") else text, self.may_say_utf8(verb, text)))
        if text.startswith("421"):
            yield from self.enter(CLOSED)
        elif self.state == DATA:
            yield from self.move(".", "err")
        elif self.table.allows(self.state, verb):
            self.refused += verb == "RCPT"
            yield from self.move(verb, "err")
        return "err"

    def may_say_utf8(self, verb: str, reply: str) -> bool:
        """RFC 6531 §3.7.4: VRFY and EXPN look after it themselves; else only where an address is the answer."""
        return verb in ("VRFY", "EXPN") or (self.envelope.smtputf8 and reply[:3] in ("251", "551"))

    # -- may it be said now?

    def check_known(self, verb: str) -> None:
        if verb in HISTORY:
            raise HISTORY[verb]()
        if verb not in COMMANDS:
            raise Refused("smtp.unknown", f"500 5.5.2 {verb} is not a command", command=verb)

    def check_length(self, verb: str, line: bytes) -> None:
        """512 octets, and what the extensions we offered add (§4.5.3.1.4)."""
        if len(line) > LINE and len(line) > self.widths.get(verb, LINE):
            raise self.long_line(verb)

    def long_line(self, verb: str) -> Refused:
        limit = self.widths.get(verb, LINE)
        text = f"500 5.5.2 line too long: at most {limit} octets"
        return Refused("smtp.long-line", text, limit=str(limit), command=verb)

    def check(self, verb: str) -> None:
        """§4.1.4; then what the operator asks for first."""
        if verb in self.without:
            raise self.not_offered(verb, verb)
        if not self.table.allows(self.state, verb):
            raise self.out_of_order(verb)
        if self.tls_required and not self.envelope.tls and verb not in BEFORE_TLS:
            raise Refused("smtp.tls-required", "530 5.7.0 STARTTLS first", command=verb)
        if self.auth == "required" and not self.envelope.user and verb not in BEFORE_LOGIN:
            raise Refused("smtp.auth-required", "530 5.7.0 AUTH first", command=verb)

    def out_of_order(self, verb: str) -> Refused:
        match self.state, verb.split()[0]:
            case ("GREETED", _):
                return Refused("smtp.hello-first", "503 5.5.1 EHLO or HELO first", command=verb)
            case ("NO SERVICE", _):
                return Refused("smtp.no-service", "503 5.5.1 no mail is taken here: QUIT", command=verb)
            case ("FAILED", _):
                return Refused("smtp.reset-first", "503 5.5.1 a chunk was refused: RSET first", command=verb)
            case ("MAIL" | "RCPT" | "BDAT", "MAIL"):
                return Refused("smtp.nested-mail", "503 5.5.1 a mail is under way already; RSET gives it up")
            case ("READY", "RCPT" | "DATA" | "BDAT"):
                return Refused("smtp.mail-first", "503 5.5.1 MAIL first", command=verb)
            case ("MAIL", "DATA" | "BDAT") if self.refused:
                return Refused("smtp.no-recipients", "554 5.5.1 no valid recipients", refused=str(self.refused))
            case ("MAIL", "DATA" | "BDAT"):
                return Refused("smtp.rcpt-first", "503 5.5.1 RCPT first", command=verb)
            case ("BDAT", "DATA" | "RCPT"):
                return Refused("smtp.chunks-began", f"503 5.5.1 {verb} has no place between chunks", command=verb)
        return Refused("smtp.in-transaction", f"503 5.5.1 no {verb} while a mail is under way", command=verb)

    # -- from state to state: only what the table says

    def move(self, verb: str, outcome: str) -> Acts[None]:
        yield from self.enter(self.table.next(self.state, verb, outcome))

    def enter(self, state: str) -> Acts[None]:
        if state != self.state:
            self.state = state
            yield Enter(state)

    def forget_mail(self) -> None:
        """What RSET, hello and the end of a transaction do: nothing is left of it (§4.1.1.5)."""
        self.envelope = self.new_envelope()
        self.refused, self.chunks = 0, []

    def new_envelope(self) -> Envelope:
        """What is known of the session, and nothing of a mail."""
        old = self.envelope
        return Envelope(old.client, old.helo, tls=old.tls, user=old.user, extended=old.extended)

    # -- TLS (RFC 3207 §4; port 465: RFC 8314 §3.3)

    def do_STARTTLS(self) -> Acts[str]:
        if self.envelope.tls:
            raise Refused("smtp.tls-already", "503 5.5.1 TLS is there already")
        self.need("STARTTLS", "STARTTLS")
        return answer("220 2.0.0 go ahead")

    def start_tls(self) -> Acts[str]:
        try:
            yield from self.upgrade()
        except TlsFailed:
            yield from self.move("STARTTLS", "tls-failed")
            return "tls-failed"
        yield from self.move("STARTTLS", "ok")
        return "ok"

    def upgrade(self) -> Acts[None]:
        """TLS from here on; whatever was said in the clear is forgotten (RFC 3207 §4.2)."""
        if not self.keeps_plaintext:
            self.lines.forget()
        elif self.lines.rest[self.lines.at :]:
            yield Rule("smtp.keeps-plaintext", "kept", {"octets": str(len(self.lines.rest) - self.lines.at)})
        try:
            yield Upgrade()
        except TlsFailed as why:
            yield Rule("smtp.tls-failed", str(why))
            raise
        self.envelope, self.widths = Envelope(self.client, tls=True), {}

    # -- hello

    def do_EHLO(self, name: str) -> Acts[str]:
        self.hello(name, extended=True)
        return answer("\n".join([f"250 {self.host} greets {name}", *self.words()]))

    def do_HELO(self, name: str) -> Acts[str]:
        self.hello(name, extended=False)
        return answer(f"250 {self.host} greets {name}")

    def hello(self, name: str, extended: bool) -> None:
        self.envelope.helo, self.envelope.extended = name, extended
        self.forget_mail()
        self.widths = {}
        for (verb, extension), more in WIDER.items():
            if self.offers(extension):
                self.widths[verb] = self.widths.get(verb, LINE) + more

    def offers(self, extension: str) -> bool:
        """Whether EHLO lists it, here and now."""
        if extension in self.without or not self.envelope.extended:
            return False
        match extension:
            case "STARTTLS":
                return self.tls and not self.envelope.tls
            case "AUTH":
                return bool(self.mechanisms())
            case "REQUIRETLS":
                return self.envelope.tls  # RFC 8689 §2: only over TLS
            case "SMTPUTF8":
                return "8BITMIME" not in self.without  # RFC 6531 §3.1: not the one without the other
        return extension in EXTENSIONS

    def need(self, extension: str, verb: str) -> None:
        """A command of an extension is for who was offered it."""
        if not self.envelope.extended:
            raise Refused("smtp.ehlo-first", f"503 5.5.1 {verb} comes after EHLO", command=verb)
        if not self.offers(extension):
            raise self.not_offered(extension, verb)

    def not_offered(self, extension: str, verb: str) -> Refused:
        text = f"502 5.5.1 {extension} was not offered"
        return Refused("smtp.not-offered", text, command=verb, extension=extension)

    def words(self) -> list[str]:
        """What EHLO lists."""
        parameters = {"SIZE": str(self.size), "AUTH": " ".join(self.mechanisms()), "LIMITS": self.limits()}
        return [f"{word} {parameters.get(word, '')}".rstrip() for word in EXTENSIONS if self.offers(word)]

    def limits(self) -> str:
        """RFC 9422: what will be refused is told beforehand."""
        return f"RCPTMAX={self.most_recipients}" + (f" MAILMAX={self.most_mails}" if self.most_mails else "")

    # -- AUTH (RFC 4954 §4)

    def mechanisms(self) -> list[str]:
        """Those that may be used now."""
        if self.auth == "off":
            return []
        may_be_plain = self.envelope.tls or not self.plain_needs_tls
        return [name for name in sasl.SERVER if (may_be_plain if name in sasl.PLAINTEXT else self.clock)]

    def do_AUTH(self, mechanism: str, initial: bytes | None) -> Acts[str]:
        """Challenges and responses, each a line of base64."""
        self.check_mechanism(mechanism)
        exchange = sasl.SERVER[mechanism](self.users, self.host, self.clock)
        try:
            challenge = next(exchange)
            if initial is not None:
                self.check_initial(mechanism, challenge)
                challenge = exchange.send(b"" if initial == b"=" else sasl.decoded(initial))
            while True:
                challenge = exchange.send((yield from self.challenge(challenge)))
        except StopIteration as end:
            user: str = end.value
        except ValueError as wrong:
            raise Refused("smtp.sasl", f"501 5.5.2 {wrong}", mechanism=mechanism, wrong=str(wrong)) from None
        if not user:
            raise Refused("smtp.credentials", "535 5.7.8 name and password do not fit together", mechanism=mechanism)
        self.envelope.user = self.users[user][1]
        return f"235 2.7.0 welcome, {self.envelope.user}"

    def check_mechanism(self, mechanism: str) -> None:
        if self.envelope.user:
            raise Refused("smtp.auth-already", "503 5.5.1 you are logged in already", user=self.envelope.user)
        if mechanism in sasl.PLAINTEXT and self.plain_needs_tls and not self.envelope.tls:
            raise Refused("smtp.auth-needs-tls", f"538 5.7.11 {mechanism} needs TLS", mechanism=mechanism)
        self.need("AUTH", "AUTH")
        if mechanism not in self.mechanisms():
            raise Refused("smtp.mechanism", f"504 5.5.4 {mechanism} is not offered", mechanism=mechanism)

    def check_initial(self, mechanism: str, challenge: bytes) -> None:
        """No initial response where the server speaks first; but for LOGIN, which never was a standard."""
        if challenge and mechanism != "LOGIN":
            raise Refused("smtp.initial", f"501 5.7.0 in {mechanism} the server speaks first", mechanism=mechanism)

    def challenge(self, challenge: bytes) -> Acts[bytes]:
        """Say it, hear the response; ``*`` takes AUTH back."""
        yield Say(b"334 " + base64.b64encode(challenge) + CRLF)
        try:
            line = yield from self.lines.line(SASL_LINE)
        except TooLong:
            text = f"500 5.5.6 a response has at most {SASL_LINE} octets"
            raise Refused("smtp.long-response", text, limit=str(SASL_LINE)) from None
        yield Hear(line)
        response = line.removesuffix(b"\n").removesuffix(b"\r")
        if response == b"*":
            raise Refused("smtp.cancelled", "501 5.7.0 cancelled, as you wish")
        return sasl.decoded(response)

    # -- a mail

    def do_MAIL(self, path: Path, parameters: Parameters) -> Acts[str]:
        if self.most_mails and self.mails >= self.most_mails:
            raise Refused("smtp.too-many-mails", "421 4.3.2 that is enough for one session", limit=str(self.most_mails))
        envelope = self.new_envelope()
        envelope.sender = path.mailbox
        apply_mail(envelope, parameters, self.offers, self.most)
        yield from self.note_route(path)
        reply = yield from self.mta.sender(envelope, path.mailbox)
        self.envelope = envelope
        self.mails += 1
        return reply or "250 2.1.0 sender ok"

    def do_RCPT(self, path: Path, parameters: Parameters) -> Acts[str]:
        envelope, recipient = self.envelope, path.mailbox
        if len(envelope.recipients) >= self.most_recipients:
            text = f"452 4.5.3 at most {self.most_recipients} recipients a mail"
            raise Refused("smtp.too-many-recipients", text, limit=str(self.most_recipients))
        notify, orcpt = apply_recipient(envelope, recipient, parameters, self.offers)
        yield from self.note_route(path)
        reply = yield from self.mta.recipient(envelope, recipient)
        if recipient not in envelope.recipients:
            envelope.recipients.append(recipient)
        if notify:
            envelope.notify[recipient] = notify
        if orcpt:
            envelope.orcpt[recipient] = orcpt
        return reply or "250 2.1.5 recipient ok"

    def note_route(self, path: Path) -> Acts[None]:
        if path.route:
            yield Rule("smtp.source-route", "ignored", {"route": path.route, "mailbox": path.mailbox})

    def do_DATA(self) -> Acts[str]:
        yield Say(b"354 the message, then a line with a dot alone\r\n")
        yield from self.move("DATA", "ok")
        try:
            block = yield from self.lines.block(self.most + self.most // 3 + 5)  # each line may have one dot more
        except TooLong:
            self.forget_mail()
            raise self.too_big() from None
        yield Hear(block)
        if self.lenient == ENDS and not ends_properly(block):
            yield Rule("smtp.lenient-end", "broken")
        return (yield from self.take(unstuff(with_crlf(block) if self.lenient == ENDS else block)))

    def take(self, message: bytes) -> Acts[str]:
        """The message is here: is it one, and does the mta want it?  Whatever comes of it, the transaction is over."""
        envelope = self.envelope
        self.forget_mail()
        if len(message) > self.most:
            raise self.too_big()
        lines = message.split(CRLF)
        if has_lone_cr_or_lf(message, pairs=len(lines) - 1):
            if not self.lenient:
                raise Refused("smtp.bare-newline", "554 5.6.0 a CR or an LF stands alone")
            yield Rule("smtp.lenient-newline", "broken")
        if max(map(len, lines)) + len(CRLF) > TEXT_LINE:
            text = f"500 5.6.0 a line of a message has at most {TEXT_LINE} octets"
            raise Refused("smtp.long-text-line", text, limit=str(TEXT_LINE))
        if b"\0" in message:
            yield Rule("smtp.nul", "kept")
        if envelope.body == "7BIT" and not message.isascii():
            yield Rule("smtp.eight-bits", "kept")
        if self.interfere:
            yield from self.interfere(".", envelope.recipients, False)
        reply = yield from self.mta.receive(envelope, message)
        if self.interfere:
            yield from self.interfere(".", envelope.recipients, True)
        return reply

    def too_big(self) -> Refused:
        return Refused("smtp.too-big", f"552 5.3.4 a message has at most {self.most} octets", limit=str(self.most))

    # -- BDAT (RFC 3030 §2): a chunk comes whether we want it or not

    def announce(self, line: bytes) -> str:
        """How many octets follow; returns the command's name in the table."""
        reader = Reader(line)
        reader.verb()
        size, last = reader.arguments("BDAT")
        assert isinstance(size, int)
        self.unread = size
        return "BDAT LAST" if last else "BDAT"

    def read_unread(self) -> Acts[None]:
        """What is left of a chunk that we do not take."""
        while self.unread:
            count = min(self.unread, PIECE)
            yield Hear((yield from self.lines.octets(count)))
            self.unread -= count

    def do_BDAT(self, size: int, last: bool) -> Acts[str]:
        self.need("CHUNKING", "BDAT")
        have = sum(map(len, self.chunks))
        if have + size > self.most:
            raise self.too_big()
        if size:
            chunk = yield from self.lines.octets(size)
            self.unread = 0
            yield Hear(chunk)
            self.chunks.append(chunk)
        if not last:
            return f"250 2.0.0 {have + size} octets so far"
        return (yield from self.take(b"".join(self.chunks)))

    # -- the rest

    def do_RSET(self) -> Acts[str]:
        self.forget_mail()
        return answer("250 2.0.0 forgotten")

    def do_NOOP(self, text: str) -> Acts[str]:
        return answer("250 2.0.0 nothing done")

    def do_QUIT(self) -> Acts[str]:
        return answer(f"221 2.0.0 {self.host} says goodbye")

    def do_HELP(self, topic: str) -> Acts[str]:
        if not topic:
            return answer("\n".join(["214 2.0.0 this may be said:", *HELP.values()]))
        word = topic.upper()
        if word in HISTORY:
            raise HISTORY[word]()
        if word not in HELP:
            raise Refused("smtp.no-help", "504 5.5.4 no help on that", topic=topic)
        return answer(f"214 2.0.0 {HELP[word]}")

    def do_VRFY(self, name: str, utf8: bool) -> Acts[str]:
        return self.look_up("VRFY", self.mta.verify, name, utf8)

    def do_EXPN(self, name: str, utf8: bool) -> Acts[str]:
        return self.look_up("EXPN", self.mta.expand, name, utf8)

    def look_up(self, verb: str, ask: Callable[[Envelope, str], Acts[str]], name: str, utf8: bool) -> Acts[str]:
        """RFC 6531 §3.7.4.2: UTF-8 in name or answer only where SMTPUTF8 was said."""
        if utf8:
            self.need("SMTPUTF8", "SMTPUTF8")
        elif not name.isascii():
            raise Refused("smtp.ascii-only", "553 5.6.7 a name beyond ASCII needs SMTPUTF8", address=name)
        reply = yield from ask(self.envelope, name)
        if not reply.isascii() and not utf8:
            raise Refused("smtp.utf8-reply", "550 5.6.8 the answer is beyond ASCII: say SMTPUTF8", command=verb)
        return reply

    def do_ETRN(self, node: str) -> Acts[str]:
        """RFC 1985 §5."""
        self.need("ETRN", "ETRN")
        if self.etrn is None:
            raise Refused("smtp.etrn", f"459 4.7.1 {node} may not start our queue", node=node)
        return self.etrn(self.envelope, node)


def title(line: bytes) -> str:
    """What the exchange is called: the first word, in capitals."""
    found = WORD.match(line)
    return found[0].decode("ascii").upper() if found else "?"
