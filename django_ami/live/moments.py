"""When an event happened, on our clock.

With ``timestampevents = yes`` (manager.conf) each event carries the server's time. That is better
than the time at which we received it, which a burst delays; but the server's clock need not be
ours. So the smallest difference seen is taken for the difference of the clocks, and no event
happens later than it was received.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.messages import Event

__all__ = ["Moments"]

#: The header is among the first ones (main/manager.c, append_event).
_HEADER: Final = b"\r\nTimestamp: "
_HEAD_BYTES: Final = 200
_LONGEST_BYTES: Final = 40
#: A difference that is larger than the smallest one by more has another reason than a delay: a
#: clock was set.
_LONGEST_DELAY_SECONDS: Final = 60.0


class Moments:
    """Tells when events happened, from what they say and when they were received."""

    def __init__(self) -> None:
        self._difference: float | None = None
        self._latest = 0.0

    def received(self, now: float) -> float:
        """The time of reception; of a clock that gives no number, the time before it."""
        if isfinite(now):
            self._latest = now
        return self._latest

    def of(self, event: Event, now: float) -> float:
        """When an event that was received at ``now`` happened, in seconds on our own clock."""
        now = self.received(now)
        place = event.raw.find(_HEADER, 0, _HEAD_BYTES)
        if place < 0:
            return now
        begin = place + len(_HEADER)
        try:
            stamp = float(event.raw[begin : begin + _LONGEST_BYTES].partition(b"\r\n")[0])
        except ValueError:
            return now
        difference = now - stamp
        known = self._difference
        if known is None or not known <= difference < known + _LONGEST_DELAY_SECONDS:
            if not isfinite(difference):
                return now
            self._difference = known = difference
        # Of an absurd number the sum is not exact.
        return max(now - _LONGEST_DELAY_SECONDS, min(now, stamp + known))
