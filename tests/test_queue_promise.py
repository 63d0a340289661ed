"""The promise: a message that was answered 250 is in a mailbox, in a queue, or answered by a report (RFC 5321 §6.1).

Never lost, whatever fails, falls over, or takes its time; never doubled, unless a 250 was lost on its way (RFC 1047).
Random senders, recipients, faults, hosts and clocks, in an order that hypothesis makes up and makes shorter.
"""

from __future__ import annotations

import email
import re
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mailedu import Lab
from mailedu.acts import Hear, Say, Store
from mailedu.mta.entry import Entry

HOSTS = ["mx.alpha.example", "mx.beta.example", "mx.gamma.example"]
SENDERS = ["alice@alpha.example", "amir@alpha.example", "bob@beta.example", "carol@gamma.example"]
RECIPIENTS = [
    *SENDERS,
    *("bella@beta.example", "nobody@beta.example", "x@nowhere.example", "postmaster@gamma.example"),
    *(f"{fault}@beta.example" for fault in ("450-once", "421-once", "450", "552", "greylist", "552-after-data")),
    *(f"{fault}-once@beta.example" for fault in ("disconnect", "disconnect-in-data", "timeout-at-data")),
]
DOUBLING = [
    f"{fault}-once@beta.example" for fault in ("disconnect-after-data", "timeout-after-data", "delay-700-after-data")
]
POINTS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"]
NOTIFY = ["", "", "", "NEVER", "SUCCESS", "FAILURE,DELAY", "SUCCESS,FAILURE,DELAY"]
TIMES = [1, 30, 301, 601, 900]
LETTERS = st.tuples(
    st.sampled_from(SENDERS),
    st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=4, unique=True),
    st.sampled_from(NOTIFY),
)
ID = re.compile(rb"^Message-ID: (<\d+\.\d+@[a-z.]+>)\r$", re.MULTILINE)


class Promise(RuleBasedStateMachine):
    """One lab, what was sent in it, and what became of that."""

    @initialize(backup=st.booleans())
    def begin(self, backup: bool) -> None:
        self.lab = Lab(seed=1, tls=False, opinions=False)
        self.promised: list[tuple[bytes, str]] = []  # (Message-ID, recipient) of what was answered 250
        self.sent = []
        self.may_double = False
        self.acknowledged: Counter[tuple[int, str]] = Counter()  # (entry of a queue, recipient) -> 250s that were heard
        self.seen = 0
        self.talks: dict[str, dict] = {}
        self.parsed: dict[int, tuple] = {}
        if backup:
            self.lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
            self.lab.configure("mx.gamma.example", backup_for=["beta.example"])

    # -- what may happen

    @rule(letters=st.lists(LETTERS, min_size=1, max_size=3), odd=st.sampled_from([None] * 6 + DOUBLING))
    def send(self, letters: list[tuple[str, list[str], str]], odd: str | None) -> None:
        self.may_double |= odd is not None
        for sender, recipients, notify in letters:
            to = recipients + ([odd] if odd else [])
            self.sent.append(self.lab.send(sender, to, notify=notify, read=False))

    @rule(
        host=st.sampled_from(HOSTS),
        point=st.sampled_from(POINTS),
        kind=st.sampled_from(["error", "disconnect", "silence", "delay", "throttle"]),
        after=st.booleans(),
        attempts=st.integers(1, 3),
        no=st.sampled_from(["450 4.3.0 no", "421 4.3.2 no", "550 5.3.0 no", "452 4.5.3 no"]),
    )
    def break_something(self, host: str, point: str, kind: str, after: bool, attempts: int, no: str) -> None:
        faults = self.lab.faults
        if kind == "error":
            faults.error(host, point, no, attempts=attempts)
        elif kind == "delay":
            faults.delay(host, point, 400, after=after, attempts=attempts)
        elif kind == "throttle":
            faults.throttle(host, 20)
        else:
            getattr(faults, kind)(host, point, after=after, attempts=attempts)
        self.may_double |= kind in ("delay", "throttle") or (after and kind != "error")

    @rule(
        name=st.sampled_from(["alpha.example", "beta.example", "mx.beta.example", "gamma.example"]),
        type=st.sampled_from(["MX", "A", "ANY"]),
        on=st.booleans(),
    )
    def break_the_dns(self, name: str, type: str, on: bool) -> None:
        if on:
            self.lab.faults.dns(name, type)
        else:
            self.lab.faults.clear()

    @rule(host=st.sampled_from(HOSTS), off=st.booleans())
    def power(self, host: str, off: bool) -> None:
        """A host falls over, or goes off, or on again."""
        self.may_double |= self.is_talking(host)
        if host in self.lab.world.down:
            self.lab.start(host)
        elif off:
            self.lab.stop(host)
        else:
            self.lab.restart(host)

    @rule(on=st.booleans())
    def use_a_service(self, on: bool) -> None:
        self.lab.configure("mx.alpha.example", via="mx.gamma.example:2525" if on else "")

    @rule(seconds=st.sampled_from(TIMES))
    def wait(self, seconds: int) -> None:
        self.lab.clock.advance(seconds)

    @rule(hours=st.integers(1, 60))
    def wait_long(self, hours: int) -> None:
        self.lab.clock.advance(hours=hours)

    def is_talking(self, host: str) -> bool:
        """Whether somebody is in a call with this host, or this host with somebody."""
        return any(
            part.wire and host in (part.actor, part.actor.removeprefix("queue ")) for part in self.lab.world.parts
        )

    # -- what must hold

    @invariant()
    def nothing_is_lost(self) -> None:
        self.note_promises()
        here = self.places()
        for promise in self.promised:
            assert here[promise], f"{promise} was answered 250, and is nowhere"

    @invariant()
    def nobody_sends_again_what_was_answered_250(self) -> None:
        self.listen_in()
        assert not [key for key, count in self.acknowledged.items() if count > 1]

    @invariant()
    def nothing_comes_twice_without_a_reason(self) -> None:
        if not self.may_double:
            copies = Counter(self.copies())
            assert not [key for key, count in copies.items() if count > 1]

    def teardown(self) -> None:
        """All is mended, and time passes: then nothing waits, and all has come or come back."""
        if not hasattr(self, "lab"):
            return
        lab = self.lab
        assert lab.history.again(lab.inputs).trace == lab.trace, "the same inputs lead to the same"
        lab.faults.clear()
        for host in HOSTS:
            lab.faults.throttle(host, 0)
            lab.start(host)
        lab.clock.advance(days=6)
        lab.clock.advance(days=6)
        assert not [host for host in HOSTS if lab.queue(host)]
        self.nothing_is_lost()
        self.nobody_sends_again_what_was_answered_250()
        self.nothing_comes_twice_without_a_reason()
        in_queues = [name for name, box in lab.world.boxes.items() if name.startswith("queue ") and len(box)]
        assert not in_queues

    # -- where things are

    def note_promises(self) -> None:
        for mail in self.sent:
            if mail.reply.startswith("250"):
                unique = ID.search(mail.sent.message)[1]
                known = {recipient for one, recipient in self.promised if one == unique}
                accepted = [
                    one for one in mail.recipients if one not in known and one not in self.refused_at_once(mail)
                ]
                self.promised += [(unique, one) for one in accepted]

    def refused_at_once(self, mail) -> set[str]:
        """Whom the first server would not take: nothing was promised for them."""
        root = mail.sent.root
        said, refused = "", set()
        for step in self.lab.trace.part([root]):
            if step.conversation.partition(":")[2].startswith("587/") and step.actor == mail.trace[0].actor:
                if isinstance(step.act, Say):
                    said = step.act.data.decode("latin-1")
                elif isinstance(step.act, Hear) and said.startswith("RCPT TO:<") and not step.act.data.startswith(b"2"):
                    refused.add(said[9:].partition(">")[0])
        return refused

    def places(self) -> Counter[tuple[bytes, str]]:
        """(Message-ID, recipient) -> in how many places it is, or a report of it."""
        found: Counter[tuple[bytes, str]] = Counter()
        for name, box in self.lab.world.boxes.items():
            for message in box.messages.values():
                unique, about = self.look(message.data)
                if about:
                    found.update(about)
                elif name.startswith("queue "):
                    entry = Entry.read(message.note)
                    waiting = [
                        one for place, one in enumerate(entry.recipients, 1) if f"done-{place}" not in message.flags
                    ]
                    found.update((unique, one) for one in waiting)
                else:
                    found[unique, name.partition("/")[0]] += 1
        return found

    def copies(self) -> list[tuple[bytes, str]]:
        """What lies in mailboxes: each message as often as it is there."""
        return [
            (self.look(message.data)[0], name.partition("/")[0])
            for name, box in self.lab.world.boxes.items()
            if not name.startswith("queue ")
            for message in box.messages.values()
            if not self.look(message.data)[1]
        ]

    def look(self, data: bytes) -> tuple[bytes, list[tuple[bytes, str]]]:
        """(its Message-ID, what it reports about): the second is empty for what is no report."""
        if id(data) not in self.parsed:
            self.parsed[id(data)] = (*read(data), data)
        return self.parsed[id(data)][:2]

    def listen_in(self) -> None:
        """Which entries of which queue were answered 250 for whom, by what their clients heard."""
        trace = self.lab.trace
        for step in trace[self.seen :]:
            if not step.actor.startswith("queue ") or not isinstance(step.act, Say | Hear):
                continue
            talk = self.talks.setdefault(step.conversation, {"said": b"", "to": []})
            if isinstance(step.act, Say):
                talk["said"] = step.act.data
            elif step.act.data.startswith(b"2"):
                said = talk["said"]
                if said.startswith(b"RCPT TO:<"):
                    talk["to"].append(said[9:].partition(b">")[0].decode())
                elif said.endswith(b"\r\n.\r\n"):
                    entry = self.entry_of(step.parent)
                    self.acknowledged.update((entry, one) for one in talk["to"])
        self.seen = len(trace)

    def entry_of(self, number: int) -> int:
        """The step that put into a queue what is done under this step."""
        step = self.lab.trace.step(number)
        while not (isinstance(step.act, Store) and step.act.box.startswith("queue ")):
            step = self.lab.trace.step(step.parent)
        return step.number


def read(data: bytes) -> tuple[bytes, list[tuple[bytes, str]]]:
    header = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = ID.search(header)
    if b"report-type=delivery-status" not in header:
        return found[1], []
    report = email.message_from_bytes(data)
    fields = report.get_payload(1).get_payload()[1:]
    if fields[0]["Action"] != "failed":
        return b"", [(b"", "")]
    unique = (report["In-Reply-To"] or "").encode()
    return b"", [(unique, one["Final-Recipient"].partition("; ")[2]) for one in fields]


def test_the_promise() -> None:
    run_state_machine_as_test(Promise, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


@pytest.mark.long
def test_the_promise_for_longer() -> None:
    run_state_machine_as_test(Promise, settings=settings(max_examples=300, stateful_step_count=40, deadline=None))
