"""Which exercises were passed: one file on this machine, that is never sent anywhere; and the map of the course."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from .course import LESSONS
from .words import Note, plain

PLACE = "MAILEDU_PROGRESS"  # names another file; empty: none is kept


def place() -> Path | None:
    """The file: where this system keeps such things, or where MAILEDU_PROGRESS says."""
    if (chosen := os.environ.get(PLACE)) is not None:
        return Path(chosen).expanduser() if chosen else None
    try:
        home = Path.home()
    except RuntimeError:
        return None  # nobody's home
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return folder / "mailedu" / "progress.json"


def done() -> frozenset[str]:
    """The ids of the exercises that were passed; none where there is no file, or one that cannot be read."""
    file = place()
    try:
        told = json.loads(file.read_text("utf-8")) if file else {}
    except (OSError, ValueError):
        return frozenset()
    ids = told.get("passed") if isinstance(told, dict) else None
    return frozenset(one for one in ids if isinstance(one, str)) if isinstance(ids, list) else frozenset()


def passed(id: str) -> None:
    """Remember it, if that can be; two notebooks at once lose at most one of two entries, never the file."""
    file, before = place(), done()
    if file is None or id in before:
        return
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=file.parent, prefix="progress-")
        with os.fdopen(handle, "w", encoding="utf-8") as writing:
            json.dump({"passed": sorted(before | {id})}, writing)
        os.replace(new, file)


def progress() -> Note:
    """The map of the course: the lessons that there are, and which of their exercises you have passed."""
    before = done()
    rows = [
        (
            f"{one.number} · {one.title}",
            one.notebook,
            "  ".join(f"{id} {'✓' if id in before else '○'}" for id in one.exercises),
        )
        for one in LESSONS
    ]
    width = max(len(title) for title, _, _ in rows)
    file = place()
    kept = f"Kept in `{file}`, and sent nowhere." if file else "Nothing is kept: there is no file to keep it in."
    closing = f"✓ passed, ○ open. {kept}"
    table = "".join(f"\n| [{title}]({notebook}) | {marks} |" for title, notebook, marks in rows)
    text = "".join(f"{title:{width}}   {marks}\n" for title, _, marks in rows)
    return Note(f"| lesson | exercises |\n|---|---|{table}\n\n{closing}", f"{text}\n{plain(closing)}")
