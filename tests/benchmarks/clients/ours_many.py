"""django_ami's core with many servers, and its memory."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from django_ami.core import Action, Client
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, run
from tests.benchmarks.clients.ours import config, started
from tests.benchmarks.machine import cpu_seconds, raise_file_limit, rss_bytes, wakeups

if TYPE_CHECKING:
    from django_ami.core import Event


def _many(port: int, servers: int) -> Client:
    return Client([config(port, f"pbx_{number}") for number in range(servers)])


def idle(port: int, servers: int, seconds: float) -> dict[str, Any]:
    """Many servers where nothing happens.

    They cost heartbeats alone, so one should be due meanwhile.
    """
    raise_file_limit()
    gc.collect()
    before = rss_bytes()
    with started(_many(port, servers)) as client:
        client.subscribe("Hangup", lambda _: None)
        time.sleep(1)  # logged in is one thing, and at rest another
        memory = rss_bytes() - before
        cpu, woken, begun = cpu_seconds(), wakeups(), time.perf_counter()
        time.sleep(seconds)
        lasted = time.perf_counter() - begun
        result = {
            "cpu": cpu_seconds() - cpu,
            "wakeups": wakeups() - woken,
            "seconds": lasted,
            "memory": memory,
        }
        lost = sum(status.failures for status in client.status().values())
    assert not lost, f"{lost} servers were lost meanwhile"
    return {**result, "count": servers}


def busy(port: int, servers: int, rate: float, seconds: float) -> dict[str, Any]:
    """Many servers with ``rate`` events per second each."""
    raise_file_limit()
    each = int(rate * seconds)
    meter = Meter(each * servers)

    def on_event(event: Event) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    with started(_many(port, servers)) as client:
        client.subscribe(None, on_event)
        meter.begin()
        for handle in client.servers.values():
            handle.send(Action("Pace", Rate=str(rate), Count=str(each)))
        return meter.wait()


def memory(port: int, events: int) -> dict[str, Any]:
    """A flood, with the options as they are.

    The queue is bounded, so that what is too much is dropped and counted.
    """
    seen = Meter()

    def on_event(event: Event) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        seen.seen += 1

    with started(Client([config(port, event_queue_capacity=10_000)])) as client:
        client.subscribe(None, on_event)
        client.send(Action("Flood", Count=str(events)))
        end = time.monotonic() + PATIENCE_SECONDS
        while (status := client.status()["pbx"]).received < events or status.queued:
            assert time.monotonic() < end, status
            time.sleep(0.02)
        return {"rss": rss_bytes(), "dropped": status.dropped, "count": events}


def queued(port: int, events: int) -> dict[str, Any]:
    """The memory of each event that waits."""
    client = Client([config(port)])
    client.subscribe(None, lambda _: None)
    client.start(dispatcher=False)
    end = time.monotonic() + PATIENCE_SECONDS
    while not client.server("pbx").ready:
        assert time.monotonic() < end, client.status()
        time.sleep(0.001)
    gc.collect()
    before = rss_bytes()
    client.send(Action("Flood", Count=str(events)))
    while client.status()["pbx"].queued < events:
        assert time.monotonic() < end, client.status()
        time.sleep(0.02)
    took = rss_bytes() - before
    client.close()
    return {"memory": took, "count": events}


if __name__ == "__main__":
    run((idle, busy, memory, queued))
