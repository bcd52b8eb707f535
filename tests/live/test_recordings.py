"""The tracker tells of each recorded call what its telephones know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.live.changes import Kind
from django_ami.live.snapshots import Outcome
from django_ami.live.tracker import Tracker
from tests.recordings import scenarios, timed, truth

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call, Party, TalkSegment

#: How far the times of the tracker may be from those of the telephones.
TOLERANCE_SECONDS = 0.15
#: The words of the truth, and the outcome that is meant.
OUTCOMES = {
    "answered by the server": Outcome.COMPLETED,
    "answered": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no answer": Outcome.NO_ANSWER,
    "caller gave up": Outcome.CANCELLED,
    "abandoned": Outcome.ABANDONED,
    "queue timeout": Outcome.QUEUE_TIMEOUT,
}
SCENARIOS = [pytest.param(name, version, id=f"{version}-{name}") for name, version in scenarios()]


def replay(name: str, version: str) -> Tracker:
    tracker = Tracker("pbx")
    for at, event in timed(name, version):
        tracker.feed(event, at)
    return tracker


def phone(device: str) -> str:
    return device.rpartition("/")[2]


def of(party: Party | None) -> str | None:
    return None if party is None else phone(party.device)


def pair(talk: TalkSegment) -> tuple[str, str]:
    one, other = sorted((phone(talk.a), phone(talk.b)))
    return one, other


@pytest.mark.parametrize(("name", "version"), SCENARIOS)
def test_the_calls_are_those_that_a_person_tells(name: str, version: str) -> None:
    tracker = replay(name, version)
    told = truth(name, version)["calls"]
    calls = list(tracker.ended.values())
    whole = [call for call in calls if not call.merged_into]
    assert len(tracker.calls) == 0
    assert len(whole) == sum(call["outcome"] != "consultation" for call in told)
    for one in told:
        assert_told(one, whole, [call for call in calls if call.merged_into])


def assert_told(told: dict[str, Any], whole: list[Call], merged: list[Call]) -> None:
    caller = told["caller"].partition(" ")[0]
    if told["outcome"] == "consultation":
        assert [(of(call.caller), call.requested, of(call.answered_by)) for call in merged] == [
            (caller, told["dialled"], told["answered_by"])
        ]
        return
    (call,) = (call for call in whole if (of(call.caller) or "AMI") == caller)
    dialled = told["dialled"]
    assert call.requested == (
        dialled[6:].partition("@")[0] if dialled.startswith("Local/") else dialled
    )
    assert call.outcome is next(
        OUTCOMES[words] for words in OUTCOMES if told["outcome"].startswith(words)
    )
    if "answered_by" in told:
        answered = told["answered_by"]
        assert of(call.answered_by) == (answered and answered.partition(" ")[0])
        assert bool(call.pickups) == bool(answered and answered.endswith("(pickup)"))
    assert_beside(told, call)
    assert moves(told["outcome"], of(call.answered_by)) == [
        (one.kind, phone(one.by), phone(one.to)) for one in call.transfers if one.kind != "park"
    ] + [("park", phone(park.by), phone(park.retrieved_by)) for park in call.parks]


def assert_beside(told: dict[str, Any], call: Call) -> None:
    if "hung_up_by" in told:
        roles = {"caller": of(call.caller), "agent": of(call.answered_by)}
        assert phone(call.hung_up_by) == roles.get(told["hung_up_by"], told["hung_up_by"])
    if "held_by" in told:
        assert [phone(hold.by) for hold in call.holds] == [told["held_by"]]
    if "rang" in told:
        assert {phone(leg.device) for leg in call.legs if leg.ringing is not None} == set(
            told["rang"]
        )
    if "queue" in told:
        assert [visit.queue for visit in call.queues] == [told["queue"]]
    if "conference" in told:
        assert [visit.conference for visit in call.conferences] == [told["conference"]]
    if "forwarded_by" in told:
        assert [f"{phone(one.by)} to {one.to}" for one in call.forwards] == [told["forwarded_by"]]
    if found := re.search(r"(\w+) hung up$", told.get("then", "")):
        assert phone(call.hung_up_by) == found[1]


def moves(outcome: str, by: str | None) -> list[tuple[str, str | None, str]]:
    """The transfers that the words of an outcome tell: the kind, by whom, to whom."""
    if found := re.search(r"transferred blind to (\w+) by (\w+)", outcome):
        return [("blind", found[2], found[1])]
    if found := re.search(
        r"transferred to (\w+) (?:with|while)|connected with (\w+) \(attended", outcome
    ):
        return [("attended", by, found[1] or found[2])]
    if found := re.search(r"AMI sent \w+ to (\w+)", outcome):
        return [("redirect", "", found[1])]
    if found := re.search(r"parked by (\w+), taken back by (\w+)", outcome):
        return [("park", found[1], found[2])]
    return [("blind", by, "6003")] if "to a busy number" in outcome else []


@pytest.mark.parametrize(("name", "version"), SCENARIOS)
def test_the_talks_are_those_that_the_telephones_heard(name: str, version: str) -> None:
    heard = truth(name, version)
    if any("conference" in call for call in heard["calls"]):
        pytest.skip("a conference is followed by its members, not pair by pair")
    calls = [call for call in replay(name, version).ended.values() if not call.merged_into]
    talks = sorted(
        (talk for call in calls for talk in (*call.talks, *call.early_media)),
        key=lambda talk: talk.begin,
    )
    told = sorted(heard["talks"], key=lambda talk: talk["from"])
    assert [pair(talk) for talk in talks] == [
        tuple(sorted((talk["a"], talk["b"]))) for talk in told
    ]
    for talk, one in zip(talks, told, strict=True):
        assert talk.begin == pytest.approx(one["from"], abs=TOLERANCE_SECONDS)
        assert talk.end == pytest.approx(one["to"], abs=TOLERANCE_SECONDS)


@pytest.mark.parametrize(("name", "version"), SCENARIOS)
def test_recording_leaves_no_channel_behind(name: str, version: str) -> None:
    tracker = replay(name, version)
    status = tracker.status()
    assert (status.channels, status.calls, status.contradictions, status.faults) == (0, 0, 0, 0)
    assert len(tracker.bridges) == 0


@pytest.mark.parametrize("version", ["22"])
def test_a_phone_may_ring_before_it_is_told_who_dialled_it(version: str) -> None:
    """S8: Newstate before DialBegin; one ringing, and the same call."""
    told = timed("answered-caller-hangs-up", version)
    begin = next(one for one in told if one[1].name == "DialBegin")
    told.remove(begin)
    place = next(
        place for place, (_, one) in enumerate(told) if one.get("ChannelStateDesc") == "Ringing"
    )
    told.insert(place + 1, (told[place][0], begin[1]))
    tracker = Tracker("pbx")
    changes = [change for at, event in told for change in tracker.feed(event, at)]
    assert [change.kind for change in changes].count(Kind.RINGING) == 1
    (call,) = tracker.ended.values()
    (whole,) = replay("answered-caller-hangs-up", version).ended.values()
    assert (call.outcome, call.talks, len(call.legs)) == (whole.outcome, whole.talks, 1)
    assert call.legs[0].ringing is not None
