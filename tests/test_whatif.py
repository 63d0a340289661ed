"""What if: an edit compared with what was, one record for many addresses, and the same in the page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailedu import DnsTimeout, Lab, LabError, Zone
from mailedu.lab.whatif import MOST, each, edited, first_difference
from mailedu.views.score import Branch

CALL = {"ip": "192.0.2.25", "helo": "mx.alpha.example", "mail_from": "alice@alpha.example"}
NARROW = {"_spf.alpha.example": "v=spf1 ip4:192.0.2.0/28 ~all"}


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1)


# -- before and after


def test_two_runs_stand_side_by_side_and_the_first_difference_is_marked(lab: Lab) -> None:
    found = lab.compare_spf(NARROW, **CALL)
    assert repr(found) == "<SPF pass -> fail, first difference at step 21>"
    assert (
        str(found)
        == """\
before                                           │ after
MAIL FROM: alice@alpha.example from 192.0.2.25   │ MAIL FROM: alice@alpha.example from 192.0.2.25
  alpha.example                                  │   alpha.example
    include:_spf.alpha.example  match -> pass    ≠     include:_spf.alpha.example  no match
-- first difference, step 21 --------------------
   before:  _spf.alpha.example TXT = v=spf1 ip4:192.0.2.0/26 ip6:2001:db8:a::/64 ~all
   after:   _spf.alpha.example TXT = v=spf1 ip4:192.0.2.0/28 ~all
------------------------------------------------
      _spf.alpha.example                         │       _spf.alpha.example
        ip4:192.0.2.0/26  match -> pass          ≠         ip4:192.0.2.0/28  no match
        ip6:2001:db8:a::/64  not reached         ≠         ~all  match -> softfail
        ~all  not reached                        ≠     -all  match -> fail
    -all  not reached                            ≠ = fail, 1 of 10 look-ups, 0 of 2 void
= pass, 1 of 10 look-ups, 0 of 2 void            ≠"""
    )


def test_the_lab_stays_as_it_is(lab: Lab) -> None:
    before, steps = lab.zone.copy(), len(lab.trace)
    found = lab.compare_spf(NARROW, **CALL)
    assert lab.zone == before and lab.inputs == [] and len(lab.trace) == steps
    assert found.zone != before
    lab.zone.replace(found.zone.text())
    assert lab.check_spf(**CALL).result == "fail"


@pytest.mark.parametrize(
    "edits",
    [
        NARROW,
        {"_spf.alpha.example": {"TXT": "v=spf1 ip4:192.0.2.0/28 ~all"}},
        '_spf.alpha.example. TXT "v=spf1 ip4:192.0.2.0/28 ~all"',
        "$ORIGIN alpha.example.\n_spf TXT ( v=spf1\\032ip4:192.0.2.0/28\\032~all )\n",
    ],
)
def test_an_edit_can_be_written_in_many_ways(lab: Lab, edits: object) -> None:
    assert lab.compare_spf(edits, **CALL).after.result == "fail"


def test_records_can_go_and_questions_can_meet_silence(lab: Lab) -> None:
    assert lab.compare_spf({"alpha.example": None}, **CALL).after.result == "none"
    assert lab.compare_spf({"_spf.alpha.example": DnsTimeout()}, **CALL).after.result == "temperror"
    assert lab.compare_spf(Zone(), **CALL).after.result == "none"


def test_what_makes_no_difference_is_said_so(lab: Lab) -> None:
    for edits in ({}, {"www.alpha.example": {"A": "192.0.2.9"}}):
        found = lab.compare_spf(edits, **CALL)
        assert found.same and found.branches() == ()
        assert str(found) == "The two runs are the same, step for step: pass."


def test_the_same_result_by_another_way_is_a_difference(lab: Lab) -> None:
    found = lab.compare_spf({"alpha.example": "v=spf1 mx -all"}, **CALL)
    assert (found.before.result, found.after.result, found.same) == ("pass", "pass", False)
    assert "≠     mx  match -> pass" in str(found)


def test_a_difference_that_changes_no_line_is_marked_too(lab: Lab) -> None:
    lab.zone.edit("alpha.example", TXT="v=spf1 a:x.alpha.example -all")
    lab.zone.edit("x.alpha.example", A="203.0.113.1")
    found = lab.compare_spf({"x.alpha.example": {"A": "203.0.113.2"}}, **CALL)
    assert "before:  x.alpha.example A = 203.0.113.1" in str(found)
    assert "after:   x.alpha.example A = 203.0.113.2" in str(found)


def test_a_difference_of_the_greeting_only_shows_the_greeting(lab: Lab) -> None:
    found = lab.compare_spf({"mx.alpha.example": "v=spf1 -all"}, **CALL)
    assert "HELO: mx.alpha.example" in str(found) and "MAIL FROM:" not in str(found)


def test_in_the_player_the_second_run_is_a_future_of_the_first(lab: Lab) -> None:
    found = lab.compare_spf(NARROW, **CALL)
    (branch,) = found.branches()
    assert isinstance(branch, Branch) and branch.at == 20 and branch.trace is found.after.trace
    assert found.player().branches[0]["title"] == "after the edit"
    assert "first difference" not in found.to_html()[:2_000] and "<script" in found.to_html()


@pytest.mark.parametrize(
    "edits", ["alpha.example. TXT oops", "alpha.example", 7, {"a..b": "v=spf1"}, {"a.b": {"A": "x"}}]
)
def test_an_edit_that_cannot_be_is_told_in_a_sentence(lab: Lab, edits: object) -> None:
    if edits == "alpha.example. TXT oops":
        assert lab.compare_spf(edits, **CALL).after.result == "none"
    else:
        with pytest.raises(LabError):
            lab.compare_spf(edits, **CALL)


ZONES = st.lists(
    st.sampled_from(["ip4:192.0.2.0/24", "a", "mx", "-all", "~all", "include:_spf.alpha.example"]), max_size=4
)


@settings(max_examples=40, deadline=None)
@given(ZONES)
def test_the_first_difference_is_the_first(terms: list[str]) -> None:
    lab = Lab(seed=1)
    found = lab.compare_spf({"alpha.example": " ".join(["v=spf1", *terms])}, **CALL)
    before, after = found.before.trace, found.after.trace
    assert found.first == first_difference(before, after)
    if found.first is None:
        assert before == after
    else:
        assert all(before[n].act == after[n].act for n in range(found.first))
        assert before[found.first : found.first + 1] != after[found.first : found.first + 1]
        assert str(found).count("-- first difference") == 1


# -- many addresses


def test_a_map_says_what_each_address_gets_and_by_which_term(lab: Lab) -> None:
    found = lab.map_spf(mail_from="alice@alpha.example")
    assert (len(found), found["192.0.2.63"], found["192.0.2.64"]) == (768, "pass", "fail")
    assert found.counts == {"pass": 64, "fail": 704}
    assert [tuple(one) for one in found.ranges] == [
        ("192.0.2.0", "192.0.2.63", 64, "pass", "include:_spf.alpha.example"),
        ("192.0.2.64", "192.0.2.255", 192, "fail", "-all"),
        ("198.51.100.0", "198.51.100.255", 256, "fail", "-all"),
        ("203.0.113.0", "203.0.113.255", 256, "fail", "-all"),
    ]
    assert "192.0.2.0 - 192.0.2.63" in str(found) and repr(found) == "<SPF by address: pass 64, fail 704>"


def test_a_map_is_the_check_for_each_address(lab: Lab) -> None:
    lab.zone.edit(
        "alpha.example", TXT="v=spf1 ip4:192.0.2.0/29 a:gone.alpha.example mx include:_spf.alpha.example ?all"
    )
    found = lab.map_spf(["192.0.2.0/27", "2001:db8:a::/124", "198.51.100.7"], mail_from="alice@alpha.example")
    for ip, result in found.items():
        assert lab.check_spf(ip=ip, helo="x.example", mail_from="alice@alpha.example").result == result


def test_an_error_is_named_in_words(lab: Lab) -> None:
    lab.zone.edit("alpha.example", TXT="v=spf1 include:alpha.example")
    assert lab.map_spf("192.0.2.1", mail_from="a@alpha.example").ranges[0].by == "too many lookups"


@pytest.mark.parametrize("addresses", ["192.0.2", "x", [], ["192.0.2.1", ""], "10.0.0.0/16", "::/0"])
def test_addresses_that_are_none_or_too_many(lab: Lab, addresses: object) -> None:
    with pytest.raises(LabError):
        lab.map_spf(addresses, mail_from="alice@alpha.example")
    with pytest.raises(LabError, match="mail_from"):
        lab.map_spf("192.0.2.1", mail_from="alice")


def test_each_address_once_and_in_order() -> None:
    assert each(["192.0.2.9", "192.0.2.8/31"]) == ["192.0.2.9", "192.0.2.8"]
    assert len(each("192.0.2.0/20")) == MOST


# -- to type into


def test_the_editor_shows_what_the_check_asked_for(lab: Lab) -> None:
    editor = lab.edit_spf(**CALL)
    assert [line.split()[0] for line in editor.text.splitlines()] == [
        "mx.alpha.example.",
        "mx.alpha.example.",
        "alpha.example.",
        "_spf.alpha.example.",
    ]
    assert editor.run().same


def test_what_is_edited_takes_the_place_of_what_was_shown(lab: Lab) -> None:
    editor = lab.edit_spf(**CALL)
    kept = [line for line in editor.text.splitlines() if not line.startswith("_spf")]
    assert editor.run("\n".join(kept)).after.result == "permerror", "a line that is gone is gone"
    assert editor.run("").after.result == "none"
    assert editor.run(editor.text.replace("192.0.2.0/26", "192.0.2.0/28")).after.result == "fail"
    assert editor.run(editor.text + 'other.example. TXT "v=spf1 -all"\n').same
    assert lab.check_spf(**CALL).result == "pass"


def test_a_slip_is_told_by_line_and_column(lab: Lab) -> None:
    editor = lab.edit_spf(**CALL)
    with pytest.raises(LabError, match=r"^Line 2, column 27 of the zone file at '192\.0\.2\.300'"):
        editor.run(editor.text.replace("192.0.2.25", "192.0.2.300"))


def test_an_alias_on_the_way_is_shown_too(lab: Lab) -> None:
    lab.zone.edit("_spf.alpha.example", TXT=None, CNAME="spf.beta.example.")
    lab.zone.edit("spf.beta.example", TXT="v=spf1 ip4:192.0.2.25 -all")
    assert "CNAME" in lab.edit_spf(**CALL).text


def test_the_widget_compares_and_says_what_is_wrong(lab: Lab) -> None:
    editor = lab.edit_spf(**CALL)
    whole = editor.widget()
    box, row, _ = whole.children
    again, undo, said = row.children
    assert said.value == "pass before, pass now. No step differs."
    box.value = box.value.replace("192.0.2.0/26", "192.0.2.0/28")
    again.click()
    assert said.value == "pass before, fail now. First difference: step 21." and len(whole.children) == 3
    box.value += "\n???"
    again.click()
    assert said.value.startswith("Line ")
    undo.click()
    assert box.value == editor.text and said.value.endswith("No step differs.")


def test_edits_leave_faults_where_they_are(lab: Lab) -> None:
    lab.zone.fault("alpha.example", "TXT")
    assert edited(lab.zone, {"beta.example": "v=spf1 -all"}).faults() == lab.zone.faults()
    assert lab.compare_spf(NARROW, **CALL).after.result == "temperror"
