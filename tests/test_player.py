"""The player in a real browser, as the page it is exported to: moving, folding, searching, hostile text, access."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from player_traces import HOSTILE, READERS, TABLES, hostile, long, reading
from playwright.sync_api import Browser, Page
from programs import must_run

from mailedu import Lab
from mailedu.acts import Ask
from mailedu.lab import shown
from mailedu.trace import Trace
from mailedu.views import html
from mailedu.views.score import Choice, Question, pack, record, score

pytestmark = pytest.mark.browser

NOW = ".mp-row[data-now]"
Opened = Callable[..., Page]

# Scripts that look at a page.
ROOM = "document.documentElement.scrollWidth <= innerWidth"
BEYOND_THE_EDGE = """() => {
    const root = document.querySelector('.mp'), edge = root.getBoundingClientRect();
    return [...root.querySelectorAll('button, input, select, .mp-insp, .mp-score, h3')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.width && (box.right > edge.right + 1 || box.left < edge.left - 1);
    }).map(e => e.className || e.tagName);
}"""
TOO_SMALL = """() => [...document.querySelectorAll('.mp button:not(.g), .mp select, .mp input')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && (box.width < 23.5 || box.height < 23.5);
}).map(e => e.outerHTML.slice(0, 80))"""
ELEMENTS = "document.querySelectorAll('script, style, img, iframe, object, embed, link, a:not(.cite)').length"
CONTROL = r"/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/"
LOOK = f"""() => {{
    const root = document.querySelector('.mp');
    return {{
        wide: root.clientWidth, display: getComputedStyle(root).display, elements: {ELEMENTS},
        over: root.scrollWidth > root.clientWidth || document.body.scrollWidth > innerWidth,
        control: {CONTROL}.test(root.textContent),
    }};
}}"""
LONGEST = """() => {
    const { app } = document.querySelector('.mp').player;
    app.go(app.story.rows.findIndex(row => row.size > 900_000), { reveal: true, jump: true });
}"""
TO_ROW = """begin => {
    const { app } = document.querySelector('.mp').player;
    app.turn('story');
    app.go(app.story.rows.findIndex(row => row.label.startsWith(begin) && row.data), { reveal: true, jump: true });
}"""
GLOSSES = "all => all.map(g => [g.querySelector('b').textContent, g.dataset.k])"
NAMELESS = """() => [...document.querySelectorAll('.mp button, .mp input, .mp select')]
    .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"""
FOCUSED = "document.activeElement.className || document.activeElement.title || document.activeElement.tagName"


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """opened(trace, at="#step=5", width=…, theme=…): the page; nothing is asked for, nothing said on the console."""
    contexts, troubles = [], []

    def open_(
        trace: Trace, at="", width=1000, height=700, theme="light", branches=(), readers=READERS, tables=TABLES,
        **more: object,
    ):  # fmt: skip
        path = tmp_path / f"page{len(contexts)}.html"
        told = score(trace, readers, tables, **more)
        path.write_text(html.of_packed(pack(told), told["title"], branches, record(trace)), encoding="utf-8")
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=size, color_scheme=theme))
        page = contexts[-1].new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        own = ("data:", "blob:", path.as_uri())
        page.on(
            "request", lambda asked: None if asked.url.startswith(own) else troubles.append(f"asked for {asked.url}")
        )
        page.goto(path.as_uri() + at)
        page.locator(".mp").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []


def step(page: Page) -> int:
    """The number of the step one stands on."""
    return int(page.locator(".mp-bar .pos b").inner_text())


def until(page: Page, holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for it (Playwright's own waiting needs eval, which the page forbids)."""
    for _ in range(int(seconds * 20)):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came to be")


def press(page: Page, *keys: str) -> int:
    for key in keys:
        page.keyboard.press(key)
    return step(page)


def focus(page: Page) -> None:
    page.locator(".mp-score").focus()


def labels(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".mp-row .lb").all_inner_texts()]


# -- moving


def test_it_opens_at_the_beginning_and_says_what_it_shows(opened: Opened) -> None:
    page = opened(reading())
    assert step(page) == 0
    assert page.title() == "bob reads his mail"
    assert page.locator(NOW).count() == 1
    assert "STLS" in labels(page)


def test_keys_step_over_what_is_folded(opened: Opened) -> None:
    page = opened(reading())
    focus(page)
    assert press(page, *["ArrowDown"] * 4) == 7, "STLS, folded"
    assert press(page, "ArrowDown", "ArrowDown") == 16, "past the handshake: USER"
    assert press(page, "ArrowUp") == 13
    assert press(page, "ArrowDown", "ArrowRight", "ArrowRight") == 17, "into"
    assert press(page, "ArrowLeft") == 16, "out"
    assert press(page, "Shift+ArrowDown") == 25, "over"
    assert press(page, "End") == 85
    assert press(page, "Home") == 0


def test_levels_fold_and_unfold(opened: Opened) -> None:
    page = opened(reading())
    focus(page)
    count = {}
    for level in "12345":
        press(page, level)
        count[level] = page.locator(".mp-score .pad").evaluate("pad => Math.round(pad.clientHeight / 26)")
        assert page.locator(".mp-levels [aria-checked=true]").inner_text().strip()
    assert count["1"] <= count["2"] < count["3"] < count["4"] < count["5"]
    assert count["2"] == 3


def test_jumps_and_search(opened: Opened) -> None:
    page = opened(reading())
    focus(page)
    assert press(page, "r") == 28
    assert "-ERR" in page.locator(NOW).inner_text()
    assert press(page, "d") == 80
    assert press(page, "v") == 84
    press(page, "/")
    page.keyboard.type("retr")
    assert page.locator(".mp-row[data-hit]").count() >= 1
    assert press(page, "Enter") == 63
    assert press(page, "Enter") == 63, "the only hit: around the end and back"
    press(page, "Escape")
    assert page.evaluate("document.activeElement.className") == "mp-score"


def test_a_click_goes_there_and_the_arrow_unfolds(opened: Opened) -> None:
    page = opened(reading())
    row = page.locator(".mp-row", has_text="PASS wrong").first
    row.locator(".lb").click()
    assert step(page) == 25
    row.locator(".tw").click()
    assert page.locator(".mp-row", has_text="-ERR [AUTH]").count() == 1
    page.locator(".mp-row", has_text="PASS wrong").first.locator(".lb").dblclick()
    assert page.locator(".mp-row", has_text="-ERR [AUTH]").count() == 0


def test_the_address_says_where_and_leads_there(opened: Opened) -> None:
    page = opened(reading(), at="#step=28")
    assert step(page) == 28
    assert page.locator(NOW).inner_text().strip().find("-ERR") >= 0
    focus(page)
    press(page, "ArrowUp")
    until(page, lambda: page.url.endswith("#step=27"))
    page.evaluate("location.hash = '#step=63'")
    until(page, lambda: step(page) == 63)
    assert step(opened(reading(), at="#step=99999")) == 85, "beyond the end is the end"
    assert step(opened(reading(), at="#step=x")) == 0


def test_playing_and_pausing(opened: Opened) -> None:
    page = opened(reading())
    page.get_by_label("Speed").select_option("4")
    focus(page)
    press(page, "Space")
    until(page, lambda: step(page) >= 2)
    press(page, "Space")
    here = step(page)
    page.wait_for_timeout(700)
    assert step(page) == here


def test_the_time_line_can_be_scrubbed(opened: Opened) -> None:
    page = opened(reading())
    box = page.locator(".mp-time").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30)
    middle = step(page)
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 30)
    page.mouse.up()
    assert 20 < middle < 60 < step(page)
    slider = page.get_by_role("slider")
    assert slider.get_attribute("aria-valuenow") == str(step(page))
    assert "of 85" in slider.get_attribute("aria-valuetext")


def test_lanes_can_be_chosen(opened: Opened) -> None:
    page = opened(reading())
    page.locator(".mp-lane", has_text="dns").click()
    assert "POP3, port 110" not in labels(page)
    assert page.locator(".mp-lane[data-off]").count() == 2
    page.locator(".mp-lane", has_text="dns").click()
    assert "POP3, port 110" in labels(page)


# -- the inspector


def test_every_octet_is_named_and_explains_itself(opened: Opened) -> None:
    page = opened(reading(), at="#step=26")
    named = page.locator(".mp-bytes .g").evaluate_all(GLOSSES)
    assert named == [["PASS", "verb"], ["·", "text"], ["wrong", "secret"], ["↵", "crlf"]]
    assert page.locator(".mp-bytes .hex .x").all_inner_texts() == [f"{octet:02x}" for octet in b"PASS wrong\r\n"]
    page.locator(".mp-bytes .g", has_text="wrong").hover()
    assert page.locator(".mp-why").inner_text().startswith("password: ")
    assert page.locator(".mp-bytes .hex .x[data-hi]").count() == 5
    page.mouse.move(5, 5)
    page.locator(".mp-bytes button.g").first.focus()
    assert page.locator(".mp-why").inner_text().startswith("command: ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator(".mp-why").inner_text().startswith("password: ")
    assert step(page) == 26, "arrows among the octets do not step"


def test_tls_records_are_read_as_far_as_anybody_can(opened: Opened) -> None:
    lab = Lab(seed=1)
    mail = lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
    page = opened(mail.trace, at="#step=17", readers=shown.READERS, tables=shown.TABLES)
    first = page.locator(".mp-bytes .sealed .gl").first
    assert first.locator("b").all_inner_texts()[:2] == ["16", "03 01"]
    assert first.locator("i").all_inner_texts()[:3] == ["handshake", "version", "length"]
    page.locator(".mp-bytes button.g").first.focus()
    assert page.locator(".mp-why").inner_text().startswith("TLS record type: ")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator(".mp-why").inner_text().startswith("TLS fragment: ")
    focus(page)
    page.evaluate(TO_ROW, "MAIL FROM")
    assert page.locator(".mp-bytes .sealed .gl").count() == 1
    assert page.locator(".mp-bytes .sealed i").all_inner_texts()[0] == "application data"


def test_records_of_the_dns_are_told_term_by_term(opened: Opened) -> None:
    found = Lab(seed=1).check_spf(ip="203.0.113.66", helo="mallory.example", mail_from="alice@alpha.example")
    page = opened(found.trace, readers=shown.READERS, tables=shown.TABLES)
    page.evaluate(TO_ROW, "v=spf1")
    names = page.locator(".mp-bytes .g i").all_inner_texts()
    assert {"SPF version", "SPF mechanism", "SPF qualifier"} <= set(names)
    assert page.locator(".mp-bytes").inner_text().count("unexplained") == 0


def test_a_refusal_gives_its_rule_and_where_it_is_written(opened: Opened) -> None:
    page = opened(reading(), at="#step=28")
    why = page.locator(".mp-why")
    assert "do not fit together" in why.inner_text()
    assert why.locator("a").get_attribute("href") == "https://www.rfc-editor.org/rfc/rfc1939#section-7"
    assert why.locator("a").get_attribute("rel") == "noreferrer noopener"


def test_the_state_comes_from_the_table_that_ran(opened: Opened) -> None:
    page = opened(reading(), at="#step=47")
    rail = page.locator(".mp-state")
    assert rail.locator("svg").get_attribute("aria-label") == "State of POP3: TRANSACTION, was AUTHORIZATION"
    assert rail.locator(".name.is").text_content().endswith("TRANSACTION")
    shown = rail.locator(".next .verb").all_inner_texts()
    assert shown == list(dict.fromkeys(row.command for row in TABLES["pop3"] if row.state == "TRANSACTION"))


def test_meters_say_what_a_step_changed(opened: Opened) -> None:
    page = opened(reading(), at="#step=85")
    changed = page.locator(".mp-world .m[data-d]")
    assert changed.count() == 1
    assert re.sub(r"\s+", " ", changed.inner_text()) == "1 +1 alice mailbox"
    focus(page)
    press(page, "1", "Home", "ArrowDown")
    assert "+1" in page.locator(".mp-world .m", has_text="calls").inner_text(), "standing on a folded call is after it"


def test_long_octets_come_in_portions(opened: Opened) -> None:
    page = opened(hostile(), at="#step=0")
    page.evaluate(LONGEST)
    assert "octets that are not kept" in page.locator(".mp-bytes").inner_text()
    page.get_by_role("button", name="hex").click()
    assert page.locator(".mp-bytes .hex .x").count() == 512
    page.locator(".mp-bytes .more").click()
    assert page.locator(".mp-bytes .hex .x").count() == 1024


# -- predict, then reveal


def test_predict_then_reveal(opened: Opened) -> None:
    asked = Question("What will the server say?", (Choice("+OK", hint="The password is wrong."), Choice("-ERR", True)))
    page = opened(reading(), predict={28: asked})
    assert page.get_by_role("button", name="Predict").get_attribute("aria-pressed") == "true"
    focus(page)
    press(page, "4", *["ArrowDown"] * 30)
    assert step(page) == 27, "nobody gets past"
    assert page.locator(".mp-say h3").inner_text() == "What will the server say?"
    assert "-ERR [AUTH]" not in page.locator(".mp-body").inner_text().replace("2\n-ERR", "")
    press(page, "1")
    assert page.locator(".mp-quiz .hint").inner_text() == "The password is wrong."
    page.get_by_role("button", name="Show step 28").click()
    assert step(page) == 28
    assert "-ERR [AUTH]" in page.locator(NOW).inner_text()
    focus(page)
    assert press(page, "ArrowDown") > 28


def test_who_does_not_want_to_guess_need_not(opened: Opened) -> None:
    page = opened(reading(), predict={28: ("What will it say?", {"+OK": "No.", "-ERR": True})})
    focus(page)
    assert press(page, "r") == 27, "whoever jumps onto a covered step is asked"
    assert page.locator(".mp-say h3").inner_text() == "What will it say?"
    press(page, "p")
    assert press(page, "r") == 28


# -- branches


def grown(*lines: bytes, at: int = 18, parent: str = "") -> list[dict]:
    """Branches as a `Player` holds them."""
    return [
        {
            "id": f"{parent}b{number}",
            "parent": parent,
            "at": at,
            "title": line.decode("utf-8", "replace"),
            "packed": pack(score(reading(line + b"\r\n"), READERS, TABLES)),
            "recorded": record(reading(line + b"\r\n")),
        }
        for number, line in enumerate(lines, 1)
    ]


def test_two_futures_side_by_side(opened: Opened) -> None:
    page = opened(reading(), branches=grown(b"VRFY root"))
    page.locator(".mp-rail").click()
    assert "Steps up to 18 are the same in both" in page.locator(".mp-cmp").inner_text()
    first = page.locator(".ln[data-first] .lb").all_inner_texts()
    assert first == ["PASS wrong", "VRFY root"]
    assert page.locator(".ln[data-first] .flag").all_inner_texts() == ["first difference"] * 2
    same = page.locator(".ln[data-same] .lb").all_inner_texts()
    assert same.count("QUIT") == 2 and same.count("+OK goodbye") == 2, "what is the same stands beside each other"
    ends = page.locator(".mp-cmp .end").all_inner_texts()
    assert "CLOSED" in ends[0] and "CLOSED" in ends[1]
    assert page.locator(".mp-cmp .end [data-x] .cap").first.inner_text() == "alice mailbox"


def test_a_branch_is_walked_and_left_again(opened: Opened) -> None:
    page = opened(reading(), branches=[*grown(b"VRFY root"), *grown(b"NOOP", parent="b1")])
    page.locator(".mp-rail").click()
    page.get_by_role("button", name="Walk it").nth(1).click()
    assert "VRFY root" in page.locator(NOW).inner_text()
    until(page, lambda: page.locator(".mp-rail").all_inner_texts() == ["NOOP"])  # a branch has branches of its own
    focus(page)
    press(page, "End")
    assert "hangs up" in page.locator(NOW).inner_text()
    page.get_by_label("Which future").select_option("")
    assert step(page) == 0
    assert page.locator(".mp-rail").all_inner_texts() == ["VRFY root"]


OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll('.mp-rail')].map(rail => rail.getBoundingClientRect());
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
}"""


@pytest.mark.parametrize("width", [360, 1000])
def test_rails_never_lie_over_each_other(opened: Opened, width: int) -> None:
    many = [*grown(*[b"X" * 30] * 3), *grown(b"VRFY root", b"A", at=73), *grown(b"B" * 40, at=3)]
    branches = [{**branch, "id": str(number)} for number, branch in enumerate(many)]
    page = opened(reading(), width=width, branches=branches)
    until(page, lambda: page.locator(".mp-rail").count() >= 4)
    assert page.evaluate(OVERLAPS) == 0
    assert page.evaluate(BEYOND_THE_EDGE) == []


def test_a_hostile_line_makes_a_harmless_branch(opened: Opened) -> None:
    lines = [HOSTILE[name] for name in ("script", "svg", "bidi", "terminal", "end")]
    page = opened(reading(), branches=grown(*lines))
    before = page.evaluate(LOOK)
    assert before["control"] is False
    page.locator("[role=tab]", has_text="Branches").click()
    for number in range(len(lines)):
        page.locator(".mp-which select").select_option(f"b{number + 1}")
        after = page.evaluate(LOOK)
        assert after == before
    assert page.title() == "bob reads his mail"


# -- saving


def saved(page: Page, name: str, folder: Path) -> bytes:
    """What one gets who saves the story as such a file."""
    focus(page)
    page.keyboard.press("s")
    with page.expect_download() as download:
        page.get_by_role("button", name=f".{name}", exact=True).click()
    assert download.value.suggested_filename.endswith(f".{name}")
    download.value.save_as(folder / name)
    return (folder / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "begins"),
    [("txt", b"bob reads his mail"), ("svg", b"<svg"), ("rows.json", b"{"), ("pcap", b"\xa1\xb2\xc3\xd4")],
)
def test_files_can_be_saved(opened: Opened, name: str, begins: bytes, tmp_path: Path) -> None:
    assert saved(opened(reading()), name, tmp_path).startswith(begins)


def test_the_trace_that_is_saved_is_the_trace(opened: Opened, tmp_path: Path) -> None:
    page = opened(reading(), branches=grown(b"NOOP"))
    assert Trace.from_json(saved(page, "json", tmp_path).decode()) == reading()
    page.get_by_label("Which future").select_option("b1")
    assert Trace.from_json(saved(page, "json", tmp_path).decode()) == reading(b"NOOP\r\n")


def test_hostile_text_is_harmless_in_files_too(opened: Opened, tmp_path: Path) -> None:
    page = opened(hostile())
    focus(page)
    press(page, "4")
    text = saved(page, "txt", tmp_path).decode()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    picture = ElementTree.fromstring(saved(page, "svg", tmp_path))
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} <= {
        "svg", "title", "style", "rect", "text", "g", "line", "path", "circle",
    }  # fmt: skip
    assert len(picture.findall(".//{*}style")) == 1
    assert not [name for element in picture.iter() for name in element.attrib if name.lower().startswith("on")]
    assert Trace.from_json(saved(page, "json", tmp_path).decode()) == hostile()
    saved(page, "pcap", tmp_path)
    assert tshark(tmp_path / "pcap", "ip.checksum.status == 0 || tcp.len > 1400", "frame.number") == []


def tshark(file: Path, show: str, *fields: str) -> list[tuple[str, ...]]:
    """The packets that fit a filter, as Wireshark's analyser reads them: these fields of each."""
    ask = [word for field in fields for word in ("-e", field)]
    said = must_run("tshark", "-r", file, "-o", "ip.check_checksum:TRUE", "-Y", show, "-T", "fields", *ask)
    return [tuple(line.split("\t")) for line in said.splitlines()]


def test_packets_are_read_by_an_analyser_that_we_did_not_write(opened: Opened, tmp_path: Path) -> None:
    lab = Lab(seed=1)
    mail = lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
    page = opened(mail.trace, readers=shown.READERS, tables=shown.TABLES)
    saved(page, "pcap", tmp_path)
    file = tmp_path / "pcap"
    assert tshark(file, "_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0", "frame.number") == []
    commands = {one for (one,) in tshark(file, "smtp.req", "smtp.req.command")}
    assert {"EHLO", "MAIL", "RCPT", "DATA", "QUIT"} <= {verb for one in commands for verb in one.upper().split(",")}
    codes = {one for (line,) in tshark(file, "smtp.response.code", "smtp.response.code") for one in line.split(",")}
    assert {"220", "250", "354", "221"} <= codes
    assert tshark(file, 'pop.request.command == "RETR"', "frame.number")
    assert tshark(file, "imap.request.command", "frame.number")
    asked = [(name, kind) for name, kind in tshark(file, "dns.flags.response == 0", "dns.qry.name", "dns.qry.type")]
    numbers = {"A": "1", "MX": "15", "TXT": "16", "AAAA": "28"}
    asks = [act for step in mail.trace.only(Ask) if isinstance(act := step.act, Ask)]
    wanted = [(act.name.rstrip("."), numbers[act.type]) for act in asks]
    assert sorted(asked) == sorted(wanted)
    answered = tshark(file, "dns.flags.response == 1 && dns.txt", "dns.qry.name", "dns.txt")
    spf = dict(answered)["alpha.example"]
    assert spf.startswith("v=spf1 ")
    called = {(source, target) for source, target in tshark(file, "tcp.dstport == 25", "ip.src", "ip.dst")}
    assert {source.rpartition(".")[0] for source, _ in called} == {"192.0.2"}, "alpha's address, as it is in the trace"


# -- hostile text


@pytest.mark.parametrize("level", ["3", "5"])
def test_hostile_text_runs_nothing_and_breaks_no_layout(opened: Opened, level: str) -> None:
    page = opened(hostile(), width=960)
    title, before = page.title(), page.evaluate(LOOK)
    assert before["control"] is False and before["over"] is False
    focus(page)
    press(page, level, "Home")
    for _ in range(12):
        press(page, *["ArrowDown"] * 10)
        assert page.evaluate(LOOK) == before
    assert page.title() == title
    assert title.startswith("<script>"), "shown as the text it is"


def test_a_page_keeps_hostile_text_out_of_its_markup() -> None:
    page = html.page(hostile(), READERS, TABLES)
    assert "owned" not in re.sub(r"<title>.*?</title>", "", page), "all that came is packed"
    assert "<title>&lt;script&gt;" in page
    branch = {"id": "b1", "parent": "", "at": 1, "title": "</script><script>alert(1)</script>", "packed": b""}
    assert "</script><script>alert" not in html.of_packed(b"", "", [branch])


def test_the_policy_names_the_one_script_and_the_one_style() -> None:
    page = html.page(reading(), READERS, TABLES)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy
    assert len(page.encode()) < 300_000 + len(base64.b64encode(pack(score(reading(), READERS, TABLES))))


def test_nothing_happened_is_a_page_too(opened: Opened, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_text(html.page(Trace(), {}, {}), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.get_by_text("Nothing happened").wait_for()
    page.close()


@pytest.mark.long
def test_a_hundred_thousand_steps_stay_usable(opened: Opened) -> None:
    page = opened(long(100_000))
    focus(page)
    press(page, "4")
    times = page.evaluate("""() => {
        const { app } = document.querySelector('.mp').player, times = [];
        for (let k = 0; k < 60; k++) {
            const start = performance.now();
            if (k % 2) app.move('next'); else app.go(k * 700, { reveal: true, jump: true });
            document.body.offsetHeight;
            times.push(performance.now() - start);
        }
        return times.sort((a, b) => a - b);
    }""")
    assert times[30] < 50 and times[-1] < 500
    assert page.locator(".mp-row").count() < 80
    assert press(page, "End") > 99_000
    press(page, "/")
    page.keyboard.type("retr")
    assert page.locator(".mp-row[data-hit]").count() >= 1


# -- every width, both themes, paper


@pytest.mark.parametrize("width", [360, 720, 960, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits(opened: Opened, width: int, theme: str) -> None:
    page = opened(reading(), at="#step=28", width=width, height=900, theme=theme)
    assert page.evaluate(ROOM)
    assert page.evaluate(BEYOND_THE_EDGE) == []
    assert page.evaluate(TOO_SMALL) == [], "targets are 24 px at least"


def test_on_paper_all_rows_are_there(opened: Opened) -> None:
    page = opened(reading())
    focus(page)
    press(page, "4")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".mp-row").count() == 33
    assert page.locator(".mp-insp").is_hidden() and page.locator(".mp-foot").is_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")


def test_motion_can_be_off(opened: Opened) -> None:
    page = opened(reading(), at="#step=28")
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".mp-time .ph").evaluate("e => getComputedStyle(e).transitionDuration") == "0s"


# -- access


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "state", ["start", "refusal", "question", "folded", "bytes", "help", "narrow", "predict", "branches"]
)
def test_axe_finds_no_violation(opened: Opened, theme: str, state: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    asked = {28: Question("What will it say?", (Choice("+OK"), Choice("-ERR", True)))}
    at = {"refusal": "#step=28", "question": "#step=82", "bytes": "#step=64"}.get(state, "")
    branches = grown(b"VRFY root", b"NOOP") if state in ("branches", "narrow") else ()
    wide = 380 if state == "narrow" else 960
    page = opened(reading(), at=at, width=wide, theme=theme, predict=asked, branches=branches)
    focus(page)
    match state:
        case "folded":
            press(page, "1")
        case "bytes":
            press(page, "5")
        case "branches":
            page.locator(".mp-rail").first.click()
        case "help":
            page.keyboard.press("?")
        case "predict":
            press(page, "4", *["ArrowDown"] * 20)
        case _:
            press(page, "p")
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    ours = [
        v
        for v in found.response["violations"]
        if v["id"] not in ("landmark-one-main", "page-has-heading-one", "region")
    ]
    assert ours == [], "\n".join(f"{v['id']}: {[n['html'][:120] for n in v['nodes'][:3]]}" for v in ours)


def test_a_screen_reader_hears_each_step_as_a_sentence(opened: Opened) -> None:
    page = opened(reading())
    focus(page)
    press(page, "r")
    said = "Step 28. beta answers bob: -ERR [AUTH] name and password do not fit together, under TLS"
    assert page.locator("[aria-live]").first.inner_text() == said
    active = page.locator(".mp-score").get_attribute("aria-activedescendant")
    item = page.locator(f"#{active}")
    assert item.get_attribute("aria-selected") == "true"
    assert item.locator(".vh").inner_text() == said
    assert [item.get_attribute(f"aria-{name}") for name in ("level", "posinset", "setsize")] == ["4", "3", "3"]
    tree = page.locator(".mp-score").aria_snapshot()
    assert f'treeitem "{said}" [level=4] [selected]' in tree


def test_the_accessibility_tree_tells_all_of_it(opened: Opened) -> None:
    """As Chromium hands it to a screen reader: which parts there are, each step as a sentence, one of them current."""
    page = opened(reading())
    focus(page)
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    told = page.locator(".mp").aria_snapshot()
    for part in (
        'heading "bob reads his mail" [level=2]', 'radiogroup "How deep"', 'radio "Commands" [checked]',
        'searchbox "Search steps"', 'group "Lanes"', 'tree "Steps"', 'slider "Time line"', 'toolbar "Moving"',
        'treeitem "Step 0. bob reads his mail: ok" [expanded] [level=1]',
        'treeitem "Step 7. bob says to beta: STLS; the answer is +OK" [level=3] [selected]',
        'treeitem "Step 25. bob says to beta: PASS wrong; the answer is -ERR, under TLS" [level=3]',
        'group "World"', 'img "State of POP3: AUTHORIZATION"', 'region "Details of this step"',
        'button "Next refusal (r)"', 'button "Save this as a file (s)"', 'combobox "Speed"',
    ):  # fmt: skip
        assert part in told, f"{part} in\n{told}"
    assert len(re.findall(r"treeitem .*\[selected\]", told)) == 1


def test_windowed_rows_say_how_many_there_are(opened: Opened) -> None:
    """Only some rows are in the page: each says its place among all its siblings, in the browser's own tree."""
    page = opened(long(2_000), readers=READERS)
    focus(page)
    press(page, "2", "End")
    cdp = page.context.new_cdp_session(page)
    nodes = cdp.send("Accessibility.getFullAXTree")["nodes"]
    items = [
        {one["name"]: one["value"]["value"] for one in node["properties"]} | {"said": node["name"]["value"]}
        for node in nodes
        if node.get("role", {}).get("value") == "treeitem"
    ]
    assert 10 < len(items) < 60
    rows = page.evaluate("document.querySelector('.mp').player.app.story.size")
    assert rows > 500
    for item in items:
        assert item["level"] >= 1 and item["said"].startswith("Step ")
    places = page.locator(".mp-row").evaluate_all(
        "all => all.map(e => ['aria-level', 'aria-posinset', 'aria-setsize'].map(name => Number(e.getAttribute(name))))"
    )
    tops = [(place, size) for level, place, size in places if level == 1]
    count = page.evaluate(
        "document.querySelector('.mp').player.app.story.rows.filter(row => row.up === undefined).length"
    )
    assert {size for _, size in tops} == {count} and tops[-1][0] == count > 20


def test_forced_colours_keep_what_is_chosen_and_where_one_is(opened: Opened) -> None:
    page = opened(reading(), at="#step=28")
    page.emulate_media(forced_colors="active")
    outline = "e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
    assert page.locator(NOW).evaluate(outline) == "solid2px"
    assert page.locator(".mp-levels [aria-checked=true]").evaluate(outline) == "solid2px"
    ink = "e => [getComputedStyle(e).stroke, getComputedStyle(document.body).color]"
    stroke, text = page.locator(".mp-row .wire:not(.bad)").first.evaluate(ink)
    assert stroke == text, "wires have the system's colour of text"


def test_every_control_has_a_name_and_is_reached_by_tab(opened: Opened) -> None:
    page = opened(reading(), at="#step=28")
    assert page.evaluate(NAMELESS) == []
    page.locator("body").click(position={"x": 2, "y": 2})
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(FOCUSED))
    assert {"mp-score", "mp-time", "mp-bytes", "g", "mp-find", "Keys (?)"} <= reached


def test_escape_leads_back_to_the_steps_and_out(opened: Opened) -> None:
    page = opened(reading())
    page.locator(".mp-time").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "mp-score"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_the_hostile_trace_holds_what_it_says() -> None:
    """So that the tests above test something."""
    packed = zlib.decompress(pack(score(hostile(), READERS, TABLES)), 31).decode("utf-8", "surrogatepass")
    assert all(word in packed for word in ("<script>", "onload", "\\u001b]0;", "\u202e", "</textarea>"))
    assert len(HOSTILE["long"]) == 1_000_000
