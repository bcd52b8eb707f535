"""Times that callers give."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from django_ami.core.timeouts import MOST_SECONDS, in_seconds, in_words

#: Values that are not a time.
NONSENSE = [
    "5",
    "",
    b"5",
    Decimal(5),
    float("nan"),
    float("inf"),
    -1,
    -0.001,
    True,
    [5],
    {},
    object(),
    10**400,
]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (5, 5.0),
        (0, 0.0),
        (0.5, 0.5),
        (MOST_SECONDS, MOST_SECONDS),
        (timedelta(minutes=2, milliseconds=5), 120.005),
    ],
)
def test_seconds_and_timedeltas_are_times(given, seconds):
    assert in_seconds(given) == seconds


@pytest.mark.parametrize(
    "given",
    [*NONSENSE, None, timedelta(seconds=-1), timedelta(days=8)],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused_with_a_message_that_says_what_is_wanted(given):
    with pytest.raises(
        ValueError, match="a timeout is a number of seconds, from 0 to 604800, or a timedelta, not"
    ):
        in_seconds(given)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (9.99998, "10 s"),
        (10, "10 s"),
        (0.1 + 0.2, "0.3 s"),
        (0.00049999, "0.0005 s"),
        (2.345678, "2.35 s"),
        (1_234_567.0, "1234567 s"),
        (0.0, "0 s"),
    ],
)
def test_a_time_in_a_message(time, said):
    assert in_words(time) == said
