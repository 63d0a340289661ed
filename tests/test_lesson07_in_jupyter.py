"""Lesson 07 in real JupyterLab: the arena steps by the keys, Bob's Friday is chosen anew, all of it light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "07-imap.ipynb"
LOOKED_AT = ("knock-run", "arena-1", "arena-2", "arena-3", "board", "endings", "run-5", "I2-task", "I3-try")
PICTURES = os.environ.get("MAILEDU_PICTURES", "")  # a folder for pictures to look at; "" takes none


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab: Jupyter) -> Iterator[Page]:
    page = lab.open(LESSON, width=1366, height=768)
    run_all(page, 240)
    yield page
    page.close()


def arena(page: Page, id: str) -> Locator:
    """The arena that a cell shows, its keys awake."""
    shown = cell(page, id).locator(".mp-arena")
    shown.wait_for(timeout=30_000)
    shown.locator(".mp-arena-list").focus()
    return shown


def said(shown: Locator) -> str:
    return " ".join(shown.locator("[aria-selected=true]").locator(".who, .lb").all_inner_texts()).strip()


def fits(page: Page, id: str) -> bool:
    """Nothing that a cell shows is wider than its place."""
    return bool(
        cell(page, id).evaluate(
            "cell => [...cell.querySelectorAll('.mp, .mailedu-light, .mailedu-dark')].every(e => "
            "e.scrollWidth <= e.clientWidth + 1 && e.clientWidth <= cell.clientWidth)"
        )
    )


def test_every_cell_ran_and_none_failed_but_what_nobody_has_done_yet(lesson: Page) -> None:
    assert failed(lesson) == [f"I{number}-check" for number in range(1, 8)]


def test_the_arena_begins_with_the_first_client_and_steps_in_the_order_of_time(lesson: Page) -> None:
    shown = arena(lesson, "arena-2")
    seen = [said(shown)]
    for _ in range(5):
        lesson.keyboard.press("ArrowDown")
        seen.append(said(shown))
    assert seen[:4] == [
        "phone a2 SELECT INBOX", "laptop a2 SELECT INBOX", r"phone a3 STORE 2 +FLAGS (\Deleted)", "phone a4 EXPUNGE",
    ]  # fmt: skip
    lesson.keyboard.press("ArrowUp")
    lesson.keyboard.press("ArrowUp")
    waiting = shown.locator("td[data-is=removed]")
    expect(waiting).to_have_count(1)
    assert waiting.inner_text().split("\n") == ["2", "removed, not told"]


def test_the_wrong_letter_stands_out(lesson: Page) -> None:
    shown = arena(lesson, "arena-3")
    shown.locator("[data-wrong]").click()
    assert shown.locator("[data-hit] .subject").inner_text() == "Photos"
    assert "broken on purpose" in shown.locator(".mp-arena-talk").inner_text()


def test_another_server_is_chosen_and_nothing_is_hit(lesson: Page) -> None:
    shown = cell(lesson, "endings")
    shown.locator(".mp-arena").wait_for(timeout=30_000)
    expect(shown.locator("[data-wrong]")).to_have_count(1)
    shown.locator("select:visible").first.select_option(label="right")
    expect(shown.locator(".mp-arena [data-wrong]")).to_have_count(0, timeout=15_000)


def test_idle_is_a_moment_of_its_own(lesson: Page) -> None:
    shown = arena(lesson, "arena-4")
    lesson.keyboard.press("End")
    assert said(shown) == "laptop is told"
    assert "* 5 EXISTS" in shown.locator(".mp-arena-talk").inner_text()


@pytest.mark.parametrize("name", ["Light", "Dark"])
def test_it_fits_light_and_dark(lesson: Page, name: str) -> None:
    theme(lesson, name)
    try:
        for id in LOOKED_AT:
            assert fits(lesson, id), id
            if PICTURES:
                lesson.screenshot(path=Path(PICTURES) / f"{id}-{name}.png")
        own, other = ("light", "dark") if name == "Light" else ("dark", "light")
        shown = cell(lesson, "board")
        assert shown.locator(f".mailedu-{own} svg").bounding_box()["width"] > 300
        assert not shown.locator(f".mailedu-{other} svg").is_visible()
    finally:
        theme(lesson, "Light")


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = cell(lesson, "guess-1")
    shown.get_by_text("C · all four letters").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: C").wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
