"""Lesson 02 in real JupyterLab: octets with their names, the tree as a picture, encodings by menu, a guess, a check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "02-the-message.ipynb"


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


def test_every_cell_ran_and_none_failed_but_what_nobody_has_done_yet(lesson: Page) -> None:
    assert sorted(failed(lesson)) == [f"M{number}-check" for number in range(1, 5)]


def test_every_octet_has_its_name_and_the_hex_its_number(lesson: Page) -> None:
    shown = cell(lesson, "letter").locator(".mp")
    shown.wait_for(timeout=30_000)
    octets = shown.locator(".mp-bytes")
    assert {"end of header", "field name", "field value", "body line"} <= set(octets.inner_text().split("\n"))
    shown.get_by_text("hex", exact=True).click()
    assert "0d" in octets.inner_text() and "0a" in octets.inner_text()
    shown.get_by_text("text", exact=True).click()


def test_the_tree_is_a_picture_light_and_dark(lesson: Page) -> None:
    light, dark = (cell(lesson, "tree").locator(f".mailedu-{name} svg") for name in ("light", "dark"))
    light.wait_for(timeout=15_000)
    assert light.bounding_box()["width"] > 500 and not dark.is_visible()
    theme(lesson, "Dark")
    try:
        assert dark.bounding_box()["width"] > 500 and not light.is_visible()
    finally:
        theme(lesson, "Light")


def test_another_encoding_is_another_body(lesson: Page) -> None:
    shown = cell(lesson, "encodings-control")
    shown.locator(".mp").first.wait_for(timeout=20_000)
    shown.locator("select").first.select_option("base64")
    expect(shown.locator(".mp-bytes")).to_contain_text("base64", timeout=20_000)
    expect(shown.locator(".mp")).to_have_count(1)


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = cell(lesson, "guess-3")
    shown.get_by_text("A · a dot").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: A").wait_for(timeout=15_000)


def test_a_check_says_what_it_saw(lesson: Page) -> None:
    shown = cell(lesson, "M1-try")
    shown.get_by_text("Letter B was refused: 500 5.6.0").first.wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
