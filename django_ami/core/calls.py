"""What became of a call that Originate made, from what the server tells of it.

A refusal by a telephone is OriginateResponse with Reason 0, whatever its cause (pbx_dial_reason in main/pbx.c). The
cause stands in the Hangup of the channel, and DialEnd says BUSY. They come before OriginateResponse or behind it: one
thread sends that, another one the events of channels (main/manager.c, main/manager_channels.c). So a call has a
ChannelId that is known before it is made, and the events of that id are gathered until they say enough.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.core.messages import Event

__all__ = [
    "CALL_EVENTS",
    "DIAL_END_SECONDS",
    "HANGUP_SECONDS",
    "Call",
    "CallResult",
    "OriginateOutcome",
    "channel_id_for",
]

#: The events that tell what became of a call, beside OriginateResponse.
CALL_EVENTS: Final = frozenset({"Hangup", "DialEnd"})
#: So long behind the OriginateResponse of a call that failed its Hangup is waited for. No Hangup ever comes if there
#: was no channel.
HANGUP_SECONDS: Final = 1.0
#: So long behind the OriginateResponse of a call that was answered its DialEnd is waited for, which says where. An
#: account that is shown no DialEnd waits for it in vain.
DIAL_END_SECONDS: Final = 0.1
#: How long Asterisk lets a call ring if the Originate has no Timeout (action_originate in main/manager.c).
RING_SECONDS: Final = 30.0


class CallResult(StrEnum):
    """How an originated call ended up, in one word or two."""

    ANSWERED = "answered"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no answer"
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not found"
    CANCELLED = "cancelled"
    FAILED = "failed"


#: Q.850 causes (include/asterisk/causes.h), as res_pjsip and chan_sip make them of SIP codes (hangup_sip2cause).
_RESULTS_BY_CAUSE: Final = {
    1: CallResult.NOT_FOUND,  # 404
    2: CallResult.NOT_FOUND,
    3: CallResult.NOT_FOUND,
    16: CallResult.CANCELLED,
    17: CallResult.BUSY,  # 486, 600
    18: CallResult.NO_ANSWER,  # 408
    19: CallResult.UNAVAILABLE,  # 480; a call that rang out has Reason 3
    20: CallResult.UNAVAILABLE,
    21: CallResult.REJECTED,  # 603, 403, 401
    22: CallResult.NOT_FOUND,  # 410
    26: CallResult.CANCELLED,
    27: CallResult.UNAVAILABLE,
    28: CallResult.NOT_FOUND,  # 484
}
#: SIP codes that Asterisk gives no cause of their own: 127, interworking, is what it says of some twenty others, too.
_RESULTS_BY_SIP_CODE: Final = {
    487: CallResult.CANCELLED,
    607: CallResult.REJECTED,
    608: CallResult.REJECTED,
}

#: ``Reason`` of OriginateResponse: numbers of control frames, not causes. 0 says nothing; 5 and 8 come of Local alone.
_RESULTS_BY_REASON: Final = {
    1: CallResult.CANCELLED,
    3: CallResult.NO_ANSWER,
    4: CallResult.ANSWERED,
    5: CallResult.BUSY,
    8: CallResult.FAILED,
}

_CONGESTION: Final = 8
#: Causes of a channel that Asterisk itself hung up when the time to ring was over.
_CAUSES_OF_GIVING_UP: Final = frozenset({16, 18, 19, 26, 127})
#: The state of a channel that rings (include/asterisk/channelstate.h).
_RINGING: Final = "5"
_CONGESTED: Final = "congestion, or not available"

_DESCRIPTIONS: Final = {
    CallResult.ANSWERED: "answered",
    CallResult.BUSY: "busy",
    CallResult.REJECTED: "rejected by the far end",
    CallResult.NO_ANSWER: "nobody answered",
    CallResult.UNAVAILABLE: "the far end is not available",
    CallResult.NOT_FOUND: "no such number",
    CallResult.CANCELLED: "hung up before it was answered",
    CallResult.FAILED: "failed",
}


def channel_id_for(action_id: str) -> str:
    """The ChannelId of an Originate that was given none.

    It ends in a way that makes it the beginning of no other one: a live channel whose id begins with it would be taken
    for it.
    """
    return f"{action_id}.0"


class Call:
    """A call that is being made: which events are about it, and whether they say enough.

    ``headers`` are those of the Originate as it is sent. ``ring_seconds`` is how long the server lets it ring.
    """

    __slots__ = ("channel_id", "other_id", "ring_seconds")

    def __init__(self, headers: Iterable[tuple[str, str]], action_id: str) -> None:
        given = {key.lower(): value for key, value in reversed(tuple(headers))}  # the first one counts
        self.channel_id = given.get("channelid") or channel_id_for(action_id)
        local = given.get("channel", "").lower().startswith("local/")
        #: The id of the other half of a Local channel, which has the cause that this half may lack.
        self.other_id = (given.get("otherchannelid") or f"{self.channel_id};2") if local else ""
        rings = given.get("timeout", "")
        self.ring_seconds = int(rings) / 1000 if rings.isdecimal() else RING_SECONDS

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its channels."""
        return (self.channel_id, self.other_id) if self.other_id else (self.channel_id,)

    def why_untold(self, waited_seconds: float, events: Sequence[Event]) -> str:
        """Why no OriginateResponse has come, for one who has waited for so long; ends a sentence."""
        ended = any(event.name == "Hangup" for event in events)
        if waited_seconds < self.ring_seconds and not ended:
            return (
                f"and it may still be ringing, up to {self.ring_seconds:g} s in all: look for the channel with the "
                f"Uniqueid {self.channel_id} before you repeat it."
            )
        hidden = "does an eventfilter of the AMI user hide it?"
        if not events:
            hidden = f"does the AMI user have read=call, or {hidden}"
        return f"but no OriginateResponse came{' though it has ended' * ended}: {hidden}"

    def is_told(self, response: Event, events: Sequence[Event]) -> bool:
        """True if OriginateResponse and these events say what became of it, and nothing is worth waiting for.

        DialEnd says where an answered call was forwarded to. It comes before OriginateResponse or behind it, too.
        """
        dialled = any(event.name == "DialEnd" for event in events)
        if _is_success(response):
            return dialled
        hangups = {event.get("Uniqueid"): event for event in events if event.name == "Hangup"}
        mine = hangups.get(self.channel_id)
        if mine is None:
            return False
        if _number(mine.get("Cause", "")):
            return True
        if self.other_id:
            other = hangups.get(self.other_id)
            if other is None:
                return False
            if _number(other.get("Cause", "")):
                return True
        # Cause 0 is that of a call which was hung up here, and of one that was never dialled: DialEnd tells them apart.
        return _number(response.get("Reason", "")) != 0 or dialled

    @staticmethod
    def seconds_to_wait(response: Event) -> float:
        """How long the rest is waited for, if OriginateResponse has come and ``is_told`` is False."""
        return DIAL_END_SECONDS if _is_success(response) else HANGUP_SECONDS


@dataclass(frozen=True, slots=True)
class OriginateOutcome:
    """What became of an Originate.

    ``result`` in one word or two, ``description`` in more words. ``reason`` is the number of OriginateResponse (None if
    it sent none). ``channel`` is the channel (of a failed call: the dial string), ``uniqueid`` its id, which is the
    ``channel_id`` that was asked for, or the client's. ``cause`` is the Q.850 number of the channel's Hangup and
    ``cause_text`` the server's words for it (None and empty if no Hangup came in time, or if it was answered).
    ``sip_code`` is the SIP status of a call that failed (header TechCause, from Asterisk 20.17, 22.7 and 23.1 on; else
    None). ``rang`` says whether the far end rang: True for an answered call, None if nothing tells. ``forwarded_to`` is
    where a telephone sent the call (SIP 302); if the call was answered, it was answered there.
    """

    result: CallResult
    reason: int | None
    description: str
    channel: str
    uniqueid: str | None
    cause: int | None = None
    cause_text: str = ""
    sip_code: int | None = None
    rang: bool | None = None
    forwarded_to: str = ""

    @property
    def answered(self) -> bool:
        """True if the far end answered."""
        return self.result is CallResult.ANSWERED

    def as_dict(self) -> dict[str, Any]:
        """A plain dict for JSON, logs and task queues: text, numbers, True, False and None."""
        return {**asdict(self), "result": self.result.value}

    @classmethod
    def from_event(cls, event: Event, events: Sequence[Event] | None = None) -> OriginateOutcome:
        """Read an ``OriginateResponse`` event, and what else was told of the call: its Hangup and DialEnd events.

        Without ``events`` it is not known why a call failed, unless the Reason says so.
        """
        uniqueid = event.get("Uniqueid")
        ends = None if events is None else [each for each in events if each.name == "DialEnd"]
        forwarded_to = next((end["Forward"] for end in ends or () if end.get("Forward")), "")
        outcome = cls(
            result=CallResult.ANSWERED,
            reason=_number(event.get("Reason", "")),
            description=f"answered by {forwarded_to}, where it was forwarded to" if forwarded_to else "answered",
            channel=event.get("Channel", ""),
            uniqueid=None if uniqueid == "<unknown>" else uniqueid,
            rang=None if events is None else True,
            forwarded_to=forwarded_to,
        )
        return outcome if _is_success(event) else outcome._failed(event, events or (), ends)

    def _failed(self, response: Event, events: Sequence[Event], ends: Sequence[Event] | None) -> OriginateOutcome:
        """The same call, which was not answered."""
        hangups = sorted(
            (event for event in events if event.name == "Hangup"),
            key=lambda each: each.get("Uniqueid") != self.uniqueid,
        )
        told = next((hangup for hangup in hangups if _number(hangup.get("Cause", ""))), next(iter(hangups), None))
        cause = None if told is None else _number(told.get("Cause", ""))
        cause_text = "" if told is None else told.get("Cause-txt", "")
        sip_code = None if told is None else _number(told.get("TechCause", ""))
        rang = None
        if events:
            rang = any(_RINGING in (each.get("ChannelState"), each.get("DestChannelState")) for each in events)
        result, description = _judge(response.get("Reason", ""), cause, sip_code, ends)
        if result is CallResult.NO_ANSWER and rang is not None:
            description = f"{'rang, but' if rang else 'did not ring, and'} nobody answered"
        if cause and self.reason not in _RESULTS_BY_REASON:
            description += f" ({cause_text or cause}{f', SIP {sip_code}' if sip_code else ''})"
        if self.forwarded_to:
            description += f"; it was forwarded to {self.forwarded_to}"
        return replace(
            self,
            result=result,
            description=description,
            cause=cause,
            cause_text=cause_text,
            sip_code=sip_code,
            rang=rang,
        )


def _judge(text: str, cause: int | None, sip_code: int | None, ends: Sequence[Event] | None) -> tuple[CallResult, str]:
    """The result of a call that failed, and the words for it.

    ``text`` is the Reason, ``cause`` and ``sip_code`` those of its Hangup if one came, ``ends`` its DialEnd events
    (None: unknown).
    """
    reason = _number(text)
    result = _RESULTS_BY_REASON.get(reason or 0)
    if result is CallResult.NO_ANSWER and cause and cause not in _CAUSES_OF_GIVING_UP:
        result = None  # it was refused in the very moment in which its time was over
    if result is None and cause:
        result = _RESULTS_BY_SIP_CODE.get(sip_code or 0) or _RESULTS_BY_CAUSE.get(cause, CallResult.FAILED)
    if result is not None:
        return result, _CONGESTED if reason == _CONGESTION else _DESCRIPTIONS[result]
    if reason != 0 and cause is None:
        return CallResult.FAILED, f"failed for a reason unknown here ({text or 'none given'})"
    statuses = {end.get("DialStatus", "") for end in ends or ()}
    if "BUSY" in statuses:
        return CallResult.BUSY, _DESCRIPTIONS[CallResult.BUSY]
    if "CONGESTION" in statuses:
        return CallResult.FAILED, _CONGESTED
    if cause is not None and "NOANSWER" in statuses:
        return CallResult.CANCELLED, _DESCRIPTIONS[CallResult.CANCELLED]
    if cause is not None and not statuses:
        return CallResult.NOT_FOUND, "never dialled: the dialplan has no such extension"
    if ends is None or statuses:
        return CallResult.FAILED, "failed; the Hangup of its channel, which says why, was not seen"
    return CallResult.UNAVAILABLE, "no channel was seen: there is no such telephone, or it is not registered"


def _is_success(event: Event) -> bool:
    return event.get("Response", "").lower() == "success"


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
