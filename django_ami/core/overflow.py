"""The excess of a queue that is full, the events that were dropped, and the gaps they leave."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django_ami.core.session import Gap, GapReason, TookOver

if TYPE_CHECKING:
    from django_ami.core.session import Notice

__all__ = ["DropReason", "Excess", "Loss", "Losses"]

#: Of an overload without an end, something is told at least so often.
LONGEST_LOSS_SECONDS: Final = 10.0


class DropReason(StrEnum):
    """Why events were dropped."""

    #: The queue had as many events as it may have, or as many bytes.
    EVENTS = "queue_full"
    BYTES = "queue_bytes"
    #: The process had no memory left.
    MEMORY = "memory"
    #: Another process has the lease, and delivers them.
    LEASE = "lease"


class Losses:
    """Why events of one server are missing, counted: those dropped here, and gaps by reason.

    ``takeovers`` counts how often this process began to deliver what another one had.
    """

    __slots__ = ("dropped", "gap_seconds", "gaps", "takeovers")

    def __init__(self) -> None:
        self.dropped = dict.fromkeys(DropReason, 0)
        self.gaps = dict.fromkeys(GapReason, 0)
        self.gap_seconds = dict.fromkeys(GapReason, 0.0)
        self.takeovers = 0

    def note(self, notice: Notice) -> bool:
        """Count a notice of a gap or a takeover; True if it is of a gap."""
        self.takeovers += isinstance(notice, TookOver)
        if not isinstance(notice, Gap):
            return False
        self.gaps[notice.reason] += 1
        self.gap_seconds[notice.reason] += max(0.0, notice.end - notice.begin)
        return True

    def copy(self) -> Losses:
        """The same numbers, which do not go on."""
        losses = Losses()
        losses.dropped.update(self.dropped)
        losses.gaps.update(self.gaps)
        losses.gap_seconds.update(self.gap_seconds)
        losses.takeovers = self.takeovers
        return losses


class Excess:
    """How many events, and bytes of events, are too many."""

    __slots__ = ("events", "size")

    def __init__(self, events: int, size: int) -> None:
        self.events = events
        self.size = size

    def __bool__(self) -> bool:
        return self.events > 0 or self.size > 0


class Loss:
    """Events of one server that were dropped: how many, and when they came.

    ``since`` is when dropping began.
    """

    __slots__ = ("begin", "count", "end", "server", "since")

    def __init__(self, server: str, begin: float, end: float) -> None:
        self.server = server
        self.begin = begin
        self.end = end
        self.count = 0
        self.since: float | None = None

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
