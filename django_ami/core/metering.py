"""Counts and durations for metrics: fixed arrays, so cheap that every process keeps them.

Rule: a table has a bound. Of names that a program makes up, no more than ``MOST_NAMES`` are
told apart; all others count as ``OTHER``.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Hears of each action that is over: its server, its name, its outcome, and how many seconds
    #: it took if it was answered.
    Watch = Callable[[str, str, str, float | None], None]

__all__ = [
    "ACTION_BOUNDS_SECONDS",
    "ANSWERED",
    "MOST_NAMES",
    "OTHER",
    "ActionMeter",
    "Durations",
    "Histogram",
]

MOST_NAMES: Final = 200
OTHER: Final = "other"
#: The outcomes of actions that the server has answered.
ANSWERED: Final = frozenset({"success", "refused"})
ACTION_BOUNDS_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


class Histogram:
    """How often a value was in each interval up to the next of the ``bounds``, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value; a bound belongs to the interval that ends with it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Add the values of another one, whose bounds are the same."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class Durations(dict[str, Histogram]):
    """A histogram of seconds for each name."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds

    def __missing__(self, name: str) -> Histogram:
        if len(self) >= MOST_NAMES:
            name = OTHER
        return self.setdefault(name, Histogram(self._bounds))


class ActionMeter:
    """The outcomes of one server's actions, by name, and how long the answered ones took.

    ``watch``, which is one for all meters, hears of each, too. It is called where answers are read,
    and must be quick.
    """

    watch: ClassVar[Watch | None] = None

    def __init__(self, server: str, clock: Callable[[], float]) -> None:
        self._server = server
        #: The time that ``settled`` compares with, in seconds.
        self.clock = clock
        self.outcomes: dict[tuple[str, str], int] = {}
        self.durations = Durations(ACTION_BOUNDS_SECONDS)
        self._names: set[str] = set()

    def settled(self, name: str, outcome: str, began: float) -> None:
        """An action is over, which was sent at that time of the ``clock``."""
        seconds = None
        if outcome in ANSWERED:
            seconds = self.clock() - began
            self.durations[name].observe(seconds)
        try:
            self.outcomes[name, outcome] += 1
        except KeyError:
            self._count_new(name, outcome)
        watch = type(self).watch
        if watch is not None:
            watch(self._server, name, outcome, seconds)

    def _count_new(self, name: str, outcome: str) -> None:
        if len(self._names) >= MOST_NAMES and name not in self._names:
            name = OTHER
        self._names.add(name)
        self.outcomes[name, outcome] = self.outcomes.get((name, outcome), 0) + 1
