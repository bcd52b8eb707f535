"""The states of an originated call, in their order."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["ORDER", "OriginateState"]


class OriginateState(StrEnum):
    """How far an originated call is."""

    #: It waits for its turn: a limit of the server's options holds it back.
    WAITING = "waiting"
    DIALING = "dialing"
    #: The first party rings.
    RINGING = "ringing"
    #: The first party has picked up.
    PICKED_UP = "picked up"
    #: The second party rings.
    RINGING_SECOND = "ringing second"
    #: Two parties talk, or have talked.
    ANSWERED = "answered"
    ENDED = "ended"
    #: The connection is lost, or the server has not said yet: it is being asked.
    UNKNOWN = "unknown"


#: A call goes through them in this order, and never back.
ORDER: Final = {
    state: number
    for number, state in enumerate(
        (
            OriginateState.UNKNOWN,
            OriginateState.WAITING,
            OriginateState.DIALING,
            OriginateState.RINGING,
            OriginateState.PICKED_UP,
            OriginateState.RINGING_SECOND,
            OriginateState.ANSWERED,
            OriginateState.ENDED,
        )
    )
}
