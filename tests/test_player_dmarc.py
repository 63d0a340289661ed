"""DMARC read out of a trace, and its pane in a real browser: the walk, the finding, the action, two standards, keys."""

from __future__ import annotations

import re

import pytest
from player_traces import HOSTILE
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, Opened, opened, press, step  # noqa: F401

from mailedu import Lab
from mailedu.trace import Trace
from mailedu.views.dmarc import FACTS, as_data, beside, evaluations
from mailedu.views.score import score

DEEP = "From: pay@deep.news.alpha.example\nSubject: x\n\nPay.\n"
FORGER = {"ip": "203.0.113.25", "helo": "mx.gamma.example", "mail_from": "mallory@gamma.example"}
RECORD = "v=DMARC1; p=reject; sp=quarantine; np=reject; pct=50; t=y"
NOW = ".mp-dmarc-line[data-now]"


def lab() -> Lab:
    made = Lab(1, opinions=False)
    made.zone.edit("_dmarc.alpha.example", TXT=RECORD)
    return made


def evaluated(letter: str = DEEP) -> Trace:
    return lab().evaluate_dmarc(letter, **FORGER).trace


def both() -> Trace:
    return lab().compare_dmarc(DEEP, lot=70, **FORGER).trace


def sent(**more) -> Trace:
    given = {"from_": "alice@alpha.example", "client": "203.0.113.25", "read": False, **more}
    return lab().send("mallory@gamma.example", "bob@beta.example", **given).trace


# -- reading the trace -----------------------------------------------------------------------------------------------


def test_the_walk_is_told_label_by_label() -> None:
    [found] = evaluations(evaluated())
    names = [
        (line.label, line.depth, line.start_name)
        for line in found.lines
        if line.kind == "name" and line.part == "policy"
    ]
    assert names == [
        ("deep.news.alpha.example", 0, "deep.news.alpha.example"),
        ("news.alpha.example", 1, "deep.news.alpha.example"),
        ("alpha.example", 1, "deep.news.alpha.example"),
        ("example", 1, "deep.news.alpha.example"),
    ]
    assert [line.words for line in found.lines if line.kind == "name"][:3] == ["no record", "no record", RECORD]


def test_the_walks_for_a_voucher_stand_under_it() -> None:
    [found] = evaluations(evaluated())
    vouchers = [(line.kind, line.depth, line.label, line.words) for line in found.lines if line.part == "vouchers"]
    assert vouchers[0] == ("voucher", 0, "SPF gamma.example", "not aligned")
    assert all(depth > 0 for _, depth, *_ in vouchers[1:])


@pytest.mark.parametrize("make", [evaluated, both, sent])
def test_the_facts_are_those_of_the_finding(make) -> None:
    """Read from the trace alone, they are what the evaluator returned."""
    found = evaluations(make())
    if make is both:
        compared = lab().compare_dmarc(DEEP, lot=70, **FORGER)
        given = [compared.new, compared.old]
    else:
        letter = DEEP if make is evaluated else "From: alice@alpha.example\n\nx\n"
        given = [lab().evaluate_dmarc(letter, **FORGER).finding]
    for one, finding in zip(found, given, strict=True):
        facts = {name: one.facts.get(name, "") for name in FACTS}
        assert facts == {
            "result": finding.result, "disposition": finding.disposition, "policy": finding.policy, "tag": finding.tag,
            "policy domain": finding.policy_domain, "organizational domain": finding.organizational,
            "vouched for by": finding.vouchers,
        }  # fmt: skip


def test_the_action_stands_apart_from_the_finding() -> None:
    [found] = evaluations(sent())
    assert found.action is not None and found.action.start > found.end
    assert (found.facts["disposition"], found.action.words) == ("quarantine", "into the Junk folder")
    assert evaluations(evaluated())[0].action is None, "nobody has to do anything about a question"


def test_two_standards_are_compared() -> None:
    found = evaluations(both())
    assert [one.rfc for one in found] == ["9989", "7489"]
    rows = beside(found, found[0])
    assert rows == beside(found, found[1])
    assert {what for what, new, old in rows if new != old} == {"disposition", "policy", "tag"}
    assert beside(evaluations(sent()), evaluations(sent())[0]) == []


@pytest.mark.parametrize(
    "letter", ["Subject: nobody\n\n", "From: a@a.example\nFrom: b@b.example\n\n", "From: x@[192.0.2.1]\n\n"]
)
def test_a_letter_without_an_author_is_told_too(letter) -> None:
    [found] = evaluations(evaluated(letter))
    assert found.facts["result"] == "permerror" and found.lines[0].mood == "bad"


def test_every_prefix_of_a_trace_can_be_read() -> None:
    """While one steps through it, it is not over yet."""
    whole = list(both())
    for many in range(len(whole)):
        trace = Trace()
        for one in whole[:many]:
            trace.record(one.actor, one.conversation, one.parent, one.act)
        as_data(evaluations(trace))


def test_what_strangers_wrote_has_a_limit() -> None:
    made = Lab(1, opinions=False)
    made.zone.edit("_dmarc.alpha.example", TXT="v=DMARC1; p=none; " + "x=1; " * 5_000)
    [told] = as_data(evaluations(made.evaluate_dmarc("From: a@alpha.example\n\n", **FORGER).trace))
    assert all(len(text) <= 300 for line in told["lines"] for text in line.values() if isinstance(text, str))


def test_a_trace_of_dmarc_alone_opens_in_its_pane() -> None:
    assert score(evaluated(), {}, {})["pane"] == "dmarc"
    assert "pane" not in score(sent(), {}, {})
    assert score(Lab(1).check_spf(ip="192.0.2.1", mail_from="a@alpha.example").trace, {}, {})["pane"] == "spf"


# -- in the browser ----------------------------------------------------------------------------------------------------


def now(page: Page) -> str:
    return re.sub(r"\s+", " ", page.locator(NOW).locator(".lb").inner_text()).strip()


@pytest.mark.browser
def test_it_opens_there_and_the_keys_work_at_once(opened: Opened) -> None:  # noqa: F811
    page = opened(evaluated())
    assert page.locator("[role=tab]").all_inner_texts() == ["Story", "SPF", "DMARC"]
    assert page.locator(".mp-dmarc-tree").evaluate("tree => tree === document.activeElement")
    seen = []
    for _ in range(14):
        press(page, "ArrowDown")
        seen.append(now(page))
    assert list(dict.fromkeys(seen))[:3] == [
        "deep.news.alpha.example",
        "_dmarc.deep.news.alpha.example",
        "tree walk from deep.news.alpha.example",
    ]
    assert now(page).startswith("_dmarc.")
    struck = page.locator(".mp-dmarc-line[data-kind=name] s").all_inner_texts()
    assert struck[:3] == ["deep.", "deep.news.", "deep.news.alpha."]


@pytest.mark.browser
def test_a_line_that_is_clicked_is_explained_with_its_question_and_its_section(opened: Opened) -> None:  # noqa: F811
    page = opened(evaluated())
    page.locator(".mp-dmarc-line", has_text="np=reject").first.click()
    said = page.locator(".mp-dmarc-detail")
    assert said.locator("dt").inner_text().strip() == "_dmarc.alpha.example TXT?"
    assert said.locator("dd").inner_text() == RECORD
    assert "rfc9989#section-4." in said.locator("a").first.get_attribute("href")
    page.locator(".mp-dmarc-tree").focus()
    press(page, "ArrowLeft")
    assert now(page) == "tree walk from deep.news.alpha.example"


@pytest.mark.browser
def test_the_action_can_be_gone_to(opened: Opened) -> None:  # noqa: F811
    page = opened(sent())
    page.locator("[role=tab]", has_text="DMARC").click()
    page.get_by_role("button", name="Go to step").click()
    box = page.locator(".mp-dmarc-action")
    assert "its own decision" in box.inner_text() and "into the Junk folder" in box.inner_text()
    box.locator(".mp-dmarc-line").click()
    assert box.locator(NOW[NOW.index("[") :]).count() == 1 and step(page) == evaluations(sent())[0].action.start


@pytest.mark.browser
def test_differences_are_marked_by_more_than_a_colour(opened: Opened) -> None:  # noqa: F811
    page = opened(both())
    rows = page.locator(".mp-dmarc-beside tbody tr")
    assert rows.count() == 7
    marked = page.locator(".mp-dmarc-beside tr[data-differs]")
    assert marked.locator("[aria-label='differs:']").count() == marked.count() == 3
    page.get_by_role("button", name="RFC 7489").click()
    assert page.locator(".mp-dmarc-line", has_text="by the list of public suffixes").count() > 0
    assert page.locator(".mp-dmarc-head .ask").inner_text().endswith("By RFC 7489.")


@pytest.mark.browser
def test_many_evaluations_stand_in_a_list(opened: Opened) -> None:  # noqa: F811
    made = lab()
    for _ in range(5):
        made.send("alice@alpha.example", "bob@beta.example", read=False)
    page = opened(made.trace)
    page.locator("[role=tab]", has_text="DMARC").click()
    choice = page.get_by_label("Evaluation", exact=True)
    assert choice.locator("option").count() == 5
    choice.select_option("4")
    assert step(page) == evaluations(made.trace)[4].start


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 960])
def test_axe_finds_no_violation_in_it_and_it_fits(opened: Opened, theme: str, width: int) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(both(), at="#step=41", width=width, height=900, theme=theme)
    assert page.evaluate(BEYOND_THE_EDGE) == []
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    ours = [v for v in found if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in ours)


@pytest.mark.browser
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_and_authors_stay_text(opened: Opened, name: str) -> None:  # noqa: F811
    octets = HOSTILE[name][:6_000].decode("latin-1")
    made = Lab(1, opinions=False)
    made.zone.edit("_dmarc.alpha.example", TXT=[f"v=DMARC1; p=none; x={octets}"])
    letter = b"From: " + HOSTILE[name][:2_000].replace(b"\r", b" ").replace(b"\n", b" ") + b"@x.example\r\n\r\n"
    for message in (b"From: a@alpha.example\r\n\r\n", letter):
        page = opened(made.evaluate_dmarc(message, **FORGER).trace)
        before = page.evaluate(ELEMENTS), page.title()
        press(page, *["ArrowDown"] * 6)
        assert (page.evaluate(ELEMENTS), page.title()) == before
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            r"!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(document.querySelector('.mp').textContent)"
        )
