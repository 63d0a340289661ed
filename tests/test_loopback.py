"""The same lab on real sockets: the same story; clients and a server that we did not write; and how it ends."""

from __future__ import annotations

import contextlib
import email
import email.policy
import imaplib
import poplib
import smtplib
import socket
import ssl
import struct
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from mailedu import DnsTimeout, Lab, LabError
from mailedu.acts import Accept, Hear, Rule, Say, Store
from mailedu.net import sockets
from mailedu.net.tls import client_context

ALICE, BOB, CAROL = "alice@alpha.example", "bob@beta.example", "carol@gamma.example"
HELLO = {"subject": "Hello", "text": "Hi Bob"}
LETTER = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: x\r\n\r\n.hello\r\n"
HERE = "127.0.0.1"


@pytest.fixture
def lab():
    with Lab(seed=1) as lab:
        yield lab


@pytest.fixture
def net(lab):
    return lab.serve()


# -- the same story in both worlds


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_between_alpha_and_beta_everything_is_equal(tls) -> None:
    memory, real = Lab(seed=1, tls=tls), Lab(seed=1, tls=tls)
    forged = dict(from_=ALICE, client="203.0.113.66", subject="Send money")
    with real.serve():
        for each in memory, real:
            each.send(ALICE, BOB, **HELLO)
            each.send("mallory@gamma.example", BOB, **forged)
            each.send(ALICE, "nobody@beta.example", **HELLO)
    assert real.trace.story() == memory.trace.story()


def test_for_gamma_what_was_decided_is_equal(lab, net) -> None:
    """Its MX is aiosmtpd here, and our machine in memory; the decisions are the same generators."""
    memory = Lab(seed=1)
    mails = [each.send(ALICE, CAROL, **HELLO) for each in (memory, lab)]
    assert [mail.delivered for mail in mails] == [(CAROL,), (CAROL,)]

    def decided(mail):
        trace = mail.trace
        opened = next(s for s in trace if getattr(s.act, "title", "") == "mx.gamma.example decides")
        return [
            (depth, s.actor, s.act) for depth, s in trace.walk(opened.number) if s.actor in ("mx.gamma.example", "dns")
        ]

    assert decided(mails[0]) == decided(mails[1])
    assert decided(mails[0])
    assert any(b"aiosmtpd" in step.act.data for step in mails[1].trace.only(Hear))
    assert not any(b"aiosmtpd" in step.act.data for step in mails[0].trace.only(Hear))


def test_aiosmtpd_refuses_what_our_machine_refuses(lab, net) -> None:
    forged = dict(from_=ALICE, client="198.51.100.66", subject="Send money")
    assert lab.send("eve@nowhere.example", CAROL, **forged).reply[:3] == "550"
    assert lab.send("eve@nowhere.example", "nobody@gamma.example", client="198.51.100.66").reply[:3] == "550"
    assert lab.send("eve@nowhere.example", CAROL, client="198.51.100.66", text="honest").delivered == (CAROL,)


def test_typed_calls_and_the_clock_work_while_it_serves(lab, net) -> None:
    pop = lab.pop3(BOB)
    pop.send("USER bob")
    pop.send("PASS lab-bob")
    assert pop.state == "TRANSACTION"
    lab.clock.advance(minutes=11)
    assert pop.state == "CLOSED"
    with pytest.raises(LabError, match="close"):
        pop.back()
    assert pop.fork(at=1).state == "AUTHORIZATION"


def test_the_queue_waits_on_the_lab_s_clock_here_too(lab, net) -> None:
    lab.stop("mx.beta.example")
    with pytest.raises((smtplib.SMTPException, OSError)):
        smtplib.SMTP(HERE, net.ports["smtp"])
    mail = lab.send(ALICE, BOB, **HELLO)
    assert not mail.delivered
    lab.start("mx.beta.example")
    lab.clock.advance(minutes=20)
    assert mail.delivered == (BOB,)


def test_the_lab_goes_on_in_memory_after_it_is_closed(lab, net) -> None:
    lab.send(ALICE, BOB, **HELLO)
    net.close()
    net.close()
    lab.close()
    lab.send(ALICE, BOB, **HELLO)
    assert len(lab.mailbox(BOB)) == 2
    with pytest.raises(LabError, match=r"serve\(\)"), net:
        pass
    with lab.serve() as again:
        assert again.ports["smtp"]


# -- clients that we did not write


def test_smtplib_submits_with_a_password_under_tls(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["submission"]) as client:
        client._host = "mx.alpha.example"  # the name that the certificate is for
        client.starttls(context=client_context())
        client.login(ALICE, lab.password(ALICE))
        client.sendmail(ALICE, [BOB], LETTER)
    net.settle()
    [message] = lab.mailbox(BOB)
    assert message.endswith(b"\r\n\r\n.hello\r\n")
    assert b"dkim=pass" in message


def test_smtplib_is_told_the_reason_of_a_refusal(lab, net) -> None:
    with smtplib.SMTP(HERE, net.ports["smtp"]) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(ALICE, ["nobody@beta.example"], LETTER)
    [(code, text)] = refused.value.recipients.values()
    assert code == 550
    assert b"5.1.1" in text


def test_a_route_claims_the_address_of_its_callers(lab, net) -> None:
    port = net.route("mx.beta.example:25", client="203.0.113.66")
    with smtplib.SMTP(HERE, port) as client, pytest.raises(smtplib.SMTPDataError, match=r"5\.7\.26"):
        client.sendmail(ALICE, [BOB], LETTER)
    assert lab.trace.only(Accept)[-1].act.client == "203.0.113.66"


@pytest.mark.parametrize("kind", ["pop3", "pop3s"])
def test_poplib_reads_what_was_sent(lab, net, kind) -> None:
    lab.send(ALICE, BOB, **HELLO)
    if kind == "pop3":
        client = poplib.POP3(HERE, net.ports[kind])
    else:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = poplib.POP3_SSL(HERE, net.ports[kind], context=context)
    client.user("bob")
    client.pass_("lab-bob")
    assert client.stat()[0] == 1
    assert client.retr(1)[1][-1] == b"Hi Bob"
    client.quit()
    net.settle()


def test_imaplib_reads_what_was_sent(lab, net) -> None:
    lab.send(ALICE, BOB, **HELLO)
    with imaplib.IMAP4(HERE, net.ports["imap"]) as client:
        client.starttls(unverified())
        client.login(BOB, "lab-bob")
        assert client.select("INBOX") == ("OK", [b"1"])
        _, found = client.fetch("1", "(BODY[TEXT])")
    assert found[0][1] == b"Hi Bob\r\n"


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_a_call_from_outside_can_be_gone_back_in(lab, net) -> None:
    """Its bytes are typed again into an equal lab: an engineer can rewind what a real program did."""
    with smtplib.SMTP(HERE, net.ports["smtp"], local_hostname="mx.alpha.example") as client:
        client.sendmail(ALICE, [BOB], LETTER)
    net.settle()
    call = lab.replay("mx.beta.example:25/1")
    assert [call.lab.mailbox(BOB)] == [lab.mailbox(BOB)]
    assert call.state == "CLOSED"
    call.back(to=2)
    assert call.state == "MAIL"
    assert not call.lab.mailbox(BOB)
    with pytest.raises(LabError, match=r"mx\.beta\.example:25/1"):
        lab.replay("mx.beta.example:25/7")


# -- the DNS


def ask(net, name: str, kind: str, **more) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, kind, **more), HERE, port=net.ports["dns"], timeout=10)


def test_the_dns_answers_over_udp(lab, net) -> None:
    reply = ask(net, "beta.example", "MX")
    assert [record.to_text() for record in reply.answer[0]] == ["10 mx.beta.example."]
    assert ask(net, "nowhere.example", "MX").rcode() == dns.rcode.NXDOMAIN
    empty = ask(net, "mx.beta.example", "MX")
    assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])
    lab.zone.fault("beta.example", "MX", DnsTimeout())
    assert ask(net, "beta.example", "MX").rcode() == dns.rcode.SERVFAIL


def test_a_long_answer_comes_by_tcp(lab, net) -> None:
    key = "lab._domainkey.alpha.example"
    short = ask(net, key, "TXT", use_edns=False)
    assert (bool(short.flags & dns.flags.TC), short.answer) == (len(short.answer) == 0, short.answer)
    lab.zone.edit(key, TXT="x" * 1000)
    short = ask(net, key, "TXT", use_edns=False)
    assert short.flags & dns.flags.TC
    assert not short.answer
    whole = dns.query.tcp(dns.message.make_query(key, "TXT"), HERE, port=net.ports["dns"], timeout=10)
    assert b"".join(whole.answer[0][0].strings) == b"x" * 1000


def test_edited_zones_are_answered_at_once(lab, net) -> None:
    lab.zone.edit("new.example", TXT=['a "quoted" text', "\xff\x00"])
    texts = {b"".join(record.strings) for record in ask(net, "new.example", "TXT").answer[0]}
    assert texts == {b'a "quoted" text', b"\xff\x00"}


def test_garbage_to_the_dns_does_no_harm(lab, net) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.settimeout(5)
        for garbage in b"", b"\0", b"\0" * 11, b"\xff" * 40, b"\0\1\0\0\0\5" + b"\0" * 6 + b"\xc0\x0c" * 5:
            caller.sendto(garbage, (HERE, net.ports["dns"]))
    with socket.create_connection((HERE, net.ports["dns"]), 5) as caller:
        caller.sendall(struct.pack("!H", 3) + b"abc" + b"\xff\xff half a packet")
    assert ask(net, "beta.example", "MX").answer


# -- rude clients


def talk(port: int, data: bytes, *, whole: bool = True) -> bytes:
    with socket.create_connection((HERE, port), 10) as caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [data] if whole else [data[at : at + 1] for at in range(len(data))]:
            caller.sendall(piece)
        return b"".join(iter(lambda: caller.recv(65_536), b""))


def test_a_byte_at_a_time_is_the_same_conversation(lab, net) -> None:
    lines = [
        "EHLO c.example",
        "MAIL FROM:<a@c.example>",
        f"RCPT TO:<{BOB}>",
        "DATA",
        "Subject: x",
        "",
        "hi",
        ".",
        "QUIT",
    ]
    said = "".join(f"{line}\r\n" for line in lines).encode()
    once, bit_by_bit = (talk(net.ports["smtp"], said, whole=whole) for whole in (True, False))
    assert once == bit_by_bit
    net.settle()
    first, second = (
        [step.act for step in lab.trace if step.conversation == f"mx.beta.example:25/{number}" and step.actor != "dns"]
        for number in (1, 2)
    )
    kinds = [[type(act) for act in acts] for acts in (first, second)]
    assert kinds[0] == kinds[1]
    heard = [[act for act in acts if isinstance(act, Hear)] for acts in (first, second)]
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    "said", [b"", b"EHLO c\r\nMA", b"EHLO c\r\nSTARTTLS\r\n", b"EHLO c\r\nSTARTTLS\r\nnot tls\r\n\r\n"]
)
@pytest.mark.parametrize("port", ["smtp", "submissions", "pop3s", "imaps"])
def test_who_leaves_in_the_middle_leaves_nothing_behind(lab, net, port, said) -> None:
    with socket.create_connection((HERE, net.ports[port]), 10) as caller:
        caller.sendall(said)
    for _ in range(200):
        if not lab.world.parts:
            break
        time.sleep(0.01)
    assert not lab.world.parts
    assert lab.send(ALICE, BOB, **HELLO).delivered


def test_a_slow_reader_holds_nobody_up(lab, net) -> None:
    lab.send(ALICE, BOB, message=b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 250_000, read=False)
    with socket.create_connection((HERE, net.ports["pop3"]), 10) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"USER bob\r\nPASS lab-bob\r\nRETR 1\r\n")
        slow.recv(100)
        start = time.monotonic()
        with smtplib.SMTP(HERE, net.ports["smtp"]) as other:
            other.noop()
        assert time.monotonic() - start < 20
        buffered = sum(end.transport.get_write_buffer_size() for end in net.sockets.ends)
        assert buffered < 1_000_000


def test_a_capped_trace_stays_small(lab) -> None:
    with lab.serve(keep=100) as net:
        for _ in range(5):
            lab.send(ALICE, BOB, **HELLO)
        assert len(lab.trace) <= 100
        assert lab.trace.dropped > 500
        assert net.ports
    assert len(lab.mailbox(BOB)) == 5


def test_a_bug_in_a_machine_reaches_the_facade(lab, net) -> None:
    class Broken:
        state = ""

        def session(self):
            yield Say(b"220 hello\r\n")
            raise ZeroDivisionError("a bug")

    lab.world.listeners["mx.beta.example", 25] = lambda client: Broken()
    with pytest.raises(ZeroDivisionError):
        lab.send(ALICE, BOB, **HELLO)
    assert not lab.world.trace.only(Store)[1:]


# -- how it begins and ends


def test_two_labs_serve_side_by_side(lab, net) -> None:
    with Lab(seed=2) as other, other.serve() as theirs:
        assert not set(net.ports.values()) & set(theirs.ports.values())
        other.send(ALICE, BOB, **HELLO)
        assert not lab.mailbox(BOB)
    assert lab.send(ALICE, BOB, **HELLO).delivered


def test_serving_twice_is_serving_once(lab, net) -> None:
    assert lab.serve() is net


def test_nothing_is_left_running(lab, net) -> None:
    ports = list(net.ports.values())
    clients = [socket.create_connection((HERE, net.ports[name]), 5) for name in ("smtp", "pop3", "imap")]
    net.close()
    for client in clients:
        client.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1000):
                pass
        client.close()
    for port in ports:
        with pytest.raises(OSError):
            socket.create_connection((HERE, port), 2).close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "mailedu"] == [
        "mailedu"
    ]  # one, and a daemon


def test_everything_listens_on_this_machine_only(lab, net) -> None:
    found = [listener for listener, _ in net.sockets.doors]
    assert len(found) > 20
    assert {listener.getsockname()[0] for listener in found} == {HERE}


@pytest.mark.parametrize("missing", ["thread", "socket"])
def test_where_no_thread_or_socket_can_be_had_it_says_so(lab, monkeypatch, missing) -> None:
    if missing == "thread":
        sockets.the_loop.cache_clear()

        def start(self):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)
    else:

        def bind(self, place):
            raise PermissionError("not allowed here")

        monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(LabError, match="in memory only"):
        lab.serve()
    monkeypatch.undo()
    sockets.the_loop.cache_clear()
    assert lab.history.sockets is None
    assert lab.send(ALICE, BOB, **HELLO).delivered


def test_rules_of_tls_failures_are_in_the_trace(lab, net) -> None:
    with socket.create_connection((HERE, net.ports["imaps"]), 10) as caller:
        caller.sendall(b"a LOGIN bob lab-bob\r\n")
        assert b"LOGIN" not in caller.recv(1000)
    net.settle()
    assert any(step.act.name == "imap.tls-failed" for step in lab.trace.only(Rule))


def test_our_queue_brings_a_letter_to_aiosmtpd_on_real_sockets_when_it_is_back() -> None:
    """Two recipients, two servers: one that we wrote refuses twice, one that we did not write is down for a while."""
    lab = Lab(seed=4, tls=False, opinions=False)
    lab.stop("mx.gamma.example")
    with lab.serve():
        mail = lab.send(ALICE, [CAROL, "450-once@beta.example"], subject="Hello", read=False)
        assert mail.delivered == () and len(lab.queue("mx.alpha.example")) == 2
        lab.start("mx.gamma.example")
        lab.clock.advance(minutes=16)
        assert set(mail.delivered) == {CAROL, "450-once@beta.example"} and not lab.queue("mx.alpha.example")
        assert any(b"aiosmtpd" in step.act.data for step in lab.trace.only(Hear))
        bounced = lab.send(ALICE, "nobody@gamma.example", notify="FAILURE", ret="HDRS", envid="E1", read=False)
    [report] = bounced.reports
    status = email.message_from_bytes(report, policy=email.policy.default)
    about, each = status.get_payload()[1].get_payload()
    assert about["Original-Envelope-Id"] == "E1" and about["Reporting-MTA"] == "dns; mx.alpha.example"
    assert (each["Action"], each["Status"][:1], each["Remote-MTA"]) == ("failed", "5", "dns; mx.gamma.example")
    assert each["Diagnostic-Code"].startswith("smtp; 550")
