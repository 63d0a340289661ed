"""How often a second, measured side by side, and the table that says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


def rates(*works: Callable[[], object], seconds: float = 0.3, rounds: int = 5) -> list[float]:
    """How often a second of processor time each can be done: the best of several rounds, taken in turn."""
    best = [0.0] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            best[place] = max(best[place], rate(work, seconds))
    return best


def rate(work: Callable[[], object], seconds: float) -> float:
    count, start = 0, time.process_time()
    while (passed := time.process_time() - start) < seconds:
        work()
        count += 1
    return count / passed


class Row(NamedTuple):
    what: str
    rate: float
    anchor: float  # what it is compared with
    wanted: str  # of the ratio


def table(title: str, rows: Sequence[Row]) -> str:
    width = max(len(row.what) for row in rows)
    lines = [title]
    for row in rows:
        wanted = f"  ({row.wanted})" if row.wanted else ""
        lines.append(f"  {row.what:{width}}  {row.rate:10,.0f}  {row.rate / row.anchor:6.2f} x{wanted}")
    return "\n".join(lines)
