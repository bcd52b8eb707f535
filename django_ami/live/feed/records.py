"""The records of a feed: batches of changed objects with growing numbers, and the whole picture.

A *key* names an object: its kind, a colon, and its own name (``call:1690000000.17``,
``queue:sales``). A *body* is the object as a JSON text; None if it is gone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TERM_CHARACTERS", "Batch", "Heading", "Position", "Superseded", "Whole", "new_epoch"]

#: How an epoch under a lease begins: a letter, and the lease's token, filled up with zeros. So the
#: terms of leases compare as texts.
TERM_CHARACTERS: Final = 14


class Superseded(Exception):
    """The store refuses a write: a listener with a later lease has written."""


def new_epoch(token: int) -> str:
    """An epoch that no other life of a publisher has; ``token`` is that of its lease, 0 for none.

    Others can compare the terms of two epochs under leases.
    """
    own = os.urandom(6).hex()
    return f"{_term(token)}-{own}" if token else own


def _term(token: int) -> str:
    return f"t{token:0{TERM_CHARACTERS - 1}d}"


class Position(NamedTuple):
    """A place in the feed of a server.

    ``epoch`` is one life of a publisher; ``number`` counts its batches, without a gap.
    """

    epoch: str
    number: int

    @property
    def term(self) -> str:
        """The lease's part of the epoch; empty if it was begun without one."""
        return self.epoch[:TERM_CHARACTERS] if self.epoch.startswith("t") else ""

    @property
    def later_term(self) -> str:
        """The first term that is later; empty if it was begun without a lease: nothing is."""
        return _term(int(self.term[1:]) + 1) if self.term else ""

    def is_before(self, other: Position) -> bool:
        """True for an earlier number of the same epoch, and for one of an earlier lease."""
        if self.epoch == other.epoch:
            return self.number < other.number
        return bool(self.term) and self.term < other.term

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
