"""The calls of the simulated Asterisk, which are told in no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.live.options import Options
from django_ami.live.snapshots import Call, Direction
from django_ami.live.tracker import Tracker
from django_ami.testing import scenarios
from tests.live.telling import tell

if TYPE_CHECKING:
    from django_ami.testing.recording import Recording

CALLS = {
    "answered": (
        scenarios.answered_call(talk=30),
        ["101 calls 102: answered by 102; 101 hung up; legs 102 answered; 101-102 talk"],
    ),
    "answered, the callee hangs up": (
        scenarios.answered_call(talk=30, hangs_up="callee"),
        ["101 calls 102: answered by 102; 102 hung up; legs 102 answered; 101-102 talk"],
    ),
    "busy": (scenarios.busy_call(), ["101 calls 102: busy; legs 102 busy"]),
    "no answer": (scenarios.no_answer_call(), ["101 calls 102: no_answer; legs 102 no_answer"]),
}  # fmt: skip


def follow(recording: Recording, options: Options | None = None) -> Tracker:
    tracker = Tracker("pbx", options)
    for moment in recording:
        tracker.feed(moment.event, moment.at)
    status = tracker.status()
    assert (status.channels, status.calls, status.contradictions, status.faults) == (0, 0, 0, 0)
    return tracker


def whole(tracker: Tracker) -> Call:
    (call,) = (call for call in tracker.ended.values() if not call.merged_into)
    return call


@pytest.mark.parametrize("name", CALLS)
def test_simple_calls(name: str) -> None:
    recording, told = CALLS[name]
    assert [tell(call) for call in follow(recording).ended.values()] == told


def test_a_call_in_a_queue_waits_and_talks() -> None:
    call = whole(follow(scenarios.queue_call(wait=4, ring=3, talk=60)))
    (visit,) = call.queues
    assert (visit.queue, visit.result, round(visit.wait(0.0))) == ("support", "answered", 7)
    assert round(call.talk_seconds(0.0)) == 60
    assert [(leg.queue, leg.outcome) for leg in call.legs] == [("support", "answered")]


def test_a_caller_who_gives_up_in_a_queue_has_abandoned() -> None:
    call = whole(follow(scenarios.abandoned_call(wait=12)))
    assert (call.outcome, call.answered) == ("abandoned", None)
    assert [round(visit.wait(0.0)) for visit in call.queues] == [12]


def test_a_blind_transfer_is_one_call_with_two_talks() -> None:
    call = whole(follow(scenarios.blind_transfer(talk=10, talk_to_target=60)))
    assert [(one.kind, one.by, one.to) for one in call.transfers] == [("blind", "PJSIP/102", "103")]
    assert [(talk.a[-3:], talk.b[-3:]) for talk in call.talks] == [("102", "101"), ("103", "101")]
    assert round(call.talk_seconds(0.0)) == 70


def test_an_attended_transfer_takes_the_consultation_in() -> None:
    tracker = follow(scenarios.attended_transfer(), Options(kept_seconds=600))
    call = whole(tracker)
    (merged,) = (one for one in tracker.ended.values() if one.merged_into)
    assert (merged.merged_into, merged.outcome) == (call.id, None)
    resolved = tracker.call(merged.id)
    assert resolved is not None
    assert resolved.id == call.id
    assert [one.kind for one in call.transfers] == ["attended"]
    assert [{talk.a[-3:], talk.b[-3:]} for talk in call.talks] == [
        {"101", "102"}, {"102", "103"}, {"101", "103"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "direction"),
    [
        (Options(), Direction.INTERNAL),
        (Options(trunks=frozenset({"PJSIP/101"})), Direction.INBOUND),
        (Options(trunk_contexts=frozenset({"default"})), Direction.INBOUND),
        (Options(trunks=frozenset({"PJSIP/102"})), Direction.OUTBOUND),
    ],
)
def test_trunks_tell_the_direction(options: Options, direction: Direction) -> None:
    assert whole(follow(scenarios.answered_call(talk=1), options)).direction is direction


def test_a_call_that_ended_is_kept_for_a_while() -> None:
    tracker = follow(scenarios.answered_call(talk=1), Options(kept_seconds=5))
    (call,) = tracker.ended.values()
    assert call.ended is not None
    tracker.tick(call.ended + 4)
    assert tracker.call(call.id) == call
    tracker.tick(call.ended + 6)
    assert tracker.call(call.id) is None
    tracker.tick(call.ended + 61)
    assert tracker.status().entries == 0
