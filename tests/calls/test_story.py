"""The story of a call, as it was stored, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from django_ami.calls.models import Call
from django_ami.calls.store import save_calls
from django_ami.calls.story import duration, story_of
from django_ami.live.snapshots import (
    ConferenceVisit,
    Direction,
    Forward,
    Leg,
    Outcome,
    Park,
    Pickup,
    Transfer,
    VisitResult,
)
from tests.calls.support import START, a_call, a_queue_call

pytestmark = pytest.mark.django_db


def told() -> list[str]:
    lines = story_of(Call.objects.get())
    return [f"{line.at.timestamp() - START - 1:g} {line.kind}: {line.text}" for line in lines]


def test_a_call_with_a_hold() -> None:
    save_calls([a_call()])
    assert told() == [
        "0 started: Alice 6001 PJSIP/alice called 6002.",
        "1.5 rang: PJSIP/bob (6002) rang.",
        "3 talked: PJSIP/alice and PJSIP/bob talked for 7.0 s.",
        "10 hold: PJSIP/bob put the others on hold for 2.0 s.",
        "12 talked: PJSIP/alice and PJSIP/bob talked for 8.0 s.",
        "20.5 ended: Ended: answered, cause 16; PJSIP/bob hung up.",
    ]


def test_a_visit_that_was_answered_and_one_that_was_not() -> None:
    call = a_queue_call()
    lost = replace(
        call.queues[0],
        queue="support",
        joined=START + 1.5,
        connected=None,
        left=START + 91.5,
        result=VisitResult.TIMEOUT,
    )
    save_calls([replace(call, queues=(call.queues[0], lost), talks=(), holds=(), legs=())])
    assert told()[1:-1] == [
        "0.5 queued: Joined the queue support at position 1.",
        "1 queued: Joined the queue sales at position 1.",
        "3 connected: PJSIP/bob of sales answered after 2.0 s.",
        "90.5 unqueued: Queue support: timed out, after 1 min 30 s.",
    ]


def test_everything_that_can_happen_to_a_call() -> None:
    at = START + 1
    busy = Leg(
        "9", "PJSIP/dora-1", "PJSIP/dora", "", "PJSIP/alice", "1", at + 1, end=at + 2,
        outcome=Outcome.NO_ANSWER, cause=19, tech_cause="480",
    )  # fmt: skip
    back = Park(
        lot="default", space="701", who="PJSIP/alice", channel="1", by="PJSIP/bob",
        begin=at + 5, end=at + 7, result="retrieved", retrieved_by="PJSIP/charlie",
    )  # fmt: skip
    given_up = replace(
        back, space="702", by="", begin=at + 8, end=at + 9, result="gave_up", retrieved_by=""
    )
    save_calls(
        [
            a_call(
                legs=(busy,),
                talks=(),
                holds=(),
                forwards=(Forward(at + 3, "PJSIP/dora", "6003"),),
                pickups=(Pickup(at + 4, "PJSIP/charlie", "PJSIP/bob"),),
                parks=(back, given_up),
                transfers=(
                    Transfer("blind", at + 10, "PJSIP/bob", "PJSIP/alice", "6003", "Success"),
                    Transfer("redirect", at + 11, "", "", "500", "Exten Invalid"),
                ),
                conferences=(ConferenceVisit("42", "PJSIP/alice", "1", at + 12, at + 15),),
                outcome=Outcome.VOICEMAIL,
                application="VoiceMail",
                hung_up_by="",
                inferred=True,
            )
        ]
    )  # fmt: skip
    assert told()[1:] == [
        "2 unanswered: PJSIP/dora: no answer, cause 19, 480.",
        "3 forward: PJSIP/dora forwarded the call to 6003.",
        "4 pickup: PJSIP/charlie picked up the call that rang at PJSIP/bob.",
        "5 park: PJSIP/bob parked PJSIP/alice in 701 for 2.0 s; PJSIP/charlie took it back.",
        "8 park: Somebody parked PJSIP/alice in 702 for 1.0 s: hung up while parked.",
        "10 transfer: PJSIP/bob sent PJSIP/alice on to 6003, blind transfer.",
        "11 transfer: A program sent the other party on to 500 (Exten Invalid).",
        "12 conference: PJSIP/alice was in the conference 42 for 3.0 s.",
        "20.5 ended: Ended: voicemail in VoiceMail, cause 16.",
        "20.5 inferred: A part of this was not seen: a list of the server told it afterwards.",
    ]


def test_a_call_of_nobody_to_nobody() -> None:
    save_calls([a_call(parties=(), legs=(), talks=(), holds=(), requested="")])
    assert told()[0] == "0 started: Somebody called."


def test_a_call_that_a_program_asked_for_is_made_by_the_server() -> None:
    save_calls([a_call(direction=Direction.ORIGINATED, parties=(), requested="PJSIP/100")])
    assert told()[0] == "0 started: The server called PJSIP/100."


def test_durations_are_as_people_write_them() -> None:
    assert [duration(seconds) for seconds in (0, 0.44, 59.4, 59.9, 61, 3661)] == [
        "0.0 s", "0.4 s", "59.4 s", "1 min 00 s", "1 min 01 s", "1 h 01 min 01 s",
    ]  # fmt: skip
