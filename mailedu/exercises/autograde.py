"""For nbgrader: the graded run of `grading.py` in the place of nbgrader's own.  In ``nbgrader_config.py``:

    from mailedu.exercises.autograde import preprocessors
    c.Autograde.autograde_preprocessors = preprocessors()

Without it nbgrader grades the lessons as well; then a notebook that patches `check` in its own kernel is believed.
"""

from __future__ import annotations

from typing import Any

from nbgrader.converters import Autograde  # type: ignore[import-untyped, import-not-found, unused-ignore]
from nbgrader.preprocessors import Execute  # type: ignore[import-untyped, import-not-found, unused-ignore]

from .grading import run_and_judge


class ExecuteApart(Execute):  # type: ignore[misc, unused-ignore]
    """Runs the notebook in a limited kernel, and has its answers judged elsewhere."""

    def preprocess(self, nb: Any, resources: Any, *_: Any, **__: Any) -> Any:
        run_and_judge(nb)
        return nb, resources


def preprocessors() -> list[Any]:
    """nbgrader's own, but for the one that runs the notebook."""
    usual = Autograde.class_traits()["autograde_preprocessors"].default()
    return [ExecuteApart if one is Execute else one for one in usual]
