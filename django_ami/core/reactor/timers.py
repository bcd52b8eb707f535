"""Calls at a time. Nothing here reads a clock."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Timer", "Timers"]

#: Cancelled timers are kept until it is their time, but no more of them than of the others and so many.
_MOST_CANCELLED: Final = 64


class Timer:
    """A call at a time; ``cancel`` it when it is no longer wanted."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """Those that are not over, the earliest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._most = _MOST_CANCELLED
        self._tie = count()

    def add(self, when: float, function: Callable[[], None]) -> Timer:
        timer = Timer(when, function)
        heappush(self._heap, (when, next(self._tie), timer))
        if len(self._heap) > self._most:
            # A deadline may be a day away, and give way to a nearer one every second.
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapify(self._heap)
            self._most = 2 * len(self._heap) + _MOST_CANCELLED
        return timer

    def next(self) -> float:
        """When the next one is due; infinite if there is none."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
        return heap[0][0] if heap else inf

    def due(self, now: float) -> Iterator[Callable[[], None]]:
        """What is to be called by now: each may cancel others, and add new ones."""
        while self.next() <= now:
            timer = heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is not None:
                yield callback
