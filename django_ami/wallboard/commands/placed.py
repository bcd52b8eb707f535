"""The calls that visitors have placed: made here, or by another process of the site."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.urls import reverse

from django_ami.accessor import ami
from django_ami.core.progress import OriginateState

if TYPE_CHECKING:
    from django_ami.acting import UserAmi
    from django_ami.core.client import OriginatedCall

__all__ = ["address_of", "as_json", "find", "originate"]

#: How many calls a process remembers, the newest ones. Others are found in the feed, or asked for.
_MOST_CALLS: Final = 1000

_calls: OrderedDict[str, OriginatedCall] = OrderedDict()


async def originate(
    of_user: UserAmi | None, server: str, call_id: str, **call: Any
) -> OriginatedCall:
    """Make a call with that id, or raise Backpressure. Raises AmiError: nothing was sent then."""
    call |= {"call_id": call_id, "over_limit": "raise"}
    if of_user is None:
        made = ami.server(server).originate(**call)
    else:
        made = await of_user.aoriginate(server=server, **call)
    _calls[call_id] = made
    while len(_calls) > _MOST_CALLS:
        _calls.popitem(last=False)
    return made


def find(server: str, call_id: str) -> OriginatedCall:
    """The call of an id. It may wait for a moment. Raises AmiError."""
    found = _calls.get(call_id)
    if found is not None and found.server == server:
        return found
    return ami.server(server).call(call_id)


def address_of(call: OriginatedCall) -> str:
    """Where the state of a call is told."""
    path = reverse("ami_wallboard:call", kwargs={"call": call.id})
    return f"{path}?{urlencode({'server': call.server})}"


def as_json(call: OriginatedCall) -> dict[str, Any]:
    """A call as browsers get it."""
    outcome = call.outcome
    answered = call.state is OriginateState.ANSWERED or bool(outcome and outcome.answered)
    return {
        "call": call.id,
        "server": call.server,
        "url": address_of(call),
        "state": str(call.state),
        "answered": answered,
        "ended": outcome is not None,
        "outcome": None if outcome is None else str(outcome.result),
        "description": "" if outcome is None else outcome.description,
        "talk_seconds": None if outcome is None else round(outcome.talk_seconds, 1),
    }
