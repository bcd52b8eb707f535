"""When an event happened: by the server's clock, where it tells, put onto ours."""

from __future__ import annotations

import pytest

from django_ami.live.moments import Moments
from tests.live.listing import event


def test_without_a_timestamp_it_is_when_it_was_received() -> None:
    assert Moments().of(event("Hangup", Uniqueid="1.1"), 17.5) == 17.5


def test_a_delay_on_the_way_is_taken_off_whatever_the_servers_clock_says() -> None:
    moments = Moments()
    assert moments.of(event("Newstate", Timestamp="1000.000000"), 17.0) == 17.0
    assert moments.of(event("Newstate", Timestamp="1001.500000"), 23.0) == 18.5
    assert moments.of(event("Newstate", Timestamp="1010.000000"), 27.0) == 27.0


def test_a_server_whose_clock_was_set_is_followed() -> None:
    moments = Moments()
    moments.of(event("Newstate", Timestamp="1000.0"), 17.0)
    assert moments.of(event("Newstate", Timestamp="1000000.0"), 18.0) == 18.0
    assert moments.of(event("Newstate", Timestamp="1002.0"), 19.0) == 19.0
    assert moments.of(event("Newstate", Timestamp="1003.0"), 20.5) == 20.0


@pytest.mark.parametrize("stamp", ["", "yesterday", "nan", "inf", "-inf", "1e999"])
def test_an_absurd_timestamp_is_none(stamp: str) -> None:
    moments = Moments()
    assert moments.of(event("Newstate", Timestamp=stamp), 17.0) == 17.0
    assert moments.of(event("Newstate", Timestamp="1000.0"), 18.0) == 18.0


@pytest.mark.parametrize("stamp", ["1e300", "-1e300", "1e18"])
def test_of_a_number_too_large_for_sums_it_is_when_it_was_received(stamp: str) -> None:
    moments = Moments()
    for now in (1.8e9 + 0.25, 1.8e9 + 1.25):
        assert now - 60 <= moments.of(event("Newstate", Timestamp=stamp), now) <= now
