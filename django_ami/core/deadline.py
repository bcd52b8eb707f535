"""The moment by which something has to be over.

The one place that computes how much time is left.
"""

from __future__ import annotations

import math
import time

__all__ = ["Deadline"]


class Deadline:
    """A number of seconds from now; None means that there is no deadline."""

    __slots__ = ("at",)

    def __init__(self, seconds: float | None) -> None:
        #: A time of ``time.monotonic``; infinity if there is no deadline.
        self.at = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """How many seconds are left, never less than 0; infinity if there is no deadline."""
        return max(0.0, self.at - time.monotonic())

    @property
    def timeout(self) -> float | None:
        """Return ``left`` as locks and queues take it: None if there is no deadline."""
        return None if self.at == math.inf else self.left

    @property
    def over(self) -> bool:
        """True once no time is left."""
        return time.monotonic() >= self.at
