"""Small traces written by hand, for tests of the player: what each step is stays, whatever the machines learn."""

from __future__ import annotations

from mailedu.acts import (
    Accept,
    Act,
    Answer,
    Ask,
    Cipher,
    Close,
    Connect,
    Enter,
    Hangup,
    Hear,
    Open,
    Rule,
    Say,
    Store,
    Upgrade,
)
from mailedu.pop3 import TABLE, spans
from mailedu.trace import Trace

READERS = {"pop3": spans}
TABLES = {"pop3": TABLE}
MAIL = b"From: alice@alpha.example\r\nTo: bob@beta.example\r\nSubject: Hello\r\n\r\nHi Bob\r\n"


class Teller:
    """Writes a trace: each method is something that happens, a little later than the last one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.trace = Trace(lambda: self.now)
        self.under: list[int | None] = [None]

    def step(self, actor: str, act: Act, conversation: str = "", under: int | None = None) -> int:
        self.now += 0.002
        above = self.under[-1] if under is None else under
        number = self.trace.record(actor, conversation, above, act).number
        if under is None and act.nests > 0:
            self.under.append(number)
        elif under is None and act.nests < 0:
            self.under.pop()
        return number

    def ask(self, actor: str, name: str, kind: str, *records: str, status: str = "") -> None:
        number = self.step(actor, Ask(name, kind))
        self.step("dns", Answer(name, kind, status, records), under=number)


class Talk:
    """One call, both ends of it written down, as the driver does."""

    def __init__(self, teller: Teller, client: str, server: str, port: int, address: str) -> None:
        self.teller, self.client, self.server, self.name = teller, client, server, f"{server}:{port}/1"
        self.call = teller.step(client, Connect(server, port), self.name)
        self.accept = teller.step(server, Accept(address), self.name, self.call)
        self.tls = False

    def says(self, line: bytes, under: int | None = None) -> None:
        """The server says, the client hears."""
        number = self.teller.step(self.server, Say(line), self.name, under or self.accept)
        self.cipher(number, "server", line)
        self.teller.step(self.client, Hear(line), self.name, self.call)

    def exchange(self, verb: str, line: bytes, *then: Act | bytes, outcome: str = "ok") -> int:
        """A command, what is done about it, its reply (bytes), and what follows."""
        said = self.teller.step(self.client, Say(line), self.name, self.call)
        self.cipher(said, "client", line)
        group = self.teller.step(self.server, Open(verb), self.name, self.accept)
        self.teller.step(self.server, Hear(line), self.name, group)
        for act in then:
            if isinstance(act, bytes):
                self.says(act, group)
            else:
                self.teller.step(self.server, act, self.name, group)
        self.teller.step(self.server, Close(outcome), self.name, group)
        return group

    def cipher(self, under: int, sender: str, line: bytes) -> None:
        if self.tls:
            self.teller.step("tap", Cipher(sender, bytes(len(line) + 22)), self.name, under)

    def upgrade(self) -> None:
        self.teller.step(self.client, Upgrade(self.server), self.name, self.call)
        self.teller.step(self.server, Upgrade(), self.name, self.accept)
        self.tls = True

    def end(self) -> None:
        self.teller.step(self.client, Hangup(), self.name, self.call)
        self.teller.under.pop()


def reading(instead: bytes = b"") -> Trace:
    """bob reads one message by POP3, under TLS, after a wrong password; then a check asks the DNS.

    With `instead` he says that line in place of his wrong password, and leaves.
    """
    teller = Teller()
    teller.step("bob@beta.example", Open("bob reads his mail"))
    talk = Talk(teller, "bob@beta.example", "pop.beta.example", 110, "198.51.100.30")
    talk.says(b"+OK pop.beta.example POP3 server ready <1.2@pop.beta.example>\r\n")
    teller.step(talk.server, Enter("AUTHORIZATION"), talk.name, talk.accept)
    talk.exchange("STLS", b"STLS\r\n", b"+OK now TLS\r\n")
    talk.upgrade()
    talk.exchange("USER", b"USER bob\r\n", b"+OK now the password\r\n", Enter("PASSWORD"))
    if instead:
        talk.exchange("?", instead, Rule("pop3.unknown", "refused"), b"-ERR what?\r\n", outcome="err")
        talk.exchange("QUIT", b"QUIT\r\n", b"+OK goodbye\r\n", Enter("CLOSED"))
        talk.end()
        return teller.trace
    no = b"-ERR [AUTH] name and password do not fit together\r\n"
    talk.exchange("PASS", b"PASS wrong\r\n", Rule("pop3.login", "refused"), no, Enter("AUTHORIZATION"), outcome="err")
    talk.exchange("USER", b"USER bob\r\n", b"+OK now the password\r\n", Enter("PASSWORD"))
    taken = Rule("pop3.lock", "taken", {"maildrop": "bob@beta.example"})
    talk.exchange("PASS", b"PASS lab-bob\r\n", taken, b"+OK maildrop open, 1 message\r\n", Enter("TRANSACTION"))
    talk.exchange("LIST", b"LIST\r\n", b"+OK 1 message\r\n1 %d\r\n.\r\n" % len(MAIL))
    talk.exchange("RETR", b"RETR 1\r\n", b"+OK %d octets\r\n%s.\r\n" % (len(MAIL), MAIL))
    talk.exchange("QUIT", b"QUIT\r\n", Enter("UPDATE"), b"+OK goodbye\r\n", Enter("CLOSED"))
    talk.end()
    teller.step("mx.beta.example", Open("Where is alpha.example?"))
    teller.ask("mx.beta.example", "alpha.example", "MX", "10 mx.alpha.example.")
    teller.ask("mx.beta.example", "nowhere.example", "MX", status="NXDomain")
    teller.step("mx.beta.example", Rule("made.up", "pass", {"name": "alpha.example", "host": "mx.alpha.example."}))
    teller.step("mx.beta.example", Store("alice@alpha.example", MAIL))
    teller.step("mx.beta.example", Close("pass"))
    teller.step("bob@beta.example", Close("ok"))
    return teller.trace


HOSTILE = {
    "script": b"<script>document.title='owned'</script>",
    "image": b"<img src=x onerror=\"document.title='owned'\">",
    "svg": b"<svg onload=\"document.title='owned'\"><style>*{display:none}</style></svg>",
    "style": b"<style>.mp{display:none}</style>",
    "end": b"</script></style></textarea></noscript><!--",
    "bidi": "safe\u202egnp.exe\u2066 \u200f".encode(),
    "terminal": b"\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "controls": bytes(range(32)) + b"\x7f",
    "high": bytes(range(128, 256)),
    "accents": ("Z" + "\u0300\u0301\u0302" * 60).encode(),
    "long": b"x" * 1_000_000,
    "braces": b"{0} {title} ${alert(1)} `${1}`",
}


def hostile() -> Trace:
    """Every place of a trace that an attacker may write, full of what might run, hide or break something."""
    teller = Teller()
    teller.step("bob@beta.example", Open(HOSTILE["script"].decode()))
    talk = Talk(teller, "bob@beta.example", "pop.beta.example", 110, "<b>198.51.100.30</b>")
    talk.says(b"+OK " + HOSTILE["image"] + b"\r\n")
    for name, octets in HOSTILE.items():
        text = octets[:9_000].decode("utf-8", "replace")
        talk.exchange(text[:40], b"USER " + octets + b"\r\n", b"-ERR " + octets + b"\r\n", outcome=text[:300])
        rule = Rule(f"<i>{name}</i>", text[:300], {text[:50]: text})
        teller.step(talk.server, rule, talk.name, talk.accept)
    talk.end()
    for octets in HOSTILE.values():
        text = octets[:2_000].decode("utf-8", "replace")
        teller.ask("mx.beta.example", text, text, text, text)
        teller.step(
            "mx.beta.example", Store(text[:200], b"Subject: " + octets + b"\r\n\r\n" + octets, {text[:60]: text})
        )
        teller.step("mx.beta.example", Open(text))
        teller.step("mx.beta.example", Close(text))
    teller.step(HOSTILE["image"].decode(), Open("an actor's name"))
    teller.step(HOSTILE["image"].decode(), Close(""))
    teller.step("bob@beta.example", Close(HOSTILE["svg"].decode()))
    return teller.trace


def long(steps: int) -> Trace:
    """The same reading over and over, at least so many steps: for measuring."""
    whole, part = Trace(), list(reading())
    while len(whole) < steps:
        start = len(whole)
        for step in part:
            parent = None if step.parent is None else step.parent + start
            name = step.conversation and f"{step.conversation.rpartition('/')[0]}/{start + 1}"
            whole.record(step.actor, name, parent, step.act)
    return whole
