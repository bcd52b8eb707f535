"""The traffic of queues and the outcomes of calls, for metrics: numbers that never go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.live.tracker import Tracker
from django_ami.testing import scenarios
from tests.live.callcentre import CallCentre, channel, event

if TYPE_CHECKING:
    from django_ami.testing.recording import Recording


@pytest.fixture
def centre() -> CallCentre:
    return CallCentre()


def numbers(centre: CallCentre) -> tuple[int, int, int, int, dict[str, int]]:
    one = centre.tracker.traffic["support"]
    left = {str(reason): count for reason, count in one.left.items() if count}
    return one.joined, one.answered, one.abandoned, one.short_abandons, left


def test_visits_are_counted_by_their_end(centre: CallCentre) -> None:
    for number in range(1, 6):
        centre.join(f"1.{number}", position=number)
    assert numbers(centre) == (5, 0, 0, 0, {})
    centre.wait(2).abandon("1.5")
    centre.hang_up("1.5")
    centre.wait(10).connect("1.1")
    centre.abandon("1.2")
    centre.hang_up("1.2")
    centre.wait(200).leave("1.3")
    centre.status("1.3", "TIMEOUT")
    assert numbers(centre) == (5, 1, 1, 1, {"timeout": 1})
    waits = {
        outcome: (one.counts, round(one.total))
        for outcome, one in centre.tracker.traffic["support"].waits.items()
    }
    assert waits == {
        "answered": ([0, 0, 1, 0, 0, 0, 0, 0], 12),
        "abandoned": ([0, 0, 1, 0, 0, 0, 0, 0], 12),
        "left": ([0, 0, 0, 0, 0, 0, 1, 0], 212),
    }


def test_end_that_was_concluded_counts_once_and_never_goes_back(centre: CallCentre) -> None:
    centre.join("1.1")
    centre.wait(10)
    centre.seed(channels=[event("CoreShowChannel", **channel("9.9"))])
    assert numbers(centre) == (1, 0, 0, 0, {"unknown": 1})
    centre.connect("1.1")
    assert centre.counts().answered == 1
    assert numbers(centre) == (1, 0, 0, 0, {"unknown": 1})


@pytest.mark.parametrize(
    ("recording", "outcome"),
    [
        (scenarios.answered_call(talk=30), "answered"),
        (scenarios.busy_call(), "busy"),
        (scenarios.blind_transfer(talk=10, talk_to_target=60), "answered"),
        (scenarios.abandoned_call(wait=12), "abandoned"),
    ],
)
def test_call_is_counted_by_its_outcome(recording: Recording, outcome: str) -> None:
    tracker = Tracker("pbx")
    assert set(tracker.outcomes.values()) == {0}
    for moment in recording:
        tracker.feed(moment.event, moment.at)
    assert {str(one): count for one, count in tracker.outcomes.items() if count} == {outcome: 1}
    assert "forwarded" not in tracker.outcomes, "of legs alone"
