"""django_ami's core, used as the README shows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from django_ami.core import Action, Client, Options, ServerConfig
from django_ami.core.actions import Ping
from django_ami.core.config import TLSConfig
from tests.benchmarks.clients.measuring import (
    PATIENCE_SECONDS,
    Meter,
    check_channels,
    in_a_thread,
    latencies,
    rest,
    run,
    variable,
)
from tests.benchmarks.server import SECRET, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core import Event

#: No flood is longer: all events are delivered, none is dropped.
_ENDLESS = 10_000_000


def known(**options: Any) -> dict[str, Any]:
    """The options that this build has: an older one has fewer."""
    names = {field.name for field in fields(Options)}
    return {name: value for name, value in options.items() if name in names}


def config(port: int, name: str = "pbx", *, tls: bool = False, **options: Any) -> ServerConfig:
    endless = known(event_queue_capacity=_ENDLESS, event_queue_bytes=2**36)
    made = Options(**{**endless, **options})
    encrypted = TLSConfig(verify=False) if tls else None
    return ServerConfig(
        name=name,
        host="127.0.0.1",
        port=port,
        username=USER,
        secret=SECRET,
        tls=encrypted,
        options=made,
    )


@contextmanager
def started(client: Client) -> Iterator[Client]:
    """A started client that is ready."""
    client.start()
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(server.ready for server in client.servers.values()):
            assert time.monotonic() < end, client.status()
            time.sleep(0.001)
        yield client
    finally:
        client.close()


def as_it_is(port: int) -> ServerConfig:
    """A server with the options as they are."""
    return ServerConfig(name="pbx", host="127.0.0.1", port=port, username=USER, secret=SECRET)


# --- events ---


def _flood(
    port: int, meter: Meter, events: int, name: str | None, function: Callable[[Event], None]
) -> dict[str, Any]:
    with started(Client([config(port)])) as client:
        # Not before: FullyBooted is no event of the flood.
        client.subscribe(name, function)
        meter.begin()
        client.send(Action("Flood", Count=str(events)))
        result = meter.wait()
        dropped = sum(status.dropped for status in client.status().values())
    return {**result, "count": events, "dropped": dropped}


def flood(port: int, events: int) -> dict[str, Any]:
    """Every event, and three headers of each."""
    meter = Meter(events)

    def on_event(event: Event) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    return _flood(port, meter, events, None, on_event)


def selective(port: int, events: int, hangups: int) -> dict[str, Any]:
    """Hangup alone."""
    meter = Meter(hangups)

    def on_hangup(event: Event) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        meter.count()

    return _flood(port, meter, events, "Hangup", on_hangup)


def full(port: int, events: int, view: str) -> dict[str, Any]:
    """Every header of every event, as ``headers`` or as ``as_dict`` gives them."""
    meter = Meter(events)

    def on_event(event: Event) -> None:
        _ = event.headers if view == "headers" else event.as_dict()
        meter.count()

    return _flood(port, meter, events, None, on_event)


# --- actions ---


@in_a_thread
def ping(port: int, pings: int, pause: float = 0, tls: bool = False) -> dict[str, Any]:
    """One action after the other, from a thread, so many seconds apart."""
    return _ping(port, pings, pause, tls)


def ping_from_main(port: int, pings: int) -> dict[str, Any]:
    """Like ``ping``, from the main thread."""
    return _ping(port, pings)


def _ping(port: int, pings: int, pause: float = 0, tls: bool = False) -> dict[str, Any]:
    taken = []
    with started(Client([config(port, tls=tls)], role="caller")) as client:
        meter = Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            client.send(Ping()).result(PATIENCE_SECONDS)
            taken.append(time.perf_counter() - begun)
            rest(pause)
        meter.end()
    return meter.result(**latencies(taken))


def ping_by_ticks(port: int, pings: int) -> dict[str, Any]:
    """Like ``ping``, from a loop of one's own, without any thread."""
    taken = []
    client = Client([config(port)], role="caller")
    try:
        first = client.send(Ping())
        while not first.done():
            client.tick(PATIENCE_SECONDS)
        meter = Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            pending = client.send(Ping())
            while not pending.done():
                client.tick(PATIENCE_SECONDS)
            pending.result()
            taken.append(time.perf_counter() - begun)
        meter.end()
    finally:
        client.close()
    return meter.result(**latencies(taken))


def pipeline(
    port: int, actions: int, outstanding: int, threads: int, tls: bool = False
) -> dict[str, Any]:
    """Actions from some threads, never more than ``outstanding`` unanswered.

    Each must get its own answer.
    """
    with started(Client([config(port, tls=tls)], role="caller")) as client:
        wrong = [0] * threads

        def work(thread: int) -> None:
            pending = deque()
            for number in range(thread, actions, threads):
                if len(pending) == outstanding // threads:
                    asked, answer = pending.popleft()
                    wrong[thread] += answer.result(PATIENCE_SECONDS)["Variable"] != asked
                name = variable(number)
                pending.append((name, client.send(Action("Getvar", Variable=name))))
            for asked, answer in pending:
                wrong[thread] += answer.result(PATIENCE_SECONDS)["Variable"] != asked

        workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
        meter = Meter(actions)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        meter.end()
    return meter.result(wrong=sum(wrong))


def pipeline_async(port: int, actions: int, outstanding: int) -> dict[str, Any]:
    """Like ``pipeline``, from asyncio."""

    async def work(client: Client) -> int:
        wrong = 0
        pending = deque()
        for number in range(actions):
            if len(pending) == outstanding:
                asked, answer = pending.popleft()
                wrong += (await answer)["Variable"] != asked
            name = variable(number)
            pending.append((name, client.send(Action("Getvar", Variable=name))))
        for asked, answer in pending:
            wrong += (await answer)["Variable"] != asked
        return wrong

    with started(Client([config(port)], role="caller")) as client:
        meter = Meter(actions)
        wrong = asyncio.run(work(client))
        meter.end()
    return meter.result(wrong=wrong)


def channels(port: int, channels: int, times: int) -> dict[str, Any]:
    """A list, and the name of each channel in it."""
    action = Action("CoreShowChannels", Channels=str(channels))
    with started(Client([config(port)], role="caller")) as client:
        meter = Meter(times)
        for _ in range(times):
            found = [
                event["Channel"] for event in client.send(action).result(PATIENCE_SECONDS).events
            ]
            check_channels(found, channels)
        meter.end()
    return meter.result()


if __name__ == "__main__":
    run(
        (
            flood,
            selective,
            full,
            ping,
            ping_from_main,
            ping_by_ticks,
            pipeline,
            pipeline_async,
            channels,
        )
    )
