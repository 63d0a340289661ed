"""Lesson 08 in real JupyterLab: the recorder follows the steps, an edit is compared, a slip is told by its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "08-spf.ipynb"


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
    assert failed(lesson) == [f"F{number}-check" for number in range(1, 6)]


def test_the_recorder_opens_and_follows_the_steps(lesson: Page) -> None:
    shown = output(lesson, "check")
    shown.locator(".mp-spf-tree").wait_for(timeout=30_000)
    shown.locator(".mp-spf-tree").focus()
    seen = []
    for _ in range(8):
        seen.append(shown.locator(".mp-spf-line[data-now] .lb").inner_text())
        lesson.keyboard.press("ArrowDown")
    assert list(dict.fromkeys(seen)) == [
        "alpha.example v=spf1",
        "include:_spf.alpha.example",
        "_spf.alpha.example v=spf1",
    ]
    assert shown.locator(".mp-spf .gauge").first.inner_text().split()[0] == "1"


def test_the_eleventh_look_up_is_a_cross(lesson: Page) -> None:
    shown = output(lesson, "run-3")
    shown.locator(".mp-spf-tree").wait_for(timeout=30_000)
    assert shown.locator(".mp-spf-checks [aria-pressed=true]").inner_text() == "MAIL FROM: permerror"
    assert shown.locator(".mp-spf-line .over").count() == 1


def test_an_edit_is_compared_and_a_slip_is_told(lesson: Page) -> None:
    shown = output(lesson, "editor-run")
    box = shown.locator("textarea")
    box.wait_for(timeout=30_000)
    text = box.input_value()
    assert "_spf.alpha.example" in text
    box.fill(text.replace("192.0.2.25", "192.0.2.300"))
    shown.get_by_role("button", name="Run again").click()
    shown.get_by_text("Line 2, column").wait_for(timeout=15_000)
    box.fill(text.replace("ip4:192.0.2.0/26", "ip4:192.0.2.0/28"))
    shown.get_by_role("button", name="Run again").click()
    shown.get_by_text("pass before, fail now.").wait_for(timeout=15_000)
    shown.locator(".ln[data-first]").first.wait_for(timeout=15_000)
    assert shown.locator(".mp").count() == 1, "the player of the last run is gone"
    shown.get_by_role("button", name="Walk it").nth(1).click()
    assert "ip4:192.0.2.0/28" in shown.locator(".mp-spf-line .lb").all_inner_texts()


def test_the_map_is_a_picture_light_and_dark(lesson: Page) -> None:
    light, dark = (output(lesson, "map").locator(f".mailedu-{name} svg") for name in ("light", "dark"))
    light.wait_for(timeout=15_000)
    assert light.bounding_box()["width"] > 300 and not dark.is_visible()
    theme(lesson, "Dark")
    try:
        assert dark.bounding_box()["width"] > 300 and not light.is_visible()
    finally:
        theme(lesson, "Light")


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = output(lesson, "guess-1")
    shown.get_by_text("B · pass").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: B").wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
