"""Exercises that are proved by mail, one file a lesson; and what else a lesson is made of: guesses, controls, a map.

    from mailedu.exercises import exercise, check, predict

A name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .frame import check, exercise
    from .guess import predict
    from .map import progress
    from .menus import controls
    from .prompt import console

HOMES = {
    "check": "frame",
    "console": "prompt",
    "controls": "menus",
    "exercise": "frame",
    "predict": "guess",
    "progress": "map",
}

__all__ = ["check", "console", "controls", "exercise", "predict", "progress"]


def __getattr__(name: str) -> object:
    """Load one of the names above from its home."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
