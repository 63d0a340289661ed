"""docs/writing-lessons.md, done as it says: its lesson and its exercise pass the tests that every lesson passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lessons import HOUSE, environment

HOWTO = HOUSE / "docs" / "writing-lessons.md"


def blocks() -> dict[str, str]:
    """What stands behind the word python at a block's head -> the block."""
    return dict(re.findall(r"^```python (\S+)\n(.*?)^```", HOWTO.read_text("utf-8"), re.MULTILINE | re.DOTALL))


@pytest.fixture
def house(tmp_path) -> Path:
    """A copy of the project, with the lesson that the page writes."""
    copy = tmp_path / "house"
    for name in ("mailedu", "notebooks", "solutions", "docs", "tests"):
        shutil.copytree(HOUSE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(HOUSE / name, copy / name)
    text = blocks()
    for name in ("mailedu/exercises/example.py", "solutions/example.py", "write-example.py"):
        (copy / name).write_text(text[name], encoding="utf-8")
    subprocess.run([sys.executable, "write-example.py"], cwd=copy, check=True, env=environment(tmp_path))
    course = copy / "mailedu" / "exercises" / "course.py"
    before = course.read_text("utf-8")
    after = before.replace("\n)  # fmt: skip\n", f"\n    {text['course'].strip()}\n)  # fmt: skip\n")
    assert after != before
    course.write_text(after, encoding="utf-8")
    return copy


def run_tests_in(house: Path, *arguments: str) -> str:
    own = {**environment(house), "PYTHONPATH": str(house) + os.pathsep + os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    done = subprocess.run(command, cwd=house, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_the_pages_exercise_is_whole_and_told_apart(house) -> None:
    said = run_tests_in(house, "tests/test_exercises_solutions.py", "-m", "not long", "-k", "Z1")
    assert re.search(r"\b1\d passed", said), said


@pytest.mark.long
def test_the_pages_lesson_passes_what_every_lesson_passes(house) -> None:
    run_tests_in(house, "tests/test_exercises_solutions.py", "tests/test_lessons.py", "-k", "Z1 or 98 or map or names")


def test_the_pages_code_is_as_tidy_as_ours(house) -> None:
    files = ["mailedu/exercises/example.py", "mailedu/exercises/course.py"]
    for command in (["ruff", "check", *files], ["ruff", "format", "--check", *files[:1]], ["mypy", *files]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=house, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_names_files_that_are_there() -> None:
    for name in re.findall(r"`((?:tests|mailedu|docs)/[\w/.-]+\.(?:py|md))`", HOWTO.read_text("utf-8")):
        assert (HOUSE / name).is_file() or name in blocks(), name
