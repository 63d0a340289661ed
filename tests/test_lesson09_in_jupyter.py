"""Lesson 09 in real JupyterLab, in a real browser: run all, the microscope answers; nothing leaves here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import NOTEBOOK, Jupyter, cell, failed, jupyterlab_with, run_all
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "09-dkim.ipynb"


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab) -> Iterator[Page]:
    page = lab.open(LESSON)
    run_all(page)
    cell(page, "microscope").locator(".mp-dkim").wait_for(timeout=30_000)
    yield page
    page.close()


def test_every_cell_ran_and_only_the_open_exercises_say_no(lesson) -> None:
    assert failed(lesson) == [f"D{number}-check" for number in range(1, 8)]


def test_the_microscope_answers_to_keys_and_to_changes(lesson) -> None:
    pane = lesson.locator(".mp-dkim").first
    octets = pane.locator("[data-column=raw] .octets")
    cells = lesson.evaluate(f"{NOTEBOOK}.widgets.length")
    octets.focus()
    for key in ("ArrowRight", "ArrowRight", "b", "x", "d", "d"):
        lesson.keyboard.press(key)
    assert lesson.evaluate(f"{NOTEBOOK}.widgets.length") == cells  # keys stay with the player
    octets.locator("span[data-at]").first.click()
    assert "is in the hash of the body, at 0" in pane.locator(".hint").inner_text()
    pane.get_by_role("button", name="a letter of the body").click()
    assert "the body hash differs" in pane.locator(".verdict").inner_text()
    assert pane.locator("[data-column=raw] [data-new]").count() == 1


def test_any_octet_can_be_changed_where_there_is_a_kernel(lesson) -> None:
    pane = cell(lesson, "microscope").locator(".mp-dkim").first
    pane.get_by_role("button", name="as it came").click()
    before = pane.locator(".mp-dkim-nav button").count()
    pane.locator("[data-column=raw] .octets span[data-at]").first.click()
    letter = pane.get_by_label("Another letter for octet")
    letter.press_sequentially("d")  # a key of the player's own, elsewhere
    pane.get_by_role("button", name="Change", exact=True).click()
    pane.locator(".mp-dkim-nav button").nth(before).wait_for(timeout=15_000)
    assert "the body hash differs" in pane.locator(".verdict").inner_text()
    assert pane.locator("[data-column=raw] [data-new]").inner_text() == "d"
    assert pane.get_by_label("Another letter for octet").count() == 0  # only of the message as it came


def test_nothing_left_the_machine_and_the_console_is_clean(lab, lesson) -> None:
    assert lab.outside == []
    assert lab.errors == []
