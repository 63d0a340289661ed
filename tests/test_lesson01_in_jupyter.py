"""Lesson 01 in real JupyterLab, in a real browser: run all, type into the console, branch; nothing leaves here."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from jupyter import Jupyter, cell, failed, jupyterlab_with, run_all, theme
from playwright.sync_api import Locator, Page

from mailedu.exercises.course import LESSONS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LESSON = "01-smtp-by-hand.ipynb"
EXERCISES = next(lesson.exercises for lesson in LESSONS if lesson.notebook == LESSON)
LOADED = "img => img.complete && img.naturalWidth > 0"


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Jupyter]:
    with jupyterlab_with(LESSON, browser, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def lesson(lab) -> Iterator[Page]:
    page = lab.open(LESSON)
    run_all(page)
    yield page
    page.close()


@pytest.fixture(scope="module")
def console(lesson) -> Locator:
    shown = cell(lesson, "console-live").locator(".mailedu-console")
    shown.wait_for(timeout=30_000)
    return shown


def say(console: Locator, line: str, state: str) -> None:
    """Type a line, and wait until the server is in this state."""
    prompt = console.get_by_label("You say")
    prompt.fill(line)
    prompt.press("Enter")
    console.locator(".state", has_text=state).wait_for(timeout=15_000)
    console.page.wait_for_function("input => input.value === ''", arg=prompt.element_handle())


def lit(console: Locator) -> str:
    """The name that stands before "here" in the diagram."""
    source = unquote(console.locator("img").get_attribute("src"))
    before = source.split(">here<")[0]
    return before.rpartition("font-weight")[0].rpartition("</text>")[0].rpartition(">")[2]


def test_every_cell_ran_and_only_the_open_exercises_say_no(lesson) -> None:
    assert sorted(failed(lesson)) == [f"{id}-check" for id in sorted(EXERCISES)]


def test_the_state_lights_up_while_one_types(console) -> None:
    assert lit(console) == "GREETED"
    for line, state in [
        ("EHLO till.alpha.example", "READY"),
        ("MAIL FROM:<alice@alpha.example>", "MAIL"),
        ("RCPT TO:<bob@beta.example>", "RCPT"),
        ("DATA", "DATA"),
    ]:
        say(console, line, state)
        assert lit(console) == state
    assert console.locator("img").evaluate(LOADED)
    for line in ("Subject: typed", "", "Hello."):
        say(console, line, "DATA")
    say(console, ".", "READY")
    assert "250 2.0.0" in console.locator(".log .S").last.inner_text()


def test_a_no_is_explained_and_taken_back(console) -> None:
    say(console, "RCPT TO:<bob@beta.example>", "READY")
    assert console.locator(".log .no").last.inner_text().startswith("S 503 5.5.1")
    assert "[RFC 5321 §4.1.4]" in console.locator(".why").inner_text()
    console.get_by_role("button", name="Back").click()
    console.locator(".log .no").wait_for(state="detached")
    assert console.locator(".why").inner_text() == ""
    console.get_by_label("You say").press("ArrowUp")
    assert console.get_by_label("You say").input_value() == "RCPT TO:<bob@beta.example>"


def test_markup_that_somebody_types_stays_text(console) -> None:
    say(console, "<img src=x onerror=alert(1)>", "READY")
    assert console.locator("img").count() == 1
    assert "<img src=x onerror=alert(1)>" in console.locator(".log .C").last.inner_text()


def test_the_diagram_follows_the_theme(lesson, console) -> None:
    light = console.locator("img").get_attribute("src")
    theme(lesson, "Dark")
    assert console.locator("img").get_attribute("src") != light
    theme(lesson, "Light")
    assert console.locator("img").get_attribute("src") == light


def test_the_futures_of_section_4_are_in_the_player_and_another_one_can_grow(lesson) -> None:
    player = cell(lesson, "tree").locator(".mp")
    player.wait_for(timeout=30_000)
    for future in ("RSET", "QUIT"):
        assert player.get_by_text(future, exact=True).first.is_visible()
    player.locator(".mp-score").focus()
    player.evaluate(
        """(root) => { const { app } = root.player;
           app.go(app.story.rows.findIndex((row) => row.verb === "RCPT"), { reveal: true, jump: true }); }"""
    )
    prompt = player.locator(".mp-prompt textarea, .mp-prompt input")
    prompt.fill("RCPT TO:<nobody@beta.example>")
    prompt.press("Enter")
    player.get_by_text("550 5.1.1").first.wait_for(timeout=20_000)


def test_nothing_left_the_machine_and_the_console_is_clean(lab, lesson) -> None:
    assert lab.outside == []
    assert lab.errors == []
