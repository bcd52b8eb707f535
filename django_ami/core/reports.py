"""Reports of failures: the first of a kind in full, some in one line, the rest as a number.

Rule: a receiver that raises thousands of times a second writes no more than a few lines per
interval, and nothing that it did goes untold.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from math import inf
from typing import Final, Generic, NamedTuple, TypeVar

__all__ = ["REPORT_INTERVAL_SECONDS", "Level", "Repeated", "Reports", "Sparing"]

#: Each kind of failure is told in full once in so many seconds.
REPORT_INTERVAL_SECONDS: Final = 10.0
#: How many more, in that time, have a line of their own.
MOST_LINES: Final = 20
#: How many kinds are remembered.
MOST_KINDS: Final = 1000

Kind = TypeVar("Kind", bound=Hashable)


class Level(Enum):
    """How a failure is told."""

    FULL = "with its traceback"
    LINE = "in a line"
    COUNTED = "later, with how many others there were"


class _Interval:
    __slots__ = ("began", "counted", "last", "lines")

    def __init__(self, began: float) -> None:
        self.began = began
        self.lines = 0
        self.counted = 0
        self.last = ""


class Repeated(NamedTuple, Generic[Kind]):
    """The number of failures of a kind that had no line, and their seconds.

    ``last`` is the text of the last one.
    """

    kind: Kind
    count: int  # type: ignore[assignment]  # it hides the method of tuples
    seconds: float
    last: str


class Sparing:
    """Few lines of each kind: the first ones at once, and then one in an interval.

    A kind that is silent for an interval has its first ones again. Times are as in ``Reports``.
    """

    def __init__(self, first_lines: int, interval_seconds: float = 60.0) -> None:
        self._first_lines = first_lines
        self._interval_seconds = interval_seconds
        #: By kind: the lines since the last silence, when the last one was said, and wanted.
        self._kinds: dict[str, tuple[int, float, float]] = {}

    def may_say(self, kind: str, now: float) -> bool:
        """True if a line of that kind is to be said now."""
        lines, said_at, wanted_at = self._kinds.get(kind, (0, -inf, -inf))
        if now >= wanted_at + self._interval_seconds:
            lines = 0
        is_due = lines < self._first_lines or now >= said_at + self._interval_seconds
        self._kinds[kind] = (lines + 1, now, now) if is_due else (lines, said_at, now)
        return is_due


class Reports(Generic[Kind]):
    """Remembers which kinds of failures were reported. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._intervals: dict[Kind, _Interval] = {}
        #: When ``due`` will have something to tell.
        self.due_at = inf

    def is_first(self, kind: Kind, now: float) -> bool:
        """True if this kind has not been told in full in this interval; from now on it has."""
        interval = self._intervals.get(kind)
        if interval is not None and (
            interval.counted or now - interval.began < REPORT_INTERVAL_SECONDS
        ):
            return False
        if len(self._intervals) >= MOST_KINDS:
            self._intervals = {kind: one for kind, one in self._intervals.items() if one.counted}
        self._intervals[kind] = _Interval(now)
        return True

    def add(self, kind: Kind, now: float, said: str) -> Level:
        """One more failure of that kind. If it has no line, ``said`` goes with the count."""
        if self.is_first(kind, now):
            return Level.FULL
        interval = self._intervals[kind]
        if interval.lines < MOST_LINES:
            interval.lines += 1
            return Level.LINE
        interval.counted += 1
        interval.last = said
        self.due_at = min(self.due_at, interval.began + REPORT_INTERVAL_SECONDS)
        return Level.COUNTED

    def due(self, now: float, *, everything: bool = False) -> list[Repeated[Kind]]:
        """The counts that are to be reported now, or all with ``everything``.

        Their counting begins anew.
        """
        told = []
        self.due_at = inf
        for kind, interval in list(self._intervals.items()):
            ends = interval.began + REPORT_INTERVAL_SECONDS
            if not interval.counted:
                continue
            if ends > now and not everything:
                self.due_at = min(self.due_at, ends)
                continue
            told.append(Repeated(kind, interval.counted, now - interval.began, interval.last))
            del self._intervals[kind]
        return told
