"""Asynchronous receivers of a listener share one event loop, from the first event to the end."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from django_ami import event_loop, signals
from django_ami.conf import Parallel
from django_ami.signals import events
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


def loop_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "django_ami-asyncio"]


def lane_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("django_ami-lane")]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_client_that_a_receiver_keeps_is_good_for_the_next_event(
    sim: Simulator, workers: int
) -> None:
    answers: list[bytes] = []
    kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    host, port = sim.url.rpartition("@")[2].split(":")

    async def on_event(**_: Any) -> None:
        if not kept:
            kept.append(await asyncio.open_connection(host, int(port.strip("/"))))
        reader, writer = kept[0]
        writer.write(b"Action: Login\r\nUsername: x\r\nSecret: y\r\n\r\n" if not answers else b"")
        answers.append(await reader.read(1))

    events["Newexten"].connect(on_event)
    with (
        event_loop.keeping(),
        listening(sim.url, parallel=Parallel(workers=workers)) as listener,
    ):
        listener.make_ready()
        for number in range(5):
            sim.emit("Newexten", Uniqueid="1.1", Linkedid="1.1", Number=number)
        listener.run_until(lambda: len(answers) == 5)
        assert all(answers)
        assert not listener.status.failed
        kept[0][1].close()


def test_a_task_of_a_receiver_goes_on_behind_its_event(sim: Simulator) -> None:
    done = threading.Event()
    tasks = []

    async def later() -> None:
        await asyncio.sleep(0.05)
        done.set()

    async def on_event(**_: Any) -> None:
        tasks.append(asyncio.create_task(later()))

    events["Newexten"].connect(on_event)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        sim.emit("Newexten")
        listener.run_until(done.is_set)


def test_the_queries_of_a_coroutine_run_on_the_thread_of_the_receivers(sim: Simulator) -> None:
    threads: list[threading.Thread] = []

    async def on_event(**_: Any) -> None:
        threads.append(await sync_to_async(threading.current_thread)())

    events["Newexten"].connect(on_event)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        sim.emit("Newexten")
        listener.run_until(lambda: threads)
        assert threads == [threading.current_thread()]


def test_the_loop_ends_with_the_listener_and_cancels_what_is_left(sim: Simulator) -> None:
    cancelled = threading.Event()
    tasks = []

    async def for_ever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    async def on_event(**_: Any) -> None:
        tasks.append(asyncio.create_task(for_ever()))

    events["Newexten"].connect(on_event)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        sim.emit("Newexten")
        listener.run_until(lambda: tasks)
    assert cancelled.is_set()
    wait_until(lambda: not loop_threads())


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "beside another one"])
def test_a_receiver_that_never_returns_is_named_and_its_event_left(
    sim: Simulator, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    hung: list[int] = []

    async def hangs(event: Any, **_: Any) -> None:
        hung.append(int(event["Number"]))
        await asyncio.sleep(3600)

    async def returns(**_: Any) -> None:
        pass

    for one in (hangs, returns)[:count]:
        events["Newexten"].connect(one)
    with (
        event_loop.keeping(),
        listening(sim.url, parallel=Parallel(3), receivers=signals.classes.receivers) as listener,
    ):
        listener.make_ready()
        for number in range(9):
            sim.emit("Newexten", Uniqueid=f"1.{number}", Number=number)
        listener.run_until(lambda: len(hung) == 3)
        wait_until(lambda: "hangs, which has been" in listener.client.receivers.slowest())
        listener.dispatcher.until = time.monotonic()
        tally = listener.client.inbox.tally["node_1"]
    wait_until(lambda: not lane_threads())
    (told,) = [one for one in caplog.messages if "has not returned" in one]
    assert "hangs, which has been running" in told
    assert not [one for one in caplog.messages if " raised " in one]
    assert tally.failed == 0


def test_a_listener_without_asynchronous_receivers_has_no_loop(sim: Simulator) -> None:
    seen: list[object] = []
    events["Newexten"].connect(lambda **_: seen.append(1), weak=False)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        sim.emit("Newexten")
        listener.run_until(lambda: seen)
        assert not loop_threads()


def test_receiver_that_stops_the_loop_does_not_end_it(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[str] = []

    async def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "0":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)
        got.append(event["Number"])

    events["Newexten"].connect(on_event)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        for number in range(3):
            sim.emit("Newexten", Uniqueid="1.1", Linkedid="1.1", Number=number)
        listener.run_until(lambda: got == ["0", "1", "2"])
    assert "has stopped the event loop of all" in caplog.text
    assert not loop_threads()


def test_loop_that_was_begun_again_goes_on_when_it_is_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()

    async def answer() -> str:
        return "here"

    loop = event_loop.EventLoop()
    for _ in range(2):
        loop.adopt()
        async_to_sync(stop)()
        assert async_to_sync(answer)() == "here"
        loop.end()
    assert caplog.text.count("has stopped the event loop of all") == 2
    assert not loop_threads()


def test_loop_that_is_stopped_at_every_event_is_told_of_three_times_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()

    loop = event_loop.EventLoop()
    loop.adopt()
    for _ in range(20):
        async_to_sync(stop)()
    loop.end()
    assert caplog.text.count("has stopped the event loop of all") == 3


def test_task_that_calls_exit_does_not_end_the_loop(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[str] = []

    async def ends() -> None:
        sys.exit(1)

    async def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "0":
            task = asyncio.create_task(ends())
            await asyncio.wait([task])
        got.append(event["Number"])

    events["Newexten"].connect(on_event)
    with event_loop.keeping(), listening(sim.url) as listener:
        listener.make_ready()
        for number in range(3):
            sim.emit("Newexten", Uniqueid="1.1", Linkedid="1.1", Number=number)
        listener.run_until(lambda: got == ["0", "1", "2"])
    assert "would have ended the event loop" in caplog.text
