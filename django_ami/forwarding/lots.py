"""From envelopes that wait to batches with positions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.forwarding.envelope import encode
from django_ami.forwarding.outlet import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.forwarding.envelope import Envelope

__all__ = ["Lot", "Numbering", "Placing"]

logger = get_logger(__name__)

#: The most events of a batch, and about the most bytes of them.
BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 2**18


@dataclass(slots=True)
class Lot:
    """Batches that are published, or spooled, together.

    It has ``size`` envelopes. ``events`` counts them by server, but for notices and copies.
    ``safe`` is true of a lot that is in the spool.
    """

    batches: Sequence[Batch]
    size: int = 0
    events: Counter[str] = field(default_factory=Counter)
    safe: bool = False

    @property
    def last(self) -> int:
        """The position of the last batch."""
        return self.batches[-1].position


class Numbering:
    """Numbers the batches of one run, from behind a position on."""

    def __init__(self, source: str, position: int) -> None:
        self._source = source
        self._position = position

    def lot(self, envelopes: Iterable[tuple[int, Envelope]]) -> Lot:
        """Envelopes with their partitions as batches: of each server and partition in order."""
        parts: dict[tuple[str, int], list[list[Envelope]]] = {}
        sizes: dict[tuple[str, int], int] = {}
        events: Counter[str] = Counter()
        count = 0
        for partition, one in envelopes:
            count += 1
            key = one.id.server, partition
            size = sizes.get(key, 0) + len(one.raw)
            batches = parts.setdefault(key, [[]])
            if batches[-1] and (size > BATCH_BYTES or len(batches[-1]) >= BATCH_EVENTS):
                batches.append([])
                size = len(one.raw)
            batches[-1].append(one)
            sizes[key] = size
            if one.kind == "event" and not one.copy:
                events[one.id.server] += 1
        return Lot(
            [
                self._batch(partition, one)
                for (_, partition), batches in parts.items()
                for one in batches
            ],
            count,
            events,
        )

    def _batch(self, partition: int, envelopes: list[Envelope]) -> Batch:
        self._position += 1
        first, last = envelopes[0].id, envelopes[-1].id
        return Batch(partition, encode(envelopes), first, last, self._source, self._position)


class Placing:
    """Gives batches that were spooled while there were more partitions to those that there are.

    Their number modulo that of today keeps what has one key together, if one divides the other.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._is_told = False

    def of(self, batch: Batch) -> Batch:
        """The batch, in a partition that there is."""
        if batch.partition < self._partitions:
            return batch
        if not self._is_told:
            self._is_told = True
            logger.warning(
                "PARTITIONS of AMI_FORWARD was larger when events went into the spool, and is %d "
                "now: these events go to other partitions, and may come out of order.",
                self._partitions,
            )
        return batch._replace(partition=batch.partition % self._partitions)
