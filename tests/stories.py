"""Traces to look at: recorded by hand as the acts would come, and one that real machines made."""

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
    Flag,
    Hangup,
    Hear,
    Open,
    Remove,
    Rule,
    Say,
    Store,
    Upgrade,
    Wait,
)
from mailedu.clock import Clock
from mailedu.mailbox import Mailbox
from mailedu.net.drive import World
from mailedu.pop3 import Pop3Server, fetch_all
from mailedu.trace import Trace

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
QUEUE, MX = "queue mx.alpha.example", "mx.beta.example"
HELLO = b"\x16\x03\x01" + b"\x11" * 45  # as a ClientHello begins
LETTER = b"From: <alice@alpha.example>\r\nTo: <bob@beta.example>\r\nSubject: Hello\r\n\r\nHi Bob\r\n"


class Pen:
    """Writes acts into a trace as a driver would, for one actor in one conversation."""

    def __init__(self, trace: Trace, actor: str, conversation: str, under: int | None = None) -> None:
        self.trace, self.actor, self.conversation, self.under = trace, actor, conversation, [under]

    def __call__(self, *acts: Act) -> int:
        """Write them down; the number of the last one."""
        number = -1
        for act in acts:
            number = self.trace.record(self.actor, self.conversation, self.under[-1], act).number
            if act.nests > 0:
                self.under.append(number)
            elif act.nests < 0:
                self.under.pop()
        return number

    def dns(self, name: str, kind: str, *records: str, status: str = "") -> None:
        """A question, and the answer under it."""
        number = self(Ask(name, kind))
        self.trace.record("dns", self.conversation, number, Answer(name, kind, status, records))


def exchange(client: Pen, server: Pen, command: bytes, reply: bytes, verdict: str, *between: Act) -> None:
    """A command and its reply, as both ends write them down."""
    verb = command.split()[0].decode("ascii", "replace").upper() if command.split() else "?"
    client(Say(command))
    server(Open(verb), Hear(command), *between, Say(reply), Close(verdict))
    client(Hear(reply))


def delivery(refuse: bool = False, tls: bool = True, letter: bytes = LETTER) -> Trace:
    """A queue delivers one message to an MX: TLS, SPF, and an end of one kind or the other."""
    clock = Clock()
    trace = Trace(clock)
    alice = Pen(trace, ALICE, "alice/1")
    alice(Open(f"{ALICE} writes to {BOB}"))
    stored = alice(Store(QUEUE, letter, {"sender": ALICE, "recipient": BOB}))
    clock.set_forward(60)
    queue = Pen(trace, QUEUE, f"{QUEUE}/1", stored)
    queue(Open(f"relay to {BOB}"))
    queue.dns("beta.example", "MX", "10 mx.beta.example.")
    called = queue(Connect(MX, 25))
    call = f"{MX}:25/1"
    accepted = Pen(trace, MX, call, called)(Accept("192.0.2.25"))
    mx = Pen(trace, MX, call, accepted)
    queue.conversation = call
    greeting = b"220 mx.beta.example ESMTP\r\n"
    mx(Say(greeting), Enter("GREETED"))
    queue(Hear(greeting))
    offers = b"250-mx.beta.example\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n"
    exchange(queue, mx, b"EHLO mx.alpha.example\r\n", offers, "250", Enter("READY"))
    if tls:
        exchange(queue, mx, b"STARTTLS\r\n", b"220 2.0.0 now TLS\r\n", "220")
        queue(Upgrade(MX))
        shaken = mx(Upgrade())
        for sender, data in [("client", HELLO), ("server", b"\x16\x03\x03" + b"\x22" * 29), ("client", b"\x14" * 9)]:
            trace.record(MX, call, shaken, Cipher(sender, data))
        trace.record(MX, call, shaken, Cipher("client", b"\x17\x03\x03" + b"\x33" * 40))
        exchange(queue, mx, b"EHLO mx.alpha.example\r\n", b"250 mx.beta.example\r\n", "250")
        said = next(step.number for step in reversed(trace) if step.act == Say(b"250 mx.beta.example\r\n"))
        trace.record(MX, call, said, Cipher("server", b"\x17\x03\x03" + b"\x44" * 38))
    exchange(queue, mx, b"MAIL FROM:<alice@alpha.example>\r\n", b"250 2.1.0 sender ok\r\n", "250", Enter("MAIL"))
    exchange(queue, mx, b"RCPT TO:<bob@beta.example>\r\n", b"250 2.1.5 recipient ok\r\n", "250", Enter("RCPT"))
    block = letter + b".\r\n"
    queue(Say(b"DATA\r\n"))
    mx(Open("DATA"), Hear(b"DATA\r\n"), Say(b"354 end with a dot\r\n"), Enter("DATA"))
    queue(Hear(b"354 end with a dot\r\n"), Say(block))
    mx(Hear(block), Open("receive"), Open("SPF, MAIL FROM"))
    mx.dns("alpha.example", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
    mx.dns("alpha.example", "A", status="NXDomain")
    if refuse:
        mx(Rule("pop3.too-long", "refused", {"limit": "512"}))
        reply = b"550 5.7.26 rejected by the policy of alpha.example, whose people never use this host\r\n"
        mx(Close("fail"), Close("550 5.7.26 rejected"), Say(reply), Close("550"))
    else:
        reply = b"250 2.0.0 delivered\r\n"
        mx(Rule("pop3.lock", "taken", {"maildrop": BOB}), Close("pass"), Store(BOB, b"Return-Path: <>\r\n" + letter))
        mx(Close("250 2.0.0 delivered"), Say(reply), Enter("READY"), Close("250"))
    queue(Hear(reply))
    exchange(queue, mx, b"QUIT\r\n", b"221 2.0.0 goodbye\r\n", "221", Enter("CLOSED"))
    queue(Hangup())
    queue.conversation = f"{QUEUE}/1"
    queue(Close("550 5.7.26 rejected" if refuse else "delivered"))
    alice(Close("refused" if refuse else "queued"))
    return trace


def judgement() -> Trace:
    """No call at all: a question, decided by rules and by the DNS."""
    trace = Trace()
    judge = Pen(trace, "mx.beta.example", "mx.beta.example/1")
    judge(Open("check_host(203.0.113.66, alpha.example)"))
    judge.dns("alpha.example", "TXT", "v=spf1 include:_spf.alpha.example -all")
    judge(Open("check_host(203.0.113.66, _spf.alpha.example)"))
    judge.dns("_spf.alpha.example", "TXT", status="DnsTimeout")
    judge(Rule("pop3.wrong-state", "temperror", {"command": "include", "state": "SPF"}))
    judge(Close("temperror"), Close("temperror"))
    return trace


def retries() -> Trace:
    """Nobody answers; a quarter of an hour later again nobody; flags change, and a message goes."""
    clock = Clock()
    trace = Trace(clock)
    queue = Pen(trace, QUEUE, f"{QUEUE}/1")
    for _ in range(2):
        queue(Connect(MX, 25), Hangup(), Rule("mta.later", "deferred", {"host": MX}), Wait(900))
        clock.set_forward(900)
    bob = Pen(trace, BOB, "bob/1")
    bob(Flag(BOB, (1, 2), "+", ("\\Seen", "$Junk")), Remove(BOB, (2,)))
    return trace


def hostile(words: str) -> Trace:
    """The same words wherever somebody else may choose them."""
    trace = Trace()
    data = words.encode("utf-8", "surrogatepass")
    client = Pen(trace, words, "client/1")
    client(Open(words))
    called = client(Connect(words, 25))
    server = Pen(trace, words, f"{words}:25/1", Pen(trace, words, f"{words}:25/1", called)(Accept(words)))
    server(Open(words), Hear(data + b"\r\n"), Rule(words, words, {words: words}), Enter(words))
    server(Rule("pop3.unknown", words, {"command": words}), Say(data), Close(words))
    server.dns(words, words, words)
    server.dns(words, words, status=words)
    server(Store(words, data, {words: words}), Flag(words, (1,), "+", (words,)))
    client(Hangup(), Close(words))
    return trace


def fetched() -> Trace:
    """Bob's program fetches two letters by POP3, from our server, under TLS that is only written down."""
    world = World(lambda name, kind: ())
    box = world.boxes[BOB] = Mailbox(6)
    for number in (1, 2):
        box.perform(Store(BOB, b"Subject: Lunch %d\r\n\r\n.\r\nSee you soon.\r\n" % number), 0)
    users = {"bob": ("lab-bob", BOB)}
    world.listeners["pop.beta.example", 110] = lambda client: Pop3Server(
        "pop.beta.example", client, users, world.boxes, tls=True
    )
    world.addresses[BOB] = "198.51.100.10"
    world.start(fetch_all("pop.beta.example", 110, "bob", "lab-bob", tls="starttls"), BOB)
    world.run()
    return world.trace
