"""A learner's function, called in a process of its own: it may loop, flood, delete or patch there what it likes.

with Apart(source_of(sync)) as sync:
    sync(pop, store)            # plain data goes as a copy, and comes back changed; of `pop` its methods are called
"""

from __future__ import annotations

import code
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..acts import LabError
from ..trace import printable
from .child import FILE
from .plain import NotPlain, pack, unpack
from .source import Source

PACKAGE = Path(__file__).resolve().parents[2]


class Limits(NamedTuple):
    """What one answer may use."""

    seconds: float = 2.0  # for a call
    memory: int = 1 << 30  # octets
    output: int = 1 << 20  # octets it may print, and return


USUAL = Limits()


class Stopped(Exception):
    """The function did not come to its end; ``str()`` is what to tell the learner."""


@dataclass
class Offered:
    """An object that stays here, and the methods of it that the function may call."""

    thing: Any
    methods: tuple[str, ...]


class Apart:
    """The function, as something to call; Stopped when it does not return plain data in time."""

    def __init__(self, source: Source, limits: Limits = USUAL) -> None:
        self.source, self.limits = source, limits
        self.folder = tempfile.TemporaryDirectory(prefix="mailedu-", ignore_cleanup_errors=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.threads: list[threading.Thread] = []
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.printed = bytearray()  # the end of it
        self.count = 0

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.folder.cleanup()

    def __call__(self, *args: Any) -> Any:
        if self.process is None:
            self.start()
        objects: dict[int, Offered] = {}
        self.write({"call": [self.offer(argument, objects) for argument in args]})
        left = self.limits.seconds  # for its own work; what it asks for is done on our time
        while True:
            began = time.monotonic()
            told = self.read(max(left, 0))
            left -= time.monotonic() - began
            if "ask" not in told:
                break
            self.write(answer(objects, told["ask"]))
        if "value" not in told:
            raise self.stopped("It wrote where only its result belongs.")
        for argument, after in zip(args, told["args"], strict=True):
            put_back(argument, after)
        return unpack(told["value"])

    # -- the process

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAILEDU_")}
        environment |= {"PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
        environment |= {name: self.folder.name for name in ("HOME", "TMPDIR", "TEMP", "TMP")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mailedu.exercises.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder.name,
            env=environment,
            start_new_session=os.name == "posix",
        )
        self.lines, self.printed, self.count = queue.Queue(), bytearray(), 0
        self.threads = [
            threading.Thread(target=work, args=(self.process, self.lines), daemon=True)
            for work in (self.listen, self.overhear)
        ]
        for thread in self.threads:
            thread.start()
        limits = {"memory": self.limits.memory, "seconds": 60, "octets": self.limits.output}
        source = {"text": self.source.text, "name": self.source.name, "values": self.source.values}
        self.write({**source, "limits": limits})
        self.read(30)  # a slow machine's time to start Python is nobody's fault

    def listen(self, process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
        """Its lines; an empty one at the end."""
        assert process.stdout
        while line := process.stdout.readline(self.limits.output * 8):
            lines.put(line)
        lines.put(b"")

    def overhear(self, process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
        """What it prints: counted, and the end of it kept."""
        assert process.stderr
        while some := process.stderr.read1(65_536):  # type: ignore[attr-defined]
            self.count += len(some)
            self.printed = (self.printed + some)[-4_000:]
            if self.count > self.limits.output:
                kill(process)

    def write(self, told: dict[str, Any]) -> None:
        assert self.process and self.process.stdin
        with contextlib.suppress(OSError):  # it is gone; reading says so
            self.process.stdin.write(json.dumps(told).encode() + b"\n")
            self.process.stdin.flush()

    def read(self, seconds: float) -> dict[str, Any]:
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            most = max(seconds, self.limits.seconds)
            raise self.stopped(f"It did not return within {most:g} seconds. Is there a loop without an end?") from None
        if not line:
            raise self.stopped()
        try:
            told = json.loads(line)
        except ValueError:
            told = {}
        return told if isinstance(told, dict) else {}

    def stopped(self, why: str = "") -> Stopped:
        """End the process; what to tell of it."""
        process = self.process
        if not why and process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
        self.end()
        if self.count > self.limits.output:
            why = f"It printed more than {self.limits.output:,} octets."
        return Stopped(why or last_words(self.printed.decode("utf-8", "replace"), self.source.text))

    def end(self) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        kill(process)
        process.wait()
        for thread in self.threads:
            thread.join(5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe
            with contextlib.suppress(OSError, ValueError):
                pipe.close()

    def offer(self, argument: Any, objects: dict[int, Offered]) -> Any:
        if not isinstance(argument, Offered):
            return pack(argument)
        objects[len(objects)] = argument
        return {"$object": [len(objects) - 1, list(argument.methods)]}


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it, and what it may have started."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def answer(objects: dict[int, Offered], asked: Any) -> dict[str, Any]:
    """Do what the function asks of an object that stayed here; it may ask for nothing else."""
    number, name, args, kwargs = asked
    offered = objects[number]
    if name not in offered.methods:
        raise Stopped(f"It asked for {name}, which is not there.")
    try:
        return {"value": pack(getattr(offered.thing, name)(*unpack(args), **unpack(kwargs)))}
    except LabError as no:
        return {"refused": str(no)}


def put_back(argument: Any, after: Any) -> None:
    """What the function made of a list, a dict or a set that it was given."""
    if isinstance(argument, list):
        argument[:] = unpack(after)
    elif isinstance(argument, dict | set):
        argument.clear()
        argument.update(unpack(after))


RESULT = "Its result should be plain data, numbers or text or lists of them, and"
FRAME = re.compile(rf'File "{FILE}", line (\d+)')


def last_words(printed: str, text: str) -> str:
    """What to tell of a traceback, with the line of this text that it leads to."""
    last = printed.rstrip().rpartition("\n")[2]
    if not re.match(r"[\w.]+(Error|Exception|Exit|Interrupt|NotPlain|Iteration)\b", last):
        return "It ended without a result."
    if last.startswith("MemoryError"):
        return "It used more memory than it may."
    kind, _, reason = last.partition(": ")
    if kind.endswith("NotPlain"):
        return f"{RESULT} {reason}."
    numbers = FRAME.findall(printed)
    where = f", at: {text.splitlines()[int(numbers[-1]) - 1].strip()}" if numbers else ""
    return f"It stopped with {printable(last)}{printable(where)}"


class Here(Apart):
    """The same without a process, where there are none (in a browser): there nothing is limited."""

    def __call__(self, *args: Any) -> Any:
        self.printed.clear()
        names: dict[str, Any] = {"__name__": "answer", **{name: unpack(it) for name, it in self.source.values.items()}}
        names["given"] = [argument.thing if isinstance(argument, Offered) else argument for argument in args]
        runner = Runner(names, self.printed)
        runner.runcode(compile(f"{self.source.text}\n\nresult = {self.source.name}(*given)", FILE, "exec"))
        if "result" not in names:
            raise Stopped(last_words(self.printed.decode(), self.source.text))
        try:
            return unpack(pack(names["result"]))
        except NotPlain as thing:
            raise Stopped(f"{RESULT} {thing}.") from None


class Runner(code.InteractiveInterpreter):
    """Runs text, and writes a traceback where it goes wrong."""

    def __init__(self, names: dict[str, Any], printed: bytearray) -> None:
        super().__init__(names)
        self.printed = printed

    def write(self, data: str) -> None:
        self.printed += data.encode("utf-8", "replace")


def apart(source: Source) -> Apart:
    """The function, where it can do no harm."""
    return (Here if sys.platform == "emscripten" else Apart)(source)
