"""django_ami's core from asyncio, as the README shows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from django_ami.core import Action, Client
from django_ami.core.actions import Ping
from tests.benchmarks.clients.measuring import (
    PATIENCE_SECONDS,
    Meter,
    latencies,
    run,
)
from tests.benchmarks.clients.ours import config, started
from tests.benchmarks.clients.tasks import wrong_of_tasks

if TYPE_CHECKING:
    from django_ami.core import Event


def ping(port: int, pings: int) -> dict[str, Any]:
    """One action after the other, each awaited."""

    async def work() -> list[float]:
        taken = []
        for _ in range(pings):
            begun = time.perf_counter()
            await client.send(Ping())
            taken.append(time.perf_counter() - begun)
        return taken

    with started(Client([config(port)], role="caller")) as client:
        meter = Meter(pings)
        taken = asyncio.run(work())
        meter.end()
    return meter.result(**latencies(taken))


def semaphore(port: int, actions: int, outstanding: int) -> dict[str, Any]:
    """A task for each action, and a semaphore."""

    async def send(name: str) -> Any:
        return await client.send(Action("Getvar", Variable=name))

    with started(Client([config(port)], role="caller")) as client:
        meter = Meter(actions)
        wrong = asyncio.run(wrong_of_tasks(send, actions, outstanding))
        meter.end()
    return meter.result(wrong=wrong)


def mixed(port: int, events: int, rate: float, pings: float) -> dict[str, Any]:
    """Events at a rate to a receiver, and pings of a coroutine at another one."""
    taken: list[float] = []

    async def work() -> dict[str, Any]:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        meter = Meter(events, lambda: loop.call_soon_threadsafe(over.set))

        def on_event(event: Event) -> None:
            _ = event.name, event["Uniqueid"], event["Channel"]
            meter.count()

        async def ping() -> None:
            while True:
                await asyncio.sleep(1 / pings)
                begun = time.perf_counter()
                await client.send(Ping())
                taken.append(time.perf_counter() - begun)

        client.subscribe(None, on_event)
        await client.send(Action("Pace", Count=str(events), Rate=str(rate)))
        pinging = asyncio.create_task(ping())
        await asyncio.wait_for(over.wait(), PATIENCE_SECONDS)
        pinging.cancel()
        return meter.result(**latencies(taken))

    with started(Client([config(port)])) as client:
        return asyncio.run(work())


if __name__ == "__main__":
    run((ping, semaphore, mixed))
