"""The records of a feed: batches of changed objects with growing numbers, and the whole picture.

A *key* names an object: its kind, a colon, and its own name (``call:1690000000.17``,
``queue:sales``). A *body* is the object as a JSON text; None if it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Batch", "Heading", "Position", "Whole"]


class Position(NamedTuple):
    """A place in the feed of a server.

    ``epoch`` is one life of a publisher; ``number`` counts its batches, without a gap.
    """

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that this text names; None if it names none."""
        epoch, _, number = text.rpartition(".")
        return cls(epoch, int(number)) if epoch and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Batch:
    """The objects that changed together, in their order; the last state of each."""

    position: Position
    #: Unix time of the publisher.
    at: float
    bodies: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole picture of a server behind the batch at ``position``."""

    position: Position
    at: float
    bodies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Heading:
    """The server itself: its connection, as the listener sees it.

    ``listening`` is False once the listener has ended by itself.
    """

    name: str
    ready: bool = False
    #: True once the server's lists were taken over.
    complete: bool = False
    #: Unix time of the last change of ``ready``.
    since: float = 0.0
    listening: bool = True
    #: Events received since the listener began.
    received: int = 0
