"""The command `mailedu`: its help, its words for a program, its exit codes; what it prints for other programs works."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import nbformat
import pytest
from click.testing import CliRunner
from lessons import HOUSE, environment, fill, read, solution
from programs import program

import mailedu
from mailedu.cli import main
from mailedu.exercises.course import LESSONS

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
posix_only = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a signal")


def mailedu_says(*words: object, **more: object) -> click.testing.Result:
    return CliRunner().invoke(main, [str(word) for word in words], **more)


# -- help --------------------------------------------------------------------------------------------------------------


def commands(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


@pytest.mark.parametrize(
    "words, command", list(commands()), ids=lambda found: " ".join(found) if isinstance(found, tuple) else ""
)
def test_every_command_has_help_with_examples_that_its_options_can_do(words, command) -> None:
    told = mailedu_says(*words, "--help").output
    lines = re.findall(rf"^ +(mailedu {' '.join(words)}\b.*)$", told, re.MULTILINE)
    assert lines, f"{words} has no example"
    options = {option for parameter in command.params for option in parameter.opts}
    for line in lines:
        typed = shlex.split(re.split(r" [|>#]", line)[0])
        assert {word for word in typed if word.startswith("-")} <= options | {"--help"}, line


def test_help_names_every_command_in_a_line() -> None:
    told = mailedu_says("--help").output
    for name in main.commands:
        assert re.search(rf"^  {name} +\S.*[.]$", told, re.MULTILINE), name
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_for_this_program(shell) -> None:
    told = mailedu_says("completion", shell)
    assert told.exit_code == 0
    assert "_MAILEDU_COMPLETE" in told.output and "mailedu" in told.output


def test_a_shell_completes_commands_and_addresses() -> None:
    def completed(line: str) -> str:
        asked = {"_MAILEDU_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        done = subprocess.run(
            [sys.executable, "-c", "from mailedu.cli import main; main(prog_name='mailedu')"],
            env={**os.environ, "PYTHONPATH": str(HOUSE), **asked}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    assert "plain,serve" in completed("mailedu se") and "plain,send" in completed("mailedu se")
    assert ALICE in completed("mailedu send ali")


def test_starting_it_loads_nothing_heavy() -> None:
    heavy = "{'matplotlib', 'jupyterlab', 'nbclient', 'rich', 'ipywidgets'}"
    ask = f"import sys, mailedu.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", ask], env={**os.environ, "PYTHONPATH": str(HOUSE)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_what_is_not_understood_ends_with_two() -> None:
    for words in (
        ["nonsense"],
        ["send"],
        ["grade", "no such folder"],
        ["export", "99"],
        ["send", "--seed", "x", ALICE, BOB],
    ):
        assert mailedu_says(*words).exit_code == 2, words


# -- send --------------------------------------------------------------------------------------------------------------


def test_send_tells_a_program_what_became_of_it(tmp_path) -> None:
    done = mailedu_says("send", ALICE, BOB, "--json", "--save", tmp_path / "run.json")
    told = json.loads(done.stdout)
    assert told["delivered"] == [BOB] and told["verdict"] == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    saved = mailedu.Trace.from_json((tmp_path / "run.json").read_text("utf-8"))
    assert saved == mailedu.Lab(seed=1).send(ALICE, BOB, subject="Hello", text="Hi!").trace
    assert len(saved) == told["steps"]
    forged = mailedu_says("send", "mallory@gamma.example", BOB, "--from", ALICE, "--client", "203.0.113.66", "--json")
    assert forged.exit_code == 1 and json.loads(forged.stdout)["reply"].startswith("550 5.7.26")


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path) -> None:
    done = mailedu_says("send", ALICE, BOB, "--html", tmp_path / "no" / "where.html")
    assert done.exit_code == 1 and "cannot be written: No such file" in done.stderr


# -- serve -------------------------------------------------------------------------------------------------------------


class Served:
    """`mailedu serve`, running; what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.lines = process, list[str]()
        self.more = threading.Condition()
        threading.Thread(target=self.hear, daemon=True).start()

    def hear(self) -> None:
        for line in self.process.stdout:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()

    def until(self, text: str, seconds: float = 60) -> str:
        with self.more:
            assert self.more.wait_for(lambda: any(text in line for line in self.lines), seconds), "\n".join(self.lines)
            return "\n".join(self.lines)


@contextmanager
def serving(*words: object) -> Iterator[Served]:
    command = [sys.executable, "-m", "mailedu", "serve", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        yield Served(process)
    finally:
        process.kill()
        process.wait(30)


def commands_for(name: str, told: str) -> list[list[str]]:
    return [shlex.split(line) for line in told.splitlines() if line.startswith(f"  {name} ")]


@posix_only
def test_what_serve_prints_can_be_typed_and_is_shown_live(tmp_path) -> None:
    for name in ("swaks", "curl", "openssl"):
        program(name)
    with serving("--ca", tmp_path / "ca.pem") as served:
        told = served.until("Ctrl-C ends it")
        assert "BEGIN CERTIFICATE" in (tmp_path / "ca.pem").read_text()
        quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60, "check": False}
        for words in commands_for("swaks", told):
            done = subprocess.run(words, **quiet)
            assert done.returncode == 0, done.stdout + done.stderr
        served.until(f"=> {BOB}: a message of")
        list_, all_ = (subprocess.run(words, **quiet) for words in commands_for("curl", told))
        assert re.fullmatch(r"1 \d+\r?\n2 \d+\r?\n", list_.stdout), list_.stdout + list_.stderr
        assert "* SEARCH 1 2" in all_.stdout or all_.stdout.startswith("* LIST"), all_.stdout + all_.stderr
        for words in commands_for("openssl", told):
            goodbye = "QUIT\r\n" if "smtp" in words else "a LOGOUT\r\n"
            shaken = subprocess.run(words, **quiet | {"stdin": None, "input": goodbye})
            assert "verify error" not in shaken.stderr and shaken.returncode == 0, shaken.stderr
        said = served.until("C: EHLO")
        assert "mx.beta.example:25/1" in said and "TLS from here on" in said and "(RFC 7208 §" in said
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 0
    assert served.lines[-1] == "Closed."


@posix_only
def test_serve_tells_a_program_in_json() -> None:
    import smtplib

    with serving("--json") as served:
        served.until('"ports"')
        told = json.loads(served.lines[0])
        assert told["host"] == "127.0.0.1" and told["users"][ALICE] == "lab-alice"
        with smtplib.SMTP(told["host"], told["ports"]["smtp"], timeout=30) as smtp:
            smtp.noop()
        served.until("nothing done", 30)
        rows = [json.loads(line) for line in list(served.lines[1:])]
        assert ["Hear", ["NOOP\r\n"]] in [row[5:7] for row in rows] or ["Hear", ["noop\r\n"]] in [
            row[5:7] for row in rows
        ]


@posix_only
def test_serve_ends_quietly_when_nobody_reads() -> None:
    with serving("--json", "--quiet") as served:
        served.until('"ports"')
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 0
    assert len(served.lines) == 1


def test_a_hostile_client_cannot_steer_the_terminal() -> None:
    from mailedu.acts import Hear
    from mailedu.cli.serve import spoken
    from mailedu.trace import Step

    shown = spoken(Step(1, 0.0, "mx.beta.example", "mx.beta.example:25/1", None, Hear(b"\x1b[2J\x07" + b"x" * 5_000)))
    assert not {"\x1b", "\x07"} & set(shown) and len(shown) < 300


# -- check and export --------------------------------------------------------------------------------------------------


@pytest.fixture
def exercises_only(tmp_path) -> Path:
    """Lesson 00 from "Your turn" on, J1 right and J2 untouched."""
    notebook = read(HOUSE / "notebooks" / "00-start.ipynb")
    start = next(index for index, cell in enumerate(notebook.cells) if cell.id == "student")
    notebook.cells = notebook.cells[start:]
    path = tmp_path / "ada.ipynb"
    nbformat.write(fill(notebook, "J1", solution("J1")["right"]), path)
    return path


def test_check_prints_what_each_exercise_says(exercises_only) -> None:
    done = mailedu_says("check", exercises_only, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1 and told["points"] == {"J1": 2.0, "J2": 0.0} and told["typed"] == ["ada"]
    assert "Does it look at the trace" in " ".join(told["said"]["J2"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'])
def test_check_says_in_a_sentence_what_is_no_lesson(text, tmp_path) -> None:
    (tmp_path / "x.ipynb").write_text(text)
    done = mailedu_says("check", tmp_path / "x.ipynb")
    assert done.exit_code == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_export_makes_a_page_of_a_saved_run(tmp_path) -> None:
    run = tmp_path / "run.json"
    assert mailedu_says("send", ALICE, BOB, "--level", "journey", "--save", run).exit_code == 0
    done = mailedu_says("export", run, tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html")
    run.write_text("[]")
    assert mailedu_says("export", run).exit_code == 2
    run.write_bytes(b"\xff")
    assert "cannot be read" in mailedu_says("export", run).stderr


def test_export_runs_a_notebook_and_shows_its_players(exercises_only, tmp_path) -> None:
    done = mailedu_says("export", exercises_only, tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<iframe " in page and "these checks passed" in page
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=\"?https?:", page)
    assert "AssertionError</span>" not in page and "assert check(" not in page


def test_export_as_is_runs_nothing(exercises_only, tmp_path) -> None:
    done = mailedu_says("export", exercises_only, tmp_path / "page.html", "--as-is")
    assert done.exit_code == 0 and "<iframe " not in (tmp_path / "page.html").read_text("utf-8")


def test_a_lesson_can_be_named_by_its_number() -> None:
    from mailedu.cli.export import where

    for lesson in LESSONS:
        assert where(lesson.number).name == lesson.notebook


# -- doctor ------------------------------------------------------------------------------------------------------------


def test_doctor_finds_all_that_is_needed_here() -> None:
    done = mailedu_says("doctor")
    assert done.exit_code == 0, done.output
    assert "All that mailedu needs is here" in done.output
    told = {one["what"]: one for one in json.loads(mailedu_says("doctor", "--json").stdout)}
    assert told["kernel"]["ok"] and told["jupyterlab"]["needed"] and not told["swaks"]["needed"]


def test_doctor_says_what_is_missing_and_how_to_get_it(monkeypatch) -> None:
    from importlib import metadata

    from mailedu.cli import doctor

    known = metadata.version
    assert doctor

    def version(name: str) -> str:
        if name in ("jupyterlab", "nbgrader"):
            raise metadata.PackageNotFoundError(name)
        return "3.0" if name == "aiosmtpd" else known(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    monkeypatch.setattr("shutil.which", lambda name, *_, **__: None)
    monkeypatch.setattr(sys, "platform", "linux")
    done = mailedu_says("doctor")
    assert done.exit_code == 1
    assert re.search(r"^MISSING +jupyterlab .*\n.*-m pip install 'jupyterlab", done.output, re.MULTILINE)
    assert re.search(r"^MISSING +aiosmtpd +3.0, and .* is wanted", done.output, re.MULTILINE)
    assert re.search(r"^- +nbgrader", done.output, re.MULTILINE)
    assert re.search(r"^- +swaks .*\n +apt install swaks", done.output, re.MULTILINE)


def test_doctor_sees_a_kernel_of_another_python(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/nowhere/bin/python", "-m", "ipykernel_launcher"], "display_name": "x", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    told = {one["what"]: one for one in json.loads(mailedu_says("doctor", "--json").stdout)}
    assert not told["kernel"]["ok"] and "another Python" in told["kernel"]["says"]


def test_environment_of_the_tests_is_ours(tmp_path) -> None:
    assert environment(tmp_path)["MAILEDU_PROGRESS"].startswith(str(tmp_path))
