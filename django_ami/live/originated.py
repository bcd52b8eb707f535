"""An originated call as the live picture knows it: its state and outcome, in the words of one.

The picture has legs in the place of events. A leg that nobody dialled is the first party's: the
server rang it. Those that were dialled when it had picked up are second parties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.call_outcome import CallOutcome, SecondParty, judge
from django_ami.core.causes import CallResult, Refusal
from django_ami.core.numerals import whole_number
from django_ami.core.progress import OriginateState
from django_ami.live.terms import Outcome

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call, Leg

__all__ = ["channels_of", "outcome_of", "state_of"]

#: Outcomes of a call without a leg of its first party, which tell all that is known of it.
_RESULTS: Final = {
    Outcome.ANSWERED: CallResult.ANSWERED,
    Outcome.COMPLETED: CallResult.ANSWERED,
    Outcome.VOICEMAIL: CallResult.ANSWERED,
    Outcome.BUSY: CallResult.BUSY,
    Outcome.REJECTED: CallResult.REJECTED,
    Outcome.CANCELLED: CallResult.CANCELLED,
    Outcome.NO_ANSWER: CallResult.NO_ANSWER,
    Outcome.FAILED: CallResult.FAILED,
}


def state_of(call: Call) -> OriginateState:
    """How far an originated call is."""
    if call.ended is not None:
        return OriginateState.ENDED
    if call.answered is not None:
        return OriginateState.ANSWERED
    first, second = _parties(call)
    picked_up = any(leg.answered is not None for leg in first)
    if picked_up and any(leg.ringing is not None for leg in second):
        return OriginateState.RINGING_SECOND
    if picked_up:
        return OriginateState.PICKED_UP
    rings = any(leg.ringing is not None for leg in first)
    return OriginateState.RINGING if rings else OriginateState.DIALING


def channels_of(call: Call) -> tuple[str, ...]:
    """The Uniqueids of the channels of those who are in the call, as far as they are known."""
    return tuple(
        uniqueid for party in call.parties if party.left is None for uniqueid in party.channels
    )


def outcome_of(call: Call) -> CallOutcome | None:
    """The outcome of an originated call; None as long as it goes on."""
    if call.ended is None:
        return None
    first, second = _parties(call)
    result = _RESULTS.get(call.outcome or Outcome.UNKNOWN, CallResult.UNKNOWN)
    if not first or result is CallResult.UNKNOWN:
        return CallOutcome(result, str(result), cause=call.cause or None, inferred=call.inferred)
    own = _party(first[-1])
    if not any(leg.answered is not None for leg in first):
        result, text = own.told()
        refusal = own.refusal
        return CallOutcome(result, text, cause=refusal.cause, sip_code=refusal.sip_code)
    return judge(
        own.refusal,
        [_party(leg) for leg in second],
        picked_up=True,
        answered=call.answered is not None,
        talk_seconds=call.talk_seconds(call.ended),
    )


def _parties(call: Call) -> tuple[list[Leg], list[Leg]]:
    legs = [leg for leg in call.legs if leg.uniqueid]
    return [leg for leg in legs if not leg.by], [leg for leg in legs if leg.by]


def _party(leg: Leg) -> SecondParty:
    refusal = Refusal(leg.cause, sip_code=whole_number(leg.tech_cause))
    rang = leg.ringing is not None
    return SecondParty(leg.status, forwarded=bool(leg.forwarded_to), rang=rang, refusal=refusal)
