"""The id of an event: its server, its connection, and its place in the order of the wire.

Rule: one event has one id, wherever it goes: queues, lanes, batches, retries and engines. No other
event has that id, in any process, on any machine, before or after a restart.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EventId", "make_epoch", "places"]

#: Crockford's base 32, the digits of a ULID (https://github.com/ulid/spec): they sort as ASCII.
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: A ULID has 48 bits of time and 80 bits of chance, in digits of 5 bits each.
_CHANCE_BYTES: Final = 10
_EPOCH_DIGITS: Final = 26
#: The places of the events of nearly every read, made once: to make an int for each event would
#: cost as much as the rest of its id.
_PLACES: Final = tuple(range(2_048))


class EventId(NamedTuple):
    """The id of one event. ``str(id)`` is ``"pbx/01KB7Q…/12"``, and ``parse`` reads it.

    ``server`` is the alias of the server. ``epoch`` is that of one connection: a ULID, so a later
    connection has a greater one as far as the clocks of the machines agree. ``sequence`` grows in
    the order in which the server wrote the events of that connection. It has gaps, where events
    were dropped, nobody wanted them, or they were part of an answer: the signal ``gap`` tells of
    losses, and numbers do not.

    Ids compare as tuples do, so those of one connection sort in the order of the wire.
    """

    server: str
    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.server}/{self.epoch}/{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """The id of its text. Raises ValueError for a text that is none."""
        server, epoch, sequence, *_ = *text.rsplit("/", 2), "", ""
        if not (epoch and sequence.isascii() and sequence.isdecimal()):
            raise ValueError(f"{text[:80]!r} is no id of an event: it reads server/epoch/sequence.")
        return cls(server, epoch, int(sequence))


def make_epoch(at: float) -> str:
    """A new epoch, of a connection that began ``at`` a unix time. No other call gives the same."""
    number = int.from_bytes(round(at * 1000).to_bytes(6) + os.urandom(_CHANCE_BYTES))
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_EPOCH_DIGITS)))


def places(begin: int, end: int) -> Sequence[int]:
    """The places of some messages behind the first of their read."""
    return _PLACES[begin:end] if end <= len(_PLACES) else range(begin, end)
