"""The DKIM pane in a real browser: octets and where they went, both forms, the recorded changes, hostile text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, Opened, opened, press  # noqa: F401

from mailedu import Lab
from mailedu.auth.dkim.microscope import LONGEST

pytestmark = pytest.mark.browser

LETTER = (
    "From: alice@alpha.example\nTo: bob@beta.example\nSubject: Invoice  17\n\nPlease pay \t100 euros. \n\nAlice\n\n\n"
)
RAW, SIMPLE, RELAXED = (f".mp-dkim-col[data-column={name}] .octets" for name in ("raw", "simple", "relaxed"))
HINT = ".mp-dkim-out .hint"


def shown(opened: Opened, message: bytes | None = None, **more: object) -> Page:  # noqa: F811
    lab = Lab(seed=1)
    verdict = lab.verify_dkim(lab.sign_dkim(LETTER).message if message is None else message)
    return opened(verdict.trace, microscopes=verdict.microscopes(), opens="dkim", **more)


def chosen(page: Page, column: str) -> str:
    return "".join(page.locator(f"{column} [data-hi]").all_inner_texts())


def choose(page: Page, words: str) -> None:
    page.locator(".mp-dkim-nav button", has_text=words).first.click()


def result(page: Page) -> str:
    return " ".join(page.locator(".mp-dkim-out .verdict").inner_text().split())


def test_it_shows_the_body_and_both_forms_of_it(opened: Opened) -> None:  # noqa: F811
    page = shown(opened)
    assert page.locator("[role=tab]").all_inner_texts() == ["Story", "DKIM"]
    assert page.locator(RAW).inner_text().startswith("Please·pay·⇥100·euros.·←↵")
    assert page.locator(SIMPLE).inner_text().startswith("Please·pay·⇥100·euros.·←↵")
    assert page.locator(RELAXED).inner_text().startswith("Please·pay·100·euros.←↵")
    assert page.locator(".mp-dkim-col[data-own]").get_attribute("data-column") == "relaxed"
    assert "blanks shrunk to one RFC 6376" in page.locator(".mp-dkim-col[data-own] .rules").inner_text()
    assert page.locator(".mp-dkim-out [data-x]").count() == 0
    assert "pass" in result(page)


def test_keys_move_from_octet_to_octet_and_both_forms_answer(opened: Opened) -> None:  # noqa: F811
    page = shown(opened)
    page.locator(RAW).focus()
    before = press(page)
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", *["ArrowRight"] * 11):
        assert press(page, key) == before, "the step stays where it is"
    assert chosen(page, RAW) == "⇥"
    assert (chosen(page, SIMPLE), chosen(page, RELAXED)) == ("⇥", "·")
    assert "a tab, is in the hash of the body" in page.locator(HINT).inner_text()
    assert "blanks shrunk to one (RFC 6376 §3.4.2, §3.4.4)" in page.locator(HINT).inner_text()


def test_an_octet_of_a_hash_input_leads_back(opened: Opened) -> None:  # noqa: F811
    page = shown(opened)
    page.locator(f"{RELAXED} [data-at='11']").click()
    assert chosen(page, RAW) == "1" and chosen(page, RELAXED) == "1"
    choose(page, "Fields")
    page.locator(f"{RELAXED} [data-at='0']").click()
    assert chosen(page, RAW) == "F" and chosen(page, RELAXED) == "f"
    assert "name in lower case" in page.locator(HINT).inner_text()


@pytest.mark.parametrize(
    "change, verdict, body, fields",
    [
        ("a letter of the body", "fail the body hash differs", "differs", "fits"),
        ("a letter of the Subject", "fail the signature differs", "fits", "differs"),
        ("two blanks for one, in the body", "pass", "fits", "fits"),
        ("a letter of bh=", "fail the body hash differs", "differs", "differs"),
    ],
)
def test_a_change_moves_its_hash(opened: Opened, change, verdict, body, fields) -> None:  # noqa: F811
    page = shown(opened)
    choose(page, change)
    assert verdict in result(page)
    for name, word in (("Body", body), ("Fields", fields)):
        choose(page, name)
        assert page.locator(".mp-dkim-out .fits .w").inner_text() == word
        assert (page.locator(".mp-dkim-out [data-x]").count() == 0) == (word == "fits")
    choose(page, "Fields" if "Subject" in change or "bh" in change else "Body")
    assert page.locator(f"{RAW} [data-new]").count() == 1


def test_what_nobody_signed_is_shaded_and_says_so(opened: Opened) -> None:  # noqa: F811
    signed = Lab(seed=1).sign_dkim(LETTER, length=20).message
    page = shown(opened, b"X-Seen: yes\r\n" + signed)
    tail = page.locator(f"{RAW} [data-fate=unsigned]")
    assert "Alice" in tail.inner_text()
    tail.locator("span").nth(8).click()
    assert "is in no hash: nobody signed it" in page.locator(HINT).inner_text()
    assert "20 octets of" in page.locator(".mp-dkim-out").inner_text()
    choose(page, "Fields")
    assert page.locator(f"{RAW} [data-fate=unsigned]").first.inner_text().startswith("X-Seen")


def test_a_long_body_shows_its_lengths_and_hashes_only(opened: Opened) -> None:  # noqa: F811
    lab = Lab(seed=1)
    page = shown(opened, lab.sign_dkim(LETTER + "x\n" * LONGEST).message)
    assert "Too long to be shown" in page.locator(RAW).inner_text()
    assert page.locator(".mp-dkim-out .bytes span").count() == 64
    page.locator(RAW).focus()
    press(page, "ArrowRight")


def test_hostile_octets_stay_text(opened: Opened) -> None:  # noqa: F811
    text = "<script>alert(1)</script> \u202eevil \x1b[31m <img src=x onerror=alert(1)>\n"
    signed = Lab(seed=1).sign_dkim(LETTER + text).message
    page = shown(opened, b"X-Bad: <b>x</b>\x00\xff\r\n" + signed)
    plain = shown(opened)
    for one in (page, plain):
        choose(one, "Fields")
        choose(one, "Body")
    assert page.evaluate(ELEMENTS) == plain.evaluate(ELEMENTS)
    assert "<script>" in page.locator(RAW).inner_text()
    assert "\u202e" not in page.locator(".mp-dkim").inner_text()


@pytest.mark.parametrize("width", [360, 700, 1000, 1400])
def test_nothing_sticks_out(opened: Opened, width) -> None:  # noqa: F811
    page = shown(opened, width=width)
    assert page.evaluate(BEYOND_THE_EDGE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_trace_without_dkim_has_no_such_pane(opened: Opened) -> None:  # noqa: F811
    assert opened(Lab(seed=1).smtp("mx.beta.example").trace).locator("[role=tab]").count() == 0
