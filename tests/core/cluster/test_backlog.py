"""Events that do not fit into the queue wait while receivers are quick enough, and reading pauses
for a moment.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Ping
from django_ami.core.cluster import backlog
from django_ami.core.config import TLSConfig
from django_ami.core.messages import Event
from django_ami.testing import FakeAsterisk, Limits
from tests.core.io_support import Authority, Recorder, config, ready, started, unread, wait_until

if TYPE_CHECKING:
    from django_ami.core.client import Client

pytestmark = pytest.mark.usefixtures("no_bugs")


class Paced:
    """A receiver that has so many events at a time, and no more until ``let`` says so."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._may = threading.Semaphore(0)

    def __call__(self, event: Event) -> None:
        assert self._may.acquire(timeout=60)
        self.numbers.append(int(event["Number"]))

    def let(self, count: int) -> None:
        self._may.release(count)


def server(client: Client) -> Any:
    return client._cluster.servers["node_1"]


def test_burst_loses_no_event_and_reading_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty times as many as the queue has room for, and receivers that have some whenever it is
    looked.
    """
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)  # this machine may be slow
    monkeypatch.setattr(backlog, "READ_BYTES_PER_SECOND", 1.0)
    paced = Paced()
    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=100)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sim.flood("Burst", count=5000, Data="x" * 400)
        wait_until(lambda: server(client)._link._pausing)
        wait_until(lambda: unread(client) > 0)
        assert client.status()["node_1"].queued == 100
        received = client.status()["node_1"].received
        assert client.send(Ping()).result(20).ok, (
            "who waits for an answer has it, whatever is in front of it"
        )
        assert client.status()["node_1"].received == received, "there was no room"
        for count in range(0, 5000, 100):
            paced.let(100)
            wait_until(lambda count=count: len(paced.numbers) == count + 100)
        assert paced.numbers == list(range(5000))
        wait_until(lambda: not client.status()["node_1"].queued)
        status = client.status()["node_1"]
        assert (status.received, status.delivered, status.dropped, status.ignored) == (
            5001,
            5000,
            0,
            1,
        )
        wait_until(lambda: not server(client)._link._pausing)


def test_over_tls_too(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """Bytes that TLS has read ahead wake no selector: they are read when the pause is over."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)
    paced = Paced()
    options: dict[str, Any] = {
        "tls": TLSConfig(ca_file=authority.ca_file),
        "event_queue_capacity": 100,
    }
    with FakeAsterisk(tls=authority.loopback.tls) as sim, started(config(sim, **options)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sim.flood("Burst", count=5000)
        wait_until(lambda: server(client)._backlog.waiting)
        paced.let(5000)
        wait_until(lambda: len(paced.numbers) == 5000)
        assert client.status()["node_1"].dropped == 0


def test_a_notice_comes_behind_the_events_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has written more than there is room for, and hung up.

    All is delivered, and then the loss is told.
    """
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)
    paced, lost = Paced(), Recorder()
    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=50)) as client:
        client.subscribe("Burst", paced)
        client.on_lost(lambda *_: lost(len(paced.numbers)))
        ready(client)
        sim.flood("Burst", count=300)
        sim.drop()
        wait_until(lambda: sim.logins == 2)
        ready(client)
        sim.flood("Burst", count=10)
        paced.let(310)
        wait_until(lambda: len(paced.numbers) == 310)
        assert paced.numbers == [*range(300), *range(10)]
        assert lost.firsts == [300]
        assert client.status()["node_1"].dropped == 0


def test_a_receiver_that_pauses_once() -> None:
    """As one does that connects to its database again: it is not too slow for that."""
    numbers: list[int] = []

    def pauses_once(event: Event) -> None:
        if len(numbers) == 50:
            time.sleep(1.2)
        numbers.append(int(event["Number"]))

    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=100)) as client:
        client.subscribe("Burst", pauses_once)
        ready(client)
        sim.flood("Burst", count=5000)
        wait_until(lambda: client.status()["node_1"].received == 5001)
        wait_until(lambda: not client.status()["node_1"].queued)
        assert client.status()["node_1"].dropped == 0
        assert numbers == list(range(5000))


def test_receivers_that_are_slow_come_to_the_end_of_a_burst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They need ten times as long as the backlog is patient while it grows: it does not grow."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.5)
    monkeypatch.setattr(backlog, "PATIENCE_SECONDS", 0.1)
    numbers: list[int] = []

    def slow(event: Event) -> None:
        time.sleep(0.001)
        numbers.append(int(event["Number"]))

    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=100)) as client:
        client.subscribe("Burst", slow)
        ready(client)
        sim.flood("Burst", count=1000)
        wait_until(lambda: len(numbers) + client.status()["node_1"].dropped == 1000)
        assert numbers == list(range(1000))


def test_receivers_that_are_too_slow_for_the_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    """They do some all the time, but more comes than they do: the policy drops it."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.05)
    paced = Paced()
    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=100)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sent = 0

        def dropped() -> int:
            nonlocal sent
            paced.let(1)
            sim.flood("Burst", count=50)
            sent += 50
            return client.status()["node_1"].dropped

        wait_until(dropped)
        sim.flood("Burst", count=500)
        wait_until(lambda: client.status()["node_1"].received == sent + 501)
        paced.let(sent + 500)
        wait_until(lambda: not client.status()["node_1"].queued)
        assert paced.numbers[-90:] == list(range(410, 500)), "but for those that were handed over"
        # It is over when all fits again: the next burst waits, too.
        sim.flood("Burst", count=50)
        wait_until(lambda: client.status()["node_1"].received == sent + 551)
        before = client.status()["node_1"].dropped
        sim.flood("Burst", count=400)
        wait_until(lambda: client.status()["node_1"].delivered + before == sent + 950)
        assert client.status()["node_1"].dropped == before


@pytest.mark.parametrize("capacity", [100, 10_000], ids=["by number", "by bytes"])
def test_burst_of_large_events_loses_none(monkeypatch: pytest.MonkeyPatch, capacity: int) -> None:
    """There are more bytes than the queue may have, and than may wait at a time.

    But never more than both.
    """
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)
    monkeypatch.setattr(backlog, "READ_BYTES_PER_SECOND", 1.0)
    paced = Paced()
    options = {"event_queue_capacity": capacity, "event_queue_bytes": 2_000_000}
    with FakeAsterisk() as sim, started(config(sim, **options)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sim.start_flood("Burst", count=5000, Data="x" * 1000)
        wait_until(lambda: server(client)._link._pausing)
        for count in range(0, 5000, 100):
            paced.let(100)
            wait_until(lambda count=count: len(paced.numbers) == count + 100)
        assert paced.numbers == list(range(5000))
        assert client.status()["node_1"].dropped == 0


def test_waiting_events_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)
    paced = Paced()
    options = {"event_queue_capacity": 10, "event_queue_bytes": 400_000}
    with FakeAsterisk() as sim, started(config(sim, **options)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sim.flood("Burst", count=100, Data="x" * 4000)
        wait_until(lambda: client.status()["node_1"].dropped > 0)
        paced.let(100)
        wait_until(lambda: client.status()["node_1"].received == 101)


def test_stop_drops_events_that_still_have_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """And counts it: nobody would come by again."""
    monkeypatch.setattr(backlog, "PACE_SECONDS", 60.0)
    paced = Paced()
    with FakeAsterisk() as sim, started(config(sim, event_queue_capacity=50)) as client:
        client.subscribe("Burst", paced)
        ready(client)
        sim.flood("Burst", count=300)
        wait_until(lambda: server(client)._backlog.waiting)
        wait_until(lambda: sim.events_sent == 300)
        client.begin_close(0.2)
        wait_until(lambda: client.status()["node_1"].received == 301)
        assert client.status()["node_1"].queued + client.status()["node_1"].dropped == 300
        paced.let(300)


@pytest.mark.long
def test_a_busy_server_is_read_in_time() -> None:
    """It cuts whoever lets it wait for 100 ms, and writes 4.6 MB/s, five times as much as the
    receivers take.
    """

    def slow(_: object) -> None:
        time.sleep(0.002)

    with (
        FakeAsterisk(limits=Limits(writetimeout=0.1)) as sim,
        started(config(sim, event_queue_capacity=500)) as client,
    ):
        client.subscribe("Burst", slow)
        ready(client)
        # The system of the server holds 4 MB on one machine: it is full after a second.
        server(client)._link.transport._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16
        )
        sim.flood("Burst", count=3500, rate=2300, Data="x" * 1900)
        wait_until(lambda: client.status()["node_1"].received == 3501)
        assert client.status()["node_1"].reconnects == 0
