"""POP3, the server's side (RFC 1939, with RFC 2449, 2595, 5034 and 6856).

S: +OK pop.beta.example POP3 server ready
C: USER bob                  AUTHORIZATION: nobody yet
S: +OK now the password
C: PASS lab-bob
S: +OK maildrop open, 3 messages
C: DELE 1                    TRANSACTION: alone with the maildrop
S: +OK message 1 marked
C: QUIT                      UPDATE: what was marked is removed, and at no other moment
S: +OK 1 message removed, goodbye
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import sasl
from ..acts import (
    Acts,
    Enter,
    Hear,
    Hungup,
    Quiet,
    Refused,
    Remove,
    Rule,
    Say,
    TlsFailed,
    TooLong,
    Upgrade,
    answer,
    nested,
)
from ..clock import Clock
from ..mailbox import Mailbox, Message
from ..table import Row, Table
from ..wire import CRLF, LONE, Lines, has_lone_cr_or_lf, stuff
from .grammar import LINE, SASL_LINE, Reader, spans

AUTHORIZATION = "AUTHORIZATION"
PASSWORD = "PASSWORD"  # AUTHORIZATION, right after USER
TRANSACTION = "TRANSACTION"
UPDATE = "UPDATE"
CLOSED = "CLOSED"
BEFORE_LOGIN = (AUTHORIZATION, PASSWORD)  # one state to the RFC: all that may be said in it may be said after USER too

TABLE = Table(
    "POP3",
    [
        # state, command, outcome, next state, section of RFC 1939
        Row(AUTHORIZATION, "USER", "ok", PASSWORD, "7"),
        Row(AUTHORIZATION, "USER", "err", AUTHORIZATION, "7"),
        Row(PASSWORD, "USER", "ok", PASSWORD, "7"),
        Row(PASSWORD, "USER", "err", AUTHORIZATION, "7"),
        Row(PASSWORD, "PASS", "ok", TRANSACTION, "7"),
        Row(PASSWORD, "PASS", "err", AUTHORIZATION, "7"),
        *(
            Row(state, command, outcome, after, section)
            for state in BEFORE_LOGIN
            for command, outcome, after, section in [
                ("APOP", "ok", TRANSACTION, "7"),
                ("APOP", "err", AUTHORIZATION, "7"),
                ("AUTH", "ok", TRANSACTION, "RFC 5034 §4"),
                ("AUTH", "err", AUTHORIZATION, "RFC 5034 §4"),
                ("STLS", "ok", AUTHORIZATION, "RFC 2595 §4"),
                ("STLS", "err", state, "RFC 2595 §4"),
                ("STLS", "tls-failed", CLOSED, "RFC 2595 §2.2"),
                ("UTF8", "ok", state, "RFC 6856 §2.1"),
                ("UTF8", "err", state, "RFC 6856 §2.1"),
                ("QUIT", "ok", CLOSED, "4"),
                ("QUIT", "err", state, "4"),
            ]
        ),
        *(
            Row(TRANSACTION, command, outcome, TRANSACTION, section)
            for command, section in [
                ("STAT", "5"),
                ("LIST", "5"),
                ("RETR", "5"),
                ("DELE", "5"),
                ("NOOP", "5"),
                ("RSET", "5"),
                ("TOP", "7"),
                ("UIDL", "7"),
            ]
            for outcome in ("ok", "err")
        ),
        Row(TRANSACTION, "QUIT", "ok", UPDATE, "6"),
        Row(TRANSACTION, "QUIT", "err", TRANSACTION, "6"),
        Row(UPDATE, "QUIT", "ok", CLOSED, "6"),
        *(
            Row(state, command, outcome, state, section)
            for state in (*BEFORE_LOGIN, TRANSACTION)
            for command, section in [("CAPA", "RFC 2449 §5"), ("LANG", "RFC 6856 §3")]
            for outcome in ("ok", "err")
        ),
    ],
    labels={PASSWORD: AUTHORIZATION},  # the RFC knows one state; that USER came is what makes it two
)

IDLE = 600.0  # seconds of silence after which a session ends without UPDATE (§3)
HANDFUL = 65_536  # a longer reply is said in several pieces
WORD = re.compile(rb"[!-~]{1,20}")
LANGUAGES = {"en": "English"}
COMMANDS = frozenset(TABLE.commands)


Interfere = Callable[[str, Sequence[str], bool], Acts[None]]  # (command; nobody; done?): it may go wrong


class Reply(NamedTuple):
    """What stands after ``+OK``, and the lines that follow, if any, with the dot that ends them."""

    text: str = ""
    lines: bytes = b""

    def __bytes__(self) -> bytes:
        return b"+OK%s\r\n%s" % (f" {self.text}".encode() if self.text else b"", self.lines)


class Pop3Server:
    """One session of a POP3 server.

    `users`: name -> (password, address); `boxes`: the world's mailboxes, by address.  `tls` offers STLS; `implicit`
    begins with TLS (port 995).  With `plain_needs_tls` no password is taken in the clear; that is how a real server
    should be set up, and not the lab's: its lines are read.  A `clock` brings dice for APOP, CRAM-MD5 and SCRAM, and
    `login_delay` can be kept.  With `keeps_nothing` the house removes what was fetched, at QUIT (RFC 2449 §6.7).
    `keeps_plaintext` is the bug of 2011: what came behind STLS in the clear is obeyed under TLS.
    """

    table = TABLE
    spans = staticmethod(spans)

    def __init__(
        self,
        host: str,
        client: str,
        users: Mapping[str, tuple[str, str]],
        boxes: Mapping[str, Mailbox],
        *,
        tls: bool = False,
        implicit: bool = False,
        clock: Clock | None = None,
        plain_needs_tls: bool = False,
        login_delay: int = 0,
        keeps_nothing: bool = False,
        tells_count: bool = True,
        keeps_plaintext: bool = False,
        interfere: Interfere | None = None,
    ) -> None:
        self.host, self.client, self.users, self.boxes = host, client, users, boxes
        self.tls, self.implicit, self.clock = tls, implicit, clock
        self.plain_needs_tls, self.login_delay = plain_needs_tls, login_delay
        self.keeps_nothing, self.tells_count = keeps_nothing, tells_count
        self.keeps_plaintext = keeps_plaintext
        self.interfere = interfere
        self.lines = Lines(seconds=IDLE)
        self.state = AUTHORIZATION
        self.secure = False  # TLS is under the session
        self.utf8 = False  # the client said UTF8
        self.user = ""  # whom USER named
        self.stamp = ""  # the greeting's timestamp, for APOP
        self.address = ""  # whose maildrop is open
        self.box: Mailbox | None = None
        self.drop: list[Message] = []  # message n is drop[n - 1], for the whole session (§4)
        self.marked: set[int] = set()  # numbers
        self.fetched: set[int] = set()  # numbers that RETR has sent

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
            yield Rule("pop3.hung-up", self.state)
            yield from self.give_up()
        except Quiet:
            yield Rule("pop3.silent", self.state, {"minutes": f"{IDLE / 60:.0f}"})
            yield from self.give_up()
        finally:
            self.release()  # also when somebody drops this generator

    def greet(self) -> Acts[None]:
        if self.clock:
            self.stamp = f"<{self.clock.random.randrange(10**12)}.{self.clock.unix()}@{self.host}>"
        yield Say(f"+OK {self.host} POP3 server ready {self.stamp}".rstrip().encode() + CRLF)
        yield Enter(self.state)

    def exchange(self) -> Acts[None]:
        """One command and its reply."""
        try:
            line = yield from self.lines.line(LINE)
        except TooLong:
            too_long = Refused("pop3.too-long", f"a command has at most {LINE} octets", limit=str(LINE))
            yield from nested("?", self.refuse("?", too_long))
        else:
            yield from nested(title(line), self.obey(line))

    def obey(self, line: bytes) -> Acts[str]:
        """Read a command, do it, answer it, move on; returns the outcome."""
        yield Hear(line)
        verb = "?"
        try:
            reader = Reader(line)
            verb = reader.verb()
            self.check(verb)
            handler: Callable[..., Acts[Reply]] = getattr(self, "do_" + verb)
            arguments = reader.arguments(verb)
            if self.interfere:
                yield from self.interfere(verb, (), False)
            reply = yield from handler(*arguments)
            if self.interfere:
                yield from self.interfere(verb, (), True)
        except Refused as no:
            return (yield from self.refuse(verb, no))
        for piece in handfuls(bytes(reply)):
            yield Say(piece)
        if verb == "STLS":
            return (yield from self.start_tls())
        yield from self.move(verb, "ok")
        return "ok"

    def check(self, verb: str) -> None:
        """Whether the command may be given now (§3)."""
        if verb not in COMMANDS:
            raise Refused("pop3.unknown", f"there is no command {verb}", command=verb)
        if self.table.allows(self.state, verb):
            return
        if verb == "PASS" and self.state == AUTHORIZATION:
            raise Refused("pop3.user-first", "PASS comes right after USER")
        shown = self.table.labels.get(self.state, self.state)
        raise Refused("pop3.wrong-state", f"{verb} is not a command of the {shown} state", command=verb, state=shown)

    def refuse(self, verb: str, no: Refused) -> Acts[str]:
        yield Rule(no.rule, "refused", no.because)
        yield Say(f"-ERR {no}\r\n".encode())
        if self.table.allows(self.state, verb):
            yield from self.move(verb, "err")
        return "err"

    # -- from state to state: only what the table says

    def move(self, verb: str, outcome: str) -> Acts[None]:
        yield from self.enter(self.table.next(self.state, verb, outcome))

    def enter(self, state: str) -> Acts[None]:
        if state != self.state:
            self.state = state
            yield Enter(state)

    def give_up(self) -> Acts[None]:
        """The other side is gone or silent: no UPDATE, nothing is removed (§3, §6)."""
        if self.release():
            yield Rule("pop3.lock", "released", {"maildrop": self.address})
        yield from self.enter(CLOSED)

    def release(self) -> bool:
        """Leave the maildrop; whether we were in it."""
        box, self.box = self.box, None
        if box is not None:
            box.unlock(self)
        return box is not None

    # -- TLS (RFC 2595 §4; port 995: RFC 8314 §3.1)

    def start_tls(self) -> Acts[str]:
        try:
            yield from self.upgrade()
        except TlsFailed:
            yield from self.move("STLS", "tls-failed")
            return "tls-failed"
        yield from self.move("STLS", "ok")
        return "ok"

    def upgrade(self) -> Acts[None]:
        """TLS from here on; whatever was said in the clear is forgotten."""
        if not self.keeps_plaintext:
            self.lines.forget()
        elif self.lines.rest[self.lines.at :]:
            yield Rule("pop3.keeps-plaintext", "kept", {"octets": str(len(self.lines.rest) - self.lines.at)})
        self.user = ""
        try:
            yield Upgrade()
        except TlsFailed as why:
            yield Rule("pop3.tls-failed", str(why))
            raise
        self.secure = True

    # -- commands: each returns its reply or raises Refused; but for QUIT none moves the state

    def do_USER(self, name: str) -> Acts[Reply]:
        self.check_privacy("USER")
        self.user = name
        return answer(Reply("now the password"))

    def do_PASS(self, password: str) -> Acts[Reply]:
        """Name and password are compared as RFC 6856 §2.2 wants: prepared by SASLprep."""
        try:
            return self.log_in(sasl.fits(self.users, self.user, password))
        except ValueError as wrong:
            raise Refused("pop3.syntax", str(wrong), wanted="a name and a password that SASLprep allows") from None

    def do_APOP(self, name: str, digest: str) -> Acts[Reply]:
        """§7: the digest of the greeting's timestamp and the password."""
        if not self.stamp:
            raise Refused("pop3.no-apop", "no APOP here: the greeting had no timestamp")
        try:
            user = sasl.prepared(name)
            password = sasl.known_password(self.users, user)
        except ValueError as wrong:
            raise Refused("pop3.syntax", str(wrong), wanted="a name that SASLprep allows") from None
        wanted = hashlib.md5((self.stamp + password).encode(), usedforsecurity=False).hexdigest()
        return self.log_in(user if password and sasl.same(digest.lower().encode(), wanted.encode()) else "")

    def check_privacy(self, what: str) -> None:
        """RFC 2595 §2.2, RFC 5034 §8: a server can be told to take no password in the clear."""
        if self.plain_needs_tls and not self.secure:
            raise Refused("pop3.needs-tls", f"no {what} before TLS: say STLS", command=what)

    def mechanisms(self) -> list[str]:
        """Those that may be used now; with dice also those that never send a password."""
        may_be_plain = self.secure or not self.plain_needs_tls
        return [name for name in sasl.SERVER if (may_be_plain if name in sasl.PLAINTEXT else self.clock)]

    def do_AUTH(self, mechanism: str, initial: str | None = None) -> Acts[Reply]:
        """RFC 5034 §4."""
        mechanism = mechanism.upper()
        if mechanism in sasl.PLAINTEXT:
            self.check_privacy(mechanism)
        offered = self.mechanisms()
        if mechanism not in offered:
            text = f"no {mechanism} here, but {', '.join(offered) or 'nothing else'}"
            raise Refused("pop3.mechanism", text, mechanism=mechanism)
        exchange = sasl.SERVER[mechanism](self.users, self.host, self.clock)
        try:
            challenge = next(exchange)
            if initial is not None:
                self.check_initial(mechanism, challenge)
                challenge = exchange.send(b"" if initial == "=" else sasl.decoded(initial.encode()))
            while True:
                challenge = exchange.send((yield from self.challenge(challenge)))
        except StopIteration as end:
            user: str = end.value
        except ValueError as wrong:
            raise Refused("pop3.sasl", str(wrong), mechanism=mechanism, wrong=str(wrong)) from None
        return (yield from self.log_in(user))

    def check_initial(self, mechanism: str, challenge: bytes) -> None:
        """No initial response where the server speaks first; but for LOGIN, which never was a standard."""
        if challenge and mechanism != "LOGIN":
            raise Refused("pop3.initial", f"in {mechanism} the server speaks first", mechanism=mechanism)

    def challenge(self, challenge: bytes) -> Acts[bytes]:
        """Say it, hear the response; ``*`` takes the command back."""
        yield Say(b"+ %s\r\n" % base64.b64encode(challenge))
        try:
            line = yield from self.lines.line(SASL_LINE)
        except TooLong:
            raise Refused("pop3.too-long", f"a response has at most {SASL_LINE} octets", limit=str(SASL_LINE)) from None
        yield Hear(line)
        if line == b"*\r\n":
            raise Refused("pop3.cancelled", "cancelled, as you wish")
        return sasl.decoded(line.removesuffix(CRLF))

    def do_STLS(self) -> Acts[Reply]:
        if self.secure:
            raise Refused("pop3.tls-already", "TLS is there already")
        if not self.tls:
            raise Refused("pop3.no-tls", "no TLS here")
        if self.utf8:
            raise Refused("pop3.stls-after-utf8", "STLS comes before UTF8")
        return answer(Reply("now TLS"))

    def do_CAPA(self) -> Acts[Reply]:
        """RFC 2449 §5."""
        found = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
        if self.secure or not self.plain_needs_tls:
            found.insert(0, "USER")
        if mechanisms := self.mechanisms():
            found.append(f"SASL {' '.join(mechanisms)}")
        found.append("EXPIRE 0" if self.keeps_nothing else "EXPIRE NEVER")
        if self.login_delay:
            found.append(f"LOGIN-DELAY {self.login_delay}")
        found += ["UTF8 USER", "LANG"]
        if self.tls and not self.secure and not self.utf8 and self.box is None:
            found.append("STLS")  # only where it is permitted (RFC 2595 §4, §8)
        found.append("IMPLEMENTATION mailedu")
        return answer(Reply("capabilities follow", listing(found)))

    def do_UTF8(self) -> Acts[Reply]:
        """RFC 6856 §2.1."""
        self.utf8 = True
        return answer(Reply("UTF-8 from here on"))

    def do_LANG(self, wanted: str = "") -> Acts[Reply]:
        """RFC 6856 §3."""
        if not wanted:
            return answer(Reply("languages follow", listing(f"{tag} {name}" for tag, name in LANGUAGES.items())))
        tag = "en" if wanted == "*" else wanted.split("-")[0].lower()
        if tag not in LANGUAGES:
            raise Refused("pop3.language", f"no texts in {wanted} here", language=wanted)
        return answer(Reply(f"{tag} these texts are in {LANGUAGES[tag]}"))

    def do_STAT(self) -> Acts[Reply]:
        sizes = [size for _, size in self.sizes()]
        return answer(Reply(f"{len(sizes)} {sum(sizes)}"))

    def do_LIST(self, number: int | None = None) -> Acts[Reply]:
        if number is not None:
            return answer(Reply(f"{number} {len(text_of(self.message(number)))}"))
        lines = [f"{n} {size}" for n, size in self.sizes()]
        return answer(Reply(plural(len(lines), "message"), listing(lines)))

    def do_UIDL(self, number: int | None = None) -> Acts[Reply]:
        if number is not None:
            return answer(Reply(f"{number} {self.message(number).name}"))
        return answer(Reply("", listing(f"{n} {message.name}" for n, message in self.kept())))

    def do_RETR(self, number: int) -> Acts[Reply]:
        data = self.text_of(number)
        self.fetched.add(number)
        return answer(Reply(f"{len(data)} octets", stuff(data)))

    def do_TOP(self, number: int, count: int) -> Acts[Reply]:
        return answer(Reply("", stuff(top(self.text_of(number), count))))

    def do_DELE(self, number: int) -> Acts[Reply]:
        self.present(number)
        self.marked.add(number)
        return answer(Reply(f"message {number} marked"))

    def do_NOOP(self) -> Acts[Reply]:
        return answer(Reply("nothing done"))

    def do_RSET(self) -> Acts[Reply]:
        self.marked.clear()
        return answer(Reply(f"{plural(len(self.drop), 'message')}, none marked"))

    def do_QUIT(self) -> Acts[Reply]:
        """§6: from TRANSACTION by way of UPDATE, where nobody says a word."""
        if self.box is None:
            return Reply("goodbye")
        yield from self.move("QUIT", "ok")
        removed = yield from self.update(self.box)
        self.release()
        yield Rule("pop3.lock", "released", {"maildrop": self.address})
        return Reply(f"{plural(removed, 'message')} removed, goodbye" if removed else "goodbye")

    def update(self, box: Mailbox) -> Acts[int]:
        """Remove what is marked and still there; how many these were."""
        numbers = self.marked
        if self.keeps_nothing and self.fetched:
            yield Rule("pop3.keeps-nothing", "removed", {"numbers": ", ".join(map(str, sorted(self.fetched)))})
            numbers = numbers | self.fetched
        drop = [self.drop[number - 1].uid for number in sorted(numbers)]
        removed = tuple(uid for uid in drop if uid in box.messages)
        if removed:
            yield Remove(self.address, removed)
        return len(removed)

    # -- the maildrop

    def log_in(self, user: str) -> Acts[Reply]:
        """The maildrop of somebody who proved who they are ("" is nobody), if it is free: ours until the end (§4)."""
        if not user:
            raise Refused("pop3.login", "[AUTH] name and password do not fit together")
        _, address = self.users[user]
        box = self.boxes.get(address)
        if box is None:
            raise Refused("pop3.no-maildrop", "[SYS/PERM] there is no maildrop for you", maildrop=address)
        self.keep_delay(box)
        if not box.lock(self):
            raise Refused("pop3.in-use", "[IN-USE] another session has this maildrop open", maildrop=address)
        self.address, self.box, self.drop = address, box, list(box.messages.values())
        box.opened_at = self.clock() if self.clock else None
        yield Rule("pop3.lock", "taken", {"maildrop": address})
        return Reply("maildrop open" + (f", {plural(len(self.drop), 'message')}" if self.tells_count else ""))

    def keep_delay(self, box: Mailbox) -> None:
        """RFC 2449 §6.5: so many seconds between log-ins."""
        if self.clock is None or box.opened_at is None:
            return
        if self.clock() - box.opened_at < self.login_delay:
            reason = f"[LOGIN-DELAY] one log-in every {self.login_delay} seconds is enough"
            raise Refused("pop3.login-delay", reason, seconds=str(self.login_delay))

    def kept(self) -> Iterator[tuple[int, Message]]:
        """The messages this session may still refer to, by number."""
        return ((number, message) for number, message in enumerate(self.drop, 1) if number not in self.marked)

    def sizes(self) -> list[tuple[int, int]]:
        return [(number, len(text_of(message))) for number, message in self.kept()]

    def message(self, number: int) -> Message:
        """Numbers run from 1 and skip what is marked (§5)."""
        if not 1 <= number <= len(self.drop) or number in self.marked:
            raise Refused("pop3.no-such-message", "no such message", number=str(number))
        return self.drop[number - 1]

    def present(self, number: int) -> Message:
        """The same, if nobody removed it meanwhile: IMAP sessions may, the lock keeps only POP3 sessions out."""
        message = self.message(number)
        assert self.box is not None
        if message.uid not in self.box.messages:
            reason = f"message {number} was removed by another session meanwhile"
            raise Refused("pop3.expunged", reason, number=str(number))
        return message

    def text_of(self, number: int) -> bytes:
        """The message in lines; one with UTF-8 in its header only for who said UTF8 (RFC 6856 §2.1)."""
        data = text_of(self.present(number))
        if not self.utf8 and not data[: body_at(data)].isascii():
            raise Refused("pop3.utf8", f"[UTF8] message {number} has UTF-8 in its header; say UTF8 before you log in")
        return data


def title(line: bytes) -> str:
    """What the exchange is called: the first word, in capitals."""
    found = WORD.match(line)
    return found[0].decode("ascii").upper() if found else "?"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listing(lines: Iterator[str] | list[str]) -> bytes:
    return "".join([*(f"{line}\r\n" for line in lines), ".\r\n"]).encode()


def text_of(message: Message) -> bytes:
    """The message as RETR sends it, without the stuffed dots (§11; RFC 6856 §2.1): worked out once."""
    if "POP3" not in message.known:
        message.known["POP3"] = in_lines(message.data)
    return message.known["POP3"]


def in_lines(data: bytes) -> bytes:
    """A message as POP3 can carry it: every line ends with CRLF, the last one too (§3)."""
    if has_lone_cr_or_lf(data):
        data = LONE.sub(CRLF, data)
    return data if data.endswith(CRLF) else data + CRLF


def body_at(data: bytes) -> int:
    """Where the body begins; the end, when no blank line ends the header."""
    if data.startswith(CRLF):
        return len(CRLF)
    blank = data.find(b"\r\n\r\n")
    return len(data) if blank < 0 else blank + 4


def top(data: bytes, count: int) -> bytes:
    """The header, the blank line, and the first `count` lines of the body (§7)."""
    start = body_at(data)
    return data[:start] + b"".join(data[start:].splitlines(keepends=True)[:count])


def handfuls(data: bytes, most: int = HANDFUL) -> Iterator[bytes]:
    """Pieces of about 64 KiB, cut at line ends where there are any."""
    at = 0
    while len(data) - at > most:
        cut = data.rfind(CRLF, at, at + most) + len(CRLF)
        end = cut if cut > at + 1 else at + most
        yield data[at:end]
        at = end
    yield data[at:]
