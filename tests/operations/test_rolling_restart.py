"""Listeners are restarted one after the other under a flood: nothing is delivered twice."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.operations.flood import Flood
from tests.operations.support import Site
from tests.running import wait_until

if TYPE_CHECKING:
    from django_ami.testing import Simulator

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

#: An event is read a moment after it was written.
SLACK_SECONDS = 1.0
#: ``test_faults.py`` does so with more of them, on PostgreSQL.
EVENTS_PER_SECOND = 1000


def test_rolling_restart_under_a_flood_delivers_nothing_twice_and_tells_what_is_missing(
    site: Site, sim: Simulator
) -> None:
    site.active()
    site.standby()
    with Flood(sim, EVENTS_PER_SECOND) as flood:
        for _ in range(2):
            count = len(site.numbers())
            site.wait_for("event", count + 200)
            site.standby()
            token = site.told("event")[-1]["token"]
            old = next(
                one for one in site.listeners if one.process.pid == site.told("event")[-1]["pid"]
            )
            old.signal(signal.SIGTERM)
            assert old.wait() == 0, str(old)
            site.wait_for("event", 200, token=token + 1)  # any of the standbys
    last = len(flood.written) - 1
    wait_until(lambda: site.numbers()[-1] == last, what=f"event {last}")
    numbers = site.numbers()
    assert len(numbers) == len(set(numbers)), "some events were delivered twice"
    assert all(note["valid"] for note in site.told("event"))
    tokens = [note["token"] for note in site.told("event")]
    assert tokens == sorted(tokens)
    gaps = [note for note in site.told("gap") if note["reason"] == "takeover"]
    assert len(gaps) == 2, str(site)
    assert all(gap["end"] - gap["begin"] < 10 for gap in gaps)
    missing = set(range(last + 1)) - set(numbers)
    unexplained = {
        number: flood.written[number]
        for number in missing
        if not any(
            gap["begin"] - SLACK_SECONDS <= flood.written[number] <= gap["end"] + SLACK_SECONDS
            for gap in site.told("gap")
        )
    }
    assert unexplained == {}, gaps
    lengths = ", ".join(f"{gap['end'] - gap['begin']:.2f} s" for gap in gaps)
    print(f"{len(numbers)} delivered, {len(missing)} missing, gaps of {lengths}")
