"""Fixtures that several files share."""

from browser import browser

__all__ = ["browser"]
