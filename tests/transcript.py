"""Transcripts as the RFCs print them, played against a machine.

    # what this shows
    S: +OK …                 the server says this line; … stands for anything
    C: USER bob              the client says this line
    = AUTHORIZATION          the state the session is in now, under the name it is shown by
    phone C: USER bob        another session, called at its first line
    ~ silence                the deadline passes            ~ hangs up     the client goes away

Whatever a session says has to stand there, before anybody else speaks.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

HERE = pathlib.Path(__file__).parent / "transcripts"
LINE = re.compile(r"(?:(\w+) )?(C:|S:|=|~)(?: (.*))?")


def transcripts(protocol: str) -> list[pathlib.Path]:
    return sorted(HERE.glob(f"{protocol}-*.txt"))


def play(path: pathlib.Path, connect: Callable) -> None:
    """`connect(name)` makes a new call; AssertionError names the line that differs."""
    calls, waiting = {}, {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path.name}:{number}: {line}"
        found = LINE.fullmatch(line)
        assert found, where
        name, kind, text = found[1] or "", found[2], found[3] or ""
        if name not in calls:
            calls[name] = connect(name)
            waiting[name] = calls[name].heard().splitlines()
        if kind == "S:":
            if not waiting[name]:
                waiting[name] = calls[name].heard().splitlines()
            assert waiting[name], f"{where}: nothing more was said"
            said = waiting[name].pop(0)
            assert matches(text, said), f"{where}: said was {said}"
            continue
        assert not any(waiting.values()), f"{where}: but also said was {waiting}"
        if kind == "=":
            machine = calls[name].machine
            assert machine.table.labels.get(machine.state, machine.state) == text, f"{where}: {machine.state}"
        elif kind == "C:":
            waiting[name] = calls[name].send(text).splitlines()
        elif text == "silence":
            waiting[name] = calls[name].silence().splitlines()
        elif text == "hangs up":
            waiting[name] = calls[name].hang_up().splitlines()
        else:
            raise AssertionError(where)
    left = {name: waiting[name] + call.heard().splitlines() for name, call in calls.items()}
    assert not any(left.values()), f"{path.name}: also said was {left}"


def matches(pattern: str, said: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), said) is not None
