"""The lab in memory: a whole journey, its tree, its verdicts, its time machine; and what users may do wrong."""

from __future__ import annotations

import inspect
import json
import re

import pytest

from mailedu import DnsTimeout, Lab, LabError, Trace, Zone, check_spf, evaluate_dmarc, verify_dkim
from mailedu.acts import Accept, Answer, Ask, Cipher, Close, Connect, Hear, Open, Rule, Say, Store
from mailedu.lab.stage import private_key, zone_text
from mailedu.message import Message

ALICE, BOB, CAROL, MALLORY = "alice@alpha.example", "bob@beta.example", "carol@gamma.example", "mallory@gamma.example"
HELLO = {"subject": "Hello", "text": "Hi Bob"}
FORGED = {"from_": ALICE, "client": "203.0.113.66", "subject": "Send money", "text": "Now."}


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1)


# -- one message travels


def test_the_whole_journey(lab) -> None:
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.verdict == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert mail.delivered == (BOB,)
    assert mail.reply.startswith("250 2.0.0")
    assert lab.mailbox(BOB) == [mail.message]
    assert mail.message.startswith(b"Return-Path: <alice@alpha.example>\r\nAuthentication-Results: mx.beta.example;")
    assert mail.message.count(b"\r\nReceived: ") == 2
    assert b"DKIM-Signature: " in mail.message
    assert mail.message.endswith(b"Hi Bob\r\n")
    assert not lab.queue("mx.alpha.example")


def test_each_station_of_the_journey_is_a_call_in_the_trace(lab) -> None:
    mail = lab.send(ALICE, BOB, **HELLO)
    calls = [step.act for step in mail.trace.only(Connect)]
    assert [(call.host, call.port) for call in calls] == [
        ("mx.alpha.example", 587),
        ("mx.beta.example", 25),
        ("imap.beta.example", 993),
        ("pop.beta.example", 995),
    ]
    assert [step.act.client for step in mail.trace.only(Accept)] == [
        "192.0.2.10",
        "192.0.2.25",
        "198.51.100.10",
        "198.51.100.10",
    ]
    titles = [step.act.title for step in mail.trace.only(Open)]
    assert [title for title in titles if title in ("SPF, HELO", "SPF, MAIL FROM", "DKIM", "DMARC")] == [
        "SPF, HELO",
        "SPF, MAIL FROM",
        "DKIM",
        "DMARC",
    ]
    boxes = [step.act.box for step in mail.trace.only(Store)]
    assert boxes == ["queue mx.alpha.example", BOB]


def test_passwords_cross_the_wire_only_under_tls(lab) -> None:
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.trace.only(Cipher)
    assert b"lab-bob" not in b"".join(step.act.data for step in mail.trace.only(Cipher))
    assert any(b"lab-bob" in step.act.data for step in mail.trace.only(Say))  # both ends know the plaintext


def test_the_journey_is_one_tree_and_every_open_is_closed(lab) -> None:
    trace = lab.send(ALICE, BOB, **HELLO).trace
    assert [step.actor for step in trace.under(None)] == [ALICE]
    assert len(list(trace.walk())) == len(trace)
    for step in trace.only(Open):
        assert isinstance(trace.under(step.number)[-1].act, Close), step


def test_libraries_that_we_did_not_write_agree(lab) -> None:
    mail = lab.send(ALICE, BOB, **HELLO)
    second = {
        step.act.because["method"]: step.act for step in mail.trace.only(Rule) if step.act.name == "mta.second-opinion"
    }
    assert {method: act.outcome for method, act in second.items()} == {"spf": "agrees", "dkim": "agrees"}
    assert second["spf"].because["theirs"] == "pass"


def test_same_seed_same_trace_and_json_keeps_all() -> None:
    one, two, other = (Lab(seed=seed) for seed in (1, 1, 2))
    for each in one, two, other:
        each.send(ALICE, BOB, **HELLO)
    assert one.trace == two.trace
    assert one.trace != other.trace
    assert Trace.from_json(one.trace.to_json()) == one.trace
    json.loads(one.trace.to_json())


def test_a_message_to_several_companies_and_one_s_own(lab) -> None:
    mail = lab.send(ALICE, [BOB, CAROL, "amir@alpha.example"], subject="All", text="Hello all")
    assert set(mail.delivered) == {BOB, CAROL, "amir@alpha.example"}


def test_reading_changes_nothing_and_can_be_left_out(lab) -> None:
    mail = lab.send(ALICE, BOB, **HELLO, read=False)
    assert len(mail.trace.only(Connect)) == 2
    imap = lab.imap(BOB)
    imap.send("a LOGIN bob lab-bob")
    assert "* SEARCH 1" in imap.send("b SELECT INBOX") + imap.send("c SEARCH UNSEEN")


# -- forgery


def test_forged_mail_is_refused_and_the_trace_says_where_and_why(lab) -> None:
    mail = lab.send(MALLORY, BOB, **FORGED)
    assert mail.reply.startswith("550 5.7.26")
    assert mail.refused == mail.reply
    assert not mail.delivered
    assert mail.verdict == {"spf": "pass", "dkim": "none", "dmarc": "fail"}
    rules = [step.act.name for step in mail.trace.only(Rule)]
    assert rules.index("dmarc.decide-reject") < rules.index("mta.dmarc-reject")
    assert not lab.mailbox(BOB)


def test_a_record_edited_changes_the_verdict(lab) -> None:
    lab.zone.edit("_dmarc.alpha.example", TXT="v=DMARC1; p=none")
    mail = lab.send(MALLORY, BOB, **FORGED)
    assert mail.verdict["dmarc"] == "fail"
    assert mail.delivered == (BOB,)


def test_quarantine_goes_into_junk(lab) -> None:
    lab.zone.edit("_dmarc.alpha.example", TXT="v=DMARC1; p=quarantine")
    mail = lab.send(MALLORY, BOB, **FORGED)
    assert mail.delivered == (f"{BOB}/Junk",)
    assert len(lab.mailbox(BOB, "Junk")) == 1
    assert not lab.mailbox(BOB)


def test_p_reject_alone_does_not_reject(lab) -> None:
    """RFC 9989 §7.4: where nothing else speaks against the message, it goes into Junk."""
    lab.zone.edit("66.113.0.203.in-addr.arpa", PTR="home.gamma.example.")
    lab.zone.edit("home.gamma.example", A="203.0.113.66")
    mail = lab.send(MALLORY, BOB, **FORGED)
    assert mail.verdict["dmarc"] == "fail"
    assert mail.delivered == (f"{BOB}/Junk",)


def test_results_that_bear_our_name_and_come_from_outside_are_removed(lab) -> None:
    forged = (
        b"Authentication-Results: mx.beta.example; dmarc=pass\r\nFrom: eve@nowhere.example\r\nSubject: x\r\n\r\nhi\r\n"
    )
    mail = lab.send("eve@nowhere.example", BOB, message=forged, client="203.0.113.66")
    assert mail.delivered
    assert mail.message.lower().count(b"authentication-results:") == 1
    assert b"dmarc=pass" not in mail.message


# -- faults


def test_a_dns_fault_reaches_every_evaluator(lab) -> None:
    lab.zone.fault("alpha.example", "TXT", DnsTimeout())
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.verdict["spf"] == "temperror"
    assert mail.verdict["dmarc"] == "pass"  # DKIM is enough


def test_mail_arrives_though_pop_and_imap_are_off(lab) -> None:
    for host in "pop.beta.example", "imap.beta.example":
        lab.stop(host)
    mail = lab.send(ALICE, BOB, **HELLO)
    assert mail.delivered == (BOB,)
    with pytest.raises(LabError, match="switched off"):
        lab.pop3(BOB)
    lab.start("pop.beta.example")
    assert lab.pop3(BOB).greeting.startswith("+OK")
    with pytest.raises(LabError, match="no host"):
        lab.stop("mx.nowhere.example")


def test_the_queue_waits_and_tries_again_on_the_lab_s_clock(lab) -> None:
    lab.stop("mx.beta.example")
    mail = lab.send(ALICE, BOB, **HELLO)
    assert not mail.delivered
    assert len(lab.queue("mx.alpha.example")) == 1
    lab.clock.advance(minutes=10)
    assert not mail.delivered
    lab.start("mx.beta.example")
    lab.clock.advance(minutes=10)
    assert mail.delivered == (BOB,)
    assert not lab.queue("mx.alpha.example")


def test_after_five_days_the_sender_is_told(lab) -> None:
    lab.stop("mx.beta.example")
    mail = lab.send(ALICE, BOB, **HELLO)
    lab.clock.advance(days=4, hours=23)
    assert not lab.mailbox(ALICE)
    lab.clock.advance(days=1)
    [bounce] = lab.mailbox(ALICE)
    assert b"Status: 5." in bounce
    assert BOB.encode() in bounce
    assert not mail.delivered
    assert not lab.queue("mx.alpha.example")


def test_an_unknown_user_bounces_and_no_bounce_bounces(lab) -> None:
    mail = lab.send(ALICE, "nobody@beta.example", **HELLO)
    [bounce] = lab.mailbox(ALICE)
    assert b"Status: 5.1.1" in bounce
    assert b"Return-Path: <>" in bounce
    assert not mail.delivered


def test_an_unknown_domain_bounces(lab) -> None:
    lab.send(ALICE, "bob@nowhere.example", **HELLO)
    [bounce] = lab.mailbox(ALICE)
    assert b"Status: 5.1.2" in bounce


# -- bad input


@pytest.mark.parametrize(
    "address", ["", "bob", "bob@", "@beta.example", "bob@beta.example\r\nRCPT TO:<x@y>", "a b@c", 7]
)
def test_what_is_no_address_is_said_so(lab, address) -> None:
    before = list(lab.inputs), len(lab.trace)
    with pytest.raises(LabError, match="is no mail address"):
        lab.send(ALICE, address, **HELLO)
    assert (list(lab.inputs), len(lab.trace)) == before


@pytest.mark.parametrize("sender", ["nobody@alpha.example", "alice@nowhere.example"])
def test_who_is_not_of_the_lab_cannot_log_in(lab, sender) -> None:
    with pytest.raises(LabError, match=re.escape("alice@alpha.example")):
        lab.send(sender, BOB, **HELLO)


EVIL = "X-Evil: 1"
BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\0\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\r\n.\r\nMAIL FROM:<x@y.example>\r\n",
]
HOSTILE = {  # argument of `send` -> how it carries what does not belong there
    "sender": lambda evil: {"sender": f"alice@alpha.example{evil}"},
    "recipients": lambda evil: {"recipients": f"bob@beta.example{evil}"},
    "subject": lambda evil: {"subject": f"Hello{evil}"},
    "text": lambda evil: {"text": f"Hello{evil}"},
    "from_": lambda evil: {"from_": f"alice@alpha.example{evil}"},
    "headers": lambda evil: {"headers": {"X-Own": f"own{evil}"}},
    "the name of a header": lambda evil: {"headers": {f"X-Own{evil}": "own"}},
    "a header that is there already": lambda evil: {"headers": {"To": f"bob@beta.example{evil}"}},
    "attachments": lambda evil: {"attachments": [(f"file.txt{evil}", b"octets")]},
    "message": lambda evil: {"message": f"Subject: Hello\r\n\r\nHello{evil}\r\n"},
    "client": lambda evil: {"client": f"192.0.2.25{evil}"},
    "helo": lambda evil: {"client": "192.0.2.25", "helo": f"mx.alpha.example{evil}"},
    "notify": lambda evil: {"notify": f"SUCCESS{evil}"},
    "ret": lambda evil: {"ret": f"FULL{evil}"},
    "envid": lambda evil: {"envid": f"mine{evil}"},
    "tls": lambda evil: {"tls": f"must{evil}"},
}


@pytest.mark.parametrize("argument", HOSTILE)
def test_neither_a_header_nor_a_command_gets_in_by_any_argument(argument) -> None:
    """It is refused in a sentence, or stays what it was: a piece of text, of a value, of a body."""
    for line_end in BREAKS:
        lab = Lab(seed=1, opinions=False)
        given = {"sender": ALICE, "recipients": BOB, **HOSTILE[argument](line_end + EVIL)}
        try:
            lab.send(given.pop("sender"), given.pop("recipients"), read=False, **given)
        except LabError as no:
            assert str(no).endswith(".") and "\n" not in str(no)
            assert not lab.trace and not lab.inputs, line_end
        for mail in lab.mailbox(BOB):
            assert "x-evil" not in [field.name.lower() for field in Message(mail).fields], line_end
        senders = [act.data for act in (step.act for step in lab.trace.only(Hear)) if act.data.startswith(b"MAIL ")]
        assert not [said for said in senders if b"x@y" in said], line_end


def test_every_argument_of_send_was_tried() -> None:
    known = {*inspect.signature(Lab.send).parameters} - {"self", "requiretls", "read"}  # those two are yes or no
    assert known <= HOSTILE.keys()


def test_no_recipient_and_no_injection(lab) -> None:
    with pytest.raises(LabError, match="at least one recipient"):
        lab.send(ALICE, [])
    with pytest.raises(LabError, match="Subject"):
        lab.send(ALICE, BOB, subject="Hello\r\nBcc: eve@gamma.example")
    with pytest.raises(LabError):
        lab.smtp("mx.nowhere.example")
    with pytest.raises(LabError):
        lab.pop3("nobody@beta.example")
    with pytest.raises(LabError):
        lab.password("nobody@beta.example")
    with pytest.raises(LabError):
        Lab(seed="one")
    with pytest.raises(LabError, match="bytes"):
        lab.verify_dkim(None)


@pytest.mark.parametrize(
    "message",
    [b"", b"\r\n", b"no header at all", b"From: alice@alpha.example\r\n\r\n", b"Subject: only\r\n"],
    ids=["empty", "blank line", "no header", "no body", "only a header"],
)
def test_odd_messages_are_delivered_or_refused_in_words(lab, message) -> None:
    mail = lab.send(ALICE, BOB, message=message)
    lab.clock.advance(days=6)
    assert mail.delivered or lab.mailbox(ALICE) or mail.refused
    assert not lab.queue("mx.alpha.example")


def test_a_binary_message_is_refused_in_words(lab) -> None:
    every_octet = bytes(range(256)) * 40
    with pytest.raises(LabError, match="stands alone"):
        lab.send(ALICE, BOB, message=every_octet)
    mail = lab.send(ALICE, BOB, message=b"Subject: x\r\n\r\n" + every_octet.replace(b"\r", b"").replace(b"\n", b"\r\n"))
    assert mail.delivered or mail.refused or lab.mailbox(ALICE)


def test_a_message_of_25_mb_travels_and_one_over_the_limit_is_refused() -> None:
    lab = Lab(seed=1, tls=False, opinions=False)
    line = b"x" * 76 + b"\r\n"
    head = b"From: alice@alpha.example\r\nSubject: big\r\n\r\n"
    mail = lab.send(ALICE, BOB, message=head + line * (25_000_000 // len(line)), read=False)
    assert mail.delivered == (BOB,)
    assert len(mail.message) > 25_000_000
    too_big = lab.send(ALICE, BOB, message=head + line * (36_000_000 // len(line)), read=False)
    assert too_big.refused.startswith("552")


def test_two_labs_at_once_know_nothing_of_each_other() -> None:
    one, two = Lab(seed=1), Lab(seed=1)
    one.send(ALICE, BOB, **HELLO)
    assert not two.mailbox(BOB)
    assert not len(two.trace)
    two.zone.edit("alpha.example", TXT="v=spf1 -all")
    assert one.check_spf(ip="192.0.2.25", helo="mx.alpha.example", mail_from=ALICE).result == "pass"


def test_a_cell_that_is_interrupted_is_as_if_never_run(lab, monkeypatch) -> None:
    lab.send(ALICE, BOB, **HELLO)
    before = len(lab.trace), len(lab.inputs)
    asked = lab.world.doing[Ask]

    def interrupted(part, step):
        raise KeyboardInterrupt

    lab.world.doing[Ask] = interrupted
    with pytest.raises(KeyboardInterrupt):
        lab.send(ALICE, BOB, **HELLO)
    assert (len(lab.trace), len(lab.inputs)) == before
    assert len(lab.mailbox(BOB)) == 1
    assert lab.send(ALICE, BOB, **HELLO).delivered
    assert asked is not None


def test_a_bug_in_a_machine_is_not_hidden(lab) -> None:
    class Broken:
        state = ""

        def session(self):
            yield Say(b"220 hello\r\n")
            raise ZeroDivisionError("a bug")

    lab.world.listeners["mx.beta.example", 25] = lambda client: Broken()
    with pytest.raises(ZeroDivisionError):
        lab.send(ALICE, BOB, **HELLO)


# -- the evaluators by themselves


def test_check_spf_has_two_results_and_a_trace(lab) -> None:
    found = lab.check_spf(ip="203.0.113.66", helo="mallory.example", mail_from=ALICE)
    assert (found.result, found.helo) == ("fail", "none")
    assert any(isinstance(step.act, Answer) for step in found.trace)
    assert "alpha.example" in repr(found)


def test_verify_dkim_and_evaluate_dmarc(lab) -> None:
    message = lab.send(ALICE, BOB, **HELLO).message
    [signature] = lab.verify_dkim(message)
    assert (signature.result, signature.domain, signature.selector) == ("pass", "alpha.example", "lab")
    assert not lab.verify_dkim(b"From: a@b.example\r\n\r\n")
    spoilt = lab.verify_dkim(message.replace(b"Hi Bob", b"Hi Eve"))
    assert spoilt[0].result == "fail"
    assert spoilt[0].reason
    found = lab.evaluate_dmarc(message, ip="192.0.2.25", helo="mx.alpha.example", mail_from=ALICE)
    assert (found.result, found.policy) == ("pass", "reject")
    forged = lab.evaluate_dmarc(b"From: alice@alpha.example\r\n\r\n", ip="203.0.113.66", helo="x.example", mail_from="")
    assert (forged.result, forged.disposition) == ("fail", "reject")


def test_the_evaluators_without_a_lab() -> None:
    zone = Zone('example.com. TXT "v=spf1 ip4:192.0.2.1 -all"')
    assert check_spf(ip="192.0.2.1", helo="x", mail_from="a@example.com", dns=zone).result == "pass"
    assert check_spf(ip="192.0.2.2", helo="x", mail_from="a@example.com", dns=lambda name, kind: []).result == "none"

    def silent(name, kind):
        raise DnsTimeout

    assert check_spf(ip="192.0.2.2", helo="x", mail_from="a@example.com", dns=silent).result == "temperror"
    assert not verify_dkim(b"\r\n", dns=zone)
    assert (
        evaluate_dmarc(b"From: a@example.com\r\n\r\n", ip="192.0.2.1", helo="x", mail_from="", dns=zone).result
        == "none"
    )
    with pytest.raises(LabError, match="dns="):
        check_spf(ip="192.0.2.1", helo="x", mail_from="", dns=None)


def test_stepping_stops_before_each_question(lab) -> None:
    steps = lab.step_spf(ip="192.0.2.25", helo="mx.alpha.example", mail_from=ALICE)
    for step in steps:
        if isinstance(step.act, Ask):
            break
    following = next(steps)
    assert isinstance(following.act, Answer)
    assert following.parent == step.number
    message = lab.send(ALICE, BOB, **HELLO).message
    assert len(list(lab.step_dkim(message))) > 5
    assert len(list(lab.step_dmarc(message, ip="192.0.2.25", helo="mx.alpha.example", mail_from=ALICE))) > 20


def test_a_send_can_be_stepped_and_is_the_same_send(lab) -> None:
    whole = Lab(seed=1)
    whole.send(ALICE, BOB, **HELLO)
    assert [step.act for step in lab.step_send(ALICE, BOB, **HELLO)] == [step.act for step in whole.trace]
    assert len(lab.mailbox(BOB)) == 1


def test_a_send_that_is_left_half_way_goes_on_with_the_next_thing(lab) -> None:
    steps = lab.step_send(ALICE, BOB, **HELLO)
    for _ in range(10):
        next(steps)
    assert not lab.mailbox(BOB)
    lab.clock.advance(minutes=1)
    assert len(lab.mailbox(BOB)) == 1


# -- the stage


def test_the_published_keys_are_those_that_sign() -> None:
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )

    zone = Zone(zone_text())
    for domain in ("alpha.example", "beta.example", "gamma.example"):
        key = private_key(domain)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        load_pem_private_key(pem, None)  # with the check of its numbers that the lab leaves out
        public = b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        [record] = zone(f"lab._domainkey.{domain}", "TXT")
        assert record == f"v=DKIM1; k=rsa; p={public}"


@pytest.mark.parametrize("sender, recipient", [(ALICE, CAROL), (BOB, ALICE), (CAROL, BOB)])
def test_everybody_can_write_to_everybody(lab, sender, recipient) -> None:
    mail = lab.send(sender, recipient, **HELLO)
    assert mail.delivered == (recipient,)
    assert mail.verdict == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


def test_more_people_work_there_and_stay_through_back_and_fork() -> None:
    lab = Lab(seed=1, staff={"beta.example": ["dora", "emil", "bob"]})
    assert lab.people.count(BOB) == 1
    assert lab.send(ALICE, "dora@beta.example", **HELLO).verdict["dmarc"] == "pass"
    assert lab.send("dora@beta.example", "emil@beta.example", **HELLO).delivered == ("emil@beta.example",)
    call = lab.smtp("mx.beta.example")
    call.send("EHLO eve.example")
    call.back()
    assert call.fork().lab.people == lab.people
    assert len(lab.mailbox("dora@beta.example")) == 1


def test_servers_can_be_set_otherwise_and_stay_so_through_back_and_fork() -> None:
    lab = Lab(seed=1, settings={"mx.beta.example": {"most_mails": 1, "size": 2000, "without": ["PIPELINING"]}})
    call = lab.smtp("mx.beta.example")
    for again in (call, call.fork()):
        offer = again.send("EHLO eve.example")
        assert "SIZE 2000" in offer and "MAILMAX=1" in offer and "PIPELINING" not in offer
        again.send("MAIL FROM:<>")
        again.back()
        again.send("MAIL FROM:<>")
        again.send("RSET")
        assert again.send("MAIL FROM:<>").startswith("421 4.3.2")
    assert "SIZE 35000000" in lab.smtp("mx.alpha.example").send("EHLO eve.example")


def test_a_mailbox_can_be_busy() -> None:
    lab = Lab(seed=1, settings={"mx.beta.example": {"busy": [BOB]}})
    mail = lab.send(ALICE, [BOB, "bella@beta.example"], **HELLO)
    assert mail.delivered == ("bella@beta.example",)
    assert len(lab.queue("mx.alpha.example")) == 1
    [no] = [step.act for step in mail.trace.only(Rule) if step.act.name == "mta.busy"]
    assert no.because == {"recipient": BOB}


@pytest.mark.parametrize(
    "given, told",
    [
        (dict(staff={"delta.example": ["dora"]}), "No company here"),
        (dict(staff={"beta.example": "dora"}), "as in staff="),
        (dict(staff={"beta.example": ["dora@beta.example"]}), "as in staff="),
        (dict(settings={"mx.delta.example": {}}), "no host"),
        (dict(settings={"mx.beta.example": {"colour": 1}}), "no setting 'colour'"),
        (dict(settings={"mx.beta.example": {"most_recipients": 5}}), "at least 100"),
        (dict(settings={"mx.beta.example": {"without": ["FROG"]}}), "No extension is called FROG"),
    ],
)
def test_a_lab_that_cannot_be_says_why(given, told) -> None:
    with pytest.raises(LabError, match=told):
        Lab(**given)


def test_addresses_may_be_written_in_capitals(lab) -> None:
    mail = lab.send("Alice@Alpha.Example", "BOB@Beta.Example", **HELLO)
    assert mail.delivered == (BOB,)
    assert mail.verdict == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


def test_a_call_may_come_from_an_ipv6_address(lab) -> None:
    mail = lab.send("eve@nowhere.example", BOB, client="2001:db8::66", **HELLO)
    assert mail.delivered == (BOB,)
    assert b"([IPv6:2001:db8::66])" in mail.message


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        (lambda lab: lab.send(ALICE, BOB, client="somewhere"), "no IP address"),
        (lambda lab: lab.smtp(client="somewhere"), "no IP address"),
        (lambda lab: lab.send(ALICE, BOB, text=7), "text is text"),
        (lambda lab: lab.send("", BOB, text="hi"), "client="),
        (lambda lab: lab.smtp(25), "Name a host"),
        (lambda lab: lab.clock.advance("5"), "numbers"),
        (lambda lab: lab.check_spf(ip="somewhere", mail_from=ALICE), "no IP address"),
    ],
)
def test_what_the_user_got_wrong_is_said_in_a_sentence(lab, wrong, sentence) -> None:
    before = list(lab.inputs)
    with pytest.raises(LabError, match=sentence):
        wrong(lab)
    assert lab.inputs == before
