"""The lessons that there are, and the exercises of each."""

from __future__ import annotations

from typing import NamedTuple


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
)  # fmt: skip
