"""Deadlines come in their order, whatever the order in which they were added."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.correlation.deadlines import Deadlines

TIMES = st.lists(st.floats(0, 100), max_size=200)


@given(TIMES, st.sets(st.integers(0, 199)))
def test_first_is_the_earliest_of_unsettled_actions(times: list[float], settled: set[int]) -> None:
    unsettled = {str(number) for number in range(len(times))}
    deadlines = Deadlines(unsettled)
    for number, when in enumerate(times):
        deadlines.add(when, str(number))
        if number in settled:
            unsettled.discard(str(number))
    found = []
    while (first := deadlines.first()) is not None:
        assert deadlines.next() == first[0]
        found.append(first)
        unsettled.discard(first[1])
    expected = [(when, str(number)) for number, when in enumerate(times) if number not in settled]
    assert [when for when, _ in found] == sorted(when for when, _ in expected)
    assert sorted(found) == sorted(expected)
    assert len(deadlines) == 0


def test_earlier_deadline_of_the_same_action_counts() -> None:
    deadlines = Deadlines({"a", "b"})
    deadlines.add(5.0, "a")
    deadlines.add(6.0, "b")
    deadlines.add(2.0, "b")
    assert deadlines.first() == (2.0, "b")
    deadlines.drop_first()
    assert deadlines.first() == (5.0, "a")
