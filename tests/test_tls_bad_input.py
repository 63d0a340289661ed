"""TLS that goes wrong, by mistake or by malice: the trace says what it was, and the server lives on."""

from __future__ import annotations

import socket
import ssl

import pytest

from mailedu import Lab
from mailedu.acts import Close, Enter, Hear, Rule
from mailedu.net.tls import client_context

SMTP, POP, IMAP = "mx.alpha.example", "pop.beta.example", "imap.beta.example"
IMPLICIT = [("smtp", SMTP, 465), ("pop3", POP, 995), ("imap", IMAP, 993)]
UPGRADED = [
    ("smtp", SMTP, 587, b"EHLO c.example\r\n", b"STARTTLS\r\n", b"NOOP\r\n"),
    ("pop3", POP, 110, b"CAPA\r\n", b"STLS\r\n", b"NOOP\r\n"),
    ("imap", IMAP, 143, b"a CAPABILITY\r\n", b"b STARTTLS\r\n", b"c NOOP\r\n"),
]
HELLO = {465: "EHLO c.example", 995: "CAPA", 993: "a NOOP"}
NONSENSE = {
    "plaintext": b"EHLO c.example\r\nQUIT\r\n",
    "a record that is no ClientHello": b"\x16\x03\x01\x00\x05hello",
    "a ClientHello that is too short": b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    "a record of application data": b"\x17\x03\x03\x00\x05hello",
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "octets without a meaning": bytes(range(200, 256)),
}


@pytest.fixture
def lab():
    with Lab(seed=5, opinions=False) as lab:
        yield lab


def rules(lab: Lab) -> list[tuple[str, str]]:
    return [(step.act.name, step.act.outcome) for step in lab.trace.only(Rule)]


def raw(lab: Lab, host: str, port: int):
    """Our end of a call on which nothing is under TLS unless somebody puts it there."""
    wire, part = lab.world.plug(host, port, "192.0.2.10")
    lab.world.run()
    return wire, part


def say(lab: Lab, wire, data: bytes) -> bytes:
    lab.world.speak(wire, data)
    lab.world.run()
    heard = bytes(wire.inbox)
    wire.inbox.clear()
    return heard


def lives(lab: Lab, port: int) -> bool:
    name = {465: "submissions", 995: "pop3s", 993: "imaps"}[port]
    call = {"submissions": lab.smtp, "pop3s": lab.pop3, "imaps": lab.imap}[name](name)
    return bool(call.greeting) and bool(call.send(HELLO[port]))


@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize(("protocol", "host", "port"), IMPLICIT, ids=lambda value: str(value))
def test_nonsense_to_a_tls_port_is_named_and_the_server_lives_on(lab, protocol, host, port, what) -> None:
    wire, part = raw(lab, host, port)
    heard = say(lab, wire, NONSENSE[what])
    assert b"220" not in heard and b"OK" not in heard, "nothing is said in the clear on a TLS port"
    [(name, why)] = rules(lab)
    assert name == f"{protocol}.tls-failed" and why
    assert part.machine.state in ("CLOSED", "LOGOUT") and wire.closed
    assert not [step for step in lab.trace.only(Hear)]
    assert lives(lab, port)


@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize("case", UPGRADED, ids=lambda case: case[0])
def test_nonsense_behind_starttls_is_named_and_ends_the_call(lab, case, what) -> None:
    protocol, host, port, hello, start, _ = case
    wire, part = raw(lab, host, port)
    say(lab, wire, hello)
    say(lab, wire, start)
    say(lab, wire, NONSENSE[what])
    assert [name for name, _ in rules(lab)] == [f"{protocol}.tls-failed"]
    assert part.machine.state in ("CLOSED", "LOGOUT") and wire.closed
    assert [step.act.verdict for step in lab.trace.only(Close)][-1] == "tls-failed"
    again, _ = raw(lab, host, port)
    assert say(lab, again, hello)


@pytest.mark.parametrize(("protocol", "host", "port"), IMPLICIT, ids=lambda value: str(value))
def test_who_hangs_up_in_the_handshake(lab, protocol, host, port) -> None:
    for half in (b"", b"\x16\x03\x01\x02\x00\x01\x00"):
        wire, part = raw(lab, host, port)
        if half:
            say(lab, wire, half)
        wire.close()
        lab.world.run()
        assert rules(lab)[-1] == (f"{protocol}.tls-failed", "the other side hung up")
        assert part.machine.state in ("CLOSED", "LOGOUT")
    assert lives(lab, port)


@pytest.mark.parametrize(("protocol", "host", "port"), IMPLICIT, ids=lambda value: str(value))
def test_who_never_begins_the_handshake_is_waited_for_five_minutes(lab, protocol, host, port) -> None:
    raw(lab, host, port)
    lab.clock.advance(minutes=4)
    assert rules(lab) == []
    lab.clock.advance(minutes=2)
    assert rules(lab) == [(f"{protocol}.tls-failed", "the handshake did not come")]


def test_tls_in_tls_is_refused() -> None:
    lab = Lab(seed=5, opinions=False)
    smtp, pop, imap = lab.smtp("submissions"), lab.pop3("pop3s"), lab.imap("imaps")
    smtp.send("EHLO c.example")
    assert smtp.send("STARTTLS").startswith("503 5.5.1")
    assert pop.send("STLS").startswith("-ERR") and imap.send("a STARTTLS").startswith("a BAD")
    assert [name for name, _ in rules(lab)] == ["smtp.tls-already", "pop3.tls-already", "imap.tls-already"]
    assert smtp.send("NOOP").startswith("250") and pop.send("CAPA").startswith("+OK")
    assert "OK" in imap.send("b NOOP")


@pytest.mark.parametrize("case", UPGRADED, ids=lambda case: case[0])
def test_what_is_pipelined_behind_starttls_is_never_obeyed(lab, case) -> None:
    """Whatever came in the same piece is forgotten (RFC 3207 §4.2); then TLS works as it should."""
    _, host, port, hello, start, behind = case
    wire, _ = raw(lab, host, port)
    say(lab, wire, hello)
    before = len(lab.trace)
    assert say(lab, wire, start + behind * 3).count(b"\r\n") == 1
    heard = [step.act.data for step in lab.trace[before:] if isinstance(step.act, Hear)]
    assert heard == [start]
    lab.world.begin_tls(wire, host, None)
    lab.world.run()
    assert wire.tls and wire.tls.up and not wire.inbox
    assert say(lab, wire, hello) and not wire.closed


# -- on real sockets, with OpenSSL at the other end


def test_tls_to_a_port_that_talks_in_the_clear(lab) -> None:
    net = lab.serve()
    for name in ("smtp", "submission", "pop3", "imap"):
        with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain, pytest.raises(ssl.SSLError):
            client_context("any").wrap_socket(plain)
    net.settle()
    assert {"smtp.hung-up", "pop3.hung-up", "imap.hung-up"} <= {name for name, _ in rules(lab)}
    assert not [name for name, _ in rules(lab) if name.endswith(".tls-failed")], "no TLS was begun"
    assert lab.send("alice@alpha.example", "bob@beta.example", text="x", read=False).delivered


def test_the_server_outlives_all_that_on_real_sockets(lab) -> None:
    net = lab.serve()
    for data in NONSENSE.values():
        for name in ("submissions", "pop3s", "imaps"):
            with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain:
                plain.sendall(data)
                plain.settimeout(10)
                while plain.recv(4096):
                    pass
    net.settle()
    failed = [name for name, _ in rules(lab)]
    assert len(failed) == 3 * len(NONSENSE) and all(name.endswith(".tls-failed") for name in failed)
    trusting = client_context("any")
    for name in ("submissions", "pop3s", "imaps"):
        with socket.create_connection((net.host, net.ports[name]), timeout=10) as plain:
            assert trusting.wrap_socket(plain).recv(100)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_each_version_alone(version) -> None:
    """In 1.2 the certificate goes over the wire in the clear, in 1.3 it does not (RFC 8446 §2)."""
    lab = Lab(seed=5, opinions=False, settings={SMTP: {"tls_version": version}})
    assert lab.send("alice@alpha.example", "bob@beta.example", text="x", read=False).delivered
    shake = next(row for row in lab.tap(f"{SMTP}:587").rows if not row.sender)
    names = [record.name for record in shake.records]
    assert any("Certificate" in name for name in names) is (version == "1.2")
    assert lab.tap(f"{SMTP}:587").passwords == []
    rows = [row for row in lab.tap(f"{SMTP}:587").rows if row.sender == "client" and row.sealed]
    assert all({record.sender for record in row.records} == {"client"} for row in rows)


def test_a_client_that_only_speaks_1_3_does_not_meet_one_that_only_speaks_1_2() -> None:
    lab = Lab(seed=5, opinions=False, settings={SMTP: {"tls_version": "1.2"}})
    context = client_context("any").__class__(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with lab, lab.serve() as net, socket.create_connection((net.host, net.ports["submissions"]), timeout=10) as plain:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(plain)
        net.settle()
        assert [name for name, _ in rules(lab)] == ["smtp.tls-failed"]


@pytest.mark.parametrize(
    ("host", "setting", "said", "answer"),
    [
        (SMTP, {"plain_needs_tls": True}, ["EHLO c", "AUTH PLAIN AGEAYg=="], "538 5.7.11"),
        (SMTP, {"tls_required": True}, ["EHLO c", "MAIL FROM:<alice@alpha.example>"], "530 5.7.0 STARTTLS first"),
        (POP, {"plain_needs_tls": True}, ["USER bob"], "-ERR no USER before TLS"),
        (IMAP, {"login_disabled": True}, ["a LOGIN bob lab-bob"], "a NO [PRIVACYREQUIRED]"),
    ],
)
def test_no_password_before_tls(host, setting, said, answer) -> None:
    lab = Lab(seed=5, opinions=False, settings={host: setting})
    call = {SMTP: lab.smtp, POP: lab.pop3, IMAP: lab.imap}[host]({SMTP: "submission", POP: "pop3", IMAP: "imap"}[host])
    for line in said:
        reply = call.send(line)
    assert reply.startswith(answer), reply
    offers = {SMTP: "EHLO c", POP: "CAPA", IMAP: "b CAPABILITY"}[host]
    told = call.send(offers)
    if "plain_needs_tls" in setting:
        assert "PLAIN" not in told and "USER" not in told.split("\n")
    if host == IMAP:
        assert "LOGINDISABLED" in told
    assert lab.trace.only(Enter)
