"""Fixtures that several files share, and which random examples the properties are tried with."""

import os

from browser import browser
from hypothesis import settings

__all__ = ["browser"]

# Every day the same examples, so that a change is judged by what it changes; `make long` looks for new ones.
settings.register_profile("every day", derandomize=True)
if not os.environ.get("MAILEDU_NEW_EXAMPLES"):
    settings.load_profile("every day")
