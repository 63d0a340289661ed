"""Lesson 06 in real JupyterLab: the states light up, a guess is committed, other endings are tried; a call branches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "06-pop3.ipynb"
GO = """(root, verb) => { const { app } = root.player;
  app.go(app.story.rows.findLastIndex((row) => row.verb === verb), { reveal: true, jump: true }); }"""


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab: Jupyter) -> Iterator[Page]:
    page = lab.open(LESSON, width=1366, height=768)
    run_all(page)
    yield page
    page.close()


def player(page: Page, id: str) -> Locator:
    """The player that a cell shows, its keys awake."""
    shown = cell(page, id).locator(".mp")
    shown.wait_for(timeout=30_000)
    shown.locator(".mp-score").focus()
    return shown


def lit(shown: Locator) -> str:
    return shown.locator(".mp-state .name.is title").text_content() or ""


def test_every_cell_ran_and_none_failed_but_what_nobody_has_done_yet(lesson: Page) -> None:
    assert failed(lesson) == [f"P{number}-check" for number in range(1, 6)]


def test_the_state_lights_up_and_the_refusal_shows_its_rule(lesson: Page) -> None:
    shown = player(lesson, "states")
    shown.evaluate(GO, "STAT")
    assert lit(shown) == "TRANSACTION"
    lesson.keyboard.press("Home")
    assert lit(shown) == "AUTHORIZATION"
    shown.get_by_role("button", name="Refusal").click()
    assert lit(shown) == "AUTHORIZATION"
    said = shown.locator(".mp-insp").inner_text()
    assert "STAT is not a command of the AUTHORIZATION state" in said
    assert "RFC 1939 §3" in said


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = cell(lesson, "guess-2")
    shown.get_by_text("C · 1, 2 and 3").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: C").wait_for(timeout=15_000)


def test_the_four_runs_are_a_picture_light_and_dark(lesson: Page) -> None:
    shown = cell(lesson, "picture")
    light, dark = shown.locator("img.piles-light"), shown.locator("img.piles-dark")
    light.wait_for(timeout=15_000)
    assert light.bounding_box()["width"] > 700 and not dark.is_visible()
    theme(lesson, "Dark")
    try:
        assert dark.bounding_box()["width"] > 700 and not light.is_visible()
    finally:
        theme(lesson, "Light")


def test_there_is_no_update_in_a_session_that_fell_silent(lesson: Page) -> None:
    shown = player(lesson, "inside")
    lesson.keyboard.press("End")
    assert lit(shown) == "CLOSED"
    words = shown.locator(".mp-score").inner_text()
    assert "DELE 1" in words and "without UPDATE; nothing is removed" in words
    assert "loses message" not in words


@pytest.mark.parametrize("ending, left", [("tunnel", 3), ("QUIT", 2), ("broken line", 3)])
def test_another_ending_leaves_another_pile(lesson: Page, ending: str, left: int) -> None:
    shown = cell(lesson, "endings")
    shown.locator("select").nth(1).select_option(ending)
    shown.get_by_text(f"CLOSED, {left} messages in the maildrop").wait_for(timeout=20_000)
    expect(shown.locator(".mp")).to_have_count(1, timeout=20_000)


def test_the_call_of_poplib_is_branched_at_its_retr(lesson: Page) -> None:
    shown = player(lesson, "poplib-player")
    shown.evaluate(GO, "RETR")
    prompt = shown.locator(".mp-prompt textarea, .mp-prompt input")
    prompt.fill("QUIT")
    prompt.press("Enter")
    shown.get_by_text("+OK goodbye", exact=True).first.wait_for(timeout=20_000)
    assert "+OK 1 message removed, goodbye" in shown.inner_text()


def test_a_check_opens_the_player_where_to_look(lesson: Page) -> None:
    shown = cell(lesson, "P1-try")
    shown.get_by_text("Nobody has fetched a letter yet.").first.wait_for(timeout=15_000)
    shown.get_by_text("P1: where to look").wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
