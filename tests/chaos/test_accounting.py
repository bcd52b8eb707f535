"""The account of each server, received = ignored + delivered + failed + dropped + queued, at any
moment, is right.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import pytest
from prometheus_client import CollectorRegistry

from django_ami import ami
from django_ami.contrib.prometheus import AmiCollector
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.cluster import backlog
from django_ami.testing import FakeAsterisk
from tests.chaos.support import LONG, ami_listen, settled
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.testing import Simulator

AMPLE_SECONDS = 600.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def other() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


# --- at any moment, in a client of this process ---


@dataclass
class Tally:
    """The events of the receivers, counted by themselves, by server."""

    begun: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    pause: Callable[[], object] = lambda: None

    def __call__(self, event: Any) -> None:
        self.begun[event.server] = self.begun.get(event.server, 0) + 1
        self.pause()
        self.done[event.server] = self.done.get(event.server, 0) + 1


class Sampler:
    """Looks at the status of every server again and again, from a thread of its own."""

    def __init__(self, client: Client, tally: Tally, capacity: int) -> None:
        self.samples: dict[str, list[Any]] = {name: [] for name in client.servers}
        self.wrong: list[object] = []
        self._client, self._tally, self._capacity = client, tally, capacity
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            for name in self.samples:
                self._look(name)

    def _look(self, name: str) -> None:
        done = self._tally.done.get(name, 0)
        one = self._client.status()[name]
        begun = self._tally.begun.get(name, 0)
        self.samples[name].append(one)
        if not (
            one.received == one.ignored + one.delivered + one.failed + one.dropped + one.queued
            and 0 <= one.queued <= self._capacity
            and done - 1 <= one.delivered <= begun
            and one.dropped_important <= one.dropped
        ):
            self.wrong.append((done, one, begun))

    def check(self) -> None:
        assert not self.wrong, self.wrong[:3]
        for samples in self.samples.values():
            assert len(samples) > 20
            for name in ("received", "ignored", "delivered", "dropped", "dropped_important"):
                assert all(
                    getattr(one, name) <= getattr(then, name) for one, then in pairwise(samples)
                ), name


#: Each time that a server is ready is told, however often that is.
EVERY_LINE = {"django_ami.tools.streams:FIRST_LINES": 100}


def metrics(client: Client) -> Counter[tuple[str | None, str]]:
    """The values of a scrape of this process, by server and name, whatever else they are by."""
    registry = CollectorRegistry()
    ami._adopt(client)
    try:
        registry.register(AmiCollector())
        values: Counter[tuple[str | None, str]] = Counter()
        for family in registry.collect():
            for one in family.samples:
                values[one.labels.get("server"), one.name] += int(one.value)
        return values
    finally:
        ami.close()  # that lets go of the client, and leaves it as it is


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_at_any_moment_of_a_flood(
    sim: Simulator, other: Simulator, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers, some events without a receiver, and receivers that are too slow for the rest."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.05)  # events that wait for room are dropped soon
    count, capacity = (60_000 if LONG else 10_000), 500
    options = Options(
        event_queue_capacity=capacity, overload_policy=policy, important_events=["hangup"]
    )
    sims = {"node_1": sim, "node_2": other}
    client = Client([ServerConfig.from_url(name, one.url, options) for name, one in sims.items()])
    released = threading.Event()
    tally = Tally(pause=lambda: released.wait(0.0005))
    for name in ("UserEvent", "Hangup"):
        client.subscribe(name, tally)
    client.start()
    try:
        with Sampler(client, tally, capacity) as sampler:
            wait_until(lambda: all(handle.ready for handle in client.servers.values()))
            floods = [
                one.start_flood(name, count=count, rate=5000, privilege="call")
                for one in sims.values()
                for name in ("UserEvent", "Newchannel", "Hangup")
            ]
            for flood in floods:
                assert flood.result(DEADLINE_SECONDS + count / 1000).total == count
            released.set()
            wait_until(
                lambda: all(one.received == 3 * count + 1 for one in client.status().values())
            )
            wait_until(lambda: not any(one.queued for one in client.status().values()))
        sampler.check()
        for name, one in client.status().items():
            wait_until(lambda name=name: sims[name].events_sent == 3 * count)
            assert (one.received, one.ignored, one.queued, one.reconnects) == (
                3 * count + 1,
                count + 1,
                0,
                0,
            )
            assert one.delivered == tally.done[name] == tally.begun[name]
            assert one.dropped == 2 * count - one.delivered
            assert one.dropped > 0
            said = metrics(client)
            for figure in ("received", "ignored", "delivered", "failed", "dropped"):
                assert said[name, f"ami_events_{figure}_total"] == getattr(one, figure)
            assert said[name, "ami_events_queued"] == 0
    finally:
        released.set()
        client.close()


# --- at the exit ---


def check_exit(worker: Any, sims: dict[str, Simulator], logins: dict[str, int]) -> None:
    """The exit line, the last status, the receivers' own count and the servers' own count are of
    one mind.
    """
    status, summary = worker.status, worker.summary
    assert set(status) == set(sims)
    for name, sim in sims.items():
        one, got = status[name], sum(note.server == name for note in worker.notes)
        # FullyBooted is an event, too, but no broadcast one.
        assert one["received"] == settled(sim) + logins[name], name
        assert (
            one["received"]
            == one["ignored"] + one["delivered"] + one["failed"] + one["dropped"] + one["queued"]
        )
        assert one["delivered"] == got
        assert one["reconnects"] == logins[name] - 1
    for name in summary._fields:
        key = "queued" if name == "left" else name
        assert getattr(summary, name) == sum(one[key] for one in status.values()), name


def test_two_servers_ignored_events_and_drops(sim: Simulator, other: Simulator) -> None:
    options = {"event_queue_capacity": 200}
    patches = {
        "django_ami.core.cluster.backlog:PACE_SECONDS": 0.05
    }  # events that wait for room are dropped soon
    with ami_listen(
        sim,
        other,
        receivers={"UserEvent": "sleeps 0.003"},
        arguments=("--all",),
        patches=patches,
        **options,
    ) as worker:
        wait_until(lambda: len(worker.out) == 2, what=str(worker))
        floods = [
            one.start_flood(name, count=count, rate=10_000)
            for one, count in ((sim, 5000), (other, 3000))
            for name in ("UserEvent", "Newchannel", "Hangup")
        ]
        for flood in floods:
            flood.result(DEADLINE_SECONDS)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        check_exit(worker, {"node_1": sim, "node_2": other}, {"node_1": 1, "node_2": 1})
        status = worker.status
        assert (status["node_1"]["ignored"], status["node_2"]["ignored"]) == (10_001, 6001)
        assert all(one["dropped"] > 0 for one in status.values())
        for server, count in (("node_1", 5000), ("node_2", 3000)):
            numbers = worker.numbers(server=server)
            assert all(one < then for one, then in pairwise(numbers))
            assert set(numbers) <= set(range(count))


def test_everything_is_received_by_a_receiver_of_every_event(sim: Simulator) -> None:
    with ami_listen(sim, receivers={"*": "note"}) as worker:
        worker.wait_for_out("ready")
        sim.run_traffic(30)
        sim.wait_for(lambda: sim.events_sent > 1000, timeout=DEADLINE_SECONDS)
        sim.stop_traffic()
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        check_exit(worker, {"node_1": sim}, {"node_1": 1})
        assert worker.summary.ignored == worker.summary.dropped == 0


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_with_reconnects_in_between(sim: Simulator, policy: str) -> None:
    """Five times the link is cut in the middle of a flood, after what the server had written."""
    cuts, options = 5, {"event_queue_capacity": 1000, "overload_policy": policy}
    with ami_listen(
        sim, receivers={"UserEvent": "sleeps 0.0005"}, patches=EVERY_LINE, **options
    ) as worker:
        worker.wait_for_out("ready")
        for cut in range(cuts):
            before = sim.events_sent
            sim.start_flood(count=10_000_000, rate=10_000)
            sim.wait_for(
                lambda before=before: sim.events_sent > before + 1000, timeout=DEADLINE_SECONDS
            )
            sim.drop()
            wait_until(lambda cut=cut: len(worker.out) == cut + 2, what=str(worker))
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert sim.events_sent > 5000
        check_exit(worker, {"node_1": sim}, {"node_1": cuts + 1})
        assert sim.logins == cuts + 1


def test_one_of_two_servers_comes_and_goes(sim: Simulator, other: Simulator) -> None:
    """The other one's events are as if it were alone: all there, in their order."""
    with ami_listen(
        sim, other, receivers={"UserEvent": "note"}, arguments=("--all",), patches=EVERY_LINE
    ) as worker:
        wait_until(lambda: len(worker.out) == 2, what=str(worker))
        steady = sim.start_flood(count=5000, rate=5000)
        for cut in range(3):
            before = other.events_sent
            other.start_flood(count=10_000_000, rate=5000)
            other.wait_for(
                lambda before=before: other.events_sent > before + 200, timeout=DEADLINE_SECONDS
            )
            other.drop()
            wait_until(lambda cut=cut: len(worker.out) == cut + 3, what=str(worker))
        assert steady.result(DEADLINE_SECONDS).total == 5000
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        check_exit(worker, {"node_1": sim, "node_2": other}, {"node_1": 1, "node_2": 4})
        assert worker.numbers() == list(range(5000))
        assert worker.summary.dropped == 0


def test_left_events_are_counted_of_each_server(sim: Simulator, other: Simulator) -> None:
    """A receiver of one server blocks; the events in both queues are left."""
    receivers, arguments = {"Wait": "blocks", "UserEvent": "note"}, ("--all", "--drain-timeout=1.5")
    with ami_listen(
        sim, other, receivers=receivers, arguments=arguments, event_queue_capacity=300
    ) as worker:
        wait_until(lambda: len(worker.out) == 2, what=str(worker))
        sim.emit("Wait", privilege="call")
        worker.wait_for_notes(1, "Wait")
        for one in (sim, other):
            one.flood(count=1000)
        assert worker.stop(signal.SIGTERM, 1.5) == 4, str(worker)
        assert worker.summary == (settled(sim) + settled(other) + 2, 0, 1401, 2, 600, 0, 0)
