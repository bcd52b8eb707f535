"""Events that two sides have are counted once."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_ami.core.counters import Counts
from django_ami.forwarding.ledger import Ledger

_some = st.integers(0, 5)
sides = st.lists(
    st.tuples(st.booleans(), st.builds(Counts, delivered=_some, failed=_some, dropped=_some)),
    max_size=30,
)


def total(counts: Counts) -> int:
    return counts.delivered + counts.failed + counts.dropped


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(sides)
def test_as_many_events_are_over_as_both_sides_are_through_with(
    steps: list[tuple[bool, Counts]],
) -> None:
    over, own, other = Counts(), Counts(), Counts()

    def settle(server: str, counts: Counts) -> None:
        assert min(counts.delivered, counts.failed, counts.dropped) >= 0
        over.delivered += counts.delivered
        over.failed += counts.failed
        over.dropped += counts.dropped

    ledger = Ledger(settle)
    for is_local, counts in steps:
        side = own if is_local else other
        side.delivered += counts.delivered
        side.failed += counts.failed
        side.dropped += counts.dropped
        (ledger.local if is_local else ledger.forwarded)("node_1", counts)
        assert total(over) == min(total(own), total(other))
    assert over.failed <= own.failed + other.failed
    assert over.dropped <= own.dropped + other.dropped


def test_worse_side_counts() -> None:
    seen: list[Counts] = []
    ledger = Ledger(lambda _, counts: seen.append(counts))
    ledger.local("node_1", Counts(delivered=1, failed=1, dropped=1, dropped_important=1, gaps=1))
    assert [one.as_dict() for one in seen] == [Counts(gaps=1).as_dict()]
    ledger.forwarded("node_1", Counts(delivered=3))
    worse = Counts(delivered=1, failed=1, dropped=1, dropped_important=1)
    assert seen[-1].as_dict() == worse.as_dict()
