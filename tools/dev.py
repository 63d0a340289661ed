"""What `make` does, for every system: `python tools/dev.py lab`, `test`, `lint`, ... (needs nothing but Python itself).

The virtual environment `.venv` is made from `requirements.lock` the first time, and again whenever the lock, the
project file or the Python changes; otherwise this step takes no time.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "made-from"
FIRST_LESSON = "notebooks/00-a-message-travels.ipynb"


# ---- the virtual environment

def venv_python():
    """The Python inside .venv, wherever this system puts it."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def complaint():
    """Why this Python cannot make the environment, in one sentence; None if it can."""
    if sys.version_info < OLDEST_PYTHON:
        return (
            "mailedu needs Python 3.11 or newer and this is {}.{} ({}): install a newer one and say which, "
            "as in `make lab PYTHON=python3.12`.".format(sys.version_info[0], sys.version_info[1], sys.executable)
        )
    if not importlib.util.find_spec("venv") or not importlib.util.find_spec("ensurepip"):
        return (
            "This Python ({}) cannot make virtual environments; on Debian and Ubuntu run "
            "`apt-get install python3-venv` first.".format(sys.executable)
        )
    return None


def fingerprint():
    """Changes when the environment must be made again."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (LOCK, PROJECT):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def venv_works():
    """Does .venv hold a Python that starts, of the version we were called with?"""
    ask = [str(venv_python()), "-c", "import pip, sys; print(sys.version)"]
    try:
        answer = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.decode().strip() == sys.version.strip()


def setup():
    """Make .venv what the lock says; do nothing if it is that already."""
    wrong = complaint()
    if wrong:
        sys.exit(wrong)
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted and venv_works():
        return
    print("Setting up .venv (once; some minutes on a slow line) ...", flush=True)
    if not venv_works():
        must([sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(venv_python()), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    must([*pip, "-r", str(LOCK)])
    must([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    STAMP.write_text(wanted, encoding="ascii")


# ---- running things

def environment():
    """Ours, with the environment's programs first: a Jupyter kernel and `mailedu` are found by name."""
    ours = dict(os.environ, VIRTUAL_ENV=str(VENV))
    ours["PATH"] = str(venv_python().parent) + os.pathsep + ours.get("PATH", "")
    ours.pop("PYTHONHOME", None)
    return ours


def must(command):
    """Run the command in the project's folder; end with its exit code if it fails."""
    code = subprocess.call([str(word) for word in command], cwd=str(ROOT), env=environment())
    if code != 0:
        sys.exit(code)


def module(name, *arguments):
    """Run a module with .venv's Python."""
    must([venv_python(), "-m", name, *arguments])


# ---- what one can ask for

def lab(arguments):
    """Open JupyterLab at lesson 00."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments = ["--allow-root", *arguments]            # as in a container; it listens on 127.0.0.1 only
    module("jupyterlab", "--ServerApp.ip=127.0.0.1", *arguments, FIRST_LESSON)


def lint(arguments):
    """ruff and mypy."""
    module("ruff", "check", *arguments, ".")
    module("mypy")


def test(arguments):
    """Lint, then every test but the long ones."""
    lint([])
    fetch_browser()
    module("pytest", "-n", "2", "-m", "not long", *arguments)


def long(arguments):
    """The tests that take too long for every day."""
    module("pytest", "-m", "long", *arguments)


def bench(arguments):
    """Measure, and print the figures beside their anchors."""
    module("benchmarks", *arguments)


def lock(arguments):
    """Choose the newest versions again: requirements.lock, and from it binder/requirements.txt."""
    module("pip", "--quiet", "--disable-pip-version-check", "install", "uv")
    module(
        "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--extra", "test", "--upgrade",
        "--no-annotate", "--custom-compile-command", "make lock", "--output-file", str(LOCK), *arguments, str(PROJECT),
    )
    setup()
    must([venv_python(), ROOT / "tools" / "binder.py"])


def clean(_):
    """Remove what was made here: .venv, caches, build results."""
    for pattern in (".venv", ".*_cache", "build", "dist", "**/__pycache__", "**/.ipynb_checkpoints"):
        for folder in list(ROOT.glob(pattern)):
            shutil.rmtree(str(folder), ignore_errors=True)


def fetch_browser():
    """Where no Chromium or Chrome is installed, try Playwright's own; without either the browser tests skip and say so."""
    if subprocess.call([str(venv_python()), str(ROOT / "tests" / "browser.py")], env=environment()) != 0:
        subprocess.call([str(venv_python()), "-m", "playwright", "install", "chromium"], env=environment())


TASKS = {"setup": None, "lab": lab, "test": test, "lint": lint, "bench": bench, "long": long, "lock": lock, "clean": clean}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    task, arguments = parser.parse_known_args()
    task = TASKS[task.task]
    if task is not clean:
        setup()
    if task:
        task(arguments)


if __name__ == "__main__":
    main()
