"""The process that a learner's function runs in: ``python -m mailedu.exercises.child``, started by `apart.py`.

It speaks lines of JSON.  In: the function's source and limits, then one line a call.  Out: "ready", then for each call
what it returned and what it made of its arguments; or a question to an object that stayed with whoever calls.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from .guard import guard
from .plain import pack, unpack

FILE = "<your answer>"


class Remote:
    """Stands for an object of the other process: each of its methods is called there."""

    def __init__(self, line: Line, number: int, methods: list[str]) -> None:
        for name in methods:
            setattr(self, name, method(line, number, name))


def method(line: Line, number: int, name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        line.write({"ask": [number, name, pack(list(args)), pack(kwargs)]})
        answer = line.read()
        if "refused" in answer:
            from ..acts import LabError

            raise LabError(answer["refused"])
        return unpack(answer["value"])

    return call


class Line:
    """Lines of JSON, in both directions."""

    def __init__(self, came: TextIO, goes: TextIO) -> None:
        self.came, self.goes = came, goes

    def read(self) -> dict[str, Any]:
        text = self.came.readline()
        if not text:
            sys.exit(0)
        return json.loads(text)  # type: ignore[no-any-return]

    def write(self, told: dict[str, Any]) -> None:
        self.goes.write(json.dumps(told) + "\n")
        self.goes.flush()


def main() -> None:
    """What the function prints goes where errors go; only the lines above go to standard output."""
    line = Line(os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    begun = line.read()
    guard(os.getcwd(), **begun["limits"])
    line.write({"ready": True})
    namespace: dict[str, Any] = {"__name__": "answer", **{name: unpack(it) for name, it in begun["values"].items()}}
    exec(compile(begun["text"], FILE, "exec"), namespace)
    function = namespace[begun["name"]]
    while True:
        args = [argument(line, it) for it in line.read()["call"]]
        value = function(*args)
        line.write({"value": pack(value), "args": [None if isinstance(it, Remote) else pack(it) for it in args]})


def argument(line: Line, given: Any) -> Any:
    if isinstance(given, dict) and "$object" in given:
        return Remote(line, *given["$object"])
    return unpack(given)


if __name__ == "__main__":
    main()
