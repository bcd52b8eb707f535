"""The server's local day: which one it is, and when it began.

Pure: the offset from UTC is an option, a number or a function of the time, as a zone with summer
time needs it.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Offset = float | Callable[[float], float]

__all__ = ["Day"]

_DAY_SECONDS: Final = 86400
#: 30,000 years: a clock that shows more, or nothing, has not changed the day.
_FARTHEST_SECONDS: Final = 1e12


class Day:
    """The days of a server whose local time is ``offset`` seconds ahead of UTC."""

    def __init__(self, offset: Offset = 0.0) -> None:
        self._offset = offset
        self._known = 0.0
        #: The number of the day, when it began, and when to ask for the offset again.
        self._today = 0, 0.0, 0.0

    def number(self, now: float) -> int:
        """The local day at ``now`` (seconds of Unix time), in days since 1970-01-01."""
        return self._at(now)[0]

    def begin(self, now: float) -> float:
        """When the local day of ``now`` began, in Unix time."""
        return self._at(now)[1]

    def _at(self, now: float) -> tuple[int, float, float]:
        _, begin, check = self._today
        if not begin <= now < check and abs(now) < _FARTHEST_SECONDS:
            self._today = self._look(now)
        return self._today

    def _look(self, now: float) -> tuple[int, float, float]:
        number = math.floor((now + self._offset_at(now)) / _DAY_SECONDS)
        midnight = float(number * _DAY_SECONDS)
        # The offset of midnight, which that of now leads to: a night of summer time has two.
        guess = midnight - self._offset_at(now)
        begin = min(midnight - self._offset_at(guess), now)
        # A zone changes its offset on a quarter of an hour.
        check = min((math.floor(now / 900) + 1) * 900.0, begin + _DAY_SECONDS)
        return number, begin, check if check > now else math.nextafter(now, math.inf)

    def _offset_at(self, when: float) -> float:
        if not callable(self._offset):
            return self._offset
        # A clock may show no year of a calendar.
        with suppress(ValueError, OverflowError, OSError):
            self._known = float(self._offset(when))
        return self._known
