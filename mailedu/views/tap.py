"""One conversation as three see it: the client, whoever sits on the wire, and the server.

Before TLS all three read the same.  After it the one in the middle sees records: a type, a length, and noise
(RFC 8446 §5.1).  Records are cut out of the octets by their own headers, never by the pieces in which they came.
An attacker's acts are steps too (actor "attacker"): a rule that says what he did, what he heard and what he said then.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from ..acts import Accept, Cipher, Connect, Hear, LabError, Rule, Say, Upgrade
from ..rules import sentence
from ..trace import Step, Trace, printable

ATTACKER = "attacker"
READ = "lab.attack-read"  # the rule that he applies when he hands on what he has read, as it is
TYPES = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}  # RFC 8446 §5.1
SHAKES = {  # RFC 8446 §4; TLS 1.2 has more
    1: "ClientHello",
    2: "ServerHello",
    11: "Certificate",
    12: "ServerKeyExchange",
    14: "ServerHelloDone",
    16: "ClientKeyExchange",
}
RECENT = 60  # rows in which what is heard now was said
HEADER = 5  # octets of a record's header: type, version, length
SHOWN = 64  # octets of a record that are kept
MOST_TEXT = 4_000  # letters of a piece that are kept
TOKEN = re.compile(rb"(?:AUTH(?:ENTICATE)? [A-Z0-9-]+ |334 |\+ |)([A-Za-z0-9+/]{4,}={0,2})\r?\n?", re.IGNORECASE)


@dataclass(slots=True)
class Record:
    """One TLS record, as it passed the middle."""

    sender: str  # "client" or "server"
    type: int
    data: bytes  # header and fragment

    @property
    def length(self) -> int:
        return len(self.data) - HEADER

    @property
    def name(self) -> str:
        """What anybody on the way can tell of it."""
        known = TYPES.get(self.type, f"type {self.type}")
        if self.type == 22 and self.data[HEADER : HEADER + 1] and self.data[HEADER] in SHAKES:
            return f"{known}, {SHAKES[self.data[HEADER]]}"
        return known

    def as_data(self) -> dict[str, Any]:
        return {
            "from": self.sender, "type": self.type, "name": self.name, "length": self.length,
            "data": self.data[:SHOWN].decode("latin-1"),
        }  # fmt: skip


@dataclass(slots=True)
class Row:
    """One piece that one side said: what was said, what passed the middle, and what arrived."""

    n: int  # the number of its first step
    sender: str  # "client" or "server"; "": the handshake of TLS, in which both speak
    said: bytes | None = None
    heard: bytes | None = None
    sealed: bool = False  # it went under TLS
    records: list[Record] = field(default_factory=list)
    did: Rule | None = None  # what the attacker did with it
    did_n: int = 0  # the number of that step
    read: bytes | None = None  # what the attacker heard, and
    told: bytes | None = None  # what he said then; None: nothing
    outcome: str = ""  # of a handshake: "" or why it failed
    aside: bool = False  # the attacker alone speaks: nobody had said it

    @property
    def decoded(self) -> str:
        """A password that anybody can read, spelt out: base64 hides nothing."""
        seen = self.read if self.read is not None else None if self.sealed else self.wire
        return decoded(seen) if seen else ""

    @property
    def passed(self) -> bytes | None:
        """What went on to the other end."""
        return self.told if self.did else self.said

    @property
    def due(self) -> bytes:
        """What of it the other end has still to hear; nothing, where he hears something else."""
        passed, heard = self.passed or b"", self.heard or b""
        return passed[len(heard) :] if passed.startswith(heard) else b""

    @property
    def wire(self) -> bytes | None:
        """What was said, as the middle saw it; who leaves no steps said what was heard."""
        return self.said if self.said is not None else self.read if self.read is not None else self.heard

    def as_data(self) -> dict[str, Any]:
        """For a page: text is text, one line a line; what is not there is left out."""
        found: dict[str, Any] = {
            "n": self.n,
            "from": self.sender,
            "said": shown(self.said),
            "heard": shown(self.heard),
            "sealed": self.sealed,
            "records": [record.as_data() for record in self.records],
            "wire": "" if self.sealed else shown(self.wire),
            "decoded": self.decoded,
            "outcome": self.outcome,
            "aside": self.aside,
        }
        if self.did:
            found |= {"did": sentence(self.did), "rule": self.did.name, "did_n": self.did_n}
            found |= {"read": shown(self.read), "told": shown(self.told)}
        return {name: value for name, value in found.items() if value not in ("", None, [], False)}


def conversations(trace: Trace) -> dict[str, str]:
    """Conversations that somebody took, and who did: ``{"mx.beta.example:25/1": "mx.beta.example"}``."""
    return {step.conversation: step.actor for step in trace.only(Accept)}


def tap(trace: Trace, conversation: str = "") -> list[Row]:
    """The rows of one conversation, in order; of the first one, if none is named."""
    known = conversations(trace)
    if not conversation and known:
        conversation = next(iter(known))
    if conversation not in known:
        raise LabError(f"Nobody took a call {conversation!r}: there are {', '.join(known) or 'none so far'}.")
    teller = Teller(known[conversation])
    for step in trace:
        if step.conversation == conversation:
            teller.tell(step)
    return teller.finished()


class Teller:
    """Puts the steps of one conversation into rows."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.rows: list[Row] = []
        self.by_step: dict[int, Row] = {}  # a server's Say, or his Upgrade -> its row
        self.acts: dict[int, Row] = {}  # an attacker's rule -> its row
        self.shaking: Row | None = None  # the handshake under way, or the last one
        self.pending: list[Record] = []  # the client's records that carry what the server hears next
        self.sealed = self.client_tells = False
        self.finished_by_client = False
        self.broken: dict[str, bytes] = {}  # sender -> the beginning of a record whose end is still to come

    def tell(self, step: Step) -> None:
        if step.actor == ATTACKER:
            return self.attack(step)
        ours = step.actor == self.server
        self.client_tells |= not ours and isinstance(step.act, Say | Hear)
        match step.act:
            case Say(data):
                self.said(step, "server" if ours else "client", data)
            case Hear(data):
                self.heard(step, "client" if ours else "server", data)
            case Upgrade() if ours:
                self.shaking = self.new(step, "")
                self.sealed = self.shaking.sealed = True
                self.finished_by_client = False
                self.by_step[step.number] = self.shaking
            case Upgrade() if self.shaking is None or not self.sealed:
                pass  # the server's tells it
            case Cipher(sender, data):
                self.record(step, sender, data)
            case Rule(name) if ours and name.endswith(".tls-failed") and self.shaking:
                self.shaking.outcome = step.act.outcome

    def new(self, step: Step, sender: str) -> Row:
        row = Row(step.number, sender, sealed=self.sealed)
        self.rows.append(row)
        return row

    def said(self, step: Step, sender: str, data: bytes) -> None:
        row = self.new(step, sender)
        row.said = data
        if sender == "server":
            self.by_step[step.number] = row

    def heard(self, step: Step, sender: str, data: bytes) -> None:
        """It belongs to the first piece from there that nobody has heard yet, or not to its end."""
        if sender == "server" and self.piecewise(data):
            return
        row = self.waiting(sender, data)
        if row and row.said and sender == "client" and len(data) > len(row.said):
            self.used_up(sender, data)
            row = None
        if row is None:
            row = self.new(step, sender)
        row.heard = data
        if sender == "client":
            row.records += self.pending
            self.pending = []

    def piecewise(self, data: bytes) -> bool:
        """What a server said in one piece is heard line by line, or in a line and a block; or two pieces as one."""
        rows = [row for row in reversed(self.rows[-RECENT:]) if row.sender == "server" and row.due]
        parts: list[tuple[Row, bytes]] = []
        while data and rows and (rows[-1].due.startswith(data) or data.startswith(rows[-1].due)):
            row = rows.pop()
            parts.append((row, data[: len(row.due)]))
            data = data[len(row.due) :]
        if data:
            return False  # it is something else
        for row, part in parts:
            row.heard = (row.heard or b"") + part
        return True

    def waiting(self, sender: str, data: bytes) -> Row | None:
        """… and that begins like it: several commands may be said at once, and read one by one."""
        for row in self.rows:
            passed = row.told if row.did else row.said
            if row.sender != sender or row.heard is not None or not passed:
                continue
            if passed.startswith(data) or data.startswith(passed):
                return row
        return None

    def used_up(self, sender: str, data: bytes) -> None:
        """What was said in several pieces is heard as one: it is told where it was heard."""
        for row in self.rows:
            if row.sender == sender and row.heard is None and row.said and data.startswith(row.said):
                row.heard, data = b"", data[len(row.said) :]

    # -- TLS

    def record(self, step: Step, sender: str, data: bytes) -> None:
        """Cut by their headers: the client's come before what is heard, the server's after what is said."""
        data = self.broken.pop(sender, b"") + data
        found, rest = records(sender, data)
        if rest:
            self.broken[sender] = rest
        row = self.by_step.get(step.parent or -1)
        for one in found:
            if sender == "server" and row and row.sender == "server":
                row.records.append(one)
            elif sender == "server" or not self.is_talk(one):
                self.at_end(one, sender)
            elif said := self.unsealed():
                said.records.append(one)
            else:
                self.pending.append(one)

    def unsealed(self) -> Row | None:
        """What the client said under TLS and has no record yet."""
        rows = (row for row in self.rows if row.sender == "client" and row.sealed and row.said is not None)
        return next((row for row in rows if not row.records), None)

    def is_talk(self, record: Record) -> bool:
        """Whether it is behind the client's part of the handshake.  In TLS 1.3 the first sealed one is still in it."""
        if record.type != 23:
            return False
        before, self.finished_by_client = self.finished_by_client, True
        return before or not self.is_newest()

    def is_newest(self) -> bool:
        """TLS 1.3: the server's part of the handshake is sealed as well (RFC 8446 §2)."""
        theirs = self.shaking.records if self.shaking else []
        return any(one.sender == "server" and one.type == 23 for one in theirs)

    def at_end(self, record: Record, sender: str) -> None:
        """A record of the handshake; or, when all is said, of its goodbye."""
        if self.shaking:
            talked = self.rows[-1] is not self.shaking
            last = self.rows[-1]
            goodbye = talked and self.finished_by_client and record.type in (21, 23)
            (last if goodbye else self.shaking).records.append(record)

    # -- the one in the middle

    def attack(self, step: Step) -> None:
        match step.act:
            case Rule():
                self.acts[step.number] = self.place(step, step.act)
            case Hear(data) if step.parent in self.acts:
                row = self.fitting(self.acts[step.parent], data)
                self.acts[step.parent] = row
                row.read = data
                row.told = data if row.did and row.did.name == READ else None
            case Say(data) if step.parent in self.acts:
                self.acts[step.parent].told = data

    def place(self, step: Step, rule: Rule) -> Row:
        """The row of what the attacker did: that of the piece that he heard; or one of its own."""
        row = Row(
            step.number, rule.because.get("from", ""), sealed=self.sealed, did=rule, did_n=step.number, aside=True
        )
        self.rows.append(row)
        return row

    def fitting(self, row: Row, data: bytes) -> Row:
        """Where one end's step tells that this was said, the attacker's act stands beside it."""
        for one in self.rows:
            if one.sender == row.sender and one.said == data and not one.did and one.heard is None:
                one.did, one.did_n = row.did, row.did_n
                self.rows.remove(row)
                return one
        row.aside = False
        return row

    def finished(self) -> list[Row]:
        """A client that is not ours leaves no steps: what it said is what was heard, and the other way round."""
        if not self.client_tells:
            for row in self.rows:
                passed = row.told if row.did else row.said
                if row.sender == "server":
                    row.heard = passed
                elif row.sender == "client" and row.said is None and not row.aside:
                    row.said = row.read if row.read is not None else row.heard
        if self.pending and self.rows:
            self.rows[-1].records += self.pending
        return self.rows


def records(sender: str, data: bytes) -> tuple[list[Record], bytes]:
    """The whole records in these octets, and what is left over."""
    found = []
    while len(data) >= HEADER and data[0] in TYPES:
        end = HEADER + int.from_bytes(data[3:5])
        if len(data) < end:
            break
        found.append(Record(sender, data[0], data[:end]))
        data = data[end:]
    if data and data[0] not in TYPES:  # no TLS at all: the rest is shown as one piece
        found.append(Record(sender, data[0], data))
        data = b""
    return found, data


def shown(data: bytes | None) -> str | None:
    """Octets as text, a line a line, and nothing in it that a page or a terminal would obey."""
    if data is None:
        return None
    text = data.decode("utf-8", "backslashreplace").removesuffix("\n").removesuffix("\r")
    lines = [printable(line) for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines)[:MOST_TEXT]


def decoded(data: bytes) -> str:
    """Base64 in a log-in, read aloud: ``b"AUTH PLAIN AGFsaWNlAGxhYi1hbGljZQ==\\r\\n"`` -> ``"alice · lab-alice"``.

    "" for what is no base64 of text.
    """
    found = TOKEN.fullmatch(data)
    if not found or len(found[1]) % 4:
        return ""
    try:
        text = base64.b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    parts = [part for part in text.split("\0") if part]
    return " · ".join(parts) if parts and all(map(str.isprintable, parts)) else ""


# -- as text -----------------------------------------------------------------------------------------------------------

WIDTH = 31  # letters of a column
GAP = 3


def as_text(rows: Sequence[Row], client: str = "the client", server: str = "the server", lines: int = 16) -> str:
    """Three columns.  Of a piece with more than so many lines the middle is left out."""
    told = [line(client, "", "who listens on the way", "", server), line("─" * WIDTH, "", "─" * WIDTH, "", "─" * WIDTH)]
    for row in rows:
        told += handshake(row, lines) if not row.sender and not row.did else piece(row, lines)
    return "\n".join(told)


def line(left: str, one: str, middle: str, two: str, right: str) -> str:
    return f"{left:{WIDTH}}{one:^{GAP}}{middle:{WIDTH}}{two:^{GAP}}{right}".rstrip()


def columns(left: Sequence[str], middle: Sequence[str], right: Sequence[str], arrows: tuple[str, str]) -> Iterator[str]:
    for number in range(max(len(left), len(middle), len(right), 1)):
        at = [column[number] if number < len(column) else "" for column in (left, middle, right)]
        one, two = arrows if number == 0 else ("", "")
        yield line(at[0], one, at[1], two, at[2])


def piece(row: Row, lines: int) -> list[str]:
    arrow = "→" if row.sender == "client" else "←"
    middle = [] if row.aside else sealed(row) if row.sealed else folded(row.wire, lines)
    if row.read is not None and row.sealed:
        middle = middle + [f"» {one}" for one in folded(row.read, lines, 2)]
    elif row.did:
        middle = middle + [f"! {one}" for one in wrap(sentence(row.did), WIDTH - 2)]
    if row.decoded:
        middle = middle + [f"= {one}" for one in wrap(row.decoded, WIDTH - 2, break_on_hyphens=False)]
    ends = (row.said, row.heard) if row.sender == "client" else (row.heard, row.said)
    came = row.heard is not None
    arrows = (arrow if ends[0] is not None else "", arrow if ends[1] is not None else "")
    if not came and row.read is not None and not row.told:
        arrows = (arrow, "×") if row.sender == "client" else ("×", arrow)
    return list(columns(folded(ends[0], lines), middle, folded(ends[1], lines), arrows))


def handshake(row: Row, lines: int) -> list[str]:
    middle = []
    for record in row.records:
        middle.append(f"{'→' if record.sender == 'client' else '←'} {header(record)}")
        middle.append(f"  {record.name}, {record.length}")
    end = [f"TLS failed: {row.outcome}"] if row.outcome else ["TLS"]
    middle += [one for text in end if row.outcome for one in wrap(text, WIDTH)]
    ends = ["(TLS handshake)"]
    return list(columns(ends, middle, ends, ("⇄", "⇄")))


def header(record: Record) -> str:
    return record.data[:HEADER].hex(" ") + (" …" if record.length else "")


def sealed(row: Row) -> list[str]:
    return [f"{header(record)} ({record.length})" for record in row.records] or [
        "(came before TLS)" if row.sender == "client" and row.said is None else "(under TLS)"
    ]


def folded(data: bytes | None, most: int, used: int = 0) -> list[str]:
    """A column's lines."""
    if data is None:
        return []
    found = []
    for text in (shown(data) or "").split("\n"):
        found += wrap(text, WIDTH - used, drop_whitespace=False, break_on_hyphens=False) or [""]
    if len(found) > most:
        found = [*found[: most - 2], f"… ({len(found) - most + 1} lines)", found[-1]]
    return found


# -- for a page --------------------------------------------------------------------------------------------------------

MOST_CALLS = 40
MOST_STEPS = 6_000  # of all calls together; a page that shows more is slow
SEEN = 16  # octets of a record that travel: its header, and how its noise begins


def as_data(trace: Trace) -> list[dict[str, Any]]:
    """The calls of a trace, for the player's pane; none, where nothing in it was under TLS, changed or a log-in.

    What the other end heard, and what passed, is left out where it is what was said.
    """
    calls: dict[str, tuple[Teller, dict[str, Any]]] = {}
    left, more = MOST_STEPS, 0
    for step in trace:
        if isinstance(step.act, Accept) and step.conversation not in calls:
            if len(calls) == MOST_CALLS or not left:
                more += 1
                continue
            about = {"name": step.conversation, "n": step.number, "client": caller(trace, step), "server": step.actor}
            calls[step.conversation] = Teller(step.actor), about
        if step.conversation not in calls:
            continue
        teller, about = calls[step.conversation]
        if left:
            teller.tell(step)
            left -= 1
        else:
            about["cut"] = True  # there is more of it, in the story
    told = [about | {"rows": [brief(row) for row in teller.finished()]} for teller, about in calls.values()]
    if more:
        told[-1]["more"] = more  # calls that are only in the story
    worth = any(row.keys() & {"sealed", "did", "decoded"} for call in told for row in call["rows"])
    return [call for call in told if call["rows"]] if worth else []


def caller(trace: Trace, step: Step) -> str:
    """Who calls: by name, where he is one of ours."""
    assert isinstance(step.act, Accept)
    if step.parent is None or step.parent < trace.dropped:
        return step.act.client
    call = trace.step(step.parent)
    return call.actor.removeprefix("queue ") if isinstance(call.act, Connect) else step.act.client


def brief(row: Row) -> dict[str, Any]:
    """A row without what its other fields say already."""
    told = row.as_data()
    if told.get("heard") == told.get("said"):
        told.pop("heard", None)
        told["came"] = row.heard is not None
    if told.get("wire") == told.get("said"):
        told.pop("wire", None)
    if row.sealed and not row.decoded and row.said:
        told["own"] = decoded(row.said)  # a log-in that only the two ends can read
    told["records"] = [
        [one.sender, one.type, one.name, one.length, one.data[:SEEN].decode("latin-1")] for one in row.records
    ]
    return {name: value for name, value in told.items() if value not in ([], "", False)}
