"""The house around the program: a fresh clone, a release, Binder, CI, and the command `mailedu`."""

import ast
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mailedu
from mailedu import cli
from mailedu.exercises import course

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs bash; Windows has none")


def tool(name: str) -> ModuleType:
    """A script of tools/ as a module, fresh."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    """Run it and hear what it said."""
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, encoding="utf-8", **more)


def packages(lines: list[str]) -> dict[str, Requirement]:
    """Name -> requirement, of a requirements file's lines; the last one where a name has several."""
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


# ---- the lock, and what it is made from


def lock_lines() -> list[str]:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()


def test_every_line_of_the_lock_is_one_pinned_package() -> None:
    for line in lock_lines():
        assert line.lstrip().startswith("#") or re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; .+)?", line), line


def test_the_lock_satisfies_the_project_file() -> None:
    locked = packages(lock_lines())
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
        wanted = Requirement(text)
        [pin] = locked[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version), f"{text}: the lock has {pin.version}"


def test_every_package_that_is_imported_is_declared() -> None:
    """In the dependencies, or in an extra that users may ask for."""
    extras = [text for name, texts in PROJECT["optional-dependencies"].items() if name != "test" for text in texts]
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"] + extras}
    owners = packages_distributions()
    for path in (ROOT / "mailedu").rglob("*.py"):
        for name in imports(path) - sys.stdlib_module_names - {"mailedu"}:
            assert name in owners, f"{path.relative_to(ROOT)} imports {name}, which is not installed"
            names = {canonicalize_name(owner) for owner in owners[name]}
            assert names & declared, f"{path.relative_to(ROOT)} imports {name}, which pyproject.toml does not name"


# What comes with a declared package and is part of what that package promises.
PROMISED = {"IPython", "traitlets", "numpy"}


def imports(path: Path) -> set[str]:
    """The first word of each absolute import."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names - PROMISED


# ---- tools/dev.py, which `make` calls


def test_every_make_target_is_a_task_of_dev() -> None:
    [targets] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(targets.split()) == set(tool("dev").TASKS)


def test_dev_can_be_read_by_a_python_that_is_too_old() -> None:
    ast.parse((ROOT / "tools" / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (lambda dev, patch: patch.setattr(dev.sys, "version_info", (3, 10, 12)), "needs Python 3.11 or newer"),
        (lambda dev, patch: patch.setattr(dev.importlib.util, "find_spec", lambda name: None), "python3-venv"),
    ],
    ids=["old python", "no venv"],
)
def test_a_python_that_will_not_do_is_told_so(spoil, sentence, monkeypatch) -> None:
    dev = tool("dev")
    with monkeypatch.context() as patch:
        spoil(dev, patch)
        with pytest.raises(SystemExit, match=sentence):
            dev.setup()


def test_the_environment_is_made_once_and_again_when_the_lock_changes(tmp_path, monkeypatch) -> None:
    dev = tool("dev")
    lock = tmp_path / "requirements.lock"
    lock.write_text("one==1\n")
    (tmp_path / "venv").mkdir()
    done: list[tuple[object, ...]] = []
    monkeypatch.setattr(dev, "LOCK", lock)
    monkeypatch.setattr(dev, "STAMP", tmp_path / "venv" / "made-from")
    monkeypatch.setattr(dev, "venv_works", lambda: True)
    monkeypatch.setattr(dev, "pip_install", lambda *what: done.append(what))
    dev.setup()
    assert ("-r", lock) in done
    done.clear()
    dev.setup()
    assert done == []
    lock.write_text("one==2\n")
    dev.setup()
    assert ("-r", lock) in done


def test_an_environment_without_a_working_python_is_not_trusted(tmp_path, monkeypatch) -> None:
    dev = tool("dev")
    monkeypatch.setattr(dev, "VENV", tmp_path)
    assert not dev.venv_works()
    venv.create(tmp_path, with_pip=False)
    assert not dev.venv_works()


# ---- a release


def test_a_release_is_complete_and_runs_in_an_empty_environment(tmp_path) -> None:
    """The wheel is built from the sdist, so both are judged."""
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = tmp_path.glob("*.whl")
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = set(run("git", "ls-files", cwd=ROOT).stdout.splitlines())
    assert {name for name in tracked if name.endswith((".py", ".ipynb", ".md", ".js", ".css", ".toml"))} <= packed

    inside = set(zipfile.ZipFile(wheel).namelist())
    data = [
        path
        for kind in ("py.typed", "*.toml", "*.js", "*.css", "*.zone", "*.pem")
        for path in (ROOT / "mailedu").rglob(kind)
    ]
    assert {path.relative_to(ROOT).as_posix() for path in data} <= inside
    lessons = {f"mailedu/lessons/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert lessons
    assert lessons <= inside
    assert {"LICENSE", "LICENSE-lessons"} <= {name.rpartition("/")[2] for name in inside}
    assert not [name for name in inside if name.startswith(("tests/", "tools/"))]

    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    installed = run(sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps", wheel)
    assert installed.returncode == 0, installed.stderr
    # Its dependencies are those installed here; on PYTHONPATH no .pth file is read, so mailedu is the wheel's.
    theirs = dict(os.environ, PYTHONPATH=str(Path(Requirement.__module__ and pytest.__file__).parent.parent))
    version = run(programs / "python", "-m", "mailedu", "--version", cwd=tmp_path, env=theirs)
    assert version.stdout.split()[-1:] == [mailedu.__version__], version.stderr
    assert "open" in run(programs / "mailedu", "--help", cwd=tmp_path, env=theirs).stdout
    ask = "from mailedu.exercises.course import lessons_folder; print(lessons_folder())"
    place = run(programs / "python", "-c", ask, cwd=tmp_path, env=theirs)
    assert place.stdout.startswith(str(home.resolve())), place.stdout + place.stderr
    sent = run(programs / "mailedu", "send", ALICE, BOB, "--html", "player.html", cwd=tmp_path, env=theirs)
    assert sent.returncode == 0 and (tmp_path / "player.html").stat().st_size > 100_000, sent.stderr
    doctor = run(programs / "mailedu", "doctor", cwd=tmp_path, env=theirs)
    assert doctor.returncode == 0, doctor.stdout
    lesson = Path(place.stdout.strip()) / "00-start.ipynb"
    checked = run(programs / "mailedu", "check", lesson, "--json", cwd=tmp_path, env=theirs | {"MAILEDU_PROGRESS": ""})
    assert '"state": "graded"' in checked.stdout and '"score": 0' in checked.stdout, checked.stdout + checked.stderr


def test_the_papers_around_it_are_of_this_version() -> None:
    import yaml

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == mailedu.__version__ and {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert f"## {mailedu.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#:]+)", (ROOT / name).read_text("utf-8")):
            assert (ROOT / link).exists(), f"{name} points to {link}"


# ---- Binder


def test_binder_installs_what_the_lock_says() -> None:
    assert (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8") == tool("binder").binder_requirements()


def test_binder_installs_what_runs_and_not_what_tests() -> None:
    pins = packages((ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines())
    assert {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]} <= set(pins)
    assert not {"pytest", "playwright", "mypy"} & set(pins)


def test_binder_runs_the_file_after_the_build() -> None:
    """Git holds whether a file is executable, on every system."""
    mode = run("git", "ls-files", "--stage", "binder/postBuild", cwd=ROOT).stdout.split()[0]
    assert mode == "100755"


@pytest.mark.skipif(os.name == "nt", reason="repo2docker is not made for Windows")
def test_repo2docker_understands_the_folder(tmp_path) -> None:
    shutil.copytree(ROOT / "binder", tmp_path / "binder")
    parsed = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", tmp_path)
    said = parsed.stdout + parsed.stderr
    assert parsed.returncode == 0, said
    assert "python=3.12" in said
    assert re.search(r'pip install .*-r "?binder/requirements.txt', said), said
    assert re.search(r"^RUN \./binder/postBuild|binder/postBuild", said, re.MULTILINE), said


# ---- CI

PASSED = "============================== 3 passed in 0.10s =============================="
SKIPPED = "========================= 2 passed, 1 skipped in 61.10s (0:01:01) ========================="
FAILED = "========================= 1 failed, 2 passed in 0.10s ========================="


@posix_only
@pytest.mark.parametrize(
    "closing, code, good",
    [(PASSED, 0, True), (SKIPPED, 0, False), (FAILED, 2, False), (PASSED, 2, False), ("no tests ran", 0, False)],
    ids=["passed", "skipped", "failed", "passed, then make failed", "no summary"],
)
def test_ci_believes_only_a_full_pass(closing, code, good, tmp_path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "python3", "chromium", "node"):
        write_program(programs / name, "exit 0")
    write_program(programs / "make", f'[ "$1" = test ] || exit 0\necho "{closing}"\nexit {code}')
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = run("bash", tmp_path / ".ci" / "run", env=dict(os.environ, PATH=path), stdin=subprocess.DEVNULL)
    assert (done.returncode == 0) == good
    if closing.startswith("="):
        assert done.stdout.splitlines()[-1] == closing


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# ---- mailedu open


@pytest.fixture
def lessons(tmp_path, monkeypatch) -> Path:
    """Three lesson files, instead of the real ones."""
    folder = tmp_path / "lessons"
    (folder / "pictures").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    for name in ("00-first.ipynb", "01-second.ipynb", "pictures/map.svg", ".ipynb_checkpoints/00-first.ipynb"):
        (folder / name).write_text(f"ours: {name}")
    monkeypatch.setattr(course, "PLACES", [tmp_path / "nothing here", folder])
    return folder


@pytest.fixture
def started(monkeypatch) -> list[tuple[object, ...]]:
    """What JupyterLab was asked for, instead of JupyterLab."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("mailedu.cli.open.start_jupyterlab", lambda *asked: calls.append(asked))
    return calls


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_open_copies_the_lessons_and_starts_at_the_first(lessons, started, tmp_path) -> None:
    mine = tmp_path / "some" / "where"
    done = CliRunner().invoke(cli.main, ["open", str(mine), "--no-browser"])
    assert done.exit_code == 0, done.output
    assert names(mine) == ["00-first.ipynb", "01-second.ipynb", "pictures/map.svg"]
    assert started == [(mine, "00-first.ipynb", True, None)]


def test_open_never_overwrites_and_says_what_it_left_alone(lessons, started, tmp_path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "01-second.ipynb").write_text("my own work")
    done = CliRunner().invoke(cli.main, ["open", str(mine)])
    assert done.exit_code == 0, done.output
    assert (mine / "01-second.ipynb").read_text() == "my own work"
    assert names(mine) == ["00-first.ipynb", "01-second.ipynb", "pictures/map.svg"]
    assert "01-second.ipynb" in done.output
    assert "00-first.ipynb" not in done.output


def test_open_in_the_lessons_own_folder_copies_nothing(lessons, started) -> None:
    before = names(lessons)
    done = CliRunner().invoke(cli.main, ["open", str(lessons)])
    assert (done.exit_code, done.output, names(lessons)) == (0, "", before)
    assert started == [(lessons, "00-first.ipynb", False, None)]


def test_open_says_why_it_cannot_copy(lessons, started, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pictures").write_text("a file where a folder should be")
    done = CliRunner().invoke(cli.main, ["open", str(tmp_path / "mine")])
    assert done.exit_code == 1
    assert "cannot be put into" in done.output
    assert started == []


def test_open_without_lessons_says_so(started, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(course, "PLACES", [tmp_path])
    done = CliRunner().invoke(cli.main, ["open", str(tmp_path / "mine")])
    assert done.exit_code == 1
    assert "without its lessons" in done.output
    assert not (tmp_path / "mine").exists()


def test_open_really_opens_jupyterlab(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")}
    said = tmp_path / "said"
    command = [sys.executable, "-m", "mailedu", "open", str(tmp_path / "mine"), "--no-browser", f"--port={port}"]
    with said.open("wb") as log:
        lab = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        address = wait_for(rf"http://127\.0\.0\.1:{port}/lab/tree/00-\S+token=\w+", said, lab)
        assert b"JupyterLab" in fetched(address)
    finally:
        lab.terminate()
        lab.wait(timeout=30)
    assert list((tmp_path / "mine").glob("00-*.ipynb"))


def fetched(address: str, seconds: float = 60) -> bytes:
    """The page; JupyterLab says its address a moment before it listens there."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while True:
        try:
            with direct.open(address, timeout=30) as page:
                return page.read()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def wait_for(pattern: str, log: Path, process: subprocess.Popen[bytes], seconds: float = 60) -> str:
    """What matches, as soon as the program has printed it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"never printed {pattern}:\n{log.read_text(encoding='utf-8', errors='replace')}")


# ---- mailedu send, mailedu serve

ALICE, BOB = "alice@alpha.example", "bob@beta.example"


def test_send_prints_the_journey_as_the_facade_does() -> None:
    done = CliRunner().invoke(cli.main, ["send", ALICE, BOB, "--subject", "Lunch?", "--seed", "7"])
    assert done.exit_code == 0, done.output
    mail = mailedu.Lab(seed=7).send(ALICE, BOB, subject="Lunch?", text="Hi!")
    assert done.output.rstrip("\n") == str(mail).rstrip("\n")


def test_send_says_by_its_exit_code_that_a_forgery_was_refused() -> None:
    forged = ["send", "mallory@gamma.example", BOB, "--from", ALICE, "--client", "203.0.113.66"]
    done = CliRunner().invoke(cli.main, forged)
    assert done.exit_code == 1, done.output
    assert "550" in done.output


def test_send_shows_no_terminal_escape_of_a_message() -> None:
    done = CliRunner().invoke(cli.main, ["send", ALICE, BOB, "--text", "\x1b[2J\x1b]0;owned\x07"], color=True)
    assert done.exit_code == 0, done.output
    assert not {"\x1b", "\x07"} & set(done.output)


def test_send_writes_the_player_into_a_file(tmp_path) -> None:
    page = tmp_path / "journey.html"
    done = CliRunner().invoke(cli.main, ["send", ALICE, BOB, "--html", str(page)])
    assert done.exit_code == 0, done.output
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


@pytest.mark.parametrize("sender", ["nobody@alpha.example", "alice@nowhere.example", "not an address"])
def test_send_answers_a_mistake_in_one_sentence(sender) -> None:
    done = CliRunner().invoke(cli.main, ["send", sender, BOB])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@posix_only
def test_serve_prints_ports_that_answer_and_ends_on_ctrl_c(tmp_path) -> None:
    import signal

    said = tmp_path / "said"
    with said.open("wb") as log:
        lab = subprocess.Popen([sys.executable, "-m", "mailedu", "serve"], stdout=log, stderr=log)
    try:
        wait_for("Ctrl-C", said, lab)
        printed = said.read_text(encoding="utf-8")
        assert f"{ALICE} " in printed
        port = int(re.search(r"pop3 +(\d+)", printed)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            assert line.recv(100).startswith(b"+OK")
        lab.send_signal(signal.SIGINT)
        assert lab.wait(timeout=30) == 0
    finally:
        lab.kill()
        lab.wait(timeout=30)
    assert "Traceback" not in said.read_text(encoding="utf-8")
