"""The player's SPF pane in a real browser: the current step's term, the meters, keys, other traces, hostile text."""

from __future__ import annotations

import pytest
from player_traces import HOSTILE
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, Opened, opened, press, step  # noqa: F401
from test_spf_program import NESTED

from mailedu import Lab, Zone, check_spf
from mailedu.trace import Trace
from mailedu.views.score import Branch, score, travels

pytestmark = pytest.mark.browser

TREE = ".mp-spf-tree"
NOW = ".mp-spf-line[data-now]"
LABELS = "all => all.map(line => line.querySelector('.lb').textContent)"
FILLED = (
    "all => all.map(line => [...line.querySelectorAll('.own')].map(own => own.getAttribute('d').split('M').length - 1))"
)


def checked(zone: Zone = NESTED, mail_from: str = "x@a.example") -> Trace:
    return check_spf(ip="192.0.2.77", helo="mail.a.example", mail_from=mail_from, dns=zone).trace


def now(page: Page) -> str:
    """The term that is marked."""
    return page.locator(NOW).locator(".lb").inner_text()


def gauges(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".mp-spf .gauge").all_inner_texts()]


def test_a_trace_of_spf_opens_there_and_the_keys_work_at_once(opened: Opened) -> None:  # noqa: F811
    page = opened(checked())
    assert page.locator(TREE).evaluate("tree => tree === document.activeElement")
    assert page.locator("[role=tab]").all_inner_texts() == ["Story", "SPF"]
    assert (step(page), now(page)) == (8, "a.example v=spf1"), "at the question about MAIL FROM"
    assert press(page, *["ArrowDown"] * 3) == 11
    assert press(page, "Home", *["ArrowDown"] * 2) == 2
    assert now(page) == "mail.a.example has no policy that can be used"


def test_stepping_moves_the_mark_and_the_meters(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(), at="#step=8")
    seen = []
    for _ in range(60):
        if page.locator(NOW).count():
            seen.append((now(page), *gauges(page)))
        press(page, "ArrowDown")
    terms = list(dict.fromkeys(term for term, *_ in seen))
    assert terms == [
        "a.example v=spf1", "include:b.example", "b.example v=spf1", "exists:%{ir}.x.b.example", "include:d.example",
        "d.example v=spf1", "-ip4:192.0.2.77", "?all", "a:nothere.example", "mx", "ip4:192.0.2.1", "redirect=c.example",
        "c.example v=spf1", "-all", "exp=why.c.example",
    ]  # fmt: skip
    assert seen[0][1:] == ("0 of 10 look-ups", "0 of 2 void")
    assert seen[-1][1:] == ("6 of 10 look-ups", "2 of 2 void")
    counts = [int(lookups.split()[0]) for _, lookups, _ in seen]
    assert counts == sorted(counts), "a budget is never given back"


def test_each_term_shows_what_became_of_it_and_what_it_cost(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(), at="#step=60")
    lines = page.locator(".mp-spf-line")
    assert "a:gone.d.example" in lines.evaluate_all(LABELS)
    line = page.locator(".mp-spf-line", has_text="exists:")
    assert line.get_attribute("aria-label") == (
        "exists:%{ir}.x.b.example: no match, look-up 2 of 10, void look-up 1 of 2"
    )
    assert line.locator(".mp-spf-meter").count() == 2
    assert page.locator(".mp-spf-line", has_text="?all").inner_text().split("\n")[-1] == "match → neutral"
    assert sum(len(own) for own in lines.evaluate_all(FILLED)) == 6 + 2
    assert page.locator(".mp-spf-line[data-is=never]").evaluate_all(LABELS) == ["a:gone.d.example", "-all"]


def test_a_term_that_is_clicked_is_explained_with_its_question_and_its_section(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(), at="#step=8")
    page.locator(".mp-spf-line", has_text="exists:").click()
    assert step(page) == 22 and now(page).startswith("exists:")
    said = page.locator(".mp-spf-term")
    assert said.locator("dt").inner_text().strip() == "77.2.0.192.x.b.example A?"
    assert said.locator("dd").inner_text() == "no such name"
    assert said.locator("a").get_attribute("href") == "https://www.rfc-editor.org/rfc/rfc7208#section-5.7"
    page.locator(".mp-spf-line", has_text="a:gone").click()
    assert step(page) == 22, "what was not reached has no step"


def test_left_leads_up_and_escape_to_the_program(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(), at="#step=29")
    page.locator(TREE).focus()
    assert [press(page, "ArrowLeft"), now(page)] == [26, "d.example v=spf1"]
    press(page, "ArrowLeft")
    assert now(page) == "include:d.example"
    press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert now(page) == "a.example v=spf1"
    page.locator(".mp-bar button").first.focus()
    page.keyboard.press("Escape")
    assert page.locator(TREE).evaluate("tree => tree === document.activeElement")


def test_what_is_folded_in_the_story_is_stepped_through_here(opened: Opened) -> None:  # noqa: F811
    page = opened(Lab(seed=1).send("alice@alpha.example", "bob@beta.example", read=False).trace)
    page.locator("[role=tab]", has_text="SPF").click()
    page.get_by_role("button", name="Go to step").click()
    page.locator(TREE).focus()
    first = step(page)
    marked = []
    for _ in range(40):
        press(page, "ArrowDown")
        marked += [now(page)] if page.locator(NOW).count() else []
    assert step(page) > first + 30
    assert list(dict.fromkeys(marked)) == [
        "mx.alpha.example v=spf1", "a", "alpha.example v=spf1", "include:_spf.alpha.example",
        "_spf.alpha.example v=spf1", "ip4:192.0.2.0/26",
    ]  # fmt: skip
    page.locator("[role=tab]", has_text="Story").click()
    assert page.locator(".mp-row[data-now]").count() == 1


def test_checks_are_chosen_and_many_stand_in_a_list(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(), at="#step=8")
    page.get_by_role("button", name="HELO: none").click()
    assert step(page) == 1
    lab = Lab(seed=1)
    for _ in range(3):
        lab.send("alice@alpha.example", "bob@beta.example", read=False)
    page = opened(lab.trace)
    page.locator("[role=tab]", has_text="SPF").click()
    choice = page.get_by_label("Check", exact=True)
    assert choice.locator("option").count() == 6
    choice.select_option("5")
    assert now(page) or step(page)
    assert page.locator(".mp-spf .ask").inner_text() == "May 192.0.2.25 send for alice@alpha.example?"


def test_the_eleventh_look_up_stands_out(opened: Opened) -> None:  # noqa: F811
    page = opened(checked(Zone('a.example. TXT "v=spf1 include:a.example -all"')), at="#step=8")
    page.locator(TREE).focus()
    press(page, "End")
    assert page.locator(".mp-spf .gauge[data-over]").inner_text().strip() == "11 of 10 look-ups"
    assert page.locator(".mp-spf-line .over").count() == 1
    assert page.evaluate(BEYOND_THE_EDGE) == []


def test_who_gives_no_name_is_checked_too(opened: Opened) -> None:  # noqa: F811
    page = opened(check_spf(ip="192.0.2.77", helo="", mail_from="", dns=NESTED).trace)
    assert page.locator(".mp-spf-line").evaluate_all(LABELS) == ["(no name) has no policy that can be used"]
    assert press(page, *["ArrowDown"] * 3) >= 2


def test_a_trace_without_spf_has_no_such_pane(opened: Opened) -> None:  # noqa: F811
    assert opened(Lab(seed=1).smtp("mx.beta.example").trace).locator("[role=tab]").count() == 0


def test_two_checks_side_by_side(opened: Opened) -> None:  # noqa: F811
    zone = NESTED.copy()
    zone.edit("d.example", TXT="v=spf1 +all")
    after = checked(zone)
    branch = Branch("after", "", 26, "after the edit", after)
    page = opened(checked(), branches=[travels(score(after, {}, {}), branch)], opens="branches")
    assert "Steps up to 26 are the same in both" in page.locator(".mp-cmp").inner_text()
    assert page.locator(".ln[data-first] .lb").all_inner_texts() == [
        "v=spf1 -ip4:192.0.2.77 a:gone.d.example -all",
        "v=spf1 +all",
    ]
    page.get_by_role("button", name="Walk it").nth(1).click()
    assert "+all" in page.locator(".mp-spf-line").evaluate_all(LABELS)
    page.locator("select.mp-title").select_option("")
    page.get_by_role("button", name="MAIL FROM: fail").click()
    assert "-ip4:192.0.2.77" in page.locator(".mp-spf-line").evaluate_all(LABELS)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_and_senders_stay_text(opened: Opened, name: str) -> None:  # noqa: F811
    octets = HOSTILE[name][:6_000].decode("latin-1")
    zone = Zone()
    zone.edit("a.example", TXT=[f"v=spf1 {octets} -all"])
    zone.edit("b.example", TXT=[f"v=spf1 exists:%{{l}}.b.example x={octets.split(' ')[0]} exp=why.b.example -all"])
    zone.edit("why.b.example", TXT=[octets])
    text = octets.replace("@", "")
    for trace in (checked(zone, f"{text}@a.example"), checked(zone, f"{text}@b.example")):
        page = opened(trace, at="#step=8")
        before = page.evaluate(ELEMENTS), page.title()
        press(page, *["ArrowDown"] * 12)
        assert (page.evaluate(ELEMENTS), page.title()) == before
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            r"!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(document.querySelector('.mp').textContent)"
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 960])
def test_axe_finds_no_violation_in_it_and_it_fits(opened: Opened, theme: str, width: int) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(checked(), at="#step=22", width=width, height=900, theme=theme)
    assert page.evaluate(BEYOND_THE_EDGE) == []
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    ours = [v for v in found if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in ours)


def test_a_guess_that_is_asked_for_is_asked_in_the_story_and_nothing_is_told_before(opened: Opened) -> None:  # noqa: F811
    asked = {22: ("Does exists match?", {"yes": "There is no such name.", "no": True})}
    page = opened(checked(), at="#step=9", predict=asked)
    assert page.locator(".mp-spf-line", has_text="exists:").locator(".cap").is_hidden()
    press(page, *["ArrowDown"] * 30)
    assert page.locator(".mp-say h3").inner_text() == "Does exists match?"
