"""Where a feed is kept: written by one listener per server, read by any process.

A backend stores and finds. ``read`` is the same for all of them: it decides where a reader goes on,
and where it has missed something.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.live.feed.records import Batch, Position, Whole

__all__ = ["Backend"]


class Backend(ABC):
    """Keeps the feeds of servers. Methods raise what their store raises when it is away."""

    #: How long a publisher collects changes before it writes them.
    write_seconds = 0.1
    #: True if nobody but this process can read it.
    one_process = False
    #: How many writes of this process the store has refused; publishers count them.
    failures = 0

    @abstractmethod
    def append(self, server: str, batch: Batch) -> None:
        """Add a batch, and forget those that no reader needs any more."""

    @abstractmethod
    def replace(self, server: str, whole: Whole) -> None:
        """Keep this as the picture that a reader begins with.

        Raises Superseded, and keeps what is there, if that is of a later lease.
        """

    @abstractmethod
    def whole(self, server: str) -> Whole | None:
        """The picture that a reader begins with; None if nobody has published one."""

    @abstractmethod
    def after(self, server: str, position: Position) -> Sequence[Batch]:
        """The batches of that epoch behind that position, in order, as far as they are kept."""

    @abstractmethod
    def epoch(self, server: str) -> str:
        """The epoch of the picture that is kept; empty if there is none."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Wait until something may have been written, at most so long."""

    def wake(self) -> None:  # noqa: B027  (not every store can)
        """End a ``wait`` of another thread early, where that can be done."""

    def close(self) -> None:  # noqa: B027  (not every store has any)
        """Let go of connections."""

    def read(self, server: str, position: Position | None) -> Whole | Sequence[Batch]:
        """The next things for a reader at ``position`` (None: at none).

        The batches up to the first one that is missing. The whole picture if it cannot follow:
        another publisher has begun, or the next batch is missing.
        """
        if position is not None and self.epoch(server) == position.epoch:
            kept = self.after(server, position)
            # The numbers grow, so behind a gap none of them is the expected one.
            batches = [
                batch
                for number, batch in enumerate(kept, position.number + 1)
                if batch.position.number == number
            ]
            if batches or not kept:
                return batches
        return self.whole(server) or ()
