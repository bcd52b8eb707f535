"""The id of an event: the same for each receiver, retry, batch and consumer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = ["EventId"]


@dataclass(frozen=True, slots=True, order=True)
class EventId:
    """``sequence`` is the place of an event within one connection to a server, ``epoch``."""

    server: str
    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.server}/{self.epoch}/{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that ``str`` gave. Raises ValueError for another text."""
        server, epoch, sequence = text.rsplit("/", 2)
        return cls(server, epoch, int(sequence))
