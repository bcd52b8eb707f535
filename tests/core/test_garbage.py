"""An action that is settled is gone when nobody has it any more, without the help of the garbage
collector.

That one comes by when it likes, in a worker perhaps hours later; and the answer may be a list of
200,000 items.
"""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Action, Ping, QueueStatus
from django_ami.core.errors import AmiError
from django_ami.core.pending import PendingAction
from django_ami.testing import FakeAsterisk
from tests.core.io_support import config, ready, started, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.testing import Simulator

pytestmark = pytest.mark.slow

NAME = "garbage_1"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        running.on("Refused").fail("no")
        running.on("Unanswered").hang()
        yield running


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> list[PendingAction]:
    return [one for one in gc.get_objects() if type(one) is PendingAction and one.server == NAME]


def waits(client: Client, action: Action) -> None:
    try:
        client.send(action, timeout=0.05 if action.name == "Unanswered" else 20).result()
    except AmiError:
        assert action.name != "Ping"


def is_told(client: Client, action: Action) -> None:
    told: list[object] = []
    client.send(action, timeout=0.05 if action.name == "Unanswered" else 20).on_complete(
        lambda *_: told.append(1)
    )
    wait_until(lambda: told)


def awaits(client: Client, action: Action) -> None:
    async def ask() -> None:
        try:
            await client.send(action, timeout=0.05 if action.name == "Unanswered" else 20)
        except AmiError:
            assert action.name != "Ping"

    asyncio.run(ask())


@pytest.mark.parametrize(
    "action", [Ping(), QueueStatus(), Action("Refused"), Action("Unanswered")], ids=repr
)
@pytest.mark.parametrize("ask", [waits, is_told, awaits])
def test_of_a_user(sim: Simulator, ask: Callable[[Client, Action], None], action: Action) -> None:
    with started(config(sim, NAME)) as client:
        ready(client)
        for _ in range(3):
            ask(client, action)
        wait_until(lambda: not alive(), f"{alive()} to be gone")


def test_of_the_session(sim: Simulator) -> None:
    """Challenge, login, and the Pings after that."""
    with started(config(sim, NAME, heartbeat_interval=0.05)) as client:
        ready(client)
        sim.wait_for(lambda: sum(action.name == "Ping" for action in sim.received) >= 3, timeout=20)
        wait_until(lambda: not alive(), f"{alive()} to be gone")
        sim.drop()
        wait_until(lambda: client.status()[NAME].reconnects == 1)
        wait_until(lambda: not alive(), f"{alive()} to be gone")
