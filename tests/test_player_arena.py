"""The player's arena in a real browser: moments in the order of time, everybody's numbers, what waits, keys, access."""

from __future__ import annotations

from typing import Any

import pytest
from player_traces import HOSTILE
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, Opened, opened, press, step  # noqa: F401

from mailedu import Lab

pytestmark = pytest.mark.browser

BOB = "bob@beta.example"
LIST = ".mp-arena-list"
NOW = ".mp-arena-item[aria-selected=true]"
CELLS = """() => [...document.querySelectorAll('.mp-arena tbody tr')].map(row =>
    [...row.children].map(cell => [cell.querySelector('b')?.textContent ?? '', cell.dataset.is]))"""


def stage(subjects: tuple[str, ...] = ("Lunch", "Invoice", "Photos"), broken: str = "") -> tuple[Lab, Any, Any]:
    lab = Lab(seed=3, opinions=False, settings={"imap.beta.example": {"broken": broken}} if broken else None)
    for subject in subjects:
        lab.send("alice@alpha.example", BOB, subject=subject, text="See you.", read=False)
    calls = [lab.imap(BOB, name=name) for name in ("phone", "laptop")]
    for call in calls:
        call.send("a LOGIN bob lab-bob")
        call.send("b SELECT INBOX")
    return lab, *calls


def deleted(broken: str = "") -> Lab:
    lab, phone, laptop = stage(broken=broken)
    phone.send(r"c STORE 2 +FLAGS.SILENT (\Deleted)")
    phone.send("d EXPUNGE")
    laptop.send(r"c STORE 2 +FLAGS (\Deleted)")
    laptop.send("d NOOP")
    return lab


def now(page: Page) -> str:
    return " ".join(page.locator(NOW).locator(".who, .lb").all_inner_texts()).strip()


def test_it_is_there_and_its_tab_leads_to_it(opened: Opened) -> None:  # noqa: F811
    page = opened(deleted().trace)
    assert "Arena" in page.locator("[role=tab]").all_inner_texts()
    page.locator("[role=tab]", has_text="Arena").click()
    assert now(page) == "a letter comes in: Lunch"
    page = opened(deleted().trace, arena=BOB, opens="arena")
    assert page.locator(LIST).evaluate("list => list === document.activeElement"), "the keys work at once"


def test_steps_go_in_the_order_of_time_from_client_to_client(opened: Opened) -> None:  # noqa: F811
    page = opened(deleted().trace, opens="arena")
    assert now(page) == "phone b SELECT INBOX", "there it begins"
    page.keyboard.press("Home")
    seen = [now(page)]
    for _ in range(12):
        press(page, "ArrowDown")
        seen.append(now(page))
    assert list(dict.fromkeys(seen))[3:] == [
        "phone b SELECT INBOX", "laptop b SELECT INBOX", r"phone c STORE 2 +FLAGS.SILENT (\Deleted)",
        "phone d EXPUNGE", r"laptop c STORE 2 +FLAGS (\Deleted)", "laptop d NOOP",
    ]  # fmt: skip
    page.keyboard.press("Home")
    assert now(page).startswith("a letter")
    page.keyboard.press("End")
    assert now(page) == "laptop d NOOP"
    page.keyboard.press("ArrowUp")
    page.get_by_title("Back").first.click()
    assert now(page) == "phone d EXPUNGE", "the bar's buttons lead from moment to moment too"


def test_everybody_has_his_own_numbers_and_what_waits_is_marked(opened: Opened) -> None:  # noqa: F811
    page = opened(deleted().trace, opens="arena")
    page.locator(".mp-arena-item", has_text="d EXPUNGE").click()
    assert page.evaluate(CELLS) == [
        [["1", "told"], ["1", "here"], ["1", "told"]],
        [["–", "none"], ["2", "gone"], ["2", "removed"]],
        [["2", "told"], ["3", "here"], ["3", "told"]],
    ]
    foot = page.locator(".mp-arena tfoot td").all_inner_texts()
    assert [" ".join(text.split()) for text in foot] == ["knows of 2", "2 letters", "knows of 3 1 not told"]
    page.locator(".mp-arena-item", has_text="c STORE 2 +FLAGS (").click()
    assert "is no moment to say so" in page.locator(".mp-arena-talk .note").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(CELLS)[1:] == [
        [["–", "none"], ["2", "gone"], ["–", "none"]],
        [["2", "told"], ["3", "here"], ["2", "told"]],
    ]
    talk = page.locator(".mp-arena-talk p").all_inner_texts()
    assert talk == ["laptop: d NOOP", "* 2 EXPUNGE", "d OK done"]


def test_the_broken_server_is_labelled_and_the_wrong_letter_stands_out(opened: Opened) -> None:  # noqa: F811
    page = opened(deleted(broken="expunge-early").trace, opens="arena")
    page.locator(".mp-arena-item", has_text="c STORE 2 +FLAGS (").click()
    assert page.locator(".mp-arena [data-hit] .subject").inner_text() == "Photos"
    said = page.locator(".mp-arena-talk").inner_text()
    assert "broken on purpose" in said and "UID 3 was hit" in said


def test_the_cursor_is_the_players_and_leads_the_arena(opened: Opened) -> None:  # noqa: F811
    page = opened(deleted().trace, opens="arena")
    page.locator(".mp-arena-item", has_text="d EXPUNGE").click()
    there = step(page)
    page.locator("[role=tab]", has_text="Story").click()
    assert step(page) == there and page.locator(".mp-row[data-now]").count() == 1
    page.evaluate("""() => {
        const { app } = document.querySelector('.mp').player;
        app.go(app.story.rows.findIndex(row => row.label.startsWith('d NOOP')), { reveal: true, jump: true });
        app.turn('arena');
    }""")
    assert now(page) == "laptop d NOOP"


def test_a_client_that_has_it_not_open_and_a_letter_on_its_way(opened: Opened) -> None:  # noqa: F811
    lab, phone, _ = stage()
    lab.send("alice@alpha.example", BOB, subject="Keys", read=False)
    phone.send("c UNSELECT")
    page = opened(lab.trace, opens="arena")
    page.locator(LIST).focus()
    page.keyboard.press("End")
    assert page.locator(".mp-arena thead th").all_inner_texts()[0].split("\n") == ["phone", "not open"]
    assert page.evaluate(CELLS)[3] == [["", "closed"], ["4", "here"], ["?", "added"]]


def test_predictions_are_asked_in_the_story(opened: Opened) -> None:  # noqa: F811
    asked = {"* 2 EXPUNGE": ("Which letter has number 2 now?", {"UID 2": "It is gone.", "UID 3": True})}
    page = opened(deleted().trace, opens="arena", predict=asked)
    assert page.locator(".mp-arena-item[data-future] > .dot").first.is_hidden()
    press(page, *["ArrowDown"] * 5)
    assert page.locator(".mp-say h3").inner_text() == "Which letter has number 2 now?"


def test_hostile_text_is_text(opened: Opened) -> None:  # noqa: F811
    lab, phone, _ = stage(subjects=("Lunch",))
    harmless = opened(lab.trace, opens="arena").evaluate(ELEMENTS)
    for octets in HOSTILE.values():
        message = b"From: a@alpha.example\r\nSubject: " + octets.replace(b"\n", b" ").replace(b"\r", b" ")
        phone.send(b"c APPEND INBOX {%d+}\r\n%s\r\n" % (len(message) + 5, message + b"\r\n\r\nx"))
        phone.send(b"d FETCH 1 " + octets.replace(b"\n", b" ") + b"\r\n")
    page = opened(lab.trace, opens="arena")
    page.locator(LIST).focus()
    page.keyboard.press("End")
    assert len(page.evaluate(CELLS)) == len(HOSTILE), "all came in but the one with a NUL"
    assert page.evaluate(ELEMENTS) == harmless
    assert page.evaluate(r"!/[\u0000-\u0008\u202a-\u202e]/.test(document.querySelector('.mp').textContent)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 960])
def test_axe_finds_no_violation_in_it_and_it_fits(opened: Opened, theme: str, width: int) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    lab = deleted(broken="expunge-early")
    old = lab.pop3(BOB, name="old-pc")
    for line in ("USER bob", "PASS lab-bob", "DELE 1"):
        old.send(line)
    page = opened(lab.trace, opens="arena", width=width, height=900, theme=theme)
    page.locator(".mp-arena-item", has_text="c STORE 2 +FLAGS (").click()
    assert page.evaluate(BEYOND_THE_EDGE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    ours = [v for v in found if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in ours)
