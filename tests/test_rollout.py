"""Thirty days under a policy, the truth table, the reports read back, their pictures, and the commands for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailedu import Lab, LabError
from mailedu.cli import main
from mailedu.lab.reports import Reports
from mailedu.lab.rollout import FATES, KINDS, rollout
from mailedu.lab.truth import truth_table
from mailedu.views.drawing import DARK, LIGHT
from mailedu.views.reports import fates_drawing, reports_drawing
from mailedu.views.svg import svg


def days(policy: str = "none", **more):
    return rollout(policy, days=7, **more)


# -- what a policy does ----------------------------------------------------------------------------------------------


def test_with_none_everything_arrives() -> None:
    found = days()
    assert (found.lost, found.stopped) == (0, 0)
    assert {letter.fate for letter in found.letters} == {"inbox"}
    assert {letter.kind for letter in found.letters} == set(KINDS)


def test_with_reject_fraud_is_stopped_and_who_was_forgotten_is_lost() -> None:
    counts = days("reject").counts()
    for kind in ("own server", "shop", "forwarded"):
        assert counts[kind]["junk"] == counts[kind]["refused"] == 0
    for kind in ("newsletter", "mailing list"):
        assert counts[kind]["inbox"] == counts[kind]["refused"] == 0 < counts[kind]["junk"], "RFC 9989 §7.4"
    assert counts["forger"]["inbox"] == counts["forger"]["junk"] == 0


def test_who_obeys_the_policy_alone_refuses_real_letters() -> None:
    counts = days("reject", policy_alone=True).counts()
    assert counts["newsletter"]["refused"] > 0 == counts["newsletter"]["junk"]


def test_a_key_that_is_published_saves_the_newsletter() -> None:
    counts = days("reject", repaired=True).counts()
    assert counts["newsletter"]["inbox"] > 0 == counts["newsletter"]["junk"]
    assert counts["forger"]["inbox"] == 0, "and the forger gains nothing by it"


def test_testing_asks_for_one_step_less() -> None:
    counts = days("reject", t="y").counts()
    assert counts["forger"]["junk"] > 0 == counts["forger"]["refused"]
    assert days("quarantine", t="y").stopped == 0


def test_sp_and_np_are_for_names_below() -> None:
    found = days("none", sp="quarantine", np="reject")
    fates = {
        author: {letter.fate for letter in found.letters if letter.kind == "forger" and letter.author == author}
        for author in KINDS["forger"].authors
    }
    assert fates == {
        "alice@alpha.example": {"inbox"},
        "pay@news.alpha.example": {"junk"},
        "pay@accounts.alpha.example": {"refused"},
    }


def test_the_same_seed_is_the_same_month() -> None:
    assert str(days("quarantine")) == str(days("quarantine"))
    assert days(seed=11).counts() != days(seed=10).counts()


@pytest.mark.parametrize(
    "wrong", [{"policy": "rejct"}, {"sp": "no"}, {"np": "x"}, {"t": "maybe"}, {"days": 0}, {"days": 99}]
)
def test_a_policy_that_is_none_is_said_so(wrong) -> None:
    with pytest.raises(LabError):
        rollout(**wrong)


def test_each_letter_has_the_fate_that_its_own_mail_tells() -> None:
    for letter in days("reject", sp="quarantine").letters:
        told = (
            "refused"
            if not letter.mail.delivered
            else "junk"
            if letter.mail.delivered[0].endswith("/Junk")
            else "inbox"
        )
        assert letter.fate == told in FATES, letter


# -- what the owner sees -----------------------------------------------------------------------------------------------


def test_the_reports_count_every_letter_once_for_each_receiver() -> None:
    found = days()
    forwarded = sum(letter.kind == "forwarded" for letter in found.letters)
    assert found.reports.messages == len(found.letters) + forwarded, "gamma's server sees it, and then beta's"
    assert len(found.reports.days()) == 7
    assert sum(day.messages for day in found.reports.days()) == found.reports.messages
    assert found.reports.strange == []


def test_unknown_senders_are_named_with_what_vouches_for_them() -> None:
    unknown = {(source.ip, source.author): source for source in days().reports.unknown()}
    newsletter = unknown["203.0.113.140", "news.alpha.example"]
    assert newsletter.passed == 0 and newsletter.vouched == ("SPF mailer.example", "DKIM mailer.example")
    assert unknown["203.0.113.66", "alpha.example"].vouched == ("SPF gamma.example",)
    forwarder = unknown["203.0.113.25", "alpha.example"]
    assert forwarder.passed == forwarder.messages > 0 and forwarder.vouched == ("DKIM alpha.example",)
    assert "192.0.2.25" not in {ip for ip, _ in unknown}


def test_what_is_no_report_is_named_and_the_same_twice_counts_once() -> None:
    lab = days().lab
    letters = lab.mailbox("dmarc@alpha.example")
    again = Reports.of([*letters, *letters, b"Subject: hello\r\n\r\nno report\r\n"])
    assert again.messages == lab.reports("dmarc@alpha.example").messages
    assert again.strange == ["report.no-file"]


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def month():
    return rollout("reject", sp="quarantine")


@pytest.mark.parametrize("dark", [False, True])
def test_the_pictures_show_the_numbers(month, dark) -> None:
    words = " ".join(month.picture.drawing.words())
    for name, fates in month.counts().items():
        assert name in words
        assert all(f"{count} " in words for count in fates.values() if count)
    report = " ".join(month.reports.picture.drawing.words())
    assert all(f"{source.passed} of {source.messages}" in report for source in month.reports.sources())
    assert report.count("unknown") == len(month.reports.unknown())
    palette = DARK if dark else LIGHT
    assert palette["bg"] in month.picture.svg(dark) and month.figure(dark=dark, width=6).get_axes()


def test_nothing_in_a_picture_lies_outside_of_it(month) -> None:
    for drawing in (month.picture.drawing, month.reports.picture.drawing, truth_table().picture.drawing):
        text = svg(drawing)
        for x in map(float, re.findall(r' x="([-\d.]+)"', text)):
            assert 0 <= x <= drawing.width
        for y in map(float, re.findall(r' y="([-\d.]+)"', text)):
            assert 0 <= y <= drawing.height


def test_hostile_names_are_text() -> None:
    evil = "<script>alert(1)</script>"
    text = svg(fates_drawing({evil: {"inbox": 1}}, {evil: True}, evil))
    assert "<script" not in text and "&lt;script&gt;" in text


def test_without_reports_there_is_nothing_to_draw() -> None:
    with pytest.raises(LabError):
        reports_drawing([], [])
    assert str(Reports([])).startswith("0 reports")


# -- sixteen cases -----------------------------------------------------------------------------------------------------


def test_the_truth_table_is_the_standard_s() -> None:
    """One pass that is aligned is enough (RFC 9989 §5.3.5)."""
    found = truth_table()
    assert len(set(case[:4] for case in found)) == 16
    for case in found:
        wanted = (case.spf == "pass" and case.spf_aligned) or (case.dkim == "pass" and case.dkim_aligned)
        assert (case.dmarc == "pass") is wanted, case
        assert bool(case.vouchers) is wanted
    assert found.passes == 7 and str(found).splitlines()[-1] == "7 of 16 pass"


# -- both standards beside each other ----------------------------------------------------------------------------------


def test_both_standards_on_one_letter() -> None:
    lab = Lab(seed=1, opinions=False)
    lab.zone.edit("_dmarc.alpha.example", TXT="v=DMARC1; p=quarantine; pct=10; np=reject")
    question = {"ip": "203.0.113.66", "helo": "x.example", "mail_from": "mallory@gamma.example"}
    found = lab.compare_dmarc("From: pay@nothere.alpha.example\n\nPay.\n", lot=50, **question)
    assert (found.new.disposition, found.old.disposition) == ("reject", "none")
    assert ("disposition", "reject", "none") in found.differences
    assert "policy: reject, not quarantine" in repr(found)
    with pytest.raises(LabError):
        lab.compare_dmarc("From: a@alpha.example\n\n", lot=100, **question)


# -- the commands ------------------------------------------------------------------------------------------------------


def command(*words: str):
    return CliRunner().invoke(main, ["dmarc", *words])


def test_the_table_by_a_command(tmp_path: Path) -> None:
    file = tmp_path / "table.png"
    done = command("table", "--figure", str(file))
    assert done.exit_code == 0 and "7 of 16 pass" in done.output
    assert file.read_bytes().startswith(b"\x89PNG")


def test_the_rollout_by_a_command(tmp_path: Path) -> None:
    one, other = tmp_path / "fates.svg", tmp_path / "reports.pdf"
    done = command(
        "rollout", "-p", "reject", "--sp", "none", "--days", "3", "--figure", str(one), "--reports", str(other)
    )
    assert done.exit_code == 0, done.output
    assert "3 days of v=DMARC1; p=reject; sp=none" in done.output and "3 reports" not in done.output.splitlines()[0]
    assert "<svg" in one.read_text("utf-8") and other.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "words, code", [(["rollout", "-p", "rejct"], 2), (["rollout", "--days", "1", "--figure", "/nowhere/x.xyz"], 1)]
)
def test_a_slip_is_one_sentence(words, code) -> None:
    done = command(*words)
    assert done.exit_code == code and "Error: " in done.output and "Traceback" not in done.output
