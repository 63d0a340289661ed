"""IMAP with clients that we did not write: imaplib, IMAPClient and its live test, curl, mbsync, openssl."""

import imaplib
import re
import ssl
import subprocess
import sys

import pytest
from imapclient import IMAPClient
from programs import must_run, openssl, run

from mailedu import Lab
from mailedu.acts import Flag, Remove, Store

BOB = "bob@beta.example"
HERE, HOST = "127.0.0.1", "imap.beta.example"
SEEN, FLAGGED, DELETED, ANSWERED, DRAFT = "\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "\\Draft"


@pytest.fixture
def lab():
    with Lab(seed=1) as lab:
        yield lab


@pytest.fixture
def net(lab):
    return lab.serve()


@pytest.fixture
def ca(net, tmp_path):
    return net.write_ca(tmp_path / "ca.pem")


def letter(number: int) -> bytes:
    return f"From: alice@alpha.example\r\nSubject: letter {number}\r\n\r\n{'x' * number}\r\n".encode()


def put(lab, message: bytes, flags: str = "") -> None:
    """Into bob's mailbox, as any other session would."""
    change(lab, Store(BOB, message, {"flags": flags}))


def change(lab, act) -> None:
    box = lab.world.boxes[BOB]
    lab.history.in_world(lambda: box.perform(act, lab.clock.unix()))


# -- imaplib


@pytest.fixture
def client(net):
    with imaplib.IMAP4(HERE, net.ports["imap"]) as client:
        client.login("bob", "lab-bob")
        yield client


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def test_imaplib_verifies_the_server_and_logs_in_each_way(net, ca) -> None:
    trusting = ssl.create_default_context(cafile=str(ca))
    with imaplib.IMAP4_SSL("localhost", net.ports["imaps"], ssl_context=trusting) as client:
        ok(client.authenticate("PLAIN", lambda challenge: b"\0bob\0lab-bob"))
    with imaplib.IMAP4("localhost", net.ports["imap"]) as client:
        ok(client.starttls(trusting))
        assert "STARTTLS" not in client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login("bob", "wrong")
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.authenticate("PLAIN", lambda challenge: b"\0bob\0wrong")
        ok(client.login(BOB, "lab-bob"))


def test_imaplib_keeps_mailboxes(client) -> None:
    for name in "Work", "Work/2026", '"Two words"', "&ANw-bung":
        ok(client.create(name))
    assert client.create("Work")[0] == "NO"
    ok(client.rename("Work", "Play"))
    ok(client.subscribe("Play"))
    listed = b" ".join(ok(client.list()))
    for name in b"Play", b"Play/2026", b"Two words", b"&ANw-bung", b"INBOX":
        assert b' "/" "%s"' % name in listed
    assert b"Play" in ok(client.lsub())[0]
    ok(client.unsubscribe("Play"))
    assert ok(client.lsub()) == [None]
    ok(client.append('"Two words"', SEEN, imaplib.Time2Internaldate(0), b"Subject: x\r\n\r\nx\r\n"))
    [status] = ok(client.status('"Two words"', "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))
    assert b"MESSAGES 1 UNSEEN 0 UIDNEXT 2" in status
    ok(client.delete('"Two words"'))
    assert client.select('"Two words"')[0] == "NO"
    assert ok(client.namespace()) == [b'(("" "/")) NIL NIL']


def test_imaplib_reads_and_changes_messages(lab, client) -> None:
    for number in range(1, 11):
        put(lab, letter(number), FLAGGED if number % 2 else "")
    assert ok(client.select()) == [b"10"]
    assert ok(client.search(None, "FLAGGED")) == [b"1 3 5 7 9"]
    assert ok(client.search("UTF-8", "SUBJECT", '"letter 1"')) == [b"1 10"]
    assert ok(client.uid("SEARCH", None, "UNSEEN", "LARGER", "60")) != [b""]
    [(_, header), _] = ok(client.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    assert header == b"Subject: letter 3\r\n\r\n"
    [(_, text), _] = ok(client.fetch("3", "(BODY[TEXT]<1.2>)"))
    assert text == b"xx"
    assert b"\\Seen" in ok(client.fetch("3", "(FLAGS)"))[0]
    [(_, whole), _] = ok(client.uid("FETCH", "4", "(RFC822)"))
    assert whole == letter(4)
    ok(client.store("1:5", "+FLAGS", DELETED))
    ok(client.store("2", "-FLAGS.SILENT", DELETED))
    ok(client.copy("6", "INBOX"))
    assert ok(client.expunge()) == [b"1", b"2", b"2", b"2"]
    assert ok(client.sort("(REVERSE SUBJECT)", "UTF-8", "ALL")) != [b""]
    assert ok(client.thread("REFERENCES", "UTF-8", "ALL")) != [b""]
    ok(client.check())
    ok(client.noop())
    ok(client.close())
    assert len(lab.mailbox(BOB)) == 7


def test_imaplib_asks_what_else_there_is(client) -> None:
    ok(client.enable("CONDSTORE"))
    ok(client.xatom("ID", '("name" "imaplib")'))
    with pytest.raises(imaplib.IMAP4.error, match="BAD"):
        client.xatom("XYZZY")
    ok(client.select(readonly=True))
    assert client.store("1", "+FLAGS", SEEN)[0] == "NO"
    ok(client.unselect())


# -- IMAPClient


def test_news_come_while_it_idles(lab, net) -> None:
    port = net.ports["imap"]
    with IMAPClient(HERE, port, ssl=False) as waiting, IMAPClient(HERE, port, ssl=False) as at:
        for one in waiting, at:
            one.login("bob", "lab-bob")
            one.select_folder("INBOX")
        waiting.idle()
        at.append("INBOX", letter(1))
        assert (1, b"EXISTS") in waiting.idle_check(10)
        at.add_flags([1], [SEEN])
        assert any(word[1] == b"FETCH" for word in waiting.idle_check(10))
        at.delete_messages([1])
        at.expunge()
        news: list = []
        while (1, b"EXPUNGE") not in news:
            news += waiting.idle_check(10)
        waiting.idle_done()


DOVECOTS_TOO = {"test_fetch", "test_move"}  # it compares a tuple with itself, and says MOVE to an imaplib without it
TOO_FAST = {"test_small_connection_timeout_fail", "test_small_read_timeout_fail"}  # no server is slow on loopback


def test_its_live_test_finds_nothing_that_it_does_not_find_in_dovecot(lab, net, tmp_path) -> None:
    settings = tmp_path / "live.ini"
    settings.write_text(
        f"[DEFAULT]\nhost={HERE}\nport={net.ports['imap']}\nusername=bob\npassword=lab-bob\nssl=false\n"
    )
    command = [sys.executable, "-m", "imapclient.livetest", settings, "-v"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120).stderr
    bad = re.findall(r"^(?:ERROR|FAIL): (\w+)", said, re.MULTILINE)
    [count] = re.findall(r"^Ran (\d+) tests", said, re.MULTILINE)
    [skipped] = re.findall(r"skipped=(\d+)", said)
    assert int(count) >= 59
    assert int(skipped) <= 8
    assert set(bad) <= DOVECOTS_TOO | TOO_FAST, said
    assert len([name for name in bad if name in DOVECOTS_TOO]) <= 3


# -- curl


def curl(scheme: str, port: int, net, ca, path: str = "", *more: object, user: str = "bob:lab-bob"):
    where = f"{HOST}:{port}"
    to = ["--connect-to", f"{where}:{HERE}:{net.ports[where]}", "--cacert", ca, "-u", user]
    return run("curl", "-q", "-sS", "-m", 30, *to, f"{scheme}://{where}/{path}", *more)


@pytest.mark.parametrize("scheme, port, more", [("imaps", 993, []), ("imap", 143, ["--ssl-reqd"]), ("imap", 143, [])])
def test_curl_lists_writes_searches_and_reads(lab, net, ca, tmp_path, scheme, port, more) -> None:
    one = tmp_path / "letter"
    one.write_bytes(letter(3))
    assert curl(scheme, port, net, ca, "INBOX", "-T", one, *more).returncode == 0
    assert lab.mailbox(BOB) == [letter(3)]
    assert '"INBOX"' in curl(scheme, port, net, ca, "", *more).stdout
    assert curl(scheme, port, net, ca, "INBOX?SUBJECT%20letter", *more).stdout == "* SEARCH 1\n"
    assert curl(scheme, port, net, ca, "INBOX;MAILINDEX=1", *more).stdout.encode() == letter(3).replace(b"\r\n", b"\n")
    assert curl(scheme, port, net, ca, "INBOX;UID=1;SECTION=TEXT", *more).stdout == "xxx\n"
    assert "FLAGS" in curl(scheme, port, net, ca, "INBOX", "-X", "STORE 1 +FLAGS \\Flagged", *more).stdout
    assert "ENVELOPE" in curl(scheme, port, net, ca, "INBOX", "-X", "FETCH 1 ALL", *more).stdout
    assert curl(scheme, port, net, ca, user="bob:wrong").returncode == 67  # "login denied"
    assert curl(scheme, port, net, ca, "Nowhere;UID=1").returncode == 67  # "select failed"


# -- openssl


@pytest.mark.parametrize("port, starttls", [("imaps", ""), ("imap", "imap")])
def test_openssl_looks_at_the_certificate_and_talks(net, ca, port, starttls) -> None:
    said = openssl(net.ports[port], HOST, ca, "a LOGIN bob lab-bob\r\nb SELECT INBOX\r\nc LOGOUT\r\n", starttls)
    assert "\nb OK [READ-WRITE]" in said
    assert "\nc OK" in said


# -- mbsync

MAILDIR = {"S": SEEN, "F": FLAGGED, "T": DELETED, "R": ANSWERED, "D": DRAFT}
COUNT = 1000


class Twin:
    """Bob's mailbox and its copy in a Maildir, as mbsync keeps them the same."""

    def __init__(self, lab, net, ca, folder) -> None:
        self.lab, self.folder, self.settings = lab, folder / "Mail" / "INBOX", folder / "mbsyncrc"
        (folder / "Mail").mkdir()
        self.settings.write_text(
            f"FSync no\n"
            f"IMAPAccount lab\nHost localhost\nPort {net.ports['imaps']}\nUser bob\nPass lab-bob\n"
            f"SSLType IMAPS\nCertificateFile {ca}\n\n"
            f"IMAPStore far\nAccount lab\n\n"
            f"MaildirStore near\nPath {folder}/Mail/\nInbox {folder}/Mail/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
        )

    def sync(self) -> None:
        must_run("mbsync", "-c", self.settings, "-a")

    def files(self):
        return [path for part in ("cur", "new") for path in sorted((self.folder / part).iterdir())]

    def near(self) -> dict[str, frozenset[str]]:
        """What message says in its Subject -> its flags."""
        found = {}
        for path in self.files():
            flags = frozenset(MAILDIR[one] for one in path.name.partition(":2,")[2])
            found[subject(path.read_bytes())] = flags
        return found

    def far(self) -> dict[str, frozenset[str]]:
        messages = self.lab.world.boxes[BOB].messages.values()
        return {subject(message.data): message.flags & set(MAILDIR.values()) for message in messages}

    def mark(self, path, flag: str) -> None:
        """As a mail program does with a file of a Maildir."""
        name, _, flags = path.name.partition(":2,")
        path.rename(self.folder / "cur" / f"{name}:2,{''.join(sorted({*flags, flag}))}")


def subject(message: bytes) -> str:
    [found] = re.findall(rb"^Subject: (.*?)\r?$", message, re.MULTILINE)
    return found.decode()


def test_mbsync_keeps_a_thousand_messages_the_same_on_both_sides(lab, net, ca, tmp_path) -> None:
    for number in range(COUNT):
        flags = [flag for every, flag in [(3, SEEN), (5, FLAGGED), (7, ANSWERED), (11, DRAFT)] if number % every == 0]
        put(lab, letter(number), " ".join(flags))
    twin = Twin(lab, net, ca, tmp_path)
    twin.sync()
    assert len(twin.files()) == COUNT
    assert twin.near() == twin.far()

    before = twin.far()
    files = twin.files()
    for path in files[:50]:
        twin.mark(path, "F")
    for path in files[50:60]:
        twin.mark(path, "T")
    for number in range(20):
        (twin.folder / "new" / f"170000000{number}.here").write_bytes(letter(5000 + number).replace(b"\r\n", b"\n"))
    uids = list(lab.world.boxes[BOB].messages)
    change(lab, Flag(BOB, tuple(uids[-30:]), "+", (SEEN,)))
    change(lab, Remove(BOB, tuple(uids[-60:-50])))
    for number in range(20):
        put(lab, letter(6000 + number), FLAGGED)
    twin.sync()
    after = twin.far()
    assert twin.near() == after
    assert len(after) == COUNT - 10 - 10 + 20 + 20
    assert after != before

    steps, names = len(lab.trace), [path.name for path in twin.files()]
    twin.sync()
    changes = [step for step in lab.trace[steps:] if isinstance(step.act, Store | Flag | Remove)]
    assert not changes
    assert [path.name for path in twin.files()] == names
