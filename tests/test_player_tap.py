"""The player's tap pane: what of it travels, and in a real browser: three columns, records, what was changed, keys."""

from __future__ import annotations

import base64

import pytest
from player_traces import HOSTILE, hostile, long
from playwright.sync_api import Page
from test_player import BEYOND_THE_EDGE, ELEMENTS, TOO_SMALL, Opened, opened, press, step  # noqa: F401

from mailedu import Lab
from mailedu.lab.shown import READERS, TABLES
from mailedu.trace import Trace
from mailedu.views.score import Choice, Question, pack, score
from mailedu.views.tap import MOST_STEPS, SEEN, as_data

ALICE, BOB, MX = "alice@alpha.example", "bob@beta.example", "mx.beta.example"
NOW = ".mp-tap-item[aria-selected=true]"
CELLS = """item => [...item.querySelectorAll('.cell')].map(cell => [cell.dataset.side ?? 'shake',
    [...cell.querySelectorAll('.lines > div')].map(line => line.textContent), cell.querySelectorAll('.seal').length])"""


def sent(attack: str = "", **settings) -> Lab:
    lab = Lab(seed=1, opinions=False, settings=settings)
    if attack == "strip":
        lab.attacker.strip_offer("STARTTLS", host=MX)
    if attack == "swap":
        lab.attacker.swap_certificate("wrong name", host=MX)
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?", read=False)
    return lab


def logged_in() -> Lab:
    """A log-in that anybody on the way reads."""
    lab = Lab(seed=1, opinions=False, settings={"mx.alpha.example": {"plain_needs_tls": False}})
    call = lab.smtp("submission", client="192.0.2.10")
    for line in ("EHLO me.example", "AUTH PLAIN " + base64.b64encode(b"\0alice\0lab-alice").decode(), "QUIT"):
        call.send(line)
    return lab


# -- what travels


def test_a_call_in_the_clear_without_a_log_in_is_nothing_to_tap() -> None:
    assert as_data(Lab(seed=1).smtp(MX).trace) == []
    assert "tap" not in score(Lab(seed=1).smtp(MX).trace, {}, {})


def test_each_call_has_its_two_ends_and_its_rows() -> None:
    calls = as_data(sent().trace)
    assert [(call["name"], call["client"], call["server"]) for call in calls] == [
        ("mx.alpha.example:587/1", ALICE, "mx.alpha.example"),
        ("mx.beta.example:25/1", "mx.alpha.example", MX),
    ]
    rows = calls[0]["rows"]
    assert [row["said"] for row in rows[:2]] == ["220 mx.alpha.example ESMTP mailedu", "EHLO laptop.alpha.example"]
    assert all(row.get("came") or not row.get("from") for row in rows), "all that was said was heard"
    assert not any("heard" in row or "wire" in row for row in rows), "what is the same is told once"


def test_what_a_server_says_at_once_and_a_client_hears_line_by_line_is_one_piece() -> None:
    lab = Lab(seed=1, opinions=False)
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?")
    for call in as_data(lab.trace):
        assert not [row for row in call["rows"] if "heard" in row], call["name"]


def test_little_of_a_record_travels_and_what_it_carries_is_told() -> None:
    rows = as_data(sent().trace)[0]["rows"]
    [hello] = [row for row in rows if row.get("said", "").startswith("MAIL")]
    [[sender, kind, name, length, data]] = hello["records"]
    assert (sender, kind, name) == ("client", 23, "application data") and len(data) == SEEN
    assert length == int.from_bytes(data[3:5].encode("latin-1"))
    [login] = [row for row in rows if row.get("said", "").startswith("AUTH")]
    assert login["own"] == f"{ALICE} · lab-alice" and "decoded" not in login, "read by the two ends only"


def test_a_log_in_in_the_clear_is_read_by_everybody() -> None:
    [login] = [row for row in as_data(logged_in().trace)[0]["rows"] if row.get("said", "").startswith("AUTH")]
    assert login["decoded"] == "alice · lab-alice" and "own" not in login


def test_a_long_trace_stays_within_its_bounds() -> None:
    trace = long(30_000)
    assert sum(len(call["rows"]) for call in as_data(trace)) <= MOST_STEPS


def test_what_does_not_travel_is_counted(monkeypatch) -> None:
    trace = sent().trace
    monkeypatch.setattr("mailedu.views.tap.MOST_CALLS", 1)
    [call] = as_data(trace)
    assert call["more"] == 1 and "cut" not in call
    monkeypatch.setattr("mailedu.views.tap.MOST_STEPS", 40)
    [call] = as_data(trace)
    assert call["cut"] and len(call["rows"]) < 20


def test_it_costs_a_page_little() -> None:
    told = score(sent().trace, READERS, TABLES)
    with_it = len(pack(told))
    told.pop("tap")
    assert with_it < 1.5 * len(pack(told))


def test_a_tap_of_the_lab_opens_there() -> None:
    page = sent().tap(MX).to_html()
    assert "mp-tap" in page
    assert sent().tap(MX).player().packed


# -- in a browser


def open_tap(opened, trace: Trace, at: str = "", **more) -> Page:  # noqa: F811
    return opened(trace, at=at, opens="tap", **more)


def item(page: Page, text: str):
    return page.locator(".mp-tap-item", has_text=text).first


@pytest.mark.browser
def test_it_is_there_and_the_keys_work_at_once(opened: Opened) -> None:  # noqa: F811
    page = opened(sent().trace)
    assert "Tap" in page.locator("[role=tab]").all_inner_texts()
    page.locator("[role=tab]", has_text="Tap").click()
    assert page.locator(".mp-tap-heads b").all_inner_texts() == [ALICE, "who listens", "mx.alpha.example"]
    page = open_tap(opened, sent().trace)
    assert page.locator(".mp-tap-list").evaluate("list => list === document.activeElement")
    assert opened(Lab(seed=1).smtp(MX).trace).locator("[role=tab]").count() == 0


@pytest.mark.browser
def test_what_is_left_out_is_said(opened: Opened, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr("mailedu.views.tap.MOST_STEPS", 150)
    lab = sent()
    for _ in range(2):
        lab.send(ALICE, BOB, read=False)
    page = open_tap(opened, lab.trace)
    choice = page.get_by_label("Call", exact=True)
    assert "more calls, in the story" in choice.locator("option").last.inner_text()
    choice.select_option("1")
    assert page.locator(".mp-tap-list .more").inner_text() == "What comes after this is in the story."


@pytest.mark.browser
def test_before_tls_three_read_the_same_and_after_it_two(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent().trace)
    assert item(page, "EHLO").evaluate(CELLS) == [
        [side, ["EHLO laptop.alpha.example"], 0] for side in ("client", "wire", "server")
    ]
    assert item(page, "MAIL FROM").evaluate(CELLS) == [
        ["client", [f"MAIL FROM:<{ALICE}> SIZE=244"], 0],
        ["wire", [], 1],
        ["server", [f"MAIL FROM:<{ALICE}> SIZE=244"], 0],
    ]


@pytest.mark.browser
def test_records_are_told_by_their_five_octets_and_the_first_one_is_marked(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent().trace)
    item(page, "TLS handshake").click()
    first = page.locator(".mp-tap-detail tbody tr").first
    cells = first.locator("td").all_inner_texts()
    assert cells[0] == "client" and cells[1].startswith("16 handshake, ClientHello")
    assert "with this octet TLS begins" in cells[1] and cells[2] == "03 01 TLS 1.0"
    assert page.locator(".mp-tap-list [data-first]").all_inner_texts() == ["16"], "one octet in the whole call"
    types = page.locator(".mp-tap-detail tbody tr td:nth-child(2) b").all_inner_texts()
    assert set(types) == {"16", "14", "17"}
    item(page, "MAIL FROM").click()
    assert "application data" in page.locator(".mp-tap-detail tbody").inner_text()
    carries = page.locator(".carries").inner_text()
    assert "as only the two ends know" in carries and f"MAIL FROM:<{ALICE}>" in carries


@pytest.mark.browser
def test_a_call_that_is_tls_from_the_first_octet(opened: Opened) -> None:  # noqa: F811
    lab = Lab(seed=1, opinions=False)
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?")
    page = open_tap(opened, lab.tap("pop.beta.example").trace)
    rows = page.locator(".mp-tap-item")
    assert rows.first.locator("[data-first]").inner_text() == "16"
    assert rows.nth(1).get_attribute("data-sealed") == "", "even the greeting"


@pytest.mark.browser
def test_a_log_in_is_read_aloud_on_the_spot(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, logged_in().trace)
    assert item(page, "AUTH PLAIN").locator(".wire .decoded b").inner_text() == "alice · lab-alice"
    item(page, "AUTH PLAIN").click()
    assert "base64 is a way to write octets" in page.locator(".mp-tap-detail").inner_text()
    page = open_tap(opened, sent().trace)
    row = item(page, "AUTH PLAIN")
    assert row.locator(".decoded").count() == 1 and row.locator(".wire .decoded").count() == 0


@pytest.mark.browser
def test_what_the_attacker_took_out_is_marked_by_shape_and_word(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent("strip").tap(MX).trace)
    assert page.locator(".mp-tap-heads b").nth(1).inner_text() == "the attacker"
    row = page.locator(".mp-tap-item[data-did]")
    assert row.locator("[data-sign='-']").inner_text() == "− 250-STARTTLS"
    changed = row.locator("[data-changed]")
    assert changed.get_attribute("data-side") == "client" and "not what was said" in changed.inner_text()
    assert "dashed" in changed.evaluate("cell => getComputedStyle(cell).borderStyle")
    assert "250-STARTTLS" not in changed.inner_text() and "250-STARTTLS" in row.locator(".end").last.inner_text()
    assert "takes STARTTLS out" in row.get_attribute("aria-label")
    row.click()
    said = page.locator(".mp-tap-detail").inner_text()
    assert "who is on the wire can change it" in said and "lab.attack-strip" in said


@pytest.mark.browser
def test_who_swaps_the_certificate_reads_under_tls(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent("swap").tap(MX).trace)
    row = item(page, "MAIL FROM")
    cells = dict((side, lines) for side, lines, _ in row.evaluate(CELLS))
    assert cells["wire"] == cells["client"] and row.locator(".wire .seal").count() > 0
    row.click()
    assert "and the attacker" in page.locator(".carries h3").inner_text()


@pytest.mark.browser
def test_what_is_injected_is_told(opened: Opened) -> None:  # noqa: F811
    lab = Lab(seed=1, opinions=False)
    lab.attacker.inject()
    lab.send(ALICE, BOB, subject="Lunch", text="At noon?", read=False)
    page = open_tap(opened, lab.trace)
    row = page.locator(".mp-tap-item[data-did]").first
    added = row.locator(".wire [data-sign='+']").all_inner_texts()
    assert added[0] == "+ EHLO mallory.gamma.example" and "+ DATA" in added


@pytest.mark.browser
def test_steps_lead_from_piece_to_piece_and_the_cursor_is_the_players(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent().trace)
    numbers = [press(page, "ArrowDown") for _ in range(5)]
    assert numbers == sorted(set(numbers)) and page.locator(NOW).locator(".n").inner_text() == str(numbers[-1])
    page.keyboard.press("End")
    assert "221" in page.locator(NOW).inner_text()
    page.keyboard.press("Home")
    assert "220" in page.locator(NOW).inner_text()
    page.get_by_title("Next row").click()
    assert "EHLO" in page.locator(NOW).inner_text(), "the bar's buttons too"
    there = step(page)
    page.locator("[role=tab]", has_text="Story").click()
    assert step(page) == there and page.locator(".mp-row[data-now]").count() == 1


@pytest.mark.browser
def test_the_call_is_that_of_the_step_and_can_be_chosen(opened: Opened) -> None:  # noqa: F811
    page = open_tap(opened, sent("strip").trace)
    choice = page.get_by_label("Call", exact=True)
    assert choice.locator("option").all_inner_texts() == [
        "mx.alpha.example:587/1 · under TLS", "mx.beta.example:25/1 · attacked",
    ]  # fmt: skip
    choice.select_option("1")
    assert page.locator(".mp-tap-heads b").all_inner_texts() == ["mx.alpha.example", "the attacker", MX]
    inside = step(page)
    page.locator("[role=tab]", has_text="Story").click()
    page.keyboard.press("Home")
    page.locator("[role=tab]", has_text="Tap").click()
    assert step(page) < inside
    page.evaluate(
        "n => { const { app } = document.querySelector('.mp').player; app.go(app.story.rowOf(n), { jump: true }); }",
        inside,
    )
    assert page.locator(".mp-tap-heads b").nth(2).inner_text() == MX


@pytest.mark.browser
def test_what_is_to_be_guessed_is_not_seen_here_before(opened: Opened) -> None:  # noqa: F811
    asked = Question("What comes?", (Choice("250", True), Choice("550", hint="No.")))
    page = open_tap(opened, sent().trace, predict={"235": asked})
    assert item(page, "235").locator(".cell").first.evaluate("cell => getComputedStyle(cell).visibility") == "hidden"
    page.keyboard.press("End")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Story", "there one is asked"


@pytest.mark.browser
def test_hostile_text_stays_text(opened: Opened) -> None:  # noqa: F811
    lab = Lab(seed=1, opinions=False)
    lab.attacker.strip_offer("STARTTLS")
    calls = [lab.smtp(MX) for _ in HOSTILE]
    for call, octets in zip(calls, HOSTILE.values(), strict=True):
        for line in (b"EHLO x.example", b"MAIL FROM:<" + octets[:900] + b">", octets[:3_000]):
            call.send(line.decode("utf-8", "surrogateescape"))
        call.send("AUTH PLAIN " + base64.b64encode(octets[:300]).decode())
    page = open_tap(opened, lab.trace)
    before = page.evaluate(ELEMENTS), page.title()
    for number in range(len(calls)):
        page.get_by_label("Call", exact=True).select_option(str(number))
        page.locator(".mp-tap-list").focus()
        press(page, *["ArrowDown"] * 6)
        assert (page.evaluate(ELEMENTS), page.title()) == before
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            r"!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/.test(document.querySelector('.mp').textContent)"
        )


@pytest.mark.browser
def test_a_trace_full_of_hostile_text_opens(opened: Opened) -> None:  # noqa: F811
    page = opened(hostile())
    if page.locator("[role=tab]", has_text="Tap").count():
        page.locator("[role=tab]", has_text="Tap").click()
    assert page.evaluate(BEYOND_THE_EDGE) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "attack, width, theme",
    [("", 360, "light"), ("", 1000, "dark"), ("strip", 360, "dark"), ("strip", 1000, "light"), ("swap", 1000, "dark")],
)
def test_axe_finds_no_violation_and_it_fits(opened: Opened, theme: str, width: int, attack: str) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = open_tap(opened, sent(attack).trace, width=width, height=900, theme=theme)
    page.get_by_label("Call", exact=True).select_option("1")
    press(page, *["ArrowDown"] * 6)
    assert page.evaluate(BEYOND_THE_EDGE) == [] and page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    ours = [v for v in found if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in ours)
