"""Histograms and counts have bounds, whatever they are told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Action
from django_ami.core.counters import Counts
from django_ami.core.errors import ConnectionLost
from django_ami.core.lease import Lease, boottime
from django_ami.core.messages import Event
from django_ami.core.metering import MOST_NAMES, OTHER, ActionMeter, Durations, Histogram
from django_ami.core.protocol import Parser
from django_ami.core.receiver_times import ReceiverTimes
from django_ami.core.receivers import Receivers
from django_ami.core.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable


def test_histogram_counts_a_value_up_to_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 12.0)


def test_durations_of_more_names_than_are_told_apart_are_those_of_other() -> None:
    durations = Durations((1.0,))
    for number in range(MOST_NAMES + 50):
        durations[f"receiver {number}"].observe(0.5)
    assert len(durations) == MOST_NAMES + 1
    assert durations[OTHER].counts == [50, 0]


def test_meter_counts_outcomes_and_times_the_answered_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter, told = ActionMeter("node_1", time.monotonic), []
    monkeypatch.setattr(ActionMeter, "watch", lambda *what: told.append(what))
    began = meter.clock() - 0.2
    meter.settled("Ping", "success", began)
    meter.settled("Ping", "success", began)
    meter.settled("Ping", "timeout", began)
    assert meter.outcomes == {("Ping", "success"): 2, ("Ping", "timeout"): 1}
    assert meter.durations["Ping"].total == pytest.approx(0.4, abs=0.2)
    assert sum(meter.durations["Ping"].counts) == 2
    assert [(*what, seconds is None) for *what, seconds in told] == [
        ("node_1", "Ping", "success", False),
        ("node_1", "Ping", "success", False),
        ("node_1", "Ping", "timeout", True),
    ]


def test_meter_has_a_bound_for_the_names_that_a_program_makes_up() -> None:
    meter = ActionMeter("node_1", time.monotonic)
    for number in range(20_000):
        meter.settled(f"Action{number}", "success", meter.clock())
    assert len(meter.outcomes) == len(meter.durations) == MOST_NAMES + 1
    assert meter.outcomes[OTHER, "success"] == 20_000 - MOST_NAMES


def test_times_of_receivers_are_kept_only_once_they_are_wanted() -> None:
    times = ReceiverTimes()
    times.thresholds = {"node_1": 1.0}
    assert (times.least, times.durations) == (1.0, None)
    times.measure()
    times.took("app.slow", "node_1", 2.0)
    times.took("app.quick", "node_1", 0.0001)
    times.thresholds = {"node_1": 5.0}
    times.took("app.slow", "node_1", 2.0)
    assert times.durations is not None
    assert {name: sum(one.counts) for name, one in times.durations.items()} == {
        "app.slow": 2,
        "app.quick": 1,
    }
    assert times.slow_calls == {"app.slow": 1}


def test_times_of_earlier_windows_and_of_ended_threads_stay_in_the_sums() -> None:
    times = ReceiverTimes()
    times.measure()
    other = times.beside()
    for one in (times, other):
        one.took("app.receiver", "node_1", 2.0)
        one.begin_window(time.monotonic() + 3600)
        one.took("app.receiver", "node_1", 0.5)

    def sums() -> tuple[int, float]:
        assert times.durations is not None
        histogram = times.durations["app.receiver"]
        return sum(histogram.counts), histogram.total

    assert sums() == (4, 5.0)
    times.alone()
    assert sums() == (4, 5.0)


def test_calls_of_a_batch_are_measured_by_the_names_of_their_receivers() -> None:
    receivers = Receivers()
    receivers.times.measure()
    calls = {"Hangup": [(bool, bool, "app.one"), (bool, bool, ""), (bool, bool, "app.two")]}
    counts = Counts()
    receivers.deliver([Event("Hangup", b"Event: Hangup", "node_1")] * 3, calls, None, counts)
    assert receivers.times.durations is not None
    assert {name: sum(one.counts) for name, one in receivers.times.durations.items()} == {
        "app.one": 3,
        "app.two": 3,
    }
    assert counts.delivered == 3


def test_call_is_counted_in_the_interval_of_its_seconds() -> None:
    times = ReceiverTimes()
    times.thresholds = {"node_1": 0.00005, "node_2": 3.0}
    times.measure()
    for seconds in (0.00001, 0.00007, 0.0001, 0.0002, 4.0):
        times.took("app.receiver", "node_2", seconds)
    assert times.durations is not None
    counts = times.durations["app.receiver"].counts
    assert {place: count for place, count in enumerate(counts) if count} == {0: 3, 1: 1, 9: 1}
    assert times.slow_calls == {"app.receiver": 1}


def test_no_event_is_begun_once_the_lease_is_over() -> None:
    receivers, counts = Receivers(), Counts()
    receivers.clock = boottime
    lease = Lease("node_1", 1, boottime() + 3600)
    events = [Event("Hangup", b"Event: Hangup", "node_1") for _ in range(4)]
    got: list[Event] = []

    def take(event: Event) -> None:
        got.append(event)
        if len(got) == 2:
            lease.end()

    plans = {"Hangup": [(take, take, "app.one")]}
    rest = iter(events)
    assert receivers.deliver(rest, plans, None, counts, lease) is events[2]
    assert [got, list(rest), counts.delivered] == [events[:2], events[3:], 2]


def test_end_is_a_time_of_the_monotonic_clock_whatever_the_clock_of_leases_shows() -> None:
    receivers = Receivers()
    receivers.clock = lambda: time.monotonic() + 1000  # a machine that was suspended
    receivers.end_at(time.monotonic() + 900)
    assert not receivers.over
    receivers.end_at(time.monotonic())
    assert receivers.over


def answer(request: Request) -> None:
    (request.response,) = Parser().feed(b"Response: Success\r\nActionID: 1\r\n\r\n")
    request.complete()


@pytest.mark.parametrize(
    ("settle", "outcome"),
    [
        (answer, "success"),
        (lambda one: one.fail(ConnectionLost("gone")), "connection_lost"),
    ],
)
def test_request_tells_its_meter_how_it_ended(
    settle: Callable[[Request], object], outcome: str
) -> None:
    one = Request(Action("Ping"), "1", b"", server="node_1", timeout=5)
    one.meter = ActionMeter("node_1", time.monotonic)
    one.began = one.meter.clock()
    settle(one)
    assert one.meter.outcomes == {("Ping", outcome): 1}


def test_histograms_of_two_processes_add_up() -> None:
    one, other = Histogram((1.0,)), Histogram((1.0,))
    one.observe(0.5)
    other.observe(0.5)
    other.observe(3.0)
    one.add(other)
    assert (one.counts, one.total) == ([2, 1], 4.0)
