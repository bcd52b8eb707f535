"""A coroutine polls for a single reply that comes at once; no other thread is woken for it."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.errors import ConnectionLost
from django_ami.core.reactor import leader, spin
from tests.core.io_support import (
    CALM,
    PATIENCE_SECONDS,
    config,
    leader_of,
    loop_of,
    ready,
    started,
    wait_until,
    with_leaders,
)
from tests.running import hold_pings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from django_ami.core.client import Client
    from django_ami.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_bugs"), with_leaders]


@pytest.fixture
def client(sim: Simulator) -> Iterator[Client]:
    with started(config(sim, **CALM)) as made:
        ready(made)
        yield made


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every single reply comes while a coroutine polls for it, however slow the machine is."""
    for module in (spin, leader):
        monkeypatch.setattr(module, "SPIN_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def polls(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that have polled, one for each time."""
    names: list[str] = []
    poll = leader_of(client).poll

    def noted(awaited: Any) -> None:
        names.append(threading.current_thread().name)
        poll(awaited)

    monkeypatch.setattr(leader_of(client), "poll", noted)
    return names


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE_SECONDS))


async def ping(client: Client, times: int = 1) -> None:
    for _ in range(times):
        assert (await client.send(Ping())).ok


def turners(client: Client, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The threads that look at the sockets from now on."""
    names: set[str] = set()
    turn = loop_of(client).run_once

    def noted(*arguments: Any, **more: Any) -> Any:
        names.add(threading.current_thread().name)
        return turn(*arguments, **more)

    monkeypatch.setattr(loop_of(client), "run_once", noted)
    return names


@pytest.mark.usefixtures("patient")
def test_coroutine_that_asks_again_and_again_reads_its_replies_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> set[str]:
        await ping(client, 5)
        names = turners(client, monkeypatch)
        await ping(client, 50)
        return set(names)

    assert "MainThread" in run(main())


@pytest.mark.usefixtures("patient")
def test_other_coroutines_run_between_the_actions_of_one_that_never_waits(client: Client) -> None:
    async def main() -> tuple[int, int]:
        steps = 0

        async def walk() -> None:
            nonlocal steps
            while True:
                steps += 1
                await asyncio.sleep(0)

        walking = asyncio.create_task(walk())
        await asyncio.sleep(0)
        before = steps
        await ping(client, 50)
        walking.cancel()
        return before, steps

    before, after = run(main())
    assert after - before >= 50


@pytest.mark.usefixtures("patient")
def test_coroutine_that_is_to_poll_lets_others_send_first(sim: Simulator, client: Client) -> None:
    sim.on("Slow").hang()

    async def main() -> None:
        waiting = [asyncio.create_task(awaited(client)) for _ in range(10)]
        await until(lambda: sum(one.name == "Slow" for one in sim.received) == len(waiting))
        for one in waiting:
            one.cancel()

    run(main())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  (nobody would tell)
        await asyncio.sleep(0.001)


async def awaited(client: Client) -> None:
    await client.send(Action("Slow"))


def test_reply_that_comes_later_lets_other_coroutines_run_meanwhile(
    sim: Simulator, client: Client, polls: list[str]
) -> None:
    sim.on("Slow").hang()

    async def main() -> None:
        waiting = asyncio.create_task(awaited(client))
        for _ in range(1_000):
            await asyncio.sleep(0)
        waiting.cancel()

    run(main())
    assert len(polls) <= 1


@pytest.fixture
def unforgiving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spin, "RETRY_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(spin, "LONGEST_RETRY_SECONDS", PATIENCE_SECONDS)


def test_reply_that_was_polled_for_in_vain_is_not_polled_for_again_for_a_while(
    unforgiving: None, sim: Simulator, client: Client, polls: list[str]
) -> None:
    sim.on("Slow").reply().after(0.02)

    async def main() -> None:
        for _ in range(20):
            await awaited(client)

    run(main())
    assert 1 <= len(polls) < 10  # a poll that finds the reactor thread in a turn is none


@pytest.mark.usefixtures("patient")
def test_main_thread_does_not_poll_while_its_handler_of_sigint_raises(
    client: Client, polls: list[str]
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    event_loop = asyncio.new_event_loop()
    try:
        event_loop.run_until_complete(ping(client, 20))
    finally:
        signal.signal(signal.SIGINT, before)
        event_loop.close()
    assert not polls


@pytest.mark.usefixtures("patient")
def test_coroutine_that_is_cancelled_before_it_polls_harms_nobody(
    sim: Simulator, client: Client
) -> None:
    answer = hold_pings(sim)

    async def main() -> None:
        pending = client.send(Ping())

        async def wait() -> None:
            await pending

        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        answer.set()
        assert (await pending).ok
        await ping(client, 5)

    run(main())


async def set_again_and_again(client: Client) -> None:
    """Until a coroutine polls: the reactor thread may be quicker now and then."""
    for number in itertools.count():
        await client.send(Action("Setvar", Variable="V", Value=str(number)))


class Raised(BaseException):
    """By the handler of a signal."""


@pytest.mark.usefixtures("patient")
def test_exception_from_outside_while_a_coroutine_polls_makes_the_connections_anew(
    sim: Simulator, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No action is sent twice: it is unknown what was done by then."""
    sim.on("Setvar").reply().after(0.05)
    exchange = client._cluster.servers["node_1"].session.exchange
    receive = exchange.receive
    armed = [True]

    def interrupted(data: bytes, now: float) -> Any:
        if armed and threading.current_thread() is threading.main_thread():
            armed.clear()
            raise Raised
        return receive(data, now)

    async def main() -> None:
        monkeypatch.setattr(exchange, "receive", interrupted)
        with pytest.raises((Raised, ConnectionLost)):
            await set_again_and_again(client)

    run(main())
    wait_until(lambda: client.status()["node_1"].reconnects == 1)
    ready(client)
    assert client.send(Ping()).result(PATIENCE_SECONDS).ok
    values = [action.get("Value") for action in sim.received if action.name == "Setvar"]
    assert values == [str(number) for number in range(len(values))]


def test_several_event_loops_and_threads_share_a_client(client: Client) -> None:
    failed: list[BaseException] = []

    def coroutines() -> None:
        run(_together(client, 5))

    def thread() -> None:
        for _ in range(200):
            assert client.send(Ping()).result(PATIENCE_SECONDS).ok

    def guarded(what: Any) -> None:
        try:
            what()
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(what,)) for what in (coroutines, thread) * 3]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE_SECONDS)
        assert not one.is_alive()
    assert not failed


async def _together(client: Client, count: int) -> None:
    await asyncio.gather(*(ping(client, 50) for _ in range(count)))
