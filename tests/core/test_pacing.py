"""Calls leave evenly spaced, and no more go at a time than may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.pacing import Pacer


def test_without_limits_every_call_leaves_at_once() -> None:
    pacer: Pacer[int] = Pacer(0, 0)
    for call in range(100):
        assert pacer.is_free(0.0)
        pacer.begin(call, 0.0)


def test_calls_of_a_rate_leave_one_space_apart_in_their_order() -> None:
    pacer: Pacer[int] = Pacer(4, 0)
    pacer.begin(0, 10.0)
    assert not pacer.is_free(10.2)
    pacer.waiting.extend([1, 2])
    assert pacer.next_at() == 10.25
    assert pacer.take(10.2) == []
    assert pacer.take(10.25) == [1]
    assert not pacer.is_free(11.0)  # another one waits
    assert pacer.take(11.0) == [2]
    assert pacer.next_at() is None
    assert pacer.is_free(11.25)


def test_a_call_leaves_when_another_one_has_ended() -> None:
    pacer: Pacer[int] = Pacer(0, 1)
    pacer.begin(0, 0.0)
    pacer.waiting.append(1)
    assert pacer.next_at() is None
    assert pacer.take(9.0) == []
    pacer.end(0)
    assert pacer.next_at() == 0.0
    assert pacer.take(9.0) == [1]


@given(
    st.integers(1, 50),
    st.integers(0, 5),
    st.lists(st.floats(0, 0.5, allow_nan=False), max_size=60),
)
def test_no_second_has_more_calls_than_the_rate(
    rate: int, at_a_time: int, pauses: list[float]
) -> None:
    pacer: Pacer[float] = Pacer(rate, at_a_time)
    now, left = 0.0, []
    for pause in pauses:
        now += pause
        pacer.waiting.append(now)
        for call in pacer.take(now):
            left.append(now)
            if at_a_time:
                assert len(pacer.going) <= at_a_time
                pacer.end(call)
    for at in left:
        assert sum(at <= other < at + 1 - 1e-9 for other in left) <= rate


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_never_more_go_than_may(at_a_time: int) -> None:
    pacer: Pacer[int] = Pacer(0, at_a_time)
    pacer.waiting.extend(range(10))
    assert pacer.take(0.0) == list(range(at_a_time))


def test_withdrawn_calls_take_no_turn_and_no_time() -> None:
    pacer: Pacer[int] = Pacer(1.0, 0)
    pacer.begin(0, 0.0)
    pacer.waiting.extend(range(10))
    assert pacer.take(1.0, lambda call: call < 8) == [8]
    assert list(pacer.waiting) == [9]


def test_withdrawn_calls_are_forgotten_and_the_others_keep_their_order() -> None:
    pacer: Pacer[int] = Pacer(0, 1)
    pacer.waiting.extend(range(5))
    pacer.forget(lambda call: call % 2 == 1)
    assert list(pacer.waiting) == [0, 2, 4]
