"""The words of the live picture of calls: directions, states, outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["CALL_OUTCOMES", "CallState", "Direction", "Outcome", "VisitResult"]


class Direction(StrEnum):
    """The direction of a call: trunks are outside; the server began ``originated`` itself."""

    INTERNAL = "internal"
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    ORIGINATED = "originated"


class CallState(StrEnum):
    """The state of a call."""

    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    QUEUED = "queued"
    PARKED = "parked"
    CONFERENCE = "in conference"
    #: The server's dialplan has answered: an announcement, a menu, a voicemail.
    APPLICATION = "application"
    ENDED = "ended"


class Outcome(StrEnum):
    """The end of a call, or of one of its legs."""

    ANSWERED = "answered"
    #: The server answered, and nobody else: an announcement, a menu, a conference.
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    FAILED = "failed"
    #: Legs only: another one answered first.
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    #: Legs only: the phone sent the call on to somebody else.
    FORWARDED = "forwarded"
    #: The caller hung up while waiting in a queue.
    ABANDONED = "abandoned"
    QUEUE_TIMEOUT = "queue_timeout"
    #: Any other way out of a queue; the visit's ``result`` says which.
    QUEUE_LEFT = "queue_left"
    VOICEMAIL = "voicemail"
    #: The end was not seen.
    UNKNOWN = "unknown"


#: The ends that a whole call may have.
CALL_OUTCOMES: Final[tuple[Outcome, ...]] = tuple(
    outcome for outcome in Outcome if outcome not in {Outcome.ANSWERED_ELSEWHERE, Outcome.FORWARDED}
)


class VisitResult(StrEnum):
    """How a visit to a queue went: QUEUESTATUS, where Asterisk sets it (apps/app_queue.c)."""

    WAITING = "waiting"
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMEOUT = "timeout"
    FULL = "full"
    JOIN_EMPTY = "join_empty"
    LEAVE_EMPTY = "leave_empty"
    JOIN_UNAVAILABLE = "join_unavailable"
    LEAVE_UNAVAILABLE = "leave_unavailable"
    #: The caller pressed a key, or the dialplan of an agent went on.
    CONTINUE = "continue"
    WITHDRAWN = "withdrawn"
    #: Taken out by a transfer, a redirect, or for a reason that nobody told.
    LEFT = "left"
    #: The end was not seen.
    UNKNOWN = "unknown"
