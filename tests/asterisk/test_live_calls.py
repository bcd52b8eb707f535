"""The live picture of calls on a real Asterisk: in a storm, it equals what the server lists."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import BridgeList, CoreShowChannels, ParkedCalls, QueueStatus
from django_ami.live.lists import Lists
from django_ami.live.tracker import Tracker
from django_ami.signals import events
from tests.asterisk.clients import NAME
from tests.asterisk.phones import answer, needs_sipp, phone
from tests.asterisk.relay import relay
from tests.asterisk.storm import Storm, until_empty
from tests.asterisk.test_live_queues import watching
from tests.receiving import fresh_registry, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.core.messages import Event
    from tests.asterisk.conftest import Asterisk
    from tests.asterisk.test_live_queues import Watched

CALLS = 200
#: As many begin anew beside the lists, though the picture knows of none yet.
FEW_CALLS = 40
#: Each takes two to three seconds: most of them are the wait until nothing moves.
MOMENTS = int(os.environ.get("AMI_TEST_MOMENTS", "50"))
SECONDS = 600
#: Hangup, and the events of queues and agents.
RECEIVED = (
    "Hangup",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueCallerAbandon",
    "AgentCalled",
    "AgentConnect",
    "AgentComplete",
    "AgentRingNoAnswer",
    "QueueMemberStatus",
    "QueueMemberPause",
    "QueueMemberAdded",
    "QueueMemberRemoved",
)

pytestmark = needs_sipp


@pytest.fixture
def watched(asterisk: Asterisk) -> Iterator[Watched]:
    with watching(asterisk) as it:
        yield it
        until_empty(it)
        assert it.tracker.status().faults == 0
    if asterisk.ours:
        # A channel that was taken out of a queue may leave one behind that nothing ends.
        asterisk.kill()
        asterisk.start()


@pytest.fixture(autouse=True)
def _wanted() -> None:
    """On few cores the server itself may come to a stand in a storm."""
    if not os.environ.get("AMI_TEST_LONG"):
        pytest.skip("takes minutes, and the whole machine: set AMI_TEST_LONG=1")


@pytest.fixture
def storm(watched: Watched, tmp_path: Path) -> Iterator[Storm]:
    answers = phone(tmp_path / "phone", answer(), calls=10**6, seconds=SECONDS)
    with answers as dial_string:
        yield Storm(watched, seed=7, calls=CALLS, phone=dial_string)


@pytest.mark.timeout(SECONDS)
def test_at_any_moment_of_a_storm_the_picture_equals_the_lists(
    watched: Watched, storm: Storm
) -> None:
    most = 0
    for _ in range(MOMENTS):
        storm.blow(storm.chance.uniform(0.3, 1.5))
        there, here = storm.calm()
        for what, items in there.items():
            assert here[what] == items, what
        most = max(most, len(watched.tracker.calls))
    assert most > CALLS / 2
    assert watched.tracker.status().contradictions == 0
    assert min(storm.sent[name] for name in ("BlindTransfer", "Atxfer", "Redirect", "Park"))


def test_filters_at_the_source_spare_most_of_the_bytes_of_a_storm(
    asterisk: Asterisk, watched: Watched, storm: Storm
) -> None:
    """Receivers for Hangup and the events of queues: what the server sends, with and without."""
    received = {}
    storm.calls = CALLS // 2
    with fresh_registry(), ExitStack() as stack:
        for name in RECEIVED:
            events[name].connect(_read_two, weak=False)
        for filters in ("auto", "off"):
            wire = stack.enter_context(relay(asterisk.host, asterisk.port))
            url = asterisk.url.replace(f":{asterisk.port}", f":{wire.port}")
            listener = stack.enter_context(listening(url, server_filters=filters))
            listener.make_ready()
            received[filters] = (listener, wire, len(wire.received))
        for _ in range(10):
            storm.blow(0.3)
            for listener, _, _ in received.values():
                listener.dispatcher.run(0)
        watched.until(lambda: watched.client.status()[NAME].queued == 0)
        for listener, _, _ in received.values():
            listener.settle()
        spared = {
            filters: len(wire.received) - before for filters, (_, wire, before) in received.items()
        }
    assert spared["off"] > 1_000_000, spared
    assert spared["auto"] < spared["off"] / 5, spared


def _read_two(event: Event, **_: object) -> None:
    _ = event["Channel"], event.get("Queue")


def test_a_picture_that_begins_in_a_storm_is_whole(watched: Watched, storm: Storm) -> None:
    storm.blow(0.5)
    watched.tracker = Tracker(NAME)  # it has seen nothing of what is there
    asked = time.time()
    actions = (CoreShowChannels(), BridgeList(), ParkedCalls(), QueueStatus())
    channels, bridges, parked, queues = (watched.client.send(action) for action in actions)
    storm.calls = FEW_CALLS
    storm.blow(0.3)  # events flow before, beside and behind the lists
    told = (channels, bridges, parked, queues)
    watched.until(lambda: all(one.done() for one in told))
    lists = Lists(
        asked,
        channels=channels.result(0).events,
        bridges=bridges.result(0).events,
        parked=parked.result(0).events,
        queues=queues.result(0).events,
    )
    changes = watched.tracker.seed(lists, time.time())
    assert changes
    assert all(change.inferred for change in changes)
    there, here = storm.calm()
    for picture in (there, here):
        # No list tells with whom a member talks.
        picture["members"] = {(*member[:-1],) for member in picture["members"]}
    assert here == there
