"""The smallest world: boxes, and sessions that talk to them with nothing in between.

A machine has no socket, so a test needs no mock: bytes go into `session()`, acts come out.  A `Call` is one session
and what it did; a `Stage` holds the boxes that several of them share.
"""

from __future__ import annotations

from mailedu.acts import (
    NEWS,
    Act,
    Close,
    Connect,
    Enter,
    Flag,
    Hangup,
    Hear,
    Listen,
    Open,
    Quiet,
    Remove,
    Rule,
    Say,
    Store,
    TlsFailed,
    Upgrade,
    Watch,
)  # fmt: skip
from mailedu.mailbox import Mailbox

MORNING = 1795424400.0  # Mon, 23 Nov 2026 09:00:00 UTC


class Stage:
    """Boxes by name; `tls_works` says how handshakes end."""

    def __init__(self, **boxes: Mailbox) -> None:
        self.boxes: dict[str, Mailbox] = dict(boxes)
        self.calls: list[Call] = []
        self.tls_works = True

    def call(self, machine) -> Call:
        self.calls.append(Call(self, machine))
        self.settle()
        return self.calls[-1]

    def change(self, act: Store | Flag | Remove, caller: Call | None = None):
        receipt = self.boxes[act.box].perform(act, MORNING)
        for call in self.calls:
            call.rung |= bool(receipt) and call.watched == act.box and call is not caller
        return receipt

    def settle(self) -> None:
        """Let everybody who can go on go on."""
        while any([call.go() for call in self.calls]):
            pass


class Call:
    """One session: what was said to it, what it said, and every act in order."""

    def __init__(self, stage: Stage, machine) -> None:
        self.stage, self.machine, self.session = stage, machine, machine.session()
        self.acts: list[Act] = []
        self.said, self.inbox, self.watched = b"", b"", ""
        self.rung = self.hung_up = self.quiet = self.ended = False
        self.answer: object = None
        self.listening: Listen | None = None

    def send(self, data: str | bytes) -> str:
        """Say it (a str gets its CRLF); what the other side says to that."""
        self.inbox += data.encode() + b"\r\n" if isinstance(data, str) else data
        self.stage.settle()
        return self.heard()

    def heard(self) -> str:
        """What was said since we last looked."""
        said, self.said = self.said, b""
        return said.decode("utf-8", "backslashreplace")

    def hang_up(self) -> str:
        self.hung_up = True
        self.stage.settle()
        return self.heard()

    def silence(self) -> str:
        """Let the deadline of the wait pass."""
        self.quiet = True
        self.stage.settle()
        return self.heard()

    def drop(self) -> None:
        """What happens to a session nobody goes on with."""
        self.session.close()
        self.ended = True

    # -- performing

    def go(self) -> bool:
        """Perform acts until the session must wait; whether it did anything."""
        moved = False
        while not self.ended and (self.listening is None or self._answered()):
            moved = True
            self._perform(self._next())
        return moved

    def _answered(self) -> bool:
        """Whether there is an answer to the Listen we are in."""
        if self.inbox:
            self.answer, self.inbox = self.inbox, b""
        elif self.rung and self.listening.news:
            self.answer, self.rung = NEWS, False
        elif self.hung_up:
            self.answer = b""
        elif self.quiet:
            self.answer, self.quiet = Quiet(), False
        else:
            return False
        self.listening = None
        return True

    def _next(self) -> Act | None:
        answer, self.answer = self.answer, None
        try:
            return self.session.throw(answer) if isinstance(answer, Exception) else self.session.send(answer)
        except StopIteration:
            self.ended = True
            return None

    def _perform(self, act: Act | None) -> None:
        if act is None:
            return
        if isinstance(act, Listen):
            self.listening = act
            return
        self.acts.append(act)
        match act:
            case Say(data):
                self.said += data
            case Store() | Flag() | Remove():
                self.answer = self.stage.change(act, self)
            case Watch(box):
                self.watched, self.rung = box, False
            case Upgrade():
                self.inbox = b""
                self.answer = None if self.stage.tls_works else TlsFailed("alert")

    # -- looking back

    def only(self, *kinds: type[Act]) -> list[Act]:
        return [act for act in self.acts if isinstance(act, kinds)]

    @property
    def states(self) -> list[str]:
        return [act.state for act in self.only(Enter)]

    @property
    def rules(self) -> list[str]:
        return [act.name for act in self.only(Rule)]

    @property
    def outcomes(self) -> list[str]:
        return [act.verdict for act in self.only(Close)]

    def is_well_nested(self) -> bool:
        """Whether every Open has its Close, and what was heard and said stands in an exchange or greets."""
        depth = 0
        for act in self.acts:
            depth += act.nests
            if depth < 0 or (isinstance(act, Hear) and not depth) or (isinstance(act, Open) and depth > 1):
                return False
        return depth == 0


def converse(stage: Stage, script, connect):
    """Our client against our server: what each says is what the other hears.  (what it returns, its acts, the call)

    `connect()` makes the call that the script's Connect asks for.
    """
    server, acts, answer = None, [], None
    while True:
        try:
            act = script.send(answer)
        except StopIteration as end:
            return end.value, acts, server
        acts.append(act)
        answer = None
        match act:
            case Connect():
                server = connect()
            case Say(data):
                server.inbox += data
                stage.settle()
            case Listen():
                answer, server.said = server.said, b""
            case Hangup():
                server.hang_up()
