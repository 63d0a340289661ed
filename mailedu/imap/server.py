"""IMAP, the server's side (RFC 9051, and RFC 3501 for who does not ENABLE IMAP4rev2).

    C: a LOGIN bob lab-bob
    S: a OK [CAPABILITY …] welcome          the reply has the command's tag
    C: b SELECT INBOX
    S: * 3 EXISTS                           what has a star is news: told whenever there is some,
    S: b OK [READ-WRITE] done               and where it can do no harm (numbering.py)

A command's syntax is read by its row (commands.py) before its method here runs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence

from .. import sasl
from ..acts import (
    NEWS,
    Acts,
    Enter,
    Flag,
    Hear,
    Hungup,
    LabError,
    Quiet,
    Refused,
    Remove,
    Rule,
    Say,
    Store,
    TlsFailed,
    TooLong,
    Upgrade,
    Watch,
    answer,
    nested,
)
from ..clock import Clock
from ..mailbox import Mailbox
from ..wire import CRLF, Lines
from . import fetch, search, sorting, threads
from .commands import (
    COMMANDS,
    END,
    OPENED,
    OUT,
    READING,
    TABLE,
    Appended,
    Fetching,
    Opening,
    Resync,
    Storing,
    arguments,
    begin,
    beginning,
)
from .folders import Folders, Listed, Listing
from .grammar import DELIMITER, Atom, Ranges, Reader, Value, write_flags, write_name, write_set
from .numbering import SYSTEM_FLAGS, View, inside, merge_numbers
from .spans import spans

ALWAYS = "IMAP4rev1 IMAP4rev2 SASL-IR ID ENABLE IDLE"
MORE = (  # told to who is logged in
    "NAMESPACE UIDPLUS MULTIAPPEND MOVE UNSELECT CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE "
    "ESEARCH SEARCHRES SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES I18NLEVEL=1 CONDSTORE QRESYNC BINARY"
)
ENABLED = {name.upper(): name for name in ("IMAP4rev2", "CONDSTORE", "QRESYNC")}  # what ENABLE switches on
IDLE = 1800.0  # seconds of silence after which a session ends (§5.4)
HANDFUL = 65_536  # octets of one Say
LONG = 1_000_000  # octets of a message that is not copied to be said
LINE = 65_536
LARGEST = 50_000_000  # octets of a command with its literals
LARGEST_UNKNOWN = 65_536  # the same, for who is not logged in
LARGEST_UNASKED = 4096  # of a literal that comes unasked, under LITERAL- (RFC 7888 §5)
HOPELESS = 4 * LARGEST  # a literal that comes unasked and is longer than this ends the session (RFC 7888 §4)
# §7.5.1: these use the numbers a client knows, and it may be about to send the next one.  "?" may be one of them.
NUMBERED = ("FETCH", "STORE", "SEARCH", "SORT", "THREAD", "?")
ANNOUNCED = re.compile(rb"\{(\d{1,19})(\+?)\}\r\n\Z")
EXPUNGE_EARLY = "expunge-early"


Interfere = Callable[[str, Sequence[str], bool], Acts[None]]  # (command; nobody; done?): it may go wrong


class ImapServer:
    """One session of an IMAP server.

    `users`: name -> (password, address); `boxes`: the world's mailboxes, "address" is an INBOX, "address/Name" another.
    `tls` offers STARTTLS; `implicit` begins with TLS (port 993).  With `login_disabled` nobody logs in without TLS;
    that is how a real server should be set up, and not the lab's default, so that a password on the wire can be seen.
    With a `clock`, which has dice, CRAM-MD5 and SCRAM-SHA-256 are offered too.
    `literals` is "+" or "-": which literals may come unasked, all or only small ones (RFC 7888).

    `broken="expunge-early"` makes it wrong on purpose: it tells EXPUNGE while a command with message numbers is on
    its way, which then hits another message than its sender meant (§7.5.1 forbids it).  Its greeting says so.
    `keeps_plaintext` is the bug of 2011: what came behind STARTTLS in the clear is obeyed under TLS.
    """

    table = TABLE
    spans = staticmethod(spans)

    def __init__(
        self,
        host: str,
        client: str,
        users: Mapping[str, tuple[str, str]],
        boxes: MutableMapping[str, Mailbox],
        *,
        tls: bool = False,
        implicit: bool = False,
        clock: Clock | None = None,
        login_disabled: bool = False,
        literals: str = "+",
        broken: str = "",
        keeps_plaintext: bool = False,
        interfere: Interfere | None = None,
    ) -> None:
        if broken not in ("", EXPUNGE_EARLY):
            raise LabError(f'An IMAP server can be broken="{EXPUNGE_EARLY}" or not at all, not {broken!r}.')
        if literals not in ("+", "-"):
            raise LabError(f'Literals may come unasked as "+" (all) or "-" (small ones), not {literals!r}.')
        self.host, self.client, self.users, self.boxes = host, client, users, boxes
        self.tls, self.implicit, self.login_disabled = tls, implicit, login_disabled
        self.clock, self.literals, self.broken = clock, literals, broken
        self.keeps_plaintext = keeps_plaintext
        self.interfere = interfere
        self.lines = Lines(seconds=IDLE)
        self.state = OUT
        self.secure = False  # TLS is under the session
        self.tag = b"*"  # of the command we are at
        self.folders = Folders("", boxes)
        self.opened: View | None = None  # this session's picture of the mailbox it has open
        self.enabled: set[str] = set()
        self.numbered = False  # the command at hand has message numbers in it, whatever its name
        self.gathered: list[bytes] = []  # untagged responses on their way into a Say
        self.size = 0  # their octets

    # -- a session

    def session(self) -> Acts[None]:
        """From greeting to goodbye; when this generator ends, the line is cut."""
        try:
            if self.implicit:
                yield from self.upgrade()
            yield Say(b"* OK [CAPABILITY %s] %s\r\n" % (self.capabilities(), self.welcome()))
            yield Enter(self.state)
            while self.state != END:
                yield from self.exchange()
        except TlsFailed:
            yield from self.enter(END)
        except Hungup:
            yield Rule("imap.hung-up", self.state)
            yield from self.enter(END)
        except Quiet:
            yield Rule("imap.silent", self.state, {"minutes": f"{IDLE / 60:.0f}"})
            yield Say(b"* BYE you were silent for too long\r\n")
            yield from self.enter(END)
        finally:
            self.close_view()  # also when somebody drops this generator

    def welcome(self) -> bytes:
        wrong = " is broken on purpose: it tells EXPUNGE too early" if self.broken else " IMAP server ready"
        return (self.host + wrong).encode()

    def exchange(self) -> Acts[None]:
        """One command and its reply."""
        try:
            line = yield from self.lines.line(LINE)
        except TooLong as long:
            self.tag, _ = beginning(long.start)
            yield from nested("?", self.refuse("?", too_long(LINE)))
            return
        self.tag, name = beginning(line)
        yield from nested(name, self.obey(name, line))

    def obey(self, name: str, line: bytes) -> Acts[str]:
        """Read a command, do it, answer it, move on; returns the outcome."""
        yield Hear(line)
        self.numbered = False
        try:
            data = yield from self.whole(name, line)
            if self.broken:
                yield from self.tell_too_early()
            text = yield from self.do(name, data)
        except Refused as no:
            return (yield from self.refuse(name, no))
        yield from self.reply(name, b"OK " + text)
        if name == "STARTTLS":
            return (yield from self.start_tls())
        yield from self.move(name, "ok")
        return "ok"

    def refuse(self, name: str, no: Refused) -> Acts[str]:
        """NO or BAD: the first word of the refusal."""
        yield Rule(no.rule, "refused", no.because)
        if no.rule == "imap.hopeless":
            yield Say(f"* BYE {str(no).partition(' ')[2]}\r\n".encode())
            yield from self.enter(END)
            return "bad"
        outcome = str(no).split()[0].lower()
        known = self.table.allows(self.state, name)
        if known and self.opened and self.table.next(self.state, name, outcome) not in (OPENED, READING):
            yield from self.closed()
        yield from self.reply(name, str(no).encode("utf-8", "replace"))
        if known:
            yield from self.move(name, outcome)
        return outcome

    def do(self, name: str, data: bytes) -> Acts[bytes]:
        """What stands after OK; Refused, when it is not done."""
        self.check(name)
        reader = Reader(data, self.rev2)
        begin(reader)
        values = arguments(reader, COMMANDS[name])
        handler: Callable[..., Acts[bytes]] = getattr(self, "do_" + name.removeprefix("UID "))
        if name.startswith("UID "):
            values.append(True)
        if self.interfere:
            yield from self.interfere(name, (), False)
        text = yield from handler(*values)
        if self.interfere:
            yield from self.interfere(name, (), True)
        return text

    def check(self, name: str) -> None:
        """Whether it is a command, and may be said now."""
        if name not in COMMANDS:
            raise Refused("imap.unknown", "BAD that is no command", command=name)
        self.check_state(name)

    def check_state(self, name: str) -> None:
        """§3."""
        if self.table.allows(self.state, name):
            return
        if self.state == READING and self.table.allows(OPENED, name):
            raise Refused("imap.read-only", "NO [READ-ONLY] the mailbox is open to read only", command=name)
        shown = self.table.labels.get(self.state, self.state)
        text = f"BAD {name} is not a command of the {shown} state"
        raise Refused("imap.wrong-state", text, command=name, state=shown)

    # -- a command with its literals

    def whole(self, name: str, line: bytes) -> Acts[bytes]:
        """Each literal is asked for, unless the client does not wait to be asked (§4.3, RFC 7888)."""
        pieces, size = [line], len(line)
        while found := ANNOUNCED.search(line):
            count, asks = int(found[1]), not found[2]
            size += count
            if asks:
                self.check(name)  # who waits to be asked can be spared the trouble (§7.6)
            if trouble := self.too_big(name, count, size, asks):
                yield from self.drop_rest(count, asks)
                raise trouble
            if asks:
                yield Say(b"+ go on\r\n")
            literal = yield from self.lines.octets(count)
            line = yield from self.next_line()
            yield Hear(literal + line)
            pieces += [literal, line]
            size += len(line)
        return b"".join(pieces)

    def too_big(self, name: str, count: int, size: int, asks: bool) -> Refused | None:
        """What is wrong with a literal of so many octets, that makes a command of so many."""
        word = "NO" if name == "APPEND" else "BAD"
        most = LARGEST_UNKNOWN if self.state == OUT else LARGEST
        if size > most:
            return Refused("imap.too-big", f"{word} [TOOBIG] at most {most} octets", size=str(count))
        if not asks and self.literals == "-" and count > LARGEST_UNASKED:
            return Refused("imap.unasked", f"BAD [TOOBIG] ask first, from {LARGEST_UNASKED} octets on", size=str(count))
        return None

    def drop_rest(self, count: int, asks: bool) -> Acts[None]:
        """A literal that is too big, and what comes behind it: read and forgotten, for it comes unasked."""
        while not asks:
            if count > HOPELESS:
                raise Refused("imap.hopeless", "BAD [TOOBIG] that is more than anybody reads", size=str(count))
            yield from self.lines.skip(count)
            line = yield from self.next_line()
            found = ANNOUNCED.search(line)
            if not found:
                return
            count, asks = int(found[1]), not found[2]

    def next_line(self) -> Acts[bytes]:
        try:
            return (yield from self.lines.line(LINE))
        except TooLong:
            raise too_long(LINE) from None

    # -- what goes out: a whole reply is one Say, unless it is long

    def add(self, line: bytes) -> None:
        self.gathered.append(line)
        self.size += len(line)

    def say(self) -> Acts[None]:
        """All that was gathered, in handfuls: nobody has to wait while one session's megabytes are written."""
        data = b"".join(self.gathered)
        self.gathered, self.size = [], 0
        for start in range(0, len(data), HANDFUL):
            yield Say(data[start : start + HANDFUL])

    def say_in_handfuls(self, pieces: Iterable[bytes]) -> Acts[None]:
        """The same for megabytes, which are cut where they lie."""
        yield from self.say()
        rest = b""
        for piece in pieces:
            for start in range(0, len(piece), HANDFUL):
                rest += piece[start : start + HANDFUL]
                if len(rest) >= HANDFUL:
                    yield Say(rest[:HANDFUL])
                    rest = rest[HANDFUL:]
        self.add(rest)
        yield from self.say()

    def reply(self, name: str, text: bytes) -> Acts[None]:
        """What was gathered, what may be told of the mailbox now, and the tagged line."""
        if self.opened:
            for line in self.news(expunge=name not in NUMBERED and not self.numbered):
                self.add(line)
            if self.opened.waiting:
                yield Rule("imap.expunge-waits", str(len(self.opened.waiting)), {"command": name})
        self.add(b"%s %s\r\n" % (self.tag, text))
        yield from self.say()

    def news(self, expunge: bool = True) -> list[bytes]:
        """What may be told of the open mailbox."""
        return self.view.tell(expunge, modseq="CONDSTORE" in self.enabled, vanished="QRESYNC" in self.enabled)

    def tell_too_early(self) -> Acts[None]:
        """What makes this server a broken one: numbers move before the command that uses them is done."""
        if self.opened:
            self.opened.catch_up()
            if waiting := len(self.opened.waiting):
                yield Rule("imap.broken", str(waiting))
            for line in self.news():
                self.add(line)
            yield from self.say()

    # -- from state to state: only what the table says

    def move(self, name: str, outcome: str) -> Acts[None]:
        yield from self.enter(self.table.next(self.state, name, outcome))

    def enter(self, state: str) -> Acts[None]:
        if state != self.state:
            self.state = state
            yield Enter(state)

    # -- TLS (§6.2.1; port 993: RFC 8314 §3.2)

    def start_tls(self) -> Acts[str]:
        try:
            yield from self.upgrade()
        except TlsFailed:
            yield from self.move("STARTTLS", "tls-failed")
            return "tls-failed"
        yield from self.move("STARTTLS", "ok")
        return "ok"

    def upgrade(self) -> Acts[None]:
        """TLS from here on; whatever was said in the clear is forgotten."""
        if not self.keeps_plaintext:
            self.lines.forget()
        elif self.lines.rest[self.lines.at :]:
            yield Rule("imap.keeps-plaintext", "kept", {"octets": str(len(self.lines.rest) - self.lines.at)})
        try:
            yield Upgrade()
        except TlsFailed as why:
            yield Rule("imap.tls-failed", str(why))
            raise
        self.secure = True

    # -- in any state; each method returns what stands after OK, or raises Refused, and none moves the state

    def capabilities(self) -> bytes:
        words = [ALWAYS, "LITERAL" + self.literals]
        if self.tls and not self.secure and self.state == OUT:
            words.append("STARTTLS")
        if self.state == OUT:
            words += [f"AUTH={mechanism}" for mechanism in self.mechanisms()]
            words += [] if self.may_log_in() else ["LOGINDISABLED"]
        else:
            words.append(MORE)
        return " ".join(words).encode("ascii")

    def may_log_in(self) -> bool:
        return self.secure or not self.login_disabled

    def do_CAPABILITY(self) -> Acts[bytes]:
        self.add(b"* CAPABILITY %s\r\n" % self.capabilities())
        return answer(b"done")

    def do_NOOP(self) -> Acts[bytes]:
        return answer(b"done")

    def do_LOGOUT(self) -> Acts[bytes]:
        self.close_view()
        self.add(b"* BYE goodbye\r\n")
        return answer(b"done")

    def do_ID(self, client: Value) -> Acts[bytes]:
        """RFC 2971 §3."""
        if not is_id(client):
            raise Refused("imap.syntax", "BAD NIL or a list of pairs expected", wanted="NIL or pairs")
        self.add(b'* ID ("name" "mailedu")\r\n')
        return answer(b"done")

    # -- logging in

    def do_STARTTLS(self) -> Acts[bytes]:
        if self.secure:
            raise Refused("imap.tls-already", "BAD TLS is there already")
        if not self.tls:
            raise Refused("imap.no-tls", "NO no TLS here")
        return answer(b"now TLS")

    def mechanisms(self) -> list[str]:
        """Those that may be used now: with dice also those that never send a password."""
        return [name for name in sasl.SERVER if (self.may_log_in() if name in sasl.PLAINTEXT else self.clock)]

    def do_AUTHENTICATE(self, asked: tuple[str, bytes | None]) -> Acts[bytes]:
        """§6.2.2, with the initial response (RFC 4959) or without."""
        mechanism, initial = asked
        if mechanism in sasl.PLAINTEXT:
            self.check_privacy()
        if mechanism not in self.mechanisms():
            raise Refused("imap.mechanism", "NO [CANNOT] that mechanism is not offered", mechanism=mechanism)
        exchange = sasl.SERVER[mechanism](self.users, self.host, self.clock)
        try:
            challenge = next(exchange)
            if initial is not None:
                if challenge and mechanism != "LOGIN":
                    raise Refused("imap.initial", "BAD here the server speaks first", mechanism=mechanism)
                challenge = exchange.send(from_base64(initial))
            while True:
                challenge = exchange.send((yield from self.challenge(challenge)))
        except StopIteration as end:
            user: str = end.value
        except ValueError as wrong:
            text = f"NO [AUTHENTICATIONFAILED] {wrong}"
            raise Refused("imap.sasl", text, mechanism=mechanism, wrong=str(wrong)) from None
        return (yield from self.log_in(user))

    def challenge(self, challenge: bytes) -> Acts[bytes]:
        """Say it, hear the response; ``*`` takes the command back."""
        yield Say(b"+ %s\r\n" % base64.b64encode(challenge))
        line = yield from self.next_line()
        yield Hear(line)
        if line == b"*\r\n":
            raise Refused("imap.cancelled", "BAD cancelled, as you wish")
        return from_base64(line.removesuffix(CRLF))

    def do_LOGIN(self, user: bytes, password: bytes) -> Acts[bytes]:
        self.check_privacy()
        try:
            name = sasl.fits(self.users, user.decode("utf-8"), password.decode("utf-8"))
        except ValueError:  # no UTF-8, or nothing that anybody is called (RFC 4013)
            name = ""
        return self.log_in(name)

    def check_privacy(self) -> None:
        if not self.may_log_in():
            raise Refused("imap.login-disabled", "NO [PRIVACYREQUIRED] STARTTLS comes first")

    def log_in(self, user: str) -> Acts[bytes]:
        """ "" is nobody."""
        if not user:
            text = "NO [AUTHENTICATIONFAILED] name and password do not fit together"
            raise Refused("imap.login", text)
        _, address = self.users[user]
        if address not in self.boxes:
            raise Refused("imap.no-such-mailbox", "NO [UNAVAILABLE] you have no mailbox here", mailbox=address)
        self.folders = Folders(address, self.boxes)
        yield Rule("imap.logged-in", "ok", {"address": address})
        return b"[CAPABILITY %s LITERAL%s %s] welcome" % tuple(
            one.encode("ascii") for one in (ALWAYS, self.literals, MORE)
        )

    # -- logged in

    def do_ENABLE(self, names: tuple[str, ...]) -> Acts[bytes]:
        """§6.3.1: the ones we know; the others are no mistake."""
        new = [name for name in dict.fromkeys(names) if name in ENABLED and name not in self.enabled]
        self.add("".join(["* ENABLED", *(f" {ENABLED[name]}" for name in new), "\r\n"]).encode("ascii"))
        self.enabled.update(name for name in new if name != "CONDSTORE")
        if {"CONDSTORE", "QRESYNC"} & set(new):
            self.now_condstore()
        if self.rev2 and self.opened:
            self.opened.knows_recent = False
        return answer(b"done")

    @property
    def rev2(self) -> bool:
        return "IMAP4REV2" in self.enabled

    @property
    def condstore(self) -> bool:
        return "CONDSTORE" in self.enabled

    @property
    def qresync(self) -> bool:
        return "QRESYNC" in self.enabled

    def now_condstore(self) -> None:
        """From here on FETCH responses have a MODSEQ; who has a mailbox open is told where it is (RFC 7162 §3.1)."""
        if not self.condstore:
            self.enabled.add("CONDSTORE")
            if self.opened:
                self.add(b"* OK [HIGHESTMODSEQ %d] as far as you were told\r\n" % self.opened.modseq)

    def named(self, name: str) -> bytes:
        """A mailbox's name as this client reads it."""
        return write_name(name, utf8=self.rev2)

    def do_SELECT(self, asked: Opening) -> Acts[bytes]:
        return self.open(asked, b"READ-WRITE")

    def do_EXAMINE(self, asked: Opening) -> Acts[bytes]:
        return self.open(asked, b"READ-ONLY")

    def open(self, asked: Opening, access: bytes) -> Acts[bytes]:
        """§6.3.2.  The mailbox that was open is closed, even when the new one cannot be opened."""
        if asked.resync and not self.qresync:
            raise Refused("imap.qresync", "BAD say ENABLE QRESYNC first")
        if self.opened:
            yield from self.closed()
        box = self.folders.find(asked.name)
        if "CONDSTORE" in asked.parameters:
            self.now_condstore()
        place = self.folders.place(asked.name)
        yield Watch(place)  # from here on nothing is missed
        self.opened = View(place, box, read_only=access == b"READ-ONLY", recent=not self.rev2)
        self.describe(asked.name, self.opened)
        if asked.resync and asked.resync.uidvalidity == box.uidvalidity:
            self.bring_up_to_date(self.opened, asked.resync)
        return b"[%s] done" % access

    def describe(self, name: str, view: View) -> None:
        """What every client has to know of a mailbox (§6.3.2; RFC 3501 §6.3.1)."""
        kept = b"()" if view.read_only else write_flags((*SYSTEM_FLAGS, "\\*"))
        self.add(view.flags_response())
        self.add(b"* OK [PERMANENTFLAGS %s] kept\r\n" % kept)
        self.add(b"* %d EXISTS\r\n" % len(view.uids))
        if self.rev2:
            self.add_list(self.folders.listed(name))
        else:
            self.add(b"* %d RECENT\r\n" % len(view.recent))
            self.add_unseen(view.box)
        self.add(b"* OK [UIDVALIDITY %d] these UIDs\r\n" % view.box.uidvalidity)
        self.add(b"* OK [UIDNEXT %d] the next one\r\n" % view.box.uidnext)
        self.add(b"* OK [HIGHESTMODSEQ %d] the last change\r\n" % view.box.modseq)

    def add_unseen(self, box: Mailbox) -> None:
        """RFC 3501 §6.3.1: the number of the first message without \\Seen."""
        for number, message in enumerate(box.messages.values(), 1):
            if "\\Seen" not in message.flags:
                self.add(b"* OK [UNSEEN %d] the first one\r\n" % number)
                return

    def bring_up_to_date(self, view: View, known: Resync) -> None:
        """RFC 7162 §3.2.5: what went and what changed since the client was here last."""
        uids: Ranges = known.uids or ((1, None),)
        self.add(view.vanished(uids, known.modseq, above=view.agrees_up_to(known.numbers, known.their_uids)))
        among = merge_numbers(uids, view.last_uid)
        for uid in view.uids:
            if view.box.messages[uid].modseq > known.modseq and inside(among, uid):
                self.add(view.flags_line(uid, whole=True, modseq=True))

    def closed(self) -> Acts[None]:
        """§7.1: what follows CLOSED is of another mailbox, or of none."""
        self.add(b"* OK [CLOSED] the one before\r\n")
        yield from self.leave()

    def leave(self) -> Acts[None]:
        self.close_view()
        yield Watch("")

    def close_view(self) -> None:
        view, self.opened = self.opened, None
        if view:
            view.leave()

    def do_CREATE(self, name: str) -> Acts[bytes]:
        name = name.removesuffix(DELIMITER)  # the client says there will be more below (§6.3.4)
        self.folders.create(name)
        yield Rule("imap.created", name)
        return b"done"

    def do_DELETE(self, name: str) -> Acts[bytes]:
        """§6.3.5.  Who has it open can read on, and change nothing any more."""
        self.folders.delete(name)
        yield Rule("imap.deleted", name)
        return b"done"

    def do_RENAME(self, old: str, new: str) -> Acts[bytes]:
        new = new.removesuffix(DELIMITER)
        if old == "INBOX":
            yield from self.empty_inbox_into(new)
            return b"done"
        for name in self.folders.family(old):
            self.check_unused(name)
        for source, target in self.folders.rename(old, new):
            yield Rule("imap.renamed", target, {"old": source})
            if self.opened and self.opened.name == self.folders.place(source):
                self.opened.name = self.folders.place(target)
                yield Watch(self.opened.name)
        return b"done"

    def check_unused(self, name: str) -> None:
        """Nobody saws off the branch on which somebody else sits (§7.1, INUSE)."""
        box = self.folders.find(name)
        ours = self.opened is not None and self.opened.box is box
        if name != "INBOX" and box.views > ours:
            raise Refused("imap.in-use", "NO [INUSE] another session has it open", mailbox=name)

    def empty_inbox_into(self, new: str) -> Acts[None]:
        """§6.3.6: INBOX stays, and its messages move."""
        self.folders.create(new)
        yield Rule("imap.renamed", new, {"old": "INBOX"})
        uids = tuple(self.folders.inbox.messages)
        for uid in uids:
            message = self.folders.inbox.messages[uid]
            note = {"flags": " ".join(sorted(message.flags)), "date": message.date}
            yield Store(self.folders.place(new), message.data, note)
        if uids:
            yield Remove(self.folders.place("INBOX"), uids)

    def do_SUBSCRIBE(self, name: str) -> Acts[bytes]:
        self.folders.find(name)
        self.folders.subscribed[name] = None
        return answer(b"done")

    def do_UNSUBSCRIBE(self, name: str) -> Acts[bytes]:
        """§6.3.8: OK also for who was not subscribed."""
        self.folders.subscribed.pop(name, None)
        return answer(b"done")

    def do_LIST(self, asked: Listing) -> Acts[bytes]:
        """§6.3.9, RFC 5258, RFC 5819, RFC 6154."""
        if asked.basic and asked.patterns == ("",):
            self.add(b'* LIST (\\Noselect) "/" ""\r\n')
            return answer(b"done")
        for listed in self.folders.told(asked):
            self.add_list(listed)
            if asked.status and listed.meets and self.folders.exists(listed.name):
                self.add_status(listed.name, self.folders.find(listed.name), asked.status)
        return answer(b"done")

    def add_list(self, listed: Listed) -> None:
        """§7.3.1."""
        attributes = " ".join(listed.attributes).encode("ascii")
        by = " ".join(f'"{one}"' for one in listed.children).encode("ascii")
        children = b' ("CHILDINFO" (%s))' % by if by else b""
        self.add(b'* LIST (%s) "/" %s%s\r\n' % (attributes, self.named(listed.name), children))

    def do_LSUB(self, reference: str, pattern: str | None) -> Acts[bytes]:
        """RFC 3501 §6.3.9."""
        for name, attributes in self.folders.lsub(reference + (pattern or "")):
            self.add(b'* LSUB (%s) "/" %s\r\n' % (" ".join(attributes).encode("ascii"), self.named(name)))
        return answer(b"done")

    def do_NAMESPACE(self) -> Acts[bytes]:
        self.add(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
        return answer(b"done")

    def do_STATUS(self, name: str, items: tuple[str, ...]) -> Acts[bytes]:
        self.add_status(name, self.folders.find(name), items)
        return answer(b"done")

    def add_status(self, name: str, box: Mailbox, items: tuple[str, ...]) -> None:
        if "HIGHESTMODSEQ" in items:
            self.now_condstore()
        told = " ".join(f"{item} {status(box, item)}" for item in items).encode("ascii")
        self.add(b"* STATUS %s (%s)\r\n" % (self.named(name), told))

    def do_APPEND(self, name: str, messages: tuple[Appended, ...]) -> Acts[bytes]:
        """§6.3.12; several at once, or none: RFC 3502."""
        box = self.folders.find(name, "TRYCREATE")
        if not all(message.data for message in messages):
            raise Refused("imap.empty", "NO a message has at least one octet, so nothing was appended")
        uids = []
        for message in messages:
            note = {"flags": " ".join(settable(message.flags))} | ({"date": message.date} if message.date else {})
            [added] = yield Store(self.folders.place(name), message.data, note)
            uids.append(added.uid)
        return b"[APPENDUID %d %s] done" % (box.uidvalidity, write_set(uids))

    def do_IDLE(self) -> Acts[bytes]:
        """§6.3.13: news at once, until the client says DONE."""
        yield Say(b"+ idling\r\n")
        line: object = NEWS
        while line is NEWS:
            if self.opened and (told := self.news()):
                yield Say(b"".join(told))
            try:
                line = yield from self.lines.line_or_news(LINE)
            except TooLong:
                raise too_long(LINE) from None
        assert isinstance(line, bytes)
        yield Hear(line)
        if line.upper() != b"DONE\r\n":
            raise Refused("imap.syntax", "BAD DONE expected", wanted="DONE")
        return b"done"

    # -- a mailbox is open

    @property
    def view(self) -> View:
        assert self.opened is not None  # the table lets nobody come here without one
        return self.opened

    def place(self) -> str:
        """Where the open mailbox is kept, for changes; NO when it was deleted."""
        if self.boxes.get(self.view.name) is not self.view.box:
            raise Refused("imap.no-such-mailbox", "NO [NONEXISTENT] the mailbox was deleted", mailbox=self.view.name)
        return self.view.name

    def do_CHECK(self) -> Acts[bytes]:
        return answer(b"done")

    def do_CLOSE(self) -> Acts[bytes]:
        """§6.4.1: removes what is marked, and says nothing of it."""
        if self.state == OPENED and (deleted := self.deleted()) and self.boxes.get(self.view.name) is self.view.box:
            yield Remove(self.view.name, deleted)
        yield from self.leave()
        return b"done"

    def do_UNSELECT(self) -> Acts[bytes]:
        yield from self.leave()
        return b"done"

    def deleted(self) -> tuple[int, ...]:
        return tuple(uid for uid, message in self.view.box.messages.items() if "\\Deleted" in message.flags)

    def do_EXPUNGE(self, ranges: Ranges | None = (), uid: bool = False) -> Acts[bytes]:
        """§6.4.3, §6.4.9.  The view tells of it, as it tells of everyone's."""
        deleted = self.deleted()
        if uid:
            chosen = {one for _, one in self.view.pick(ranges, uid)}
            deleted = tuple(one for one in deleted if one in chosen)
        if not deleted:
            return b"done"
        yield Remove(self.place(), deleted)
        return self.done_modseq()

    def done_modseq(self) -> bytes:
        """What stands after OK when messages went: a cache needs to know where that was (RFC 7162 §3.2.7)."""
        return b"[HIGHESTMODSEQ %d] done" % self.view.box.modseq if self.qresync else b"done"

    def matching(self, program: search.Program) -> search.Found:
        """What a search finds, or why it cannot be done."""
        self.numbered = program.numbered
        if program.trouble:
            if program.wanted and "SAVE" in program.wanted:
                self.view.saved = frozenset()  # §6.4.4.1
            raise program.trouble
        if program.modseq:
            self.now_condstore()
        return search.found(program, self.view)

    def do_SEARCH(self, program: search.Program, uid: bool = False) -> Acts[bytes]:
        """§6.4.4."""
        matching, wanted = self.matching(program), program.wanted
        if wanted and "SAVE" in wanted:
            self.view.saved = frozenset(message.uid for _, message in search.told_of(wanted, matching))
        if wanted is None and not self.rev2:
            self.add(search.searched(program, matching, uid))
        elif not wanted or set(wanted) != {"SAVE"}:
            self.add(search.extended(program, matching, uid, self.tag))
        return answer(b"done")

    def do_SORT(self, asked: sorting.Sorting, uid: bool = False) -> Acts[bytes]:
        """RFC 5256 §3."""
        matching = sorting.in_order(self.matching(asked.program), asked.by)
        self.add(b"* SORT%s\r\n" % search.numbers_of(asked.program, matching, uid))
        return answer(b"done")

    def do_THREAD(self, asked: threads.Threading, uid: bool = False) -> Acts[bytes]:
        """RFC 5256 §3."""
        tops = threads.ALGORITHMS[asked.algorithm](self.matching(asked.program))
        self.add(b"* THREAD%s\r\n" % (b" " * bool(tops) + threads.write_threads(tops, uid)))
        return answer(b"done")

    def do_FETCH(self, ranges: Ranges | None, asked: Fetching, uid: bool = False) -> Acts[bytes]:
        """§6.4.5."""
        view = self.view
        if asked.vanished and not (uid and self.qresync):
            raise Refused("imap.qresync", "BAD VANISHED goes with UID FETCH, after ENABLE QRESYNC")
        picked = view.pick(ranges, uid)
        items = self.items(asked, uid)
        for line in view.new_keywords():
            self.add(line)
        if asked.since is not None:
            picked = [(number, one) for number, one in picked if view.box.read(one).modseq > asked.since]
            if asked.vanished:
                self.add(view.vanished(ranges or (), asked.since))
        seen: set[int] = set()
        if any(item.marks for item in items) and self.state == OPENED:
            seen = yield from self.mark_seen(picked)
        yield from self.say_messages(picked, items, seen)
        return b"done"

    def say_messages(self, picked: list[tuple[int, int]], items: tuple[fetch.Item, ...], seen: set[int]) -> Acts[None]:
        """One FETCH response each; with the new flags for those that were marked just now."""
        flagged = self.with_flags(items) if seen else items
        read = self.view.box.read
        for number, one in picked:
            message, told = read(one), flagged if one in seen else items
            if len(message.data) > LONG:
                yield from self.say_in_handfuls(fetch.pieces(told, message, number))
                continue
            line = fetch.answer(told, message, number)
            if self.size + len(line) > HANDFUL and self.size:
                yield from self.say()
            self.add(line)
            if len(line) > HANDFUL:
                yield from self.say()  # at once: putting megabytes together with what follows takes time

    def items(self, asked: Fetching, uid: bool) -> tuple[fetch.Item, ...]:
        """What is asked for, UID with a UID FETCH, MODSEQ with CHANGEDSINCE (RFC 7162 §3.1.4)."""
        items = asked.items
        if asked.since is not None or any(item.name == "MODSEQ" for item in items):
            self.now_condstore()
            items = with_item(items, fetch.SIMPLE["MODSEQ"])
        if uid and not any(item.name == "UID" for item in items):
            items = (fetch.SIMPLE["UID"], *items)
        if self.view.knows_recent and self.view.recent:
            marked = fetch.flags_with(self.view.recent)
            items = tuple(marked if item.name == "FLAGS" else item for item in items)
        return items

    def with_flags(self, items: tuple[fetch.Item, ...]) -> tuple[fetch.Item, ...]:
        """What a client has to be told when \\Seen was set by the way (§6.4.5; RFC 7162 §3.2.4)."""
        recent = self.view.recent if self.view.knows_recent else set()
        items = with_item(items, fetch.flags_with(recent))
        if self.condstore:
            items = with_item(with_item(items, fetch.SIMPLE["UID"]), fetch.SIMPLE["MODSEQ"])
        return items

    def mark_seen(self, picked: list[tuple[int, int]]) -> Acts[set[int]]:
        """The UIDs of those that were not seen before."""
        messages = self.view.box.messages
        unseen = tuple(one for _, one in picked if one in messages and "\\Seen" not in messages[one].flags)
        if not unseen:
            return set()
        changed = yield Flag(self.place(), unseen, "+", ("\\Seen",))
        self.view.catch_up(known=set(changed))
        return {change.uid for change in changed}

    def do_STORE(self, ranges: Ranges | None, asked: Storing, uid: bool = False) -> Acts[bytes]:
        """§6.4.6, RFC 7162 §3.1.3."""
        view = self.view
        picked = [one for _, one in view.pick(ranges, uid)]
        flags = settable(asked.flags)
        modified: set[int] = set()
        if asked.unchanged_since is not None:
            self.now_condstore()
            modified = view.changed_since(asked.unchanged_since, picked, flags if asked.how else ())
            picked = [one for one in picked if one not in modified]
        changed = yield Flag(self.place(), tuple(picked), asked.how, flags)
        view.catch_up(known=set(changed) if asked.silent else (), silent=self.condstore)
        if not asked.silent:
            view.flagged.update(dict.fromkeys(picked, True))  # also those it did not change
        elif asked.unchanged_since is not None:
            view.flagged.update({one: False for one in picked if one not in view.flagged})
        if modified:
            numbers = sorted(modified if uid else map(view.number, modified))
            return b"[MODIFIED %s] the others changed meanwhile" % write_set(numbers)
        if any(one not in view.box.messages for one in picked):
            return b"[EXPUNGEISSUED] but not for those that somebody removed"
        return b"done"

    def do_COPY(self, ranges: Ranges | None, name: str, uid: bool = False) -> Acts[bytes]:
        text, _ = yield from self.copied(ranges, name, uid)
        return text

    def do_MOVE(self, ranges: Ranges | None, name: str, uid: bool = False) -> Acts[bytes]:
        """§6.4.8: COPYUID is told before the EXPUNGEs."""
        place = self.place()
        text, uids = yield from self.copied(ranges, name, uid)
        if not uids:
            return text
        self.add(b"* OK %s\r\n" % text)
        yield Remove(place, uids)
        return self.done_modseq()

    def copied(self, ranges: Ranges | None, name: str, uid: bool) -> Acts[tuple[bytes, tuple[int, ...]]]:
        """What stands after OK, and the UIDs that were copied (§6.4.7)."""
        box = self.folders.find(name, "TRYCREATE")
        there = self.view.box.messages
        picked = tuple(one for _, one in self.view.pick(ranges, uid) if not uid or one in there)
        if any(one not in there for one in picked):  # they must not come back to life
            raise Refused("imap.expunged", "NO [EXPUNGEISSUED] somebody removed one of them")
        new = []
        for message in [there[one] for one in picked]:
            note = {"flags": " ".join(sorted(message.flags)), "date": message.date}
            [added] = yield Store(self.folders.place(name), message.data, note)
            new.append(added.uid)
        if not new:
            return b"nothing to do", ()
        return b"[COPYUID %d %s %s] done" % (box.uidvalidity, write_set(picked), write_set(new)), picked


def too_long(limit: int) -> Refused:
    return Refused("imap.too-long", f"BAD a line has at most {limit} octets", limit=str(limit))


def from_base64(response: bytes) -> bytes:
    """§6.2.2: what is not base64 is BAD."""
    try:
        return sasl.decoded(b"" if response == b"=" else response)
    except ValueError:
        raise Refused("imap.syntax", "BAD that is not base64", wanted="base64") from None


def is_id(value: Value) -> bool:
    """NIL, or at most 30 pairs of a short name and a string or NIL (RFC 2971 §3.3)."""
    if value is None:
        return True
    if not isinstance(value, tuple) or len(value) % 2 or len(value) > 60:
        return False
    strings = all(one is None or (isinstance(one, bytes) and not isinstance(one, Atom)) for one in value)
    return strings and all(isinstance(name, bytes) and len(name) <= 30 for name in value[::2])


def settable(flags: Iterable[str]) -> tuple[str, ...]:
    """Keywords, and the flags that messages have here; others are passed over (§7.1, PERMANENTFLAGS)."""
    return tuple(flag for flag in flags if flag in SYSTEM_FLAGS or not flag.startswith("\\"))


def with_item(items: tuple[fetch.Item, ...], item: fetch.Item) -> tuple[fetch.Item, ...]:
    """These and that one, once."""
    return items if any(one.name == item.name for one in items) else (*items, item)


def status(box: Mailbox, item: str) -> int:
    """§6.3.11; RECENT: RFC 3501 §6.3.10; HIGHESTMODSEQ: RFC 7162 §3.1.7."""
    messages = box.messages.values()
    match item:
        case "MESSAGES":
            return len(messages)
        case "UIDNEXT":
            return box.uidnext
        case "UIDVALIDITY":
            return box.uidvalidity
        case "UNSEEN":
            return sum("\\Seen" not in message.flags for message in messages)
        case "DELETED":
            return sum("\\Deleted" in message.flags for message in messages)
        case "SIZE":
            return sum(len(message.data) for message in messages)
        case "RECENT":
            return sum(message.uid >= box.recent_from for message in messages)
    return box.modseq
