"""The player's queue pane in a real browser: the clock that is dragged, keys, lanes, reports, hostile text, access."""

from __future__ import annotations

import re

import pytest
from player_traces import HOSTILE
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, TOO_SMALL, Opened, opened, press, step, until  # noqa: F401

from mailedu import Lab
from mailedu.trace import Trace
from mailedu.views.lanes import lanes

pytestmark = pytest.mark.browser

ALICE = "alice@alpha.example"
CLOCK = ".mp-queue-clock"
HERE = "() => { const { app } = document.querySelector('.mp').player; return app.story.rows[app.walk.after()]; }"


@pytest.fixture(scope="module")
def five_days() -> Trace:
    """One of three is deferred, one refused; another waits for a host, and one for ever."""
    lab = Lab(seed=4, tls=False, opinions=False)
    lab.stop("mx.gamma.example")
    lab.send(ALICE, ["bob@beta.example", "450-twice@beta.example", "nobody@beta.example"], subject="Lunch", read=False)
    lab.send(ALICE, ["carol@gamma.example", "450@beta.example"], subject="Minutes", read=False)
    lab.clock.advance(days=3)
    lab.start("mx.gamma.example")
    lab.clock.advance(days=3)
    return lab.trace


def clock(page: Page) -> str:
    return page.locator(".mp-queue-head .time").inner_text()


def tally(page: Page) -> list[str]:
    return page.locator(".mp-queue-head .is").all_inner_texts()


def ends(page: Page) -> list[str]:
    """How each lane stands."""
    return page.locator(".mp-queue-lanes li").evaluate_all("all => all.map(one => one.dataset.is)")


def test_it_opens_with_the_clock_in_hand(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Queue"
    assert (clock(page), sorted(tally(page))) == ("0 min", ["1 bounced", "2 delivered", "3 wait"])
    assert set(ends(page)) == {"waits", "delivered", "bounced", "future"}, "the last report is not written yet"
    page.locator("[role=tab]", has_text="Story").click()
    press(page, "Home")
    page.locator("[role=tab]", has_text="Queue").click()
    assert (step(page), set(ends(page)), tally(page)) == (0, {"future"}, [])
    assert page.locator(".mp-queue-lanes .who b").all_inner_texts() == [lane.recipient for lane in lanes(five_days)]


def test_the_arrows_go_from_moment_to_moment(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "Home")
    seen = [(clock(page), tally(page))]
    for _ in range(4):
        press(page, "ArrowRight")
        seen.append((clock(page), tally(page)))
    assert [time for time, _ in seen] == ["0 min", "15 min", "45 min", "1 h 45 min", "3 h 45 min"]
    assert sorted(seen[0][1]) == ["1 bounced", "2 delivered", "3 wait"]
    assert sorted(seen[2][1]) == ["1 bounced", "2 wait", "3 delivered"]
    press(page, "ArrowLeft")
    assert clock(page) == "1 h 45 min"
    press(page, "End")
    assert sorted(tally(page)) == ["1 bounced", "1 expired", "5 delivered"]
    press(page, "PageUp")
    assert clock(page) == "4 d"
    told = page.locator(CLOCK).get_attribute("aria-valuetext")
    assert told.startswith("4 d after the first message") and "1 waits" in told
    assert page.locator(CLOCK).get_attribute("aria-valuenow") == str(4 * 24 * 60)


def test_dragging_moves_the_cursor_to_the_step_of_that_moment(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    box = page.locator(CLOCK).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 11, y)
    page.mouse.down()
    seen = []
    for part in range(0, 11):
        page.mouse.move(box["x"] + 11 + part / 10 * (box["width"] - 22), y)
        row = page.evaluate(HERE)
        seen.append((row["at"], row["n"], clock(page), step(page)))
    page.mouse.up()
    assert seen == sorted(seen, key=lambda one: one[1]), "later on the clock is later in the trace"
    assert seen[0][0] == 0 and seen[-1][0] == 5 * 86_400
    assert len({number for _, number, *_ in seen}) > 7
    for at, number, _, shown in seen:
        assert shown == number
        after = [one.at for one in five_days if one.number > number]
        assert all(one >= at for one in after)


def test_the_cursor_is_the_last_step_that_had_happened(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "Home", "ArrowRight", "ArrowRight")
    row = page.evaluate(HERE)
    rest = [one for one in five_days if one.at <= 2_700]
    assert row["at"] == 2_700 and row["n"] >= rest[-3].number


def test_stepping_in_the_story_moves_the_clock(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "End")
    late = clock(page)
    press(page, "ArrowUp")
    assert step(page) and late.startswith("5 d")
    page.locator("[role=tab]", has_text="Story").click()
    press(page, "Home")
    page.locator("[role=tab]", has_text="Queue").click()
    assert clock(page) == "0 min"


def test_time_runs_by_itself_and_can_be_stopped(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.get_by_role("button", name="Let the time run").click()
    until(page, lambda: "h" in clock(page))
    page.get_by_role("button", name="Stop the clock").click()
    stopped = clock(page)
    page.wait_for_timeout(300)
    assert clock(page) == stopped
    page.get_by_role("button", name="Let the time run").click()
    until(page, lambda: clock(page) == "5 d", 15)
    assert page.get_by_role("button", name="Let the time run").is_visible()
    assert "1 expired" in tally(page)


def test_a_lane_tells_its_attempts_and_leads_to_its_report(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "Home")
    page.get_by_role("button", name="nobody@beta.example: bounced, 1 attempt").click()
    detail = page.locator(".mp-queue-lane")
    assert "Refused at once: its sender is told." in detail.inner_text()
    assert detail.locator(".tries li").count() == 1 and "550 5.1.1" in detail.locator(".tries").inner_text()
    page.get_by_role("button", name=f"Open the report to {ALICE}").click()
    assert detail.locator("h3").inner_text() == ALICE
    text = detail.locator("pre").inner_text()
    assert "Final-Recipient: rfc822; nobody@beta.example" in text and "Action: failed" in text
    assert step(page) == next(lane.step for lane in lanes(five_days) if lane.about is not None)


def test_a_mark_leads_to_its_attempt(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "End")
    lane = next(lane for lane in lanes(five_days) if lane.recipient == "450-twice@beta.example")
    page.locator(f".try[data-n='{lane.tries[1].step}']").click(force=True)
    assert step(page) == lane.tries[1].told and clock(page) == "15 min"
    assert page.locator(".mp-queue-lane h3").inner_text() == lane.recipient
    assert "next attempt in 30 min" in page.locator(".mp-queue-lane").inner_text()
    assert page.locator(".mp-queue-lane .cite").get_attribute("href").endswith("rfc5321#section-4.5.4.1")


def test_an_even_scale_is_even(opened: Opened, five_days) -> None:  # noqa: F811
    page = opened(five_days, opens="queue")
    page.locator(CLOCK).focus()
    press(page, "Home", "PageDown")
    knob = "() => document.querySelector('.mp-queue-clock .done').getAttribute('x2')"
    stretched = float(page.evaluate(knob))
    page.get_by_role("button", name="Even scale").click()
    assert float(page.evaluate(knob)) < stretched
    assert page.get_by_role("button", name="Even scale").get_attribute("aria-pressed") == "true"


def test_where_nothing_waited_there_is_no_such_pane(opened: Opened) -> None:  # noqa: F811
    page = opened(Lab(seed=1).send(ALICE, "bob@beta.example", read=False).trace)
    assert "Queue" not in page.locator("[role=tab]").all_inner_texts()


def test_a_guess_that_is_asked_for_is_asked_before_time_passes_it(opened: Opened, five_days) -> None:  # noqa: F811
    lane = next(lane for lane in lanes(five_days) if lane.recipient == "450@beta.example")
    asked = {lane.tries[2].told: ("When next?", {"in a quarter": "No.", "in an hour": True})}
    page = opened(five_days, opens="queue", predict=asked)
    page.locator(CLOCK).focus()
    assert page.locator(".mp-queue .plan").first.is_hidden()
    for key in ("ArrowDown",) * 400:
        page.keyboard.press(key)
        if page.locator(".mp-quiz").count():
            break
    assert page.locator(".mp-say h3").inner_text() == "When next?"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_letters_stay_text(opened: Opened, name: str) -> None:  # noqa: F811
    lab = Lab(seed=4, tls=False, opinions=False)
    octets = re.sub(rb"\r(?!\n)|(?<!\r)\n", b"\x00", HOSTILE[name][:6_000])
    octets = b"\r\n".join(octets[at : at + 900] for at in range(0, len(octets), 900))
    subject = " ".join(octets.decode("latin-1").split())[:200].encode("utf-8", "replace")
    letter = b"From: a@alpha.example\r\nSubject: " + subject + b"\r\n\r\n" + octets
    lab.send(ALICE, ["450@beta.example", "550@beta.example"], message=letter, ret="FULL", read=False)
    lab.clock.advance(hours=1)
    page = opened(lab.trace, opens="queue")
    before = page.evaluate(ELEMENTS), page.title()
    page.locator(CLOCK).focus()
    press(page, "Home", "End")
    page.locator(".mp-queue-lanes .who").last.click()
    page.locator(".mp-queue-lane summary").click()
    assert (page.evaluate(ELEMENTS), page.title()) == before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        r"!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(document.querySelector('.mp').textContent)"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 960])
def test_axe_finds_no_violation_in_it_and_it_fits(opened: Opened, five_days, theme: str, width: int) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(five_days, opens="queue", width=width, height=900, theme=theme)
    page.locator(CLOCK).focus()
    press(page, "End")
    page.locator(".mp-queue-lanes .who").nth(2).click()
    assert page.evaluate(BEYOND_THE_EDGE) == [] and page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    ours = [v for v in found if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in ours)
