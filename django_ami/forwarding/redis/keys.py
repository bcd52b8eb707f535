"""The keys of a partition, and those of the consumers of a server.

Rule: all keys of a partition have one hash tag, so that a script may use several of them in a
cluster, too.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Stream", "pool_key"]


class Stream(NamedTuple):
    """The events of one partition of a server, as the consumers of one group see them."""

    prefix: str
    server: str
    partition: int
    group: str

    @property
    def key(self) -> str:
        """The stream."""
        return f"{self.prefix}:{{{self.server}:{self.partition}}}"

    @property
    def tails(self) -> str:
        """A hash: how far the batches of each source are in the stream."""
        return f"{self.key}:tails"

    @property
    def lost(self) -> str:
        """A number: the events that were trimmed before every group had read them."""
        return f"{self.key}:lost"

    @property
    def lease(self) -> str:
        """The name of the consumer that may read and acknowledge."""
        return f"{self.key}:{self.group}:lease"

    @property
    def mark(self) -> str:
        """The event that a consumer tries, alone, after others have ended amid its batch."""
        return f"{self.key}:{self.group}:mark"

    @property
    def dead(self) -> str:
        """A stream of dead letters."""
        return f"{self.key}:{self.group}:dead"

    def __str__(self) -> str:
        return f"{self.server}, partition {self.partition}"


def pool_key(prefix: str, server: str, group: str) -> str:
    """The consumers that share the partitions of a server, by the time when they are forgotten."""
    return f"{prefix}:{{{server}}}:{group}:pool"
