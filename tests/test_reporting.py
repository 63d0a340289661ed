"""Receivers tell the owners of domains what came in their name: really sent, through the receiver's own queue."""

from __future__ import annotations

import email
from email.policy import default

import pytest
from mta_stage import rules

from mailedu import Lab
from mailedu.acts import DnsTimeout, Rule, Store
from mailedu.auth.report import read

OWNER = "dmarc@alpha.example"
FORGER = {"from_": "alice@alpha.example", "client": "203.0.113.66", "read": False}


def lab_with(record: str = "p=reject; rua=mailto:dmarc@alpha.example", **settings) -> Lab:
    """Beta's MX reports; alpha's owner reads."""
    given = {"reports": True, **settings}
    lab = Lab(1, tls=False, opinions=False, staff={"alpha.example": ["dmarc"]}, settings={"mx.beta.example": given})
    lab.zone.edit("_dmarc.alpha.example", TXT=f"v=DMARC1; {record}")
    return lab


def honest(lab: Lab) -> None:
    lab.send("alice@alpha.example", "bob@beta.example", subject="Lunch", read=False)


def forged(lab: Lab):
    return lab.send("mallory@gamma.example", "bob@beta.example", subject="Lunch", **FORGER)


def test_at_the_end_of_a_day_the_owner_gets_a_report_and_can_read_it() -> None:
    lab = lab_with()
    honest(lab)
    honest(lab)
    forged(lab)
    lab.clock.advance(hours=14, minutes=59)
    assert lab.mailbox(OWNER) == [], "the day is not over"
    lab.clock.advance(minutes=1)
    [letter] = lab.mailbox(OWNER)
    report = read(letter)
    assert (report.organization, report.published.domain, report.published.p) == (
        "beta.example",
        "alpha.example",
        "reject",
    )
    assert (report.begin, report.end) == (1_795_392_000, 1_795_478_399), "Monday, from midnight to midnight"
    assert {(row.source_ip, row.count, row.disposition, row.dkim, row.spf) for row in report.rows} == {
        ("192.0.2.25", 2, "pass", "pass", "pass"),
        ("203.0.113.66", 1, "reject", "fail", "fail"),
    }


def test_it_is_mail_as_the_standard_wants_it() -> None:
    """RFC 9990 §3.5.2: gzip, its name, the subject; and it passes DMARC itself."""
    lab = lab_with()
    honest(lab)
    lab.clock.advance(days=1)
    letter = email.message_from_bytes(lab.mailbox(OWNER)[0], policy=default)
    [part] = letter.iter_attachments()
    assert (part.get_content_type(), part.get_content()[:2]) == ("application/gzip", b"\x1f\x8b")
    assert part.get_filename() == "beta.example!alpha.example!1795392000!1795478399.xml.gz"
    assert letter["Subject"].startswith("Report Domain: alpha.example Submitter: beta.example Report-ID: <")
    assert "dmarc=pass header.from=beta.example" in letter["Authentication-Results"]
    assert letter["Return-Path"] == "<postmaster@beta.example>"


def test_every_day_has_its_own_report_and_a_day_without_mail_has_none() -> None:
    lab = lab_with()
    for days in (1, 2, 1):
        honest(lab)
        lab.clock.advance(days=days)
    assert [read(letter).begin // 86_400 % 100 for letter in lab.mailbox(OWNER)] == [80, 81, 83]


def test_nobody_reports_who_was_not_told_to_and_to_nobody_who_did_not_ask() -> None:
    quiet = lab_with(reports=False)
    honest(quiet)
    quiet.clock.advance(days=2)
    assert quiet.mailbox(OWNER) == []
    unasked = lab_with("p=reject")
    honest(unasked)
    unasked.clock.advance(days=2)
    assert not [step for step in unasked.trace.only(Rule) if step.act.name == "report.aggregate"]


def test_outside_of_the_organization_the_other_side_has_to_agree() -> None:
    """RFC 9990 §4."""
    lab = lab_with("p=reject; rua=mailto:carol@gamma.example")
    honest(lab)
    lab.clock.advance(days=1)
    assert lab.mailbox("carol@gamma.example") == []
    assert "report.not-agreed" in rules(step.act for step in lab.trace)
    lab.zone.edit("alpha.example._report._dmarc.gamma.example", TXT="v=DMARC1")
    honest(lab)
    lab.clock.advance(days=1)
    assert len(lab.mailbox("carol@gamma.example")) == 1


def test_reporting_can_be_switched_on_and_goes_on_after_a_fall() -> None:
    lab = lab_with(reports=False)
    lab.configure("mx.beta.example", reports=True)
    lab.configure("mx.beta.example", reports=True)
    honest(lab)
    lab.restart("mx.beta.example")  # what was counted is gone
    honest(lab)
    lab.clock.advance(days=1)
    [letter] = lab.mailbox(OWNER)
    assert read(letter).count == 1


def test_reports_are_played_again() -> None:
    lab = lab_with()
    honest(lab)
    lab.clock.advance(days=1)
    again = lab.history.again(lab.inputs)
    assert again.trace == lab.trace


# -- one letter that failed ------------------------------------------------------------------------------------------


def test_a_failure_is_told_at_once() -> None:
    """RFC 9991, in the format of RFC 6591."""
    lab = lab_with("p=reject; ruf=mailto:dmarc@alpha.example", failure_reports=2)
    mail = forged(lab)
    assert mail.refused and mail.verdict == {"spf": "pass", "dkim": "none", "dmarc": "fail"}
    [letter] = lab.mailbox(OWNER)
    report = email.message_from_bytes(letter, policy=default)
    assert report.get_content_type() == "multipart/report" and report.get_param("report-type") == "feedback-report"
    _, fields, header = report.iter_parts()
    told = email.message_from_bytes(fields.get_payload(decode=False)[0].as_bytes(), policy=default)
    assert (told["Auth-Failure"], told["Delivery-Result"], told["Source-IP"]) == ("dmarc", "reject", "203.0.113.66")
    assert told["Original-Mail-From"] == "<mallory@gamma.example>"
    assert "Subject: Lunch" in str(header.get_payload())
    assert b"dmarc=pass header.from=beta.example" in letter and letter.startswith(b"Return-Path: <>\r\n")


def test_failure_reports_have_a_limit_a_day() -> None:
    """RFC 9991 §2: so that nobody is flooded."""
    lab = lab_with("p=none; ruf=mailto:dmarc@alpha.example", failure_reports=2)
    for _ in range(4):
        forged(lab)
    assert len(lab.mailbox(OWNER)) == 2
    assert rules(step.act for step in lab.trace).count("report.enough") == 2
    lab.clock.advance(days=1)
    forged(lab)
    assert len(lab.mailbox(OWNER)) == 3


def test_what_passes_is_not_told() -> None:
    lab = lab_with("p=reject; ruf=mailto:dmarc@alpha.example", failure_reports=2)
    honest(lab)
    assert lab.mailbox(OWNER) == []


# -- what is done about a finding --------------------------------------------------------------------------------------


def test_without_an_answer_from_the_dns_it_is_delivered_or_put_off() -> None:
    """RFC 9989 §5.4: both are allowed."""
    for defers, delivered in ((False, True), (True, False)):
        lab = lab_with(defers=defers)
        lab.zone.fault("_dmarc.alpha.example", "TXT", DnsTimeout())
        mail = lab.send("alice@alpha.example", "bob@beta.example", read=False)
        assert bool(mail.delivered) is delivered
        assert len(lab.queue("mx.alpha.example")) == (1 if defers else 0)
        lab.zone.mend("_dmarc.alpha.example")
        lab.clock.advance(hours=1)
        assert mail.delivered == ("bob@beta.example",)


@pytest.mark.parametrize(
    "settings, where",
    [
        ({}, ("bob@beta.example/Junk",)),
        ({"policy_alone": True}, ()),
        ({"trusts": ["203.0.113.25"]}, ("bob@beta.example",)),
    ],
)
def test_a_policy_alone_is_no_reason_to_reject(settings, where) -> None:
    """RFC 9989 §7.4: mail from a host with a name, whose SPF passes for another domain, that fails DMARC."""
    lab = lab_with(**settings)
    mail = lab.send(
        "mallory@gamma.example", "bob@beta.example", from_="alice@alpha.example", client="203.0.113.25", read=False
    )
    assert mail.delivered == where
    assert bool(mail.refused) is (not where)
    lab.clock.advance(days=1)
    [row] = read(lab.mailbox(OWNER)[0]).rows
    assert (
        row.disposition
        == {"": "reject", "bob@beta.example/Junk": "quarantine", "bob@beta.example": "none"}[where[0] if where else ""]
    )
    assert [kind for kind, _ in row.reasons] == {0: [], 1: ["local_policy"], 2: ["trusted_forwarder"]}[
        1 if not settings else 2 if "trusts" in settings else 0
    ]


def test_imap_shows_the_junk_folder_as_junk() -> None:
    lab = lab_with("p=quarantine; rua=mailto:dmarc@alpha.example")
    mail = forged(lab)
    assert [act.box for act in mail.stored if isinstance(act, Store)] == ["bob@beta.example/Junk"]
    call = lab.imap("bob@beta.example")
    call.send(f"a1 LOGIN bob {lab.password('bob@beta.example')}")
    listed = call.send('a2 LIST "" "*" RETURN (SPECIAL-USE)')
    assert any("\\Junk" in line and line.endswith('"Junk"') for line in listed.splitlines())
    assert "* 1 EXISTS" in call.send("a3 SELECT Junk")
