"""Judges one piece of work and goes: ``python -m mailedu.exercises.judge``, started by `grading.py`.

In, as JSON: a `Work`.  Out: {"passed": …, "said": […]}.  No code of the learner's runs in this process.
"""

from __future__ import annotations

import json
import sys

from ..acts import LabError
from .frame import Result, Work, judged
from .guard import limit


def main() -> None:
    limit(memory=2 << 30, seconds=60, octets=None)
    work = Work.from_json(sys.stdin.read())
    try:
        result = judged(work)
    except LabError as no:
        result = Result(work.id, False, [str(no)])
    json.dump({"passed": result.passed, "said": result.said}, sys.stdout)


if __name__ == "__main__":
    main()
