"""The ids of events in tests: factories give them, and an event that is delivered keeps its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from django.dispatch import receiver

from django_ami import ami, signals
from django_ami.actions import QueueStatus
from django_ami.core.event_id import EventId
from django_ami.core.messages import Event
from django_ami.testing import Outbox, events, scenarios
from django_ami.testing.identity import make_id
from tests.receiving import fresh_registry


@pytest.fixture(autouse=True)
def _no_other_receivers() -> Iterator[None]:
    with fresh_registry():
        yield


@pytest.fixture
def seen() -> list[EventId]:
    found: list[EventId] = []

    @receiver(signals.events["Hangup"], weak=False)
    def on_hangup(event: Event, **_: object) -> None:
        found.append(event.id)

    return found


def test_each_event_of_a_factory_has_an_id_of_its_own() -> None:
    one, other = events.hangup(), events.event("Ours", {"X": "1"})
    assert one.id < other.id
    assert one.id.epoch == other.id.epoch


def test_a_forked_process_has_an_epoch_of_its_own() -> None:
    mine = make_id("node_1").epoch
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, make_id("node_1").epoch.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != mine


def test_an_event_that_is_delivered_twice_has_one_id(
    ami_outbox: Outbox, seen: list[EventId]
) -> None:
    hangup = events.hangup()
    ami_outbox.emit(hangup, server="node_1")
    asyncio.run(ami_outbox.aemit(hangup, server="node_1"))
    ami_outbox.emit("Hangup", server="node_1")
    first, second, third = seen
    assert first == second == hangup.id._replace(server="node_1")
    assert third > second


def test_each_play_of_a_recording_is_a_call_of_its_own(
    ami_outbox: Outbox, seen: list[EventId]
) -> None:
    recording = scenarios.answered_call("101", "102")
    for _ in range(2):
        ami_outbox.play(recording, server="node_1")
    assert len(seen) == len(set(seen)) > 2
    assert seen == sorted(seen)


def test_the_items_of_an_answer_have_ids_in_their_order(ami_outbox: Outbox) -> None:
    ami_outbox.on("QueueStatus").items(events.queue_params(), events.queue_member(Name="Ann"))
    found = [item.id for item in ami.send(QueueStatus()).result().events]
    assert len(found) == 2
    assert found == sorted(found)
