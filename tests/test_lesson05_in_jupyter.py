"""Lesson 05 in real JupyterLab: three columns that fit, a player at the tap, tables light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "05-ports-and-tls.ipynb"
SHOTS = os.environ.get("MAILEDU_SHOTS", "")  # a folder: pictures of what is looked at go there


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab: Jupyter) -> Iterator[Page]:
    page = lab.open(LESSON)
    page.set_viewport_size({"width": 1366, "height": 900})
    run_all(page)
    yield page
    page.close()


def output(page: Page, id: str) -> Locator:
    """What a cell shows, brought into view."""
    return cell(page, id).locator(".jp-Cell-outputArea")


def shot(place: Locator, name: str) -> None:
    if SHOTS:
        place.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_every_cell_ran_and_none_failed_but_what_nobody_has_done_yet(lesson: Page) -> None:
    assert failed(lesson) == [f"T{number}-check" for number in range(1, 5)]


@pytest.mark.parametrize("id", ["run-1", "starttls", "run-3"])
def test_three_columns_fit_into_a_cell(lesson: Page, id: str) -> None:
    shown = output(lesson, id).locator("pre").first
    shown.wait_for(timeout=30_000)
    assert "who listens on the way" in shown.inner_text()
    assert shown.evaluate("it => it.scrollWidth <= it.clientWidth + 1"), "a line is broken, or cut"
    lines = shown.inner_text().rstrip().split("\n")
    height = shown.evaluate("it => it.getBoundingClientRect().height / parseFloat(getComputedStyle(it).lineHeight)")
    assert round(height) <= len(lines) + 1, "lines are folded by the page"
    shot(shown, f"text-{id}")


def test_the_player_opens_at_the_tap(lesson: Page) -> None:
    shown = output(lesson, "run-5")
    shown.locator(".mp").first.wait_for(timeout=30_000)
    text = shown.inner_text()
    assert "STARTTLS" in text and "attacker" in text.lower()
    shot(shown, "player-light")


def test_the_tables_can_be_read_light_and_dark(lesson: Page) -> None:
    for id, last in (("submission", "implicit TLS"), ("between", "DANE")):
        table = output(lesson, id).locator("table")
        table.wait_for(timeout=30_000)
        assert table.locator("th").filter(has_text=last).is_visible()
        box, room = table.bounding_box(), output(lesson, id).bounding_box()
        assert box and room and box["x"] + box["width"] <= room["x"] + room["width"] + 1, "the table is cut"
        shot(table, f"{id}-light")
    theme(lesson, "Dark")
    try:
        for id in ("submission", "between"):
            shot(output(lesson, id).locator("table"), f"{id}-dark")
        shot(output(lesson, "run-5"), "player-dark")
        shot(output(lesson, "run-3").locator("pre").first, "text-dark")
    finally:
        theme(lesson, "Light")
