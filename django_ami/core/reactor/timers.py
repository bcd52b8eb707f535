"""Calls at a time. Nothing here reads a clock."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Timer", "Timers"]

#: Cancelled timers are kept until it is their time, but no more of them than of the others and so
#: many.
_MOST_CANCELLED: Final = 64


class Timer:
    """A call at a time; ``cancel`` it when it is no longer wanted."""

    __slots__ = ("_timers", "callback", "when")

    def __init__(self, when: float, callback: Callable[[], None], timers: Timers) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback
        self._timers = timers

    def cancel(self) -> None:
        self.callback = None
        if self.when <= self._timers.next:
            self._timers.look()


class Timers:
    """Those that are not over. ``next`` is when the next one is due; infinite if there is none."""

    def __init__(self) -> None:
        self.next = inf
        self._heap: list[tuple[float, int, Timer]] = []
        self._most = _MOST_CANCELLED
        self._tie = count()

    def add(self, when: float, function: Callable[[], None]) -> Timer:
        timer = Timer(when, function, self)
        # First: an exception from outside that comes behind it makes ``next`` too early, which
        # costs a turn, and not too late.
        self.next = min(self.next, when)
        heappush(self._heap, (when, next(self._tie), timer))
        if len(self._heap) > self._most:
            # A deadline may be a day away, and give way to a nearer one every second.
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapify(self._heap)
            self._most = 2 * len(self._heap) + _MOST_CANCELLED
        return timer

    def look(self) -> None:
        """Look which one is the next: the one before it is over, or was cancelled."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
        self.next = heap[0][0] if heap else inf

    def due(self, now: float) -> Iterator[Callable[[], None]]:
        """The functions whose time has come: each may cancel others, and add new ones."""
        self.look()
        while self.next <= now:
            timer = heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            self.look()
            if callback is not None:
                yield callback
