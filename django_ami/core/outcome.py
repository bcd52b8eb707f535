"""The outcome of a call that Originate made: its result in a word, and its description.

Codes are read as Asterisk sends them: the Reason of OriginateResponse, the Q.850 cause and the SIP
status of the Hangup, the status of DialEnd.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.calls import UNKNOWN, is_success
from django_ami.core.causes import (
    CAUSES_OF_GIVING_UP,
    CONGESTED,
    DESCRIPTIONS,
    CallResult,
    result_of_cause,
)
from django_ami.core.numerals import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.core.messages import Event

__all__ = ["CallResult", "OriginateOutcome"]


#: ``Reason`` of OriginateResponse: numbers of control frames, not causes. 0 says nothing; 5 and 8
#: come of Local alone.
_RESULTS_BY_REASON: Final = {
    1: CallResult.CANCELLED,
    3: CallResult.NO_ANSWER,
    4: CallResult.ANSWERED,
    5: CallResult.BUSY,
    8: CallResult.FAILED,
}

_CONGESTION: Final = 8
#: The state of a channel that rings (include/asterisk/channelstate.h).
_RINGING: Final = "5"


@dataclass(frozen=True, slots=True)
class OriginateOutcome:
    """The outcome of an Originate.

    ``result`` in one word or two, ``description`` in more words. ``reason`` is the number of
    OriginateResponse (None if it sent none). ``channel`` is the channel (of a failed call: the dial
    string), ``uniqueid`` its id, which is the ``channel_id`` that was asked for, or the client's.
    ``cause`` is the Q.850 number of the channel's Hangup and ``cause_text`` the server's words for
    it (None and empty if no Hangup came in time, or if it was answered). ``sip_code`` is the SIP
    status of a call that failed (header TechCause, from Asterisk 20.17, 22.7 and 23.1 on; else
    None). ``rang`` says whether the far end rang: True for an answered call, None if nothing tells.
    ``forwarded_to`` is where a telephone sent the call (SIP 302); if the call was answered, it was
    answered there.
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
        """Read an ``OriginateResponse`` event, and the Hangup and DialEnd events of its call.

        Without ``events`` it is not known why a call failed, unless the Reason says so.
        """
        uniqueid = event.get("Uniqueid")
        ends = None if events is None else [each for each in events if each.name == "DialEnd"]
        forwarded_to = next((end["Forward"] for end in ends or () if end.get("Forward")), "")
        outcome = cls(
            result=CallResult.ANSWERED,
            reason=whole_number(event.get("Reason", "")),
            description=f"answered by {forwarded_to}, where it was forwarded to"
            if forwarded_to
            else "answered",
            channel=event.get("Channel", ""),
            uniqueid=None if uniqueid == UNKNOWN else uniqueid,
            rang=None if events is None else True,
            forwarded_to=forwarded_to,
        )
        return outcome if is_success(event) else outcome._failed(event, events or (), ends)

    def _failed(
        self, response: Event, events: Sequence[Event], ends: Sequence[Event] | None
    ) -> OriginateOutcome:
        """The same call, which was not answered."""
        hangups = sorted(
            (event for event in events if event.name == "Hangup"),
            key=lambda each: each.get("Uniqueid") != self.uniqueid,
        )
        told = next(
            (hangup for hangup in hangups if whole_number(hangup.get("Cause", ""))),
            next(iter(hangups), None),
        )
        cause = None if told is None else whole_number(told.get("Cause", ""))
        cause_text = "" if told is None else told.get("Cause-txt", "")
        sip_code = None if told is None else whole_number(told.get("TechCause", ""))
        rang = None
        if events:
            rang = any(
                _RINGING in (each.get("ChannelState"), each.get("DestChannelState"))
                for each in events
            )
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


def _judge(
    text: str, cause: int | None, sip_code: int | None, ends: Sequence[Event] | None
) -> tuple[CallResult, str]:
    """The result of a call that failed, and the words for it.

    ``text`` is the Reason, ``cause`` and ``sip_code`` those of its Hangup if one came, ``ends`` its
    DialEnd events (None: unknown).
    """
    reason = whole_number(text)
    result = _RESULTS_BY_REASON.get(reason or 0)
    if result is CallResult.NO_ANSWER and cause and cause not in CAUSES_OF_GIVING_UP:
        result = None  # it was refused in the very moment in which its time was over
    if result is None and cause:
        result = result_of_cause(cause, sip_code)
    if result is not None:
        return result, CONGESTED if reason == _CONGESTION else DESCRIPTIONS[result]
    if reason != 0 and cause is None:
        return CallResult.FAILED, f"failed for a reason unknown here ({text or 'none given'})"
    statuses = {end.get("DialStatus", "") for end in ends or ()}
    if "BUSY" in statuses:
        return CallResult.BUSY, DESCRIPTIONS[CallResult.BUSY]
    if "CONGESTION" in statuses:
        return CallResult.FAILED, CONGESTED
    if cause is not None and "NOANSWER" in statuses:
        return CallResult.CANCELLED, DESCRIPTIONS[CallResult.CANCELLED]
    if cause is not None and not statuses:
        return CallResult.NOT_FOUND, "never dialled: the dialplan has no such extension"
    if ends is None or statuses:
        return CallResult.FAILED, "failed; the Hangup of its channel, which says why, was not seen"
    return (
        CallResult.UNAVAILABLE,
        "no channel was seen: there is no such telephone, or it is not registered",
    )
