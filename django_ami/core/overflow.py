"""The excess of a queue that is full, and the events that were dropped and are not told yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django_ami.core.session import Gap, GapReason

__all__ = ["Excess", "Loss"]

#: Of an overload without an end, something is told at least so often.
LONGEST_LOSS_SECONDS: Final = 10.0


class Excess:
    """How many events, and bytes of events, are too many."""

    __slots__ = ("events", "size")

    def __init__(self, events: int, size: int) -> None:
        self.events = events
        self.size = size

    def __bool__(self) -> bool:
        return self.events > 0 or self.size > 0


@dataclass(slots=True)
class Loss:
    """Events of one server that were dropped: how many, and when they came.

    ``since`` is when dropping began.
    """

    server: str
    begin: float
    end: float
    count: int = 0
    since: float | None = None

    def add(self, at: float, count: int) -> None:
        """``count`` more were dropped, which came ``at`` a moment."""
        self.begin, self.end = min(self.begin, at), max(self.end, at)
        self.count += count

    def is_long(self, now: float) -> bool:
        """True if dropping goes on for so long that it is told before its end."""
        if self.since is None:
            self.since = now
        return now >= self.since + LONGEST_LOSS_SECONDS

    def gap(self) -> Gap:
        """The notice that tells it."""
        return Gap(self.server, self.begin, self.end, GapReason.OVERLOAD, self.count)
