"""Forwarding: a copy goes on, SPF fails at the next server or passes by SRS, reports come back, nobody abuses it."""

from __future__ import annotations

import smtplib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import Lab, LabError
from mailedu.acts import Rule
from mailedu.mta.forwarding import DAYS, VALID, is_rewritten, original, rewritten

ALICE, BOB, CAROL = "alice@alpha.example", "bob@beta.example", "carol@gamma.example"
SECRET = b"a secret"
DOMAINS = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){1,2}", fullmatch=True)
LOCALS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,30}", fullmatch=True)


# -- the address


@settings(max_examples=200)
@given(LOCALS, DOMAINS, st.integers(0, 100_000), st.integers(0, VALID))
def test_there_and_back(local: str, domain: str, day: int, later: int) -> None:
    made = rewritten(f"{local}@{domain}", "gamma.example", day, SECRET)
    assert made.endswith("@gamma.example") and is_rewritten(made)
    assert original(made, day + later, SECRET) == f"{local}@{domain}"
    assert original(made.upper(), day, SECRET) == f"{local}@{domain}".upper(), "servers may change capitals"


@settings(max_examples=100)
@given(LOCALS, DOMAINS, st.integers(0, 100_000), st.data())
def test_what_was_changed_is_not_ours(local: str, domain: str, day: int, data: st.DataObject) -> None:
    made = rewritten(f"{local}@{domain}", "gamma.example", day, SECRET)
    at = data.draw(st.integers(10, len(made.rpartition("@")[0]) - 1))
    other = data.draw(st.sampled_from("abcxyz579"))
    changed = made[:at] + other + made[at + 1 :]
    if changed.lower() != made.lower():
        assert original(changed, day, SECRET) != original(made, day, SECRET)


@pytest.mark.parametrize("days", [VALID + 1, 100, DAYS - 1])
def test_an_old_one_is_worth_nothing(days: int) -> None:
    assert original(rewritten(ALICE, "gamma.example", 5_000, SECRET), 5_000 + days, SECRET) == ""


@pytest.mark.parametrize(
    "address", ["", ALICE, "SRS0=a=b@x.example", "SRS0=aaaa=AA==x@y.example", "SRS0=aaaa=AA=b.example=x"]
)
def test_what_is_none_is_none(address: str) -> None:
    assert original(address, 1, SECRET) == "" and not is_rewritten(address)


def test_a_chain_of_forwarders_leads_back_one_by_one() -> None:
    once = rewritten(ALICE, "gamma.example", 7, SECRET)
    twice = rewritten(once, "delta.example", 8, b"delta's")
    assert original(twice, 9, b"delta's") == once
    assert original(once, 9, SECRET) == ALICE


# -- in a lab


def forwarding(srs: bool, to: str = BOB) -> Lab:
    lab = Lab(seed=1)
    lab.forward(CAROL, to, srs=srs)
    return lab


def test_as_it_is_spf_fails_and_the_signature_survives() -> None:
    lab = forwarding(srs=False)
    mail = lab.send(ALICE, CAROL, subject="Hi")
    assert mail.delivered == (BOB,) and lab.mailbox(CAROL) == []
    assert mail.verdict == {"spf": "fail", "dkim": "pass", "dmarc": "pass"}
    assert lab.mailbox(BOB)[0].startswith(b"Return-Path: <alice@alpha.example>")
    assert "mta.forwarded" in [rule.name for rule in rules(mail)]


def test_with_srs_spf_passes_for_the_forwarder() -> None:
    lab = forwarding(srs=True)
    mail = lab.send(ALICE, CAROL, subject="Hi")
    assert mail.verdict == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert lab.mailbox(BOB)[0].startswith(b"Return-Path: <SRS0=")
    assert b"smtp.mailfrom=SRS0=" in lab.mailbox(BOB)[0]


def test_without_a_signature_srs_does_not_help_dmarc() -> None:
    """SPF passes for gamma.example, and From: says alpha.example."""
    for srs, spf in ((False, "fail"), (True, "pass")):
        lab = forwarding(srs)
        lab.zone.edit("lab._domainkey.alpha.example", TXT=None)
        mail = lab.send(ALICE, CAROL)
        assert mail.verdict == {"spf": spf, "dkim": "permerror", "dmarc": "fail"}


def rules(mail) -> list[Rule]:
    return [step.act for step in mail.trace.only(Rule)]


@pytest.mark.parametrize("srs", [False, True])
def test_a_report_comes_back_to_who_wrote(srs: bool) -> None:
    lab = forwarding(srs, to="nobody@beta.example")
    mail = lab.send(ALICE, CAROL)
    assert mail.delivered == () and len(mail.reports) == 1
    assert b"there is no mailbox nobody@beta.example" in lab.mailbox(ALICE)[0]
    assert ("mta.sent-back" in [rule.name for rule in rules(mail)]) == srs


def test_a_null_sender_stays_null_and_ones_own_people_need_no_other_name() -> None:
    lab = forwarding(srs=True)
    assert lab.send("", CAROL, client="192.0.2.25", helo="mx.alpha.example").delivered == (BOB,)
    assert lab.mailbox(BOB)[-1].startswith(b"Return-Path: <>")
    assert lab.send("mallory@gamma.example", CAROL).delivered == (BOB,)
    assert lab.mailbox(BOB)[-1].startswith(b"Return-Path: <mallory@gamma.example>")


def test_nobody_has_anything_sent_on_by_an_address_he_made_up() -> None:
    lab = forwarding(srs=True)
    call = lab.smtp("mx.gamma.example")
    call.send("EHLO x.example")
    call.send("MAIL FROM:<>")
    assert call.send("RCPT TO:<SRS0=aaaa=AA=beta.example=bob@gamma.example>").startswith("550 5.1.1")
    assert "mta.srs-forged" in [step.act.name for step in call.trace.only(Rule)]
    real = lab.send(ALICE, CAROL) and lab.mailbox(BOB)[0].split(b"<", 1)[1].split(b">")[0].decode()
    assert call.send(f"RCPT TO:<{real}>").startswith("250")
    lab.clock.advance(days=VALID + 1)
    later = lab.smtp("mx.gamma.example")
    later.send("EHLO x.example")
    later.send("MAIL FROM:<>")
    assert later.send(f"RCPT TO:<{real}>").startswith("550 5.1.1")


def test_without_srs_such_an_address_is_nobody() -> None:
    lab = forwarding(srs=False)
    call = lab.smtp("mx.gamma.example")
    call.send("EHLO x.example")
    call.send("MAIL FROM:<>")
    assert "there is no mailbox" in call.send("RCPT TO:<SRS0=aaaa=AA=beta.example=bob@gamma.example>")


def test_two_that_forward_to_each_other_come_to_an_end() -> None:
    lab = forwarding(srs=False)
    lab.forward(BOB, CAROL)
    lab.configure("mx.beta.example", most_hops=10)
    mail = lab.send(ALICE, CAROL)
    assert mail.delivered == () and len(mail.reports) == 1
    assert "mta.loop" in [rule.name for rule in rules(mail)]


def test_several_recipients_part_ways() -> None:
    lab = forwarding(srs=True)
    mail = lab.send(ALICE, [CAROL, "mallory@gamma.example", "bella@beta.example"])
    assert set(mail.delivered) == {BOB, "mallory@gamma.example", "bella@beta.example"}


def test_who_forwards_elsewhere_forwards_there_only() -> None:
    lab = forwarding(srs=True)
    lab.forward(CAROL, "bella@beta.example", srs=True)
    lab.forward("mallory@gamma.example", BOB, srs=True)
    assert lab.send(ALICE, CAROL).delivered == ("bella@beta.example",)
    assert lab.send(ALICE, "mallory@gamma.example").delivered == (BOB,)


@pytest.mark.parametrize("old, new", [("nobody@gamma.example", BOB), (CAROL, "bob"), (CAROL, "a b@x.example")])
def test_who_cannot_forward_is_told_so(old: str, new: str) -> None:
    with pytest.raises(LabError):
        Lab(seed=1).forward(old, new)


def test_it_is_done_again_in_a_fork() -> None:
    lab = forwarding(srs=True)
    call = lab.smtp("mx.beta.example")
    assert call.fork().lab.send(ALICE, CAROL).delivered == (BOB,)


def test_a_server_that_we_did_not_write_forwards_too() -> None:
    """On real sockets gamma.example's MX is aiosmtpd."""
    lab = forwarding(srs=True)
    with lab.serve() as net, smtplib.SMTP(net.host, net.ports["mx.gamma.example:25"], "mx.alpha.example") as client:
        client.sendmail(ALICE, [CAROL], f"From: {ALICE}\nTo: {CAROL}\nSubject: Hi\n\nHi\n")
        net.settle()
    assert lab.mailbox(BOB, "Junk")[0].startswith(b"Return-Path: <SRS0=")
