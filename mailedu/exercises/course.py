"""The lessons that there are, the exercises of each, and where their notebooks lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..acts import LabError

PACKAGE = Path(__file__).resolve().parents[1]
PLACES = [PACKAGE / "lessons", PACKAGE.parent / "notebooks"]  # an installed mailedu's, and a clone's


class Lesson(NamedTuple):
    """One notebook."""

    notebook: str
    title: str
    home: str  # the module of this package that holds its exercises
    exercises: tuple[str, ...]

    @property
    def number(self) -> str:
        return self.notebook[:2]


LESSONS = (
    Lesson("00-start.ipynb", "Start: a message travels", "journey", ("J1", "J2")),
    Lesson("01-smtp-by-hand.ipynb", "SMTP by hand", "smtp", ("S1", "S2", "S3", "S4", "S5", "S8", "S9", "S10", "S11")),
    Lesson("02-the-message.ipynb", "The message", "message", ("M1", "M2", "M3", "M4")),
    Lesson("03-envelope-and-header.ipynb", "Envelope and header", "envelope", ("S6", "M5", "S7")),
    Lesson("04-finding-the-way.ipynb", "Finding the way", "way", ("R1", "R2", "R3", "R4", "R5", "S12")),
    Lesson("05-ports-and-tls.ipynb", "Ports and TLS: who reads along", "tls", ("T1", "T2", "T3", "T4")),
    Lesson("06-pop3.ipynb", "POP3: what leaves the server, and when", "pop3", ("P1", "P2", "P3", "P4", "P5")),
    Lesson(
        "07-imap.ipynb", "IMAP: one mailbox, many clients", "imap", ("I1", "I2", "I3", "I4", "I5", "I6", "I7")
    ),
    Lesson("08-spf.ipynb", "SPF: who may send for a domain", "spf", ("F1", "F2", "F3", "F4", "F5")),
    Lesson(
        "09-dkim.ipynb", "DKIM: a domain puts its name to a letter", "dkim", ("D1", "D2", "D3", "D4", "D5", "D6", "D7")
    ),
    Lesson("10-dmarc.ipynb", "DMARC: whose name stands in From", "dmarc", ("A1", "A2", "A3", "A4", "A6")),
)  # fmt: skip


def lessons_folder() -> Path:
    """Where this mailedu has its lessons; LabError where it has none."""
    for place in PLACES:
        if any(place.glob("*.ipynb")):
            return place
    raise LabError("This mailedu came without its lessons; install the package, or run in a clone.")


def lesson_of(word: str) -> Lesson:
    """The lesson of this number ("08"), file name, or path; LabError says which there are."""
    name = Path(word).name
    for lesson in LESSONS:
        if name in (lesson.number, lesson.notebook, lesson.notebook.removesuffix(".ipynb")):
            return lesson
    raise LabError(f"There is no lesson {name!r}: there are {', '.join(one.number for one in LESSONS)}.")


def released(lesson: Lesson) -> Path:
    """Its notebook, as this mailedu has it."""
    return lessons_folder() / lesson.notebook
