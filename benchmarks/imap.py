"""IMAP over loopback beside Debian's Dovecot, asked by imaplib; and the machine by itself.

`python -m benchmarks imap`: both servers run in processes of their own, each with 10,000 messages of 2 kB; every round
has fresh ones.  "cold" is the first time a message is looked at, "warm" the second; the least of all rounds counts.
Then another client's NOOP beside a FETCH of 20 MB; and last our machine alone, without sockets and without a trace
(`imap_growth.py` has it with up to 100,000 messages).
"""

from __future__ import annotations

import imaplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import cast

from mailedu import Lab
from mailedu.acts import Act, Flag, Listen, Remove, Say, Store
from mailedu.imap import ImapServer
from mailedu.mailbox import Mailbox

from . import dovecot
from .apart import NEVER, Apart, Cost, serve

HERE = "127.0.0.1"
COUNT, ROUNDS = 10_000, 3
BOB = "bob@beta.example"
LARGE = 20_000_000  # octets of one message, while somebody else says NOOP
WAITS = 0.05  # seconds he may have to wait
ASKED: list[tuple[str, Callable[[imaplib.IMAP4], object], float]] = [
    # what, how, and how many times Dovecot's time it may take (0: as it comes)
    ("SELECT, cold", lambda client: client.select(), 0),
    ("SELECT, warm", lambda client: client.select(), 1.3),
    ("FETCH ENVELOPE, cold", lambda client: client.fetch("1:*", "(ENVELOPE)"), 4),
    ("FETCH ENVELOPE, warm", lambda client: client.fetch("1:*", "(ENVELOPE)"), 1.3),
    ("FETCH BODYSTRUCTURE, cold", lambda client: client.fetch("1:*", "(BODYSTRUCTURE)"), 4),
    ("FETCH BODYSTRUCTURE, warm", lambda client: client.fetch("1:*", "(BODYSTRUCTURE)"), 1.3),
    ("FETCH FLAGS", lambda client: client.fetch("1:*", "(FLAGS)"), 1.3),
    ("FETCH BODY.PEEK[]", lambda client: client.fetch("1:*", "(BODY.PEEK[])"), 1.3),
    ("SEARCH TEXT, found nowhere", lambda client: client.search(None, "TEXT", "frogs"), 2),
    ("SEARCH SUBJECT", lambda client: client.search(None, "SUBJECT", "99"), 0),
]
BOB = "bob@beta.example"
COMMANDS = [
    ("SELECT", b"SELECT INBOX"),
    ("FETCH FLAGS", b"FETCH 1:* FLAGS"),
    ("FETCH ENVELOPE, cold", b"FETCH 1:* ENVELOPE"),
    ("FETCH ENVELOPE, warm", b"FETCH 1:* ENVELOPE"),
    ("FETCH BODYSTRUCTURE, cold", b"FETCH 1:* BODYSTRUCTURE"),
    ("FETCH BODYSTRUCTURE, warm", b"FETCH 1:* BODYSTRUCTURE"),
    ("FETCH BODY.PEEK[]", b"FETCH 1:* BODY.PEEK[]"),
    ("FETCH BODY[], all unseen", b"FETCH 1:* BODY[]"),
    ("UID FETCH (UID FLAGS SIZE)", b"UID FETCH 1:* (UID FLAGS RFC822.SIZE)"),
    ("FETCH one header field", b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"),
    ("SEARCH TEXT, found nowhere", b"SEARCH TEXT frogs"),
    ("SEARCH SUBJECT", b"SEARCH SUBJECT 99"),
    ("SEARCH UNSEEN", b"SEARCH UNSEEN"),
    ("STORE +FLAGS", b"STORE 1:* +FLAGS (\\Flagged)"),
    ("SORT SUBJECT", b"SORT (SUBJECT) UTF-8 ALL"),
    ("THREAD REFERENCES", b"THREAD REFERENCES UTF-8 ALL"),
    ("COPY", b"COPY 1:* INBOX"),
]


def letter(number: int) -> bytes:
    header = (
        f"From: Alice Example <alice@alpha.example>\r\nTo: Bob <bob@beta.example>, carol@gamma.example\r\n"
        f"Subject: Letter {number}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{number}@alpha.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    ).encode()
    return header + (b"x" * 70 + b"\r\n") * ((2048 - len(header)) // 72)


class Session:
    """One session, with nothing in between."""

    def __init__(self, count: int) -> None:
        self.boxes = {BOB: Mailbox(7)}
        for number in range(count):
            self.perform(Store(BOB, letter(number)))
        server = ImapServer("imap.beta.example", "192.0.2.1", {"bob": ("pw", BOB)}, self.boxes)
        self.acts = server.session()
        self.octets = 0
        self.answer: object = None
        self.send(b"")
        self.send(b"a LOGIN bob pw\r\n")

    def perform(self, act: Act) -> object:
        match act:
            case Store(box) | Flag(box) | Remove(box):
                return self.boxes[box].perform(act, 0)
            case Say(data):
                self.octets += len(data)
        return None

    def send(self, data: bytes) -> None:
        """Until it listens again."""
        answer: object = data or None
        while True:
            act = self.acts.send(answer)
            if isinstance(act, Listen):
                return
            answer = self.perform(act)

    def timed(self, command: bytes) -> float:
        began = time.process_time()
        self.send(b"a " + command + b"\r\n")
        return time.process_time() - began


def main() -> None:
    beside_dovecot()
    beside_a_large_message()
    alone()


def beside_dovecot() -> None:
    names = ["mailedu", "Dovecot"] if dovecot.where() else ["mailedu"]
    best = {name: [NEVER] * len(ASKED) for name in names}
    for _ in range(ROUNDS):
        for name, found in best.items():
            best[name] = list(map(Cost.least, found, one_round(name)))
    print(f"IMAP over loopback, {COUNT:,} messages of 2 kB: processor time (client and server), and on the clock")
    for place, (what, _, most) in enumerate(ASKED):
        ours = best["mailedu"][place]
        told = f"  {what:27} {ours.processor:.3f} s {ours.clock:.3f} s"
        if "Dovecot" in best:
            theirs = best["Dovecot"][place]
            told += f"   Dovecot {theirs.processor:.3f} s {theirs.clock:.3f} s"
            told += f"  {ours.processor / theirs.processor:5.2f} x {ours.clock / theirs.clock:5.2f} x"
        print(told + (f"  (at most {most})" if most else ""))
    if len(names) == 1:
        print("  Dovecot is not installed (Debian: dovecot-imapd and dovecot-pop3d): nothing to compare with.")


def one_round(name: str) -> list[Cost]:
    """What each question costs, asked of a fresh server."""
    with ExitStack() as until_the_end:
        server: Apart | dovecot.Dovecot
        if name == "mailedu":
            server = until_the_end.enter_context(Apart("benchmarks.imap", COUNT))
            port = server.ports["imap"]
        else:
            server = until_the_end.enter_context(dovecot.serving([letter(number) for number in range(COUNT)]))
            port = server.imap
        client = until_the_end.enter_context(imaplib.IMAP4(HERE, port))
        client.login(dovecot.USER, dovecot.PASSWORD)
        return [Cost.of(partial(ask, client), server) for _, ask, _ in ASKED]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def beside_a_large_message() -> None:
    """One client fetches 20 MB again and again; the other says NOOP meanwhile.  Before that it is alone.

    What waits when nobody fetches is the machine's own noise: others use its processors, too.
    """
    with Apart("benchmarks.imap", 1, LARGE) as server, imaplib.IMAP4(HERE, server.ports["imap"]) as client:
        client.login(dovecot.USER, dovecot.PASSWORD)
        alone = noops(client)
        fetching = subprocess.Popen([sys.executable, "-m", "benchmarks.imap", "fetch", str(server.ports["imap"])])
        time.sleep(1)
        beside = noops(client)
        fetching.terminate()
        fetching.wait(30)
    for what, waits in (("alone", alone), (f"beside a FETCH of {LARGE / 1e6:.0f} MB", beside)):
        half, most, longest = (waits[int((len(waits) - 1) * part)] * 1e3 for part in (0.5, 0.99, 1))
        told = f"half wait less than {half:.1f} ms, 99 % less than {most:.1f}, the longest {longest:.1f}"
        print(f"  NOOP {what}: {told}" + (f"  (at most {WAITS * 1e3:.0f})" if waits is beside else ""))
    print(f"  the longest step of the machine in such a FETCH: {longest_step() * 1e3:.1f} ms of processor time")


def longest_step() -> float:
    """Others wait for it at least so long: between two acts nobody else has a turn."""
    session = Session(0)
    session.perform(Store(BOB, (b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * (LARGE // 80))[:LARGE]))
    session.send(b"a SELECT INBOX\r\n")
    longest, answer = 0.0, cast("object", b"a FETCH 1 BODY.PEEK[]\r\n")
    while True:
        began = time.process_time()
        act = session.acts.send(answer)
        longest = max(longest, time.process_time() - began)
        if isinstance(act, Listen):
            return longest
        answer = session.perform(act)


def noops(client: imaplib.IMAP4) -> list[float]:
    return sorted(wait_a_little() or seconds(client.noop) for _ in range(500))


def wait_a_little() -> None:
    time.sleep(0.005)


def fetch_for_ever(port: int) -> None:
    """In a process of its own, so that it keeps nobody waiting but the server."""
    with socket.create_connection((HERE, port)) as call:
        heard = call.makefile("rb")
        heard.readline()
        for line in b"LOGIN bella lab-bella", b"SELECT INBOX":
            call.sendall(b"a " + line + b"\r\n")
            while not heard.readline().startswith(b"a OK"):
                pass
        while True:
            call.sendall(b"a FETCH 1 BODY.PEEK[]\r\n")
            heard.readline()
            heard.read(LARGE)
            heard.readline()
            heard.readline()


def filled(count: int, large: int = 0) -> Lab:
    """A lab whose bob has so many messages, and bella one of so many octets."""
    lab = Lab(seed=1)
    boxes, now = lab.world.boxes, lab.clock.unix()
    for number in range(count):
        boxes[BOB].perform(Store(BOB, letter(number)), now)
    if large:
        line = b"x" * 78 + b"\r\n"
        boxes["bella@beta.example"].perform(Store("", (b"Subject: x\r\n\r\n" + line * (large // 80))[:large]), now)
    return lab


def alone(count: int = COUNT) -> None:
    session = Session(count)
    print(f"IMAP's machine by itself, {count:,} messages of 2 kB, processor time")
    for title, command in COMMANDS:
        session.octets = 0
        taken = session.timed(command)
        print(f"{title:>30} {taken:8.3f} s {taken / count * 1e6:8.1f} µs a message {session.octets:12,} octets said")
    for few in (count, 2 * count, 4 * count):
        session = Session(few)
        session.timed(b"SELECT INBOX")
        told = [f"{title} {session.timed(command):.3f} s" for title, command in COMMANDS[1:4]]
        print(f"{few:>30,} messages: {', '.join(told)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["fetch"]:
        fetch_for_ever(int(sys.argv[2]))
    elif sys.argv[1:2] == ["serve"]:
        serve(filled(*map(int, sys.argv[2:])).serve(octets=200_000_000).ports)
    else:
        alone(*map(int, sys.argv[1:2]))
