"""Random queue events in any order: nothing raises, and the counts add up."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_ami.core.messages import Event
from django_ami.live.lists import Lists
from django_ami.live.options import Options
from django_ami.live.tracker import Tracker
from tests.live.callcentre import NOON

if TYPE_CHECKING:
    from django_ami.live.figures import Counts

NAMES = (
    "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentCalled", "AgentConnect",
    "AgentComplete", "AgentRingNoAnswer", "QueueMemberAdded", "QueueMemberRemoved",
    "QueueMemberStatus", "QueueMemberPause", "VarSet", "Newexten", "Hangup", "HangupRequest",
    "BlindTransfer", "AttendedTransfer", "LocalOptimizationBegin", "DeviceStateChange",
    "ExtensionStatus", "ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp",
    "ParkedCallSwap", "ConfbridgeStart", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeEnd",
    "ConfbridgeMute", "ConfbridgeTalking", "ConfbridgeLock",
)  # fmt: skip
ITEMS = ("QueueParams", "QueueMember", "QueueEntry")

uniqueids = st.sampled_from(["1.1", "1.2", "1.3", ""])
queues = st.sampled_from(["support", "sales", ""])
interfaces = st.sampled_from(["PJSIP/101", "Local/102@agents/n", ""])
numbers = st.sampled_from(["0", "1", "2", "6", "-1", "99", "9" * 30, "x", "", str(int(NOON) + 5)])
_NUMBERS = (
    "Position", "HoldTime", "TalkTime", "Status", "Paused", "InCall", "LastCall", "LastPause",
    "LoginTime", "Wrapuptime", "Wait", "ParkingDuration", "ParkingTimeout", "ServiceLevel",
    "AnsweredTime", "Penalty",
)  # fmt: skip
HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Uniqueid": uniqueids,
    "DestUniqueid": uniqueids,
    "ParkeeUniqueid": uniqueids,
    "TransfererUniqueid": uniqueids,
    "OrigTransfererUniqueid": uniqueids,
    "LocalOneUniqueid": uniqueids,
    "Queue": queues,
    "Interface": interfaces,
    "Location": interfaces,
    "Conference": queues,
    "BridgeUniqueid": st.sampled_from(["b1", "b2", ""]),
    "Device": interfaces,
    "State": st.sampled_from(["INUSE", "INVALID", ""]),
    "Channel": st.sampled_from(["PJSIP/101-1", "Local/1@x-1;1", ""]),
    "Variable": st.just("QUEUESTATUS"),
    "Value": st.sampled_from(["TIMEOUT", "FULL", "CONTINUE", "", "\\x"]),
    "Application": st.sampled_from(["Queue", "NoOp"]),
    "AppData": st.sampled_from(["support,t", ",", ""]),
    "Extension": st.sampled_from(["h", "7000"]),
    "Result": st.sampled_from(["Success", "Invalid"]),
    "Parkinglot": st.sampled_from(["default", ""]),
    "ParkingSpace": st.sampled_from(["701", "702"]),
    **dict.fromkeys(_NUMBERS, numbers),
}


def made(names: tuple[str, ...]) -> st.SearchStrategy[Event]:
    headers = st.fixed_dictionaries({}, optional=HEADERS)
    return st.builds(_event, st.sampled_from(names), headers, st.booleans())


def _event(name: str, headers: dict[str, str], doubled: bool) -> Event:
    lines = [f"{key}: {value}" for key, value in headers.items()]
    lines += lines[:3] if doubled else []
    return Event(name, "\r\n".join([f"Event: {name}", *lines]).encode())


#: An event of a server, or its lists; and for how long nothing came before.
steps = st.tuples(
    st.sampled_from([0.0, 0.1, 3.0, 90000.0, -7200.0]),
    st.one_of(made(NAMES), made(NAMES), made(NAMES), st.lists(made(ITEMS), max_size=6)),
)


def add_up(counts: Counts) -> None:
    ends = counts.answered + counts.abandoned + counts.short_abandons + sum(counts.left.values())
    refused = counts.left_by("full", "join_empty", "join_unavailable")
    assert counts.joined >= ends - refused
    assert counts.answered >= counts.answered_in_time >= 0
    assert counts.abandoned >= counts.abandoned_in_time >= 0
    assert min(counts.left.values(), default=0) >= 0
    assert min(counts.wait_seconds, counts.answered_wait_seconds, counts.talk_seconds) >= -1e-6


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=60))
def test_any_story_raises_nothing_and_its_counts_add_up(story: list[tuple[float, Any]]) -> None:
    tracker, now = Tracker("x", Options(wrapup_seconds=10)), NOON
    for pause, step in story:
        now += pause
        if isinstance(step, list):
            tracker.seed(
                Lists(now - 1, queues=step, channels=step, parked=step, rooms=step, devices=step),
                now,
            )
        else:
            tracker.feed(step, now)
        tracker.tick(now)
        waiting = tracker.callers
        for name, queue in tracker.queues.items():
            assert queue.waiting == sum(one.queue == name for one in waiting.values())
            add_up(queue.total)
            queue.figures()
        tracker.totals(now)
        for agent in tracker.agents(now).values():
            assert min(agent.seconds.values()) >= 0
        _ = tracker.members, tracker.parked, tracker.conferences, tracker.hints
    assert tracker.status().faults == 0
    for uniqueid in ("1.1", "1.2", "1.3"):
        tracker.feed(_event("Hangup", {"Uniqueid": uniqueid}, doubled=False), now)
    assert len(tracker.callers) == len(tracker.parked) == 0
    assert not any(room.participants for room in tracker.conferences.values())
    assert not any(agent.talk for agent in tracker.agents(now).values())


def dense(rng: Random) -> list[tuple[float, Any]]:
    """A story of two callers and two queues: nearly all of it is about the same visits."""
    story: list[tuple[float, Any]] = []
    for _ in range(rng.randint(2, 14)):
        pause = rng.choice([0.0, 0.1, 3.0, 3.0, 90000.0, -7200.0])
        headers = {
            "Uniqueid": rng.choice(["1.1", "1.2"]),
            "Queue": rng.choice(["support", "sales"]),
            "Position": rng.choice(["0", "1", "9"]),
            "HoldTime": rng.choice(["0", "5", "99"]),
            "Variable": "QUEUESTATUS",
            "Value": rng.choice(["TIMEOUT", "FULL", "CONTINUE"]),
            "Application": "Queue",
            "AppData": "support",
        }
        names = (*(name for name in NAMES if name.startswith(("QueueCaller", "AgentCo"))), "VarSet")
        made = _event(rng.choice([*names, "Newexten", "Hangup"]), headers, doubled=False)
        story.append((pause, [] if rng.random() < 0.3 else made))
    return story


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_stories_about_the_same_visits(start: int) -> None:
    for seed in range(start, start + 100):
        tracker, now = Tracker("x", Options(wrapup_seconds=10)), NOON
        for pause, step in dense(Random(seed)):
            now += pause
            if isinstance(step, list):
                tracker.seed(Lists(now - 1, queues=step, channels=step), now)
            else:
                tracker.feed(step, now)
            tracker.tick(now)
            for queue in tracker.queues.values():
                add_up(queue.total)
                add_up(queue.today)
        assert tracker.status().faults == 0, seed
