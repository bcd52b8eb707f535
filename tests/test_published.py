"""Calls that another process has originated, as the feed tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami, feeds
from django_ami.core.call_outcome import CallOutcome
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.live.snapshots import Call
from django_ami.live.tracker import Tracker
from django_ami.testing import CallTimes, FakeAsterisk
from tests.recordings import timed
from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from django_ami.testing import ReceivedAction

#: The id of the recorded call.
CLICK = "click-1"


class Published:
    """The picture of a recorded click to call, published step by step."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.tracker = Tracker("node_1")
        self._events = iter(timed("click-to-call", "22"))
        publisher.note("node_1", [("server:", Heading("node_1", ready=True, complete=True))])

    def play(self, until: str) -> None:
        """Publish the call as it is when the event of this kind has told of it."""
        for at, event in self._events:
            kinds = [str(change.kind) for change in self.tracker.feed(event, at)]
            call = self.tracker.call(CLICK)
            if call is not None:
                self.note(call)
            if until in kinds:
                return
        raise AssertionError(f"the recording has no {until}")

    def note(self, call: Call | None) -> None:
        """Publish the call as it is."""
        self.publisher.note("node_1", [(f"call:{CLICK}", call)])


@pytest.fixture
def server() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as server:
        yield server


@pytest.fixture
def published(settings: Any, server: FakeAsterisk) -> Iterator[Published]:
    settings.AMI_SERVERS = {"node_1": {"URL": server.url}}
    settings.AMI_FEED = "memory"
    backend = feeds.backend()
    assert backend is not None
    publisher = Publisher(backend)
    try:
        yield Published(publisher)
    finally:
        publisher.close()


def sent(server: FakeAsterisk, name: str) -> list[ReceivedAction]:
    """The actions of that name that the server got."""
    return [action for action in server.received if action.name == name]


def wait_for_picture(state: str) -> None:
    """This process has the call in this state."""
    picture = ami.live("node_1")
    wait_until(lambda: (call := picture.call(CLICK)) is not None and str(call.state) == state)


def test_a_call_of_another_process_is_followed_in_the_feed(
    published: Published, server: FakeAsterisk
) -> None:
    published.play("ringing")
    wait_for_picture("ringing")
    call = ami.call(CLICK)
    assert call.state == "ringing"
    assert ami.server("node_1").call(CLICK) is call
    states: list[str] = []
    call.on_change(lambda _, state: states.append(str(state)))
    published.play("answered")
    assert call.answered().result(DEADLINE_SECONDS)
    published.play("ended")
    outcome = call.wait(DEADLINE_SECONDS)
    wait_until(lambda: states[-1:] == ["ended"])
    assert states == sorted(states, key=["picked up", "ringing second", "answered", "ended"].index)
    assert (outcome.result, outcome.picked_up, outcome.cause) == ("answered", True, 16)
    assert outcome.talk_seconds > 0.5
    assert ami.call(CLICK).outcome == outcome  # at once: the picture has it still
    assert not server.received  # nobody logged in for it


def test_a_coroutine_awaits_a_call_of_another_process(published: Published) -> None:
    async def follow() -> CallOutcome:
        call = ami.call(CLICK)
        assert call.state == "ringing"
        published.play("ended")
        return await asyncio.wait_for(call, DEADLINE_SECONDS)

    published.play("ringing")
    wait_for_picture("ringing")
    assert asyncio.run(follow()).answered


def test_a_call_that_the_feed_does_not_know_is_asked_for(
    published: Published, server: FakeAsterisk
) -> None:
    wait_until(lambda: ami.live("node_1").fresh)
    call = ami.call("another-1.0")
    assert call.state == "unknown"
    assert call.wait(DEADLINE_SECONDS).result == "unknown"
    assert sent(server, "Status")


@pytest.mark.parametrize("how", ["the call is gone", "the listener has ended"])
def test_a_call_that_the_feed_has_lost_is_asked_for(
    published: Published, server: FakeAsterisk, how: str
) -> None:
    published.play("answered")
    wait_for_picture("answered")
    call = ami.call(CLICK)
    assert call.state == "answered"
    if how == "the call is gone":
        published.note(None)
    else:
        published.publisher.end("node_1", [("server:", Heading("node_1", listening=False))])
    outcome = call.wait(DEADLINE_SECONDS)  # the server has no such call
    assert sent(server, "Status")
    assert outcome.answered
    assert outcome.inferred
    assert call.gone


def test_hanging_up_a_call_of_another_process_goes_to_its_server(
    published: Published, server: FakeAsterisk
) -> None:
    published.play("ringing")
    wait_for_picture("ringing")
    ami.call(CLICK).hangup()
    wait_until(lambda: sent(server, "Hangup"))
    (action,) = sent(server, "Hangup")
    assert action.get("Channel") == CLICK


def test_a_test_that_looks_at_no_picture_reads_no_feed(settings: Any, server: FakeAsterisk) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": server.url}}
    settings.AMI_FEED = "memory"
    assert ami.call(CLICK).wait(DEADLINE_SECONDS).result == "unknown"
    assert not feeds.is_read()


#: Originates a call when the listener hears, tells its id, and how it ended.
MAKE = """
import time, django
django.setup()
from django_ami import ami
while not ami.live("node_1").server.ready:
    time.sleep(0.02)
call = ami.originate(to="PJSIP/101", context="default", exten="102")
print("id", call.id, flush=True)
print("made", call.wait(30).result, flush=True)
"""
#: Tells the states of the call with the id of its argument.
LOOK = """
import sys, time, django
django.setup()
from django_ami import ami
picture, call_id = ami.live("node_1"), sys.argv[1]
while picture.call(call_id) is None:
    time.sleep(0.02)
call = ami.call(call_id)
call.on_change(lambda _, state: print("state", state, flush=True))
print("looked", call.wait(30).result, flush=True)
print("state", ami.status()["node_1"].state, flush=True)
"""


@pytest.mark.slow
def test_one_process_makes_a_call_and_another_knows_its_end(tmp_path: Path) -> None:
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.live.feed.settings",
        "AMI_TEST_FILE": str(tmp_path / "feed.sqlite3"),
    }
    with Program([*PYTHON, "-m", "django", "migrate"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    with FakeAsterisk(times=CallTimes(ring=0.4, duration=0.8)) as server:
        env["AMI_NODE1_URL"] = server.url
        with (
            Program([*PYTHON, "-m", "django", "ami_listen", "--all"], **env),
            Program([*PYTHON, "-c", MAKE], **env) as make,
        ):
            call_id = make.wait_for_out("id ").removeprefix("id ")
            with Program([*PYTHON, "-c", LOOK, call_id], **env) as look:
                assert look.wait_for_out("looked ") == "looked answered"
                assert look.wait_for_out("state idle")
            assert make.wait_for_out("made ") == "made answered"
