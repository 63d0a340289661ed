"""The standard library's client against our server, with nothing in between: it reads what we say by its own lights."""

import imaplib
import re

import pytest
from imap_stage import BOB, call, letter, reader, stage, untagged
from pump import Stage

from mailedu.clock import Clock
from mailedu.pop3 import Pop3Server


class Imaplib(imaplib.IMAP4):
    """imaplib, talking to a session instead of a socket."""

    def __init__(self, here: Stage, **options) -> None:
        self.session, self.got = call(here, **options), b""
        super().__init__()

    def open(self, *_, **__) -> None:
        pass

    def read(self, size: int) -> bytes:
        self.collect()
        found, self.got = self.got[:size], self.got[size:]
        return found

    def readline(self) -> bytes:
        self.collect()
        end = self.got.find(b"\n") + 1
        found, self.got = self.got[:end], self.got[end:]
        return found

    def collect(self) -> None:
        self.got, self.session.said = self.got + self.session.said, b""

    def send(self, data: bytes) -> None:
        self.session.inbox += data
        self.session.stage.settle()

    def shutdown(self) -> None:
        self.session.hang_up()


@pytest.fixture
def here() -> Stage:
    return stage(3, "Work")


@pytest.fixture
def client(here) -> Imaplib:
    client = Imaplib(here)
    client.login("bob", "lab-bob")
    return client


def test_reading(client):
    assert client.state == "AUTH" and b"QRESYNC" in client.capability()[1][0]
    assert client.select() == ("OK", [b"3"]) and client.response("UIDVALIDITY") == ("UIDVALIDITY", [b"6"])
    assert client.search(None, "SUBJECT", "2") == ("OK", [b"2"]) and client.uid("SEARCH", "ALL") == ("OK", [b"1 2 3"])
    status, data = client.fetch("1:2", "(UID BODY.PEEK[])")
    assert status == "OK" and [one[1] for one in data if isinstance(one, tuple)] == [letter(1), letter(2)]
    assert client.fetch("3", "(FLAGS)") == ("OK", [b"3 (FLAGS (\\Recent))"])
    assert client.sort("(REVERSE SUBJECT)", "UTF-8", "ALL") == ("OK", [b"3 2 1"])
    assert client.thread("REFERENCES", "UTF-8", "ALL") == ("OK", [b"(1)(2)(3)"])
    assert client.status("INBOX", "(MESSAGES UNSEEN)") == ("OK", [b'"INBOX" (MESSAGES 3 UNSEEN 3)'])
    assert client.recent() == ("OK", [b"3"]) and client.namespace() == ("OK", [b'(("" "/")) NIL NIL'])
    assert client.logout()[0] == "BYE"


def test_writing(here, client):
    assert client.create("New/Box")[0] == "OK" and client.rename("New/Box", "Old")[0] == "OK"
    names = [re.search(rb'"([^"]*)"$', one)[1] for one in client.list()[1]]
    assert names == [b"INBOX", b"New", b"Old", b"Work"]
    date = imaplib.Time2Internaldate(1_000_000_000)
    status, [told] = client.append("Old", "(\\Seen)", date, b"hello\r\n")
    assert status == "OK" and told.startswith(b"[APPENDUID ") and list(here.boxes[f"{BOB}/Old"]) == [b"hello\r\n"]
    client.select("INBOX")
    assert client.store("1:2", "+FLAGS", "(\\Deleted)")[1] == [
        b"1 (UID 1 FLAGS (\\Deleted \\Recent))",
        b"2 (UID 2 FLAGS (\\Deleted \\Recent))",
    ]
    assert client.copy("3", "Work")[0] == "OK" and client.expunge() == ("OK", [b"1", b"1"])
    assert client.uid("COPY", "3", "Nowhere")[0] == "NO" and client.check()[0] == "OK"
    assert client.unselect()[0] == "OK" and client.delete("Old")[0] == "OK"
    assert client.subscribe("Work")[0] == "OK" and client.lsub()[1] == [b'() "/" "Work"']


def test_refusals_are_exceptions_there(here):
    client = Imaplib(here)
    with pytest.raises(client.error, match="AUTHENTICATIONFAILED"):
        client.login("bob", "wrong")
    assert client.authenticate("PLAIN", lambda _: b"\0bob\0lab-bob")[0] == "OK"
    client.select(readonly=True)
    assert client.store("1", "FLAGS", "(x)")[0] == "NO"
    with pytest.raises(client.error, match="BAD"):
        client.fetch("99", "(FLAGS)")


def test_enable(client):
    assert client.enable("IMAP4rev2")[0] == "OK"
    client.select()
    assert client.search(None, "ALL") == ("OK", [None])  # it waits for SEARCH, and rev2 says ESEARCH
    assert client.untagged_responses["ESEARCH"][0].endswith(b"ALL 1:3")


def test_cram_md5(here):
    client = Imaplib(here, clock=Clock(1))
    assert client.login_cram_md5("bob", "lab-bob")[0] == "OK"


# -- POP3 on the same mailbox --------------------------------------------------------------------------------------


def test_pop3_removes_and_imap_is_told():
    here = stage(3)
    imap = reader(here)
    users = {"bob": ("lab-bob", BOB)}
    pop = here.call(Pop3Server("pop.beta.example", "192.0.2.10", users, here.boxes))
    for line in ("USER bob", "PASS lab-bob", "DELE 2"):
        assert pop.send(line)
    imap.send("c STORE 3 FLAGS.SILENT (\\Deleted)")
    imap.send("d EXPUNGE")
    assert untagged(imap.send("e NOOP")) == []  # DELE only marks
    assert pop.send("RETR 3").startswith("-ERR") and pop.send("RETR 1").startswith("+OK")
    imap.send("f IDLE")
    assert pop.send("QUIT").startswith("+OK") and imap.heard() == "* 2 EXPUNGE\r\n"
    assert list(here.boxes[BOB].messages) == [1]
