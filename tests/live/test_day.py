"""The local day of a server: summer time, and clocks that jump."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from django_ami.live.day import Day

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(when: float) -> float:
    offset = datetime.fromtimestamp(when, BERLIN).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def test_a_day_in_utc() -> None:
    day = Day()
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
    assert day.begin(noon) == noon - 12 * 3600
    assert day.number(noon) == day.number(noon + 12 * 3600 - 0.001)
    assert day.number(noon + 12 * 3600) == day.number(noon) + 1


def test_an_offset_in_seconds() -> None:
    day = Day(5.5 * 3600)
    noon = datetime(2026, 11, 29, 12, tzinfo=ZoneInfo("Asia/Kolkata")).timestamp()
    assert day.begin(noon) == noon - 12 * 3600


@pytest.mark.parametrize(
    ("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-29", 24)]
)
def test_a_night_of_summer_time(date: str, hours: int) -> None:
    """Asked every ten minutes, as a clock goes on: the day begins at midnight and nowhere else."""
    day = Day(berlin)
    begin = at(f"{date} 00:00")
    before = day.number(begin - 1)
    for minutes in range(0, hours * 60, 10):
        now = begin + 60 * minutes
        assert day.number(now) == before + 1, minutes
        assert day.begin(now) == begin, minutes
    assert day.number(begin + hours * 3600) == before + 2
    assert day.begin(begin + hours * 3600) == begin + hours * 3600


def test_a_clock_that_jumps() -> None:
    day = Day(berlin)
    today, earlier = at("2026-11-29 12:00"), at("2026-07-01 09:00")
    number = day.number(today)
    assert day.begin(earlier) == at("2026-07-01 00:00")
    assert day.number(today) == number
    assert day.begin(0.0) == at("1970-01-01 00:00")
    assert day.begin(today) == at("2026-11-29 00:00")
    for absurd in (-1e18, 1e308, math.inf, math.nan):
        assert day.number(absurd) == number, absurd
    assert day.begin(-1e11) <= -1e11
    assert day.begin(today) == at("2026-11-29 00:00")
