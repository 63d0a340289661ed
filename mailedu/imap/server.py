"""IMAP, the server's side (RFC 9051, and RFC 3501 for who does not ENABLE IMAP4rev2).

    C: a LOGIN bob lab-bob
    S: a OK [CAPABILITY …] welcome          the reply has the command's tag
    C: b SELECT INBOX
    S: * 3 EXISTS                           what has a star is news: told whenever there is some,
    S: b OK [READ-WRITE] done               and where it can do no harm (numbering.py)

A command's syntax is read by its row (commands.py) before its method here runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping

from ..acts import (
    NEWS,
    Acts,
    Enter,
    Flag,
    Hear,
    Hungup,
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
from ..mailbox import Mailbox
from ..sasl import read_plain
from ..wire import CRLF, Lines
from . import fetch
from .commands import (
    COMMANDS,
    END,
    OPENED,
    OUT,
    READING,
    TABLE,
    Appended,
    Fetching,
    Listing,
    Storing,
    arguments,
    begin,
    beginning,
)
from .folders import DELIMITER, Folders, attributes, levels, matches
from .grammar import Ranges, Reader, Value, write, write_flags, write_name, write_set
from .numbering import View
from .search import Program
from .spans import spans

ALWAYS = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE"
MORE = (  # told to who is logged in
    "NAMESPACE UIDPLUS MULTIAPPEND MOVE UNSELECT CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE "
    "ESEARCH SEARCHRES CONDSTORE BINARY"
)
FLAGS = ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")
IDLE = 1800.0  # seconds of silence after which a session ends (§5.4)
HANDFUL = 65_536  # a longer reply is said in several pieces
LINE = 65_536
LARGEST = 50_000_000  # octets of a command with its literals
LARGEST_UNKNOWN = 65_536  # the same, for who is not logged in
HOPELESS = 4 * LARGEST  # a literal that comes unasked and is longer than this ends the session (RFC 7888 §4)
NUMBERED = ("FETCH", "STORE", "SEARCH")  # §7.5.1: the client may be about to use the numbers it knows
ANNOUNCED = re.compile(rb"\{(\d{1,19})(\+?)\}\r\n\Z")
KNOWN_CAPABILITIES = ("IMAP4REV2", "CONDSTORE")  # those that ENABLE switches on


class ImapServer:
    """One session of an IMAP server.

    `users`: name -> (password, address); `boxes`: the world's mailboxes, "address" is an INBOX, "address/Name" another.
    `tls` offers STARTTLS; `implicit` begins with TLS (port 993).  With `login_disabled` nobody logs in without TLS;
    that is how a real server should be set up, and not the lab's default, so that a password on the wire can be seen.
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
        login_disabled: bool = False,
    ) -> None:
        self.host, self.client, self.users, self.boxes = host, client, users, boxes
        self.tls, self.implicit, self.login_disabled = tls, implicit, login_disabled
        self.lines = Lines(seconds=IDLE)
        self.state = OUT
        self.secure = False  # TLS is under the session
        self.tag = b"*"  # of the command we are at
        self.folders = Folders("", boxes)
        self._view: View | None = None
        self.enabled: set[str] = set()
        self.gathered: list[bytes] = []  # untagged responses on their way into a Say
        self.size = 0  # their octets

    # -- a session

    def session(self) -> Acts[None]:
        """From greeting to goodbye; when this generator ends, the line is cut."""
        try:
            if self.implicit:
                yield from self.upgrade()
            yield Say(b"* OK [CAPABILITY %s] %s\r\n" % (self.capabilities(), self.host.encode()))
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
        try:
            data = yield from self.whole(line)
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
        yield from self.reply(name, str(no).encode("utf-8", "replace"))
        outcome = str(no).split()[0].lower()
        if self.table.allows(self.state, name):
            yield from self.move(name, outcome)
        return outcome

    def do(self, name: str, data: bytes) -> Acts[bytes]:
        """What stands after OK; Refused, when it is not done."""
        if name not in COMMANDS:
            raise Refused("imap.unknown", "BAD that is no command", command=name)
        self.check_state(name)
        reader = Reader(data)
        begin(reader)
        values = arguments(reader, COMMANDS[name])
        handler: Callable[..., Acts[bytes]] = getattr(self, "do_" + name.removeprefix("UID "))
        if name.startswith("UID "):
            values.append(True)
        return (yield from handler(*values))

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

    def whole(self, line: bytes) -> Acts[bytes]:
        """Each literal is asked for, unless the client does not wait to be asked (§4.3, RFC 7888)."""
        most = LARGEST_UNKNOWN if self.state == OUT else LARGEST
        pieces, size = [line], len(line)
        while found := ANNOUNCED.search(line):
            count, asks = int(found[1]), not found[2]
            size += count
            if size > most:
                yield from self.drop_rest(count, asks)
                raise Refused("imap.too-big", f"NO [TOOBIG] at most {most} octets", size=str(count))
            if asks:
                yield Say(b"+ go on\r\n")
            literal = yield from self.lines.octets(count)
            line = yield from self.next_line()
            yield Hear(literal + line)
            pieces += [literal, line]
            size += len(line)
        return b"".join(pieces)

    def drop_rest(self, count: int, asks: bool) -> Acts[None]:
        """A literal that is too big, and what comes behind it: read and forgotten, for it comes unasked."""
        while not asks:
            if count > HOPELESS:
                raise Refused("imap.hopeless", "BAD that is more than anybody reads", size=str(count))
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

    def said(self) -> Say:
        """All that was gathered."""
        data = b"".join(self.gathered)
        self.gathered, self.size = [], 0
        return Say(data)

    def reply(self, name: str, text: bytes) -> Acts[None]:
        """What was gathered, what may be told of the mailbox now, and the tagged line."""
        if self._view:
            for line in self._view.tell(expunge=name not in NUMBERED, modseq="CONDSTORE" in self.enabled):
                self.add(line)
            if self._view.waiting:
                yield Rule("imap.expunge-waits", str(len(self._view.waiting)), {"command": name})
        self.add(b"%s %s\r\n" % (self.tag, text))
        yield self.said()

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
        self.lines.forget()
        try:
            yield Upgrade()
        except TlsFailed as why:
            yield Rule("imap.tls-failed", str(why))
            raise
        self.secure = True

    # -- in any state; each method returns what stands after OK, or raises Refused, and none moves the state

    def capabilities(self) -> bytes:
        words = [ALWAYS]
        if self.tls and not self.secure and self.state == OUT:
            words.append("STARTTLS")
        if self.state == OUT:
            words.append("AUTH=PLAIN" if self.may_log_in() else "LOGINDISABLED")
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
        if client is not None and not (isinstance(client, tuple) and len(client) % 2 == 0):
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

    def do_AUTHENTICATE(self, asked: tuple[str, bytes | None]) -> Acts[bytes]:
        """§6.2.2, with the initial response (RFC 4959) or without."""
        mechanism, response = asked
        self.check_privacy()
        if mechanism != "PLAIN":
            raise Refused("imap.mechanism", "NO [CANNOT] only PLAIN is offered", mechanism=mechanism)
        if response is None:
            response = yield from self.challenge()
        try:
            user, password = read_plain(response)
        except ValueError as wrong:
            raise Refused("imap.sasl", f"NO [AUTHENTICATIONFAILED] {wrong}") from None
        return (yield from self.log_in(user, password))

    def challenge(self) -> Acts[bytes]:
        """Ask for the response; ``*`` takes the command back."""
        yield Say(b"+ \r\n")
        line = yield from self.next_line()
        yield Hear(line)
        if line == b"*\r\n":
            raise Refused("imap.cancelled", "BAD cancelled, as you wish")
        return line.removesuffix(CRLF)

    def do_LOGIN(self, user: bytes, password: bytes) -> Acts[bytes]:
        self.check_privacy()
        return self.log_in(user.decode("utf-8", "replace"), password.decode("utf-8", "replace"))

    def check_privacy(self) -> None:
        if not self.may_log_in():
            raise Refused("imap.login-disabled", "NO [PRIVACYREQUIRED] STARTTLS comes first")

    def log_in(self, user: str, password: str) -> Acts[bytes]:
        known, address = self.users.get(user, ("", ""))
        if not known or known != password:
            text = "NO [AUTHENTICATIONFAILED] name and password do not fit together"
            raise Refused("imap.login", text)
        if address not in self.boxes:
            raise Refused("imap.no-such-mailbox", "NO [UNAVAILABLE] you have no mailbox here", mailbox=address)
        self.folders = Folders(address, self.boxes)
        yield Rule("imap.logged-in", "ok", {"address": address})
        return b"[CAPABILITY %s %s] welcome" % (ALWAYS.encode("ascii"), MORE.encode("ascii"))

    # -- logged in

    def do_ENABLE(self, names: tuple[str, ...]) -> Acts[bytes]:
        """§6.3.1: the ones we know; the others are no mistake."""
        new = [name for name in names if name in KNOWN_CAPABILITIES and name not in self.enabled]
        self.enabled.update(new)
        self.add("".join(["* ENABLED", *(f" {name}" for name in new), "\r\n"]).encode("ascii"))
        return answer(b"done")

    @property
    def rev2(self) -> bool:
        return "IMAP4REV2" in self.enabled

    def named(self, name: str) -> bytes:
        """A mailbox's name as this client reads it."""
        return write_name(name, utf8=self.rev2)

    def do_SELECT(self, asked: tuple[str, tuple[str, ...]]) -> Acts[bytes]:
        return self.open(asked, b"READ-WRITE")

    def do_EXAMINE(self, asked: tuple[str, tuple[str, ...]]) -> Acts[bytes]:
        return self.open(asked, b"READ-ONLY")

    def open(self, asked: tuple[str, tuple[str, ...]], access: bytes) -> Acts[bytes]:
        """§6.3.2.  The mailbox that was open is closed, even when the new one cannot be opened."""
        name, parameters = asked
        if self._view:
            self.add(b"* OK [CLOSED] the one before\r\n")
            yield from self.leave()
        box = self.folders.find(name)
        self.enabled.update(parameters)
        yield Watch(self.folders.place(name))  # from here on nothing is missed
        self._view = View(self.folders.place(name), box)
        kept = write_flags((*FLAGS, "\\*")) if access == b"READ-WRITE" else b"()"
        keywords = {flag for message in box.messages.values() for flag in message.flags}
        self.add(b"* FLAGS %s\r\n* OK [PERMANENTFLAGS %s] kept\r\n" % (write_flags({*FLAGS, *keywords}), kept))
        self.add(b"* %d EXISTS\r\n" % len(box))
        if self.rev2:
            self.add(b'* LIST () "/" %s\r\n' % self.named(name))
        else:
            self.add(b"* 0 RECENT\r\n")
            self.add_unseen(box)
        self.add(b"* OK [UIDVALIDITY %d] these UIDs\r\n" % box.uidvalidity)
        self.add(b"* OK [UIDNEXT %d] the next one\r\n" % box.uidnext)
        self.add(b"* OK [HIGHESTMODSEQ %d] the last change\r\n" % box.modseq)
        return b"[%s] done" % access

    def add_unseen(self, box: Mailbox) -> None:
        """RFC 3501 §6.3.1: the number of the first message without \\Seen."""
        for number, message in enumerate(box.messages.values(), 1):
            if "\\Seen" not in message.flags:
                self.add(b"* OK [UNSEEN %d] the first one\r\n" % number)
                return

    def leave(self) -> Acts[None]:
        self.close_view()
        yield Watch("")

    def close_view(self) -> None:
        view, self._view = self._view, None
        if view:
            view.leave()

    def do_CREATE(self, name: str) -> Acts[bytes]:
        name = name.removesuffix(DELIMITER)  # the client says there will be more below (§6.3.4)
        self.folders.create(name)
        yield Rule("imap.created", name)
        return b"done"

    def do_DELETE(self, name: str) -> Acts[bytes]:
        self.check_unused(name)
        self.folders.delete(name)
        yield Rule("imap.deleted", name)
        return b"done"

    def do_RENAME(self, old: str, new: str) -> Acts[bytes]:
        new = new.removesuffix(DELIMITER)
        if old == "INBOX":
            yield from self.empty_inbox_into(new)
            return b"done"
        for name in [old, *(name for name in self.folders.names() if name.startswith(old + DELIMITER))]:
            self.check_unused(name)
        for source, target in self.folders.rename(old, new):
            yield Rule("imap.renamed", target, {"old": source})
            if self._view and self._view.name == self.folders.place(source):
                self._view.name = self.folders.place(target)
                yield Watch(self._view.name)
        return b"done"

    def check_unused(self, name: str) -> None:
        """Nobody saws off the branch on which somebody else sits (§7.1, INUSE)."""
        box = self.folders.find(name)
        ours = self._view is not None and self._view.box is box
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
        if name not in self.folders.subscribed:
            raise Refused("imap.not-subscribed", "NO you were not subscribed to it", mailbox=name)
        del self.folders.subscribed[name]
        return answer(b"done")

    def do_LIST(self, asked: Listing) -> Acts[bytes]:
        """§6.3.9, RFC 5258, RFC 5819, RFC 6154."""
        if asked.patterns == ("",) and not asked.selected:
            self.add(b'* LIST (\\Noselect) "/" ""\r\n')
            return answer(b"done")
        for name in self.candidates(asked):
            if not any(matches(asked.reference + pattern, name) for pattern in asked.patterns):
                continue
            attributes = self.attributes(name, asked)
            if "SPECIAL-USE" in asked.selected and not any(one in attributes for one in SPECIAL_USES):
                continue
            extended = self.child_info(name, asked)
            if "SUBSCRIBED" in asked.selected and name not in self.folders.subscribed and not extended:
                continue
            told = " ".join(attributes).encode("ascii")
            self.add(b'* LIST (%s) "/" %s%s\r\n' % (told, self.named(name), extended))
            if asked.status and self.folders.place(name) in self.boxes:
                self.add_status(name, self.folders.find(name), asked.status)
        return answer(b"done")

    def candidates(self, asked: Listing) -> list[str]:
        """The names LIST looks at: mailboxes, what stands above them, and with SUBSCRIBED also those that are gone."""
        names = set(self.folders.names()) | self.folders.parents()
        if "SUBSCRIBED" in asked.selected:
            names = set(self.folders.subscribed)
            if "RECURSIVEMATCH" in asked.selected:
                names |= {above for name in names for above in levels(name)}
        return sorted(names, key=lambda name: (name != "INBOX", name))

    def attributes(self, name: str, asked: Listing) -> list[str]:
        exists = self.folders.place(name) in self.boxes
        found = [] if exists else ["\\NonExistent" if "SUBSCRIBED" in asked.selected else "\\Noselect"]
        subscribing = "SUBSCRIBED" in asked.selected or "SUBSCRIBED" in asked.returned
        if subscribing and name in self.folders.subscribed:
            found.append("\\Subscribed")
        if exists:
            found.append("\\HasChildren" if self.folders.has_children(name) else "\\HasNoChildren")
            found += attributes(name)
        return found

    def child_info(self, name: str, asked: Listing) -> bytes:
        """RFC 5258 §4: some name below is subscribed."""
        if "RECURSIVEMATCH" not in asked.selected:
            return b""
        below = any(other.startswith(name + DELIMITER) for other in self.folders.subscribed)
        return b' ("CHILDINFO" ("SUBSCRIBED"))' if below else b""

    def do_LSUB(self, reference: str, pattern: str) -> Acts[bytes]:
        """RFC 3501 §6.3.9."""
        for name in sorted(self.folders.subscribed):
            if matches(reference + pattern, name):
                self.add(b'* LSUB () "/" %s\r\n' % self.named(name))
        return answer(b"done")

    def do_NAMESPACE(self) -> Acts[bytes]:
        self.add(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
        return answer(b"done")

    def do_STATUS(self, name: str, items: tuple[str, ...]) -> Acts[bytes]:
        self.add_status(name, self.folders.find(name), items)
        return answer(b"done")

    def add_status(self, name: str, box: Mailbox, items: tuple[str, ...]) -> None:
        if "HIGHESTMODSEQ" in items:
            self.enabled.add("CONDSTORE")
        told = " ".join(f"{item} {status(box, item)}" for item in items).encode("ascii")
        self.add(b"* STATUS %s (%s)\r\n" % (self.named(name), told))

    def do_APPEND(self, name: str, messages: tuple[Appended, ...]) -> Acts[bytes]:
        """§6.3.12; several at once: RFC 3502."""
        box = self.folders.find(name, "TRYCREATE")
        uids = []
        for message in messages:
            note = {"flags": " ".join(message.flags)} | ({"date": message.date} if message.date else {})
            [added] = yield Store(self.folders.place(name), message.data, note)
            uids.append(added.uid)
        return b"[APPENDUID %d %s] done" % (box.uidvalidity, write_set(uids))

    def do_IDLE(self) -> Acts[bytes]:
        """§6.3.13: news at once, until the client says DONE."""
        yield Say(b"+ idling\r\n")
        line: object = NEWS
        while line is NEWS:
            if self._view and (told := self._view.tell(modseq="CONDSTORE" in self.enabled)):
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
        assert self._view is not None  # the table lets nobody come here without one
        return self._view

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
        if deleted:
            yield Remove(self.place(), deleted)
        return b"done"

    def do_SEARCH(self, program: Program, uid: bool = False) -> Acts[bytes]:
        """§6.4.4."""
        view = self.view
        if program.modseq:
            self.enabled.add("CONDSTORE")
        messages = [
            (number, message)
            for number, one in enumerate(view.uids, 1)
            if (message := view.box.messages.get(one)) and program.matches(number, message, view)
        ]
        found = [message.uid if uid else number for number, message in messages]
        latest = max((message.modseq for _, message in messages), default=0) if program.modseq else 0
        wanted = program.wanted
        if wanted is None and not self.rev2:
            numbers = b"".join(b" %d" % number for number in found)
            self.add(b"* SEARCH%s%s\r\n" % (numbers, b" (MODSEQ %d)" % latest if latest else b""))
            return answer(b"done")
        if wanted is not None and "SAVE" in wanted:
            view.saved = saved([message.uid for _, message in messages], wanted)
            if wanted == ("SAVE",):
                return answer(b"done")
        told = extended(found, wanted or ("ALL",)) + (b" MODSEQ %d" % latest if latest else b"")
        self.add(b"* ESEARCH (TAG %s)%s%s\r\n" % (write(self.tag), b" UID" if uid else b"", told))
        return answer(b"done")

    def do_FETCH(self, ranges: Ranges | None, asked: Fetching, uid: bool = False) -> Acts[bytes]:
        """§6.4.5."""
        view, items = self.view, self.items(asked, uid)
        picked = view.pick(ranges, uid)
        if asked.since is not None:
            picked = [(number, one) for number, one in picked if view.box.read(one).modseq > asked.since]
        if any(item.marks for item in items) and self.state == OPENED:
            yield from self.mark_seen(picked)
        for number, one in picked:
            self.add(fetch.answer(items, view.box.read(one), number))
            if self.size > HANDFUL:
                yield self.said()
        return b"done"

    def items(self, asked: Fetching, uid: bool) -> tuple[fetch.Item, ...]:
        """What is asked for, UID with a UID FETCH, MODSEQ with CHANGEDSINCE (RFC 7162 §3.1.4)."""
        items = asked.items
        names = {item.name for item in items}
        if asked.since is not None and "MODSEQ" not in names:
            items = (*items, fetch.SIMPLE["MODSEQ"])
        if asked.since is not None or "MODSEQ" in names:
            self.enabled.add("CONDSTORE")
        return (fetch.SIMPLE["UID"], *items) if uid and "UID" not in names else items

    def mark_seen(self, picked: list[tuple[int, int]]) -> Acts[None]:
        messages = self.view.box.messages
        unseen = tuple(one for _, one in picked if one in messages and "\\Seen" not in messages[one].flags)
        if unseen:
            yield Flag(self.place(), unseen, "+", ("\\Seen",))

    def do_STORE(self, ranges: Ranges | None, asked: Storing, uid: bool = False) -> Acts[bytes]:
        """§6.4.6, RFC 7162 §3.1.3."""
        view = self.view
        picked = [one for _, one in view.pick(ranges, uid)]
        modified: list[int] = []
        if asked.unchanged_since is not None:
            self.enabled.add("CONDSTORE")
            modified = [one for one in picked if view.box.read(one).modseq > asked.unchanged_since]
            picked = [one for one in picked if one not in set(modified)]
        changed = yield Flag(self.place(), tuple(picked), asked.how, self.spelt(asked.flags))
        told_anyway = asked.unchanged_since is not None  # the new MODSEQ is news even to who was silent
        view.catch_up(known=set(changed) if asked.silent and not told_anyway else ())
        if not asked.silent:
            view.flagged.update(dict.fromkeys(picked))  # also those it did not change
        if modified:
            numbers = modified if uid else [view.number(one) for one in modified]
            return b"[MODIFIED %s] the others changed meanwhile" % write_set(numbers)
        return b"done"

    def spelt(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        r"""Keywords are the same in capitals or not (§2.3.2): spelt as they first came; \Recent is nobody's to set."""
        flags = tuple(flag for flag in flags if flag != "\\Recent")
        if all(flag.startswith("\\") for flag in flags):
            return flags
        known = {flag.upper(): flag for message in self.view.box.messages.values() for flag in message.flags}
        return tuple(known.get(flag.upper(), flag) for flag in flags)

    def do_COPY(self, ranges: Ranges | None, name: str, uid: bool = False) -> Acts[bytes]:
        text, _ = yield from self.copied(ranges, name, uid)
        return text

    def do_MOVE(self, ranges: Ranges | None, name: str, uid: bool = False) -> Acts[bytes]:
        """§6.4.8: COPYUID is told before the EXPUNGEs."""
        place = self.place()
        text, uids = yield from self.copied(ranges, name, uid)
        if uids:
            self.add(b"* OK %s\r\n" % text)
            yield Remove(place, uids)
        return b"done"

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


SPECIAL_USES = ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")


def too_long(limit: int) -> Refused:
    return Refused("imap.too-long", f"BAD a line has at most {limit} octets", limit=str(limit))


def status(box: Mailbox, item: str) -> int:
    """§6.3.11; HIGHESTMODSEQ: RFC 7162 §3.1.7."""
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
        case "HIGHESTMODSEQ":
            return box.modseq
        case _:  # RECENT: rev2 has done away with it
            return 0


def saved(uids: list[int], wanted: Iterable[str]) -> tuple[int, ...]:
    """What $ then stands for (§6.4.4.1): all, unless only MIN or MAX were asked for."""
    if "ALL" in wanted or "COUNT" in wanted or not {"MIN", "MAX"} & set(wanted) or not uids:
        return tuple(uids)
    ends = [uids[0]] * ("MIN" in wanted) + [uids[-1]] * ("MAX" in wanted)
    return tuple(dict.fromkeys(ends))


def extended(found: list[int], wanted: Iterable[str]) -> bytes:
    """ESEARCH's answer (§7.3.4): MIN, MAX and ALL only when something was found."""
    told = {"COUNT": b" COUNT %d" % len(found)}
    if found:
        told |= {"MIN": b" MIN %d" % found[0], "MAX": b" MAX %d" % found[-1], "ALL": b" ALL " + write_set(found)}
    if set(wanted) <= {"SAVE"}:
        wanted = ("ALL",)
    return b"".join(told.get(one, b"") for one in dict.fromkeys(wanted))
