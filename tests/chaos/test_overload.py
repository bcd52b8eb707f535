"""Receivers that are too slow, block, raise and exit.

The connection stays, all is counted, drops are announced.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from django_ami.actions import Ping
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.cluster import backlog
from django_ami.core.reports import MOST_LINES
from django_ami.testing import FakeAsterisk
from tests.chaos.support import LONG, ami_listen, settled
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator
    from tests.chaos.support import Listener

#: A drain timeout that nothing here needs, so that a wait for it is seen.
AMPLE_SECONDS = 600.0
#: A server that is silent for two seconds is lost; so whoever is not lost was asked, and read, all
#: the time.
ALIVE = {"heartbeat_interval": 0.2, "read_timeout": 2.0}
DROPPED = re.compile(
    r"^node_1: (\d+) events dropped, (\d+) in all: the queue of (\d+) \(option "
    r"event_queue_capacity\)"
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


def pings(sim: Simulator) -> int:
    return sum(action.name == "Ping" for action in sim.received)


def announced(worker: Listener) -> list[tuple[int, int]]:
    """How many were dropped since the last announcement, and in all."""
    found = [DROPPED.match(line) for line in worker.err]
    return [(int(one[1]), int(one[2])) for one in found if one]


# --- a receiver of a millisecond ---


def test_s10_a_burst_of_twice_the_queue(sim: Simulator) -> None:
    arguments = (f"--drain-timeout={AMPLE_SECONDS if LONG else 0.5}",)
    with ami_listen(
        sim, receivers={"UserEvent": "sleeps 0.001"}, arguments=arguments, **ALIVE
    ) as worker:
        worker.wait_for_out("ready")
        assert sim.flood(count=20_000).total == 20_000
        before = pings(sim)
        sim.wait_for(lambda: pings(sim) >= before + 5, timeout=DEADLINE_SECONDS, what=str(worker))
        code = worker.stop(signal.SIGTERM, AMPLE_SECONDS)
        sent, summary, numbers = settled(sim), worker.summary, worker.numbers()
        assert (sent, summary.received, summary.ignored, summary.reconnects) == (
            20_000,
            20_001,
            1,
            0,
        ), str(worker)
        assert (code, summary.left == 0) == ((0, True) if LONG else (4, False)), str(worker)
        assert summary.delivered == len(numbers)
        assert summary.left <= 10_000
        assert summary.dropped >= 20_000 - 10_000 - len(numbers)
        assert all(one < next_one for one, next_one in pairwise(numbers)), (
            "in their order, and none twice"
        )
        assert announced(worker)[0][1] > 0
        assert sum(
            "Slowest receiver: tests.chaos.worker.sleeps, " in line for line in worker.err
        ) == len(worker.err)


@pytest.mark.long
def test_a_flood_that_lasts(sim: Simulator) -> None:
    seconds = 30 if LONG else 5
    arguments = ("--drain-timeout=0.5",)
    patches = {
        "django_ami.core.cluster.drops:DROP_REPORT_SECONDS": 1.0,
        # Events that wait for room are dropped soon
        "django_ami.core.cluster.backlog:PACE_SECONDS": 0.05,
    }
    options = {**ALIVE, "event_queue_capacity": 1000}
    with ami_listen(
        sim,
        receivers={"UserEvent": "sleeps 0.001"},
        arguments=arguments,
        patches=patches,
        **options,
    ) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=5000 * seconds, rate=5000, timeout=10 * seconds + DEADLINE_SECONDS)
        assert worker.stop(signal.SIGTERM, 0.5) == 4, str(worker)
        sent, summary = settled(sim), worker.summary
        assert (sent, summary.received, summary.reconnects) == (
            5000 * seconds,
            5000 * seconds + 1,
            0,
        ), str(worker)
        assert summary.delivered == len(worker.numbers())
        assert 0 < summary.left <= 1000
        drops = announced(worker)
        assert len(drops) >= 3, "it went on for seconds, and was told of again"
        assert len(drops) <= seconds * 4, "but not all the time"
        assert [in_all for _, in_all in drops] == [
            sum(some for some, _ in drops[: n + 1]) for n in range(len(drops))
        ]
        assert drops[-1][1] <= summary.dropped


# --- a receiver that blocks ---


def test_a_receiver_that_blocks_for_a_while(sim: Simulator) -> None:
    """Longer than a silence that would be a loss.

    And the first to be dropped is told of while it still runs.
    """
    seconds = 30 if LONG else 3
    options = {**ALIVE, "event_queue_capacity": 1000, "slow_receiver_threshold": 1.0}
    with ami_listen(sim, receivers={"UserEvent": f"sleeps_once {seconds}"}, **options) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=1)
        worker.wait_for_notes(1)
        sim.flood(count=2000)
        line = worker.wait_for_err("events dropped")
        assert re.search(r"Slowest receiver: tests\.chaos\.worker\.sleeps_once, ", line)
        before = pings(sim)
        sim.wait_for(lambda: pings(sim) >= before + 4, timeout=DEADLINE_SECONDS)
        worker.wait_for_notes(1000)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.summary == (2002, 1000, 1001, 1, 0, 0, 0)
        assert worker.numbers() == [0, *range(1001, 2000)]
        assert settled(sim) == 2001
        (slow,) = [line for line in worker.err if "slow_receiver_threshold" in line]
        named = re.match(
            r"node_1: the receiver tests\.chaos\.worker\.sleeps_once took (\d+\.\d\d) s ", slow
        )
        assert float(named[1]) >= seconds


@pytest.mark.long
def test_one_that_still_runs_is_named(sim: Simulator) -> None:
    """A receiver that still runs is named, even if others have taken more time before."""
    receivers = {"UserEvent": "sleeps 0.5", "Wait": "blocks", "Hangup": "note"}
    options = {"event_queue_capacity": 5, "overload_policy": "drop_newest"}
    with ami_listen(
        sim, receivers=receivers, arguments=("--drain-timeout=0",), **options
    ) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=3)
        sim.emit("Wait", privilege="call")
        worker.wait_for_notes(1, "Wait")
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() > begun + 1.5)
        sim.flood("Hangup", count=20)
        line = worker.wait_for_err("events dropped")
        named = re.search(
            (
                r"Slowest receiver: tests\.chaos\.worker\.blocks, which has been running for "
                r"([\d.]+) s"
            ),
            line,
        )
        assert float(named[1]) >= 1.4
        assert worker.stop(signal.SIGTERM, 0) == 4
        assert worker.summary == (25, 3, 16, 1, 5, 0, 0)


@pytest.mark.long
def test_the_slowest_is_the_one_of_late(sim: Simulator) -> None:
    """One that took its time long ago is not to blame."""
    patches = {
        "django_ami.core.cluster.drops:DROP_REPORT_SECONDS": 0.2,
        "django_ami.core.receiver_times:_WINDOW_SECONDS": 0.2,
    }
    receivers = {"Hangup": "sleeps 0.5", "UserEvent": "dozes 0.02"}
    options = {"event_queue_capacity": 10}
    with ami_listen(
        sim, receivers=receivers, patches=patches, arguments=("--drain-timeout=0",), **options
    ) as worker:
        worker.wait_for_out("ready")
        sim.flood("Hangup", count=5)
        worker.wait_for_notes(5, "Hangup")
        flood = sim.start_flood(count=100_000, rate=200)
        worker.wait_for_err("Slowest receiver: tests.chaos.worker.dozes, ")
        flood.cancel()


# --- receivers that fail ---


@pytest.mark.parametrize(
    ("how", "error"),
    [("raises", "ValueError"), ("exits", "ReceiverExit"), ("cancels", "ReceiverExit")],
)
@pytest.mark.parametrize("kind", ["", "async_"])
def test_a_receiver_that_fails_every_time(sim: Simulator, how: str, error: str, kind: str) -> None:
    count = 200
    with ami_listen(sim, receivers={"UserEvent": kind + how, "Hangup": "note"}, **ALIVE) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=count)
        sim.flood("Hangup", count=count)
        worker.wait_for_notes(count, "Hangup")
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.summary == (2 * count + 1, count, 0, 1, 0, count, 0)
        assert settled(sim) == 2 * count
        said = f"The receiver tests.chaos.worker.{kind}{how} raised {error} at UserEvent of node_1"
        single = sum(line.startswith(said) for line in worker.err)
        assert 1 <= sum(line.startswith("Traceback") for line in worker.err) <= 20, (
            "not one for each"
        )
        counted = [
            re.search(rf"{kind}{how} raised {error} (\d+) times more in ", line)
            for line in worker.err
        ]
        assert single + sum(int(found[1]) for found in counted if found) == count, str(worker)
        assert single <= 2 * (1 + MOST_LINES), "an interval, or two"
        assert worker.numbers() == worker.numbers("Hangup") == list(range(count))


def test_a_receiver_that_has_no_hash(sim: Simulator) -> None:
    with ami_listen(
        sim, receivers={"UserEvent": "keyless"}, slow_receiver_threshold=0.01
    ) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=10)
        worker.wait_for_notes(10)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert [line for line in worker.err if "raised" in line] == []


# --- which events are dropped ---


@pytest.mark.parametrize("capacity", [10, 100, 10_000])
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_exactly_these_arrive(sim: Simulator, policy: str, capacity: int) -> None:
    """One is running and has its place in the queue.

    Of the others the newest or the oldest arrive.
    """
    count = 2 * capacity
    options = {"event_queue_capacity": capacity, "overload_policy": policy}
    with ami_listen(sim, receivers={"Wait": "waits", "UserEvent": "note"}, **options) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call", Received=count + 2)
        worker.wait_for_notes(1, "Wait")
        sim.flood(count=count)
        worker.wait_for_notes(capacity - 1)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        kept = (
            range(count - capacity + 1, count) if policy == "drop_oldest" else range(capacity - 1)
        )
        assert worker.numbers() == list(kept)
        assert worker.summary == (count + 2, capacity, count + 1 - capacity, 1, 0, 0, 0)


def test_events_behind_a_blocked_receiver_can_still_be_dropped(sim: Simulator) -> None:
    """A receiver blocks at the first of ten that are ready for it.

    The other nine are the oldest, and go.
    """
    with ami_listen(
        sim, receivers={"Wait": "waits", "UserEvent": "note"}, event_queue_capacity=10
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call", Received=11)
        worker.wait_for_notes(1, "Wait")
        sim.emit("Wait", privilege="call", Received=31)
        sim.flood(count=8)
        worker.wait_for_notes(2, "Wait")
        sim.flood(count=20)
        worker.wait_for_notes(9)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers() == list(range(11, 20))
        assert worker.summary == (31, 11, 19, 1, 0, 0, 0)


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_important_events_go_last(sim: Simulator, policy: str) -> None:
    """Few of them in a flood, before, in and after it: none is lost, whatever the policy."""
    capacity, hangups = 20, 15
    options = {"event_queue_capacity": capacity, "overload_policy": policy}
    receivers = {"Wait": "waits", "UserEvent": "note", "Hangup": "note"}
    with ami_listen(sim, receivers=receivers, **options) as worker:
        worker.wait_for_out("ready")
        total = 1 + 3 * 1000 + hangups
        sim.emit("Wait", privilege="call", Received=total + 1)
        worker.wait_for_notes(1, "Wait")
        for first in range(0, hangups, 5):
            for number in range(first, first + 5):
                sim.emit("Hangup", Number=number)
            sim.flood(count=1000)
        worker.wait_for_notes(capacity - 1 - hangups)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers("Hangup") == list(range(hangups))
        assert worker.status["node_1"]["dropped_important"] == 0
        assert worker.numbers() == ([*range(996, 1000)] if policy == "drop_oldest" else [*range(4)])
        assert worker.summary == (total + 1, capacity, total - capacity, 1, 0, 0, 0)


def test_when_all_are_important_they_are_dropped_and_told_of(sim: Simulator) -> None:
    options = {"event_queue_capacity": 20, "important_events": ["userevent"]}
    with ami_listen(
        sim, receivers={"Wait": "waits", "UserEvent": "note", "Hangup": "note"}, **options
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call", Received=1 + 500 + 1000 + 1)
        worker.wait_for_notes(1, "Wait")
        sim.flood("Hangup", count=500)
        sim.flood(count=1000)
        worker.wait_for_notes(19)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers() == list(range(981, 1000))
        assert worker.status["node_1"]["dropped_important"] == 981
        assert worker.summary == (1502, 20, 1481, 1, 0, 0, 0)


# --- meanwhile ---


def test_answers_come_while_receivers_are_slow(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to an action comes past the queue of events, to the thread that waits for it."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.05)  # events that wait for room are dropped soon
    config = ServerConfig.from_url("node_1", sim.url, Options(event_queue_capacity=1000, **ALIVE))
    client = Client([config])
    released = threading.Event()
    client.subscribe("UserEvent", lambda _: released.wait(0.001))
    client.start()
    try:
        handle = client.server("node_1")
        wait_until(lambda: handle.ready)
        flood = sim.start_flood(count=20_000, rate=10_000)
        while not flood.done():
            assert handle.send(Ping(), timeout=5).result().ok
            assert handle.status().queued <= 1000
        released.set()
        wait_until(lambda: handle.status().received == 20_001 and not handle.status().queued)
        status = handle.status()
        assert (status.received, status.ignored, status.reconnects) == (20_001, 1, 0)
        assert status.delivered + status.dropped == 20_000
        assert status.dropped > 0
    finally:
        released.set()
        client.close()
