"""A trace as the player reads it: a *score*, rows in the order in which a story is told.

Pure projection.  One row is one line on the screen.  Rows stand in tree order, each with the number of its step, so
that "step 57" means the same in the transcript, in an exercise's feedback and in the player.  Four things are told
differently from how they were written down:

- a message that both ends of a call wrote down is told once (by the server, where the server is ours);
- `Enter`, `Close` and `Cipher` are no rows of their own: they are a row's new state, outcome and octets on the wire;
- an `Answer` stands beside its question, not under it;
- what a stored message sets off (a queue that relays it) stands after the conversation that stored it.

`also` lists the steps that a row speaks for, so every number finds its row.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from ..acts import (
    Accept,
    Answer,
    Ask,
    Cipher,
    Close,
    Connect,
    Enter,
    Fetch,
    Flag,
    Hangup,
    Hear,
    LabError,
    Open,
    Page,
    Remove,
    Rule,
    Say,
    Store,
    Upgrade,
    Wait,
    Watch,
)
from ..rules import rules, section, sentence
from ..table import Table
from ..trace import Step, Trace, told
from .arena import arenas
from .dmarc import as_data as dmarc_data
from .dmarc import evaluations as dmarc_evaluations
from .lanes import as_data as queue_data
from .program import as_data
from .program import checks as spf_checks
from .tap import as_data as tap_data

Span = tuple[int, str]  # so many octets, and what they are
Reader = Callable[[bytes, str, str, bool], Sequence[Span]]  # (data, "client" or "server", verb, first piece?) -> spans
Meaning = Callable[[str], Sequence[tuple[str, str, str]]]  # a reply -> [(code in it, what it means, its source)]
Row = dict[str, Any]

MOST_OCTETS = 65_536  # of one row; the rest is counted, not shown
MOST_LETTERS = 160  # of a label
MOST_LANES = 12
MOST_RECORDS = 40  # TLS records of a row whose headers are kept
MOST_RECORDED = 20_000  # steps of a trace that travels along with its score
OTHERS = "others"
QUEUE = "queue "  # a queue is a box and an actor of this name: "queue mx.alpha.example"
DNS = "dns"
ATTACKER = "attacker"
TLS_RECORD = [(1, "TLS record type"), (2, "TLS record version"), (2, "TLS record length"), (0, "TLS fragment")]
UNEXPLAINED = "unexplained"  # octets that a reader left over: a bug, and shown as one

ALONE = {"spf": ("SPF, ",), "dmarc": ("SPF, ", "DKIM", "DMARC", "RFC 9989 beside")}  # what there is then
PROTOCOLS = {  # port -> (the names under which readers and tables may be had, what a newcomer calls it)
    25: (("smtp",), "SMTP"),
    465: (("submissions", "submission", "smtp"), "Submission over TLS"),
    587: (("submission", "smtp"), "Submission"),
    2525: (("submission", "smtp"), "Submission"),
    110: (("pop3",), "POP3"),
    995: (("pop3s", "pop3"), "POP3 over TLS"),
    143: (("imap",), "IMAP"),
    993: (("imaps", "imap"), "IMAP over TLS"),
}
STANDARD = {"SMTP": "5321", "POP3": "1939", "IMAP": "9051"}  # the RFC that a table's bare section numbers belong to

MOODS = {  # the first word of a verdict -> what the player marks by shape and colour
    "good": "pass match good same found ok signed aligned accepted delivered queued agrees",
    "bad": "fail permerror refused bad differs mismatch err no rejected bounced tls-failed broken",
    "later": "temperror softfail void timeout deferred later unreachable",
}
MOOD = {word: mood for mood, words in MOODS.items() for word in words.split()}


class Choice(NamedTuple):
    """One answer to a `Question`; `hint` is what is said to whoever took it: it answers the misconception."""

    text: str
    right: bool = False
    hint: str = ""


class Question(NamedTuple):
    """What a student is asked before a step is shown."""

    ask: str
    choices: tuple[Choice, ...]


# Which step: its number, or how its row begins ("550 5.7.26").  What is asked, plainly: ("What comes back?",
# {"250": "No: there is no such mailbox.", "550": True}): each choice with the answer to whoever takes it, or True.
Predict = Mapping[int | str, Question | tuple[str, Mapping[str, str | bool]]]


def score(
    trace: Trace,
    readers: Mapping[str, Reader],
    tables: Mapping[str, Table],
    title: str = "",
    predict: Predict | None = None,
    meanings: Mapping[str, Meaning] | None = None,
    opens: str = "",
    microscopes: Sequence[Mapping[str, Any]] = (),
    arena: str = "",
) -> dict[str, Any]:
    """What the player shows of this trace, as plain lists and dicts.

    `readers` name the octets of a protocol's messages ("smtp", "pop3", "imap"; "message" for a stored mail, "TXT" for
    a record of the DNS), `tables` are the state tables that ran.  Without a reader a message is text, without a table
    there is no state rail.
    `predict`: what is asked before a step is shown.  `meanings`: what the replies of a protocol mean.
    `opens`: the pane that is seen first, if it is not the one that fits the trace ("branches").
    `microscopes`: DKIM signatures octet for octet, as plain data, from whoever can compute them.
    `arena`: the mailbox whose sessions are shown side by side; without it, those that two had open at once.
    """
    told = Scribe(trace, readers, tables, meanings or {}).write(title)
    if microscopes:
        told["dkim"] = list(microscopes)
    if found := arenas(trace, arena):
        told["arena"] = found
    if opens:
        told["opens"] = opens
    for where, asked in (predict or {}).items():
        ask(told["rows"], where, question(asked))
    return told


def ask(rows: Iterable[Row], where: int | str, asked: Question) -> None:
    """Put the question to the row of its step."""
    for row in rows:
        here = where in (row["n"], *row.get("also", ())) if isinstance(where, int) else row["label"].startswith(where)
        if here:
            row["predict"] = {"ask": asked.ask, "choices": [choice._asdict() for choice in asked.choices]}
            return
    raise LabError(f"There is no step {where!r} here to ask about before it is shown.")


def question(asked: Question | tuple[str, Mapping[str, str | bool]]) -> Question:
    """A question as it was given, or written plainly."""
    if isinstance(asked, Question):
        return asked
    match asked:
        case (str(words), Mapping() as choices) if len(choices) > 1 and True in choices.values():
            told = [Choice(text, hint is True, "" if hint is True else str(hint)) for text, hint in choices.items()]
            return Question(words, tuple(told))
    raise LabError('Ask like this: predict={28: ("What comes back?", {"250": "No, because …", "550": True})}.')


def pack(score: Mapping[str, Any]) -> bytes:
    """The score as it travels: compact JSON, gzip; the same score gives the same bytes."""
    return zipped(json.dumps(score, separators=(",", ":"), ensure_ascii=False))


def record(trace: Trace) -> bytes:
    """The trace itself as it travels along, to be saved: gzip of its JSON; nothing, where it is very long."""
    return zipped(trace.to_json()) if len(trace) <= MOST_RECORDED else b""


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode("utf-8", "surrogatepass"), 6, mtime=0)


class Branch(NamedTuple):
    """A future that parted from another one."""

    id: str
    parent: str  # the other's id; "" is what happened
    at: int  # the last step that both have
    title: str  # what was said then
    trace: Trace
    on_branch: Callable[[int, str], Any] | None = None  # see `widget.Player`


def travels(told: Mapping[str, Any], branch: Branch) -> dict[str, Any]:
    """A branch as it travels, with its score."""
    names = {"id": branch.id, "parent": branch.parent, "at": branch.at, "title": branch.title}
    return {**names, "packed": pack(told), "recorded": record(branch.trace)}


@dataclass(slots=True)
class Talk:
    """One conversation while it is being told."""

    index: int
    up: int | None  # the row it stands under
    row: int
    client: str
    server: str
    reader: Reader
    meaning: Meaning | None
    by_server: bool  # the server wrote its half down, so the client's half is left out
    tls: bool = False
    state: str = ""
    verb: str = ""  # of the exchange being told
    pieces: dict[str, int] = field(default_factory=dict)  # sender -> how many pieces of this exchange were told
    told: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # sender -> (octets said before it, its row)
    octets: dict[str, int] = field(default_factory=dict)  # sender -> octets told so far
    left_out: list[Step] = field(default_factory=list)
    afterwards: list[Step] = field(default_factory=list)  # what this conversation set off
    sealed: list[Step] = field(default_factory=list)  # TLS records of a handshake's step: its own, then the client's
    shook: int = 0  # the handshake's row
    shaken: bool = False  # its records were told
    records: list[Step] = field(default_factory=list)  # those of what is heard next
    code: str = ""  # what the last reply of this exchange begins with: "250", "+OK", "NO"
    why: Rule | None = None  # the last rule of this exchange
    last: int | None = None  # the last message's row in this exchange
    newest: int = 0  # the row of the last message, or of a rule after it; the conversation's own before there is one


class Scribe:
    """Writes the rows of one trace."""

    def __init__(
        self,
        trace: Trace,
        readers: Mapping[str, Reader],
        tables: Mapping[str, Table],
        meanings: Mapping[str, Meaning],
    ) -> None:
        self.trace, self.readers, self.tables, self.meanings = trace, readers, tables, meanings
        self.children = trace.children()
        self.calls = over_calls(trace)
        self.rows: list[Row] = []
        self.talks: list[dict[str, Any]] = []
        self.machines: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, str] = {}  # name -> section
        self.codes: dict[str, tuple[str, str]] = {}  # of replies -> (what it means, where that is written)
        self.counts: dict[str, int] = {}  # meter -> its value after the last row
        self.changes: set[str] = set()  # meters that lost more than the trace had put in: they can only tell changes
        self.names: dict[str, list[str]] = {}  # of spans -> [kind of mark, sentence]
        self.spoken: dict[tuple[Any, ...], list[Span]] = {}  # what readers have said already
        self.after: list[Step] | None = None  # while what a conversation set off is told: what that sets off, in turn

    def write(self, title: str) -> dict[str, Any]:
        for step in self.children.get(None, []):
            self.tell(step, None, None)
        return {
            "title": title or (self.rows[0]["label"] if self.rows else "Nothing happened"),
            "rows": self.rows,
            "lanes": lanes(self.rows),
            "talks": self.talks,
            "machines": self.machines,
            "rules": self.rules,
            "codes": self.codes,
            "names": self.names,
            "meters": [{"id": name, "label": self.meter(name)} for name in in_order(self.counts)],
            "dropped": self.trace.dropped,
            **self.programs(),
            **self.queues(),
            **self.tapped(),
        }

    def meter(self, name: str) -> str:
        return meter_label(name) + (", change" if name in self.changes else "")

    def programs(self) -> dict[str, Any]:
        """The SPF checks and DMARC evaluations in it; where there is nothing else, theirs is the pane to walk it in."""
        found: dict[str, Any] = {}
        if checks := [as_data(check) for check in spf_checks(self.trace)]:
            found["spf"] = checks
        if dmarc := dmarc_evaluations(self.trace):
            found["dmarc"] = dmarc_data(dmarc)
        for pane in reversed(list(found)):
            if all(row["label"].startswith(ALONE[pane]) or row.get("rule", "").startswith("spf.") for row in self.rows
                   if "up" not in row):  # fmt: skip
                return found | {"pane": pane}
        return found

    def tapped(self) -> dict[str, Any]:
        """What somebody on the wire saw of the calls in it; nothing where no TLS, attacker or log-in plays a part."""
        found = tap_data(self.trace)
        return {"tap": found} if found else {}

    def queues(self) -> dict[str, Any]:
        """What waited in a queue, or came back; nothing where nothing did."""
        found = queue_data(self.trace)
        return {"queue": found} if found else {}

    # -- one step

    def tell(self, step: Step, up: int | None, talk: Talk | None) -> None:
        """Write the rows of this step and of all that stands under it; `up` is the row above."""
        act = step.act
        if talk and talk.sealed:
            self.unseal(step, talk)
        if talk and step.actor == ATTACKER and isinstance(act, Say | Hear):
            return self.overheard(step, act.data, up, talk)
        match act:
            case Say() | Hear() | Upgrade() if talk and talk.by_server and step.actor != talk.server:
                self.leave_out(step, talk)
            case Say(data) | Hear(data):
                self.message(step, data, up, talk)
            case Open(title):
                self.group(step, title, up, talk)
            case Connect() | Accept():
                self.conversation(step, up)
            case Rule():
                self.rule(step, act, up, talk)
            case Ask(name, kind):
                self.question(step, name, kind, up, talk)
            case Answer():
                self.answer(step, act, up)
            case Fetch(url):
                self.fetch(step, url, up)
            case Page():
                self.page(step, act, up)
            case Store() | Remove() | Flag():
                self.change(step, act, up, talk)
            case Upgrade():
                self.handshake(step, act, up, talk)
            case Enter(state):
                self.enter(step, state, up, talk)
            case Close() | Cipher():
                self.join(step, up)
                self.under(self.kids(step), up, talk)
            case Hangup():
                self.note(step, up, "hangup", f"{who(step.actor)} hangs up")
            case Wait(seconds):
                self.note(step, up, "wait", f"{seconds:g} seconds pass")
            case Watch(box):
                self.note(step, up, "wait", f"watches {box}" if box else "watches no longer")
            case _:
                self.note(step, up, "wait", told(act))

    def under(self, steps: Iterable[Step], up: int | None, talk: Talk | None) -> None:
        """Tell what stands under a row; what somebody else does there was set off by it, and waits till the end."""
        for step in steps:
            if (
                talk
                and step.actor not in (talk.client, talk.server, DNS, ATTACKER)
                and not isinstance(step.act, Accept)
            ):
                talk.afterwards.append(step)
            else:
                self.tell(step, up, talk)

    def kids(self, step: Step) -> list[Step]:
        return self.children.get(step.number, [])

    def row(self, step: Step, up: int | None, level: str, kind: str, label: str, **more: Any) -> int:
        """Add a row; returns its index.  Values that say nothing are left out."""
        row: Row = {"n": step.number, "at": round(step.at, 6), "level": level, "kind": kind, "actor": who(step.actor)}
        if up is not None:
            row["up"] = up
        row["label"] = cut(label)
        row.update((name, value) for name, value in more.items() if value not in ("", None, False))
        self.rows.append(row)
        return len(self.rows) - 1

    def note(self, step: Step, up: int | None, kind: str, label: str) -> None:
        self.row(step, up, "evidence", kind, label)
        self.under(self.kids(step), up, None)

    def join(self, step: Step, up: int | None) -> None:
        """This step is part of what another row says; alone, where that row was dropped from the trace."""
        if up is None:
            self.row(step, None, "evidence", "wait", told(step.act))
            return
        row = self.rows[up]
        row.setdefault("also", []).append(step.number)
        if isinstance(step.act, Cipher):
            row["wire"] = row.get("wire", 0) + len(step.act.data)
            headers = row.setdefault("records", [])
            headers += tls_headers(step.act.data)[: MOST_RECORDS - len(headers)]
            self.glossed(TLS_RECORD)

    def count(self, row: int, meter: str, by: int) -> None:
        """A meter moves with this row."""
        now = self.counts[meter] = self.counts.get(meter, 0) + by
        self.rows[row].setdefault("world", {})[meter] = now
        if now < 0:
            self.changes.add(meter)

    # -- groups

    def group(self, step: Step, title: str, up: int | None, talk: Talk | None) -> None:
        """`Open` … `Close`: a journey, a command with its reply, or a decision with what it rests on."""
        kids = self.kids(step)
        first = next((kid.act for kid in kids if isinstance(kid.act, Say | Hear)), None)
        if talk is None:
            level = "journey" if step.number in self.calls else "decision"
        elif first is not None and up == talk.row:
            level = "exchange"
        else:
            level = "decision"
        if level == "exchange" and talk:
            talk.verb, talk.pieces, talk.why, talk.last, talk.code = title, {}, None, None, ""
        row = self.row(step, up, level, "open", title)
        if level == "exchange" and talk and first is not None:
            self.rows[row].update(actor=who(talk.client), to=who(talk.server), talk=talk.index, verb=title)
            if isinstance(first, Hear) == talk.by_server:
                self.rows[row]["label"] = cut(first_line(first.data))
        elif talk:
            self.rows[row]["talk"] = talk.index
        self.under(kids, row, talk)
        self.conclude(row, kids, talk.code if talk and level == "exchange" else "")
        if talk and level == "exchange":
            talk.verb, talk.why, talk.last = "", None, None
            if row == len(self.rows) - 1 and step.actor == talk.client:  # all in it was left out
                self.rows.pop()
                self.leave_out(step, talk)

    def conclude(self, row: int, kids: list[Step], code: str) -> None:
        """What `Close` said is the group's outcome; an exchange's is the code of its last reply."""
        verdict = next((kid.act.verdict for kid in reversed(kids) if isinstance(kid.act, Close)), "")
        found = mood(code or verdict)
        if code:
            verdict, found = code, "" if found == "good" else found
        if verdict:
            self.rows[row]["outcome"] = cut(verdict)
        if found:
            self.rows[row]["mood"] = found

    # -- conversations

    def conversation(self, step: Step, up: int | None) -> None:
        """A call and all that was said in it; both halves of it, in the order of the steps."""
        talk = self.open_talk(step, up)
        steps = list(self.kids(step))
        accept = next((kid for kid in steps if isinstance(kid.act, Accept)), None)
        if accept is not None:
            steps = sorted([*steps, *self.kids(accept)], key=lambda kid: kid.number)
            self.rows[talk.row]["from"] = accept.act.client  # type: ignore[attr-defined]
        for kid in steps:
            if isinstance(kid.act, Accept):
                label = f"{kid.actor} takes the call from {kid.act.client}"
                self.row(kid, talk.row, "message", "connect", label, talk=talk.index)
                self.rows[-1].update(actor=who(talk.client), to=who(talk.server))
            else:
                self.under([kid], talk.row, talk)
        if accept is None and isinstance(step.act, Connect) and not talk.octets:
            self.rows[talk.row].update(outcome="nobody answers", mood="later")
        self.pair(talk)
        self.tell_afterwards(talk.afterwards, up)

    def tell_afterwards(self, steps: list[Step], up: int | None) -> None:
        """What a conversation set off; and what that set off in turn, beside it rather than under it."""
        if self.after is not None:
            self.after += steps
            return
        while steps:
            self.after = []
            for step in steps:
                self.tell(step, up, None)
            steps, self.after = self.after, None

    def open_talk(self, step: Step, up: int | None) -> Talk:
        """The conversation's own row."""
        act = step.act
        accept = next((kid for kid in self.kids(step) if isinstance(kid.act, Accept)), None)
        if isinstance(act, Connect):
            client, server = step.actor, accept.actor if accept else act.host
        else:
            client, server = getattr(act, "name", "") or getattr(act, "client", ""), step.actor
        port = port_of(step.conversation, act.port if isinstance(act, Connect) else 0)
        names, called = PROTOCOLS.get(port, ((), "Call"))
        by_server = isinstance(act, Accept) or (accept is not None and self.speaks(accept))
        index = len(self.talks)
        row = self.row(step, up, "conversation", "open", f"{called}, port {port}" if port else called)
        self.rows[row].update(actor=who(client), to=who(server), talk=index)
        if isinstance(act, Accept) and act.name:
            self.rows[row]["from"] = act.client
        machine = self.machine(names)
        self.talks.append({"name": step.conversation, "called": called, "port": port, "machine": machine})
        self.count(row, "connections", 1)
        reader = next((self.readers[name] for name in names if name in self.readers), plain)
        meaning = next((self.meanings[name] for name in names if name in self.meanings), None)
        state = self.machines[machine]["states"][0] if machine else ""
        return Talk(index, up, row, client, server, reader, meaning, by_server, state=state, newest=row)

    def machine(self, names: Iterable[str]) -> str:
        """The state table of a conversation, by name, put into the score the first time; "" when there is none."""
        name = next((name for name in names if name in self.tables), "")
        if name and name not in self.machines:
            table = self.tables[name]
            self.machines[name] = {
                "title": table.name,
                "rfc": STANDARD.get(table.name, ""),
                "states": table.states,
                "labels": table.labels,
                "rows": [list(row) for row in table],
            }
        return name

    def speaks(self, step: Step) -> bool:
        """Whether anything said or heard is written down under this step, by the one who did it."""
        todo = self.kids(step)
        while todo:
            if any(isinstance(kid.act, Say | Hear) and kid.actor == step.actor for kid in todo):
                return True
            todo = [below for kid in todo for below in self.kids(kid) if kid.actor == step.actor]
        return False

    def leave_out(self, step: Step, talk: Talk) -> None:
        """The client's half of what the server's half tells already."""
        talk.left_out.append(step)
        self.under((kid for kid in self.kids(step) if not isinstance(kid.act, Cipher)), talk.row, talk)

    def pair(self, talk: Talk) -> None:
        """Each step left out belongs to the row that has its first octet: what goes in at one end comes out there."""
        passed = {"client": 0, "server": 0}
        for step in sorted(talk.left_out, key=lambda one: one.number):
            row = talk.row
            if step.actor == ATTACKER and isinstance(step.act, Say | Hear):  # from here on they count differently
                more = isinstance(step.act, Say) == (self.side(step) == "client")
                passed[self.side(step)] += len(step.act.data) if more else -len(step.act.data)
                continue
            if isinstance(step.act, Say | Hear):
                sender = "client" if isinstance(step.act, Say) else "server"
                rows = talk.told.get(sender, [])
                place = bisect_right(rows, passed[sender], key=lambda pair: pair[0]) - 1
                row = rows[place][1] if place >= 0 else talk.row
                passed[sender] += len(step.act.data)
            for part in (step, *(kid for kid in self.kids(step) if isinstance(kid.act, Cipher))):
                self.join(part, row)
        for record in (*talk.records, *talk.sealed):  # the last ones, after all that was said: TLS ends
            self.join(record, talk.newest)

    # -- the one in the middle

    def side(self, step: Step) -> str:
        """From which side comes what the attacker heard, or says instead: the rule above says so."""
        rule = self.trace.step(step.parent if step.parent is not None else step.number).act
        return rule.because.get("from", "client") if isinstance(rule, Rule) else "client"

    def changes_it(self, step: Step) -> bool:
        """Whether something else goes on than he heard."""
        return any(isinstance(one.act, Say) for one in self.children.get(step.parent, []))

    def overheard(self, step: Step, data: bytes, up: int | None, talk: Talk) -> None:
        """What the attacker heard, and what he says instead."""
        side = self.side(step)
        sender, receiver = (talk.client, talk.server) if side == "client" else (talk.server, talk.client)
        ends = (who(sender), ATTACKER) if isinstance(step.act, Hear) else (ATTACKER, who(receiver))
        spans = self.named(talk.reader, data, side, talk.verb, True)
        said = {"talk": talk.index, "tls": talk.tls, **shown(data, spans)}
        row = self.row(step, up, "evidence", "say", first_line(data), **said)
        self.rows[row].update(actor=ends[0], to=ends[1])
        if self.changes_it(step):
            talk.left_out.append(step)

    # -- what is said

    def message(self, step: Step, data: bytes, up: int | None, talk: Talk | None) -> None:
        """One piece of a conversation: what was said, its octets by name, and how it went."""
        if talk is None:
            row = self.row(step, up, "message", "say", first_line(data), **shown(data, plain(data)))
            self.under(self.kids(step), row, None)
            return
        sender = "server" if isinstance(step.act, Say) == (step.actor == talk.server) else "client"
        first = not talk.pieces.get(sender)
        talk.pieces[sender] = talk.pieces.get(sender, 0) + 1
        spans = self.named(talk.reader, data, sender, talk.verb, first)
        said = {"talk": talk.index, "tls": talk.tls, **shown(data, spans)}
        row = self.row(step, up, "message", "say", first_line(data), **said)
        ends = (talk.client, talk.server) if sender == "client" else (talk.server, talk.client)
        self.rows[row].update(actor=who(ends[0]), to=who(ends[1]))
        if sender == "server":
            self.reply(row, data, spans, talk)
        if up is not None and "to" in self.rows[up] and "verb" in self.rows[up]:
            talk.last = row
        talk.newest = row
        talk.told.setdefault(sender, []).append((talk.octets.get(sender, 0), row))
        talk.octets[sender] = talk.octets.get(sender, 0) + len(data)
        self.count(row, "octets", len(data))
        for record in talk.records:
            self.join(record, row)
        talk.records = []
        self.under(self.kids(step), row, talk)

    def reply(self, row: int, data: bytes, spans: Sequence[Span], talk: Talk) -> None:
        """A reply that says no says so in its row, and names the rule that was the reason."""
        self.rows[row]["reply"] = 1
        if talk.meaning and (means := talk.meaning(self.rows[row]["label"])):
            self.codes.update((code, (says, source)) for code, says, source in means)
            self.rows[row]["means"] = [code for code, _, _ in means]
        talk.code, found = answer_mood(data, spans)
        if found:
            self.rows[row].update(outcome="refused" if found == "bad" else "not now", mood=found)
            if talk.why is not None:
                self.rows[row].update(self.explained(talk.why))
            if talk.index == self.rows[talk.row].get("talk"):
                refusals = self.rows[talk.row].get("refusals", 0) + 1
                self.rows[talk.row].update(refusals=refusals, outcome=f"{refusals} refused", mood="bad")

    def named(self, reader: Reader, data: bytes, sender: str, verb: str, first: bool) -> Sequence[Span]:
        """The reader's spans; what it leaves over is shown as unexplained, for a test to find."""
        key = (reader, data, sender, verb, first)
        if key not in self.spoken:
            spans = list(reader(data, sender, verb, first))
            left = len(data) - sum(length for length, _ in spans)
            if left < 0:
                spans, left = [], len(data)
            self.spoken[key] = spans if not left else [*spans, (left, UNEXPLAINED)]
        return self.glossed(self.spoken[key])

    def glossed(self, spans: Sequence[Span]) -> Sequence[Span]:
        """The same spans; what their names mean goes into the score once."""
        for _, name in spans:
            if name not in self.names and name in glossary():
                self.names[name] = glossary()[name]
        return spans

    def handshake(self, step: Step, act: Upgrade, up: int | None, talk: Talk | None) -> None:
        """TLS goes under the conversation."""
        row = self.row(step, up, "message", "tls", "TLS handshake")
        if act.server_name:
            self.rows[row]["because"] = {"expects": act.server_name}
        if talk:
            talk.tls = True
            self.rows[row].update(actor=who(talk.client), to=who(talk.server), talk=talk.index, tls=True)
            talk.shook, talk.sealed = row, [kid for kid in self.kids(step) if isinstance(kid.act, Cipher)]
        self.under((kid for kid in self.kids(step) if not (talk and isinstance(kid.act, Cipher))), row, talk)

    def unseal(self, step: Step, talk: Talk) -> None:
        """The TLS records that came before this step: the client's before what is heard, else the handshake's."""
        came = [kid for kid in talk.sealed if kid.number < step.number]
        talk.sealed = talk.sealed[len(came) :]
        heard = isinstance(step.act, Hear | Open) and step.actor == talk.server
        for record in came:
            if heard and (talk.shaken or record is came[-1]):
                talk.records.append(record)
            else:
                self.join(record, talk.newest if talk.shaken else talk.shook)
        talk.shaken = talk.shaken or bool(came)

    def enter(self, step: Step, state: str, up: int | None, talk: Talk | None) -> None:
        """A new state is part of the message that led to it: [before, by which command, after]."""
        if talk is None or up is None:
            self.join(step, up)
            return self.under(self.kids(step), up, talk)
        row = talk.last if talk.last is not None else talk.newest if up == talk.row else up
        before, verb, _ = self.rows[row].get("state", (talk.state, talk.verb, ""))
        self.rows[row]["state"] = [before, verb, state]
        self.rows[row].setdefault("also", []).append(step.number)
        talk.state = state
        self.under(self.kids(step), up, talk)

    # -- what is decided, and on which evidence

    def rule(self, step: Step, act: Rule, up: int | None, talk: Talk | None) -> None:
        """A rule that was applied, in its own sentence."""
        row = self.row(step, up, "decision", "rule", act.name, outcome=cut(act.outcome), mood=mood(act.outcome))
        self.rows[row].update(self.explained(act))
        self.rows[row]["label"] = self.rows[row].get("says") or act.name
        if act.because:
            self.rows[row]["because"] = {key: cut(str(value), 2_000) for key, value in act.because.items()}
        if talk:
            self.rows[row]["talk"] = talk.index
            talk.why = act
            if up == talk.row:
                talk.newest = row  # nobody said anything, and still it may lead to another state
        self.under(self.kids(step), row, talk)

    def explained(self, act: Rule) -> Row:
        """The rule's name and sentence; its section goes into the score once."""
        if act.name not in rules():
            return {"rule": act.name}
        self.rules.setdefault(act.name, section(act))
        return {"rule": act.name, "says": cut(sentence(act), 600)}

    def question(self, step: Step, name: str, kind: str, up: int | None, talk: Talk | None) -> None:
        """A question to the DNS, and its answer beside it."""
        spans = self.glossed([(len(name), "name"), (1, "space"), (len(kind), "type")])
        row = self.row(step, up, "evidence", "ask", f"{name} {kind}?", to=DNS, **text(f"{name} {kind}", spans))
        self.count(row, "questions", 1)
        self.under(self.kids(step), up, talk)

    def answer(self, step: Step, act: Answer, up: int | None) -> None:
        spans = [(len(act.name), "name"), (1, "space"), (len(act.type), "type")]
        lines = [f"{act.name} {act.type}"]
        reader = self.readers.get(act.type, whole_record)
        for record in act.records:
            spans += [
                (1, "line end"),
                *self.named(reader, record.encode("latin-1", "replace"), "server", act.type, True),
            ]
            lines.append(record)
        trouble = {"NXDomain": "no such name", "DnsTimeout": "no answer came"}.get(act.status, act.status)
        label = trouble or "; ".join(act.records) or "no such record"
        outcome = "" if act.records and not trouble else "no answer" if act.status == "DnsTimeout" else "void"
        said = text("\n".join(lines), self.glossed(spans))
        row = self.row(step, up, "evidence", "answer", label, outcome=outcome, **said)
        asker = next((row["actor"] for row in reversed(self.rows[:row]) if row["kind"] == "ask"), "")
        self.rows[row].update({"actor": DNS, "to": asker} if asker else {"actor": DNS})
        if outcome:
            self.rows[row]["mood"] = "later"
        self.under(self.kids(step), up, None)

    def fetch(self, step: Step, url: str, up: int | None) -> None:
        """A web address, and what was there after it."""
        row = self.row(step, up, "evidence", "say", f"GET {url}", to=web_host(url), **text(url, [(len(url), "text")]))
        self.glossed(self.rows[row]["spans"])
        self.under(self.kids(step), row, None)

    def page(self, step: Step, act: Page, up: int | None) -> None:
        label = f"{act.status} {act.type}" if act.status else act.type
        spans = self.glossed(plain(act.body))
        row = self.row(step, up, "evidence", "say", label, reply=1, **shown(act.body, spans))
        if act.status != 200:
            self.rows[row].update(
                {"outcome": "refused", "mood": "bad"} if act.status else {"outcome": "no answer", "mood": "later"}
            )
        if up is not None:
            self.rows[row]["to"] = self.rows[up]["actor"]
        self.under(self.kids(step), row, None)

    # -- boxes

    def change(self, step: Step, act: Store | Remove | Flag, up: int | None, talk: Talk | None) -> None:
        """A mailbox or a queue changes."""
        box = act.box
        match act:
            case Store(_, message):
                reader = self.readers.get("message", plain)
                spans = self.named(reader, message, "server", "", True)
                row = self.row(step, up, "message", "store", f"into {box_label(box)}", **shown(message, spans))
                by = 1
            case Remove(_, uids):
                row = self.row(step, up, "message", "store", f"{box_label(box)} loses {uid_list(uids)}")
                by = -len(uids)
            case Flag(_, uids, how, flags):
                label = f"{box_label(box)}: {uid_list(uids)} {how or '='} {' '.join(flags) or 'no flags'}"
                row = self.row(step, up, "message", "store", label)
                by = 0
        if talk:
            self.rows[row]["talk"] = talk.index
        if isinstance(act, Store) and act.note:
            self.rows[row]["because"] = {key: cut(str(value), 2_000) for key, value in act.note.items()}
        if by:
            self.count(row, box, by)
        for kid in self.kids(step):
            if talk:
                talk.afterwards.append(kid)
            else:
                self.tell(kid, up, None)


# -- what a step is called ---------------------------------------------------------------------------------------------


def who(actor: str) -> str:
    """A queue is its host's: "queue mx.alpha.example" -> "mx.alpha.example"."""
    return actor.removeprefix(QUEUE)


def web_host(url: str) -> str:
    """``"https://mta-sts.beta.example/x"`` -> ``"mta-sts.beta.example"``."""
    return url.partition("//")[2].partition("/")[0]


def box_label(box: str) -> str:
    if box.startswith(QUEUE):
        return f"the queue of {who(box)}"
    owner, _, folder = box.partition("/")
    return f"the folder {folder} of {owner}" if folder else f"the mailbox of {owner}"


def uid_list(uids: Sequence[int]) -> str:
    return f"{'message' if len(uids) == 1 else 'messages'} {', '.join(map(str, uids))}"


def cut(said: str, most: int = MOST_LETTERS) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"


def first_line(data: bytes) -> str:
    """The first line as text, for a label."""
    line = data[: 4 * MOST_LETTERS].split(b"\r\n", 1)[0]
    return line.decode("utf-8", "backslashreplace")


def port_of(conversation: str, otherwise: int) -> int:
    """``"mx.beta.example:25/1"`` -> 25."""
    digits = conversation.rpartition(":")[2].partition("/")[0]
    return int(digits) if digits.isdecimal() else otherwise


def over_calls(trace: Trace) -> set[int]:
    """The numbers of all steps that have a call somewhere under them."""
    parents = {step.number: step.parent for step in trace}
    found: set[int] = set()
    for step in trace:
        if isinstance(step.act, Connect | Accept):
            above = step.parent
            while above is not None and above not in found:
                found.add(above)
                above = parents.get(above)
    return found


@cache
def glossary() -> dict[str, list[str]]:
    """What readers call octets -> [the mark it gets, one sentence] (``names.toml``)."""
    return tomllib.loads(resources.files(__package__).joinpath("names.toml").read_text("utf-8"))


# -- octets ------------------------------------------------------------------------------------------------------------


def plain(data: bytes, sender: str = "", verb: str = "", first: bool = True) -> list[Span]:
    """Octets that nobody explains: text, and the ends of its lines."""
    spans: list[Span] = []
    for line in data.splitlines(keepends=True) if b"\r\n" in data else [data]:
        body = line.removesuffix(b"\r\n")
        spans += [(len(body), "text")] if body else []
        spans += [(2, "CRLF")] if len(body) < len(line) else []
    return spans


def whole_record(data: bytes, sender: str = "", verb: str = "", first: bool = True) -> list[Span]:
    """A record that nobody looks into."""
    return [(len(data), "record")] if data else []


def tls_headers(data: bytes) -> list[str]:
    """The headers of the TLS records in it (RFC 8446 §5.1), one character an octet: type, version, length."""
    found, at = [], 0
    while data[at : at + 1] and data[at] in range(20, 25) and len(data) >= at + 5:
        found.append(data[at : at + 5].decode("latin-1"))
        at += 5 + int.from_bytes(data[at + 3 : at + 5])
    return found


def shown(data: bytes, spans: Sequence[Span]) -> Row:
    """`data` (one character is one octet) and `spans`; cut where it is long, with its true `size`."""
    if len(data) <= MOST_OCTETS:
        return {"data": data.decode("latin-1"), "spans": spans}
    kept: list[Span] = []
    room = MOST_OCTETS
    for length, name in spans:
        if room <= 0:
            break
        kept.append((min(length, room), name))
        room -= length
    return {"data": data[:MOST_OCTETS].decode("latin-1"), "spans": kept, "size": len(data)}


def text(said: str, spans: Sequence[Span]) -> Row:
    """Words that were never octets on a wire of ours (a DNS question in a world that has no packets)."""
    return {"data": said, "spans": spans}


# -- how it went -------------------------------------------------------------------------------------------------------


def mood(verdict: str) -> str:
    """ "good", "bad", "later" or "" for a verdict's first word: what the player marks by shape and colour."""
    word = verdict.split(" ")[0].rstrip(":;,").lower()
    if len(word) == 3 and word.isdecimal():
        return {"2": "good", "3": "good", "4": "later", "5": "bad"}.get(word[0], "")
    return MOOD.get(word, "")


def answer_mood(data: bytes, spans: Sequence[Span]) -> tuple[str, str]:
    """A reply's last code or status, as the reader named it, and whether it says no ("bad") or not now ("later")."""
    word, at = "", 0
    for length, name in spans:
        if name in ("code", "reply code", "status"):
            word = data[at : at + length].decode("ascii", "replace").strip()
        at += length
    if word[:1] == "5" or word in ("-ERR", "NO", "BAD"):
        return word, "bad"
    return word, "later" if word[:1] == "4" else ""


# -- the lanes ---------------------------------------------------------------------------------------------------------


def lanes(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Who acts, from left to right in the order they come in; the hosts of a company share a lane if they never talk.

    Where there are very many, those who come last share one lane.

    [{"id", "role": "person" | "server" | "dns", "name": short, "of": [actors]}, …]
    """
    actors: dict[str, None] = {}
    pairs: set[tuple[str, str]] = set()
    for row in rows:
        for actor in (row["actor"], row.get("to")):
            if actor:
                actors.setdefault(actor)
        if "to" in row:
            pairs.add((row["actor"], row["to"]))
    talkative = {company(a) for a, b in pairs if a != b and company(a) == company(b)}
    groups: dict[str, list[str]] = {}
    for actor in actors:
        domain = company(actor)
        groups.setdefault(domain if domain not in talkative else actor, []).append(actor)
    if len(groups) > MOST_LANES:
        rest = list(groups)[MOST_LANES - 1 :]
        groups[OTHERS] = [actor for name in rest for actor in groups.pop(name)]
    names = [short_name(group) for group in groups]
    return [
        {"id": group, "role": role(of[0]), "name": name if names.count(name) == 1 else group, "of": of}
        for (group, of), name in zip(groups.items(), names, strict=True)
    ]


def role(actor: str) -> str:
    if actor == DNS:
        return "dns"
    return "person" if "@" in actor or "." not in actor or is_address(actor) else "server"


def company(actor: str) -> str:
    """``"mx.beta.example"`` -> ``"beta.example"``; people and addresses are their own."""
    return ".".join(actor.rsplit(".", 2)[-2:]) if role(actor) == "server" else actor


def short_name(lane: str) -> str:
    """``"alice@alpha.example"`` -> "alice", ``"beta.example"`` -> "beta"; an address stays whole."""
    return lane if is_address(lane) else lane.partition("@")[0].split(".")[0]


def is_address(actor: str) -> bool:
    try:
        ipaddress.ip_address(actor.strip("[]"))
    except ValueError:
        return False
    return True


# -- the meters --------------------------------------------------------------------------------------------------------

COUNTED = {"questions": "DNS asked", "connections": "calls", "octets": "bytes said"}


def meter_label(meter: str) -> str:
    if meter in COUNTED:
        return COUNTED[meter]
    if meter.startswith(QUEUE):
        return f"{short_name(company(who(meter)))} queue"
    owner, _, folder = meter.partition("/")
    return f"{short_name(owner)} {folder or 'mailbox'}"


def in_order(counts: Mapping[str, int]) -> list[str]:
    """Queues and mailboxes first, then what is counted in all traces."""
    return [*(name for name in counts if name not in COUNTED), *(name for name in COUNTED if name in counts)]
