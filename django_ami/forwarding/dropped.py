"""Counts events that had to leave a full spool."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.forwarding.envelope import Envelope

__all__ = ["Dropped"]


@dataclass(slots=True)
class Dropped:
    """Events of a server that had to leave a full spool.

    ``begin`` and ``end`` are when the listener had handed on the first and the last of them, in
    seconds of Unix time.
    """

    server: str
    events: int = 0
    important: int = 0
    begin: float = inf
    end: float = 0.0

    def add(self, gone: Iterable[Envelope], *, important: bool) -> None:
        for one in gone:
            self.events += one.kind == "event" and not one.copy
            self.important += important and one.kind == "event" and not one.copy
            self.begin = min(self.begin, one.received_at)
            self.end = max(self.end, one.received_at)

    def merge(self, other: Dropped) -> None:
        """Add those of another time."""
        self.events += other.events
        self.important += other.important
        self.begin = min(self.begin, other.begin)
        self.end = max(self.end, other.end)
