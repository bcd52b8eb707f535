"""django_ami's core with more and more of something: each task gives the CPU that it takes."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Any

from django_ami.core import Action, Client
from django_ami.core.actions import Ping
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, run
from tests.benchmarks.clients.ours import config, started
from tests.benchmarks.machine import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core import Event


def _read(event: Event) -> None:
    _ = event.name, event.get("Uniqueid"), event.get("Channel")


def _other() -> Callable[[Event], None]:
    """A receiver that is none of the others."""
    return lambda event: _read(event)


def receivers(port: int, events: int, receivers: int) -> dict[str, Any]:
    """A flood, each of whose events goes to so many receivers."""
    meter = Meter(events)

    def on_event(event: Event) -> None:
        _read(event)
        meter.count()

    with started(Client([config(port)])) as client:
        for _ in range(receivers - 1):
            client.subscribe(None, _other())
        client.subscribe(None, on_event)
        meter.begin()
        client.send(Action("Flood", Count=str(events)))
        return meter.wait()


def wanted(port: int, events: int, hangups: int, names: int) -> dict[str, Any]:
    """A flood of which Hangup is wanted, and ``names`` less one that do not come."""
    meter = Meter(hangups)

    def on_hangup(event: Event) -> None:
        _read(event)
        meter.count()

    with started(Client([config(port)])) as client:
        for number in range(names - 1):
            client.subscribe(f"Absent{number}", _other())
        client.subscribe("Hangup", on_hangup)
        meter.begin()
        client.send(Action("Flood", Count=str(events)))
        return {**meter.wait(), "count": events}


def shaped(port: int, events: int, names: int, headers: int, every: bool) -> dict[str, Any]:
    """A flood of events of so many names and headers; three are read, or ``every`` one."""
    meter = Meter(events)

    def on_event(event: Event) -> None:
        if every:
            _ = event.headers
        else:
            _read(event)
        meter.count()

    with started(Client([config(port)])) as client:
        client.subscribe(None, on_event)
        meter.begin()
        wish = {"Count": str(events), "Names": str(names), "Headers": str(headers)}
        client.send(Action("Flood", **wish))
        return meter.wait()


def output(port: int, megabytes: int) -> dict[str, Any]:
    """A command with much output, and all of it as text."""
    with started(Client([config(port, max_frame_size=2**28)], role="caller")) as client:
        action = Action("Command", Command="core show channels", Megabytes=str(megabytes))
        meter = Meter(megabytes)
        answer = client.send(action, timeout=PATIENCE_SECONDS).result(PATIENCE_SECONDS)
        text = answer.output
        meter.end()
    assert len(text) > megabytes * 2**19, len(text)
    return meter.result()


def channels(port: int, channels: int) -> dict[str, Any]:
    """A list, which may be longer than the option says that it is by default."""
    made = config(port, max_list_items=channels + 1)
    with started(Client([made], role="caller")) as client:
        action = Action("CoreShowChannels", Channels=str(channels))
        meter = Meter(channels)
        answer = client.send(action, timeout=PATIENCE_SECONDS).result(PATIENCE_SECONDS)
        names = {event["Channel"] for event in answer.events}
        meter.end()
    assert len(names) == channels, len(names)
    return meter.result()


def threads(port: int, actions: int, threads: int) -> dict[str, Any]:
    """Threads that send one action after the other."""

    def work() -> None:
        for _ in range(actions // threads):
            client.send(Ping()).result(PATIENCE_SECONDS)

    with started(Client([config(port)], role="caller")) as client:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        meter = Meter(actions // threads * threads)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        meter.end()
    return meter.result()


def coroutines(port: int, actions: int, coroutines: int) -> dict[str, Any]:
    """Coroutines that send one action after the other."""

    async def work() -> None:
        for _ in range(actions // coroutines):
            await client.send(Ping())

    async def whole() -> None:
        await asyncio.gather(*(work() for _ in range(coroutines)))

    with started(Client([config(port)], role="caller")) as client:
        meter = Meter(actions // coroutines * coroutines)
        asyncio.run(whole())
        meter.end()
    return meter.result()


def servers(port: int, servers: int) -> dict[str, Any]:
    """Servers, from the start of the client until each is ready, and has answered a Ping."""
    raise_file_limit()
    made = [config(port, f"pbx_{number}") for number in range(servers)]
    meter = Meter(servers)
    client = Client(made)
    client.start()
    pending = [handle.send(Ping()) for handle in client.servers.values()]
    for one in pending:
        one.result(PATIENCE_SECONDS)
    meter.end()
    client.close()
    return meter.result()


def queued(port: int, events: int) -> dict[str, Any]:
    """Events that wait while nobody dispatches, and then are delivered."""
    client = Client([config(port)])
    meter = Meter(events)

    def on_event(event: Event) -> None:
        _read(event)
        meter.count()

    client.subscribe(None, on_event)
    client.start(dispatcher=False)
    end = time.monotonic() + PATIENCE_SECONDS
    while not client.server("pbx").ready:
        assert time.monotonic() < end, client.status()
        time.sleep(0.001)
    while client.dispatch(0.05):  # FullyBooted is no event of the flood
        pass
    gc.collect()
    meter.begin()
    client.send(Action("Flood", Count=str(events)))
    while client.status()["pbx"].queued < events:
        assert time.monotonic() < end, client.status()
        time.sleep(0.02)
    while meter.seen < events:
        client.dispatch(1.0)
    client.close()
    return meter.result()


if __name__ == "__main__":
    run(
        (
            receivers,
            wanted,
            shaped,
            output,
            channels,
            threads,
            coroutines,
            servers,
            queued,
        )
    )
