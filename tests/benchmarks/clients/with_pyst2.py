"""pyst2: four threads and three queues per connection. It is slow, so it is given little to do."""

from __future__ import annotations

import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.benchmarks.clients.measuring import (
    PATIENCE_SECONDS,
    Meter,
    check_channels,
    in_a_thread,
    latencies,
    run,
    variable,
)
from tests.benchmarks.server import SECRET, USER

warnings.simplefilter("ignore")
from asterisk import manager  # noqa: E402  (old words for threads are used while it is loaded, too)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _logged_in(port: int) -> Iterator[manager.Manager]:
    client = manager.Manager()
    client.connect("127.0.0.1", port)
    client.login(USER, SECRET)
    client.ping()  # FullyBooted, which is no event of the flood, has gone by when this is answered
    yield client
    # Not closed: that waits for threads which do not always end.


def _flood(port: int, meter: Meter, name: str, events: int) -> dict[str, Any]:
    def on_event(event: Any, _: manager.Manager) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    with _logged_in(port) as client:
        time.sleep(0.1)  # another thread hands FullyBooted on
        client.register_event(name, on_event)
        meter.begin()
        client.send_action({"Action": "Flood", "Count": events})
        return {**meter.wait(), "count": events}


def flood(port: int, events: int) -> dict[str, Any]:
    return _flood(port, Meter(events), "*", events)


def selective(port: int, events: int, hangups: int) -> dict[str, Any]:
    return _flood(port, Meter(hangups), "Hangup", events)


@in_a_thread
def ping(port: int, pings: int) -> dict[str, Any]:
    taken = []
    with _logged_in(port) as client:
        meter = Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            client.send_action({"Action": "Ping"})
            taken.append(time.perf_counter() - begun)
        meter.end()
    return meter.result(**latencies(taken))


def pipeline(port: int, actions: int, outstanding: int, threads: int) -> dict[str, Any]:
    """An action blocks its thread, so there are as many threads as there may be actions
    outstanding.
    """
    wrong = [0] * outstanding
    with _logged_in(port) as client:

        def work(thread: int) -> None:
            for number in range(thread, actions, outstanding):
                name = variable(number)
                answer = client.send_action({"Action": "Getvar", "Variable": name})
                wrong[thread] += answer.get_header("Variable") != name

        workers = [
            threading.Thread(target=work, args=(thread,), daemon=True)
            for thread in range(outstanding)
        ]
        meter = Meter(actions)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE_SECONDS)
        meter.end()
    return meter.result(wrong=sum(wrong))


def channels(port: int, channels: int, times: int) -> dict[str, Any]:
    found: list[str] = []
    complete = threading.Event()

    with _logged_in(port) as client:
        client.register_event("CoreShowChannel", lambda event, _: found.append(event["Channel"]))
        client.register_event("CoreShowChannelsComplete", lambda *_: complete.set())
        meter = Meter(times)
        for _ in range(times):
            found.clear()
            complete.clear()
            client.send_action({"Action": "CoreShowChannels", "Channels": channels})
            complete.wait(PATIENCE_SECONDS)
            check_channels(found, channels)
        meter.end()
    return meter.result()


if __name__ == "__main__":
    run((flood, selective, ping, pipeline, channels))
