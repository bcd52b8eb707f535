"""The counters of one server, as its status shows them: of its connection, and of its events."""

from __future__ import annotations

__all__ = ["Counters", "Counts"]


class _Numbers:
    __slots__: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, int]:
        """All of them, by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Counters(_Numbers):
    """How often a server, or its connection, did something strange; over all its connections.

    ``late_answers`` are answers to us that came late or twice, ``unmatched_answers`` those without
    an ActionID of ours. ``unexpected_errors`` are connections that an error of our own has ended.
    """

    __slots__ = (
        "garbage_bytes",
        "late_answers",
        "oversized_messages",
        "suspect_messages",
        "swallowed_messages",
        "unexpected_errors",
        "unmatched_answers",
    )

    def __init__(self) -> None:
        self.late_answers = 0
        self.unmatched_answers = 0
        self.garbage_bytes = 0
        self.oversized_messages = 0
        self.suspect_messages = 0
        self.swallowed_messages = 0
        self.unexpected_errors = 0


class Counts(_Numbers):
    """The counts of one server's events.

    At any moment, received = ignored + delivered + failed + dropped + queued.

    ``ignored`` are those of a name that nobody receives; ``queued`` includes those whose receivers
    are running, or are to be tried again; ``failed`` are those of which a receiver raised in the
    end; ``dropped_important`` are those of ``dropped`` that the option ``important_events`` names.
    ``gaps`` is how often some are missing, because they were dropped or never received.
    """

    __slots__ = (
        "delivered",
        "dropped",
        "dropped_important",
        "failed",
        "gaps",
        "ignored",
        "received",
    )

    def __init__(
        self,
        *,
        delivered: int = 0,
        failed: int = 0,
        dropped: int = 0,
        dropped_important: int = 0,
        gaps: int = 0,
    ) -> None:
        self.received = 0
        self.ignored = 0
        self.delivered = delivered
        self.failed = failed
        self.dropped = dropped
        self.dropped_important = dropped_important
        self.gaps = gaps

    def add(self, other: Counts) -> None:
        """Add those of another server, or of another time."""
        for name, number in other.as_dict().items():
            setattr(self, name, getattr(self, name) + number)

    @property
    def queued(self) -> int:
        return self.received - self.ignored - self.delivered - self.failed - self.dropped
