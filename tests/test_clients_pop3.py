"""POP3 with clients that we did not write: poplib, curl, fetchmail, openssl; and beside Debian's Dovecot."""

import poplib
import re
import socket
import ssl
from pathlib import Path

import pytest
from programs import openssl, program, run

from mailedu import Lab
from mailedu.acts import Remove, Store, Upgrade

BOB = "bob@beta.example"
HERE, HOST = "127.0.0.1", "pop.beta.example"
LETTERS = [
    b"From: alice@alpha.example\r\nSubject: Hello\r\n\r\nHi Bob\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\n.dot\r\nend\r\n",
    b"Subject: no body\r\n\r\n",
    b"Subject: 8 bits\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xbcber\r\n",
    b"Subject: long\r\n\r\n" + b"".join(b"line %d\r\n" % number for number in range(1000)),
    b"Subject: blanks\r\n\r\n\r\n \r\n\r\n",
]


@pytest.fixture
def lab():
    """Bob has letters."""
    with Lab(seed=1) as lab:
        for letter in LETTERS:
            lab.world.boxes[BOB].perform(Store(BOB, letter), lab.clock.unix())
        yield lab


@pytest.fixture
def net(lab):
    return lab.serve()


@pytest.fixture
def ca(net, tmp_path):
    return net.write_ca(tmp_path / "ca.pem")


def left(lab, net) -> list[bytes]:
    """What lies in bob's mailbox, once everybody is done."""
    net.settle()
    return lab.mailbox(BOB)


# -- poplib


def test_poplib_says_every_command_it_has(net, ca) -> None:
    client = poplib.POP3("localhost", net.ports["pop3"])
    assert {"TOP", "UIDL", "SASL", "STLS", "USER", "UTF8"} <= client.capa().keys()
    client.stls(ssl.create_default_context(cafile=str(ca)))
    assert "STLS" not in client.capa()
    client.utf8()
    client.user("bob")
    client.pass_("lab-bob")
    assert client.stat() == (6, sum(map(len, LETTERS)))
    assert client.list()[1] == [b"%d %d" % (number, len(letter)) for number, letter in enumerate(LETTERS, 1)]
    assert client.list(2) == b"+OK 2 %d" % len(LETTERS[1])
    names = client.uidl()[1]
    assert len(set(names)) == 6
    assert client.uidl(3) == b"+OK " + names[2]
    for number, letter in enumerate(LETTERS, 1):
        assert client.retr(number)[1] == letter.splitlines()
        header, body = letter.split(b"\r\n\r\n", 1)
        assert client.top(number, 2)[1] == [*header.splitlines(), b"", *body.splitlines()[:2]]
    client.noop()
    client.dele(1)
    client.rset()
    client.dele(6)
    assert client.stat()[0] == 5
    client.quit()


def test_poplib_logs_in_with_a_digest(net) -> None:
    for secret in "wrong", "lab-bob":
        client = poplib.POP3(HERE, net.ports["pop3"])
        if secret == "wrong":
            with pytest.raises(poplib.error_proto, match="AUTH"):
                client.apop("bob", secret)
        else:
            client.apop("bob", secret)
            assert client.stat()[0] == 6
        client.quit()


def test_what_is_deleted_goes_at_quit_and_not_when_the_line_breaks(lab, net, ca) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    for ending, remain in [("close", 6), ("quit", 5)]:
        client = poplib.POP3_SSL(HERE, net.ports["pop3s"], context=context)
        client.user("bob")
        client.pass_("lab-bob")
        client.dele(1)
        getattr(client, ending)()
        assert len(left(lab, net)) == remain
    assert len(lab.trace.only(Remove)) == 1


def test_one_session_at_a_time(net) -> None:
    first, second = (poplib.POP3(HERE, net.ports["pop3"]) for _ in range(2))
    for client in first, second:
        client.user("bob")
    first.pass_("lab-bob")
    with pytest.raises(poplib.error_proto, match="IN-USE"):
        second.pass_("lab-bob")
    first.quit()
    second.user("bob")
    second.pass_("lab-bob")
    second.quit()


def test_a_hundred_commands_at_once(net) -> None:
    """PIPELINING: RFC 2449 §6.6."""
    said = "USER bob\r\nPASS lab-bob\r\n" + "RETR 5\r\nUIDL 1\r\n" * 50 + "QUIT\r\n"
    with socket.create_connection((HERE, net.ports["pop3"]), 20) as caller:
        caller.sendall(said.encode())
        heard = b"".join(iter(lambda: caller.recv(65_536), b""))
    assert heard.count(b"\r\nline 999\r\n.\r\n+OK 1 ") == 50
    assert heard.endswith(b"goodbye\r\n")


# -- curl


def curl(scheme: str, port: int, net, ca, *more: object, path: str = "", user: str = "bob:lab-bob"):
    where = f"{HOST}:{port}"
    to = ["--connect-to", f"{where}:{HERE}:{net.ports[where]}", "--cacert", ca, "-u", user]
    return run("curl", "-q", "-sS", "-m", 30, *to, f"{scheme}://{where}/{path}", *more)


@pytest.mark.parametrize("scheme, port, more", [("pop3s", 995, []), ("pop3", 110, ["--ssl-reqd"]), ("pop3", 110, [])])
def test_curl_lists_and_reads(net, ca, scheme, port, more) -> None:
    listed = curl(scheme, port, net, ca, *more).stdout
    assert listed.splitlines() == [f"{number} {len(letter)}" for number, letter in enumerate(LETTERS, 1)]
    for number, letter in enumerate(LETTERS, 1):
        read = curl(scheme, port, net, ca, *more, path=str(number)).stdout
        assert read == letter.decode("latin-1").replace("\r\n", "\n")


def test_curl_says_any_command(lab, net, ca) -> None:
    assert curl("pop3s", 995, net, ca, "-X", "UIDL").stdout.count("\n") == 6
    assert curl("pop3s", 995, net, ca, "-X", "TOP 2 1").stdout == "Subject: dots\n\n.\n"
    assert curl("pop3s", 995, net, ca, "-X", "DELE 1", "-I").returncode == 0
    assert left(lab, net) == LETTERS[1:]
    assert curl("pop3s", 995, net, ca, user="bob:wrong").returncode == 67  # "login denied"
    assert curl("pop3s", 995, net, ca, path="99").returncode == 8  # "weird server reply": -ERR


@pytest.mark.parametrize("mechanism", ["PLAIN", "+APOP"])
def test_curl_logs_in_as_it_is_told(net, ca, mechanism) -> None:
    assert curl("pop3", 110, net, ca, "--login-options", f"AUTH={mechanism}", path="1").returncode == 0


# -- fetchmail


def fetchmail(tmp_path, settings: str) -> tuple[int, list[bytes]]:
    """Its exit code (1: there was nothing new) and what it brought."""
    brought = tmp_path / "brought"
    brought.mkdir(exist_ok=True)
    for old in brought.iterdir():
        old.unlink()
    (tmp_path / "deliver").write_text(f"#!/bin/sh\nexec cat > {brought}/$$\n")
    (tmp_path / "deliver").chmod(0o700)
    path = tmp_path / "fetchmailrc"
    path.write_text(f'set no bouncemail\npoll {HERE} {settings} mda "{tmp_path}/deliver"\n')
    path.chmod(0o600)
    done = run("fetchmail", "-f", path, "-N", HOME=str(tmp_path), FETCHMAILHOME=str(tmp_path))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, [one.read_bytes() for one in brought.iterdir()]


def test_fetchmail_keeps_and_remembers(lab, net, tmp_path) -> None:
    port = net.ports["pop3"]
    settings = f'service {port} protocol pop3 uidl auth password username bob password lab-bob sslproto "" keep'
    code, brought = fetchmail(tmp_path, settings)
    assert (code, len(brought)) == (0, 6)
    assert sum(b"Subject: dots\n" in one and one.endswith(b"\n\n.\n..\n.dot\nend\n") for one in brought) == 1
    assert fetchmail(tmp_path, settings) == (1, [])
    lab.send("alice@alpha.example", BOB, text="new", read=False)
    code, brought = fetchmail(tmp_path, settings)
    assert (code, len(brought)) == (0, 1)
    assert len(left(lab, net)) == 7


@pytest.mark.parametrize("port, tls", [("pop3s", "ssl"), ("pop3", "sslproto tls1.2+")])
def test_fetchmail_takes_all_under_tls(lab, net, ca, tmp_path, port, tls) -> None:
    verify = f"{tls} sslcertck sslcertfile {ca} sslcommonname {HOST}"
    settings = f"service {net.ports[port]} protocol pop3 auth password username bob password lab-bob {verify} nokeep"
    code, brought = fetchmail(tmp_path, settings)
    assert (code, len(brought)) == (0, 6)
    assert left(lab, net) == []
    assert lab.trace.only(Upgrade)


# -- openssl


@pytest.mark.parametrize("port, starttls", [("pop3s", ""), ("pop3", "pop3")])
def test_openssl_looks_at_the_certificate_and_talks(net, ca, port, starttls) -> None:
    said = "USER bob\r\nPASS lab-bob\r\nSTAT\r\nQUIT\r\n"
    assert "+OK 6 " in openssl(net.ports[port], HOST, ca, said, starttls)


# -- beside Dovecot

SCRIPT = """\
stat
FOO
PASS lab-bob
RETR 1
USER bob
PASS wrong
USER bob
PASS lab-bob
STAT
LIST
LIST 1
LIST 7
LIST 0
LIST x
RETR 1
retr 2
RETR 3
RETR 4
RETR 5
RETR 6
RETR 7
RETR
RETR x
TOP 1 0
TOP 2 1
TOP 2 99
TOP 3 5
TOP 6 2
TOP 1
TOP 1 x
TOP 9 1
DELE 2
DELE 2
DELE 9
RETR 2
LIST 2
TOP 2 0
UIDL 2
LIST
STAT
NOOP
USER bob
RSET
STAT
LIST 2
DELE 1
DELE 6
STAT
QUIT
"""
LISTED = ("LIST", "RETR", "TOP")  # these have more than one line, with the arguments that they have in the script


def converse(port: int) -> list[tuple[str, object]]:
    """(command, what is the same from every server: + or -, numbers and text) of the script."""
    found: list[tuple[str, object]] = []
    with socket.create_connection((HERE, port), 20) as caller:
        heard = caller.makefile("rb")
        heard.readline()
        for line in SCRIPT.splitlines():
            caller.sendall(line.encode() + b"\r\n")
            first = heard.readline()
            verb, _, argument = line.upper().partition(" ")
            told: object = first[:1]
            if first[:1] == b"+" and verb in ("LIST", "STAT") and argument + verb != "LIST":
                told = first.split()[:3]
            elif first[:1] == b"+" and verb in LISTED:
                told = list(iter(heard.readline, b".\r\n"))
            found.append((line, told))
        assert heard.readline() == b""  # it hangs up
    return found


def test_it_says_what_dovecot_says(lab, net) -> None:
    program("dovecot")
    from benchmarks.dovecot import serving

    with serving(LETTERS) as dovecot:
        theirs, remaining = converse(dovecot.pop3), left_at(dovecot.pop3)
    ours = converse(net.ports["pop3"])
    assert ours == theirs
    assert remaining == (4, sum(map(len, left(lab, net))))


OWN = re.compile(rb"^Received: [^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)  # the line that fetchmail writes


def poplib_reads_all(port: int, _: Path) -> object:
    """What poplib is told, but for names and words that are each server's own."""
    client = poplib.POP3(HERE, port, timeout=20)
    client.user("bob")
    client.pass_("lab-bob")
    count, _ = found = client.stat()
    letters = [(client.retr(number)[1:], client.top(number, 1)[1:]) for number in range(1, count + 1)]
    names = [line.split()[1] for line in client.uidl()[1]]
    assert names == [client.uidl(number).split()[2] for number in range(1, count + 1)] and len(set(names)) == count
    client.dele(2)
    client.rset()
    listed = client.list()[1:]
    client.quit()
    return found, letters, listed


def curl_asks(port: int, _: Path) -> object:
    """Exit codes and what is written, of a row of commands; the last one removes letter 1."""

    def asked(path: str, *more: str, password: str = "lab-bob") -> tuple[int, str]:
        where = f"pop3://{HERE}:{port}/{path}"
        login = ["-u", f"bob:{password}", "--login-options", "AUTH=+LOGIN"]
        done = run("curl", "-q", "-sS", "-m", 30, *login, where, *more)
        return done.returncode, done.stdout

    reads = [asked(str(number)) for number in range(1, 8)]
    return reads, asked(""), asked("", "-X", "TOP 5 3"), asked("", password="wrong"), asked("1", "-X", "DELE 1", "-I")


def fetchmail_takes_all(port: int, folder: Path) -> object:
    """What it leaves, brings and removes: kept at first, then nothing new, then taken."""
    settings = f'service {port} protocol pop3 uidl auth password username bob password lab-bob sslproto ""'
    kept = [fetchmail(folder, f"{settings} keep") for _ in range(2)]
    taken = fetchmail(folder, f"{settings} fetchall nokeep")
    return [(code, sorted(OWN.sub(b"", one) for one in brought)) for code, brought in [*kept, taken]]


@pytest.mark.parametrize("client", [poplib_reads_all, curl_asks, fetchmail_takes_all])
def test_a_client_gets_from_it_what_it_gets_from_dovecot(lab, net, tmp_path, client) -> None:
    program("dovecot")
    from benchmarks.dovecot import serving

    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    with serving(LETTERS) as dovecot:
        theirs = client(dovecot.pop3, tmp_path / "theirs"), left_at(dovecot.pop3)
    assert (client(net.ports["pop3"], tmp_path / "ours"), left_at(net.ports["pop3"])) == theirs


def left_at(port: int) -> tuple[int, int]:
    """What is left."""
    again = poplib.POP3(HERE, port, timeout=20)
    again.user("bob")
    again.pass_("lab-bob")
    found = again.stat()
    again.quit()
    return found
