"""Real phones, on two versions of Asterisk: transfers, queues, parking, originated calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_ami.live.tracker import Tracker
from tests.live.telling import tell
from tests.recordings import scenarios, timed

TOLD = Path(__file__).parents[1] / "data" / "phones" / "told.txt"


def told() -> dict[str, list[str]]:
    """The lines of each scenario."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in TOLD.read_text().splitlines():
        if line.startswith(" "):
            found[name].append(line.strip())
        else:
            name = line.partition(" ")[0]
            found[name] = []
    return found


@pytest.mark.parametrize(
    ("name", "version"),
    [pytest.param(name, version, id=f"{version}-{name}") for name, version in scenarios("phones")],
)
def test_the_calls_are_those_that_were_made(name: str, version: str) -> None:
    tracker = Tracker("pbx")
    for at, event in timed(name, version, "phones"):
        tracker.feed(event, at)
    assert sorted(tell(call) for call in tracker.ended.values()) == told()[name]
    status = tracker.status()
    assert (status.channels, status.calls, status.contradictions, status.faults) == (0, 0, 0, 0)


def test_every_scenario_is_recorded() -> None:
    assert {name for name, _ in scenarios("phones")} == set(told())


def test_a_telephone_that_rings_in_a_bridge_of_ari_talks_from_when_it_is_picked_up() -> None:
    tracker = Tracker("pbx")
    for at, event in timed("ari-dial", "22", "phones"):
        tracker.feed(event, at)
    (call,) = tracker.ended.values()
    (talk,), (leg,) = call.talks, call.legs
    assert (talk.begin, leg.connected, call.answered) == (leg.answered,) * 3
    assert leg.ringing is not None
    assert talk.begin - leg.ringing > 0.4
