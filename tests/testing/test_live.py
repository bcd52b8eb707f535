"""The live picture in a user's tests: events that a test delivers become calls and queues."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.dispatch import receiver

from django_ami import ami
from django_ami.core.errors import ConfigurationError
from django_ami.signals import (
    agent_changed,
    call_answered,
    call_ended,
    call_started,
    events,
    queue_changed,
)
from django_ami.testing import Outbox, override_ami, scenarios
from tests.receiving import fresh_registry


@pytest.fixture(autouse=True)
def _no_other_receivers() -> Iterator[None]:
    with fresh_registry():
        yield


def noted(signal: Any, seen: list[Any], function: Any) -> None:
    """Connect a receiver that keeps ``function(…)`` of what it is told."""

    @receiver(signal, weak=False)
    def note(sender: Any, **named: Any) -> None:
        seen.append((sender.name, function(named)))


def test_a_call_that_is_played_starts_is_answered_and_ends(ami_outbox: Outbox) -> None:
    seen: list[Any] = []
    noted(call_started, seen, lambda named: named["call"].caller.number)
    noted(call_answered, seen, lambda named: named["call"].answered_by.number)
    noted(call_ended, seen, lambda named: (named["call"].outcome, named["inferred"]))
    noted(events["Hangup"], seen, lambda named: named["event"]["Cause-txt"])
    ami_outbox.play(scenarios.answered_call("101", "102", talk=30), server="node_1")
    assert seen == [
        ("node_1", "101"),
        ("node_1", "102"),
        ("node_1", "Normal Clearing"),
        ("node_1", "Normal Clearing"),
        ("node_1", ("answered", False)),
    ], "behind the receivers of the last event"


def test_a_talk_is_as_long_as_the_scenario_says_however_fast_it_is_played() -> None:
    seen: list[float] = []

    @receiver(call_ended)
    def on_end(sender: Any, call: Any, **_: Any) -> None:
        seen.append(call.talk_seconds(call.ended))

    for _ in range(2):
        with override_ami() as outbox:
            outbox.play(scenarios.answered_call(talk=30))
    assert [round(one) for one in seen] == [30, 30]


def test_events_that_are_emitted_one_by_one_are_one_call(ami_outbox: Outbox) -> None:
    seen: list[Any] = []
    noted(call_ended, seen, lambda named: (named["call"].id, named["call"].cause))
    ami_outbox.emit("Newchannel", Uniqueid="1.1")
    assert not seen
    ami_outbox.emit("Hangup", Uniqueid="1.1", Cause=17)
    assert seen == [("node_1", ("1.1", 17))]


def test_the_picture_of_one_test_is_not_that_of_the_next() -> None:
    seen: list[Any] = []
    noted(call_started, seen, lambda named: named["call"].id)
    for _ in range(2):
        with override_ami("node_1") as outbox:
            outbox.emit("Newchannel", Uniqueid="1.1")
    assert seen == [("node_1", "1.1")] * 2


def test_two_servers_have_two_pictures() -> None:
    seen: list[Any] = []
    noted(call_started, seen, lambda named: named["call"].server)
    with override_ami("node_1", "node_2") as outbox:
        outbox.emit("Newchannel", Uniqueid="1.1")
        outbox.emit("Newchannel", Uniqueid="1.1", server="node_2")
    assert seen == [("node_1", "node_1"), ("node_2", "node_2")]


def test_queues_and_agents(ami_outbox: Outbox) -> None:
    waiting: list[Any] = []
    states: list[Any] = []
    noted(queue_changed, waiting, lambda named: named["queue"].waiting)
    noted(agent_changed, states, lambda named: named["member"].interface)
    ami_outbox.play(scenarios.queue_call("support", agent="102"), server="node_1")
    assert max(count for _, count in waiting) == 1
    assert waiting[-1] == ("node_1", 0)
    assert ("node_1", "PJSIP/102") in states


def test_a_receiver_looks_at_the_picture_and_the_test_may_not(ami_outbox: Outbox) -> None:
    seen: list[Any] = []

    @receiver(events["QueueCallerJoin"])
    def on_join(sender: Any, **_: Any) -> None:
        seen.append(ami.live(sender.name).totals.waiting)

    ami_outbox.play(scenarios.queue_call())
    assert seen == [1]
    with pytest.raises(ConfigurationError, match="ami_listen alone"):
        ami.live("node_1")


def test_a_receiver_that_raises_fails_the_test(ami_outbox: Outbox) -> None:
    @receiver(call_ended)
    def on_end(**_: Any) -> None:
        raise LookupError("of the receiver")

    with pytest.raises(LookupError, match="of the receiver"):
        ami_outbox.play(scenarios.busy_call())


def test_asynchronous_receivers_run_in_the_loop_of_the_test(ami_outbox: Outbox) -> None:
    seen: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        @receiver(call_ended)
        async def on_end(sender: Any, call: Any, **_: Any) -> None:
            assert asyncio.get_running_loop() is loop
            seen.append(call.outcome)

        await ami_outbox.aplay(scenarios.busy_call())
        await ami_outbox.aemit("Newchannel", Uniqueid="1.1")
        await ami_outbox.aemit("Hangup", Uniqueid="1.1")

    asyncio.run(main())
    assert seen[0] == "busy"
    assert len(seen) == 2


def test_the_pause_of_a_caller_who_gave_up_goes_on_with_the_next_event(ami_outbox: Outbox) -> None:
    seen: list[Any] = []
    noted(queue_changed, seen, lambda named: named["queue"].today.abandoned)
    ami_outbox.play(scenarios.abandoned_call("support", wait=30), server="node_1")
    assert seen[-1] == ("node_1", 1)
