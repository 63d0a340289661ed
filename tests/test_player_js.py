"""The player's pure files, tested by node's own test runner (``tests/js``), and the text made of them all."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailedu.views import bundle

HERE = Path(__file__).parent
SOURCES = HERE.parent / "mailedu" / "views" / "player"
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|fetch\(|XMLHttp|import\("
)
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node here: on Debian and Ubuntu, `apt-get install nodejs`")


@needs_node
def test_the_pure_files() -> None:
    ran = subprocess.run([NODE, "--test", "."], cwd=HERE / "js", capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert int(re.search(r"^# pass (\d+)", ran.stdout, re.MULTILINE)[1]) > 30


@needs_node
@pytest.mark.parametrize("root", ["widget", "page"])
def test_what_is_made_of_them_is_one_module(root: str, tmp_path: Path) -> None:
    made = tmp_path / f"{root}.mjs"
    made.write_text(bundle.script(root), encoding="utf-8")
    ran = subprocess.run([NODE, "--check", made], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert not re.search(r"^import\b", made.read_text("utf-8"), re.MULTILINE)
    assert (root == "widget") == ("export default { render };" in made.read_text("utf-8"))


def test_every_file_is_in_it() -> None:
    placed = set(re.findall(r"^const \$(\w+) = ", bundle.script("page"), re.MULTILINE)) | {"page"}
    assert placed == {path.stem for path in SOURCES.glob("*.js")}
    styles = {path.stem for path in SOURCES.glob("*.css")}
    assert styles == {*bundle.STYLES, "page"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('import { nothing } from "./words.js";\n', "which words.js does not export"),
        ('import words from "./words.js";\n', "are understood"),
        ("export { a, b };\n", "are understood"),
        ("export let changing = 1;\n", "are understood"),
        ('const text = "</script>";\n', "would end the element"),
        ('import { a } from "./made.js";\nexport const a = 1;\n', "imports itself"),
    ],
)
def test_what_it_cannot_join_it_says(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bundle.read
    monkeypatch.setattr(bundle, "read", lambda name: text if name == "made.js" else real(name))
    with pytest.raises(ValueError, match=said):
        bundle.script.__wrapped__("made")


def test_no_file_writes_markup_or_reaches_out() -> None:
    """What a message holds becomes text and attributes, and nothing is fetched."""
    for path in SOURCES.glob("*.js"):
        code = re.sub(r"//.*", "", path.read_text("utf-8"))
        assert not FORBIDDEN.search(code), path.name


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.js")), ids=lambda path: path.stem)
def test_each_file_is_one_or_two_screenfuls(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 220
    assert path.read_text("utf-8").startswith("// "), "a file says first what it is"
