"""Lesson 10 in real JupyterLab: the walk in its pane, two standards, pictures in both themes, controls, a guess."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all
from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "10-dmarc.ipynb"


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
    assert failed(lesson) == [f"A{number}-check" for number in (1, 2, 3, 4, 6)]


def test_the_walk_opens_in_its_pane_and_follows_the_keys(lesson: Page) -> None:
    shown = output(lesson, "run-2")
    shown.locator(".mp-dmarc-tree").wait_for(timeout=30_000)
    shown.locator(".mp-dmarc-tree").focus()
    for _ in range(5):
        lesson.keyboard.press("ArrowDown")
    assert shown.locator(".mp-dmarc-line[data-now]").count() == 1
    assert shown.locator(".mp-dmarc-line s").first.inner_text() == "deep."


def test_a_letter_has_the_action_apart(lesson: Page) -> None:
    shown = output(lesson, "asked")
    shown.locator("[role=tab]", has_text="DMARC").click(timeout=30_000)
    shown.get_by_role("button", name="Go to step").click()
    assert "into the Junk folder" in shown.locator(".mp-dmarc-action").inner_text()


def test_two_standards_stand_beside_each_other(lesson: Page) -> None:
    shown = output(lesson, "beside")
    shown.locator(".mp-dmarc-beside tr[data-differs]").first.wait_for(timeout=30_000)
    assert shown.locator(".mp-dmarc-beside tr[data-differs]").count() >= 4


@pytest.mark.parametrize("id", ["run-3", "month", "run-5"])
def test_pictures_fit_the_cell(lesson: Page, id: str) -> None:
    shown = output(lesson, id)
    picture = shown.locator("svg:visible").first
    picture.wait_for(timeout=15_000)
    assert 300 < picture.bounding_box()["width"] <= shown.bounding_box()["width"]


def test_another_policy_is_another_month(lesson: Page) -> None:
    shown = output(lesson, "rollout-control")
    policy = shown.locator("select").first
    policy.wait_for(timeout=30_000)
    shown.get_by_text("0 of 44 forged ones stopped").first.wait_for(timeout=30_000)
    policy.select_option("reject")
    shown.get_by_text("44 of 44 forged ones stopped").first.wait_for(timeout=60_000)
    refused = shown.locator(".mailedu-light:visible", has_text="44 refused")
    refused.wait_for(timeout=15_000)
    assert shown.locator(".mailedu-light:visible").count() == 1, "the picture of the last run is gone"


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = output(lesson, "guess-1")
    shown.get_by_text("B · pass and pass").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: B").wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
