"""IMAP: processor time of the machine by itself, without sockets and without a trace.

`python -m benchmarks.imap [messages]`: each line is one command over all messages of 2 kB; "cold" is the first time a
message is looked at, "warm" the second.  The last lines show that twice the messages take twice the time.
"""

from __future__ import annotations

import sys
import time

from mailedu.acts import Act, Flag, Listen, Remove, Say, Store
from mailedu.imap import ImapServer
from mailedu.mailbox import Mailbox

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


def main(count: int = 10_000) -> None:
    session = Session(count)
    print(f"{count:,} messages of 2 kB")
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
    main(*(int(one) for one in sys.argv[1:2]))
