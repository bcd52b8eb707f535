"""The outcome of an originated call, judged by the ends of its parties.

The first party's own Hangup tells why it did not pick up. If it did, the second party tells why two
people did not talk: of several that were rung, the one whose refusal says most.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.causes import NOT_SEEN, CallResult, Refusal, refusal_of

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CallOutcome", "SecondParty", "judge"]

#: Of several parties that were rung, the result of the first one here is that of the call.
_PRECEDENCE: Final = (
    CallResult.CANCELLED,
    CallResult.NO_ANSWER,
    CallResult.BUSY,
    CallResult.REJECTED,
    CallResult.UNAVAILABLE,
    CallResult.NOT_FOUND,
    CallResult.FAILED,
)


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The outcome of an originated call.

    ``result`` in a word or two, ``description`` in more words. ``picked_up``: the first party did;
    if it is True and the call was not answered, the result is that of the second party. ``cause``
    is the Q.850 number of the party that did not answer, else of the first channel's Hangup (None:
    not known); ``cause_text`` the server's words for it; ``sip_code`` the SIP status of a refusal,
    where the server tells it. ``talk_seconds`` is how long two parties could hear each other.
    ``inferred``: the end itself was not seen, but concluded.
    """

    result: CallResult
    description: str
    picked_up: bool = False
    cause: int | None = None
    cause_text: str = ""
    sip_code: int | None = None
    talk_seconds: float = 0.0
    inferred: bool = False

    @property
    def answered(self) -> bool:
        """True if two parties talked; of a call to an application, if it was picked up."""
        return self.result is CallResult.ANSWERED

    def as_dict(self) -> dict[str, Any]:
        """A plain dict for JSON, logs and task queues: text, numbers, True, False and None."""
        return {**asdict(self), "result": self.result.value}


class SecondParty:
    """A party that the dialplan dials when the first one has picked up.

    ``status`` is the DialStatus of its DialEnd, ``refusal`` what its Hangup says. ``forwarded``: it
    sent the call on.
    """

    __slots__ = ("forwarded", "rang", "refusal", "status")

    def __init__(
        self,
        status: str = "",
        *,
        forwarded: bool = False,
        rang: bool = False,
        refusal: Refusal = NOT_SEEN,
    ) -> None:
        self.status = status
        self.forwarded = forwarded
        self.rang = rang
        self.refusal = refusal

    def told(self) -> tuple[CallResult, str]:
        """Why it was not connected."""
        return refusal_of(self.refusal, self.status, rang=self.rang)

    def rank(self) -> int:
        """Its place among several; one that sent the call on tells nothing of its end."""
        return len(_PRECEDENCE) if self.forwarded else _PRECEDENCE.index(self.told()[0])


def judge(
    own: Refusal,
    second: Collection[SecondParty],
    *,
    picked_up: bool,
    answered: bool,
    talk_seconds: float,
) -> CallOutcome:
    """The outcome of a call, as far as its events have told it.

    ``own`` is what the Hangup of the first channel says, empty if it was not seen; ``second`` the
    parties that were dialled behind it. ``picked_up``: the first party did. ``answered``: two
    parties talked, or an application took the call.
    """
    outcome = CallOutcome(
        CallResult.ANSWERED,
        "answered",
        picked_up,
        own.cause,
        own.cause_text,
        own.sip_code,
        talk_seconds,
    )
    if answered:
        return outcome
    if not picked_up:
        result, text = refusal_of(own)
        return replace(outcome, result=result, description=text)
    if not second:
        return _undialled(outcome, own)
    party = min(second, key=SecondParty.rank)
    result, text = party.told()
    return replace(
        outcome,
        result=result,
        description=f"the second party: {text}",
        cause=party.refusal.cause,
        cause_text=party.refusal.cause_text,
        sip_code=party.refusal.sip_code,
    )


def _undialled(outcome: CallOutcome, own: Refusal) -> CallOutcome:
    """The dialplan rang no second party: it could not, or an application took the call."""
    if not own.is_failure:
        return replace(outcome, description="answered by the dialplan, which dialled nobody")
    result, text = refusal_of(own)
    return replace(outcome, result=result, description=f"no second party was rung: {text}")
