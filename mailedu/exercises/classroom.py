"""A class's work, graded: a folder of what was handed in becomes a grade for each, kept as soon as it is there.

A second run grades only what is new or has changed.  The folder may be nbgrader's
(``submitted/ada/lesson/00-start.ipynb``), have a folder a student (``ada/00-start.ipynb``), or only files
(``ada.ipynb``).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from nbformat import NotebookNode

from ..acts import LabError
from .course import Lesson, lessons_folder, released
from .grading import USUAL, Judge, Limits, grade_by, read
from .submission import Unreadable, lesson_in, read_submission, remarks

RESULTS = "mailedu-grades"  # the folder's name where nobody chose one
HIDDEN = {".ipynb_checkpoints", "__pycache__", ".git", RESULTS}
EDITION = 1  # of what is kept: a grade of another edition is made again
GRADED, UNREADABLE, NOT_GRADED = "graded", "unreadable", "not graded"


class Submission(NamedTuple):
    """One file that somebody handed in."""

    student: str
    path: Path
    assignment: str = ""  # nbgrader's name for the lesson


@dataclass
class Grade:
    """What one student has in one lesson."""

    student: str
    lesson: str  # its number; "" where nobody knows
    notebook: str  # the file
    state: str  # GRADED, UNREADABLE, or NOT_GRADED: what went wrong was ours, and the next run tries again
    points: dict[str, float] = field(default_factory=dict)
    possible: dict[str, float] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)  # exercise -> the judge's sentences
    typed: list[str] = field(default_factory=list)  # the names that were typed in the notebook
    remarks: list[str] = field(default_factory=list)
    key: str = ""
    edition: int = EDITION

    @property
    def score(self) -> float:
        return sum(self.points.values())

    @property
    def full(self) -> float:
        return sum(self.possible.values())


# -- what was handed in ------------------------------------------------------------------------------------------------


def submissions(folder: Path) -> list[Submission]:
    """What lies in the folder, by student; LabError if that is nothing."""
    if not folder.is_dir():
        raise LabError(f"There is no folder {folder}: name the one with what was handed in.")
    if folder.resolve() == lessons_folder().resolve():
        raise LabError(f"{folder} has the lessons themselves: name the folder with what was handed in.")
    root = folder / "submitted" if (folder / "submitted").is_dir() else folder
    found = [submission(path, root) for path in notebooks_in(root)]
    if not found:
        raise LabError(f"There is no notebook in {folder}: name the folder with what was handed in.")
    return found


def notebooks_in(root: Path) -> list[Path]:
    paths = [path for path in root.rglob("*.ipynb") if not HIDDEN & set(path.relative_to(root).parts)]
    return sorted(path for path in paths if path.is_file() or path.is_symlink())


def submission(path: Path, root: Path) -> Submission:
    """Whose it is: the first folder says it, or the file's name where there is none."""
    parts = path.relative_to(root).parts
    student = parts[0] if len(parts) > 1 else path.stem
    return Submission(student, path, parts[-2] if len(parts) > 2 else "")


# -- grading -----------------------------------------------------------------------------------------------------------


class Room:
    """Where a class is graded: the lessons, what is kept, and a judge for each thread."""

    def __init__(
        self, root: Path, into: Path, *, only: Lesson | None = None, salt: str = "", again: bool = False,
        limits: Limits = USUAL,
    ) -> None:  # fmt: skip
        self.root, self.into, self.only, self.salt, self.again, self.limits = root, into, only, salt, again, limits
        self.lessons: dict[str, tuple[NotebookNode, bytes]] = {}
        self.own = threading.local()
        self.judges = ExitStack()
        self.lock = threading.Lock()
        self.done: Callable[[Submission, NotebookNode, Grade], None] = lambda *_: None  # is told each graded run

    def grade(self, one: Submission) -> Grade:
        """Grade it, or take the grade that is kept; it never raises for what is in the file."""
        name = one.path.relative_to(self.root).as_posix() if one.path.is_relative_to(self.root) else one.path.name
        try:
            notebook = read_submission(one.path)
            lesson = lesson_in(notebook, one.path)
            if self.only and lesson != self.only:
                raise Unreadable(f"This is lesson {lesson.number}, where lesson {self.only.number} was asked for.")
        except Unreadable as why:
            return Grade(one.student, self.only.number if self.only else "", name, UNREADABLE, remarks=[str(why)])
        clean, octets = self.released(lesson)
        key = self.key(one.path.read_bytes(), octets)
        kept = self.kept(one.student, lesson.number, name)
        if kept and not self.again and kept.key == key and kept.edition == EDITION and kept.state == GRADED:
            return kept
        said = remarks(notebook, clean)
        try:
            graded = grade_by(self.judge(), notebook, clean, self.limits)
        except (OSError, RuntimeError) as trouble:  # no room, no memory, no kernel: nothing that the learner did
            said.append(f"It could not be run: {reason(trouble)}.")
            return Grade(one.student, lesson.number, name, NOT_GRADED, remarks=said)
        typed = sorted({verdict.student for verdict in graded.verdicts.values() if verdict.student})
        sentences = {id: list(verdict.said) for id, verdict in graded.verdicts.items()}
        found = Grade(
            one.student, lesson.number, name, GRADED, dict(graded.points), dict(graded.possible), sentences, typed,
            said, key,
        )  # fmt: skip
        self.done(one, graded.notebook, found)
        return found

    def judge(self) -> Judge:
        """This thread's."""
        if not hasattr(self.own, "judge"):
            self.own.judge = Judge(self.salt)
            with self.lock:
                self.judges.push(self.own.judge)
        found: Judge = self.own.judge
        return found

    def released(self, lesson: Lesson) -> tuple[NotebookNode, bytes]:
        """The lesson as this mailedu has it; read once."""
        with self.lock:
            if lesson.number not in self.lessons:
                self.lessons[lesson.number] = read(released(lesson)), released(lesson).read_bytes()
            return self.lessons[lesson.number]

    def key(self, handed_in: bytes, clean: bytes) -> str:
        """Changes when the grade must be made again."""
        digest = hashlib.sha256()
        for part in (handed_in, clean, self.salt.encode("utf-8", "surrogateescape")):
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()

    # -- keeping

    def place(self, student: str, lesson: str, name: str) -> Path:
        file = quote(student, safe=" ") + ("" if lesson else f" {hashlib.sha256(name.encode()).hexdigest()[:8]}")
        return self.into / "results" / (lesson or "unknown") / f"{file}.json"

    def keep(self, grade: Grade) -> None:
        """Write it down, whole or not at all."""
        place = self.place(grade.student, grade.lesson, grade.notebook)
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump(asdict(grade), file, ensure_ascii=False, indent=1)
            os.replace(new, place)
        finally:
            new.unlink(missing_ok=True)

    def kept(self, student: str, lesson: str, name: str) -> Grade | None:
        """The grade that is there already; None where there is none, or none that can be read."""
        try:
            return Grade(**json.loads(self.place(student, lesson, name).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def grade_class(room: Room, handed_in: Sequence[Submission], jobs: int) -> Iterator[Grade]:
    """A grade for each, as it gets ready, so many at a time; it is kept before it is told.

    Where it cannot be kept (a full disk), OSError: those that were told before stay.
    """
    twice = more_than_one(handed_in)
    with ThreadPoolExecutor(max(jobs, 1)) as pool, room.judges:
        going = [pool.submit(room.grade, one) for one in handed_in if one.path not in twice]
        try:
            for path, (one, sentence) in twice.items():
                name = path.relative_to(room.root).as_posix()
                yield kept(room, Grade(one.student, "", name, UNREADABLE, remarks=[sentence]))
            for ready in as_completed(going):
                yield kept(room, ready.result())
        finally:
            for later in going:
                later.cancel()


def reason(trouble: Exception) -> str:
    """What went wrong on our side, in a line."""
    said = str(trouble.strerror or trouble) if isinstance(trouble, OSError) else str(trouble)
    return said.strip().splitlines()[0][:200].rstrip(".") if said.strip() else type(trouble).__name__


def kept(room: Room, grade: Grade) -> Grade:
    room.keep(grade)
    return grade


def more_than_one(handed_in: Sequence[Submission]) -> dict[Path, tuple[Submission, str]]:
    """Files of which nobody can say which counts: two of one student and one lesson; path -> why."""
    by_lesson: dict[tuple[str, str], list[Submission]] = {}
    files = Counter(one.student for one in handed_in)
    for one in handed_in:
        if files[one.student] == 1:
            continue
        try:
            lesson = lesson_in(read_submission(one.path), one.path)
        except Unreadable:
            continue
        by_lesson.setdefault((one.student, lesson.number), []).append(one)
    found = {}
    for (_, number), several in by_lesson.items():
        if len(several) > 1:
            names = ", ".join(one.path.name for one in several)
            for one in several:
                found[one.path] = (
                    one,
                    f"Lesson {number} was handed in more than once ({names}): leave the one that counts.",
                )
    return found


def in_order(grades: Sequence[Grade]) -> list[Grade]:
    return sorted(grades, key=lambda grade: (grade.student.casefold(), grade.student, grade.lesson, grade.notebook))


class SameName(NamedTuple):
    """Several students of a lesson who typed one name: they had the same world, and may have the same answers."""

    lesson: str
    name: str
    students: list[str]


def same_name(grades: Sequence[Grade]) -> list[SameName]:
    """Where that happened."""
    found: dict[tuple[str, str], set[str]] = {}
    for grade in grades:
        for name in grade.typed:
            found.setdefault((grade.lesson, name.strip().casefold()), set()).add(grade.student)
    return [SameName(*which, sorted(who)) for which, who in sorted(found.items()) if len(who) > 1]


def as_data(grade: Grade) -> dict[str, Any]:
    """For a program."""
    told = asdict(grade) | {"score": grade.score, "full": grade.full}
    return {name: value for name, value in told.items() if name not in ("key", "edition")}
