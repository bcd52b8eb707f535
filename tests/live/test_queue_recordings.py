"""Queues, parking and conferences of recorded calls, and of the simulated Asterisk's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami.live.changes import Kind
from django_ami.live.lists import Lists
from django_ami.live.queue_views import AgentState
from django_ami.live.snapshots import Outcome
from django_ami.live.tracker import Tracker
from django_ami.simulator.channels import Step
from django_ami.testing import scenarios
from django_ami.testing.stage import Stage
from tests.live.callcentre import NOON, event, listed_member, listed_queue
from tests.recordings import scenarios as recorded
from tests.recordings import timed, truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.messages import Event
    from django_ami.live.changes import Change

Story = list[tuple[float, "Event"]]


def fed(story: Iterable[tuple[float, Event]]) -> tuple[Tracker, list[Change]]:
    tracker, changes = Tracker("pbx"), []
    at = 0.0
    for at, one in story:
        changes += tracker.feed(one, NOON + at)
    tracker.tick(NOON + at)
    assert tracker.status().faults == 0
    assert tracker.status().contradictions == 0
    return tracker, changes


def talks(name: str, version: str) -> dict[str, tuple[float, float]]:
    """With whom alice talked according to the telephones, from when to when."""
    told = truth(name, version)["talks"]
    return {
        one["b"] if one["a"] == "alice" else one["a"]: (one["from"], one["to"])
        for one in told
        if "alice" in (one["a"], one["b"])
    }


@pytest.mark.parametrize("version", ["22", "24"])
def test_all_ring_and_carol_answers(version: str) -> None:
    """Q1, Q2."""
    tracker, _ = fed(timed("queue-ringall", version))
    counts = tracker.queues["ringall"].total
    begin, end = talks("queue-ringall", version)["carol"]
    assert (counts.joined, counts.answered, counts.talks) == (1, 1, 1)
    assert counts.answered_wait_seconds == pytest.approx(begin, abs=0.15)
    assert counts.talk_seconds == pytest.approx(end - begin, abs=0.15)
    agents = tracker.agents(NOON + 60)
    assert {name: one.calls_taken for name, one in agents.items()} == {
        "PJSIP/bob": 0,
        "PJSIP/carol": 1,
        "PJSIP/dave": 0,
    }
    assert {one.state for one in agents.values()} == {AgentState.AVAILABLE}


def test_agents_ring_and_talk_at_the_recorded_moments() -> None:
    story = timed("queue-ringall")
    ringing = [one for one in story if one[0] <= 0.5]
    states = {name: one.state for name, one in fed(ringing)[0].agents(NOON + 0.5).items()}
    assert states == dict.fromkeys(("PJSIP/bob", "PJSIP/carol", "PJSIP/dave"), "ringing")
    talking = [one for one in story if one[0] <= 2.0]
    agents = fed(talking)[0].agents(NOON + 2)
    states = {name: one.state for name, one in agents.items()}
    assert states == {
        "PJSIP/bob": "available",
        "PJSIP/carol": "talking",
        "PJSIP/dave": "available",
    }
    assert agents["PJSIP/carol"].talk is not None
    assert agents["PJSIP/carol"].talk.number == "6001"


def test_alice_hangs_up_in_the_queue() -> None:
    """Q3: after two seconds, which is short."""
    tracker, _ = fed(timed("queue-abandoned"))
    counts = tracker.queues["ringall"].total
    assert (counts.joined, counts.short_abandons, counts.abandoned, counts.left) == (1, 1, 0, {})
    assert counts.longest_wait_seconds == pytest.approx(2.0, abs=0.15)


def test_alice_waits_in_vain() -> None:
    """Q4."""
    tracker, _ = fed(timed("queue-timeout"))
    counts = tracker.queues["ringall"].total
    assert (counts.joined, counts.abandoned, counts.left) == (1, 0, {"timeout": 1})
    assert counts.wait_seconds == pytest.approx(5.0, abs=0.15)
    missed = {one.interface: one.calls_missed for one in tracker.members.values()
              if one.queue == "ringall"}  # fmt: skip
    assert missed == {"PJSIP/bob": 1, "PJSIP/carol": 1, "PJSIP/dave": 1}


def test_carol_connects_alice_with_bob() -> None:
    """Q6: the talk with the agent ends at the transfer."""
    tracker, _ = fed(timed("queue-attended-transfer"))
    counts = tracker.queues["ringall"].total
    begin, _ = talks("queue-attended-transfer", "22")["carol"]
    transfer, _ = talks("queue-attended-transfer", "22")["bob"]
    assert (counts.answered, counts.talks) == (1, 1)
    assert counts.talk_seconds == pytest.approx(transfer - begin, abs=0.15)


def test_alice_is_parked_and_retrieved_by_dave() -> None:
    """K1, K2."""
    tracker, changes = fed(timed("parked-and-retrieved"))
    one = [change.subject for change in changes if change.kind == Kind.PARKED_CALLER][-1]
    assert tracker.parked == {}
    assert (one.number, one.space, one.result) == ("6001", "701", "retrieved")
    assert one.retriever.startswith("PJSIP/dave-")
    dave, _ = talks("parked-and-retrieved", "22")["dave"]
    assert one.end == pytest.approx(NOON + dave, abs=0.15)


def test_three_in_a_conference() -> None:
    """C2: the room is there before the first of them, and behind the last."""
    counts = []
    for change in fed(timed("conference-of-three"))[1]:
        if change.kind == Kind.CONFERENCE:
            counts.append(change.subject.count)
    assert counts == [0, 1, 2, 3, 2, 1, 0, 0]


# --- cut, and seeded ---


def listed(full: Tracker, now: float) -> Lists:
    """The lists of a server on which all of this has happened."""
    queues = [listed_queue(name) for name in full.queues]
    for member in full.members.values():
        queues.append(
            listed_member(
                member.interface,
                member.queue,
                Name=member.name,
                Status=member.device_state,
                InCall=int(member.talk is not None and member.talk.queue == member.queue),
                LoginTime=int(NOON) - 99,
            )
        )
    for caller in full.callers.values():
        queues.append(
            event(
                "QueueEntry",
                Queue=caller.queue,
                Position=caller.position,
                Uniqueid=caller.uniqueid,
                Channel=caller.channel,
                CallerIDNum=caller.number,
                Wait=int(now - caller.joined),
            )
        )
    parked = [
        event(
            "ParkedCall",
            ParkeeUniqueid=one.uniqueid,
            Parkinglot=one.lot,
            ParkingSpace=one.space,
            ParkingDuration=int(now - one.since),
        )
        for one in full.parked.values()
    ]
    rooms = [event("ConfbridgeListRooms", Conference=name) for name in full.conferences]
    people = [
        event("ConfbridgeList", Conference=name, Uniqueid=one.uniqueid, Channel=one.channel)
        for name, room in full.conferences.items()
        for one in room.participants
    ]
    devices = [
        event("DeviceStateChange", Device=one.name, State=one.state)
        for one in full.devices.values()
    ]
    return Lists(
        now,
        queues=queues,
        parked=parked,
        rooms=rooms,
        conference_members=people,
        devices=devices,
    )


def picture(tracker: Tracker, now: float) -> dict[str, Any]:
    """The place of each member and caller."""
    states = {key: member.at(now).state for key, member in tracker.members.items()}
    return {
        "callers": {key: (one.queue, one.position) for key, one in tracker.callers.items()},
        "members": {key: state for key, state in states.items() if state != "available"},
        "parked": {key: (one.lot, one.space) for key, one in tracker.parked.items()},
        "rooms": {
            name: {one.uniqueid for one in room.participants}
            for name, room in tracker.conferences.items()
        },
        "devices": {
            name: one.state for name, one in tracker.devices.items() if one.state != "NOT_INUSE"
        },
    }


@pytest.mark.parametrize(
    "name",
    sorted({name for name, _ in recorded() if name.startswith(("queue", "park", "conference"))}),
)
def test_a_recording_that_is_cut_and_seeded_ends_the_same(name: str) -> None:
    """G1: behind each event of a queue, a parking lot or a conference."""
    story = timed(name)
    cuts = [
        at
        for at, (_, one) in enumerate(story)
        if one.name.startswith(("Queue", "Agent", "Park", "UnPark", "Confbridge", "Hangup"))
    ]
    full = Tracker("pbx")
    for place, (at, one) in enumerate(story):
        full.feed(one, NOON + at)
        if place in cuts:
            check_cut(full, story, place)


def check_cut(full: Tracker, story: Story, place: int) -> None:
    now = NOON + story[place][0]
    part = Tracker("pbx")
    part.seed(listed(full, now), now)
    assert picture(part, now)["callers"] == picture(full, now)["callers"], place
    whole = Tracker("pbx")
    for _, (at, one) in zip(range(place + 1), story, strict=False):
        whole.feed(one, NOON + at)
    for at, one in story[place + 1 :]:
        part.feed(one, NOON + at)
        whole.feed(one, NOON + at)
    end = NOON + story[-1][0]
    assert picture(part, end) == picture(whole, end), place
    assert part.status().faults == 0


@pytest.mark.parametrize(
    "name",
    sorted({name for name, _ in recorded() if name.startswith(("queue", "park", "conference"))}),
)
def test_the_lists_of_the_moment_change_nothing(name: str) -> None:
    tracker = Tracker("pbx")
    for at, one in timed(name):
        now = NOON + at
        tracker.feed(one, now)
        before = picture(tracker, now)
        tracker.seed(listed(tracker, now), now)
        assert picture(tracker, now) == before, at
    assert tracker.status().contradictions == 0


# --- the simulated Asterisk ---


def simulated(recording: Iterable[Any]) -> Story:
    return [(moment.at, moment.event) for moment in recording]


def test_a_simulated_call() -> None:
    story = simulated(scenarios.queue_call(wait=4.0, ring=3.0, talk=60.0))
    tracker, _ = fed(story)
    counts = tracker.queues["support"].total
    assert (counts.joined, counts.answered, counts.talks) == (1, 1, 1)
    assert counts.answered_wait_seconds == pytest.approx(7.0, abs=0.1)
    assert counts.talk_seconds == pytest.approx(60.0, abs=0.1)


def test_a_simulated_caller_who_gives_up() -> None:
    tracker, _ = fed(simulated(scenarios.abandoned_call(wait=12.0)))
    counts = tracker.queues["support"].total
    assert (counts.abandoned, counts.wait_seconds, counts.left) == (1, 12, {})


def patient(seconds: float) -> Stage:
    """A stage on which callers wait for so long, and whose agent does not answer."""
    stage = Stage(ring=60)
    stage.staff("support", "102").paused = True
    stage.pbx.times.queue_patience, stage.pbx.times.park = seconds, 45.0
    return stage


def test_a_simulated_timeout() -> None:
    """Q4."""
    stage = patient(20)
    stage.call("101", "support")
    tracker, _ = fed(simulated(stage.tell()))
    counts = tracker.queues["support"].total
    assert (counts.joined, counts.abandoned, counts.left) == (1, 0, {"timeout": 1})
    (call,) = tracker.ended.values()
    assert call.outcome == Outcome.QUEUE_TIMEOUT


def test_a_simulated_redirect_out_of_a_queue() -> None:
    stage = patient(600)
    caller = stage.call("101", "support")
    stage.at(20, lambda: caller.signal_goto(Step(exten="700")))
    stage.at(30, lambda: stage.hang_up(caller))
    tracker, changes = fed(simulated(stage.tell()))
    counts = tracker.queues["support"].total
    assert (counts.abandoned, counts.left) == (0, {"left": 1})
    parked = [one.subject for one in changes if one.kind == Kind.PARKED_CALLER]
    assert [one.result for one in parked] == ["", "gave_up"]


@pytest.mark.parametrize(("hangs_up", "result"), [(30.0, "gave_up"), (None, "timeout")])
def test_a_simulated_parking_lot(hangs_up: float | None, result: str) -> None:
    """K3, K4."""
    stage = patient(600)
    caller = stage.call("101", "700")
    if hangs_up is not None:
        stage.at(hangs_up, lambda: stage.hang_up(caller))
    _, changes = fed(simulated(stage.tell()))
    first, last = (one.subject for one in changes if one.kind == Kind.PARKED_CALLER)
    assert (first.lot, first.space, first.end) == ("default", "701", None)
    assert (last.uniqueid, last.result) == (first.uniqueid, result)
    assert last.end == pytest.approx(NOON + (hangs_up or 45), abs=1)


@pytest.mark.parametrize("version", ["16", "22"])
@pytest.mark.parametrize("late", [False, True])
def test_a_party_that_consulted_a_queue_gives_its_place_to_another(
    version: str, late: bool
) -> None:
    """T1: one visit, which a second attempt answered; told in time, or behind the Hangup."""
    told = timed("attended-to-queue", version, "phones")
    if late:
        (transfer,) = (one for one in told if one[1].name == "AttendedTransfer")
        second = transfer[1]["SecondTransfererUniqueid"]
        told.remove(transfer)
        place = next(
            place
            for place, (_, one) in enumerate(told)
            if one.name == "Hangup" and one["Uniqueid"] == second
        )
        told.insert(place + 1, (told[place][0], transfer[1]))
    tracker, _ = fed(told)
    counts = tracker.queues["pair"].total
    assert (counts.joined, counts.answered, counts.abandoned, counts.left) == (1, 1, 0, {})
    assert counts.talk_seconds == pytest.approx(2.5, abs=0.4)
    if late:
        return  # of the call itself, the visit ended with the channel that is gone
    (call,) = (one for one in tracker.ended.values() if not one.merged_into)
    (visit,) = call.queues
    assert (visit.caller, visit.agent) == ("PJSIP/alice", "PJSIP/carol")
    assert visit.connected is not None
    assert visit.connected - visit.joined == pytest.approx(3.3, abs=0.4)
