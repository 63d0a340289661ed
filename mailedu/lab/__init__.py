"""What a notebook types: the lab, its calls, its mail."""

from .lab import Lab
from .mail import Mail
from .typed import Typed

__all__ = ["Lab", "Mail", "Typed"]
