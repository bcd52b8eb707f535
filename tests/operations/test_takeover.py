"""Two real listeners on one server: one delivers, the other takes over."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.operations.support import TIMEOUT, Counter, Site
from tests.running import wait_until

if TYPE_CHECKING:
    from django_ami.testing import Simulator


def test_one_of_two_delivers_and_the_other_is_logged_in(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    assert sim.logins == 2
    counter.emit(20)
    site.wait_for("event", 20)
    assert {note["pid"] for note in site.notes} == {first.process.pid}
    assert site.numbers(valid=True) == list(range(20))
    assert len({note["token"] for note in site.told("event")}) == 1
    assert second.err == []


def test_standby_takes_over_at_once_after_a_clean_stop(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(5)
    site.wait_for("event", 5)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, str(first)
    released = time.monotonic()
    site.wait_for("ready", pid=second.process.pid)
    took = time.monotonic() - released
    counter.emit(5)
    site.wait_for("event", 10)
    assert site.numbers() == list(range(10))
    tokens = [note["token"] for note in site.told("event")]
    assert tokens == [tokens[0]] * 5 + [tokens[0] + 1] * 5
    (gap,) = site.told("gap")
    assert (gap["reason"], gap["lost"], gap["pid"]) == ("takeover", None, second.process.pid)
    assert 0 < gap["end"] - gap["begin"] < 5
    assert took < TIMEOUT, took  # not after the lease was over
