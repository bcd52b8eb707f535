"""The moment at which a call may be dialled, by the limits of a server and the order of calls.

Rule: pure; ``now`` is an argument, in seconds. Its owner keeps threads apart.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]

Call = TypeVar("Call")


def _stands(_: object) -> bool:
    return False


class Pacer(Generic[Call]):
    """The limits of one server; 0 is no limit.

    Calls are spaced evenly: two of them leave ``1 / per_second`` apart at least.
    """

    def __init__(self, per_second: float, at_a_time: int) -> None:
        self.waiting: deque[Call] = deque()
        #: Those that have left, and are not over.
        self.going: set[Call] = set()
        self._space = 1 / per_second if per_second else 0.0
        self._at_a_time = at_a_time
        self._free_at = 0.0

    def is_free(self, now: float) -> bool:
        """True if a call may leave at once."""
        return not self.waiting and self._has_room() and now >= self._free_at

    def begin(self, call: Call, now: float) -> None:
        """A call leaves."""
        self.going.add(call)
        self._free_at = max(now, self._free_at) + self._space if self._space else now

    def end(self, call: Call) -> None:
        """A call is over; nothing happens if it had not left."""
        self.going.discard(call)

    def take(self, now: float, withdrawn: Callable[[Call], bool] = _stands) -> list[Call]:
        """The waiting calls that leave now; those that were ``withdrawn`` take no turn."""
        calls = []
        while self.waiting:
            if withdrawn(self.waiting[0]):
                self.waiting.popleft()
                continue
            if not self._has_room() or now < self._free_at:
                break
            calls.append(self.waiting.popleft())
            self.begin(calls[-1], now)
        return calls

    def forget(self, withdrawn: Callable[[Call], bool]) -> None:
        """Those that were ``withdrawn`` wait no more."""
        self.waiting = deque(call for call in self.waiting if not withdrawn(call))

    def next_at(self) -> float | None:
        """When the next waiting call may leave.

        None if none waits, or none may before another one ends.
        """
        return self._free_at if self.waiting and self._has_room() else None

    def _has_room(self) -> bool:
        return not self._at_a_time or len(self.going) < self._at_a_time
