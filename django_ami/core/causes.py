"""The end of a channel tells of the party behind it: by Q.850 cause, SIP code and DialStatus.

Rule: the party's own Hangup says most. DialEnd says NOANSWER for a refusal, and the Hangup of the
channel that dialled has another cause (app_dial.c and res_pjsip, as seen on Asterisk 16 to 22).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from django_ami.core.numerals import whole_number

if TYPE_CHECKING:
    from django_ami.core.messages import Event

__all__ = [
    "CAUSES_OF_GIVING_UP",
    "CONGESTED",
    "DESCRIPTIONS",
    "NOT_SEEN",
    "CallResult",
    "Refusal",
    "refusal_of",
    "result_of_cause",
]


class CallResult(StrEnum):
    """How an originated call ended up, in one word or two.

    UNKNOWN: nothing tells; a call that an Originate waits for (``wait=True``) never ends up so.
    """

    ANSWERED = "answered"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no answer"
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not found"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"


#: Q.850 causes (include/asterisk/causes.h), as res_pjsip and chan_sip make them of SIP codes
#: (hangup_sip2cause).
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
#: SIP codes that Asterisk gives no cause of their own: 127, interworking, is what it says of some
#: twenty others, too.
_RESULTS_BY_SIP_CODE: Final = {
    487: CallResult.CANCELLED,
    607: CallResult.REJECTED,
    608: CallResult.REJECTED,
}
#: Causes of a channel that Asterisk itself hung up when the time to ring was over.
CAUSES_OF_GIVING_UP: Final = frozenset({16, 18, 19, 26, 127})
CONGESTED: Final = "congestion, or not available"
DESCRIPTIONS: Final = {
    CallResult.ANSWERED: "answered",
    CallResult.BUSY: "busy",
    CallResult.REJECTED: "rejected by the far end",
    CallResult.NO_ANSWER: "nobody answered",
    CallResult.UNAVAILABLE: "the far end is not available",
    CallResult.NOT_FOUND: "no such number",
    CallResult.CANCELLED: "hung up before it was answered",
    CallResult.FAILED: "failed",
    CallResult.UNKNOWN: "nothing tells",
}
#: No circuit: the cause of a caller's channel whose Dial had nobody to dial, too.
_NO_CIRCUIT: Final = 34
_NORMAL: Final = 16
_NO_USER_RESPONSE: Final = 19
_ANSWERED_ELSEWHERE: Final = 26
_INTERWORKING: Final = 127


def result_of_cause(cause: int, sip_code: int | None) -> CallResult:
    """The result that the Hangup of an unanswered channel tells."""
    return _RESULTS_BY_SIP_CODE.get(sip_code or 0) or _RESULTS_BY_CAUSE.get(
        cause, CallResult.FAILED
    )


class Refusal(NamedTuple):
    """The cause of a Hangup; None and empty if none was seen."""

    cause: int | None = None
    cause_text: str = ""
    sip_code: int | None = None

    @classmethod
    def of(cls, hangup: Event | None) -> Refusal:
        """The cause that an event says."""
        if hangup is None:
            return cls()
        return cls(
            whole_number(hangup.get("Cause", "")),
            hangup.get("Cause-txt", ""),
            whole_number(hangup.get("TechCause", "")),
        )

    @property
    def is_failure(self) -> bool:
        """Whether it says more than that a channel was hung up."""
        return bool(self.cause) and self.cause != _NORMAL


#: Of a Hangup that was not seen.
NOT_SEEN: Final = Refusal()


#: Causes that say no more than that nobody answered; 127 is how a CANCEL ends a channel, too.
_SILENT: Final = frozenset({0, 16, 18, 19, 26, 127})
_BY_STATUS: Final = {
    "BUSY": CallResult.BUSY,
    "CONGESTION": CallResult.FAILED,
    "CHANUNAVAIL": CallResult.UNAVAILABLE,
}


def refusal_of(refusal: Refusal, status: str = "", *, rang: bool = False) -> tuple[CallResult, str]:
    """The result of a party that was not connected, and the words for it.

    ``status`` is the DialStatus of its DialEnd, empty if there was none; ``rang`` whether it did.
    """
    result = _result(refusal.cause or 0, refusal.sip_code, status, rang=rang)
    text = DESCRIPTIONS[result]
    if result is CallResult.NO_ANSWER:
        text = f"{'rang, but' if rang else 'did not ring, and'} nobody answered"
    elif result is CallResult.FAILED and refusal.cause == _NO_CIRCUIT:
        text = CONGESTED
    if refusal.is_failure:
        sip = f", SIP {refusal.sip_code}" if refusal.sip_code else ""
        text += f" ({refusal.cause_text or refusal.cause}{sip})"
    return result, text


def _result(cause: int, sip_code: int | None, status: str, *, rang: bool) -> CallResult:
    if status == "CANCEL":
        return CallResult.CANCELLED
    if cause not in _SILENT or (cause == _INTERWORKING and sip_code):
        return result_of_cause(cause, sip_code)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if cause == _NO_USER_RESPONSE and not rang:
        return CallResult.UNAVAILABLE
    if status == "ANSWER" or (not status and cause in {_NORMAL, _ANSWERED_ELSEWHERE}):
        return CallResult.CANCELLED  # it crossed the end of the call
    return CallResult.NO_ANSWER
