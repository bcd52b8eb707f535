"""Events to asynchronous receivers, from a running event loop.

The asynchronous twins of emit and play.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.dispatch import receiver
from django.test import TestCase

from demo_project.calls.models import Call
from django_ami.core import Client, ServerConfig
from django_ami.signals import ami_event
from django_ami.signals import events as signals_of
from django_ami.testing import AmiTestMixin, FakeAsterisk, events, scenarios
from tests.receiving import fresh_registry

if TYPE_CHECKING:
    from django_ami.testing import Outbox


def test_asynchronous_and_synchronous_receivers_in_a_running_loop(ami_outbox: Outbox) -> None:
    seen: list[tuple[str, str]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        @receiver(signals_of["Hangup"])
        async def asynchronous(sender: Any, event: Any, **_: Any) -> None:
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            seen.append(("async", event["Cause"]))

        @receiver(ami_event)
        def synchronous(sender: Any, event: Any, **_: Any) -> None:
            seen.append(("sync", event.name))

        await ami_outbox.aemit("Hangup", Cause=17)
        await ami_outbox.aemit(events.newchannel())
        with pytest.raises(TypeError, match="headers are for"):
            await ami_outbox.aemit(events.newchannel(), Exten="5")

    with fresh_registry():
        asyncio.run(main())
    assert seen == [("async", "17"), ("sync", "Hangup"), ("sync", "Newchannel")]


def test_exception_of_a_receiver_fails_the_test(ami_outbox: Outbox) -> None:
    async def main() -> None:
        @receiver(signals_of["Hangup"])
        async def wrong(sender: Any, event: Any, **_: Any) -> None:
            raise KeyError("X")

        await ami_outbox.aplay(scenarios.busy_call())

    with fresh_registry(), pytest.raises(KeyError, match="X"):
        asyncio.run(main())


def test_a_scenario_in_its_own_time(ami_outbox: Outbox) -> None:
    call = scenarios.answered_call(ring=0.01, talk=0.1)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await ami_outbox.aplay(call, speed=1)
        return loop.time() - begun

    with fresh_registry():
        assert asyncio.run(main()) >= call.seconds


def test_over_a_server(ami_server: FakeAsterisk) -> None:
    call = scenarios.answered_call()
    seen: list[str] = []

    async def main() -> None:
        await ami_server.aplay(call)

    client = Client([ServerConfig.from_url("node_1", ami_server.url)])
    client.subscribe(None, lambda event: seen.append(event.name))
    client.start()
    try:
        ami_server.wait_for(lambda: client.server("node_1").ready, timeout=20)
        asyncio.run(main())
        ami_server.wait_for(lambda: len(set(call.names) - set(seen)) == 0, timeout=20)
    finally:
        client.close()


@pytest.mark.usefixtures("demo_receivers")
class AsynchronousTest(AmiTestMixin, TestCase):
    """As Django has it: the database of the test is that of its receivers."""

    async def test_the_rows_are_the_tests_own(self) -> None:
        await self.aplay(scenarios.answered_call())
        assert await Call.objects.acount() == 1
        await self.aemit("Newchannel", Uniqueid="9.9")
        assert await Call.objects.filter(call_id="9.9").aexists()
