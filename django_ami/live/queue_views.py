"""Snapshots of queues: the queue, its members, an agent in all its queues, and the callers.

Frozen and whole in themselves. Times are seconds on the clock of the ``now`` that the tracker is
given; None means not yet, or not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from django_ami.live.figures import FIGURES, Counts, service_level, total
from django_ami.live.snapshots import VisitResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "UNREACHABLE_DEVICES",
    "Agent",
    "AgentState",
    "Caller",
    "Curve",
    "Member",
    "Queue",
    "QueueTalk",
    "Totals",
]

#: Device states (include/asterisk/devicestate.h) of a phone that cannot ring: invalid, unavailable.
UNREACHABLE_DEVICES: Final = frozenset({4, 5})

Shown = TypeVar("Shown", "Member", "Agent")


class AgentState(StrEnum):
    """The state of a member of a queue. If several fit, the first of them is shown."""

    #: No member of any queue any more.
    OFFLINE = "offline"
    PAUSED = "paused"
    AVAILABLE = "available"
    RINGING = "ringing"
    #: With a caller of a queue.
    TALKING = "talking"
    #: The phone is in use, and not for a queue.
    TALKING_OTHER = "talking_other"
    #: The queue gives time to write things down before the next call.
    WRAP_UP = "wrap_up"
    #: The phone is not registered, or there is none.
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class QueueTalk:
    """A caller of a queue talks with a member since ``begin``."""

    queue: str
    interface: str
    #: The Uniqueids of both channels; empty if not known.
    channel: str
    member_channel: str
    number: str
    name: str
    begin: float


@dataclass(frozen=True, slots=True)
class Caller:
    """A visit of a caller to a queue; ``result`` is WAITING until it ends at ``end``."""

    queue: str
    uniqueid: str
    channel: str
    number: str
    name: str
    #: From 1; of a visit that has ended the last one.
    position: int
    joined: float
    result: VisitResult = VisitResult.WAITING
    end: float | None = None
    #: The id of the call that the caller joined with; empty if it is not known.
    call: str = ""

    def wait(self, now: float) -> float:
        """For how many seconds the caller has waited, or did wait."""
        return max(0.0, (now if self.end is None else self.end) - self.joined)


@dataclass(frozen=True, slots=True)
class Member:
    """A member in one queue. ``state`` is that of the moment of the snapshot: see ``at``."""

    queue: str
    interface: str
    name: str
    #: Whose state ``device_state`` is, and that number: see include/asterisk/devicestate.h.
    device: str
    device_state: int
    state: AgentState
    since: float | None
    paused: bool
    paused_since: float | None
    pause_reason: str
    penalty: int
    #: The call with a caller of this or another queue.
    talk: QueueTalk | None
    wrapup_until: float
    #: When its last call for the queue ended.
    last_call: float | None
    #: Counted by us, since the tracker began; rings that it did not answer, too.
    calls_taken: int
    calls_missed: int
    login: float | None

    def at(self, now: float) -> Member:
        """The same member now: a wrap-up ends without an event."""
        return _rested(self, now)


@dataclass(frozen=True, slots=True)
class Agent:
    """A member in all its queues (True: paused there), counted once. ``state``: see ``at``.

    It is paused if it is paused in all of them.
    """

    interface: str
    name: str
    #: Whose state ``device_state`` is.
    device: str
    device_state: int
    state: AgentState
    since: float | None
    pause_reason: str
    queues: Mapping[str, bool]
    talk: QueueTalk | None
    wrapup_until: float
    calls_taken: int
    #: Seconds of talk, wrapup, pause and idle since midnight, up to the moment of the snapshot.
    seconds_today: Mapping[str, float]
    occupancy_today: float | None
    seconds: Mapping[str, float]
    occupancy: float | None

    def at(self, now: float) -> Agent:
        """The same agent now: a wrap-up ends without an event."""
        return _rested(self, now)


def _rested(shown: Shown, now: float) -> Shown:
    if shown.state != AgentState.WRAP_UP or now < shown.wrapup_until:
        return shown
    after = (
        AgentState.UNREACHABLE
        if shown.device_state in UNREACHABLE_DEVICES
        else AgentState.AVAILABLE
    )
    return replace(shown, state=after, since=shown.wrapup_until)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: how many wait, since when the first of them does, and its counts."""

    name: str
    waiting: int
    oldest: float | None
    today: Counts
    total: Counts
    service_level_seconds: float
    #: Which of the formulas the service level has by default: 1 to 4.
    service_level_formula: int

    def longest_wait_now(self, now: float) -> float | None:
        """Longest wait now = now - the oldest join of those who wait; None if nobody does."""
        return None if self.oldest is None else max(0.0, now - self.oldest)

    def figures(self, *, today: bool = True) -> dict[str, float | None]:
        """Every figure of ``live.figures``, and ``service_level`` by the formula that is set."""
        return _figures(self.today if today else self.total, self.service_level_formula)


@dataclass(frozen=True, slots=True)
class Curve:
    """The callers of a queue since midnight, by the quarter of an hour in which they joined.

    ``begin`` is that midnight, and a quarter has so many ``seconds``. The rows end with the last
    quarter in which somebody joined.
    """

    begin: float
    seconds: int
    offered: tuple[int, ...] = ()
    answered: tuple[int, ...] = ()
    abandoned: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """All queues together; an agent in several of them is one."""

    waiting: int
    oldest: float | None
    today: Counts
    total: Counts
    #: How many agents are in each state.
    agents: Mapping[AgentState, int] = field(default_factory=dict)
    service_level_formula: int = 4

    @classmethod
    def of(cls, queues: Iterable[Queue], states: Iterable[AgentState]) -> Totals:
        """The totals of these queues, and of the agents whose states these are, each once."""
        queues = tuple(queues)
        agents: dict[AgentState, int] = {}
        for state in states:
            agents[state] = agents.get(state, 0) + 1
        return cls(
            sum(queue.waiting for queue in queues),
            min((queue.oldest for queue in queues if queue.oldest is not None), default=None),
            total(queue.today for queue in queues),
            total(queue.total for queue in queues),
            agents,
            next((queue.service_level_formula for queue in queues), 4),
        )

    def longest_wait_now(self, now: float) -> float | None:
        """Longest wait now, of all queues; None if nobody waits."""
        return None if self.oldest is None else max(0.0, now - self.oldest)

    def figures(self, *, today: bool = True) -> dict[str, float | None]:
        """As ``Queue.figures``, of all queues."""
        return _figures(self.today if today else self.total, self.service_level_formula)


def _figures(counts: Counts, formula: int) -> dict[str, float | None]:
    return {
        "service_level": service_level(counts, formula),
        **{name: figure(counts) for name, figure in FIGURES.items()},
    }
