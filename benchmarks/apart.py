"""A server in a process of its own, so that its client's work is not counted as its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import NamedTuple, Protocol


class Served(Protocol):
    """A server in other processes."""

    def seconds(self) -> float:
        """Of processor time that it has taken so far."""


class Cost(NamedTuple):
    """What something took, in seconds."""

    processor: float  # of client and server together; other people's work on the machine is not in it
    clock: float

    @classmethod
    def of(cls, work: Callable[[], object], server: Served) -> Cost:
        used, began = server.seconds() + time.process_time(), time.perf_counter()
        work()
        took = time.perf_counter() - began
        return cls(server.seconds() + time.process_time() - used, took)

    def least(self, other: Cost) -> Cost:
        return Cost(min(self.processor, other.processor), min(self.clock, other.clock))


NEVER = Cost(float("inf"), float("inf"))


class Apart:
    """What `python -m MODULE serve …` serves: its `ports`, and the processor time that it has taken so far."""

    def __init__(self, module: str, *words: object) -> None:
        command = [sys.executable, "-m", module, "serve", *map(str, words)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports: dict[str, int] = self.hear()

    def hear(self):
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self.process.args))} ended.")
        return json.loads(line)

    def seconds(self) -> float:
        """Of processor time."""
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        return float(self.hear())

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def serve(ports: Mapping[str, int]) -> None:
    """The other side: say the ports, then the time whenever it is asked for."""
    print(json.dumps(dict(ports)), flush=True)
    for _ in sys.stdin:
        print(json.dumps(time.process_time()), flush=True)
