"""The lab's time and its only source of chance.  Nothing below ``net/`` has another."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cached_property

from .acts import LabError

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # when every lab begins: a Monday
LONGEST = 366 * 86_400.0  # seconds of one `advance`


class Clock:
    """Seconds since the lab began; they pass only when told.  `advance` is the world's: it wakes whoever waits."""

    def __init__(self, seed: int = 0, start: datetime = MORNING) -> None:
        self.now, self.seed, self.start = 0.0, seed, start
        self.on_advance: Callable[[float], None] = self.set_forward

    @cached_property
    def random(self) -> random.Random:
        """The lab's dice, made when somebody first throws them."""
        return random.Random(self.seed)

    def __call__(self) -> float:
        return self.now

    def set_forward(self, seconds: float) -> None:
        """Let time pass with nobody there to notice."""
        self.now += seconds

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let the lab's time go on: queues wake up, retries run, silent sessions end.  Time never goes back."""
        if not all(isinstance(amount, int | float) for amount in (seconds, minutes, hours, days)):
            raise LabError("Say how long in numbers, as in clock.advance(minutes=5).")
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        if total < 0:
            raise LabError("The clock does not go back; use back() or fork() on a conversation for that.")
        if not total <= LONGEST:
            raise LabError("That is too far; advance the clock by a year (days=365) or less at a time.")
        self.on_advance(round(total, 6))

    @property
    def date(self) -> datetime:
        """The lab's date and time."""
        return self.start + timedelta(seconds=self.now)

    def unix(self) -> int:
        """Whole seconds since 1970, as DKIM's t= wants them."""
        return int(self.date.timestamp())

    def stamp(self, at: float | None = None) -> str:
        """A date as mail writes it: ``Mon, 23 Nov 2026 09:01:00 +0000`` (RFC 5322 §3.3); of now, or of `at`."""
        return format_datetime(self.date if at is None else self.start + timedelta(seconds=at))
