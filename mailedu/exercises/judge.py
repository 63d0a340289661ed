"""Judges works, one after the other: ``python -m mailedu.exercises.judge``, started by `grading.py`.

In, a line each: a `Work` as JSON.  Out, a line each: {"passed": …, "said": […]}, or {} for what cannot be judged.
No code of the learner's runs in this process; each work is judged with limits of its own, in a copy of this process
where the system can make one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from ..acts import LabError
from ..lab import Lab
from .frame import Result, Work, judged, kind
from .guard import limit

MEMORY, SECONDS = 2 << 30, 60


def main() -> None:
    Lab(seed=1).send("alice@alpha.example", "bob@beta.example")  # what that loads, no copy has to load
    for line in sys.stdin:
        work = Work.from_json(line)
        load(work.id)
        if not hasattr(os, "fork"):
            tell(verdict(work))
        elif (child := os.fork()) == 0:
            limit(memory=MEMORY, seconds=SECONDS, octets=None)
            tell(verdict(work))
            os._exit(0)
        elif os.waitpid(child, 0)[1] != 0:
            tell({})


def load(id: str) -> None:
    with contextlib.suppress(LabError):
        kind(id)


def verdict(work: Work) -> dict[str, object]:
    try:
        result = judged(work)
    except LabError as no:
        result = Result(work.id, False, [str(no)])
    return {"passed": result.passed, "said": result.said}


def tell(told: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
