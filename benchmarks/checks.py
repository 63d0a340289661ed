"""What a check of each exercise takes, with its right answer: a learner who presses a key should not wait for it."""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

MOST = 1.0  # seconds
SHOWN = 12  # the slowest


def main() -> None:
    from lessons import EXERCISES

    took = sorted(((seconds(id), id) for id in EXERCISES), reverse=True)
    print(f"A check of each of {len(took)} exercises, the best of three; these are the slowest")
    for best, id in took[:SHOWN]:
        print(f"  {id:<4} {best * 1000:8.0f} ms{'   TOO SLOW' if best > MOST else ''}")


def seconds(id: str) -> float:
    """The best of three, of the cell that is graded."""
    from lessons import cell_of, notebook_of, play, read, solution

    with contextlib.redirect_stdout(io.StringIO()):
        names = play(id, solution(id)["right"])
        (statement,) = ast.parse(cell_of(read(notebook_of(id)), f"{id}-check").source).body
        asked = compile(ast.Expression(statement.test), "<check>", "eval")
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            eval(asked, names)
            best = min(best, time.perf_counter() - began)
    return best
