"""Lesson 04 in real JupyterLab: the clock is dragged, time runs, a bounce is opened; light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import NOTEBOOK, Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "04-finding-the-way.ipynb"
EXERCISES = ["R1", "R2", "R5", "S12", "R3", "R4"]


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab: Jupyter) -> Iterator[Page]:
    page = lab.open(LESSON)
    run_all(page)
    yield page
    page.close()


def output(page: Page, id: str) -> Locator:
    """What a cell shows, brought into view."""
    return cell(page, id).locator(".jp-Cell-outputArea")


def test_every_cell_ran_and_none_failed_but_what_nobody_has_done_yet(lesson: Page) -> None:
    assert failed(lesson) == [f"{id}-check" for id in EXERCISES]


def test_the_clock_is_dragged_through_five_days(lesson: Page) -> None:
    shown = output(lesson, "run-3")
    clock = shown.locator(".mp-queue-clock")
    clock.wait_for(timeout=30_000)
    clock.scroll_into_view_if_needed()
    box = clock.bounding_box()
    y = box["y"] + box["height"] / 2
    lesson.mouse.move(box["x"] + 12, y)
    lesson.mouse.down()
    seen = []
    for part in range(0, 6):
        lesson.mouse.move(box["x"] + 11 + part / 5 * (box["width"] - 22), y)
        seen.append(shown.locator(".mp-queue-head .time").inner_text())
    lesson.mouse.up()
    assert seen[-1] == "5 d" and len(set(seen)) == 6
    assert shown.locator(".mp-queue-lanes .end").all_inner_texts()[2].split()[0] == "expired"


def test_its_keys_are_the_player_s_and_add_no_cell(lesson: Page) -> None:
    shown = output(lesson, "run-3")
    clock = shown.locator(".mp-queue-clock")
    clock.focus()
    cells = lesson.evaluate(f"{NOTEBOOK}.widgets.length")
    times = []
    for key in ("Home", "ArrowRight", "ArrowRight", "a", "b", "PageDown"):
        lesson.keyboard.press(key)
        times.append(shown.locator(".mp-queue-head .time").inner_text())
    assert times[1:3] == ["15 min", "45 min"] and times[-1].startswith("1 d")
    assert lesson.evaluate(f"{NOTEBOOK}.widgets.length") == cells


def test_a_bounce_is_opened_and_read(lesson: Page) -> None:
    shown = output(lesson, "run-3")
    shown.locator(".mp-queue-clock").focus()
    lesson.keyboard.press("End")
    shown.get_by_role("button", name="carol@gamma.example: expired, 21 attempts").click()
    shown.get_by_role("button", name="Open the report to alice@alpha.example").click()
    assert "Final-Recipient: rfc822; carol@gamma.example" in shown.locator(".mp-queue-lane pre").inner_text()


def test_the_menu_makes_another_run(lesson: Page) -> None:
    shown = output(lesson, "choose")
    shown.locator("select").first.select_option("552-after-data")
    shown.locator(".mp-queue-lanes [data-is]").first.wait_for(timeout=30_000)
    shown.locator("[data-is=bounced], .mp-queue-clock").first.wait_for(timeout=30_000)
    shown.get_by_text("552-after-data@beta.example").first.wait_for(timeout=15_000)


@pytest.mark.parametrize("name", ["Dark", "Light"])
def test_the_picture_is_light_on_light_and_dark_on_dark(lesson: Page, name: str) -> None:
    theme(lesson, name)
    shown = output(lesson, "backup")
    pictures = shown.locator(".mailedu-light > svg, .mailedu-dark > svg")
    pictures.first.wait_for(state="attached", timeout=15_000)
    seen = [one for one in pictures.all() if one.is_visible()]
    assert len(seen) == 1 and seen[0].bounding_box()["width"] > 500
    assert seen[0].locator("rect").first.get_attribute("fill") == {"Dark": "#131416", "Light": "#ffffff"}[name]


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
