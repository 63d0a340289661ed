"""What `make` does, for every system: `python tools/dev.py lab`, `test`, `lint`, ... (needs nothing but Python itself).

The virtual environment `.venv` is made from `requirements.lock` the first time, and again whenever the lock, the
project file or the Python changes; otherwise that step takes no time. This file also runs on Pythons that are too old
for mailedu, to say so.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "made-from"


# ---- the virtual environment


def venv_python():
    """The Python inside .venv, wherever this system puts it."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def complaint():
    """Why this Python cannot make the environment, in one sentence; None if it can."""
    version = ".".join(str(number) for number in sys.version_info[:2])
    if sys.version_info < OLDEST_PYTHON:
        return (
            f"mailedu needs Python 3.11 or newer and {sys.executable} is {version}: "
            "install a newer one and say which, as in `make lab PYTHON=python3.12`."
        )
    if not importlib.util.find_spec("venv") or not importlib.util.find_spec("ensurepip"):
        return (
            f"{sys.executable} cannot make virtual environments: on Debian and Ubuntu, "
            "run `apt-get install python3-venv` first."
        )
    return None


def fingerprint():
    """Changes when the environment must be made again."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (LOCK, PROJECT):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def venv_works():
    """Does .venv hold a Python that starts, with pip, of the version we were called with?"""
    question = [str(venv_python()), "-c", "import pip, sys; print(sys.version)"]
    try:
        answer = subprocess.run(question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.decode().strip() == sys.version.strip()


def setup(_=()):
    """Make .venv what the lock says; do nothing if it is that already."""
    wrong = complaint()
    if wrong:
        sys.exit(wrong)
    works = venv_works()
    wanted = fingerprint()
    if works and STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return
    print("Setting up .venv (only this once; a few minutes on a slow line) ...", flush=True)
    if not works:
        run(sys.executable, "-m", "venv", "--clear", VENV)
    pip_install("-r", LOCK)
    pip_install("--no-deps", "--no-build-isolation", "--editable", ROOT)
    STAMP.write_text(wanted, encoding="ascii")


def pip_install(*what):
    """Install into .venv."""
    module("pip", "--quiet", "--disable-pip-version-check", "install", *what)


# ---- running programs


def environment():
    """Ours, with .venv's programs first: kernels and `mailedu` are found by name."""
    ours = dict(os.environ, VIRTUAL_ENV=str(VENV))
    ours["PATH"] = str(venv_python().parent) + os.pathsep + ours.get("PATH", "")
    ours.pop("PYTHONHOME", None)
    return ours


def run(*command):
    """Run the command in the project's folder; end with its exit code if it fails."""
    code = exit_code(*command)
    if code != 0:
        sys.exit(code)


def exit_code(*command):
    """Run the command in the project's folder."""
    return subprocess.call([str(word) for word in command], cwd=str(ROOT), env=environment())


def module(name, *arguments):
    """Run a module with .venv's Python."""
    run(venv_python(), "-m", name, *arguments)


# ---- what one can ask for


def lab(arguments):
    """JupyterLab at lesson 00."""
    module("mailedu", "open", "notebooks", *arguments)


def lint(arguments):
    """ruff and mypy."""
    module("ruff", "check", *arguments, ".")
    module("mypy")


def test(arguments):
    """Lint, then every test but the long ones."""
    lint([])
    find_browser()
    module("pytest", "-n", "2", "--dist", "loadfile", "-m", "not long", *arguments)


def find_browser():
    """Where there is no Chromium or Chrome, try Playwright's own download; without either the browser tests skip."""
    if exit_code(venv_python(), ROOT / "tests" / "browser.py") != 0:
        print("No Chromium or Chrome is installed here: asking Playwright for its own ...", flush=True)
        if exit_code(venv_python(), "-m", "playwright", "install", "chromium") != 0:
            print("Playwright's download failed, so the browser tests will be skipped.", flush=True)


def long(arguments):
    """The tests that take too long for every day, and all properties with new examples."""
    os.environ["MAILEDU_NEW_EXAMPLES"] = "1"
    module("pytest", "-m", "long or hypothesis", *arguments)


def bench(arguments):
    """Measure, and print the figures beside their anchors."""
    module("benchmarks", *arguments)


def gallery(arguments):
    """Build gallery/index.html: the player on real runs."""
    run(venv_python(), ROOT / "tools" / "gallery.py", *arguments)


def cases(arguments):
    """Make the gallery of capsules, and docs/cases.md, anew."""
    run(venv_python(), ROOT / "tools" / "cases.py", *arguments)


def site(arguments):
    """Build site/index.html: every lesson, run, as a page with its players."""
    run(venv_python(), ROOT / "tools" / "site.py", *arguments)


def reliability(arguments):
    """Run what judges us, and write docs/reliability.md."""
    run(venv_python(), ROOT / "tools" / "reliability.py", *arguments)


def lock(arguments):
    """Choose the newest versions again: requirements.lock, and binder/requirements.txt from it."""
    pip_install("uv")
    choose = ["uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"]
    looks = ["--extra", "test", "--no-annotate", "--custom-compile-command", "make lock"]
    module(*choose, *looks, *arguments, "--output-file", LOCK.name, PROJECT.name)
    setup()
    run(venv_python(), ROOT / "tools" / "binder.py")


def clean(_):
    """Remove what was made here: .venv, caches, build results."""
    for pattern in (".venv", ".*_cache", ".hypothesis", "build", "dist", "*/**/__pycache__", "*/**/.ipynb_checkpoints"):
        for folder in list(ROOT.glob(pattern)):
            shutil.rmtree(str(folder), ignore_errors=True)


TASKS = {
    task.__name__: task
    for task in (setup, lab, test, lint, long, bench, gallery, site, reliability, cases, lock, clean)
}


def main():
    """Read the command line, set up, do the task."""
    tasks = "\n".join(f"  {name:12}{task.__doc__}" for name, task in TASKS.items())
    parser = argparse.ArgumentParser(epilog=tasks, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(TASKS))
    asked, arguments = parser.parse_known_args()
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the program that runs; we end when it does
    if asked.task not in ("setup", "clean"):
        setup()
    TASKS[asked.task](arguments)


if __name__ == "__main__":
    main()
