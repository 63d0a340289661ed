"""An exercise of lesson 01: the server's state table, run against a client that one does not see."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..acts import Acts, LabError, answer
from ..lab import Lab
from ..net.drive import World
from ..smtp import TABLE, Envelope, SmtpServer
from ..table import Row, Table
from ..trace import Trace
from ..zone import Zone
from .frame import Exercise, Findings, Wrong
from .talk import quoted
from .words import plain

STATES = ("GREETED", "READY", "MAIL", "RCPT", "DATA", "CLOSED")
COMMANDS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", ".", "RSET", "NOOP", "QUIT")
Rows = list[tuple[str, str, str]]  # (state, command, the state it leads to)

RIGHT: Rows = [
    (row.state, row.command, row.next)
    for row in TABLE
    if row.outcome == "ok" and row.command in COMMANDS and row.state in STATES
]
LINES = {
    "EHLO": "EHLO client.example",
    "HELO": "HELO client.example",
    "MAIL": "MAIL FROM:<alice@alpha.example>",
    "RCPT": "RCPT TO:<bob@beta.example>",
    "DATA": "DATA",
    ".": "Subject: x\r\n\r\nx\r\n.",
    "RSET": "RSET",
    "NOOP": "NOOP",
    "QUIT": "QUIT",
}
WAYS = {"GREETED": (), "READY": ("EHLO",), "MAIL": ("EHLO", "MAIL"), "RCPT": ("EHLO", "MAIL", "RCPT")}
PROBE = ("MAIL", "DATA", ".", "RCPT", "DATA", ".", "MAIL")  # answered otherwise from each state
SEQUENCES = 30
HOST = "mx.beta.example"


class S11(Exercise):
    """A state table with holes, and two rows that lead astray; a hidden client tries the server that runs it."""

    title = "The server's table"
    minutes = 12
    hints = (
        "`s11.picture(rows)` draws your table. Which arrow is missing, which leads where it should not? "
        "Compare it with the picture in section 3.",
        "A command that may be said in a state and changes nothing has a row too: it leads back to the same state. "
        "What may not be said has none, and is answered 503.",
        "`RSET` and a new `EHLO` forget the mail: from MAIL and RCPT they lead to READY (RFC 5321 §4.1.4). After the "
        "dot the server is READY. NOOP changes nothing, QUIT ends all; both may be said in every state but DATA.",
    )

    def set_up(self) -> None:
        dice = self.dice
        self.user = "alice@alpha.example"
        self.lab = Lab(seed=dice.randrange(1, 10_000), opinions=False)
        smtp = self.lab.smtp(HOST)
        smtp.send(f"EHLO client{dice.randrange(100)}.example")
        rows = list(RIGHT)
        self.missing = [rows.pop(dice.randrange(len(rows))) for _ in range(7)]
        movable = [place for place, row in enumerate(rows) if row[1] in ("RSET", ".", "EHLO", "RCPT", "MAIL")]
        for place in dice.sample(movable, 2):
            state, command, right = rows[place]
            astray = [other for other in WAYS if other != right]
            rows[place] = (state, command, dice.choice(astray))
        self.rows = rows

    @property
    def task(self) -> str:
        states = ", ".join(dict.fromkeys(state for state, _, _ in sorted(self.missing, key=RIGHT.index)))
        return (
            f"`s11.rows` is the table of an SMTP server: in this state, this command leads to that state. What has no "
            f"row is refused with 503. The states are {', '.join(STATES)}, the commands {' '.join(COMMANDS)} "
            f"(the dot ends the letter). **{len(self.missing)} rows are missing (of {states}), and two lead to "
            f"a wrong state.**\n\n"
            f"Make a list `rows` that is right. `check(s11, rows)` runs a server with it, and a client that you do not "
            f"see tries {SEQUENCES} sequences of commands on it; every answer must be the one that RFC 5321 wants."
        )

    def picture(self, rows: Any) -> Picture:
        """The table as a diagram."""
        return Picture(rows)

    def judge(self, rows: Any) -> Findings:
        try:
            table = table_of(rows)
        except LabError as no:
            yield Wrong(str(no), 'A row looks like `("READY", "MAIL", "MAIL")`: state, command, the state it leads to.')
            return ""
        sequences = hidden_client(self.hidden)
        wrong = [tried for commands in sequences if (tried := Tried.of(table, commands)).at is not None]
        if wrong:
            shortest = min(wrong, key=lambda tried: tried.at or 0)
            yield shortest.told(len(wrong), len(sequences))
            return ""
        count = sum(map(len, sequences))
        return (
            f"Right: {len(sequences)} sequences, {count} commands, every answer as it should be. Your server has "
            f"{len(table)} rows. The one that you have been talking to has {len(TABLE)}: it also knows where a refused "
            f"command leads, and TLS, AUTH and BDAT."
        )


class Filled(Table):
    """A learner's rows: what is refused leaves the state as it is, and so does what has no row."""

    def next(self, state: str, command: str, outcome: str) -> str:
        found = self._next.get((state, command, outcome))
        return found.next if found else state


def table_of(rows: Any) -> Filled:
    """Their rows as a table that runs; LabError for what is none."""
    if not isinstance(rows, list | tuple) or not rows:
        raise LabError("The check wants a list of rows.")
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != 3 or not all(isinstance(word, str) for word in row):
            raise LabError(f"`{quoted(repr(row))}` is no row of three words.")
        state, command, following = row
        if state not in STATES or following not in STATES:
            raise LabError(f"`{quoted(repr(row))}` names a state that is none of {', '.join(STATES)}.")
        if command not in COMMANDS:
            raise LabError(f"`{quoted(repr(row))}` names a command that is none of {' '.join(COMMANDS)}.")
        if (state == "DATA") != (command == "."):
            raise LabError(f"`{quoted(repr(row))}`: in DATA every line is the letter's, up to the dot, and only there.")
        if (following == "DATA") != (command == "DATA"):
            raise LabError(f"`{quoted(repr(row))}`: the command DATA, and no other, leads to where a letter is read.")
    pairs = [tuple(row[:2]) for row in rows]
    twice = next((pair for pair in pairs if pairs.count(pair) > 1), None)
    if twice:
        raise LabError(f"There are two rows for `{twice[1]}` in the state {twice[0]}, and a server goes only one way.")
    return Filled("your server", [Row(state, command, "ok", following, "") for state, command, following in rows])


class Picture:
    """A table of rows as a diagram; as rows in a terminal; what is wrong with it, where it is no table."""

    def __init__(self, rows: Any) -> None:
        self.table: Filled | None = None
        try:
            self.table = table_of(rows)
            self.text = "\n".join(f"{row.state:8} {row.command:5} -> {row.next}" for row in self.table)
        except LabError as no:
            self.text = plain(str(no))

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ..views import picture
        from ..views.states import state_drawing

        if not self.table:
            return {"text/plain": self.text}
        drawn = picture.Picture(state_drawing(self.table), self.text)
        return {**drawn._repr_mimebundle_(), "image/svg+xml": drawn.svg()}


# -- the client that nobody sees ---------------------------------------------------------------------------------------


def hidden_client(dice: random.Random) -> list[list[str]]:
    """Every command in every state and then a probe that tells the states apart; and two long walks; in any order."""
    tries = [
        [*way, "NOOP", command, *PROBE]
        for way in WAYS.values()
        for command in ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT")
    ]
    letter = ["MAIL", "RCPT", "RCPT", "DATA", "."]
    walks = [
        ["HELO", *letter, "NOOP", *letter, "MAIL", "EHLO", *letter, "QUIT"],
        ["EHLO", *letter, "RSET", *letter, "MAIL", "RCPT", "RSET", "RCPT", "QUIT"],
    ]
    sequences = [sensible(tried) for tried in (*tries, *walks)]
    dice.shuffle(sequences)
    return sequences


def sensible(commands: Sequence[str]) -> list[str]:
    """Without a letter where a right server would not want one, and with one where it would: as a client talks."""
    state, said = STATES[0], []
    for command in commands:
        if (command == ".") == (state == "DATA"):
            said.append(command)
        elif state == "DATA":
            said += [".", command]
            state = "READY"
        else:
            continue
        state = RIGHT_NEXT.get((state, command), state)
    return said


RIGHT_NEXT = {(state, command): following for state, command, following in RIGHT}


class Tried(NamedTuple):
    """One sequence, said to a server with a learner's table, and where its answers part from the right ones."""

    commands: Sequence[str]
    at: int | None  # the first command that was answered otherwise
    ours: str
    theirs: str
    state: str  # theirs before it
    step: int
    trace: Trace

    @classmethod
    def of(cls, table: Table, commands: Sequence[str]) -> Tried:
        right, theirs = Run(TABLE), Run(table)
        for place, command in enumerate(commands):
            state, step = theirs.state, len(theirs.world.trace)
            said, should = theirs.say(command), right.say(command)
            if said[:3] != should[:3]:
                return cls(commands, place, should[:3], said[:3], state, step, theirs.world.trace)
        return cls(commands, None, "", "", theirs.state, 0, theirs.world.trace)

    def told(self, wrong: int, of: int) -> Wrong:
        assert self.at is not None
        before, command = self.commands[: self.at], self.commands[self.at]
        said = f"said {self.theirs}" if self.theirs else "said nothing"
        should = f"should say {self.ours}" if self.ours else "should say nothing, for it has hung up"
        after = f"after {', '.join(before)}" if before else "at once"
        return Wrong(
            f"{wrong} of {of} sequences went otherwise. The shortest: {after}, the client said `{command}`; "
            f"your server {said}, and {should}. It was in the state {self.state}.",
            "Which of your rows led it there, or which one does it lack?",
            min(self.step, len(self.trace) - 1),
            self.trace,
        )


class Taker:
    """Takes everything for everybody."""

    def sender(self, envelope: Envelope, address: str) -> Acts[str | None]:
        return answer(None)

    recipient = sender

    def receive(self, envelope: Envelope, message: bytes) -> Acts[str]:
        return answer("250 2.0.0 taken")

    def verify(self, envelope: Envelope, name: str) -> Acts[str]:
        return answer("252 2.5.2 perhaps")

    expand = verify


class Run:
    """A server with some table, and a client that talks to it."""

    def __init__(self, table: Table) -> None:
        self.world = World(Zone())
        self.server = SmtpServer(HOST, "192.0.2.25", Taker())
        self.server.table = table
        self.world.listeners[HOST, 25] = lambda client: self.server
        self.wire, _ = self.world.plug(HOST, 25, "192.0.2.25")
        self.heard()

    @property
    def state(self) -> str:
        return self.server.state

    def say(self, command: str) -> str:
        if self.wire.closed:
            return ""
        self.world.speak(self.wire, LINES[command].encode() + b"\r\n")
        return self.heard()

    def heard(self) -> str:
        self.world.run()
        said = bytes(self.wire.inbox).decode()
        self.wire.inbox.clear()
        return said
