"""Which objects of a picture changed lately, for readers that come back.

Rule: the journal is bounded. It forgets the objects whose last change is longest ago, and a reader
that has been away for longer than it knows begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.live.feed.records import Batch, Position

__all__ = ["Journal"]

#: How many objects it knows the last change of.
_MOST_OBJECTS: Final = 20_000


class Journal:
    """The last change of each object, by the number of its batch, in one epoch."""

    def __init__(self) -> None:
        #: The newest batch that is noted; None before the first.
        self.position: Position | None = None
        #: Behind this number all changes are known.
        self._floor = 0
        #: The number of the last change of an object, the oldest change first. An object that is
        #: gone has one, too.
        self._changed: dict[str, int] = {}

    def begin(self, position: Position, earlier: Sequence[Batch]) -> None:
        """Begin at a position; ``earlier`` are the batches up to it, as far as they are kept."""
        self._changed.clear()
        self._floor = position.number
        self.position = position
        for batch in _without_a_gap(position, earlier):
            self._floor = min(self._floor, batch.position.number - 1)
            self._note(batch.position.number, batch.bodies)

    def note(self, position: Position, keys: Iterable[str]) -> None:
        """These objects changed, or are gone, in the batch at that position."""
        self.position = position
        self._note(position.number, keys)

    def _note(self, number: int, keys: Iterable[str]) -> None:
        changed = self._changed
        for key in keys:
            changed.pop(key, None)
            changed[key] = number
        while len(changed) > _MOST_OBJECTS:
            oldest = next(iter(changed))
            self._floor = max(self._floor, changed.pop(oldest))

    def since(self, position: Position) -> set[str] | None:
        """The objects that changed behind a position; None if that is not known.

        It is not known of another epoch, of a position that is too old, and of one that is ahead.
        """
        here = self.position
        if here is None or here.epoch != position.epoch:
            return None
        if not self._floor <= position.number <= here.number:
            return None
        keys = set()
        for key, number in reversed(self._changed.items()):
            if number <= position.number:
                break
            keys.add(key)
        return keys


def _without_a_gap(position: Position, batches: Sequence[Batch]) -> Sequence[Batch]:
    """The last of these batches that lead up to the position, one behind the other."""
    known = [batch for batch in batches if batch.position.number <= position.number]
    first, expected = len(known), position.number
    while first and known[first - 1].position.number == expected:
        first, expected = first - 1, expected - 1
    return known[first:]
