"""The same promise in an event loop: ``await pending``."""

from __future__ import annotations

import asyncio

import pytest

from django_ami.core.actions import Action, Command, Ping
from django_ami.core.client import Client
from django_ami.core.errors import ActionFailed, ActionTimeout, ConnectionFailed, WouldBlock
from django_ami.testing import Simulator
from tests.core.client.test_client import echo
from tests.core.io_support import config, started

pytestmark = pytest.mark.usefixtures("no_bugs")


def test_two_hundred_at_once_get_each_their_own_answer(sim: Simulator) -> None:
    sim.on("Echo").raw(echo).after(lambda action: (hash(action.get("Value")) % 20) / 1000)

    async def ask(client: Client, value: str) -> str:
        return (await client.send(Action("Echo", Value=value)))["Echo"]

    async def main(client: Client) -> list[str]:
        return await asyncio.gather(*(ask(client, str(number)) for number in range(200)))

    with started(config(sim), role="caller", connect=False) as client:
        assert asyncio.run(main(client)) == [str(number) for number in range(200)]
    assert sim.logins == 1


def test_errors_are_raised_by_await(sim: Simulator) -> None:
    sim.on("Command").fail("no")
    sim.on("Ping").hang()

    async def main(client: Client) -> None:
        with pytest.raises(ActionFailed, match="refused: no"):
            await client.send(Command("x"))
        with pytest.raises(ActionTimeout):
            await client.send(Ping(), timeout=0.1)

    with started(config(sim), role="caller", connect=False) as client:
        asyncio.run(main(client))


def test_wait_for_a_settled_action_returns_at_once(sim: Simulator) -> None:
    async def main(client: Client) -> str:
        pending = client.send(Ping())
        first = await pending
        assert pending.result() is first  # done: this does not block
        assert await pending is first
        return first["Ping"]

    with started(config(sim), role="caller", connect=False) as client:
        assert asyncio.run(main(client)) == "Pong"


def test_several_may_await_the_same(sim: Simulator) -> None:
    async def main(client: Client) -> None:
        pending = client.send(Ping())

        async def wait() -> object:
            return await pending

        answers = await asyncio.gather(wait(), wait(), wait())
        assert len(set(map(id, answers))) == 1

    with started(config(sim), role="caller", connect=False) as client:
        asyncio.run(main(client))


def test_blocking_in_a_loop_is_refused_and_await_named(sim: Simulator) -> None:
    sim.on("Ping").hang()

    async def main(client: Client) -> None:
        pending = client.send(Ping(), timeout=1)
        for wait in (pending.result, pending.exception):
            with pytest.raises(WouldBlock, match="'await pending'"):
                wait(5)
        with pytest.raises(ActionTimeout):
            await pending

    with started(config(sim), role="caller", connect=False) as client:
        asyncio.run(main(client))


def test_in_a_thread_beside_the_loop_one_may_block(sim: Simulator) -> None:
    async def main(client: Client) -> str:
        pending = client.send(Ping())
        return (await asyncio.to_thread(pending.result, 20))["Ping"]

    with started(config(sim), role="caller", connect=False) as client:
        assert asyncio.run(main(client)) == "Pong"


def test_asyncios_own_ways_work_too(sim: Simulator) -> None:
    async def main(client: Client) -> None:
        assert (await asyncio.wrap_future(client.send(Ping()))).ok
        sim.on("Ping").hang()
        pending = client.send(Ping(), timeout=0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pending
        assert not pending.done()  # the waiting coroutine gave up; the action did not
        with pytest.raises(ActionTimeout, match="it was sent"):
            await pending

    with started(config(sim), role="caller", connect=False) as client:
        asyncio.run(main(client))


def test_an_answer_to_a_loop_that_is_gone_disturbs_nobody(sim: Simulator) -> None:
    sim.on("Ping").after(0.2).once()

    async def main(client: Client) -> object:
        pending = client.send(Ping())
        waiting = asyncio.ensure_future(asyncio.wait_for(pending, 0.05))
        with pytest.raises(TimeoutError):
            await waiting
        return pending

    with started(config(sim), role="caller", connect=False) as client:
        pending = asyncio.run(main(client))
        assert pending.result(20).ok
        assert client.send(Ping()).result(20).ok


def test_closing_ends_an_await(sim: Simulator) -> None:
    async def main(client: Client) -> None:
        pending = client.send(Ping())
        await asyncio.to_thread(client.close)
        with pytest.raises(ConnectionError):
            await pending
        with pytest.raises(ConnectionFailed):
            await client.send(Ping())

    sim.on("Ping").hang()
    with started(config(sim), role="caller", connect=False) as client:
        asyncio.run(main(client))
