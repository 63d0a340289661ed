"""The attacker on the wire: what he takes out, swaps and injects, in memory and on sockets; and what the ends do."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl

import pytest
from programs import run

from mailedu import Lab, LabError
from mailedu.acts import Hear, Rule, Say
from mailedu.lab.attacker import HIS_CERTIFICATES
from mailedu.net.tls import client_context
from mailedu.views.score import score

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
HELLO = {"subject": "Lunch", "text": "At noon?", "read": False}
SUBMISSION, MX = "mx.alpha.example", "mx.beta.example"


@pytest.fixture
def lab():
    with Lab(seed=5, opinions=False) as lab:
        yield lab


def rules(lab: Lab, actor: str = "") -> list[str]:
    return [step.act.name for step in lab.trace.only(Rule) if step.actor == actor or not actor]


def acts_of(lab: Lab) -> list[tuple[str, str]]:
    """What the attacker did, as (rule, outcome)."""
    return [(step.act.name, step.act.outcome) for step in lab.trace.only(Rule) if step.actor == "attacker"]


# -- strip


def test_a_strict_client_refuses_and_says_nothing_more(lab) -> None:
    lab.attacker.strip_offer("STARTTLS", host=SUBMISSION)
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.reply.startswith("454 4.7.10 the server offers no STARTTLS")
    assert not mail.delivered and lab.tap(SUBMISSION).passwords == []
    assert acts_of(lab) == [("lab.attack-strip", "stripped")]


def test_an_opportunistic_client_falls(lab) -> None:
    lab.attacker.strip_offer("STARTTLS", host=MX)
    mail = lab.send(ALICE, BOB, **HELLO)
    rows = lab.tap(MX).rows
    assert mail.delivered == (BOB,)
    assert not any(row.sealed for row in rows)
    assert any(row.wire and b"At noon?" in row.wire for row in rows)


def test_the_list_still_looks_right_when_its_last_line_is_taken(lab) -> None:
    """The last line of a reply has a blank where the others have a hyphen (RFC 5321 §4.2.1)."""
    gone = ["8BITMIME", "CHUNKING", "SMTPUTF8", "ENHANCEDSTATUSCODES", "PIPELINING", "DSN", "SIZE", "LIMITS", "EXPN"]
    lab.configure(MX, without=[word for word in gone if word not in ("LIMITS", "EXPN")])
    lab.attacker.strip_offer("HELP", "ETRN", "EXPN", "LIMITS")
    call = lab.smtp(MX)
    lines = call.send("EHLO c.example").split("\n")
    assert lines[-1] == "250 STARTTLS" and all(line.startswith("250-") for line in lines[:-1])
    lab.attacker.strip_offer("STARTTLS")
    lines = lab.smtp(MX).send("EHLO c.example").split("\n")
    assert lines == ["250 mx.beta.example greets c.example"]


def test_pop3_and_imap_offer_no_tls_any_more(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    pop, imap = lab.pop3(BOB), lab.imap(BOB)
    capa = pop.send("CAPA").split("\n")
    assert capa[0].startswith("+OK") and capa[-1] == "." and "UIDL" in capa and "STLS" not in capa
    assert "STARTTLS" not in imap.greeting and "[CAPABILITY IMAP4rev1" in imap.greeting
    told = imap.send("a CAPABILITY")
    assert told.startswith("* CAPABILITY IMAP4rev1") and "STARTTLS" not in told and "AUTH=PLAIN" in told
    assert "STARTTLS" in Lab(seed=5).imap(BOB).send("a CAPABILITY")


def test_only_lists_are_changed(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    assert "STARTTLS" in lab.smtp(MX).send("HELP STARTTLS")
    pop = lab.pop3(BOB)
    pop.send("CAPA")
    assert pop.send("STLS").startswith("+OK")


# -- ways to log in


def test_a_client_that_would_prove_it_knows_the_password_is_brought_to_show_it(lab) -> None:
    lab.attacker.strip_auth(host=SUBMISSION)
    assert "250-AUTH PLAIN LOGIN" in lab.smtp("submission").send("EHLO c.example").split("\n")
    pop, imap = lab.pop3("alice@alpha.example"), lab.imap("alice@alpha.example")
    assert "SASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN" in pop.send("CAPA")
    lab.attacker.strip_auth("PLAIN")
    assert "SASL PLAIN" in lab.pop3(ALICE).send("CAPA").split("\n")
    ways = [word for word in lab.imap(ALICE).send("a CAPABILITY").split() if word.startswith("AUTH=")]
    assert ways == ["AUTH=PLAIN"] and "AUTH=CRAM-MD5" in imap.send("a CAPABILITY")


def test_no_way_at_all(lab) -> None:
    lab.attacker.strip_auth("EXTERNAL")
    assert "AUTH" not in lab.smtp("submission").send("EHLO c.example")


# -- another certificate


@pytest.mark.parametrize("certificate", HIS_CERTIFICATES)
def test_who_verifies_does_not_talk_to_him(lab, certificate) -> None:
    lab.attacker.swap_certificate(certificate, host=SUBMISSION)
    mail = lab.send(ALICE, BOB, **HELLO)
    assert "certificate was not accepted" in mail.reply
    assert [name for name, _ in acts_of(lab)] == ["lab.attack-swap", "lab.attack-noticed"]
    assert not mail.delivered and b"lab-alice" not in b"".join(step.act.data for step in lab.trace.only(Hear))


@pytest.mark.parametrize(("tls", "read"), [("may", True), ("must", True), ("verify", False)])
def test_who_takes_any_certificate_encrypts_for_him(lab, tls, read) -> None:
    lab.configure(SUBMISSION, tls=tls)
    lab.attacker.swap_certificate(host=MX)
    mail = lab.send(ALICE, BOB, **HELLO)
    rows = lab.tap(MX).rows
    assert bool(mail.delivered) is read
    assert any(row.read and b"At noon?" in row.read for row in rows) is read
    assert all(row.sealed for row in rows if row.wire and b"MAIL FROM" in row.wire)


def test_implicit_tls_meets_him_in_the_first_octet(lab) -> None:
    lab.attacker.swap_certificate("self-signed")
    call = lab.smtp("submissions")
    assert call.greeting == "" and "not accepted" in call.line.wire.tls.why
    assert acts_of(lab)[0] == ("lab.attack-swap", "swapped")


# -- commands behind STARTTLS


def test_what_comes_behind_starttls_is_forgotten(lab) -> None:
    lab.attacker.inject(host=SUBMISSION)
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.delivered == (BOB,) and lab.mailbox("mallory@gamma.example") == []
    assert acts_of(lab) == [("lab.attack-inject", "injected")]


def test_the_bug_of_2011_sends_password_and_letter_to_mallory(lab) -> None:
    """And the client hears nothing wrong: each of its commands finds a reply that fits."""
    lab.configure(SUBMISSION, keeps_plaintext=True)
    lab.attacker.inject(host=SUBMISSION)
    mail = lab.send(ALICE, BOB, **HELLO)
    [stolen] = lab.mailbox("mallory@gamma.example")
    assert b"AUTH PLAIN AGFsaWNlQGFscGhhLmV4YW1wbGUAbGFiLWFsaWNl" in stolen and b"At noon?" in stolen
    assert mail.reply == "250 2.0.0 queued" and lab.mailbox(BOB) == []
    assert "smtp.keeps-plaintext" in rules(lab, SUBMISSION)


@pytest.mark.parametrize("buggy", [False, True])
def test_the_same_for_pop3_and_imap(lab, buggy) -> None:
    for host in ("pop.beta.example", "imap.beta.example"):
        lab.configure(host, keeps_plaintext=buggy)
    lab.attacker.inject(b"NOOP\r\n", host="pop.beta.example")
    lab.attacker.inject(b"evil NOOP\r\n", host="imap.beta.example")
    pop, imap = lab.pop3(BOB), lab.imap(BOB)
    assert pop.send("STLS").startswith("+OK") and imap.send("a STARTTLS").startswith("a OK")
    first = pop.starttls(), imap.starttls()
    assert (first[0].startswith("-ERR"), "evil OK" in first[1]) == (buggy, buggy)
    assert ("pop3.keeps-plaintext" in rules(lab)) is buggy and ("imap.keeps-plaintext" in rules(lab)) is buggy
    assert pop.send("USER bob").startswith("+OK") and "b OK" in imap.send("b NOOP")


# -- an input of the lab


def test_it_can_be_done_again_and_forked(lab) -> None:
    call = lab.smtp(MX)
    lab.attacker.strip_offer("STARTTLS")
    lab.attacker.swap_certificate("expired", host="mx.beta.example:25")
    again = lab.smtp(MX)
    again.send("EHLO c.example")
    other = again.fork()
    assert list(other.lab.attacker) == list(lab.attacker) and other.lab.trace == lab.trace
    again.back(to=0)
    assert "STARTTLS" not in again.send("EHLO c.example") and "STARTTLS" in call.send("EHLO c.example")
    lab.attacker.stop()
    assert not lab.attacker and "STARTTLS" in lab.smtp(MX).send("EHLO c.example")
    assert repr(lab.attacker) == "nobody is on the wire"


def test_what_he_does_can_be_listed(lab) -> None:
    lab.attacker.strip_offer("starttls", host=MX)
    lab.attacker.strip_auth()
    lab.attacker.swap_certificate()
    lab.attacker.inject(b"NOOP\r\n")
    assert repr(lab.attacker).split("\n") == [
        "takes STARTTLS out of the replies of mx.beta.example",
        "leaves only PLAIN, LOGIN of the ways to log in",
        "shows a certificate of his own (wrong name) instead of that of the server",
        "says 6 octets of his own behind STARTTLS",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda attacker: attacker.strip_offer(),
        lambda attacker: attacker.strip_offer("START TLS"),
        lambda attacker: attacker.strip_offer("STARTTLS", host="mx.delta.example"),
        lambda attacker: attacker.swap_certificate("good"),
        lambda attacker: attacker.inject("NOOP"),
        lambda attacker: attacker.inject(b"NOOP"),
    ],
)
def test_what_cannot_be_asked_of_him(lab, wrong) -> None:
    with pytest.raises(LabError):
        wrong(lab.attacker)
    assert lab.inputs == []


def test_a_replay_of_a_call_from_outside_meets_no_attacker(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    with lab.serve() as net, smtplib.SMTP("127.0.0.1", net.ports["smtp"]) as client:
        client.ehlo("c.example")
        assert not client.has_extn("STARTTLS")
    replayed = lab.replay("mx.beta.example:25/1")
    assert "STARTTLS" in replayed.exchanges[1][1], "it shows what the server said"


# -- both worlds, and clients that we did not write


@pytest.mark.parametrize("attack", ["strip", "swap", "inject"])
def test_in_memory_and_on_sockets_the_story_is_the_same(attack) -> None:
    told = []
    for serves in (False, True):
        with Lab(seed=5, opinions=False) as lab:
            match attack:
                case "strip":
                    lab.attacker.strip_offer("STARTTLS", host=MX)
                case "swap":
                    lab.attacker.swap_certificate(host=MX)
                case _:
                    lab.configure(SUBMISSION, keeps_plaintext=True)
                    lab.attacker.inject(b"NOOP\r\n", host=SUBMISSION)
            if serves:
                lab.serve()
            lab.send(ALICE, BOB, **HELLO)
            told.append(lab.trace.story())
    assert told[0] == told[1] and any(actor == "attacker" for _, actor in told[0])


def test_smtplib_falls_or_does_not(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    lab.attacker.strip_auth()
    net = lab.serve()
    with smtplib.SMTP("127.0.0.1", net.ports["submission"]) as client:
        client.ehlo("c.example")
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls(context=client_context())
        client.login("alice", "lab-alice")  # what a careless program does then
    assert any("lab-alice" in word for word in lab.tap("mx.alpha.example:587").passwords)


def test_poplib_and_imaplib_are_told_that_there_is_no_tls(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    net = lab.serve()
    pop = poplib.POP3("127.0.0.1", net.ports["pop3"])
    with pytest.raises(poplib.error_proto, match="STLS not supported"):
        pop.stls(client_context())
    pop.quit()
    with imaplib.IMAP4("127.0.0.1", net.ports["imap"]) as imap, pytest.raises(imaplib.IMAP4.abort, match="TLS not"):
        imap.starttls(client_context())


def test_swapped_on_real_sockets(lab) -> None:
    lab.attacker.swap_certificate("unknown CA")
    net = lab.serve()
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL("127.0.0.1", net.ports["submissions"], context=client_context())
    with smtplib.SMTP_SSL("127.0.0.1", net.ports["submissions"], context=client_context("any")) as client:
        client.ehlo()
        client.user, client.password = "alice", "lab-alice"
        assert client.auth("PLAIN", client.auth_plain)[0] == 235
    net.settle()
    read = [step.act.data for step in lab.trace.only(Hear) if step.actor == "attacker"]
    assert any(b"AUTH" in data for data in read)
    assert any("lab-alice" in word for word in lab.tap("mx.alpha.example:465").passwords)


@pytest.mark.parametrize(("port", "starttls"), [("submission", "smtp"), ("pop3", "pop3"), ("imap", "imap")])
def test_openssl_sees_through_him(lab, tmp_path, port, starttls) -> None:
    net = lab.serve()
    ca = net.write_ca(tmp_path / "ca.pem")
    options = ["-connect", f"127.0.0.1:{net.ports[port]}", "-CAfile", ca, "-verify_return_error", "-starttls", starttls]
    assert run("openssl", "s_client", *options, said="").returncode == 0
    lab.attacker.swap_certificate("unknown CA")
    done = run("openssl", "s_client", *options, said="")
    assert done.returncode != 0 and "verify error" in done.stderr


def test_swaks_must_have_tls(lab) -> None:
    lab.attacker.strip_offer("STARTTLS")
    net = lab.serve()
    common = ["--server", "127.0.0.1", "--port", net.ports["smtp"], "--from", ALICE, "--to", BOB, "--helo", "c.example"]
    assert run("swaks", *common, "-tls").returncode != 0
    assert run("swaks", *common, "-tlso").returncode == 0, "opportunistic: it goes on without"


# -- how it is shown


def test_he_has_a_lane_and_a_letter(lab) -> None:
    lab.attacker.strip_offer("STARTTLS", host=SUBMISSION)
    mail = lab.send(ALICE, BOB, **HELLO)
    text = str(mail)
    assert "stripped: The attacker takes STARTTLS out" in text
    changed = [line.strip() for line in text.split("\n") if line.strip().startswith("A: ")]
    assert changed[0] == "A: 250-mx.alpha.example greets laptop.alpha.example" and "A: 250-STARTTLS" not in changed
    assert "attacker" in [lane["id"] for lane in score(mail.trace, {}, {})["lanes"]]
    assert mail.to_html() and "attacker" in mail.picture()


def test_three_columns(lab) -> None:
    lab.attacker.strip_offer("STARTTLS", host=SUBMISSION)
    lab.send(ALICE, BOB, **HELLO)
    text = str(lab.tap())
    assert text.startswith("alice@alpha.example") and "! The attacker takes STARTTLS" in text
    assert all(len(line) <= 99 for line in text.split("\n"))
    row = next(row for row in lab.tap().rows if row.did)
    assert row.said and row.heard and b"STARTTLS" in row.said and b"STARTTLS" not in row.heard
    assert [act.data for act in (step.act for step in lab.trace.only(Say)) if b"STARTTLS" in act.data] == [row.said]
