"""Calls as the live picture tells them, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django_ami.live.snapshots import (
    Call,
    CallState,
    Direction,
    Hold,
    Leg,
    Outcome,
    Party,
    QueueVisit,
    TalkSegment,
    VisitResult,
)

__all__ = ["START", "a_call", "a_queue_call"]

#: 2026-11-28 12:00:00 UTC.
START = 1_795_867_200.0


def a_call(number: int = 1, **changes: Any) -> Call:
    """Alice calls Bob, who answers after 3 s, holds for 2 s, and hangs up after 20 s."""
    begin = START + number
    alice, bob = f"{begin:.0f}.1", f"{begin:.0f}.2"
    call = Call(
        id=alice,
        server="pbx",
        direction=Direction.INTERNAL,
        state=CallState.ENDED,
        started=begin,
        answered=begin + 3,
        ended=begin + 20.5,
        outcome=Outcome.ANSWERED,
        cause=16,
        hung_up_by="PJSIP/bob",
        requested="6002",
        destination="6002",
        application="Dial",
        application_data="PJSIP/bob,20",
        parties=(
            Party("PJSIP/alice", "6001", "Alice", "caller", (alice,), begin, begin + 20, begin + 3),
            Party("PJSIP/bob", "6002", "Bob", "callee", (bob,), begin + 1, begin + 20, begin + 3),
        ),
        legs=(
            Leg(
                uniqueid=bob,
                channel="PJSIP/bob-00000002",
                device="PJSIP/bob",
                number="6002",
                by="PJSIP/alice",
                by_channel=alice,
                begin=begin + 1,
                ringing=begin + 1.5,
                answered=begin + 3,
                connected=begin + 3,
                end=begin + 20,
                outcome=Outcome.ANSWERED,
                cause=16,
            ),
        ),
        talks=(
            TalkSegment("PJSIP/alice", "PJSIP/bob", alice, bob, begin + 3, begin + 10),
            TalkSegment("PJSIP/alice", "PJSIP/bob", alice, bob, begin + 12, begin + 20),
        ),
        holds=(Hold("PJSIP/bob", bob, begin + 10, begin + 12),),
    )
    return replace(call, **changes)


def a_queue_call(number: int = 1, **changes: Any) -> Call:
    """Alice waits for 2 s in the queue ``sales``; Bob answers, and they talk for 17 s."""
    call = a_call(number)
    begin = call.started
    visit = QueueVisit(
        queue="sales",
        caller="PJSIP/alice",
        channel=call.id,
        joined=begin + 1,
        position=1,
        result=VisitResult.ANSWERED,
        connected=begin + 3,
        left=begin + 3,
        agent="PJSIP/bob",
        agent_channel=call.legs[0].uniqueid,
        ring_seconds=1.5,
    )
    return replace(call, **{"requested": "500", "queues": (visit,), **changes})
