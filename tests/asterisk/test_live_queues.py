"""The live picture of queues on a real Asterisk: each way out, beside what QueueStatus says."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import (
    Action,
    CoreShowChannels,
    Hangup,
    Originate,
    Park,
    ParkedCalls,
    QueueAdd,
    QueuePause,
    QueueRemove,
    QueueStatus,
    Redirect,
)
from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.options import Options
from django_ami.live.queue_views import AgentState
from django_ami.live.tracker import Tracker
from tests.asterisk.clients import NAME, PATIENCE_SECONDS, ask, connected, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.live.figures import Counts
    from tests.asterisk.conftest import Asterisk

AGENT = "Local/b1@agents/n"


class Watched:
    """A server and its tracker, which is fed as a worker would: by one thread, in turns."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tracker = Tracker(NAME, Options(short_abandon_seconds=0, wrapup_seconds=1))
        #: How many events the tracker heard of.
        self.heard = 0

    def turn(self) -> None:
        calls, items = self.client.inbox.take(0.01)
        for call in calls:
            call()
        for item in items:
            if isinstance(item, Event):
                self.client.inbox.delivered(item.server, 1)
                self.heard += item.name in self.tracker.names
                self.tracker.feed(item, time.time())

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        until(lambda: self.turn() or condition(), what)

    def ask(self, action: Action) -> tuple[Event, ...]:
        """The items of a list; all events before them are known."""
        pending = self.client.send(action)
        self.until(pending.done)
        return pending.result(PATIENCE_SECONDS).events

    def seed(self) -> None:
        asked = time.time()
        lists = Lists(
            asked,
            channels=self.ask(CoreShowChannels()),
            queues=self.ask(QueueStatus()),
            parked=self.ask(ParkedCalls()),
        )
        self.tracker.seed(lists, time.time())

    def dial(self, queue: str, seconds: int = 30, application: str = "Wait") -> None:
        """Somebody calls a queue, and does something meanwhile."""
        data = "wwww1" if application == "SendDTMF" else "60"
        variables = {"__WAITSECS": str(seconds)}
        channel = f"Local/{queue}@ways/n"
        ask(
            self.client,
            Originate(channel=channel, application=application, data=data, variables=variables),
        )

    def enter(self, queue: str, seconds: int = 30, application: str = "Wait") -> str:
        """Somebody calls a queue, and waits in it: the Uniqueid of the caller."""
        before = set(self.tracker.callers)
        self.dial(queue, seconds, application)
        self.until(lambda: set(self.tracker.callers) - before, f"a caller waits in {queue}")
        (uniqueid,) = set(self.tracker.callers) - before
        return uniqueid

    def channel(self, uniqueid: str) -> str:
        return self.tracker.callers[uniqueid].channel

    def counts(self, queue: str) -> Counts:
        self.tracker.tick(time.time())
        return self.tracker.queues[queue].total

    def empty(self) -> bool:
        return not self.tracker.channels


@pytest.fixture
def watched(asterisk: Asterisk) -> Iterator[Watched]:
    with watching(asterisk) as it:
        yield it
        for channel in list(it.tracker.channels.values()):
            it.client.send(Hangup(channel.name))
        it.until(it.empty)
        assert it.tracker.status().faults == 0


@contextmanager
def watching(asterisk: Asterisk) -> Iterator[Watched]:
    with connected(asterisk, role="listener", dispatcher=False) as client:
        it = Watched(client)
        client.set_interest(None)
        it.seed()
        yield it


def test_a_caller_is_answered(watched: Watched) -> None:
    """Q1."""
    uniqueid = watched.enter("sales")
    watched.until(lambda: watched.tracker.agents(time.time())[AGENT].talk is not None)
    agent = watched.tracker.agents(time.time())[AGENT]
    assert agent.state == AgentState.TALKING
    assert agent.talk is not None
    assert agent.talk.channel == uniqueid
    watched.until(lambda: watched.counts("sales").talks)
    counts = watched.counts("sales")
    assert (counts.joined, counts.answered, counts.answered_in_time) == (1, 1, 1)
    assert counts.answered_wait_seconds == pytest.approx(0.5, abs=0.3)
    assert counts.talk_seconds == pytest.approx(1.5, abs=0.6)
    watched.until(lambda: _state(watched) == AgentState.WRAP_UP)  # its channel ends a moment later
    watched.until(watched.empty)
    watched.until(lambda: _state(watched) == AgentState.AVAILABLE)


def _state(watched: Watched) -> AgentState:
    return watched.tracker.agents(time.time())[AGENT].state


def test_a_caller_hangs_up(watched: Watched) -> None:
    """Q3."""
    uniqueid = watched.enter("tiny")
    ask(watched.client, Hangup(watched.channel(uniqueid)))
    watched.until(lambda: watched.counts("tiny").abandoned)
    watched.until(watched.empty)
    assert (watched.counts("tiny").joined, watched.counts("tiny").left) == (1, {})


def test_the_time_is_over(watched: Watched) -> None:
    """Q4."""
    watched.enter("tiny", seconds=1)
    watched.until(watched.empty)
    counts = watched.counts("tiny")
    assert (counts.abandoned, counts.left) == (0, {"timeout": 1})
    assert counts.wait_seconds == pytest.approx(1.0, abs=0.3)


def test_the_queue_is_full(watched: Watched) -> None:
    """Q5."""
    watched.enter("tiny")
    watched.dial("tiny")
    watched.until(lambda: watched.counts("tiny").left)
    counts = watched.counts("tiny")
    assert (counts.joined, counts.left) == (1, {"full": 1})


def test_a_key_leads_out(watched: Watched) -> None:
    """Q5."""
    watched.enter("tiny", application="SendDTMF")
    watched.until(lambda: watched.counts("tiny").left)
    assert watched.counts("tiny").left == {"continue": 1}


def test_a_redirect_leads_out(watched: Watched) -> None:
    """Asterisk tells of it as it does of a caller who hangs up."""
    channel = watched.channel(watched.enter("tiny"))
    ask(watched.client, Redirect(channel, context="default", exten="801", priority=1))
    watched.until(lambda: watched.counts("tiny").left)
    assert watched.counts("tiny").left == {"left": 1}
    assert watched.counts("tiny").abandoned == 0


def test_queue_without_members_is_not_joined_and_is_left(watched: Watched) -> None:
    """Q5: it is not joined; and it is left when its last member goes."""
    watched.dial("strict")
    watched.until(lambda: watched.counts("strict").left)
    assert watched.counts("strict").left == {"join_empty": 1}
    member = "Local/noanswer@agents/n"
    ask(watched.client, QueueAdd("strict", member))
    try:
        watched.enter("strict")
    finally:
        ask(watched.client, QueueRemove("strict", member))
    watched.until(lambda: len(watched.counts("strict").left) == 2)
    counts = watched.counts("strict")
    assert counts.left == {"join_empty": 1, "leave_empty": 1}
    assert (counts.joined, counts.abandoned) == (1, 0)


def test_a_pause_has_a_reason(watched: Watched) -> None:
    def state() -> AgentState:
        watched.turn()
        return watched.tracker.members["sales", AGENT].state

    ask(watched.client, QueuePause(AGENT, queue="sales", reason="lunch"))
    try:
        watched.until(lambda: state() == AgentState.PAUSED)
        member = watched.tracker.members["sales", AGENT]
        assert member.pause_reason == "lunch"
        assert member.paused_since == pytest.approx(time.time(), abs=5)
    finally:
        ask(watched.client, QueuePause(AGENT, paused=False, queue="sales"))
    watched.until(lambda: state() == AgentState.AVAILABLE)


def test_a_caller_is_parked(watched: Watched) -> None:
    """K1, K3."""
    ask(watched.client, Originate(channel="Local/860@default/n", application="Wait", data="60"))
    watched.until(lambda: len(watched.tracker.channels) == 2)
    channel = next(one for one in watched.tracker.channels.values() if one.name.endswith(";1"))
    ask(watched.client, Park(channel.name))
    watched.until(lambda: watched.tracker.parked)
    (one,) = watched.tracker.parked.values()
    assert (one.lot, one.channel) == ("default", channel.name)
    assert {item["ParkingSpace"] for item in watched.ask(ParkedCalls())} == {one.space}
    ask(watched.client, Hangup(channel.name))
    watched.until(lambda: not watched.tracker.parked)


def test_picture_is_what_the_lists_say(asterisk: Asterisk, watched: Watched) -> None:
    """A picture that was carried on by events equals one that is made of lists, at any moment."""
    agents = ("Local/a1@agents/n", "Local/a2@agents/n")
    waiting = 0
    try:
        for agent in agents:
            ask(watched.client, QueuePause(agent, queue="support"))
        for _ in range(3):
            watched.enter("support", seconds=60)
            waiting += 1
        watched.enter("tiny", seconds=60)
        watched.enter("sales", seconds=60)
        for moment in range(6):
            if moment == 3:
                for agent in agents:
                    ask(watched.client, QueuePause(agent, paused=False, queue="support"))
            with watching(asterisk) as listed:
                watched.until(lambda: _where(watched) == _where(listed) or _again(listed))
    finally:
        for agent in agents:
            ask(watched.client, QueuePause(agent, paused=False, queue="support"))
    watched.until(lambda: watched.counts("support").talks == waiting)
    assert watched.counts("support").answered == waiting


def _again(listed: Watched) -> None:
    """The server went on meanwhile: so does the other picture."""
    listed.turn()


def _where(one: Watched) -> tuple[object, ...]:
    one.turn()
    tracker = one.tracker
    members = {key: (member.paused, member.device_state) for key, member in tracker.members.items()}
    callers = {key: (caller.queue, caller.position) for key, caller in tracker.callers.items()}
    return members, callers, set(tracker.queues)
