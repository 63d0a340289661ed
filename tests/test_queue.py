"""The queue: what is tried when, what is given up, who is told; by itself, and in the lab with hosts that fail."""

from __future__ import annotations

import email
import email.policy
from itertools import pairwise

import pytest
from mta_stage import ALICE, BOB, CAROL, house, perform, rules

from mailedu import DnsTimeout, Lab, LabError
from mailedu.acts import Accept, Ask, Connect, Flag, Hear, Open, Remove, Rule, Say, Store, Wait
from mailedu.message import Message
from mailedu.mta import Setup, relay, schedule
from mailedu.mta.attempt import Said, Tried, as_reply
from mailedu.mta.entry import Entry
from mailedu.mta.house import DAY, HOUR, MINUTE
from mailedu.mta.queue import pause
from mailedu.net.drive import World

AMIR, BELLA = "amir@alpha.example", "bella@beta.example"
ALPHA, BETA, GAMMA = (f"mx.{name}.example" for name in ("alpha", "beta", "gamma"))


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1, tls=False, opinions=False)


def attempts(lab: Lab, domain: str = "beta.example") -> list[float]:
    """When, in minutes, a delivery to a domain was tried."""
    opens = [step for step in lab.trace.only(Open) if step.act.title == f"delivery to {domain}"]
    return [step.at / 60 for step in opens]


def reports(lab: Lab, address: str = ALICE) -> list:
    """The reports in a mailbox: the fields of their status parts."""
    found = []
    for data in lab.mailbox(address):
        message = email.message_from_bytes(data, policy=email.policy.default)
        if message.get_content_type() == "multipart/report":
            found += message.get_payload(1).get_payload()[1:]
    return found


def actions(lab: Lab, address: str = ALICE) -> list[tuple[str, str]]:
    return [(one["Final-Recipient"].partition("; ")[2], one["Action"]) for one in reports(lab, address)]


def applied(lab: Lab, name: str) -> list[Rule]:
    return [step.act for step in lab.trace.only(Rule) if step.act.name == name]


# -- when


def test_the_schedule_backs_off_and_ends_after_five_days() -> None:
    when = list(schedule(Setup()))
    assert when[:8] == [
        0,
        15 * MINUTE,
        45 * MINUTE,
        105 * MINUTE,
        225 * MINUTE,
        465 * MINUTE,
        945 * MINUTE,
        1425 * MINUTE,
    ]
    assert when[-1] == 5 * DAY
    pauses = [after - before for before, after in pairwise(when)]
    assert pauses[:-1] == sorted(pauses[:-1]) and max(pauses) == 8 * HOUR
    assert len(when) == 21


def test_the_schedule_can_be_set_up_otherwise() -> None:
    """RFC 5321 §4.5.4.1: it must be."""
    setup = Setup().changed(first_pause=60, longest_pause=120, gives_up_after=600)
    assert list(schedule(setup)) == [0, 60, 180, 300, 420, 540, 600]
    assert pause(setup, 590) == 10


def test_the_queue_keeps_to_its_schedule(lab) -> None:
    lab.stop(BETA)
    lab.send(ALICE, BOB)
    lab.clock.advance(days=6)
    assert attempts(lab) == [seconds / 60 for seconds in schedule(Setup())]
    later = applied(lab, "mta.later")
    assert [rule.because["minutes"] for rule in later[:5]] == ["15", "30", "60", "120", "240"]
    assert actions(lab) == [(BOB, "failed")]
    assert not lab.queue(ALPHA)


def test_deadlines_come_in_their_order_and_none_is_lost() -> None:
    """The driver's heap: parts that wait longer, shorter, end, or are woken before."""
    world, woken = World(lambda name, kind: ()), []

    def sleeper(number: int):
        for turn in range(5):
            yield Wait((number * 7919 + turn * 31) % 97 + 0.5)
            woken.append((world.clock.now, number))

    for number in range(300):
        world.start(sleeper(number), f"p{number}")
    world.run()
    world.clock.advance(1000)
    assert len(woken) == 1500
    assert woken == sorted(woken)  # in time, and at one time in the order in which they began
    assert len(world.alarms) <= 64 and world.next_due() is None


# -- one message, by itself


def test_relay_removes_what_it_is_done_with_and_tells_the_postmaster_of_a_bounce_s_bounce() -> None:
    acts = relay(house(ALPHA), 7, b"From: a\r\n\r\n", Entry("", ("bob@nowhere.example",), 0.0).note())
    value, done = perform(acts)
    assert value == "bounced"
    assert done[-1] == Remove(f"queue {ALPHA}", (7,))
    assert rules(done) == ["mta.no-domain", "mta.no-bounce-for-bounce"]
    assert [act.box for act in done if isinstance(act, Store)] == ["postmaster@alpha.example"]


def test_what_is_done_stands_in_the_flags_and_is_not_done_again() -> None:
    note = Entry(ALICE, ("a@nowhere.example", "b@nowhere.example"), 0.0).note()
    _, done = perform(relay(house(ALPHA), 7, b"\r\n", note, {"done-1"}))
    [report] = [act for act in done if isinstance(act, Store)]
    assert b"b@nowhere.example" in report.message and b"a@nowhere" not in report.message


@pytest.mark.parametrize(
    "replies, told",
    [
        ([], "delivered"),
        (["250 ok"], "delivered"),
        (["250 ok", "450 later"], "450 later"),
        (["450 later", "550 no"], "550 no"),
        (["354 what", "250 ok"], "354 what"),
    ],
)
def test_an_attempt_is_told_by_the_worst_of_it(replies, told) -> None:
    tried = Tried()
    for number, reply in enumerate(replies):
        tried.put(f"{number}@x.example", Said(reply))
    assert tried.told() == told


def test_every_trouble_is_a_reply_that_says_try_again() -> None:
    from mailedu.acts import Hungup, NXDomain, Quiet, TlsFailed, Unreachable

    for trouble in (DnsTimeout(), Hungup(), Quiet(), TlsFailed("x"), Unreachable("x"), NXDomain("x")):
        assert as_reply(trouble, "mx.x.example").startswith(("450 4.4.", "451 4.4."))


# -- a line that breaks at each point of the dialogue

POINTS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("how", ["disconnect", "silence"])
def test_a_line_that_breaks_before_the_message_is_taken_costs_time_and_nothing_else(lab, point, how) -> None:
    getattr(lab.faults, how)(f"{BETA}:25", point, attempts=1)
    mail = lab.send(ALICE, BOB, read=False)
    lab.clock.advance(minutes=14)
    assert not mail.delivered and len(lab.queue(ALPHA)) == 1
    lab.clock.advance(minutes=25)  # who waits for a reply to the end of a message is patient: 10 minutes
    assert len(lab.mailbox(BOB)) == 1
    assert not lab.queue(ALPHA) and not reports(lab)


@pytest.mark.parametrize("how", ["disconnect", "silence"])
def test_a_250_that_is_lost_brings_the_message_twice(lab, how) -> None:
    """RFC 1047: the one case in which a queue doubles mail."""
    getattr(lab.faults, how)(f"{BETA}:25", ".", after=True, attempts=1)
    lab.send(ALICE, BOB, read=False)
    lab.clock.advance(hours=1)
    one, two = lab.mailbox(BOB)
    assert Message(one).first("Message-ID").value == Message(two).first("Message-ID").value
    assert not lab.queue(ALPHA) and not reports(lab)


@pytest.mark.parametrize("point", ["QUIT"])
def test_a_line_that_breaks_after_the_250_changes_nothing(lab, point) -> None:
    lab.faults.disconnect(f"{BETA}:25", point)
    mail = lab.send(ALICE, BOB, read=False)
    lab.clock.advance(days=6)
    assert mail.delivered == (BOB,) and len(lab.mailbox(BOB)) == 1 and not reports(lab)


def test_under_tls_too() -> None:
    lab = Lab(seed=1, opinions=False)
    for point in ("STARTTLS", "MAIL"):
        lab.faults.disconnect(f"{BETA}:25", point, attempts=1)
    mail = lab.send(ALICE, BOB, read=False)
    lab.clock.advance(hours=1)
    assert mail.delivered == (BOB,) and attempts(lab) == [0, 15, 45]


# -- what each recipient is told


def test_of_three_recipients_one_is_deferred_and_one_refused(lab) -> None:
    lab.faults.error(BETA, "RCPT", "450 4.2.1 later", attempts=2, recipient=BELLA)
    mail = lab.send(ALICE, [BOB, BELLA, "nobody@beta.example"], read=False)
    assert mail.delivered == (BOB,)
    assert [step.act for step in lab.trace.only(Flag) if "queue" in step.act.box] == [
        Flag(f"queue {ALPHA}", (1,), "+", ("done-1", "done-3"))
    ]
    assert actions(lab) == [("nobody@beta.example", "failed")]
    lab.clock.advance(hours=1)
    assert mail.delivered == (BOB, BELLA)
    assert len(lab.mailbox(BOB)) == len(lab.mailbox(BELLA)) == 1
    asked = [step.act.data for step in lab.trace.only(Say) if step.act.data.startswith(b"RCPT TO:<bob@")]
    assert len(asked) == 2  # alice's laptop and alpha's queue, once each
    assert len(reports(lab)) == 1


def test_a_4_is_tried_again_and_a_5_is_not(lab) -> None:
    lab.send(ALICE, "450@beta.example")
    lab.send(AMIR, "552@beta.example")
    assert actions(lab, AMIR) == [("552@beta.example", "failed")]
    [told] = reports(lab, AMIR)
    assert (told["Status"], told["Remote-MTA"]) == ("5.2.2", f"dns; {BETA}")
    assert told["Diagnostic-Code"] == "smtp; 552 5.2.2 this mailbox is full"
    lab.clock.advance(days=5)
    assert actions(lab) == [("450@beta.example", "failed")]
    assert reports(lab)[0]["Status"] == "5.2.1"
    assert len(attempts(lab)) == 22


def test_a_stranger_is_greylisted_and_comes_again(lab) -> None:
    lab.configure(BETA, greylist=600)
    mail = lab.send(ALICE, BOB, read=False)
    lab.clock.advance(minutes=20)
    assert mail.delivered == (BOB,) and attempts(lab) == [0, 15]
    again = lab.send(ALICE, BOB, read=False)
    assert again.delivered == (BOB,)  # known by now
    assert lab.send(AMIR, BOB, read=False).delivered == ()


# -- where it goes


def test_when_all_hosts_are_down_it_waits(lab) -> None:
    lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
    lab.stop(BETA), lab.stop(GAMMA)
    mail = lab.send(ALICE, BOB, read=False)
    tried = [rule.because["host"] for rule in applied(lab, "mta.no-answer")]
    assert tried == [BETA, GAMMA] and not mail.delivered
    lab.start(BETA)
    lab.clock.advance(minutes=15)
    assert mail.delivered == (BOB,)


def test_a_backup_mx_keeps_the_mail_and_brings_it_back(lab) -> None:
    lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
    lab.configure(GAMMA, backup_for=["beta.example"])
    lab.stop(BETA)
    mail = lab.send(ALICE, BOB, read=False)
    assert not lab.queue(ALPHA) and len(lab.queue(GAMMA)) == 1
    assert not mail.delivered and applied(lab, "mta.better-than-me")
    lab.start(BETA)
    lab.clock.advance(minutes=15)
    assert mail.delivered == (BOB,) and not lab.queue(GAMMA)
    hops = Message(lab.mailbox(BOB)[0]).all("Received")
    assert [field.text.split(" by ")[1].split()[0] for field in hops] == [BETA, GAMMA, ALPHA]
    assert mail.verdict == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}


def test_a_backup_that_does_not_know_who_lives_there_owes_the_bounce(lab) -> None:
    lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
    lab.configure(GAMMA, backup_for=["beta.example"])
    lab.stop(BETA)
    lab.send(ALICE, "nobody@beta.example")
    lab.start(BETA)
    lab.clock.advance(minutes=15)
    [bounce] = lab.mailbox(ALICE)
    assert b"Reporting-MTA: dns; mx.gamma.example" in bounce and actions(lab) == [("nobody@beta.example", "failed")]


def test_an_open_relay_serves_anybody_until_it_is_closed(lab) -> None:
    lab.configure(BETA, open_relay=True)
    smtp = lab.smtp(BETA)
    for line in ("EHLO x.example", "MAIL FROM:<eve@x.example>"):
        smtp.send(line)
    assert smtp.send(f"RCPT TO:<{CAROL}>").startswith("250")
    assert smtp.send("DATA").startswith("354")
    assert smtp.send(b"From: eve@x.example\r\n\r\nspam\r\n.\r\n").startswith("250")
    assert len(lab.mailbox(CAROL)) == 1
    smtp.back(to=2)
    assert smtp.send(f"RCPT TO:<{CAROL}>").startswith("250")
    lab.configure(BETA, open_relay=False)
    assert smtp.send(f"RCPT TO:<{CAROL}>").startswith("550 5.7.1")


def test_the_switch_is_an_input_and_so_it_is_replayed(lab) -> None:
    lab.configure(BETA, open_relay=True)
    smtp = lab.smtp(BETA)
    for line in ("EHLO x.example", "MAIL FROM:<eve@x.example>"):
        smtp.send(line)
    lab.configure(BETA, open_relay=False)
    before = smtp.fork(at=2)
    assert before.send(f"RCPT TO:<{CAROL}>").startswith("250")
    assert smtp.send(f"RCPT TO:<{CAROL}>").startswith("550")
    assert smtp.fork().exchanges[-1][1].startswith("550")


def test_a_vendor_s_relay_sends_for_its_customers(lab) -> None:
    """The other meaning of the word: a submission service with a log-in, on port 2525."""
    lab.configure(ALPHA, via="mx.gamma.example:2525")
    mail = lab.send(ALICE, BOB, read=False)
    assert mail.delivered == (BOB,)
    calls = [(step.act.host, step.act.port) for step in mail.trace.only(Connect)]
    assert calls == [(ALPHA, 587), (GAMMA, 2525), (BETA, 25)]
    assert mail.verdict == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}  # alpha's SPF record does not know it
    lab.zone.edit("alpha.example", TXT="v=spf1 include:_spf.alpha.example ip4:203.0.113.25 -all")
    assert lab.send(ALICE, BOB, read=False).verdict["spf"] == "pass"
    assert lab.send(ALICE, AMIR, read=False).delivered == (AMIR,)


def test_without_an_mx_record_the_domain_s_own_host_is_called(lab) -> None:
    lab.zone.edit("beta.example", MX=None, A="198.51.100.25")
    mail = lab.send(ALICE, BOB, read=False)
    assert mail.delivered == (BOB,) and applied(lab, "mta.implicit-mx")
    assert any(step.actor == BETA for step in mail.trace.only(Accept))


@pytest.mark.parametrize("target", ["A", "CNAME"])
def test_a_host_is_found_by_its_address_whatever_its_name(lab, target) -> None:
    record = {"A": "198.51.100.25"} if target == "A" else {"CNAME": "mx.beta.example."}
    lab.zone.edit("mail.beta.example", **record)
    lab.zone.edit("beta.example", MX="10 mail.beta.example.")
    assert lab.send(ALICE, BOB, read=False).delivered == (BOB,)


def test_a_wrong_address_leads_to_another_host(lab) -> None:
    lab.zone.edit("mx.beta.example", A="203.0.113.25")
    lab.send(ALICE, BOB, read=False)
    [told] = reports(lab)
    assert told["Diagnostic-Code"].startswith("smtp; 550 5.7.1") and told["Remote-MTA"] == f"dns; {BETA}"
    lab.zone.edit("mx.beta.example", A="203.0.113.99")
    lab.send(ALICE, BOB, read=False)
    assert len(lab.queue(ALPHA)) == 1  # nobody has that address; who knows, tomorrow


def test_an_address_literal_needs_no_dns(lab) -> None:
    mail = lab.send(ALICE, "bob@[198.51.100.25]", read=False)
    assert lab.mailbox(BOB) and not reports(lab)
    assert not [step for step in mail.trace if getattr(step.act, "name", "") == "[198.51.100.25]"]


@pytest.mark.parametrize(
    "records, status",
    [
        ({"MX": "0 ."}, "5.1.10"),
        ({"MX": "10 nothing.beta.example."}, "5.4.4"),
        ({"MX": None}, "5.4.4"),
        ({"MX": "10 mx.alpha.example."}, "5.4.6"),
        ({"MX": "10 alias.alpha.example."}, "5.4.6"),
    ],
)
def test_a_way_that_leads_nowhere_bounces_at_once(lab, records, status) -> None:
    lab.zone.edit("alias.alpha.example", CNAME="mx.alpha.example.")
    lab.zone.edit("beta.example", **records)
    lab.send(ALICE, BOB, read=False)
    [told] = reports(lab)
    assert (told["Status"], told["Action"], told["Remote-MTA"]) == (status, "failed", None)


def test_a_domain_with_a_hundred_mail_exchangers_costs_no_more_than_ten(lab) -> None:
    lab.zone.edit("beta.example", MX=[f"{number} h{number}.beta.example." for number in range(100)])
    for number in range(100):
        lab.zone.edit(f"h{number}.beta.example", A="198.51.100.99")
    lab.send(ALICE, BOB, read=False)
    assert len(applied(lab, "mta.no-answer")) == 10
    assert len(lab.queue(ALPHA)) == 1


@pytest.mark.parametrize("how", ["timeout", "servfail", "lame", "truncated"])
def test_a_dns_that_fails_is_no_reason_to_give_up(lab, how) -> None:
    lab.faults.dns("beta.example", "MX", how)
    mail = lab.send(ALICE, BOB, read=False)
    [rule] = applied(lab, "lab.dns-fault")
    assert rule.because["name"] == "beta.example"
    assert len(lab.queue(ALPHA)) == 1
    lab.faults.clear()
    lab.clock.advance(minutes=15)
    assert mail.delivered == (BOB,)


# -- loops


def test_two_services_that_send_through_each_other_stop_at_the_hop_limit(lab) -> None:
    lab.configure(ALPHA, via="mx.gamma.example:2525", any_sender=True, most_hops=20)
    lab.configure(GAMMA, via="mx.alpha.example:2525", any_sender=True)
    lab.send(ALICE, BOB, read=False)
    assert applied(lab, "mta.loop")
    [told] = reports(lab) + reports(lab, "postmaster@gamma.example") + reports(lab, "postmaster@alpha.example")
    assert told["Status"] == "5.4.6"
    assert not lab.mailbox(BOB) and not lab.queue(ALPHA) and not lab.queue(GAMMA)


def test_two_hosts_that_are_each_other_s_backup_do_not_loop(lab) -> None:
    lab.zone.edit("x.example", MX=["10 mx.beta.example.", "10 mx.gamma.example."])
    lab.configure(BETA, backup_for=["x.example"])
    lab.configure(GAMMA, backup_for=["x.example"])
    lab.send(ALICE, "who@x.example")
    assert applied(lab, "mta.own-loop")
    assert actions(lab) == [("who@x.example", "failed")]


# -- who is told


def test_a_sender_learns_of_a_delay_only_if_he_asked(lab) -> None:
    lab.stop(BETA)
    asked = lab.send(ALICE, BOB, notify="delay,failure", read=False)
    lab.send(AMIR, BOB, read=False)
    lab.clock.advance(hours=3)
    assert not lab.mailbox(ALICE)
    lab.clock.advance(hours=20)
    assert actions(lab) == [(BOB, "delayed")]  # once
    [delayed] = reports(lab)
    assert delayed["Status"] == "4.4.1" and delayed["Will-Retry-Until"] == "Sat, 28 Nov 2026 09:00:00 +0000"
    assert not lab.mailbox(AMIR)
    lab.clock.advance(days=5)
    assert actions(lab) == [(BOB, "delayed"), (BOB, "failed")] and actions(lab, AMIR) == [(BOB, "failed")]
    assert len(asked.reports) == 2


@pytest.mark.parametrize(
    "notify, delivered, refused",
    [
        ("", [], ["failed"]),
        ("SUCCESS", ["delivered"], []),
        ("FAILURE", [], ["failed"]),
        ("SUCCESS,FAILURE", ["delivered"], ["failed"]),
        ("DELAY", [], []),
        ("NEVER", [], []),
    ],
)
def test_notify_is_kept(lab, notify, delivered, refused) -> None:
    lab.send(ALICE, BOB, notify=notify, read=False)
    lab.send(AMIR, "552@beta.example", notify=notify)
    assert [action for _, action in actions(lab)] == delivered
    assert [action for _, action in actions(lab, AMIR)] == refused
    nobody_else = len(lab.mailbox("postmaster@alpha.example"))
    assert nobody_else == (0 if refused else 1)  # somebody knows, if not the sender


def test_what_the_sender_asked_goes_along_to_the_next_server(lab) -> None:
    """RFC 3461 §5.2.1."""
    lab.send(ALICE, [BOB, BELLA], notify={BOB: "success,delay"}, envid="QQ=314", ret="hdrs", read=False)
    heard = [step.act.data.decode() for step in lab.trace.only(Hear) if step.actor == BETA]
    assert any(line.startswith("MAIL") and " RET=HDRS" in line and " ENVID=QQ+3D314" in line for line in heard)
    [bob, bella] = [line for line in heard if line.startswith("RCPT")]
    assert " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@beta.example" in bob
    assert "NOTIFY" not in bella
    [told] = reports(lab)
    assert told["Original-Recipient"] == f"rfc822;{BOB}"
    assert b"Original-Envelope-Id: QQ=314\r\nReporting-MTA: dns; mx.beta.example" in lab.mailbox(ALICE)[0]


def test_where_the_next_server_has_no_dsn_the_last_one_that_has_tells(lab) -> None:
    """RFC 3461 §5.2.2."""
    lab.configure(BETA, without=["DSN"])
    lab.send(ALICE, BOB, notify="SUCCESS", envid="7", read=False)
    assert actions(lab) == [(BOB, "relayed")]
    assert b"Reporting-MTA: dns; mx.alpha.example" in lab.mailbox(ALICE)[0]
    heard = [step.act.data for step in lab.trace.only(Hear) if step.actor == BETA]
    assert not [line for line in heard if b"NOTIFY" in line or b"ENVID" in line or b"ORCPT" in line]


@pytest.mark.parametrize("ret, whole", [("FULL", True), ("HDRS", False), ("", False)])
def test_ret_says_how_much_comes_back(lab, ret, whole) -> None:
    lab.send(ALICE, "552@beta.example", text="the very words", ret=ret)
    [bounce] = lab.mailbox(ALICE)
    assert (b"the very words" in bounce) == whole


def test_a_message_of_4_mb_comes_back_as_its_header(lab) -> None:
    message = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" * 2_000_000
    lab.send(ALICE, "552@beta.example", message=message, ret="FULL")
    [bounce] = lab.mailbox(ALICE)
    assert len(bounce) < 10_000 and b"Subject: big" in bounce


def test_a_bounce_travels_like_any_mail_and_is_never_answered(lab) -> None:
    lab.zone.edit("beta.example", MX="20 mx.gamma.example.")
    lab.configure(GAMMA, backup_for=["beta.example"])
    lab.send("nobody@nowhere.example", "nobody@beta.example", client="203.0.113.66", helo="x.nowhere.example")
    lab.clock.advance(days=12)
    [told] = reports(lab, "postmaster@gamma.example")  # the bounce could not be delivered either
    assert told["Final-Recipient"] == "rfc822; nobody@nowhere.example"
    assert len(applied(lab, "mta.bounce")) == 1 and len(applied(lab, "mta.no-bounce-for-bounce")) == 1
    assert not lab.queue(GAMMA)
    said = [step.act.data for step in lab.trace.only(Say) if step.act.data.startswith(b"MAIL FROM:")]
    assert all(b"<>" in line or b"<nobody@" in line for line in said)


def test_mail_with_a_null_sender_makes_no_report(lab) -> None:
    lab.configure(GAMMA, backup_for=["beta.example"])
    lab.zone.edit("beta.example", MX="10 mx.gamma.example.")
    lab.send("", "nobody@beta.example", client="203.0.113.66", notify="SUCCESS,FAILURE,DELAY")
    lab.clock.advance(days=6)
    assert not applied(lab, "mta.bounce") and not lab.queue(GAMMA)


def test_a_bounce_waits_in_the_queue_as_long_as_its_reader_s_host_is_down(lab) -> None:
    lab.zone.edit("beta.example", MX=["10 mx.beta.example.", "20 mx.gamma.example."])
    lab.configure(GAMMA, backup_for=["beta.example"])
    lab.stop(BETA)
    lab.send(ALICE, "nobody@beta.example")
    lab.stop(ALPHA)
    lab.start(BETA)
    lab.clock.advance(minutes=20)
    assert len(lab.queue(GAMMA)) == 1 and not lab.mailbox(ALICE)
    lab.start(ALPHA)
    lab.clock.advance(hours=1)
    assert len(lab.mailbox(ALICE)) == 1


# -- REQUIRETLS


def test_requiretls_is_kept_on_the_whole_way() -> None:
    lab = Lab(seed=1, opinions=False)
    mail = lab.send(ALICE, BOB, requiretls=True, read=False)
    assert mail.delivered == (BOB,)
    said = [step.act.data for step in mail.trace.only(Say) if step.act.data.startswith(b"MAIL FROM")]
    assert len(said) == 2 and all(b" REQUIRETLS" in line for line in said)
    [note] = [step.act.note for step in mail.trace.only(Store) if step.act.box.startswith("queue")]
    assert note["requiretls"] == "yes"


@pytest.mark.parametrize("without, status", [(["STARTTLS"], "5.7.10"), (["REQUIRETLS"], "5.7.30")])
def test_what_requires_tls_bounces_where_there_is_none(without, status) -> None:
    lab = Lab(seed=1, opinions=False, settings={BETA: {"without": without}})
    mail = lab.send(ALICE, BOB, requiretls=True, ret="FULL", text="secret", read=False)
    assert not mail.delivered
    [told] = reports(lab)
    assert told["Status"] == status
    [bounce] = lab.mailbox(ALICE)
    assert b"secret" not in bounce  # RFC 8689 §5: as if RET=HDRS
    assert lab.send(ALICE, BOB, text="no secret", read=False).delivered == (BOB,)


def test_a_bounce_of_what_requires_tls_is_rather_sent_than_lost() -> None:
    lab = Lab(seed=1, opinions=False, settings={ALPHA: {"without": []}})
    lab.configure(BETA, backup_for=["gamma.example"])
    lab.zone.edit("gamma.example", MX=["10 mx.gamma.example.", "20 mx.beta.example."])
    lab.stop(GAMMA)
    lab.send(ALICE, "nobody@gamma.example", requiretls=True)
    lab.configure(ALPHA, without=["REQUIRETLS"])
    lab.start(GAMMA)
    lab.clock.advance(minutes=15)
    assert applied(lab, "mta.bounce-in-the-clear")
    assert actions(lab) == [("nobody@gamma.example", "failed")]


# -- hosts that fall over


def test_a_host_that_falls_over_begins_its_queue_again(lab) -> None:
    lab.stop(BETA)
    mail = lab.send(ALICE, [BOB, CAROL], read=False)
    assert mail.delivered == (CAROL,)
    lab.clock.advance(minutes=1)
    lab.restart(ALPHA)
    assert attempts(lab) == [0, 1]
    assert len(lab.queue(ALPHA)) == 1
    lab.start(BETA)
    lab.clock.advance(minutes=20)
    assert set(mail.delivered) == {BOB, CAROL}  # and it all stands in the trace of the mail
    assert len(lab.mailbox(BOB)) == len(lab.mailbox(CAROL)) == 1
    assert attempts(lab) == [0, 1, 17]


def test_what_was_done_before_the_fall_is_not_done_again(lab) -> None:
    mail = lab.send(ALICE, [BOB, "450-once@beta.example", "552@beta.example"], read=False)
    assert len(lab.mailbox(BOB)) == 1
    for _ in range(3):
        lab.restart(ALPHA)
    assert len(lab.mailbox(BOB)) == 1
    assert set(mail.delivered) == {BOB, "450-once@beta.example"}
    assert actions(lab) == [("552@beta.example", "failed")]
    assert not lab.queue(ALPHA)


def test_a_delay_is_told_once_even_over_a_fall(lab) -> None:
    lab.stop(BETA)
    lab.send(ALICE, BOB, notify="DELAY", read=False)
    lab.clock.advance(hours=10)
    lab.restart(ALPHA)
    lab.clock.advance(hours=10)
    assert actions(lab) == [(BOB, "delayed")]


def test_five_days_are_five_days_however_often_it_falls(lab) -> None:
    lab.stop(BETA)
    lab.send(ALICE, BOB, read=False)
    for _ in range(10):
        lab.clock.advance(hours=13)
        lab.restart(ALPHA)
    assert actions(lab) == [(BOB, "failed")] and not lab.queue(ALPHA)
    assert max(attempts(lab)) <= 5 * 24 * 60 + 13 * 60


def test_a_server_that_falls_over_in_a_call_is_called_again(lab) -> None:
    lab.faults.delay(BETA, ".", 60, attempts=1)
    mail = lab.send(ALICE, BOB, read=False)
    assert not mail.delivered
    lab.restart(BETA)
    lab.clock.advance(minutes=20)
    assert mail.delivered == (BOB,) and len(lab.mailbox(BOB)) == 1


def test_a_client_that_falls_over_in_a_call_calls_again(lab) -> None:
    lab.faults.delay(BETA, "DATA", 60, attempts=1)
    mail = lab.send(ALICE, BOB, read=False)
    lab.restart(ALPHA)
    lab.clock.advance(minutes=20)
    assert mail.delivered == (BOB,) and len(lab.mailbox(BOB)) == 1


def test_who_submits_and_hears_no_250_has_been_promised_nothing(lab) -> None:
    lab.faults.delay(f"{ALPHA}:587", ".", 60, attempts=1)
    mail = lab.send(ALICE, BOB, read=False)
    assert mail.reply == ""
    lab.restart(ALPHA)
    lab.clock.advance(days=6)
    assert not mail.reply.startswith("250") and not lab.mailbox(BOB)


def test_a_host_that_is_off_sends_nothing(lab) -> None:
    lab.stop(BETA)
    mail = lab.send(ALICE, BOB, read=False)
    lab.stop(ALPHA)
    lab.start(BETA)
    lab.clock.advance(hours=5)
    assert not mail.delivered and len(lab.queue(ALPHA)) == 1
    lab.start(ALPHA)
    assert mail.delivered == (BOB,)
    lab.start(ALPHA), lab.stop(GAMMA), lab.stop(GAMMA)
    with pytest.raises(LabError, match="switched off"):
        lab.restart(GAMMA)


def test_a_typed_call_is_cut_when_the_host_falls_over(lab) -> None:
    smtp, pop = lab.smtp(BETA), lab.pop3(BOB)
    pop.send(f"USER {BOB}"), pop.send(f"PASS {lab.password(BOB)}")
    assert pop.state == "TRANSACTION"
    lab.restart(BETA), lab.restart("pop.beta.example")
    assert smtp.send("NOOP") == pop.send("NOOP") == ""
    again = lab.pop3(BOB)
    again.send(f"USER {BOB}")
    assert again.send(f"PASS {lab.password(BOB)}").startswith("+OK")  # the lock is free


def test_a_fall_is_an_input(lab) -> None:
    lab.stop(BETA)
    lab.send(ALICE, BOB, read=False)
    lab.restart(ALPHA)
    smtp = lab.smtp(GAMMA)
    fork = smtp.fork()
    assert fork.lab.trace == lab.trace
    assert attempts(fork.lab) == [0, 0]


# -- the rest


def test_postmaster_has_a_mailbox_everywhere(lab) -> None:
    for address in ("postmaster@beta.example", "postmaster@mx.beta.example"):
        lab.send(ALICE, address)
    assert len(lab.mailbox("postmaster@beta.example")) == 2
    lab.send(ALICE, BOB, message=b"Bcc: x@y.example\r\nSubject: x\r\n\r\n", read=False)
    assert b"Bcc" not in lab.mailbox(BOB)[0]


def test_lost_mail_is_found_in_the_mailbox_of_the_address(lab) -> None:
    lab.send(ALICE, "450-once@beta.example")
    lab.clock.advance(hours=1)
    assert len(lab.mailbox("450-once@beta.example")) == 1
    for address in ("451-twice@gamma.example", "nobody@beta.example", "x@nowhere.example"):
        with pytest.raises(LabError, match="Nobody in this lab"):
            lab.mailbox(address)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"notify": "ALWAYS"}, "notify is"),
        ({"notify": {"x@y.example": "NEVER"}}, "gets no copy"),
        ({"ret": "ALL"}, "ret is"),
        ({"envid": "a\nb"}, "envid"),
    ],
)
def test_what_cannot_be_asked_is_said_so(lab, wrong, says) -> None:
    with pytest.raises(LabError, match=says):
        lab.send(ALICE, BOB, **wrong)
    assert not lab.inputs and not len(lab.trace)


@pytest.mark.parametrize(
    "line, code",
    [
        (f"RCPT TO:<{BOB}> NOTIFY=SOMETIMES", "501"),
        (f"RCPT TO:<{BOB}> NOTIFY=NEVER,DELAY", "501"),
        (f"RCPT TO:<{BOB}> NOTIFY=DELAY NOTIFY=DELAY", "501"),
        (f"RCPT TO:<{BOB}> ORCPT=bob", "501"),
        (f"RCPT TO:<{BOB}> WISH=1", "555"),
        (f"RCPT TO:<{BOB}> NOTIFY=success,DELAY ORCPT=x-odd_type;a+2Bb", "250"),
    ],
)
def test_unknown_dsn_parameters_are_refused_and_odd_ones_travel(lab, line, code) -> None:
    smtp = lab.smtp(BETA)
    for before in ("EHLO x.example", "MAIL FROM:<eve@x.example>"):
        smtp.send(before)
    assert smtp.send(line).startswith(code)


def test_an_odd_orcpt_is_passed_on_octet_for_octet(lab) -> None:
    lab.configure(BETA, open_relay=True)
    smtp = lab.smtp(BETA)
    for line in ("EHLO x.example", "MAIL FROM:<eve@x.example>", f"RCPT TO:<{CAROL}> ORCPT=x!odd;A+2Bb+20c", "DATA"):
        smtp.send(line)
    smtp.send(b"From: eve@x.example\r\n\r\n.\r\n")
    heard = [step.act.data for step in lab.trace.only(Hear) if step.actor == GAMMA]
    assert f"RCPT TO:<{CAROL}> ORCPT=x!odd;A+2Bb+20c\r\n".encode() in heard
    assert len(lab.mailbox(CAROL)) == 1


def test_time_does_not_go_back_and_nothing_happens_if_somebody_tries(lab) -> None:
    lab.stop(BETA)
    lab.send(ALICE, BOB)
    before = len(lab.trace)
    with pytest.raises(LabError, match="does not go back"):
        lab.clock.advance(minutes=-15)
    assert len(lab.trace) == before


def test_the_queue_s_own_trace_is_equal_for_equal_seeds() -> None:
    traces = []
    for _ in range(2):
        lab = Lab(seed=5, tls=False, opinions=False)
        lab.zone.edit("beta.example", MX=[f"10 {host}.beta.example." for host in ("mx", "pop", "imap")])
        lab.send(ALICE, [BOB, "450-twice@beta.example", "552@beta.example"])
        lab.clock.advance(days=1)
        lab.restart(ALPHA)
        traces.append(lab.trace)
    assert traces[0] == traces[1]


@pytest.mark.parametrize("arrived", [0.1, 0.3, 86_400.7, 1e6 + 0.1, 3e7 / 7])
def test_the_last_attempt_is_the_last_whatever_rounding_does(arrived) -> None:
    """A wait of a millionth of a second, or of none, would never end."""
    here = house(ALPHA)
    here.clock.now = arrived
    acts = relay(here, 1, b"\r\n", Entry("", ("x@silent.example",), arrived).note())
    answer, waits = None, []
    try:
        while True:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
            answer = DnsTimeout() if isinstance(act, Ask) else None
            if isinstance(act, Wait):
                waits.append(act.seconds)
                here.clock.now += act.seconds - 1e-9
    except StopIteration:
        pass
    assert len(waits) == 20 and min(waits) > 1
