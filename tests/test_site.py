"""The site and the papers for teachers: pages without kernel and network, whose links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from browser import ARGUMENTS, MISSING, find_browser
from click.testing import CliRunner
from lessons import HOUSE

from mailedu.cli import main
from mailedu.exercises.course import LESSONS


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", HOUSE / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site of one lesson."""
    folder = tmp_path_factory.mktemp("site")
    tool("site").build(folder, [LESSONS[0]])
    return folder


def test_its_links_lead_somewhere_and_one_that_does_not_is_found(site, tmp_path) -> None:
    check = tool("site").broken_links
    assert check(site) == []
    spoilt = tmp_path / "spoilt"
    shutil.copytree(site, spoilt)
    with (spoilt / "index.html").open("a") as page:
        page.write('<a href="nowhere.html">x</a><a href="#no-such-place">y</a>')
    assert check(spoilt) == ["index.html: nowhere.html", "index.html: #no-such-place"]


@pytest.mark.browser
def test_its_player_steps_without_kernel_and_network(site) -> None:
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto((site / "00-start.html").as_uri())
        frame = page.frame_locator("iframe").first
        frame.locator(".mp-bar .pos b").wait_for(timeout=60_000)
        before = frame.locator(".mp-bar .pos b").inner_text()
        frame.locator(".mp-bar button", has_text="Step").first.click()
        assert frame.locator(".mp-bar .pos b").inner_text() != before
        assert page.evaluate("document.documentElement.scrollWidth") <= 1366
        assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]
        assert errors == []
        browser.close()


def test_a_reveal_tells_without_a_guess_and_stands_folded(site) -> None:
    page = (site / "00-start.html").read_text("utf-8")
    bare = re.sub(r' srcdoc="[^"]*"', "", page)
    assert bare.count("<details class=reveal>") >= 3
    assert "You have not guessed yet" not in bare and ".reveal(" not in bare


def test_lessons_are_listed_with_their_minutes() -> None:
    told = json.loads(CliRunner().invoke(main, ["lessons", "--json"]).stdout)
    assert [one["lesson"] for one in told] == [lesson.number for lesson in LESSONS]
    assert all(one["minutes"] >= 5 * len(one["exercises"]) > 0 for one in told)
    shown = CliRunner().invoke(main, ["lessons"]).stdout
    assert all(lesson.title in shown for lesson in LESSONS)


def test_every_group_of_the_reliability_page_has_tests() -> None:
    groups = tool("reliability").GROUPS
    for name, patterns in groups.items():
        for pattern in patterns.split():
            assert list((HOUSE / "tests").glob(pattern)), f"{name}: {pattern}"


def test_the_reliability_page_tells_what_failed(tmp_path) -> None:
    reliability = tool("reliability")
    report = tmp_path / "report.xml"
    cases = '<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><skipped/></testcase>'
    report.write_text(f'<testsuites><testsuite tests="3" skipped="1" time="2.5">{cases}</testsuite></testsuites>')
    score = reliability.read(report)
    assert score == (1, 1, 1, 2.5, ["b"])
    page = reliability.page({"Everything": score}, False)
    assert "- Everything: `b`" in page and "Stopped before: SPF" in page
    assert reliability.before(page) == {"Everything": score._replace(seconds=2.0)}


def test_the_readmes_lines_run() -> None:
    """The facade in ten lines, as it stands there."""
    [lines] = re.findall(r"```python\n(.*?)```", (HOUSE / "README.md").read_text("utf-8"), re.DOTALL)
    assert len([line for line in lines.splitlines() if line.strip()]) <= 14
    names: dict[str, object] = {}
    exec(compile(lines, "README.md", "exec"), names)
    assert names["mail"].verdict == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    names["lab"].close() if hasattr(names["lab"], "close") else None


# -- the Hub -----------------------------------------------------------------------------------------------------------


def test_the_hubs_configuration_puts_lessons_and_overwrites_nothing(tmp_path, monkeypatch) -> None:
    """Run as JupyterHub runs it, for the user who runs these tests."""
    pwd = pytest.importorskip("pwd", reason="a Hub runs on Linux")
    import os
    from types import SimpleNamespace

    class Settings(SimpleNamespace):
        def __getattr__(self, name: str) -> Settings:
            setattr(self, name, Settings())
            return getattr(self, name)

    c = Settings()
    source = (HOUSE / "docs" / "hub" / "jupyterhub_config.py").read_text("utf-8")
    ast.parse(source)
    exec(compile(source, "jupyterhub_config.py", "exec"), {"get_config": lambda: c})
    assert c.Spawner.default_url.endswith("/00-start.ipynb")
    me = SimpleNamespace(pw_dir=str(tmp_path), pw_uid=os.getuid(), pw_gid=os.getgid())
    monkeypatch.setattr(pwd, "getpwnam", lambda name: me)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.chdir(HOUSE)
    mine = tmp_path / "mailedu-lessons" / "00-start.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine")
    c.Spawner.pre_spawn_hook(SimpleNamespace(user=SimpleNamespace(name="ada")))
    assert mine.read_text() == "mine"
    assert {path.name for path in mine.parent.glob("*.ipynb")} == {lesson.notebook for lesson in LESSONS}


def test_the_papers_point_to_what_there_is() -> None:
    for path in (HOUSE / "docs").rglob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), f"{path.relative_to(HOUSE)} points to {link}"


def test_commands_in_the_papers_exist() -> None:
    """`mailedu WORD` in any paper is a command."""
    for path in [HOUSE / "README.md", *(HOUSE / "docs").rglob("*.md")]:
        for word in re.findall(r"(?:`|^|/)mailedu ([a-z]+)\b", path.read_text("utf-8"), re.MULTILINE):
            assert word in main.commands, f"{path.name}: mailedu {word}"
