"""The lab's time: it passes when told, never back, and the same way every time."""

import math

import pytest

from mailedu.acts import LabError
from mailedu.clock import Clock


def test_every_lab_begins_on_the_same_monday_morning():
    clock = Clock()
    assert (clock(), clock.unix(), clock.stamp()) == (0.0, 1795424400, "Mon, 23 Nov 2026 09:00:00 +0000")


def test_time_passes_when_told():
    clock = Clock()
    clock.advance(1.5, minutes=2, hours=3, days=1)
    assert clock() == 1.5 + 120 + 3 * 3600 + 86400
    assert clock.stamp() == "Tue, 24 Nov 2026 12:02:01 +0000"
    clock.advance()
    assert clock.unix() == 1795424400 + 97321


def test_many_small_steps_are_one_long_one():
    clock = Clock()
    for _ in range(1000):
        clock.advance(minutes=0.1)
    assert clock() == 6000.0
    clock.advance(days=0.1)
    assert clock() == 6000.0 + 8640.0, "to the microsecond"


@pytest.mark.parametrize("by", [{"seconds": -1}, {"minutes": 1, "hours": -1}, {"days": -0.001}])
def test_it_never_goes_back(by):
    clock = Clock()
    with pytest.raises(LabError, match="does not go back"):
        clock.advance(**by)
    assert clock() == 0.0


@pytest.mark.parametrize("days", [367, 1e12, math.inf, math.nan])
def test_nor_to_where_there_are_no_dates(days):
    clock = Clock()
    with pytest.raises(LabError, match="days=365"):
        clock.advance(days=days)
    assert clock() == 0.0


def test_the_world_hears_of_it():
    clock, told = Clock(), []
    clock.on_advance = told.append
    clock.advance(minutes=5)
    assert told == [300.0] and clock() == 0.0, "the world lets the time pass, waking whom it must"


def test_one_seed_one_chance():
    assert [Clock(7).random.random() for _ in range(3)] == [Clock(7).random.random()] * 3
    assert Clock(7).random.random() != Clock(8).random.random()
