"""What the tests of IMAP share: bob, his mailboxes and his letters."""

from __future__ import annotations

from pump import Call, Stage

from mailedu.acts import Store
from mailedu.imap import ImapServer
from mailedu.mailbox import Mailbox

BOB = "bob@beta.example"
ALICE = "alice@beta.example"
USERS = {
    "bob": ("lab-bob", BOB),
    "jörg": ("grün", BOB),
    'a "b\\': ("x y", BOB),
    "alice": ("lab-alice", ALICE),
    "lost": ("lost", "lost@beta.example"),
}


def letter(n: int) -> bytes:
    return b"From: alice@alpha.example\r\nSubject: Mail %d\r\n\r\nHi bob, this is %d.\r\n" % (n, n)


def stage(count: int = 4, *names: str) -> Stage:
    """So many letters in bob's INBOX, and these other mailboxes of his."""
    here = Stage(**{BOB: Mailbox(6), ALICE: Mailbox(9)})
    for place, name in enumerate(names, 7):
        here.boxes[f"{BOB}/{name}"] = Mailbox(place)
    for n in range(1, count + 1):
        here.change(Store(BOB, letter(n)))
    return here


def call(here: Stage, **options) -> Call:
    return here.call(ImapServer("imap.beta.example", "192.0.2.10", USERS, here.boxes, **options))


def logged_in(here: Stage, *lines: str, **options) -> Call:
    """Bob's session, after these lines."""
    imap = call(here, **options)
    for line in ("a LOGIN bob lab-bob", *lines):
        assert "a NO" not in imap.send(line)
    imap.heard()
    return imap


def reader(here: Stage, *lines: str, **options) -> Call:
    """The same, with INBOX open."""
    return logged_in(here, "b SELECT INBOX", *lines, **options)


def untagged(reply: str) -> list[str]:
    return [line for line in reply.split("\r\n") if line.startswith("* ")]
