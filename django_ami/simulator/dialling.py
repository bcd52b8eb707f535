"""How a channel that is dialled ends, and the call that an Originate asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.simulator.channels import Channel, Pairs, Step

__all__ = [
    "ANSWER",
    "CANCELLED",
    "NO_ANSWER",
    "UNREACHABLE",
    "UNREACHED",
    "Order",
    "Outcome",
    "local_bridge",
    "outcome_of",
    "pair",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a dialled channel ends: its DialStatus, its Reason and its Q.850 cause.

    The Reason is a control frame's number, as in OriginateResponse. The Reason is that of a Local
    channel: of a refusal by a telephone it is 0, whatever the cause.
    """

    status: str
    reason: int
    cause: int

    def reason_of(self, dialed: str) -> int:
        """The Reason of an Originate to there."""
        return self.reason if self.reason in {3, 4} or dialed.startswith("Local/") else 0


ANSWER = Outcome("ANSWER", 4, 16)
NO_ANSWER = Outcome("NOANSWER", 3, 19)
_OUTCOMES = {
    "busy": Outcome("BUSY", 5, 17),
    "noanswer": NO_ANSWER,
    "ring": NO_ANSWER,
    "congestion": Outcome("CONGESTION", 8, 34),
    "reject": Outcome("NOANSWER", 0, 21),
    "unavailable": Outcome("NOANSWER", 0, 19),
    "notfound": Outcome("NOANSWER", 0, 1),
    "hangup": Outcome("CANCEL", 1, 16),
    "fail": Outcome("CHANUNAVAIL", 0, 20),
    "nosuch": Outcome("CHANUNAVAIL", 0, 1),
}
CANCELLED = Outcome("CANCEL", 1, 16)
UNREACHABLE = _OUTCOMES["fail"]
#: The outcome of a Dial that had nobody to dial.
UNREACHED = Outcome("CHANUNAVAIL", 0, 34)


def outcome_of(dialed: str) -> Outcome:
    """The outcome that a word of the dial string asks for."""
    words = re.split(r"[^A-Za-z0-9]+", dialed.lower())
    return next((_OUTCOMES[word] for word in words if word in _OUTCOMES), ANSWER)


@dataclass(frozen=True, slots=True)
class Order:
    """The call that an Originate asks for."""

    channel: str
    step: Step
    timeout: float = 30.0
    caller_num: str = ""
    caller_name: str = ""
    account: str = ""
    variables: Sequence[tuple[str, str]] = ()
    channel_id: str = ""
    other_channel_id: str = ""


def pair(caller: Channel | None, leg: Channel) -> Pairs:
    """The two sides of a Dial event; an originate has no caller side."""
    return [*(caller.snapshot() if caller else ()), *leg.snapshot("Dest")]


def local_bridge(one: Channel, two: Channel) -> Pairs:
    """Both halves of a Local channel."""
    where: Pairs = [("Context", one.context), ("Exten", one.exten), ("LocalOptimization", "Yes")]
    return [*one.snapshot("LocalOne"), *two.snapshot("LocalTwo"), *where]
