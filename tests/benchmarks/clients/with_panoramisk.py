"""panoramisk: asyncio, one callback per pattern of names."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from panoramisk import Manager

from tests.benchmarks.clients.measuring import (
    PATIENCE_SECONDS,
    Meter,
    Stalling,
    check_channels,
    in_a_thread,
    latencies,
    run,
    variable,
)
from tests.benchmarks.clients.tasks import wrong_of_tasks
from tests.benchmarks.machine import rss_bytes
from tests.benchmarks.server import SECRET, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def _run(
    port: int, work: Callable[[Manager], Coroutine[Any, Any, dict[str, Any]]]
) -> dict[str, Any]:
    """Do the work with a manager that is connected and logged in."""

    async def whole() -> dict[str, Any]:
        # No pings of its own, lest they be measured.
        manager = Manager(
            host="127.0.0.1", port=port, username=USER, secret=SECRET, ping_delay=3600
        )
        manager.loop = asyncio.get_running_loop()
        await manager.connect()
        assert (await manager.authenticated_future).success
        result = await asyncio.wait_for(work(manager), PATIENCE_SECONDS)
        manager.close()
        return result

    return asyncio.run(whole())


def flood(port: int, events: int) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        over = asyncio.Event()
        meter = Meter(events, over.set)

        def on_event(_: Manager, message: Any) -> None:
            _ = message["Event"], message["Uniqueid"], message["Channel"]
            meter.count()

        manager.register_event("*", on_event)
        manager.send_action({"Action": "Flood", "Count": events})
        await over.wait()
        return meter.result()

    return _run(port, work)


def selective(port: int, events: int, hangups: int) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        over = asyncio.Event()
        meter = Meter(hangups, over.set)

        def on_hangup(_: Manager, message: Any) -> None:
            _ = message["Event"], message["Uniqueid"], message["Channel"]
            meter.count()

        manager.register_event("Hangup", on_hangup)
        manager.send_action({"Action": "Flood", "Count": events})
        await over.wait()
        return {**meter.result(), "count": events}

    return _run(port, work)


@in_a_thread
def ping(port: int, pings: int, pause: float = 0) -> dict[str, Any]:
    return _ping(port, pings, pause)


def ping_from_main(port: int, pings: int) -> dict[str, Any]:
    return _ping(port, pings)


def _ping(port: int, pings: int, pause: float = 0) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        taken = []
        meter = Meter(pings)
        for _ in range(pings):
            begun = time.perf_counter()
            await manager.send_action({"Action": "Ping"})
            taken.append(time.perf_counter() - begun)
            if pause:
                await asyncio.sleep(pause)
        meter.end()
        return meter.result(**latencies(taken))

    return _run(port, work)


def pipeline(port: int, actions: int, outstanding: int) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        wrong = 0
        pending: deque[tuple[str, Any]] = deque()
        meter = Meter(actions)
        for number in range(actions):
            if len(pending) == outstanding:
                asked, answer = pending.popleft()
                wrong += (await answer)["Variable"] != asked
            name = variable(number)
            pending.append((name, manager.send_action({"Action": "Getvar", "Variable": name})))
        for asked, answer in pending:
            wrong += (await answer)["Variable"] != asked
        meter.end()
        return meter.result(wrong=wrong)

    return _run(port, work)


def semaphore(port: int, actions: int, outstanding: int) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        async def send(name: str) -> Any:
            return await manager.send_action({"Action": "Getvar", "Variable": name})

        meter = Meter(actions)
        wrong = await wrong_of_tasks(send, actions, outstanding)
        meter.end()
        return meter.result(wrong=wrong)

    return _run(port, work)


def channels(port: int, channels: int, times: int) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        meter = Meter(times)
        for _ in range(times):
            messages = await manager.send_action(
                {"Action": "CoreShowChannels", "Channels": channels}
            )
            check_channels([message["Channel"] for message in messages[1:-1]], channels)
        meter.end()
        return meter.result()

    return _run(port, work)


def mixed(port: int, events: int, rate: float, pings: float) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        over, taken = asyncio.Event(), []
        meter = Meter(events, over.set)

        def on_event(_: Manager, message: Any) -> None:
            _ = message["Event"], message["Uniqueid"], message["Channel"]
            meter.count()

        async def ping() -> None:
            while True:
                await asyncio.sleep(1 / pings)
                begun = time.perf_counter()
                await manager.send_action({"Action": "Ping"})
                taken.append(time.perf_counter() - begun)

        manager.register_event("*", on_event)
        manager.send_action({"Action": "Pace", "Count": events, "Rate": rate})
        pinging = asyncio.create_task(ping())
        await over.wait()
        pinging.cancel()
        return meter.result(**latencies(taken))

    return _run(port, work)


def stalls(port: int, events: int, every: int, stall: float, timeout: float) -> dict[str, Any]:
    async def work(manager: Manager) -> dict[str, Any]:
        stalling = Stalling(every, stall)

        def on_event(_: Manager, message: Any) -> None:
            _ = message["Event"], message["Uniqueid"], message["Channel"]
            stalling.count()

        manager.register_event("*", on_event)
        manager.send_action({"Action": "Flood", "Count": events, "Timeout": timeout})
        return await asyncio.to_thread(stalling.result, events)

    return _run(port, work)


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
            semaphore,
            channels,
            mixed,
            stalls,
            memory,
        )
    )
