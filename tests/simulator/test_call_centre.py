"""A call centre: its traffic is as it was ordered, and no event contradicts another one.

An hour passes in no time: it is told, not played.
"""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.live.changes import Kind
from django_ami.live.lists import Lists
from django_ami.live.snapshots import Call
from django_ami.live.tracker import Tracker
from django_ami.simulator.answers import find
from django_ami.simulator.call_centre import open_call_centre
from django_ami.simulator.exchange import Exchange
from django_ami.simulator.requests import ReceivedAction
from django_ami.testing import CallCentre
from django_ami.testing.stage import EPOCH_SECONDS, Stage
from tests.simulator.agreement import (
    check_bridges,
    check_channels,
    check_conference,
    check_parked,
    check_queues,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.live.changes import Change

HOUR_SECONDS = 3600.0


class Day:
    """A call centre in a time of its own, and a picture that follows its events."""

    def __init__(self, seed: int = 1, centre: CallCentre | None = None) -> None:
        self.stage = Stage()
        self.tracker = Tracker("pbx")
        self.seen = Counter[str]()
        self.changes: list[Change] = []
        self._read = 0
        self.stage.pbx.random.seed(seed)
        open_call_centre(self.stage.pbx, centre or CallCentre())
        queues = self.ask("QueueStatus")
        self.tracker.seed(Lists(EPOCH_SECONDS, queues=queues), EPOCH_SECONDS)

    @property
    def now(self) -> float:
        return self.stage.pbx.clock.time()

    def every(self, seconds: float, look: Callable[[], None]) -> None:
        for times in range(1, int(HOUR_SECONDS / seconds)):
            self.stage.at(times * seconds, look)

    def tell(self, seconds: float) -> None:
        self.stage.tell(seconds)
        self.follow()

    def follow(self) -> None:
        """Tell the picture what has happened since the last time."""
        for moment in self.stage.moments[self._read :]:
            self.seen[moment.event.name] += 1
            self.changes += self.tracker.feed(moment.event, EPOCH_SECONDS + moment.at)
        self._read = len(self.stage.moments)

    def ask(self, action: str, **headers: str) -> list[Event]:
        """The items of a list, as the server answers now."""
        lines = (f"Action: {action}", *(f"{key}: {value}" for key, value in headers.items()))
        server = cast("Any", SimpleNamespace(pbx=self.stage.pbx))
        made = find(action, self.stage.pbx.profile, booted=True)
        assert made is not None
        answer = made.handler(Exchange(ReceivedAction(lines), cast("Any", None), server))
        assert isinstance(answer, bytes)
        messages = Parser().feed(answer)
        return [
            one for one in messages if isinstance(one, Event) and not one.name.endswith("Complete")
        ]

    def compare(self) -> None:
        """Each list of the server agrees with the picture."""
        self.follow()
        self.tracker.tick(self.now)
        rooms = [room["Conference"] for room in self.ask("ConfbridgeListRooms")]
        assert set(self.tracker.conferences) == set(rooms)
        for room in rooms:
            check_conference(self.tracker, room, self.ask("ConfbridgeList", Conference=room))
        check_channels(self.tracker, self.ask("CoreShowChannels"))
        check_bridges(self.tracker, self.ask("BridgeList"))
        check_queues(self.tracker, self.ask("QueueStatus"))
        check_parked(self.tracker, self.ask("ParkedCalls"))

    def infer(self) -> list[Change]:
        """The changes that the lists would make in the calls of the picture: none were missed."""
        lists = Lists(
            self.now,
            channels=self.ask("CoreShowChannels"),
            bridges=self.ask("BridgeList"),
            queues=self.ask("QueueStatus"),
            parked=self.ask("ParkedCalls"),
        )
        return [
            change
            for change in self.tracker.seed(lists, self.now)
            if change.kind not in {Kind.MEMBER, Kind.QUEUE}
        ]


@pytest.mark.slow
def test_an_hour_agrees_with_its_lists_and_has_everything() -> None:
    """Each list agrees with the picture, which its events alone have made."""
    day = Day(seed=1)
    inferred: list[Change] = []

    def look() -> None:
        day.compare()
        inferred.extend(day.infer())

    day.every(16.7, look)
    day.tell(HOUR_SECONDS)
    status = day.tracker.status()
    assert (status.contradictions, status.faults, inferred) == (0, 0, [])
    check_variety(day)
    check_counts(day)


def check_variety(day: Day) -> None:
    """Everything that happens in a call centre has happened."""
    ended = {
        change.subject.id: change.subject
        for change in day.changes
        if change.kind is Kind.ENDED and isinstance(change.subject, Call)
    }
    outcomes = Counter(str(call.outcome) for call in ended.values())
    joined = day.seen["QueueCallerJoin"]
    assert 0.02 < outcomes["abandoned"] / joined < 0.3
    assert outcomes["answered"] > joined * 0.6
    assert {"busy", "no_answer"} <= set(outcomes)
    names = {
        *("AttendedTransfer", "BlindTransfer", "ParkedCall", "UnParkedCall", "ConfbridgeJoin"),
        *("AgentRingNoAnswer", "QueueMemberPause", "Hold", "Unhold", "MusicOnHoldStop"),
    }
    assert {name: day.seen[name] for name in names if day.seen[name] < 3} == {}


def check_counts(day: Day) -> None:
    """The server's counters are those of the picture."""
    day.tracker.tick(day.now + 60)
    for name, queue in day.tracker.queues.items():
        server = day.stage.pbx.queues[name]
        assert queue.total.abandoned + sum(queue.total.left.values()) == server.abandoned
        assert queue.total.talks == server.completed


@pytest.mark.slow
def test_calls_come_as_a_poisson_process() -> None:
    """The intervals are exponential: their mean is that of the rate, and so is their deviation."""
    day = Day(centre=CallCentre(calls_per_minute=60, agents=1, patience_seconds=0.1))
    day.tell(600)
    arrivals = [
        moment.at
        for moment in day.stage.moments
        if moment.event.name == "Newchannel"
        and moment.event["Channel"].startswith("PJSIP/provider-")
        and moment.event["ChannelStateDesc"] == "Ring"
        and moment.at > 10
    ]
    waits = [two - one for one, two in itertools.pairwise(arrivals)]
    assert statistics.mean(waits) == pytest.approx(1.0, rel=0.15)
    assert statistics.pstdev(waits) == pytest.approx(1.0, rel=0.2)


@pytest.mark.slow
def test_the_same_seed_is_the_same_day() -> None:
    days = [Day(seed=seed) for seed in (3, 3, 4)]
    for day in days:
        day.tell(120)
    first, same, other = ([moment.event.raw for moment in day.stage.moments] for day in days)
    assert first == same
    assert first != other


def test_no_call_from_outside_comes_at_the_rate_zero() -> None:
    day = Day(centre=CallCentre(calls_per_minute=0))
    day.tell(600)
    assert day.seen["QueueCallerJoin"] == 0
    assert day.seen["QueueMemberPause"] > 0


def test_a_first_caller_talks_within_ten_seconds() -> None:
    day = Day()
    day.tell(10)
    assert day.seen["AgentConnect"] > 0


@pytest.mark.slow
def test_an_agent_wraps_up_before_the_next_caller() -> None:
    day = Day(centre=CallCentre(agents=1, calls_per_minute=10, wrapup_seconds=20))
    day.tell(600)
    ends: dict[str, float] = {}
    for moment in day.stage.moments:
        if moment.event.name == "AgentComplete":
            ends[moment.event["Interface"]] = moment.at
        if moment.event.name == "AgentCalled":
            assert moment.at - ends.get(moment.event["Interface"], -99) > 19
    assert len(ends) == 1


@pytest.mark.slow
def test_a_pause_of_a_supervisor_ends_with_no_break() -> None:
    day = Day(centre=CallCentre(agents=6, work_seconds=20))
    pbx = day.stage.pbx

    def pause() -> None:
        for queue in pbx.queues.values():
            for member in queue.members:
                pbx.pause(queue, member, paused=True, reason="meeting")

    day.stage.at(300, pause)
    day.tell(900)
    assert {one.pause_reason for one in day.tracker.members.values()} == {"meeting"}


@pytest.mark.slow
def test_a_longer_wait_is_served_first() -> None:
    day = Day(centre=CallCentre(agents=2, calls_per_minute=6, queues=("sales",)))
    waiting: list[str] = []
    day.tell(900)
    overtaken = 0
    for moment in day.stage.moments:
        uniqueid = moment.event.get("Uniqueid", "")
        if moment.event.name == "QueueCallerJoin":
            waiting.append(uniqueid)
        if moment.event.name == "AgentCalled":
            overtaken += waiting.index(uniqueid) > 1  # the first one's telephone may ring already
        if moment.event.name == "QueueCallerLeave":
            waiting.remove(uniqueid)
    assert overtaken == 0
    assert day.seen["AgentCalled"] > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agents": 0}, "agents must be from 1 to 99, not 0."),
        ({"queues": ()}, "queues must be one name or more"),
        ({"queues": ("a", "a")}, "queues must be one name or more"),
        ({"talk_seconds": 0}, "talk_seconds must be a number of seconds above 0."),
        ({"wrapup_seconds": -1}, "wrapup_seconds must be a number of seconds from 0 on."),
        ({"calls_per_minute": -1}, "calls_per_minute must be a number from 0 on"),
        ({"speed": float("inf")}, "speed one above 0."),
    ],
)
def test_a_call_centre_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CallCentre(**options)
