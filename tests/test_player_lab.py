"""The player inside JupyterLab and Notebook 7, in a real browser: keys, branches, themes, cells that are run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter import NOTEBOOK, Jupyter, jupyter, run_all, scroll_to
from player_traces import READERS, TABLES, reading
from playwright.sync_api import Page

from mailedu.views import html

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SETUP = """
import sys, time
sys.path.insert(0, {tests!r})
from ipywidgets.widgets.widget import _instances as instances
from player_traces import READERS, TABLES, long, reading
from mailedu.acts import LabError
from mailedu.views.widget import Player

def on_branch(at, text):
    if text == "NO":
        raise LabError("The lab says no.")
    if text == "SLOW":
        time.sleep(5)  # longer than the page has patience
    return (long(100) if text == "LONG" else reading()), on_branch
"""
CELLS = (
    "p = Player(reading(), READERS, TABLES, on_branch=on_branch); p",
    "q = Player(reading(), READERS, TABLES); q",
    "print('a cell below')",
)
FIRST, SECOND = 1, 2  # the cells with players

ACTIVE = f"{NOTEBOOK}.activeCellIndex"
COUNT = f"{NOTEBOOK}.widgets.length"
SAID = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    let said = '';
    const future = kernel.requestExecute({ code });
    future.onIOPub = message => { if (message.header.msg_type === 'stream') said += message.content.text; };
    await future.done;
    return said.trim();
}"""
SIZED = """([wide, height]) => {
    Object.assign(document.querySelector('main').style, { width: wide, maxWidth: 'none' });
    document.querySelector('.mp').style.setProperty('--mp-height', height);
}"""
LOOKS = """() => {
    const names = ('float overflow-x overflow-y font-weight font-size font-style line-height color background-color ' +
        'display text-align vertical-align white-space list-style-type margin-top margin-bottom margin-left ' +
        'padding-top padding-bottom padding-left padding-right border-top-width border-left-width ' +
        'border-bottom-width border-top-color border-top-left-radius min-width max-width ' +
        'text-decoration-line opacity').split(' ');
    const { app } = document.querySelector('.mp').player, found = [];
    const walk = (element, path) => {
        const style = getComputedStyle(element);
        found.push([path, Object.fromEntries(names.map(name => [name, style.getPropertyValue(name)]))]);
        for (const child of element.children) walk(child, `${path}>${child.tagName}.${child.getAttribute('class')}`);
    };
    app.level(4); app.go(app.story.rowOf(28), { reveal: true, jump: true }); walk(app.root, '28');
    app.level(1); app.go(1, { jump: true }); walk(app.root, '1');
    app.go(app.story.rowOf(84), { reveal: true, jump: true }); walk(app.root, '84');
    return found;
}"""


@pytest.fixture(scope="module", params=["lab", "notebook"])
def server(request, browser, tmp_path_factory) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("books")
    code = [SETUP.format(tests=str(Path(__file__).parent)), *CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(text) for text in code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "book.ipynb")
    with jupyter(request.param, folder, browser, tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Jupyter) -> Iterator[Page]:
    page = server.open("book.ipynb")
    run_all(page)
    scroll_to(page, FIRST)
    page.locator(".mp").nth(1).wait_for(timeout=30_000)
    yield page
    page.close()


@pytest.fixture(autouse=True)
def fresh(page: Page) -> None:
    """Each test begins at the first player's first step, in its story."""
    page.evaluate("""() => { for (const root of document.querySelectorAll('.mp')) {
        const { app } = root.player; app.stop(); app.show('', 0); app.level(2); app.go(0, { jump: true }); } }""")
    page.evaluate(f"{ACTIVE} = {FIRST}")
    page.locator(".mp-score").first.focus()


def step(page: Page, player: int = 0) -> int:
    return int(page.locator(".mp-bar .pos b").nth(player).inner_text())


def test_keys_move_the_player_and_not_the_notebook(page: Page) -> None:
    count, active = page.evaluate(COUNT), page.evaluate(ACTIVE)
    for key in (
        "ArrowDown",
        "ArrowDown",
        "ArrowUp",
        "ArrowRight",
        "a",
        "b",
        "x",
        "d",
        "d",
        "z",
        "c",
        "v",
        "m",
        "y",
        "Enter",
        "5",
        "3",
    ):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert (page.evaluate(COUNT), page.evaluate(ACTIVE)) == (count, active)
    assert step(page) > 0
    assert page.evaluate("document.activeElement.className") == "mp-score"


def test_what_is_typed_into_the_prompt_is_typed_there(page: Page) -> None:
    count = page.evaluate(COUNT)
    page.keyboard.press("t")
    page.keyboard.type("dd x a b")
    assert page.locator(".mp-prompt textarea").first.input_value() == "dd x a b"
    page.locator(".mp-prompt textarea").first.fill("")
    assert page.evaluate(COUNT) == count


def test_several_lines_can_be_typed(page: Page) -> None:
    """Shift+Enter is another line, and does not run the cell; Enter says all of them."""
    had, active, count = int(page.evaluate(SAID, "print(len(p.branches))")), page.evaluate(ACTIVE), page.evaluate(COUNT)
    page.keyboard.press("t")
    page.keyboard.type("Subject: Hello")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Hi")
    assert page.locator(".mp-prompt textarea").first.input_value() == "Subject: Hello\n\nHi"
    assert "Enter says all of it" in page.locator(".mp-note").first.inner_text()
    assert page.locator(".mp-prompt textarea").first.evaluate("e => e.clientHeight > 50")
    page.keyboard.press("Enter")
    page.locator(".mp-cmp").wait_for(timeout=8_000)
    assert page.evaluate(SAID, f"print([b['title'] for b in p.branches[{had}:]])") == str(["Subject: Hello\r\n\r\nHi"])
    assert (page.evaluate(ACTIVE), page.evaluate(COUNT)) == (active, count)


def test_escape_twice_leads_back_to_the_notebook(page: Page) -> None:
    page.locator(".mp-bar button").first.focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "mp-score"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(200)
    assert page.evaluate(ACTIVE) == SECOND


def test_the_cursor_goes_both_ways_and_each_player_has_its_own(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(400)
    assert page.evaluate(SAID, "print(p.cursor, q.cursor)") == "1 0"
    page.evaluate(SAID, "p.cursor = 28")
    page.wait_for_timeout(400)
    assert (step(page), step(page, 1)) == (28, 0)
    ids = page.evaluate("[...document.querySelectorAll('.mp [id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_branch_grows_is_walked_and_branched_again(page: Page) -> None:
    had = int(page.evaluate(SAID, "print(len(p.branches))"))
    page.evaluate("document.querySelector('.mp').player.app.go(9, { reveal: true, jump: true })")
    page.locator(".mp-score").first.focus()
    page.keyboard.press("t")
    page.keyboard.type("LONG")
    page.keyboard.press("Enter")
    page.locator(".mp-cmp").wait_for(timeout=8_000)
    page.get_by_role("button", name="Walk it").nth(1).click()
    assert page.locator("select.mp-title").first.input_value() == f"b{had + 1}"
    page.keyboard.press("t")
    page.keyboard.type("AGAIN")
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    told = page.evaluate(SAID, f"print([(b['id'], b['parent'], b['title']) for b in p.branches[{had}:]])")
    assert told == str([(f"b{had + 1}", "", "LONG"), (f"b{had + 2}", f"b{had + 1}", "AGAIN")])


def test_a_refusal_and_a_silent_kernel_are_said_so(page: Page) -> None:
    page.keyboard.press("t")
    page.keyboard.type("NO")
    page.keyboard.press("Enter")
    page.locator(".mp-note[data-bad]", has_text="The lab says no.").wait_for(timeout=8_000)
    page.locator(".mp-prompt textarea").first.fill("SLOW")
    page.keyboard.press("Enter")
    page.locator(".mp-note[data-bad]", has_text="not answered").wait_for(timeout=4_500)
    page.locator(".mp-cmp").wait_for(timeout=8_000)  # late is not never
    page.locator("[role=tab]", has_text="Story").first.click()
    assert page.locator(".mp-note").first.inner_text() == ""


def test_without_a_lab_nothing_is_offered_that_cannot_be_done(page: Page) -> None:
    second = page.locator(".mp").nth(1)
    assert second.locator(".mp-prompt").is_hidden()
    assert second.locator(".mp-state button").count() == 0


def test_a_cell_that_is_run_again_leaves_one_player_here_and_there(page: Page, server: Jupyter) -> None:
    alive = "print(sum(isinstance(w, Player) for w in instances.values()))"
    before = page.evaluate(SAID, alive)
    for _ in range(3):
        page.evaluate(
            f"async () => {{ {ACTIVE} = {SECOND}; await window.jupyterapp.commands.execute('notebook:run-cell'); }}"
        )
        page.wait_for_timeout(500)
    assert page.locator(".mp").count() == 2
    assert page.evaluate(SAID, alive) == before
    styles = "[...document.querySelectorAll('style')].filter(s => s.textContent.includes('--mp-now:')).length"
    assert page.evaluate(styles) == 1


def test_themes_follow_at_once(page: Page) -> None:
    look = "['colorScheme', 'color'].map(name => getComputedStyle(document.querySelector('.mp'))[name])"
    light = page.evaluate(look)
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    page.wait_for_timeout(2_500)
    dark = page.evaluate(look)
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")
    page.wait_for_timeout(1_500)
    assert (light[0], dark[0]) == ("light", "dark")
    assert light[1] != dark[1]


GO = """n => { const { app } = document.querySelector('.mp').player;
    app.go(app.story.rowOf(n), { jump: true }); }"""
NUMBERS = ".mp .kv.words dt, .mp-row .n, .mp .said .cap, .mp-world .v, .mp-bar .pos"
WRAPPED = """selector => [...document.querySelectorAll(selector)].filter(e => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const boxes = [...range.getClientRects()].filter(box => box.width);
    return Math.max(...boxes.map(box => box.top)) >= Math.min(...boxes.map(box => box.bottom));
}).map(e => e.className + ': ' + e.textContent)"""


@pytest.mark.parametrize("width", [520, 700, 860, 1024, 1280, 1366, 1536, 1920])
def test_it_fits_into_a_cell(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(600)
    for number in (0, 62, 28):
        page.evaluate(GO, number)
        assert page.evaluate(WRAPPED, NUMBERS) == [], "numbers stay on their line"
    over = """() => { const out = document.querySelector('.mp').closest('.jp-OutputArea-output');
        return [out.scrollWidth - out.clientWidth, out.scrollHeight - out.clientHeight]; }"""
    assert page.evaluate(over) == [0, 0]
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.wait_for_timeout(400)


def test_the_notebooks_styles_do_not_leak_in(page: Page, browser, tmp_path: Path) -> None:
    """Element by element, the player looks as it does alone in a page of the same width."""
    file = tmp_path / "alone.html"
    file.write_text(html.page(reading(), READERS, TABLES), encoding="utf-8")
    alone = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    alone.goto(file.as_uri())
    alone.locator(".mp-row").first.wait_for()
    page.evaluate("() => { document.querySelectorAll('.mp')[1].id = 'second'; }")
    wide = page.evaluate("document.querySelector('#second').getBoundingClientRect().width")
    height = page.evaluate("getComputedStyle(document.querySelector('#second .mp-body')).height")
    alone.evaluate(SIZED, [f"{wide}px", height])
    alone.evaluate("document.activeElement.blur()")
    alone.wait_for_timeout(300)
    inside = page.evaluate(LOOKS.replace("document.querySelector('.mp')", "document.querySelector('#second')"))
    outside = alone.evaluate(LOOKS)
    alone.close()
    assert [path for path, _ in inside] == [path for path, _ in outside]
    differ: dict[str, set[str]] = {}
    for (path, here), (_, there) in zip(inside, outside, strict=True):
        for name in here:
            if here[name] != there[name]:
                differ.setdefault(f"{name}: {here[name]} for {there[name]}", set()).add(path.split(">")[-1])
    assert differ == {}


def test_nothing_left_this_machine_and_nothing_was_complained_about(page: Page, server: Jupyter) -> None:
    assert server.outside == []
    assert server.errors == []
