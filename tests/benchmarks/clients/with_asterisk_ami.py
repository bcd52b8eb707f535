"""asterisk-ami: a thread that reads and calls listeners."""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.benchmarks.clients.measuring import (
    PATIENCE_SECONDS,
    Meter,
    Pings,
    Stalling,
    check_channels,
    in_a_thread,
    latencies,
    rest,
    run,
    variable,
)
from tests.benchmarks.machine import rss_bytes
from tests.benchmarks.server import SECRET, USER

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from asterisk.ami import AMIClient, SimpleAction

if TYPE_CHECKING:
    from collections.abc import Iterator

warnings.filterwarnings("ignore", "notifyAll", DeprecationWarning)


@contextmanager
def _logged_in(port: int) -> Iterator[AMIClient]:
    client = AMIClient("127.0.0.1", port)
    answer = client.login(USER, SECRET).response
    assert answer is not None
    assert not answer.is_error(), answer
    # FullyBooted, which is no event of the flood, has gone by when this is answered.
    assert client.send_action(SimpleAction("Ping")).response is not None
    yield client
    # Not disconnected: that waits three seconds for a thread that ends with the process.


def flood(port: int, events: int) -> dict[str, Any]:
    meter = Meter(events)

    def on_event(event: Any, source: AMIClient) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    with _logged_in(port) as client:
        client.add_event_listener(on_event)
        meter.begin()
        client.send_action(SimpleAction("Flood", Count=events))
        return meter.wait()


def selective(port: int, events: int, hangups: int) -> dict[str, Any]:
    meter = Meter(hangups)

    def on_hangup(event: Any, source: AMIClient) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    with _logged_in(port) as client:
        client.add_event_listener(on_hangup, white_list="Hangup")
        meter.begin()
        client.send_action(SimpleAction("Flood", Count=events))
        return {**meter.wait(), "count": events}


@in_a_thread
def ping(port: int, pings: int, pause: float = 0) -> dict[str, Any]:
    return _ping(port, pings, pause)


def ping_from_main(port: int, pings: int) -> dict[str, Any]:
    return _ping(port, pings)


def _ping(port: int, pings: int, pause: float = 0) -> dict[str, Any]:
    taken = []
    with _logged_in(port) as client:
        meter = Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            assert client.send_action(SimpleAction("Ping")).response is not None
            taken.append(time.perf_counter() - begun)
            rest(pause)
        meter.end()
    return meter.result(**latencies(taken))


def pipeline(port: int, actions: int, outstanding: int, threads: int) -> dict[str, Any]:
    wrong = [0] * threads

    def is_wrong(asked: str, answer: Any) -> bool:
        response = answer.response
        return response is None or response.keys.get("Variable") != asked

    with _logged_in(port) as client:

        def work(thread: int) -> None:
            pending: deque[tuple[str, Any]] = deque()
            for number in range(thread, actions, threads):
                if len(pending) == outstanding // threads:
                    wrong[thread] += is_wrong(*pending.popleft())
                name = variable(number)
                pending.append((name, client.send_action(SimpleAction("Getvar", Variable=name))))
            for asked, answer in pending:
                wrong[thread] += is_wrong(asked, answer)

        workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
        meter = Meter(actions)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        meter.end()
    return meter.result(wrong=sum(wrong))


def channels(port: int, channels: int, times: int) -> dict[str, Any]:
    found: list[str] = []
    complete = threading.Event()

    def on_event(event: Any, source: AMIClient) -> None:
        # A list is no more than its events here: its caller collects them.
        if event.name == "CoreShowChannel":
            found.append(event["Channel"])
        elif event.name == "CoreShowChannelsComplete":
            complete.set()

    with _logged_in(port) as client:
        client.add_event_listener(on_event)
        meter = Meter(times)
        for _ in range(times):
            found.clear()
            complete.clear()
            client.send_action(SimpleAction("CoreShowChannels", Channels=channels))
            complete.wait(PATIENCE_SECONDS)
            check_channels(found, channels)
        meter.end()
    return meter.result()


def mixed(port: int, events: int, rate: float, pings: float) -> dict[str, Any]:
    meter = Meter(events)

    def on_event(event: Any, source: AMIClient) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    with _logged_in(port) as client:
        client.add_event_listener(on_event)
        pinging = Pings(lambda: client.send_action(SimpleAction("Ping")).response, pings)
        meter.begin()
        client.send_action(SimpleAction("Pace", Count=events, Rate=rate))
        pinging.start()
        return {**meter.wait(), **pinging.stop()}


def stalls(port: int, events: int, every: int, stall: float, timeout: float) -> dict[str, Any]:
    stalling = Stalling(every, stall)

    def on_event(event: Any, source: AMIClient) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        stalling.count()

    with _logged_in(port) as client:
        client.add_event_listener(on_event)
        client.send_action(SimpleAction("Flood", Count=events, Timeout=timeout))
        return stalling.result(events)


def memory(port: int, events: int) -> dict[str, Any]:
    return {**flood(port, events), "rss": rss_bytes()}


if __name__ == "__main__":
    run(
        (
            flood,
            selective,
            ping,
            ping_from_main,
            pipeline,
            channels,
            mixed,
            stalls,
            memory,
        )
    )
