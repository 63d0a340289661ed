"""The gallery that `make gallery` builds: every run has its page, and the index leads to each."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from mailedu.lab.shown import Shown

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools" / "gallery.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_the_runs_that_a_stranger_should_see(gallery: ModuleType) -> None:
    names = [one.name for one in gallery.RUNS]
    assert len(names) == len(set(names))
    assert {"journey", "refusal", "branches", "pop3", "arena", "spf", "dkim"} <= set(names)


def test_it_builds_a_page_for_each_run_and_an_index(gallery: ModuleType, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["gallery", "--folder", str(tmp_path), "--no-pictures"])
    gallery.main()
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', index)
    assert [link.partition("#")[0] for link in links] == [f"{one.name}.html" for one in gallery.RUNS]
    for one in gallery.RUNS:
        assert (tmp_path / f"{one.name}.html").read_text(encoding="utf-8").startswith("<!doctype html")
        assert one.title.replace("'", "&#x27;") in index


def test_each_run_opens_at_the_row_it_means(gallery: ModuleType, tmp_path: Path) -> None:
    links = gallery.build(tmp_path)
    assert all(links[one.name].endswith("#step=0") != bool(one.begin) for one in gallery.RUNS)


def test_the_conversation_has_two_branches(gallery: ModuleType) -> None:
    (made,) = [one.make() for one in gallery.RUNS if one.name == "branches"]
    assert isinstance(made, Shown)
    assert [(branch.parent, branch.title) for branch in made.branches()] == [
        ("", "RCPT TO:<nobody@beta.example>"),
        ("", "DATA"),
    ]


def test_it_is_not_committed() -> None:
    assert "/gallery/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
