"""Lesson 03 in real JupyterLab: envelopes beside letters, a forgery by menu, the call that smtplib made, branched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "03-envelope-and-header.ipynb"
GO = """(root, verb) => { const { app } = root.player;
  app.go(app.story.rows.findIndex((row) => row.verb === verb), { reveal: true, jump: true }); }"""


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
    assert sorted(failed(lesson)) == ["M5-check", "S6-check", "S7-check"]


@pytest.mark.parametrize("id", ["envelopes-1", "three", "blind-picture", "invoice-picture"])
def test_envelopes_are_pictures_light_and_dark(lesson: Page, id: str) -> None:
    light, dark = (cell(lesson, id).locator(f".mailedu-{name} svg") for name in ("light", "dark"))
    light.wait_for(timeout=15_000)
    assert light.bounding_box()["width"] > 600 and not dark.is_visible()
    assert "MAIL FROM:<" in (light.text_content() or "")
    theme(lesson, "Dark")
    try:
        assert dark.bounding_box()["width"] > 600 and not light.is_visible()
    finally:
        theme(lesson, "Light")


def test_another_author_has_another_fate(lesson: Page) -> None:
    shown = cell(lesson, "spoof-control")
    shown.get_by_text("550 5.7.26 refused").first.wait_for(timeout=20_000)
    shown.locator("select").first.select_option("carol@gamma.example")
    expect(shown.locator(".jp-OutputArea").last).to_contain_text("dmarc=pass", timeout=20_000)
    expect(shown.locator(".mp")).to_have_count(1)


def test_the_call_of_smtplib_is_branched(lesson: Page) -> None:
    shown = cell(lesson, "outside-player").locator(".mp")
    shown.wait_for(timeout=30_000)
    shown.locator(".mp-score").focus()
    shown.evaluate(GO, "RCPT")
    prompt = shown.locator(".mp-prompt textarea, .mp-prompt input")
    prompt.fill("RCPT TO:<nobody@gamma.example>")
    prompt.press("Enter")
    shown.get_by_text("550 5.1.1").first.wait_for(timeout=20_000)


def test_a_guess_is_committed_by_a_click(lesson: Page) -> None:
    shown = cell(lesson, "guess-3")
    shown.get_by_text("A · Alice").click()
    shown.get_by_role("button", name="This is my guess").click()
    shown.get_by_text("Your guess: A").wait_for(timeout=15_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab: Jupyter, lesson: Page) -> None:
    assert lab.outside == []
    assert lab.errors == [], "\n".join(lab.errors)
