"""What a mail server decides, by itself: whom it takes mail for, what it adds, where a message goes next."""

from __future__ import annotations

import pytest
from mta_stage import ALICE, BOB, CAROL, house, perform, rules

from mailedu import LabError
from mailedu.acts import DnsTimeout, Refused, Rule, Store, Trouble
from mailedu.clock import Clock
from mailedu.message import Message
from mailedu.mta import Mx, Setup, Submission, next_hops
from mailedu.mta.entry import Entry, entries
from mailedu.mta.mx import agree, has_name
from mailedu.mta.routing import MOST_HOSTS, Hop, find, hops
from mailedu.smtp import Envelope
from mailedu.zone import Zone

STRANGER = Envelope("203.0.113.66", helo="x", sender="eve@nowhere.example")


@pytest.fixture
def mx() -> Mx:
    return Mx(house("mx.beta.example", BOB))


@pytest.fixture
def submission() -> Submission:
    return Submission(house("mx.alpha.example", ALICE))


# -- whom it takes mail for


@pytest.mark.parametrize(
    "address",
    [
        BOB,
        "BOB@Beta.Example",
        "postmaster@beta.example",
        "postmaster",
        "Postmaster",
        "postmaster@mx.beta.example",
        "bob@[198.51.100.25]",
    ],
)
def test_an_mx_takes_mail_for_its_people_and_for_postmaster(mx, address) -> None:
    _, [rule] = perform(mx.recipient(STRANGER, address))
    assert rule.name == "mta.local"


@pytest.mark.parametrize(
    "address, rule, code",
    [
        ("nobody@beta.example", "mta.unknown-user", "550 5.1.1"),
        ("bob@mx.beta.example", "mta.unknown-user", "550 5.1.1"),
        (ALICE, "mta.relay", "550 5.7.1"),
        ("bob@sub.beta.example", "mta.relay", "550 5.7.1"),
        ("bob@notbeta.example", "mta.relay", "550 5.7.1"),
        ("bob@[192.0.2.1]", "mta.relay", "550 5.7.1"),
        ("bob%gamma.example@alpha.example", "mta.relay", "550 5.7.1"),
    ],
)
def test_an_mx_refuses_others(mx, address, rule, code) -> None:
    with pytest.raises(Refused, match=code) as no:
        perform(mx.recipient(STRANGER, address))
    assert no.value.rule == rule


def test_an_open_relay_takes_mail_of_anybody_for_anybody_and_queues_it() -> None:
    mx = Mx(house("mx.beta.example", BOB, open_relay=True))
    _, [rule] = perform(mx.recipient(STRANGER, CAROL))
    assert (rule.name, rule.because["client"]) == ("mta.open-relay", "203.0.113.66")
    reply, done = perform(mx.receive(Envelope("203.0.113.66", sender="eve@x.example", recipients=[CAROL]), b"\r\n"))
    [stored] = [act for act in done if isinstance(act, Store)]
    assert stored.box == "queue mx.beta.example" and stored.message.startswith(b"Received: ")
    assert reply == "250 2.0.0 queued"
    with pytest.raises(Refused, match=r"5\.1\.1"):
        perform(mx.recipient(STRANGER, "nobody@beta.example"))


def test_a_backup_takes_mail_for_who_asked_it_to_and_for_nobody_else() -> None:
    mx = Mx(house("mx.gamma.example", CAROL, backup_for=["Beta.Example."]))
    assert rules(perform(mx.recipient(STRANGER, "whoever@beta.example"))[1]) == ["mta.backup"]
    with pytest.raises(Refused, match=r"5\.7\.1"):
        perform(mx.recipient(STRANGER, ALICE))


def test_what_is_for_us_is_judged_before_anything_for_others_is_taken() -> None:
    zone = Zone('_dmarc.x.example. TXT "v=DMARC1; p=reject"\nx.example. TXT "v=spf1 -all"')
    mx = Mx(house("mx.beta.example", BOB, open_relay=True))
    envelope = Envelope("203.0.113.66", helo="x", sender="eve@x.example", recipients=[CAROL, BOB])
    acts, done = mx.receive(envelope, b"From: eve@x.example\r\n\r\n"), []
    with pytest.raises(Refused, match=r"5\.7\.26"):
        perform(keep(acts, done), zone)
    assert not [act for act in done if isinstance(act, Store)]


def keep(acts, done):
    """The same acts, and a list of them."""
    answer = None
    while True:
        try:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
        except StopIteration as end:
            return end.value
        done.append(act)
        try:
            answer = yield act
        except Trouble as trouble:
            answer = trouble


def test_two_spellings_of_one_mailbox_get_one_copy(mx) -> None:
    envelope = Envelope("203.0.113.66", sender="", recipients=[BOB, "BOB@beta.example"])
    assert [act.box for act in perform(mx.receive(envelope, b"\r\n"))[1] if isinstance(act, Store)] == [BOB]


def test_who_is_logged_in_writes_as_himself(submission) -> None:
    assert perform(submission.sender(Envelope("192.0.2.1", user=ALICE), "Alice@Alpha.Example"))[0] is None
    assert perform(submission.sender(Envelope("192.0.2.1", user=ALICE), ""))[0] is None
    with pytest.raises(Refused, match=r"550 5\.7\.1"):
        perform(submission.sender(Envelope("192.0.2.1", user=ALICE), BOB))


def test_a_company_s_account_at_a_vendor_writes_for_the_company(submission) -> None:
    envelope = Envelope("198.51.100.25", user="@beta.example")
    assert perform(submission.sender(envelope, BOB))[0] is None
    with pytest.raises(Refused, match=r"550 5\.7\.1"):
        perform(submission.sender(envelope, CAROL))
    submission.house.setup = Setup(any_sender=True)
    assert perform(submission.sender(envelope, CAROL))[0] is None


def test_greylisting_puts_a_stranger_off_until_he_comes_again() -> None:
    mx = Mx(house("mx.beta.example", BOB, greylist=300))
    with pytest.raises(Refused, match=r"451 4\.7\.1 .* in 5 minutes"):
        perform(mx.recipient(STRANGER, BOB))
    mx.house.clock.advance(60)
    with pytest.raises(Refused, match=r"in 4 minutes"):
        perform(mx.recipient(STRANGER, BOB))
    mx.house.clock.advance(240)
    assert rules(perform(mx.recipient(STRANGER, BOB))[1]) == ["mta.local", "mta.no-stranger"]
    with pytest.raises(Refused, match="451"):
        perform(mx.recipient(Envelope("203.0.113.67", sender=STRANGER.sender), BOB))
    with pytest.raises(Refused, match="550"):
        perform(mx.recipient(STRANGER, "nobody@beta.example"))


# -- what it tells of who lives here


def test_vrfy_and_expn_tell_nobody_who_lives_here(mx) -> None:
    assert perform(mx.verify(STRANGER, "bob"))[0].startswith("252")
    assert perform(mx.verify(STRANGER, "nobody"))[0].startswith("252")
    with pytest.raises(Refused, match="550"):
        perform(mx.expand(STRANGER, "everybody"))


def test_a_server_that_discloses_lets_itself_be_harvested() -> None:
    mx = Mx(house("mx.beta.example", BOB, "bella@beta.example", discloses=True))
    for name in ("bob", BOB, f"<{BOB}>"):
        assert perform(mx.verify(STRANGER, name))[0] == f"250 2.1.5 <{BOB}>"
    for name, code in (("nobody", "550 5.1.1"), (ALICE, "550 5.7.1")):
        with pytest.raises(Refused, match=code):
            perform(mx.verify(STRANGER, name))
    assert perform(mx.expand(STRANGER, "Everybody"))[0] == "250 2.1.5 <bella@beta.example>\n<bob@beta.example>"
    with pytest.raises(Refused, match="550"):
        perform(mx.expand(STRANGER, "staff"))


# -- how it is set up


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"open": True}, "no setting 'open'"),
        ({"open_relay": "yes"}, "open_relay is True or False"),
        ({"backup_for": "beta.example"}, "a list of names"),
        ({"greylist": -1}, "number of seconds"),
        ({"greylist": True}, "number of seconds"),
        ({"most_hops": "many"}, "a number"),
        ({"first_pause": 0}, "more than 0"),
        ({"first_pause": 9e9}, "in this order"),
        ({"gives_up_after": 60}, "in this order"),
        ({"via": 25}, "text"),
    ],
)
def test_a_setting_that_makes_no_sense_is_said_so(settings, says) -> None:
    with pytest.raises(LabError, match=says):
        Setup().changed(**settings)


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


def test_results_that_bear_our_name_are_taken_out_and_so_is_a_return_path(mx) -> None:
    ours = b"Authentication-Results: mx.beta.example; dmarc=pass\r\nReturn-Path: <victim@gamma.example>\r\n"
    theirs = b"Authentication-Results: mx.other.example; spf=pass\r\n"
    envelope = Envelope("192.0.2.1", helo="x", sender="eve@nowhere.example", recipients=[BOB])
    _, done = perform(mx.receive(envelope, ours + b"From: eve@nowhere.example\r\n" + theirs + b"\r\nhi\r\n"))
    [stored] = [act for act in done if isinstance(act, Store)]
    found = Message(stored.message)
    assert len(found.all("Authentication-Results")) == 2  # the one that was just written, and the other server's
    assert [field.value for field in found.all("Return-Path")] == [b" <eve@nowhere.example>\r\n"]
    assert b"dmarc=pass" not in stored.message
    assert theirs in stored.message


# -- what a queue knows


def test_an_entry_is_written_and_read_again() -> None:
    full = Entry(
        ALICE, (BOB, 'odd "name"@beta.example', "bella@beta.example"), 12.5, "x (192.0.2.1)", "FULL", "id 7",
        {BOB: ("SUCCESS", "DELAY"), "bella@beta.example": ("NEVER",)}, {BOB: "rfc822;Bob Smith@beta.example"},
        True, True,
    )  # fmt: skip
    for entry in (full, Entry("", (BOB,), 0.0)):
        assert Entry.read(entry.note()) == entry
        assert all(isinstance(value, str) for value in entry.note().values())
    assert full.wants(BOB, "SUCCESS") and not full.wants(BOB, "FAILURE")
    assert not any(full.wants("bella@beta.example", word) for word in ("SUCCESS", "FAILURE", "DELAY"))
    assert full.wants(full.recipients[1], "FAILURE") and not full.wants(full.recipients[1], "DELAY")


def test_one_entry_in_the_queue_for_each_domain() -> None:
    envelope = Envelope("192.0.2.1", sender=ALICE, recipients=["a@x.example", "b@y.example", "c@X.example"])
    envelope.notify["c@X.example"] = ("NEVER",)
    found = list(entries(house("mx.alpha.example"), envelope, envelope.recipients))
    assert [entry.recipients for entry in found] == [("a@x.example", "c@X.example"), ("b@y.example",)]
    assert [dict(entry.notify) for entry in found] == [{"c@X.example": ("NEVER",)}, {}]


def test_postmaster_alone_is_our_own() -> None:
    envelope = Envelope("192.0.2.1", sender=ALICE, recipients=["postmaster"])
    [entry] = entries(house("mx.alpha.example"), envelope, envelope.recipients)
    assert entry.recipients == ("postmaster@alpha.example",)


# -- where it goes next

ZONE = Zone(
    """
several.example. MX 20 b
several.example. MX 10 a
several.example. MX 10 c
none.example. A 192.0.2.1
null.example. MX 0 .
both.example. MX 0 .
both.example. MX 5 a.example.
me.example. MX 10 mx.alpha.example.
twice.example. MX 10 first.example.
twice.example. MX 20 mx.alpha.example.
twice.example. MX 20 equal.example.
twice.example. MX 30 last.example.
alias.example. CNAME several.example.
alpha.example. MX 10 mx.alpha.example.
a.example. A 192.0.2.99
six.example. AAAA 2001:db8::1
us.example. A 192.0.2.25
empty.example. TXT "nothing else"
"""
)
ZONE.edit("many.example", MX=[f"{number} mx{number}.many.example." for number in range(100)])
ZONE.fault("silent.example", "MX", DnsTimeout())


def test_the_lowest_preference_comes_first_and_equals_share() -> None:
    orders = {tuple(perform(next_hops("several.example", Clock(seed)), ZONE)[0]) for seed in range(20)}
    assert len(orders) == 2
    assert {order[2] for order in orders} == {"b"}


def test_one_seed_one_order() -> None:
    one, two = (perform(next_hops("several.example", Clock(3)), ZONE)[0] for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    "domain, found, rule",
    [
        ("none.example", ["none.example"], "mta.implicit-mx"),
        ("both.example", ["a.example"], "mta.null-among-others"),
        ("[192.0.2.9]", ["192.0.2.9"], "mta.literal"),
        ("[IPv6:2001:DB8::9]", ["2001:db8::9"], "mta.literal"),
        ("twice.example", ["first.example"], "mta.better-than-me"),
    ],
)
def test_the_way(domain, found, rule) -> None:
    way, done = perform(next_hops(domain, Clock(), ["mx.alpha.example"]), ZONE)
    assert way == found
    assert rule in rules(done)


def test_an_alias_s_mail_goes_where_its_target_s_goes() -> None:
    way, _ = perform(next_hops("alias.example", Clock()), ZONE)
    assert set(way) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "domain, code, rule",
    [
        ("null.example", r"556 5\.1\.10", "mta.null-mx"),
        ("nowhere.example", r"550 5\.1\.2", "mta.no-domain"),
        ("me.example", r"554 5\.4\.6", "mta.own-loop"),
        ("[not an address]", r"550 5\.1\.2", "mta.no-domain"),
    ],
)
def test_there_is_no_way(domain, code, rule) -> None:
    with pytest.raises(Refused, match=code) as no:
        perform(next_hops(domain, Clock(), ["mx.alpha.example"]), ZONE)
    assert no.value.rule == rule


def test_when_the_dns_is_silent_nobody_knows_yet() -> None:
    with pytest.raises(DnsTimeout):
        perform(next_hops("silent.example", Clock()), ZONE)


def test_a_domain_with_a_hundred_mail_exchangers_is_bounded() -> None:
    way, done = perform(next_hops("many.example", Clock()), ZONE)
    assert way == [f"mx{number}.many.example" for number in range(MOST_HOSTS)]
    [rule] = [act for act in done if isinstance(act, Rule) and act.name == "mta.many-hosts"]
    assert rule.because["count"] == "100"


def entry(recipient: str) -> Entry:
    return Entry(ALICE, (recipient,), 0.0)


def test_a_house_s_own_mail_goes_in_by_its_own_front_door() -> None:
    way, _ = perform(hops(house("mx.alpha.example"), entry("amir@alpha.example")), ZONE)
    assert way == [Hop("mx.alpha.example")]


def test_a_vendor_s_relay_is_a_service_with_a_log_in() -> None:
    customer = house("mx.alpha.example", via="mx.gamma.example")
    [hop], done = perform(hops(customer, entry(BOB)), ZONE)
    assert hop == Hop("mx.gamma.example", 2525, "alpha.example", "lab-alpha.example")
    assert rules(done) == ["mta.via"]
    own, _ = perform(hops(customer, entry("amir@alpha.example")), ZONE)
    assert own == [Hop("mx.alpha.example")]


@pytest.mark.parametrize("host", ["a.example", "six.example", "192.0.2.7", "2001:db8::7"])
def test_a_host_with_an_address_can_be_called(host) -> None:
    assert perform(find(house("mx.alpha.example"), host, "x.example"), ZONE)[0] is None


@pytest.mark.parametrize(
    "host, code", [("nowhere.example", r"5\.4\.4"), ("empty.example", r"5\.4\.4"), ("us.example", r"5\.4\.6")]
)
def test_a_host_that_cannot_be_called_or_is_ourselves(host, code) -> None:
    with pytest.raises(Refused, match=code):
        perform(find(house("mx.alpha.example"), host, "x.example"), ZONE)


# -- what it finds out


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
