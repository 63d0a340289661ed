"""Graded runs of a lesson: the notebook in a limited kernel, and its answers judged again in other processes.

    python -m mailedu.exercises.grading notebooks/00-start.ipynb handed-in/ada.ipynb handed-in/bob.ipynb

What a notebook says of itself counts for nothing.  In a graded run `check` writes the learner's work down (what was
done to the lab, and the answer, as data), and a process that never saw the notebook judges it.  nbgrader can use the
same: see `autograde.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from nbformat import NotebookNode

from .frame import ANSWERS, LARGEST, SALT, Work
from .map import PLACE
from .needless import needless

HOUSE = Path(__file__).resolve().parents[2]


class Limits(NamedTuple):
    """What one notebook may use."""

    cell: int = 20  # seconds
    whole: int = 120  # seconds
    processor: int = 90  # seconds
    memory: int = 4 << 30  # octets
    file: int = 50_000_000  # octets
    output: int = 5_000_000  # octets


USUAL = Limits()
ROOM = 2 * LARGEST  # octets that must be free after a run: else an answer may be lost that is not the learner's fault


class Verdict(NamedTuple):
    """What the judge says of one exercise."""

    passed: bool
    said: Sequence[str]
    student: str = ""  # as typed in the notebook: two who hand in the same name have the same world

    @property
    def text(self) -> str:
        return "\n".join(["these checks passed" if self.passed else "not yet", *self.said]) + "\n"


@dataclass
class Graded:
    """A notebook after its graded run."""

    notebook: NotebookNode
    verdicts: Mapping[str, Verdict]  # exercise -> the judge's
    points: Mapping[str, float]  # exercise -> given
    possible: Mapping[str, float]

    @property
    def score(self) -> float:
        return sum(self.points.values())


def grade(submitted: Path, released: Path, *, salt: str = "", limits: Limits = USUAL) -> Graded:
    """Run what was handed in, with the graded cells as they were released, and judge it."""
    with Judge(salt) as judging:
        return grade_by(judging, read(submitted), read(released), limits)


def grade_by(judging: Judge, submitted: NotebookNode, released: NotebookNode, limits: Limits = USUAL) -> Graded:
    """The same by a judge that there is already; what was submitted becomes the notebook of the graded run."""
    notebook = restored(submitted, released)
    verdicts = run_and_judge_by(judging, notebook, limits, needless(notebook, released))
    possible = {id: float(cell.metadata.nbgrader.points) for id, cell in graded_cells(notebook).items()}
    points = {id: possible[id] if verdicts[id].passed else 0.0 for id in possible}
    return Graded(notebook, verdicts, points, possible)


def read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def node(**told: Any) -> NotebookNode:
    made: NotebookNode = nbformat.from_dict(told)  # type: ignore[no-untyped-call]
    return made


def run_and_judge(notebook: NotebookNode, salt: str = "", limits: Limits = USUAL) -> dict[str, Verdict]:
    """Run it in place, and write the judge's verdicts into the graded cells."""
    with Judge(salt) as judging:
        return run_and_judge_by(judging, notebook, limits)


def run_and_judge_by(
    judging: Judge, notebook: NotebookNode, limits: Limits = USUAL, without: Collection[int] = ()
) -> dict[str, Verdict]:
    """The same by a judge that there is already, and without the cells at these places."""
    works = run(notebook, limits, without)
    verdicts = {}
    for id, cell in graded_cells(notebook).items():
        verdicts[id] = judging(works[id]) if id in works else Verdict(False, ["Nothing was handed in."])
        write_down(cell, id, verdicts[id])
    return verdicts


# -- cells -------------------------------------------------------------------------------------------------------------

CHECK = "-check"  # a graded cell's grade_id: "J1-check"


def graded_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Exercise -> the cell that checks it."""
    found = {}
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") and about["grade_id"].endswith(CHECK):
            found[about["grade_id"].removesuffix(CHECK)] = cell
    return found


def restored(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The learner's notebook, but every locked cell as it was released; one that is missing comes at the end."""
    locked = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("locked")
    }
    cells = []
    for cell in submitted.cells:
        id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if id not in locked and not cell.metadata.get("nbgrader", {}).get("grade"):
            cells.append(cell)
        elif id in locked:
            cells.append(locked.pop(id))
    submitted.cells = [*cells, *locked.values()]
    return submitted


def write_down(cell: NotebookNode, id: str, verdict: Verdict) -> None:
    """The verdict as the cell's only output: an error where it is no pass, as graders of notebooks expect it."""
    cell.outputs = [node(output_type="stream", name="stdout", text=f"{id}: {verdict.text}")]
    if not verdict.passed:
        why = f"{id}: not yet"
        cell.outputs.append(
            node(output_type="error", ename="AssertionError", evalue=why, traceback=[f"AssertionError: {why}"])
        )


NO_END = {"ename": "NoEnd", "evalue": "", "traceback": ["This cell did not come to its end."], "status": "error"}

# -- running -----------------------------------------------------------------------------------------------------------


class Limited(NotebookClient):
    """A kernel's client that stops listening when too much is said."""

    most = USUAL.output
    heard = 0
    stopping: asyncio.Future[Any] | None = None

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            self.heard += len(str(msg["content"]))
            if self.heard > self.most:
                if self.stopping is None:
                    assert self.km
                    self.stopping = asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
                return None
        return super().process_message(msg, cell, cell_index)


def run(notebook: NotebookNode, limits: Limits = USUAL, without: Collection[int] = ()) -> dict[str, Work]:
    """Run it in a kernel of its own, in a folder of its own; exercise -> the work that was handed in last."""
    with tempfile.TemporaryDirectory(prefix="mailedu-", ignore_cleanup_errors=True) as folder:
        answers = Path(folder, "answers")
        answers.mkdir()
        file = answers / "answers.jsonl"
        environment = dict(os.environ) | {ANSWERS: str(file), PLACE: "", "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {name: folder for name in ("HOME", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR", "MPLCONFIGDIR")}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOUSE), environment.get("PYTHONPATH", "")]))
        environment.pop(SALT, None)
        client = Limited(
            notebook,
            timeout=limits.cell,
            interrupt_on_timeout=True,
            error_on_timeout={
                "ename": "Timeout",
                "evalue": "no end",
                "traceback": ["This cell did not come to an end."],
            },
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        client.most = limits.output
        asyncio.run(execute(client, folder, environment, limits, without))
        if shutil.disk_usage(folder).free < ROOM:
            raise OSError(errno.ENOSPC, "there was no room for the answers", folder)
        return read_works(file)


# Nobody looks: values are written down as a line of text, and no player, picture or page is made of them.
PLAIN = "get_ipython().display_formatter.mimebundle_formatter.enabled = False"


async def execute(
    client: Limited, folder: str, environment: dict[str, str], limits: Limits, without: Collection[int]
) -> None:
    """Guard the kernel before anything of the learner's runs in it; then run all cells, or as many as can be."""
    guard = node(
        cell_type="code",
        metadata={},
        outputs=[],
        source=f"from mailedu.exercises.guard import guard\n"
        f"import ctypes, faulthandler\n"
        f"guard({folder!r}, memory={limits.memory}, seconds={limits.processor}, octets={limits.file})\n"
        f"del guard, ctypes, faulthandler\n"
        f"{PLAIN}",
    )
    async with client.async_setup_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        first = client.nb.cells[0]
        await client.async_execute_cell(guard, 0, store_history=False)
        client.nb.cells[0] = first  # nbclient has put the guard in its place
        if any(output.output_type == "error" for output in guard.outputs):
            raise RuntimeError(f"The kernel could not be guarded: {guard.outputs}")
        try:
            await asyncio.wait_for(run_cells(client, without), limits.whole)
        except (TimeoutError, CellTimeoutError, DeadKernelError):
            pass  # what was handed in by then counts
        finally:
            assert client.km
            await ensure_async(client.km.shutdown_kernel(now=True))


async def run_cells(client: Limited, without: Collection[int]) -> None:
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type == "code" and index not in without:
            await client.async_execute_cell(cell, index)


def read_works(file: Path) -> dict[str, Work]:
    """The last work for each exercise; what is no work is passed over."""
    works: dict[str, Work] = {}
    if not file.is_file() or file.stat().st_size > 2 * LARGEST:
        return works
    for line in file.read_text("utf-8", "replace").splitlines():
        try:
            work = Work.from_json(line)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        works[work.id] = work
    return works


# -- judging -----------------------------------------------------------------------------------------------------------


class Judge:
    """A process that judges one work after another, and that knows nothing of the notebooks.

    It starts when it is first needed, and again when it died or took too long: `seconds` for a work.
    """

    def __init__(self, salt: str = "", seconds: float = 60) -> None:
        self.salt, self.seconds = salt, seconds
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, work: Work) -> Verdict:
        process = self.process or self.start()
        assert process.stdin
        try:
            process.stdin.write(work.to_json() + "\n")
            process.stdin.flush()
            line = self.lines.get(timeout=self.seconds)
        except queue.Empty:
            self.end()
            return Verdict(False, ["Judging it took too long."], work.student)
        except BrokenPipeError:
            line = ""
        if not line:
            self.end()
        told = json.loads(line or "{}")
        return Verdict(bool(told.get("passed")), list(told.get("said", ["This work cannot be judged."])), work.student)

    def start(self) -> subprocess.Popen[str]:
        environment = dict(os.environ) | ({SALT: self.salt} if self.salt else {}) | {PLACE: ""}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOUSE), environment.get("PYTHONPATH", "")]))
        environment.pop(ANSWERS, None)
        process = self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=environment, start_new_session=True,
        )  # fmt: skip
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.lines = lines
        threading.Thread(target=hear, args=(process, lines), daemon=True).start()
        return process

    def end(self) -> None:
        """Stop it and what it has begun."""
        if self.process:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def hear(process: subprocess.Popen[str], into: queue.SimpleQueue[str]) -> None:
    """Its lines, and "" at its end."""
    assert process.stdout
    with process.stdout as said:
        for line in said:
            into.put(line if line.endswith("\n") else "")
    into.put("")


def judge(work: Work, salt: str = "", seconds: float = 60) -> Verdict:
    """Judge one work."""
    with Judge(salt, seconds) as judging:
        return judging(work)


def main(arguments: Sequence[str]) -> None:
    """Grade notebooks, and print a line for each."""
    if len(arguments) < 2:
        sys.exit("Say which: python -m mailedu.exercises.grading released.ipynb submitted.ipynb ...")
    released, *submitted = map(Path, arguments)
    for path in submitted:
        graded = grade(path, released)
        each = ", ".join(f"{id} {points:g}/{graded.possible[id]:g}" for id, points in graded.points.items())
        names = ", ".join(sorted({verdict.student for verdict in graded.verdicts.values() if verdict.student}))
        print(f"{path}: {graded.score:g} ({each}); handed in as {names or 'nobody'}")


if __name__ == "__main__":
    main(sys.argv[1:])
