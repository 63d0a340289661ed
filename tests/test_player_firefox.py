"""The player in Firefox: as a page, and as a widget inside JupyterLab and Notebook 7.

What it does in detail is tested in Chromium; here, that another engine does it too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from firefox import Firefox, firefox
from jupyter import ALL_DONE, NOT_OURS, NOTEBOOK, READY, Jupyter, jupyter
from player_traces import HOSTILE, READERS, TABLES, hostile, reading

from mailedu import Lab
from mailedu.trace import Trace
from mailedu.views import html
from mailedu.views.score import pack, score

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="its headless window has no size there"),
]

STEP = "Number(document.querySelector('.mp-bar .pos b').innerText)"
ACTIVE = f"{NOTEBOOK}.activeCellIndex"
COUNT = f"{NOTEBOOK}.widgets.length"
FITS = "document.documentElement.scrollWidth <= innerWidth"
CONTROL = (
    r"/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/"
    ".test(document.querySelector('.mp').textContent)"
)
ELEMENTS = "document.querySelectorAll('.mp :is(script, style, img, iframe, object, embed, link, a:not(.cite))').length"
OUTSIDE = """performance.getEntriesByType('resource').map(entry => entry.name)
    .filter(name => !/^(data|blob|file|moz-extension):|^http:..127[.]0[.]0[.]1:/.test(name))"""


@pytest.fixture(scope="module")
def fox(tmp_path_factory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as started:
        yield started


@pytest.fixture
def page(fox: Firefox, tmp_path: Path):
    """page(trace, at="#step=5", width=…, theme=…): opened; at the end nothing was complained about."""
    before = len(fox.said())

    def open_(trace: Trace, at: str = "", width: int = 1000, theme: str = "light", branches=()) -> Firefox:
        told = score(trace, READERS, TABLES)
        file = tmp_path / "page.html"
        file.write_text(html.of_packed(pack(told), told["title"], branches), encoding="utf-8")
        fox.theme(theme)
        fox.go("about:blank")
        fox.size(width, 800)
        fox.go(file.as_uri() + at)
        fox.until("document.querySelector('.mp-row')")
        return fox

    yield open_
    assert fox.said()[before:] == []


def step(fox: Firefox) -> int:
    return int(fox.run(f"return {STEP}"))


def press(fox: Firefox, *keys: str) -> int:
    fox.press(*keys)
    return step(fox)


# -- the page


def test_keys_step_fold_and_jump(page) -> None:
    fox = page(reading())
    assert fox.run("return document.activeElement.className") == "mp-score", "keys work at once"
    assert press(fox, *["ArrowDown"] * 4) == 7, "STLS, folded"
    assert press(fox, "ArrowDown", "ArrowDown") == 16, "past the handshake: USER"
    assert press(fox, "ArrowUp") == 13
    assert press(fox, "ArrowDown", "ArrowRight", "ArrowRight") == 17, "into"
    assert press(fox, "ArrowLeft") == 16, "out"
    assert press(fox, "Shift+ArrowDown") == 25, "over"
    assert press(fox, "Home", "r") == 28, "the next refusal"
    assert "do not fit together" in fox.text(".mp-why")
    assert press(fox, "End") == 85
    rows = [fox.run("return document.querySelector('.mp').player.app.walk.shown.length")]
    for level in "12345":
        fox.press(level)
        rows.append(fox.run("return document.querySelector('.mp').player.app.walk.shown.length"))
    assert rows[1] <= rows[2] < rows[3] < rows[4] < rows[5]


def test_the_pointer_does_too(page) -> None:
    fox = page(reading())
    fox.click(".mp-row[data-level=exchange] .lb", 2)
    assert step(fox) == 25
    fox.click(".mp-row[data-now] .tw")
    assert fox.run("return document.querySelector('.mp-row[data-now]').getAttribute('aria-expanded')") == "true"
    fox.click(".mp-levels [role=radio]", 3)
    assert fox.text(".mp-levels [aria-checked=true]").strip() == "Decisions"


def test_octets_explain_themselves(page) -> None:
    fox = page(reading(), "#step=26")
    shown = fox.run("return [...document.querySelectorAll('.mp-bytes .g b')].map(b => b.innerText)")
    assert shown == ["PASS", "·", "wrong", "↵"]
    fox.focus(".mp-bytes button.g")
    fox.press("ArrowRight", "ArrowRight")
    assert fox.text(".mp-why").startswith("password: ")
    assert step(fox) == 26


def test_branches_are_shown_and_walked(page) -> None:
    packed = pack(score(reading(b"VRFY root\r\n"), READERS, TABLES))
    branch = {"id": "b1", "parent": "", "at": 18, "title": "VRFY root", "packed": packed}
    fox = page(reading(), branches=[branch])
    fox.click(".mp-rail")
    assert "Steps up to 18 are the same in both" in fox.text(".mp-cmp")
    first = fox.run("return [...document.querySelectorAll('.ln[data-first] .lb')].map(e => e.innerText)")
    assert first == ["PASS wrong", "VRFY root"]
    fox.click(".mp-cmp .walk", 1)
    assert "VRFY root" in fox.text(".mp-row[data-now]")


@pytest.mark.parametrize("width", [500, 1000, 1500])  # its window is never narrower than that
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_follows_the_theme(page, width: int, theme: str) -> None:
    fox = page(reading(), "#step=28", width, theme)
    assert fox.run("return innerWidth") == width
    assert fox.run(f"return {FITS}")
    colour = fox.run("return getComputedStyle(document.querySelector('.mp')).color.match(/\\d+/g).map(Number)[0]")
    assert (colour > 128) == (theme == "dark")


def test_hostile_text_runs_nothing(page) -> None:
    fox = page(hostile())
    title, elements = fox.run("return document.title"), fox.run(f"return {ELEMENTS}")
    fox.press("5", "Home")
    for _ in range(8):
        fox.press(*["ArrowDown"] * 15)
        assert fox.run(f"return [{FITS}, {CONTROL}, {ELEMENTS}]") == [True, False, elements]
    assert fox.run("return document.title") == title == HOSTILE["script"].decode()


def test_a_real_run_of_the_lab(page) -> None:
    """As `to_html` writes it; and nothing is asked for."""
    from mailedu.lab.shown import READERS, TABLES

    fox = page(reading())
    mail = Lab(seed=1).send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi Bob")
    folder = Path(fox.run("return location.pathname")).parent
    file = folder / "mail.html"
    file.write_text(html.page(mail.trace, READERS, TABLES, mail.title), encoding="utf-8")
    fox.go(file.as_uri())
    fox.until("document.querySelector('.mp-row')")
    fox.press("4")
    for _ in range(10):
        fox.press(*["ArrowDown"] * 20)
    assert step(fox) > 100
    assert fox.run(f"return {OUTSIDE}") == []


# -- the widget

SETUP = """
import sys
sys.path.insert(0, {tests!r})
from player_traces import READERS, TABLES, reading
from mailedu.views.widget import Player

def on_branch(at, text):
    return reading(text.encode() + b"\\r\\n"), on_branch
"""
CELLS = ("p = Player(reading(), READERS, TABLES, on_branch=on_branch); p", "print('a cell below')")


@pytest.fixture(scope="module", params=["lab", "notebook"])
def server(request, tmp_path_factory) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("books")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [SETUP.format(tests=str(Path(__file__).parent)), *CELLS]
    cells = [nbformat.v4.new_code_cell(text) for text in code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "book.ipynb")
    with jupyter(request.param, folder, None, tmp_path_factory.mktemp("home")) as started:
        yield started


def test_the_widget_in_a_notebook(server: Jupyter, fox: Firefox) -> None:
    before = len(fox.said())
    fox.theme("light")
    fox.size(1280, 1000)
    fox.go(server.url("book.ipynb"))
    fox.until("document.querySelector('.jp-Notebook .jp-CodeCell')", seconds=120)
    ready = "const done = arguments[arguments.length - 1]; "
    assert fox.wait(f"{ready}({READY})().then(() => done(''), why => done(String(why)))") == ""
    fox.run("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    fox.until(f"({ALL_DONE})()", seconds=120)
    fox.run(f"{NOTEBOOK}.scrollToItem(1, 'center').catch(() => 0)")
    fox.until("document.querySelector('.mp-row')")
    fox.run(f"{ACTIVE} = 1")
    fox.focus(".mp-score")

    cells = fox.run(f"return {COUNT}")
    assert press(fox, *["ArrowDown"] * 4) == 7
    fox.press(*"abxddzcvmy", "Enter")
    assert fox.run(f"return [{COUNT}, {ACTIVE}]") == [cells, 1], "the notebook did not take the keys"

    fox.run("document.querySelector('.mp').player.app.go(9, { reveal: true, jump: true })")
    fox.press("t")
    fox.type("VRFY root")
    fox.press("Enter")
    fox.until("document.querySelector('.mp-cmp')")
    assert "VRFY root" in fox.text(".mp-cmp .ln[data-first] .lb", 1)

    over = "document.querySelector('.mp').closest('.jp-OutputArea-output')"
    assert fox.run(f"const out = {over}; return out.scrollWidth - out.clientWidth") == 0
    fox.focus(".mp-bar button")
    fox.press("Escape", "Escape", "ArrowDown")
    fox.until(f"{ACTIVE} === 2")
    assert [text for text in fox.said()[before:] if not any(known in text for known in NOT_OURS)] == []
    assert fox.run(f"return {OUTSIDE}") == []
    fox.run("return window.jupyterapp.commands.execute('docmanager:save')")  # so that nothing asks about leaving
