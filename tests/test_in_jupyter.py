"""Lesson 00 in real JupyterLab, in a real browser: run all, step forward and back, branch; nothing leaves here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter import NOTEBOOK, Jupyter, jupyterlab_with, run_all, scroll_to
from playwright.sync_api import Page

from mailedu import Lab
from mailedu.acts import Ask, Connect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "00-start.ipynb"
PLAYER = ".mp"
NOW = ".mp-row[data-now] .n"
ERRORS = f"""{NOTEBOOK}.widgets.filter((cell) => cell.model.type === "code").flatMap((cell) =>
  cell.model.sharedModel.outputs.filter((output) => output.output_type === "error").map((output) => output.evalue))"""


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab) -> Iterator[Page]:
    page = lab.open(LESSON)
    run_all(page)
    first = page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.widgets.findIndex(c => c.model.type === 'code')"
    )
    scroll_to(page, first)
    page.locator(PLAYER).first.wait_for(timeout=30_000)
    yield page
    page.close()


def step_shown(page: Page) -> int:
    return int(page.locator(PLAYER).first.locator(NOW).inner_text())


def test_every_cell_ran_and_none_failed(lesson) -> None:
    failed = lesson.evaluate(ERRORS)
    # The graded cells of exercises nobody has done yet are the only ones that may say no.
    assert all(not message or "check" in message for message in failed), failed


def test_the_player_steps_forward_and_back(lesson) -> None:
    player = lesson.locator(PLAYER).first
    player.locator(".mp-score").focus()
    start = step_shown(lesson)
    lesson.keyboard.press("ArrowDown")
    lesson.keyboard.press("ArrowDown")
    later = step_shown(lesson)
    assert later > start
    lesson.keyboard.press("ArrowUp")
    assert start < step_shown(lesson) < later
    assert player.locator(".mp-insp").inner_text().strip()


def test_keys_for_the_player_are_not_taken_by_the_notebook(lesson) -> None:
    count = f"{NOTEBOOK}.widgets.length"
    before = lesson.evaluate(count)
    lesson.locator(PLAYER).first.locator(".mp-score").focus()
    for key in "abxdd":
        lesson.keyboard.press(key)
    assert lesson.evaluate(count) == before


def test_the_figures_on_screen_are_the_trace_s(lesson) -> None:
    mail = Lab(seed=1).send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
    lesson.locator(PLAYER).first.locator(".mp-score").focus()
    lesson.keyboard.press("Home")
    shown = lesson.locator(PLAYER).first.locator(".mp-insp").inner_text()
    assert f"{len(mail.trace.only(Connect))} connections" in shown
    assert f"{len(mail.trace.only(Ask))} DNS questions" in shown


def test_another_line_can_be_typed_at_a_past_step(lesson) -> None:
    """A branch: the kernel plays the lab again up to there, and really says the line."""
    player = lesson.locator(PLAYER).first
    player.locator(".mp-score").focus()
    lesson.evaluate(
        """(() => { const { app } = document.querySelector(".mp").player;
           app.go(app.story.rows.findIndex((row) => row.verb === "MAIL"), { reveal: true, jump: true }); })()"""
    )
    prompt = player.locator(".mp-prompt textarea")
    prompt.fill("RCPT TO:<nobody@alpha.example>")
    prompt.press("Enter")
    player.get_by_text("550 5.1.1").first.wait_for(timeout=20_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab, lesson) -> None:
    assert lab.outside == []
    assert lab.errors == []
