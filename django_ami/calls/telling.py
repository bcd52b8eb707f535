"""The end of a stored call: told by the call itself, or by its row in the history.

Rule: the process that made the call knows most, so it has the last word. The history speaks where
nothing else is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from django_ami.calls.columns import number_of, storable
from django_ami.core.causes import DESCRIPTIONS, CallResult
from django_ami.core.progress import OriginateState
from django_ami.live.terms import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.calls.models import Call, CallLeg, Origination
    from django_ami.core.client import OriginatedCall

__all__ = ["note_end", "tell_ends", "told_by_history"]

#: Of a call that the history has: the server rang somebody.
_RESULTS: Final = {
    Outcome.ANSWERED: CallResult.ANSWERED,
    Outcome.COMPLETED: CallResult.ANSWERED,
    Outcome.VOICEMAIL: CallResult.ANSWERED,
    Outcome.BUSY: CallResult.BUSY,
    Outcome.REJECTED: CallResult.REJECTED,
    Outcome.CANCELLED: CallResult.CANCELLED,
    Outcome.FAILED: CallResult.FAILED,
    Outcome.NO_ANSWER: CallResult.NO_ANSWER,
    Outcome.ABANDONED: CallResult.NO_ANSWER,
    Outcome.QUEUE_TIMEOUT: CallResult.NO_ANSWER,
    Outcome.QUEUE_LEFT: CallResult.NO_ANSWER,
}


def note_end(
    model: type[Origination], database: str | None, *, own: bool
) -> Callable[[OriginatedCall, OriginateState], None]:
    """A function for ``on_change``: it stores the outcome of the call.

    An outcome that is not known leaves the row as it is: ask. ``own``: this process has made the
    call, and knows better than what is stored already.
    """

    def note(call: OriginatedCall, state: OriginateState) -> None:
        outcome = call.outcome
        if state is not OriginateState.ENDED or outcome is None:
            return
        if outcome.result is CallResult.UNKNOWN:
            return
        never = call.error is not None and not call.error.sent
        rows = model.objects.using(database).filter(pk=call.id)
        if not own:
            rows = rows.exclude(state=model.State.ENDED)
        rows.update(
            state=model.State.NEVER_MADE if never else model.State.ENDED,
            result=outcome.result.value,
            description=storable(outcome.description)[:255],
            picked_up=outcome.picked_up,
            cause=_number_of(outcome.cause),
            cause_text=storable(outcome.cause_text)[:80],
            sip_code=_number_of(outcome.sip_code),
            talk_seconds=outcome.talk_seconds,
            inferred=outcome.inferred,
            ended=timezone.now(),
        )

    return note


def _number_of(value: int | None) -> int | None:
    return None if value is None else number_of(value)


def told_by_history(call: Call, legs: Iterable[CallLeg], call_id: str = "") -> dict[str, Any]:
    """The fields of a stored call whose row in the history this is, with its legs."""
    result = _RESULTS.get(Outcome(call.outcome), CallResult.UNKNOWN)
    first = [leg for leg in legs if leg.uniqueid == (call_id or call.call_id)]
    return {
        "state": "ended",
        "result": result.value,
        "description": f"{DESCRIPTIONS[result]}, as the history tells",
        "picked_up": result is CallResult.ANSWERED
        or any(leg.outcome == Outcome.ANSWERED for leg in first),
        "cause": call.cause or None,
        "talk_seconds": call.talk_seconds,
        "inferred": call.inferred,
        "ended": call.ended,
    }


def tell_ends(
    database: str, model: type[Origination], ended: Mapping[tuple[str, str], tuple[Call, Any]]
) -> None:
    """Calls were written into the history, by server and id: some of them were asked for here."""
    by_server: dict[str, list[str]] = {}
    for server, call_id in ended:
        by_server.setdefault(server, []).append(call_id)
    for server, ids in by_server.items():
        rows = model.objects.using(database).filter(server=server, pk__in=ids)
        for row in rows.exclude(state=model.State.ENDED).order_by("pk"):
            told = told_by_history(*ended[server, row.pk])
            rows.filter(pk=row.pk).exclude(state=model.State.ENDED).update(**told)
