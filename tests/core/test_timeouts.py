"""Times that callers give."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from django_ami.core.timeouts import MOST_SECONDS, in_seconds

#: What is no time, whatever its author had in mind.
NONSENSE = ["5", "", b"5", Decimal(5), float("nan"), float("inf"), -1, -0.001, True, [5], {}, object(), 10**400]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(5, 5.0), (0, 0.0), (0.5, 0.5), (MOST_SECONDS, MOST_SECONDS), (timedelta(minutes=2, milliseconds=5), 120.005)],
)
def test_seconds_and_timedeltas_are_times(given, seconds):
    assert in_seconds(given) == seconds
    assert type(in_seconds(given)) is float


@pytest.mark.parametrize(
    "given", [*NONSENSE, None, timedelta(seconds=-1), timedelta(days=8)], ids=lambda value: type(value).__name__
)
def test_nothing_else_is_and_the_message_says_what_is_wanted(given):
    with pytest.raises(ValueError, match="a timeout is a number of seconds, from 0 to 604800, or a timedelta, not"):
        in_seconds(given)
