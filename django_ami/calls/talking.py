"""The talk of a queue's caller with the agent: from the answer to its end, holds included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call, QueueVisit, TalkSegment

__all__ = ["talk_of_visit"]

#: A hold begins with the end of a talk: events of one moment have two times.
_ONE_MOMENT_SECONDS: Final = 0.5


def talk_of_visit(call: Call, visit: QueueVisit, end: float) -> float | None:
    """For how many seconds the caller talked with the agent who answered; None if nobody did.

    The talk ends where the caller is sent on. ``end`` is that of the call.
    """
    if visit.connected is None:
        return None
    talks = sorted(_with_caller(call, visit), key=lambda talk: talk.begin)
    first = next((talk for talk in talks if visit.agent_channel in _channels(talk)), None)
    first = first or next(iter(talks), None)
    if first is None:
        return 0.0
    reached = _end_of(first, end)
    for talk in talks:
        if _channels(talk) == _channels(first) and talk.begin >= first.begin:
            if talk.begin > _over_hold(call, first, reached, end) + _ONE_MOMENT_SECONDS:
                break  # it is another talk: the caller came back
            reached = max(reached, _end_of(talk, end))
    return max(0.0, _over_hold(call, first, reached, end) - first.begin)


def _channels(talk: TalkSegment) -> frozenset[str]:
    return frozenset((talk.a_channel, talk.b_channel))


def _end_of(talk: TalkSegment, end: float) -> float:
    return end if talk.end is None else talk.end


def _with_caller(call: Call, visit: QueueVisit) -> list[TalkSegment]:
    connected = visit.connected or 0.0
    return [
        talk
        for talk in call.talks
        if visit.channel in _channels(talk) and talk.begin >= connected - _ONE_MOMENT_SECONDS
    ]


def _over_hold(call: Call, talk: TalkSegment, reached: float, end: float) -> float:
    """The end of the hold that interrupted the talk when it had reached so far."""
    for hold in call.holds:
        if hold.channel in _channels(talk) and abs(hold.begin - reached) <= _ONE_MOMENT_SECONDS:
            return max(reached, end if hold.end is None else hold.end)
    return reached
