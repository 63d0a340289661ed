"""SMTP with clients that we did not write: swaks, curl, msmtp, openssl and smtplib, against `lab.serve()`."""

import re
import smtplib
import socket
import ssl

import pytest
from programs import openssl, run

from mailedu import Lab
from mailedu.acts import Hear, Rule, Upgrade

ALICE, AMIR, BOB, BELLA = "alice@alpha.example", "amir@alpha.example", "bob@beta.example", "bella@beta.example"
HERE = "127.0.0.1"
LETTER = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: Hello\r\n\r\n.Hi Bob\r\n..\r\n"


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


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.eml"
    path.write_bytes(LETTER.encode())
    return path


def arrived(lab, net, address: str = BOB) -> list[bytes]:
    """What lies in a mailbox, once everybody is done."""
    net.settle()
    return lab.mailbox(address)


# -- swaks


def swaks(port: int, *more: object, sender: str = ALICE, to: str = BOB):
    """A call of swaks: `->` it says, `<-` it hears, `~>` the same under TLS, `<**` it hears no."""
    return run("swaks", "--server", HERE, "--port", port, "--helo", "c.example", "--from", sender, "--to", to, *more)


def log_in(mechanism: str, password: str = "lab-alice") -> list[str]:
    return ["--auth", mechanism, "--auth-user", ALICE, "--auth-password", password]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("port, tls", [("submission", "-tls"), ("submissions", "-tlsc"), ("smtp-alt", "-tls")])
def test_swaks_submits_with_a_password_under_tls(lab, net, ca, port, tls, mechanism) -> None:
    done = swaks(net.ports[port], tls, "--tls-verify", "--tls-ca-path", ca, *log_in(mechanism))
    assert done.returncode == 0, done.stdout
    assert re.search(r"^<~  235 2\.7\.0 ", done.stdout, re.MULTILINE)
    assert re.search(r"^<~  250 2\.0\.0 queued", done.stdout, re.MULTILINE)
    [message] = arrived(lab, net)
    assert b"dkim=pass" in message
    assert b"with ESMTPSA" in message
    assert lab.trace.only(Upgrade)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks_is_told_that_the_password_is_wrong(net, mechanism) -> None:
    done = swaks(net.ports["submission"], *log_in(mechanism, "wrong"))
    assert done.returncode == 28
    assert "<** 535 5.7.8 " in done.stdout


@pytest.mark.parametrize("more", [[], ["-tls"], ["--pipeline"], ["-tls", "--pipeline"]], ids=" ".join)
@pytest.mark.parametrize("host", ["mx.beta.example", "mx.gamma.example"])
def test_swaks_brings_mail_to_an_mx(lab, net, host, more) -> None:
    """beta's MX is ours, gamma's is aiosmtpd, which knows no pipelining."""
    to = BOB if host == "mx.beta.example" else "carol@gamma.example"
    done = swaks(net.ports[f"{host}:25"], *more, to=to)
    assert done.returncode == 0, done.stdout
    assert " 250 2.0.0 delivered" in done.stdout
    [message] = arrived(lab, net, to)
    assert b"spf=pass smtp.mailfrom=alice@alpha.example" in message


def received(count: int) -> str:
    return f"From: {ALICE}\\n" + "Received: from a by b; Mon, 23 Nov 2026 09:00:00 +0000\\n" * count + "\\nx\\n"


REFUSALS = [
    # what is wrong, port, what is said, swaks's exit code, the reply
    ("no such mailbox", "smtp", dict(to="nobody@beta.example"), 24, "550 5.1.1"),
    ("no relay", "smtp", dict(to="carol@gamma.example"), 24, "550 5.7.1"),
    ("not logged in", "submission", {}, 23, "530 5.7.0"),
    ("somebody else's address", "submission", dict(sender=AMIR, more=log_in("PLAIN")), 23, "550 5.7.1"),
    ("no such colleague", "submission", dict(to="nobody@alpha.example", more=log_in("PLAIN")), 24, "550 5.1.1"),
    ("a loop", "smtp", dict(more=["--data", received(101)]), 26, "554 5.4.6"),
    ("a line too long", "smtp", dict(more=["--body", "x" * 1001]), 26, "500 5.6.0"),
    ("no such argument", "smtp", dict(sender="a b@c.example"), 23, "501 5.1.7"),
    ("a forgery", "mx.alpha.example:25 from 203.0.113.66", dict(to=AMIR), 26, "550 5.7.26"),
    ("a server that takes no AUTH", "smtp", dict(more=log_in("PLAIN")), 28, ""),
    ("clear words to who speaks TLS", "submissions", dict(more=["--timeout", "1"]), 21, ""),
]


@pytest.mark.parametrize("port, said, code, reply", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_swaks_shows_every_refusal(lab, net, port, said, code, reply) -> None:
    name, _, client = port.partition(" from ")
    number = net.route(name, client) if client else net.ports[name]
    done = swaks(number, *said.get("more", []), **{key: said[key] for key in ("sender", "to") if key in said})
    assert done.returncode == code, done.stdout
    assert f"<** {reply} " in done.stdout or not reply, done.stdout
    assert not arrived(lab, net)


# -- curl


def curl(scheme: str, host: str, lab_port: int, net, ca, *more: object, path: str = "c.example"):
    """By the server's own name, so that its certificate is for it."""
    where = f"{host}:{lab_port}"
    to = ["--connect-to", f"{where}:{HERE}:{net.ports[where]}", "--cacert", ca]
    return run("curl", "-q", "-sS", "-m", 30, *to, f"{scheme}://{where}/{path}", *more)


def envelope(*recipients: str, sender: str = ALICE) -> list[str]:
    return ["--mail-from", sender, *(word for one in recipients for word in ("--mail-rcpt", one))]


@pytest.mark.parametrize(
    "scheme, port, more", [("smtp", 587, ["--ssl-reqd"]), ("smtps", 465, []), ("smtp", 587, []), ("smtp", 2525, [])]
)
def test_curl_submits(lab, net, ca, letter, scheme, port, more) -> None:
    user = ["-u", f"{ALICE}:lab-alice"]
    done = curl(scheme, "mx.alpha.example", port, net, ca, *more, *user, *envelope(BOB, BELLA), "-T", letter)
    assert (done.returncode, done.stderr) == (0, "")
    for reader in BOB, BELLA:
        [message] = arrived(lab, net, reader)
        assert message.endswith(b"\r\n\r\n.Hi Bob\r\n..\r\n")


def test_curl_verifies_the_name(lab, net, ca, letter) -> None:
    """60 is "Peer's certificate or name is not OK"."""
    here = ["--cacert", ca, *envelope(BOB), "-u", f"{ALICE}:lab-alice", "-T", letter]
    for name, code in [("localhost", 0), ("127.0.0.1", 0), ("mx.nowhere.example", 60)]:
        port = net.ports["submissions"]
        to = ["--connect-to", f"{name}:{port}:{HERE}:{port}"]
        assert run("curl", "-q", "-sS", "-m", 30, *to, f"smtps://{name}:{port}/", *here).returncode == code
    assert len(arrived(lab, net)) == 2


def test_curl_brings_mail_to_an_mx_and_is_told_who_is_not_there(lab, net, ca, letter) -> None:
    recipients = envelope(BOB, "nobody@beta.example")
    assert curl("smtp", "mx.beta.example", 25, net, ca, *recipients, "-T", letter).returncode == 55
    more = ["--mail-rcpt-allowfails", "--ssl-reqd"]
    assert curl("smtp", "mx.beta.example", 25, net, ca, *recipients, *more, "-T", letter).returncode == 0
    assert len(arrived(lab, net)) == 1


def test_curl_asks_who_is_there(net, ca) -> None:
    assert curl("smtp", "mx.beta.example", 25, net, ca, "--mail-rcpt", "bob").stdout.startswith("252 2.5.2 ")
    assert "STARTTLS" in curl("smtp", "mx.beta.example", 25, net, ca, "-X", "HELP").stdout
    assert curl("smtp", "mx.alpha.example", 587, net, ca, "-u", "alice:wrong", "-X", "NOOP").returncode == 67


# -- msmtp


def msmtp(tmp_path, ca, port: int, *arguments: str, word: str = "lab-alice"):
    settings = tmp_path / "msmtprc"
    settings.write_text(
        f"account lab\nhost {HERE}\nport {port}\ntls on\ntls_trust_file {ca}\ntls_host_override mx.alpha.example\n"
        f"user {ALICE}\npassword {word}\nfrom {ALICE}\n"
    )
    settings.chmod(0o600)
    return run("msmtp", "-C", settings, "-a", "lab", *arguments, said=LETTER)


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "scram-sha-256"])
@pytest.mark.parametrize("port, starttls", [("submission", "on"), ("submissions", "off")])
def test_msmtp_submits(lab, net, ca, tmp_path, port, starttls, mechanism) -> None:
    done = msmtp(tmp_path, ca, net.ports[port], f"--tls-starttls={starttls}", f"--auth={mechanism}", BOB)
    assert (done.returncode, done.stderr) == (0, "")
    [message] = arrived(lab, net)
    assert b"\r\n.Hi Bob\r\n..\r\n" in message


def test_msmtp_says_what_it_wants_to_be_told(lab, net, ca, tmp_path) -> None:
    """DSN: RFC 3461."""
    options = ["--auth=plain", "--tls-starttls=on", "--dsn-notify=success,failure", "--dsn-return=headers", BOB]
    assert msmtp(tmp_path, ca, net.ports["submission"], *options).returncode == 0
    said = [step.act.data for step in lab.trace.only(Hear)]
    assert any(b" RET=HDRS" in line for line in said if line.startswith(b"MAIL"))
    assert any(b" NOTIFY=SUCCESS,FAILURE" in line for line in said if line.startswith(b"RCPT"))


def test_msmtp_passes_the_refusal_on(net, ca, tmp_path) -> None:
    """65 is EX_DATAERR, 77 EX_NOPERM."""
    port = net.ports["submission"]
    done = msmtp(tmp_path, ca, port, "--auth=plain", "--tls-starttls=on", "nobody@alpha.example")
    assert done.returncode == 65
    assert "550 5.1.1" in done.stderr
    done = msmtp(tmp_path, ca, port, "--auth=plain", "--tls-starttls=on", BOB, word="wrong")
    assert done.returncode == 77
    assert "535 5.7.8" in done.stderr


def test_msmtp_reads_what_the_server_offers(net, ca, tmp_path) -> None:
    where = f"--host={HERE}", f"--port={net.ports['submission']}"
    done = run("msmtp", "--serverinfo", *where, "--tls", f"--tls-trust-file={ca}")
    assert done.returncode == 0, done.stderr
    for offered in "SIZE 35000000", "PIPELINING", "DSN", "PLAIN", "SCRAM-SHA-256":
        assert offered in done.stdout
    assert "CN=mx.alpha.example" in done.stdout.replace("Common Name: ", "CN=")


# -- openssl


@pytest.mark.parametrize(
    "port, host, starttls",
    [
        ("mx.beta.example:25", "mx.beta.example", "smtp"),
        ("mx.gamma.example:25", "mx.gamma.example", "smtp"),
        ("submission", "mx.alpha.example", "smtp"),
        ("submissions", "mx.alpha.example", ""),
    ],
)
def test_openssl_looks_at_the_certificate_and_talks(net, ca, port, host, starttls) -> None:
    said = openssl(net.ports[port], host, ca, "EHLO c.example\r\nNOOP\r\nQUIT\r\n", starttls)
    assert re.search(r"^250.* SMTPUTF8|^250[ -]SMTPUTF8", said, re.MULTILINE)
    assert re.search(r"^221 ", said, re.MULTILINE)


# -- Python's smtplib


@pytest.fixture
def trusting(ca) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


def test_smtplib_verifies_the_server_as_localhost(lab, net, trusting) -> None:
    with smtplib.SMTP("localhost", net.ports["submission"]) as client:
        assert client.starttls(context=trusting)[0] == 220
        assert client.login(ALICE, "lab-alice")[0] == 235
        assert client.sendmail(ALICE, [BOB], LETTER) == {}
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls(context=trusting)
        assert client.docmd("STARTTLS")[0] == 503
    with smtplib.SMTP_SSL(HERE, net.ports["submissions"], context=trusting) as client:
        client.login("alice", "lab-alice")
        client.sendmail(ALICE, [BOB], LETTER)
    assert len(arrived(lab, net)) == 2


@pytest.mark.parametrize("initial", [True, False], ids=["at once", "when asked"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_smtplib_logs_in_each_way(net, mechanism, initial) -> None:
    for password, code in [("wrong", 535), ("lab-alice", 235)]:
        with smtplib.SMTP(HERE, net.ports["submission"]) as client:
            client.ehlo("c.example")
            client.user, client.password = ALICE, password
            answer = getattr(client, f"auth_{mechanism.lower().replace('-', '_')}")
            try:
                found, _ = client.auth(mechanism, answer, initial_response_ok=initial)
            except smtplib.SMTPAuthenticationError as no:
                found = no.smtp_code
            assert found == code


def test_smtplib_asks_everything(net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        assert client.helo("c.example")[0] == 250
        assert client.ehlo("c.example")[0] == 250
        assert client.esmtp_features["size"] == "35000000"
        assert {"8bitmime", "pipelining", "chunking", "smtputf8", "starttls", "dsn"} <= client.esmtp_features.keys()
        assert client.noop()[0] == 250
        assert client.rset()[0] == 250
        assert client.verify("bob")[0] == 252
        assert client.expn("everybody")[0] == 550
        assert b"STARTTLS" in client.help()
        assert client.docmd("TURN")[0] == 502
        assert client.docmd("XCLIENT", "ADDR=192.0.2.1")[0] in (500, 502)
        assert client.docmd("ETRN", "beta.example")[0] == 459
        assert client.docmd("WHO KNOWS")[0] == 500


def test_smtplib_sends_a_hundred_mails_in_one_session(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"], local_hostname="mx.alpha.example") as client:
        for number in range(100):
            assert client.sendmail(ALICE, [BOB], f"From: {ALICE}\r\nSubject: {number}\r\n\r\nx\r\n") == {}
    messages = arrived(lab, net)
    assert [f"Subject: {number}\r\n".encode() in message for number, message in enumerate(messages)] == [True] * 100


def test_smtplib_is_told_of_each_recipient(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        refused = client.sendmail(ALICE, [BOB, "nobody@beta.example", BELLA, "carol@gamma.example"], LETTER)
    assert {one: (code, text[:5]) for one, (code, text) in refused.items()} == {
        "nobody@beta.example": (550, b"5.1.1"),
        "carol@gamma.example": (550, b"5.7.1"),
    }
    assert len(arrived(lab, net)) == len(lab.mailbox(BELLA)) == 1


def test_smtplib_writes_beyond_ascii(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        body = "From: a@c.example\r\nSubject: Grüße\r\n\r\nüber\r\n".encode()
        client.sendmail("übung@c.example", [BOB], body, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        [message] = arrived(lab, net)
        assert message.endswith(body)
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("übung@c.example", [BOB], body, mail_options=["BODY=8BITMIME"])
    assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (550, b"5.6.7")


def test_smtplib_announces_a_size(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        client.ehlo()
        assert client.mail(ALICE, ["SIZE=35000001"])[0] == 552
        assert client.mail(ALICE, ["SIZE=35000000"])[0] == 250
    large = LETTER + ("x" * 70 + "\r\n") * 70_000  # 5 MB
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        client.sendmail(ALICE, [BOB], large)
    [message] = arrived(lab, net)
    assert message.endswith(large[-5_000_000:].encode())


def test_smtplib_sends_in_chunks(lab, net) -> None:
    """BDAT: RFC 3030."""
    first, last = LETTER[:50].encode(), LETTER[50:].encode()
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        client.ehlo()
        client.mail(ALICE)
        client.rcpt(BOB)
        client.sock.sendall(b"BDAT %d\r\n%s" % (len(first), first) + b"BDAT %d LAST\r\n%s" % (len(last), last))
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]
    [message] = arrived(lab, net)
    assert message.endswith(LETTER.encode())


def test_who_is_silent_is_told_so_and_hung_up_on(lab, net) -> None:
    with socket.create_connection((HERE, net.ports["smtp"]), 10) as caller:
        heard = caller.makefile("rb")
        assert heard.readline().startswith(b"220 ")
        lab.clock.advance(minutes=6)
        assert heard.readline().startswith(b"421 4.4.2 ")
        assert heard.readline() == b""


def test_a_bare_newline_is_no_end_of_a_message(lab, net) -> None:
    """The smuggler's letter: one message for us, and none is taken."""
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client:
        client.ehlo()
        client.mail(ALICE)
        client.rcpt(BOB)
        client.docmd("DATA")
        client.sock.sendall(b"Subject: x\r\n\r\none\n.\r\nMAIL FROM:<eve@c.example>\r\n.\r\n")
        code, text = client.getreply()
    assert (code, text[:5]) == (554, b"5.6.0")
    assert not arrived(lab, net)
    assert any(step.act.name == "smtp.bare-newline" for step in lab.trace.only(Rule))
