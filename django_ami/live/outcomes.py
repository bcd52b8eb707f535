"""The state, the direction and the outcome of a call, as far as its story tells.

Rule: no outcome depends on the order of DialEnd, Hangup and Cdr, which is a race in every version
of Asterisk. So they are worked out from all that is known, when somebody asks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.live.snapshots import CallState, Direction, Outcome, TalkSegment, VisitResult

if TYPE_CHECKING:
    from django_ami.live.call import Call
    from django_ami.live.snapshots import Leg, QueueVisit, Transfer

__all__ = [
    "HUNG_UP",
    "PICKED_UP",
    "causes",
    "direction",
    "early_media",
    "leg_outcome",
    "outcome",
    "state",
]

#: The outcomes of a call that somebody ended; any other one ended by itself.
HUNG_UP: Final = frozenset(
    {Outcome.ANSWERED, Outcome.COMPLETED, Outcome.CANCELLED, Outcome.ABANDONED, Outcome.VOICEMAIL}
)

#: The status of a leg whose call another phone picked up: DialEnd does not come (main/pickup.c).
PICKED_UP: Final = "PICKUP"
#: Q.850 (include/asterisk/causes.h).
_BUSY: Final = 17
_REJECTED: Final = 21
_REDIRECTED: Final = 23
_ANSWERED_ELSEWHERE: Final = 26
#: How a caller's CANCEL ends a channel (chan_pjsip).
_INTERWORKING: Final = 127
#: How long the end of a leg may be before the caller's hangup and belong to it.
_CROSSING_SECONDS: Final = 0.05
#: Causes that say no more than that nobody answered.
_SILENT: Final = frozenset({0, 16, 18, 19, _INTERWORKING})
#: A leg's outcome by the cause of its own Hangup: the caller's has another one, and DialEnd says
#: NOANSWER for all.
_BY_CAUSE: Final = {
    _REDIRECTED: Outcome.FORWARDED,
    _ANSWERED_ELSEWHERE: Outcome.ANSWERED_ELSEWHERE,
    _BUSY: Outcome.BUSY,
    _REJECTED: Outcome.REJECTED,
}
#: Causes that a leg which was given up may have from the channel that dialled it (apps/app_dial.c,
#: hanguptree).
_OF_THE_CALLER: Final = frozenset({_BUSY, _REJECTED, _ANSWERED_ELSEWHERE})
#: And by DialStatus.
_BY_STATUS: Final = {
    PICKED_UP: Outcome.ANSWERED_ELSEWHERE,
    "BUSY": Outcome.BUSY,
    "CONGESTION": Outcome.FAILED,
    "CHANUNAVAIL": Outcome.FAILED,
    "INVALIDARGS": Outcome.FAILED,
}
#: Outcomes whose cause the phone alone tells that did not answer.
_TOLD_BY_LEGS: Final = frozenset(
    {Outcome.BUSY, Outcome.REJECTED, Outcome.NO_ANSWER, Outcome.FAILED}
)
#: Of several phones that rang together: the first of these that fits one of them.
_PRECEDENCE: Final = (
    Outcome.ANSWERED,
    Outcome.CANCELLED,
    Outcome.NO_ANSWER,
    Outcome.BUSY,
    Outcome.REJECTED,
    Outcome.FAILED,
)


def leg_outcome(call: Call, leg: Leg) -> Outcome | None:
    """How a leg went; None while it is open."""
    if leg.connected is not None:
        return Outcome.ANSWERED
    if leg.end is None and (call.ended is None or call.merged_into is not None):
        return None
    if leg.forwarded_to:
        return Outcome.FORWARDED
    if leg.answered is not None and (not leg.by or _conferred(call, leg)):
        # The server called it, for an application or for somebody else.
        return Outcome.ANSWERED
    # The channel that ends the ringing gives the leg its own last cause, which another phone may
    # have left: the status of a leg that was given up says more.
    given_up = leg.status == "CANCEL" and leg.cause in _OF_THE_CALLER
    if not given_up and (by_cause := _BY_CAUSE.get(leg.cause)) is not None:
        return by_cause
    if leg.status in _BY_STATUS:
        return _BY_STATUS[leg.status]
    if leg.status == "ANSWER" and _another_answered(call, leg):
        return Outcome.ANSWERED_ELSEWHERE
    if leg.status == "CANCEL" or _is_given_up(call, leg):
        return Outcome.ANSWERED_ELSEWHERE if _another_answered(call, leg) else Outcome.CANCELLED
    return _unanswered(call, leg)


def _conferred(call: Call, leg: Leg) -> bool:
    """Whether a phone was sent to a conference when it had picked up (Dial with G, or Redirect)."""
    visits = call.story.conferences.values()
    return any(leg.uniqueid == one.channel or leg.device == one.device for one in visits)


def _is_given_up(call: Call, leg: Leg) -> bool:
    """Whether the caller hung up while a phone rang; DialEnd may be lost, or cross an answer."""
    if not leg.status and leg.cause == _INTERWORKING:
        return True
    hangup = call.hangup
    mine = leg.by_channel and hangup.channel == leg.by_channel and hangup.cause in _SILENT
    return bool(mine) and leg.end is not None and leg.end > hangup.at - _CROSSING_SECONDS


def _unanswered(call: Call, leg: Leg) -> Outcome:
    """A leg that is over, and of which nothing told that anybody ended it."""
    if leg.cause not in _SILENT:
        return Outcome.FAILED
    unseen = call.inferred and not leg.status and not leg.cause
    return Outcome.UNKNOWN if unseen else Outcome.NO_ANSWER


def _another_answered(call: Call, leg: Leg) -> bool:
    """Whether a phone that rang beside this one was connected: one from before was not rung.

    Or the call that rang beside this one was picked up, by a phone that nobody dialled.
    """
    return any(
        other is not leg
        and (
            other.status == PICKED_UP
            or (other.connected is not None and other.connected >= leg.begin)
        )
        and other.by == leg.by
        and _beside(other, leg)
        for other in call.story.legs.values()
    )


def _beside(one: Leg, other: Leg) -> bool:
    """Whether two legs rang together; one that begins as the other ends comes behind it."""
    first, second = (one, other) if one.begin <= other.begin else (other, one)
    return first.begin == second.begin or first.end is None or first.end > second.begin


def outcome(call: Call) -> Outcome:
    """How a call that has ended went. A call that was answered once stays answered."""
    if call.answered is not None:
        return Outcome.ANSWERED
    if call.voicemail:
        return Outcome.VOICEMAIL
    # A phone that could not be rung (live.unreached) says nothing of those that were.
    legs = [leg for leg in call.story.legs.values() if leg.uniqueid and not leg.queue]
    visit = next(reversed(call.story.queues.values()), None)
    # Phones that the dialplan rang behind the queue say more than the queue.
    if visit is not None and not any(leg.begin > visit.joined for leg in legs):
        return _of_visit(visit)
    called = [leg for leg in legs if leg.by] or legs
    if called:
        return _of_legs(call, called)
    return _of_caller(call)


def _of_visit(visit: QueueVisit) -> Outcome:
    if visit.result in {VisitResult.ABANDONED, VisitResult.WAITING}:
        return Outcome.ABANDONED
    if visit.result is VisitResult.UNKNOWN:
        return Outcome.UNKNOWN
    return Outcome.QUEUE_TIMEOUT if visit.result is VisitResult.TIMEOUT else Outcome.QUEUE_LEFT


def _of_legs(call: Call, legs: list[Leg]) -> Outcome:
    last = max(legs, key=lambda leg: leg.begin)
    together = {leg_outcome(call, leg) for leg in legs if leg.by == last.by and _beside(leg, last)}
    return next(
        (one for one in _PRECEDENCE if one in together),
        Outcome.UNKNOWN if call.inferred else Outcome.FAILED,
    )


def _of_caller(call: Call) -> Outcome:
    """Nobody was dialled: an application answered, or nothing did."""
    if call.up:
        return Outcome.COMPLETED
    if call.inferred and not call.hangup.cause:
        return Outcome.UNKNOWN
    cause = call.hangup.cause
    if cause not in _SILENT:
        return _BY_CAUSE.get(cause, Outcome.FAILED)
    if call.origin is Direction.ORIGINATED:
        return Outcome.FAILED
    gave_up = call.hangup.device or cause == _INTERWORKING
    return Outcome.CANCELLED if gave_up else Outcome.NO_ANSWER


def causes(call: Call) -> tuple[int, str]:
    """The cause of the end: the one of the phone that did not answer, else that of the hangup."""
    if call.ended is not None and (how := outcome(call)) in _TOLD_BY_LEGS:
        legs = (leg for leg in reversed(call.story.legs.values()) if leg.cause)
        leg = next((leg for leg in legs if leg_outcome(call, leg) is how), None)
        if leg is not None:
            return leg.cause, leg.tech_cause
    return call.hangup.cause, call.hangup.tech_cause


def early_media(legs: tuple[Leg, ...]) -> tuple[TalkSegment, ...]:
    """The pairs that could hear each other before a phone was picked up."""
    return tuple(
        TalkSegment(
            leg.by, leg.device, leg.by_channel, leg.uniqueid, leg.progress, leg.answered or leg.end
        )
        for leg in legs
        if leg.progress is not None
    )


def transfers(call: Call) -> tuple[Transfer, ...]:
    """The transfers; of several phones that rang for one, the phone that answered is its target."""
    return tuple(
        one if one.kind != "attended" else replace(one, to=_answering(call, one.to, one.at))
        for one in call.story.transfers.values()
    )


def _answering(call: Call, device: str, at: float) -> str:
    legs = call.story.legs.values()
    rang = next((leg for leg in legs if leg.device == device and _rings(leg, at)), None)
    if rang is None or rang.connected is not None:
        return device
    beside = (leg for leg in legs if leg.by == rang.by and _rings(leg, at) and _beside(leg, rang))
    return next((leg.device for leg in beside if leg.connected is not None), device)


def _rings(leg: Leg, at: float) -> bool:
    return (
        leg.begin <= at
        and (leg.end is None or leg.end >= at)
        and (leg.connected is None or leg.connected >= at)
    )


def direction(call: Call) -> Direction:
    """Where a call came from and went to, by the trunks of the options."""
    if call.origin is not Direction.INTERNAL:
        return call.origin
    trunks = call.shared.options.trunks
    outside = any(leg.device in trunks for leg in call.story.legs.values())
    return Direction.OUTBOUND if outside else Direction.INTERNAL


def state(call: Call) -> CallState:
    """The state of a call; of several that fit, the first of these."""
    story = call.story
    if call.ended is not None:
        return CallState.ENDED
    if any(talk.end is None for talk in story.talks.values()):
        return CallState.ANSWERED
    if any(hold.end is None for hold in story.holds.values()):
        return CallState.HELD
    if any(park.end is None for park in story.parks.values()):
        return CallState.PARKED
    if any(visit.left is None and visit.connected is None for visit in story.queues.values()):
        return CallState.QUEUED
    if any(visit.left is None for visit in story.conferences.values()):
        return CallState.CONFERENCE
    if any(
        leg.end is None and leg.answered is None and leg.ringing is not None
        for leg in story.legs.values()
    ):
        return CallState.RINGING
    if any(leg.end is None and leg.answered is None for leg in story.legs.values()):
        return CallState.DIALING
    if call.up:
        return CallState.APPLICATION
    return CallState.DIALING
