"""From the events of a listener to its live pictures, and from these to the signals."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami, pictures, signals, tracking
from django_ami.actions import Hangup, Originate, QueuePause
from django_ami.core.cluster import backlog
from django_ami.errors import ConfigurationError
from django_ami.live.snapshots import CallState
from django_ami.signals import (
    agent_changed,
    call_answered,
    call_ended,
    call_ringing,
    call_started,
    device_changed,
    events,
    queue_changed,
)
from django_ami.testing import FakeAsterisk
from django_ami.testing.events import event
from tests.receiving import Listener, fresh_registry, listening
from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.live.picture import Picture
    from django_ami.testing import Simulator

LISTS = [
    "BridgeList",
    "CoreShowChannels",
    "QueueStatus",
    "ParkedCalls",
    "ConfbridgeListRooms",
    "DeviceStateList",
]


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        simulator.times.ring, simulator.times.duration = 0.01, 60.0
        yield simulator


class Told:
    """Receives the signals of calls: name, call and whether it was inferred, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any, bool]] = []
        self.senders: set[Any] = set()
        for signal in (call_started, call_ringing, call_answered, call_ended):
            signal.connect(self._call)

    def _call(self, sender: Any, signal: Any, call: Any, inferred: bool, **_: Any) -> None:
        self.senders.add(sender)
        self.all.append((signal.name, call, inferred))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.all]


def picture(listener: Listener) -> Picture:
    found = pictures.picture_of("node_1")
    listener.run_until(lambda: found.complete)
    return found


def ring(listener: Listener) -> None:
    """A call of two telephones, which is answered."""
    action = Originate(channel="PJSIP/101", exten="102", context="default", priority=1)
    listener.client.server("node_1").send(action)


def asked(sim: Simulator) -> list[str]:
    return [action.name for action in sim.received if action.name in {*LISTS, "Status"}]


def test_a_call_is_told_from_its_beginning_to_its_end(sim: Simulator) -> None:
    told = Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        live = picture(listener)  # else a list may tell of it before its events do
        ring(listener)
        listener.run_until(lambda: "call_answered" in told.names)
        (call,) = live.calls.values()
        assert call.state is CallState.ANSWERED
        assert live.call(call.id) == call
        listener.client.server("node_1").send(Hangup(next(iter(live.channels.values())).name))
        listener.run_until(lambda: "call_ended" in told.names)
        assert told.senders == {listener.client.server("node_1")}
        assert list(dict.fromkeys(told.names)) == [
            "call_started",
            "call_ringing",
            "call_answered",
            "call_ended",
        ]
        ended = told.all[-1][1]
        assert (ended.id, ended.server, ended.state) == (call.id, "node_1", CallState.ENDED)
        assert {one[1].id for one in told.all} == {call.id}
        assert not any(inferred for _, _, inferred in told.all)
        assert not live.calls
        listener.assert_accounted()


def test_a_project_that_connects_none_of_them_has_no_picture(sim: Simulator) -> None:
    def on_end(**_: Any) -> None:
        pass

    events["Hangup"].connect(lambda **_: None, weak=False)
    with listening(sim.url) as listener:
        listener.make_ready()
        assert listener.dispatcher._tracking is None
        assert signals.interest() == frozenset({"hangup"})
        call_ended.connect(on_end)
        assert {"newchannel", "hangup", "queuecallerjoin"} <= (signals.interest() or set())
        call_ended.disconnect(on_end)
    assert asked(sim) == []


def test_tracking_is_not_imported_unless_a_picture_is_wanted() -> None:
    code = (
        "import django, sys\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_ami'])\n"
        "django.setup(); import django_ami.dispatch\n"
        "from django_ami import ami, signals\n"
        "parts = [name for name in sys.modules if name.startswith('django_ami.live.')]\n"
        "assert {*parts} <= {'django_ami.live.changes', 'django_ami.live.options'}, parts\n"
        "signals.call_ended.connect(print)\n"
        "assert 'hangup' in signals.interest()\n"
    )
    with Program([*PYTHON, "-c", code]) as program:
        assert program.wait() == 0, str(program)


def test_signals_that_nobody_wants_any_more_cost_nothing_again(sim: Simulator) -> None:
    def on_end(**_: Any) -> None:
        pass

    call_ended.connect(on_end)
    with listening(sim.url) as listener:
        listener.make_ready()
        listener.run_until(lambda: asked(sim) == LISTS)
        call_ended.disconnect(on_end)
        assert listener.dispatcher._tracking is None
        assert signals.interest() == frozenset()
        call_ended.connect(on_end)
        listener.run_until(lambda: asked(sim) == LISTS * 2)


def test_the_picture_begins_with_the_lists_of_the_server(sim: Simulator) -> None:
    """Each is asked for once, when the one before has been answered."""
    told = Told()
    with listening(sim.url) as first:
        first.make_ready()
        ring(first)
        first.run_until(lambda: "call_answered" in told.names)
        picture(first)
        told.all.clear()
        sim.clear_received()
        with listening(sim.url) as second:
            second.make_ready()
            live = picture(second)
            assert asked(sim) == LISTS
            told_by_lists = {(name, inferred) for name, _, inferred in told.all}
            assert told_by_lists == {("call_started", True), ("call_answered", True)}
            (call,) = live.calls.values()
            assert call.state is CallState.ANSWERED
            assert {party.device for party in call.parties} == {"PJSIP/101", "PJSIP/102"}
            assert set(live.queues) == set(sim.pbx.queues)
            assert live.devices
            for number in range(200):
                sim.emit("DeviceStateChange", Device="PJSIP/9", State=str(number))
            second.run_until(
                lambda: "PJSIP/9" in live.devices and live.devices["PJSIP/9"].state == "199"
            )
            assert asked(sim) == LISTS, "never for an event"


def test_a_call_that_ended_in_a_gap_has_an_end(sim: Simulator) -> None:
    told = Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        ring(listener)
        listener.run_until(lambda: "call_answered" in told.names)
        live = picture(listener)
        (call,) = live.calls.values()
        told.all.clear()
        sim.clear_received()
        sim.stop()
        listener.run_until(lambda: not listener.client.server("node_1").ready)
        sim.start()  # with a world that is new
        listener.run_until(lambda: "call_ended" in told.names)
        assert [(name, one.id, inferred) for name, one, inferred in told.all] == [
            ("call_ended", call.id, True)
        ]
        listener.run_until(lambda: live.complete)
        assert asked(sim) == LISTS
        assert not live.calls


def test_lists_come_again_behind_an_overload(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.05)
    told = Told()
    with listening(sim.url, event_queue_capacity=10) as listener:
        listener.make_ready()
        live = picture(listener)
        sim.clear_received()
        for number in range(30):
            sim.emit("DeviceStateChange", Device=f"PJSIP/{number}", State="INUSE")
        wait_until(lambda: listener.status.dropped > 0)
        # Once for each gap: a slow machine may make two of it.
        listener.run_until(lambda: asked(sim) and asked(sim) == LISTS * listener.status.gaps)
        assert live.complete
    assert told.all == []


def test_listener_that_is_always_behind_has_lists_all_the_same(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracking, "LONGEST_WAIT_SECONDS", 0.2)

    def slow(**_: Any) -> None:
        time.sleep(0.005)

    events["DeviceStateChange"].connect(slow)
    with listening(sim.url) as listener:
        wait_until(lambda: listener.status.ready)  # and no turn was made
        for number in range(tracking.MOST_QUEUED * 3):
            sim.emit("DeviceStateChange", Device=f"PJSIP/{number}", State="INUSE")
        listener.wait_for_queued(tracking.MOST_QUEUED * 2)
        live = pictures.picture_of("node_1")
        begin = time.monotonic()
        while not live.complete:
            assert time.monotonic() - begin < DEADLINE_SECONDS
            listener.dispatcher.run(0.01, most=1)
        assert asked(sim) == LISTS
    assert caplog.text.count("more than 200 events (now ") == 1
    assert "have waited for their receivers for 0.2 s" in caplog.text


def test_an_account_that_may_not_list_is_told_once(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    sim.on("CoreShowChannels").fail("Permission denied")
    Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        live = picture(listener)
        assert live.queues, "it goes without"
        sim.drop()
        listener.run_until(lambda: not live.complete)
        listener.run_until(lambda: live.complete)
    lines = [one.getMessage() for one in caplog.records if "live picture" in one.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith("node_1: the live picture lacks the list of CoreShowChannels:")
    assert "Permission denied" in lines[0]


def test_a_conference_that_no_action_can_name_costs_the_others_nothing(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    room = event("ConfbridgeListRooms", Conference="x" * 3000)
    sim.on("ConfbridgeListRooms").items(room)
    Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        picture(listener)
        assert sim.received[-1].name == "DeviceStateList"
    assert "lacks the list of ConfbridgeList" in caplog.text


def test_a_link_that_is_lost_amid_the_lists_begins_anew(sim: Simulator) -> None:
    sim.on("QueueStatus").drop().once()
    told = Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        live = picture(listener)
        assert live.queues
        assert asked(sim) == [*LISTS[:3], *LISTS]
    assert told.all == []


def test_queues_agents_and_devices(sim: Simulator) -> None:
    """Several changes of one object in one batch are told once, with what it is by then."""
    found: list[tuple[str, Any, bool]] = []

    def on_queue(sender: Any, queue: Any, inferred: bool, **_: Any) -> None:
        found.append(("queue", queue, inferred))

    def on_agent(sender: Any, member: Any, inferred: bool, **_: Any) -> None:
        found.append(("agent", member, inferred))

    def on_device(sender: Any, device: Any, inferred: bool, **_: Any) -> None:
        found.append(("device", device, inferred))

    queue_changed.connect(on_queue)
    agent_changed.connect(on_agent)
    device_changed.connect(on_device)
    with listening(sim.url) as listener:
        listener.make_ready()
        live = picture(listener)
        assert {name for name, _, inferred in found if inferred} >= {"agent", "device"}
        found.clear()
        (queue, interface), *_ = live.members
        listener.client.server("node_1").send(
            QueuePause(interface, paused=True, queue=queue, reason="tea")
        )
        listener.run_until(lambda: any(name == "agent" for name, _, _ in found))
        (member,) = [one for name, one, _ in found if name == "agent"]
        assert (member.queue, member.interface, member.paused) == (queue, interface, True)
        assert live.agents[interface].queues[queue]
        found.clear()
        for state in ("INUSE", "RINGING", "BUSY"):
            sim.emit("DeviceStateChange", Device="PJSIP/7", State=state)
        listener.wait_for_queued(3)
        listener.run_until(lambda: found)
        assert [(one.name, one.state, inferred) for _, one, inferred in found] == [
            ("PJSIP/7", "BUSY", False)
        ]


def test_change_without_a_signal_stops_no_receiver(sim: Simulator) -> None:
    """The lists tell of a conference, of somebody who is parked, and of a caller who waits."""
    rooms = event("ConfbridgeListRooms", Conference="1234")
    parked = event("ParkedCall", ParkeeUniqueid="1.1", ParkeeChannel="PJSIP/101-1")
    waits = event("QueueEntry", Queue="support", Position="1", Uniqueid="1.2", Wait="3")
    sim.on("ConfbridgeListRooms").items(rooms)
    sim.on("ConfbridgeList").fail("No Conference by that name found.")
    sim.on("ParkedCalls").items(parked)
    sim.on("QueueStatus").items(event("QueueParams", Queue="support"), waits)
    Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        live = picture(listener)
        assert set(live.conferences) == {"1234"}
        assert [one.uniqueid for one in live.parked.values()] == ["1.1"]
        assert [one.uniqueid for one in live.callers.values()] == ["1.2"]


def test_one_that_raises_stops_nobody(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: Any, **_: Any) -> None:
        raise ValueError(call.id)

    call_started.connect(broken)
    told = Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        ring(listener)
        listener.run_until(lambda: "call_answered" in told.names)
    assert "call_started of node_1" in caplog.text


def test_a_server_that_was_removed_has_no_picture(sim: Simulator) -> None:
    Told()
    with FakeAsterisk() as other, listening(sim.url, other.url) as listener:
        listener.make_ready()
        picture(listener)
        keep = listener.client._cluster.servers["node_1"].config
        listener.client.reconfigure([keep])
        tracking = listener.dispatcher._tracking
        assert tracking is not None
        listener.run_until(lambda: set(tracking._trackers) == {"node_1"})
        sim.emit("DeviceStateChange", Device="PJSIP/7", State="INUSE")
        live = pictures.picture_of("node_1")
        listener.run_until(lambda: "PJSIP/7" in live.devices)


def test_a_server_that_comes_back_has_a_picture_when_its_lists_are_there(sim: Simulator) -> None:
    Told()
    with FakeAsterisk() as other, listening(sim.url, other.url) as listener:
        listener.make_ready()
        live = pictures.picture_of("node_2")
        listener.run_until(lambda: live.complete)
        both = [server.config for server in listener.client._cluster.servers.values()]
        tracking = listener.dispatcher._tracking
        assert tracking is not None
        listener.client.reconfigure(both[:1])
        listener.run_until(lambda: set(tracking._trackers) == {"node_1"})
        held = other.on("BridgeList").hang()
        listener.client.reconfigure(both)
        listener.run_until(lambda: other.received[-1].name == "BridgeList")
        assert not live.complete
        assert not live.queues, "of the server as it was"
        held.remove()
        other.drop()
        listener.run_until(lambda: live.complete)
        assert live.queues


def test_another_server_of_the_same_name_has_a_picture_of_its_own(sim: Simulator) -> None:
    told = Told()
    with FakeAsterisk() as other, listening(sim.url) as listener:
        listener.make_ready()
        ring(listener)
        listener.run_until(lambda: "call_answered" in told.names)
        live = picture(listener)
        other.on("BridgeList").hang()
        before = listener.client._cluster.servers["node_1"].config
        listener.client.reconfigure([replace(before, port=other.port)])
        listener.run_until(lambda: other.received and other.received[-1].name == "BridgeList")
        assert not live.complete


def test_elsewhere_there_is_no_picture(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"HOST": "pbx", "USERNAME": "u", "SECRET": "s"}}
    with pytest.raises(ConfigurationError, match="node_1: its live picture is in the process of"):
        ami.live("node_1")
    with pytest.raises(ConfigurationError, match="node_2"):
        ami.live("node_2")


def test_ami_gives_the_picture_of_a_listener(sim: Simulator) -> None:
    with listening(sim.url) as listener:
        ami._adopt(listener.client)
        try:
            listener.make_ready()
            live = ami.live("node_1")
            assert not live.complete
            listener.run_until(lambda: live.complete)
            assert set(live.queues) == set(sim.pbx.queues)
            handle = ami.server("node_1")
            assert set(ami.live(handle).queues) == set(live.queues)
            assert live.totals.waiting == 0
            assert live.status().faults == 0
            for view in (live.bridges, live.ended, live.callers, live.hints, live.parked):
                assert dict(view) == {}
            assert dict(live.conferences) == {}
        finally:
            ami.close()
    with pytest.raises(ConfigurationError):
        pictures.picture_of("node_1")
