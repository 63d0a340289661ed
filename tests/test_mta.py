"""What a mail server decides, by itself: driven without a server, a wire or a world."""

from __future__ import annotations

import email
import email.policy

import pytest

from mailedu import dsn
from mailedu.acts import Ask, DnsTimeout, NXDomain, Refused, Remove, Rule, Store, Wait
from mailedu.clock import Clock
from mailedu.message import Message
from mailedu.mta import EXPIRES, Mx, Submission, agree, envelopes, has_name, next_hops, pauses
from mailedu.smtp import Envelope
from mailedu.zone import Zone

ALICE, BOB = "alice@alpha.example", "bob@beta.example"


def perform(acts, zone: Zone | None = None):
    """(the value, what was done): questions are answered from the zone."""
    done, answer = [], None
    try:
        while True:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
            done.append(act)
            answer = None
            if isinstance(act, Ask):
                try:
                    answer = (zone or Zone())(act.name, act.type)
                except (NXDomain, DnsTimeout) as trouble:
                    answer = trouble
    except StopIteration as end:
        return end.value, done


@pytest.fixture
def mx() -> Mx:
    return Mx("mx.beta.example", "beta.example", {BOB}, Clock(1))


@pytest.fixture
def submission() -> Submission:
    return Submission("mx.alpha.example", "alpha.example", {ALICE}, Clock(1))


# -- whom it takes mail for


@pytest.mark.parametrize("address", [BOB, "BOB@Beta.Example", "postmaster@beta.example", "postmaster", "Postmaster"])
def test_an_mx_takes_mail_for_its_people_and_for_postmaster(mx, address) -> None:
    _, [rule] = perform(mx.recipient(Envelope("192.0.2.1"), address))
    assert rule.name == "mta.local"


@pytest.mark.parametrize(
    "address, rule, code",
    [
        ("nobody@beta.example", "mta.unknown-user", "550 5.1.1"),
        (ALICE, "mta.relay", "550 5.7.1"),
        ("bob@sub.beta.example", "mta.relay", "550 5.7.1"),
        ("bob@notbeta.example", "mta.relay", "550 5.7.1"),
    ],
)
def test_an_mx_refuses_others(mx, address, rule, code) -> None:
    with pytest.raises(Refused, match=code) as no:
        perform(mx.recipient(Envelope("192.0.2.1"), address))
    assert no.value.rule == rule


def test_who_is_logged_in_writes_as_himself(submission) -> None:
    assert perform(submission.sender(Envelope("192.0.2.1", user=ALICE), "Alice@Alpha.Example"))[0] is None
    assert perform(submission.sender(Envelope("192.0.2.1", user=ALICE), ""))[0] is None
    with pytest.raises(Refused, match=r"550 5\.7\.1"):
        perform(submission.sender(Envelope("192.0.2.1", user=ALICE), BOB))


def test_vrfy_and_expn_tell_nobody_who_lives_here(mx) -> None:
    assert perform(mx.verify(Envelope("192.0.2.1"), "bob"))[0].startswith("252")
    with pytest.raises(Refused, match="550"):
        perform(mx.expand(Envelope("192.0.2.1"), "staff"))


# -- what a submission server adds and takes away


def taken(submission, data: bytes, recipients=(BOB,)) -> list[Store]:
    envelope = Envelope("192.0.2.10", helo="laptop", sender=ALICE, recipients=list(recipients), user=ALICE)
    return [act for act in perform(submission.receive(envelope, data))[1] if isinstance(act, Store)]


def test_date_and_message_id_are_added_and_bcc_taken_away(submission) -> None:
    [stored] = taken(submission, b"From: alice@alpha.example\r\nBcc: eve@gamma.example\r\nTo: b\r\n\r\nhi\r\n")
    message = Message(stored.message)
    assert message.first("Date") and message.first("Message-ID") and not message.first("Bcc")
    assert message.body == b"hi\r\n"
    assert message.fields[0].name == "Received"


def test_what_is_there_stays(submission) -> None:
    data = b"Date: then\r\nMessage-ID: <1@x>\r\nFrom: a\r\n\r\n\xff\x00"
    [stored] = taken(submission, data)
    assert stored.message.endswith(data)


def test_one_entry_in_the_queue_for_each_domain() -> None:
    envelope = Envelope("192.0.2.1", sender=ALICE, recipients=["a@x.example", "b@y.example", "c@x.example"])
    notes = list(envelopes(envelope))
    assert [note["recipients"] for note in notes] == ["a@x.example\nc@x.example", "b@y.example"]


def test_received_names_one_recipient_and_never_several(submission) -> None:
    one = taken(submission, b"From: a\r\n\r\n", [BOB])[0].message
    two = taken(submission, b"From: a\r\n\r\n", [BOB, "bella@beta.example"])[0].message
    assert b"for <bob@beta.example>" in one
    assert b"bella" not in two and b"for <" not in two


def test_the_hop_limit_ends_a_loop(submission, mx) -> None:
    data = b"Received: from a by b; then\r\n" * 101 + b"\r\n"
    with pytest.raises(Refused, match=r"5\.4\.6"):
        taken(submission, data)
    with pytest.raises(Refused, match=r"5\.4\.6"):
        perform(mx.receive(Envelope("192.0.2.1", recipients=[BOB]), data))


def test_results_that_bear_our_name_are_taken_out(mx) -> None:
    ours = b"Authentication-Results: mx.beta.example; dmarc=pass\r\n"
    theirs = b"Authentication-Results: mx.other.example; spf=pass\r\n"
    envelope = Envelope("192.0.2.1", helo="x", sender="eve@nowhere.example", recipients=[BOB])
    _, done = perform(mx.receive(envelope, ours + b"From: eve@nowhere.example\r\n" + theirs + b"\r\nhi\r\n"))
    [stored] = [act for act in done if isinstance(act, Store)]
    found = Message(stored.message).all("Authentication-Results")
    assert len(found) == 2  # the one that was just written, and the other server's
    assert b"dmarc=pass" not in stored.message
    assert theirs in stored.message


# -- where it goes next

ZONE = Zone(
    """
several.example. MX 20 b
several.example. MX 10 a
several.example. MX 10 c
none.example. A 192.0.2.1
null.example. MX 0 .
"""
)


def test_the_lowest_preference_comes_first_and_equals_share() -> None:
    orders = {tuple(perform(next_hops("several.example", Clock(seed)), ZONE)[0]) for seed in range(20)}
    assert len(orders) == 2
    assert {order[2] for order in orders} == {"b"}


def test_without_mx_the_host_itself_and_with_a_null_mx_nobody() -> None:
    hosts, done = perform(next_hops("none.example", Clock()), ZONE)
    assert hosts == ["none.example"]
    assert [act.name for act in done if isinstance(act, Rule)] == ["mta.implicit-mx"]
    with pytest.raises(Refused, match=r"556 5\.1\.10"):
        perform(next_hops("null.example", Clock()), ZONE)
    with pytest.raises(Refused, match=r"550 5\.1\.2"):
        perform(next_hops("nowhere.example", Clock()), ZONE)


def test_the_queue_s_pauses_grow_and_end_after_five_days() -> None:
    found = list(pauses())
    assert found == sorted(found[:-1]) + found[-1:]
    assert sum(found) == EXPIRES


@pytest.mark.parametrize(
    "client, expected",
    [
        ("192.0.2.25", True),
        ("192.0.2.26", False),
        ("2001:db8::1", True),
        ("not an address", False),
    ],
)
def test_whether_an_address_has_a_name_that_leads_back(client, expected) -> None:
    zone = Zone(
        """
25.2.0.192.in-addr.arpa. PTR mx.alpha.example.
26.2.0.192.in-addr.arpa. PTR mx.alpha.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx.alpha.example.
mx.alpha.example. A 192.0.2.25
mx.alpha.example. AAAA 2001:db8::1
"""
    )
    assert perform(has_name(client), zone)[0] is expected


@pytest.mark.parametrize(
    "ours, theirs, same",
    [("pass", "pass", True), ("permerror", "fail", True), ("pass", "fail", False), ("fail", "pass", False)],
)
def test_when_two_opinions_agree(ours, theirs, same) -> None:
    assert agree(ours, theirs) is same


# -- bounces


def test_a_bounce_is_what_the_standard_library_reads_as_a_report() -> None:
    failed = {BOB: "550 5.1.1 no such mailbox\r\nreally", "x@y.example": "451 later"}
    data = dsn.failure("mx.alpha.example", ALICE, failed, b"Subject: x\r\n\r\nbody\r\n", date="then", unique="7")
    report = email.message_from_bytes(data, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    assert report["Auto-Submitted"] == "auto-replied"
    text, status, original = report.iter_parts()
    assert BOB in text.get_content()
    per_message, first, second = status.get_payload()
    assert per_message["Reporting-MTA"] == "dns; mx.alpha.example"
    assert (first["Final-Recipient"], first["Action"], first["Status"]) == (f"rfc822; {BOB}", "failed", "5.1.1")
    assert second["Status"].startswith("5.")
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: x" in original.get_payload()


def test_relay_removes_what_it_is_done_with(submission) -> None:
    from mailedu.mta import relay

    acts = relay(submission, 7, b"From: a\r\n\r\n", {"sender": "", "recipients": "bob@nowhere.example"})
    value, done = perform(acts)
    assert value == "bounced"
    assert done[-1] == Remove("queue mx.alpha.example", (7,))
    assert not [act for act in done if isinstance(act, Store | Wait)]
    assert [act.name for act in done if isinstance(act, Rule)] == ["mta.no-domain", "mta.no-bounce-for-bounce"]
