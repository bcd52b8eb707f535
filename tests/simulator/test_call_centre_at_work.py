"""A call centre over TCP: its lists agree with its events, and a supervisor can step in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.tracker import Tracker
from django_ami.testing import CallCentre, Faults, Simulator
from tests.simulator.agreement import (
    check_bridges,
    check_channels,
    check_parked,
    check_queues,
)
from tests.simulator.wire import Frame, Wire, logged_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.live.snapshots import Channel

WAIT_SECONDS = 20.0
MOST_TRIES = 5
CHECKS = {
    "CoreShowChannels": check_channels,
    "BridgeList": check_bridges,
    "QueueStatus": check_queues,
    "ParkedCalls": check_parked,
}


class Supervisor:
    """A connection, and the picture of all that came over it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.tracker = Tracker("pbx")
        self.events: list[Event] = []
        # Calls have begun before the login, and may be silent from then on.
        asked = time.time()
        bridges, channels = self.ask("BridgeList"), self.ask("CoreShowChannels")
        queues = self.ask("QueueStatus")
        lists = Lists(asked, channels=channels, bridges=bridges, queues=queues)
        self.tracker.seed(lists, time.time())

    def ask(self, action: str, **headers: str) -> list[Event]:
        """The items of a list. Events before it are told to the picture."""
        action_id = self._wire.send(action, **headers)
        items = []
        while (frame := self._wire.frame()).get("EventList") != "Complete":
            if frame.get("ActionID") != action_id:
                self._tell(frame)
            elif frame.kind[0] == "Event":
                items.append(_event(frame))
        return items

    def do(self, action: str, **headers: str) -> None:
        """Send an action; it must be taken."""
        action_id = self._wire.send(action, **headers)
        while (frame := self._wire.frame()).kind[0] != "Response":
            self._tell(frame)
        assert (frame["ActionID"], frame["Response"]) == (action_id, "Success"), frame

    def until(self, what: Callable[[], object]) -> None:
        """Hear events until something is so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not what():
            assert time.monotonic() < deadline, "it has not come to that"
            self._tell(self._wire.frame())

    def compare(self) -> None:
        """Each list agrees with the picture.

        A server answers between two steps of a transfer, too: then it does a moment later.
        """
        for action, check in CHECKS.items():
            for chance in range(MOST_TRIES, -1, -1):
                try:
                    check(self.tracker, self.ask(action))
                    break
                except AssertionError:
                    if not chance:
                        raise

    def heard(self, name: str, **headers: str) -> bool:
        return any(
            one.name == name and all(one.get(key) == value for key, value in headers.items())
            for one in self.events
        )

    def talking(self) -> Channel:
        """The channel of an agent who talks to a caller of a queue."""
        found: list[Channel] = []

        def look() -> bool:
            found[:] = [
                one
                for one in self.tracker.channels.values()
                if one.bridge
                and len(self.tracker.bridges[one.bridge].channels) == 2
                and any(
                    talk.talk is not None and talk.talk.member_channel == one.uniqueid
                    for talk in self.tracker.members.values()
                )
            ]
            return bool(found)

        self.until(look)
        return found[0]

    def _tell(self, frame: Frame) -> None:
        if frame.kind[0] == "Event":
            event = _event(frame)
            self.events.append(event)
            self.tracker.feed(event, time.time())


def _event(frame: Frame) -> Event:
    return Event(frame.get("Event") or "", frame.data.removesuffix(b"\r\n\r\n"))


@pytest.fixture
def busy() -> Iterator[Simulator]:
    """Minutes of this call centre pass in a second."""
    centre = CallCentre(calls_per_minute=12, speed=200)
    with Simulator(call_centre=centre, seed=5, faults=Faults(login_delay=0)) as simulator:
        yield simulator


@pytest.fixture
def quiet() -> Iterator[Simulator]:
    """Talks do not end by themselves, and agents do nothing of their own."""
    centre = CallCentre(
        ring_seconds=0.1,
        announcement_seconds=0.1,
        wrapup_seconds=0,
        talk_seconds=9999,
        work_seconds=9999,
        patience_seconds=9999,
        calls_per_minute=60,
    )
    with Simulator(call_centre=centre, seed=5, faults=Faults(login_delay=0)) as simulator:
        yield simulator


@pytest.mark.slow
def test_the_lists_agree_with_the_events_over_tcp(busy: Simulator) -> None:
    with logged_in(busy, "on") as wire:
        supervisor = Supervisor(wire)
        for talks in range(5, 30, 5):
            supervisor.until(
                lambda talks=talks: (  # type: ignore[misc]
                    sum(one.name == "AgentComplete" for one in supervisor.events) >= talks
                )
            )
            supervisor.compare()
        status = supervisor.tracker.status()
        assert (status.contradictions, status.faults) == (0, 0)


@pytest.mark.slow
def test_a_supervisor_pauses_an_agent_who_stays_paused(quiet: Simulator) -> None:
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        supervisor.do("QueuePause", Interface="PJSIP/102", Paused="true", Reason="meeting")
        supervisor.until(lambda: supervisor.heard("QueueMemberPause", Queue="support"))
        member = supervisor.tracker.members["support", "PJSIP/102"]
        assert (member.paused, member.pause_reason) == (True, "meeting")
        supervisor.until(lambda: sum(one.name == "AgentConnect" for one in supervisor.events) >= 8)
        assert not supervisor.heard("AgentConnect", Interface="PJSIP/102")
        supervisor.do("QueuePause", Interface="PJSIP/102", Paused="false")
        supervisor.until(lambda: supervisor.heard("AgentConnect", Interface="PJSIP/102"))
        supervisor.compare()


def test_a_supervisor_ends_a_call(quiet: Simulator) -> None:
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        agent = supervisor.talking()
        supervisor.do("Hangup", Channel=agent.name)
        supervisor.until(lambda: agent.uniqueid not in supervisor.tracker.channels)
        assert supervisor.heard("AgentComplete", DestUniqueid=agent.uniqueid)
        supervisor.compare()


@pytest.mark.parametrize("action", ["BlindTransfer", "Redirect"])
def test_a_supervisor_sends_a_caller_to_another_queue(quiet: Simulator, action: str) -> None:
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        agent = supervisor.talking()
        members = supervisor.tracker.bridges[agent.bridge].channels
        (caller,) = (one for one in members if one != agent.uniqueid)
        channel = agent if action == "BlindTransfer" else supervisor.tracker.channels[caller]
        place = {"Context": "default", "Exten": "7003", "Priority": "1"}
        supervisor.do(action, Channel=channel.name, **place)
        supervisor.until(
            lambda: supervisor.heard("QueueCallerJoin", Uniqueid=caller, Queue="billing")
        )
        supervisor.until(lambda: agent.uniqueid not in supervisor.tracker.channels)
        supervisor.compare()
        assert supervisor.tracker.status().contradictions == 0


def test_a_supervisor_listens_in_until_the_talk_ends(quiet: Simulator) -> None:
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        agent = supervisor.talking()
        supervisor.do(
            "Originate",
            Channel="PJSIP/100",
            Application="ChanSpy",
            Async="true",
            Data=f"{agent.name},qE",
        )
        supervisor.until(lambda: supervisor.heard("ChanSpyStart", SpyeeUniqueid=agent.uniqueid))
        supervisor.compare()
        supervisor.do("Hangup", Channel=agent.name)
        supervisor.until(lambda: supervisor.heard("ChanSpyStop", SpyeeUniqueid=agent.uniqueid))
        supervisor.until(
            lambda: (
                not any(
                    one.name.startswith("PJSIP/100-")
                    for one in supervisor.tracker.channels.values()
                )
            )
        )


@pytest.mark.parametrize(
    ("number", "leg"), [("101", "PJSIP/101"), ("030123456", "PJSIP/provider"), ("800", "")]
)
def test_a_supervisor_calls_an_agent_the_world_or_a_conference(
    quiet: Simulator, number: str, leg: str
) -> None:
    quiet.pbx.behaviour.times.ring = 0.01
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        place = {"Context": "default", "Exten": number, "Priority": "1"}
        supervisor.do("Originate", Channel="PJSIP/100", Async="true", ChannelId="mine-1", **place)
        if leg:
            supervisor.until(lambda: supervisor.heard("DialEnd", Uniqueid="mine-1"))
            assert any(
                one["DestChannel"].startswith(f"{leg}-")
                for one in supervisor.events
                if one.name == "DialBegin" and one.get("Uniqueid") == "mine-1"
            )
        else:
            supervisor.until(lambda: supervisor.heard("ConfbridgeJoin", Uniqueid="mine-1"))
            assert supervisor.ask("ConfbridgeListRooms")[0]["Conference"] == "800"
        supervisor.compare()


def test_a_call_centre_begins_anew_when_the_server_does(quiet: Simulator) -> None:
    with logged_in(quiet, "on") as wire:
        Supervisor(wire).talking()
    quiet.stop()
    quiet.start()
    with logged_in(quiet, "on") as wire:
        supervisor = Supervisor(wire)
        supervisor.talking()
        supervisor.compare()
