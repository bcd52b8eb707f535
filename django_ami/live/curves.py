"""The curve of a queue's day: its callers by the quarter of an hour, and how their visits went.

Pure. As in all figures of queues, a call belongs to the quarter in which its caller joined. So the
sums over a day are the counts of that day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.queue_views import Curve

if TYPE_CHECKING:
    from django_ami.live.day import Day

__all__ = ["QUARTER_SECONDS", "DayCurve"]

QUARTER_SECONDS: Final = 900
#: A day of 25 hours, when summer time ends, has so many. A clock that is far off counts nothing.
_MOST_QUARTERS: Final = 100


class DayCurve:
    """Counts the callers of a queue by the quarter of an hour; at midnight anew."""

    __slots__ = ("_begin", "_day", "_drawn", "_quarters")

    def __init__(self, day: Day) -> None:
        self._day = day
        self._begin: float | None = None
        #: Of each quarter since midnight: offered, answered, abandoned.
        self._quarters: list[list[int]] = []
        self._drawn: Curve | None = None

    def count(
        self, joined: float, now: float, offered: int = 0, answered: int = 0, abandoned: int = 0
    ) -> None:
        """Count a caller who joined then, if that was today."""
        begin = self._day.begin(now)
        if begin != self._begin:
            self._begin, self._quarters, self._drawn = begin, [], None
        quarter = int((joined - begin) // QUARTER_SECONDS)
        if not 0 <= quarter < _MOST_QUARTERS:
            return
        while len(self._quarters) <= quarter:
            self._quarters.append([0, 0, 0])
        counts = self._quarters[quarter]
        for place, number in enumerate((offered, answered, abandoned)):
            counts[place] += number
        self._drawn = None

    def draw(self, now: float) -> Curve:
        """The curve up to now: the same object until something is counted, or a day ends."""
        begin = self._day.begin(now)
        if self._drawn is None or self._drawn.begin != begin:
            quarters = self._quarters if begin == self._begin else []
            columns = zip(*quarters, strict=True) if quarters else ((), (), ())
            self._drawn = Curve(begin, QUARTER_SECONDS, *columns)
        return self._drawn
