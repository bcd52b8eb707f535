"""The queue of one server: events for its receivers, bounded in number and in bytes.

Rule: nothing is lost silently: an event that does not fit is counted as dropped. Events and notices
keep their order; notices are not dropped to make room, important events last. Events stay in the
batches in which they were read.
"""

from __future__ import annotations

from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from django_ami.core.counters import Counts
from django_ami.core.errand import Errand
from django_ami.core.messages import Event
from django_ami.core.overflow import Excess, Loss, Losses
from django_ami.core.session.state import TookOver

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from django_ami.core.session import Notice

    Item: TypeAlias = Event | Notice | Errand

__all__ = ["MOST_NOTICES", "EventQueue", "size_of"]

#: Notices of one server that wait: in a process that only sends nobody takes them. Each has been
#: logged, so the oldest may go.
MOST_NOTICES: Final = 100
#: Which part of the queue's bytes, one in so many, a batch may have: it can no longer be dropped
#: once it is handed over.
_TAKEN_PART: Final = 10
_raw: Final = attrgetter("raw")


def size_of(events: Iterable[Event]) -> int:
    """The bytes of these messages."""
    return sum(map(len, map(_raw, events)))


class _Batch(list["Item"]):
    """Items that came together, ``at`` a moment of the reactor's clock.

    Their messages have at most ``size`` bytes, and as many when they were weighed.

    To look at each event costs more than to put and to take it, and is of use only when there may
    be too many bytes.
    """

    __slots__ = ("at", "size", "weighed")

    def __init__(
        self, items: Iterable[Item], size: int, at: float, *, weighed: bool = False
    ) -> None:
        super().__init__(items)
        self.size = size
        self.at = at
        self.weighed = weighed

    def weigh(self) -> int:
        """Look at each; says by how much ``size`` has changed."""
        before = self.size
        if not self.weighed:
            self.size = size_of(item for item in self if isinstance(item, Event))
        self.weighed = True
        return self.size - before

    def take(self, count: int) -> list[Item]:
        """Take so many, the oldest; there are more."""
        taken = self[:count]
        del self[:count]
        self.weighed = False
        return taken


class EventQueue:
    """The batches of one server, the oldest first; none is empty.

    In the first ``_stripped``, or with the policy ``drop_newest`` in the last ones, nothing is left
    but what is kept. The batches in which events came make no difference to which of them are
    dropped.
    """

    def __init__(
        self, capacity: int, most_bytes: int, *, newest: bool, important: frozenset[str]
    ) -> None:
        self.counts = Counts()
        self.losses = Losses()
        self.taken_at = 0.0  # when the oldest of the events came that were taken last
        self.batches: deque[_Batch] = deque()
        #: The messages in ``batches`` have no more bytes.
        self.size = 0
        #: Whether those that were dropped last were too many bytes, and not too many events.
        self.is_heavy = False
        self._notices = 0
        self._loss: Loss | None = None
        self.change(capacity, most_bytes, newest=newest, important=important)

    def change(
        self, capacity: int, most_bytes: int, *, newest: bool, important: frozenset[str]
    ) -> None:
        """Have other limits from now on; the events that wait stay as they are."""
        self.capacity, self._most_bytes = capacity, most_bytes
        self._newest, self._important = newest, important
        self._stripped = 0  # nobody has looked at them with these eyes

    def put(self, events: list[Event], ignored: int, size: int, at: float = 0.0) -> int:
        """Add events, of at most ``size`` bytes, as far as there is room; they came ``at`` a time.

        Says how many were dropped.
        """
        counts = self.counts
        dropped = counts.dropped
        counts.received += len(events) + ignored
        counts.ignored += ignored
        batch = _Batch(events, size, at)
        # Asked once: the other side may count events as delivered at any moment.
        too_many, too_large = counts.queued - self.capacity, self.size + size - self._most_bytes
        if too_large > 0:
            too_large = self._weigh(batch)
        if too_many > 0 or too_large > 0:
            self.is_heavy = too_many <= 0
            batch = self._make_room(batch, Excess(too_many, too_large))
        else:
            if self._loss is not None and events:
                self._tell_loss()
            if self._newest:
                self._stripped = 0  # nobody has looked at this batch
        if batch:
            self.batches.append(batch)
            self.size += batch.size
        if self._loss is not None and (self._loss.is_long(at) or not self.batches):
            self._tell_loss()
        return counts.dropped - dropped

    def relieve(self) -> int:
        """Drop all ordinary events: there is no memory for what is more urgent.

        Says how many there were.
        """
        dropped = self.counts.dropped
        self._strip(Excess(self.counts.queued, 0))
        self._tell_loss()
        return self.counts.dropped - dropped

    def offer(
        self, events: list[Event], ignored: int, size: int, at: float = 0.0
    ) -> tuple[list[Event], int]:
        """Add as many events, of at most ``size`` bytes, as there is room for.

        Gives the others, and how many were dropped: an event that is larger than the whole queue
        has never room.
        """
        fit = max(0, self.capacity - self.counts.queued)
        if self.size + size > self._most_bytes:
            batch = _Batch(events, size, at)
            if self._weigh(batch) > 0:
                # Into an empty queue goes at least one: if it does not fit, it never will.
                fit = min(
                    fit, _as_many_as_fit(batch, self._most_bytes - self.size) or (not self.batches)
                )
        if fit >= len(events):
            return [], self.put(events, ignored, size, at)
        return events[fit:], self.put(events[:fit], ignored, size if fit else 0, at)

    def put_notice(self, notice: Notice) -> None:
        """Add a notice, which is a batch of its own, behind all that came before it."""
        self._tell_loss()
        self._insert(len(self.batches), notice)

    def put_errand(self, errand: Errand) -> None:
        """Add work, behind all that came before it. It is never dropped."""
        self._tell_loss()
        self.batches.append(_Batch([errand], 0, 0.0))

    def _tell_loss(self) -> None:
        """Tell of what was dropped: where it is missing, before the first event that is not."""
        loss, self._loss = self._loss, None
        if loss is not None:
            self._insert(len(self.batches) if self._newest else self._stripped, loss.gap())

    def _insert(self, index: int, notice: Notice) -> None:
        self.counts.gaps += self.losses.note(notice)
        self.batches.insert(index, _Batch([notice], 0, 0.0))
        self._notices += 1
        if self._notices > MOST_NOTICES:
            del self.batches[self._oldest_notice()]
            self._notices -= 1
            self._stripped = 0  # it may have been among these

    def _oldest_notice(self) -> int:
        """The place of the one that may go first; that of a takeover stays if others are there.

        Without it no event behind it would be delivered.
        """
        places = [place for place, batch in enumerate(self.batches) if _is_notice(batch)]
        others = (one for one in places if not isinstance(self.batches[one][0], TookOver))
        return next(others, places[0])

    def _weigh(self, batch: _Batch) -> int:
        """How many bytes are too many, now that it matters, if these are put."""
        batch.weigh()
        if self.batches:
            self.size += self.batches[0].weigh()  # some of it was taken
        for each in reversed(self.batches):
            if each.weighed:
                break  # as are all before it
            self.size += each.weigh()
        return self.size + batch.size - self._most_bytes

    def _make_room(self, batch: _Batch, excess: Excess) -> _Batch:
        """Drop what is too much: ordinary events in the order of the policy, then important ones.

        Gives the rest.
        """
        if self._newest:
            batch = self._drop(batch, excess, newest=True)
            self._strip(excess)
            batch = self._drop(batch, excess, newest=True, important=True)
            self._stripped = (
                0 if any(map(self._is_ordinary, batch)) else self._stripped + bool(batch)
            )
            return batch
        self._strip(excess)
        batch = self._drop(batch, excess)
        self._strip_important(excess)
        return self._drop(batch, excess, important=True)

    def _strip(self, excess: Excess) -> None:
        """Drop ordinary events of the queue, from the end that the policy says."""
        while excess and self._stripped < len(self.batches):
            index = -1 - self._stripped if self._newest else self._stripped
            kept = self._drop_at(index, excess, newest=self._newest)
            self._stripped += kept and bool(excess)

    def _is_ordinary(self, item: Item) -> bool:
        return isinstance(item, Event) and item.name.lower() not in self._important

    def _strip_important(self, excess: Excess) -> None:
        """All that is left is important: drop the oldest of that."""
        index = 0
        while excess and index < len(self.batches):
            if self._drop_at(index, excess, important=True):
                index += 1
            else:
                self._stripped -= 1

    def _drop_at(
        self, index: int, excess: Excess, *, newest: bool = False, important: bool = False
    ) -> bool:
        """Drop events of the batch at a place; False if nothing is left of it."""
        batch = self.batches[index]
        kept = self._drop(batch, excess, newest=newest, important=important)
        self.size -= batch.size - kept.size
        if kept:
            self.batches[index] = kept
        else:
            del self.batches[index]
        return bool(kept)

    def _drop(
        self, batch: _Batch, excess: Excess, *, newest: bool = False, important: bool = False
    ) -> _Batch:
        """Drop events from one end of a batch until there is no excess. Returns the rest of it."""
        kept: list[Item] = []
        left, before = batch.size, self.counts.dropped
        items = reversed(batch) if newest else iter(batch)
        for item in items:
            if not excess:
                kept.append(item)
                kept.extend(items)
                break
            if isinstance(item, Event) and (important or self._is_ordinary(item)):
                excess.events -= 1
                excess.size -= len(item.raw)
                left -= len(item.raw)
                self.counts.dropped += 1
                self.counts.dropped_important += important
            else:
                kept.append(item)
        if newest:
            kept.reverse()
        if self.counts.dropped > before:
            self._lose(batch, self.counts.dropped - before)
        return _Batch(kept, left if kept else 0, batch.at, weighed=batch.weighed)

    def _lose(self, batch: _Batch, count: int) -> None:
        """Note that ``count`` events of a batch were dropped."""
        if self._loss is None:
            self._loss = Loss(batch[0].server, batch.at, batch.at)
        self._loss.add(batch.at, count)

    def take(self, most: int) -> list[Item]:
        """Up to ``most`` items, the oldest first; fewer, but at least one, if they are large."""
        taken: list[Item] = []
        room, self.taken_at = self._most_bytes // _TAKEN_PART, 0.0
        while self.batches and len(taken) < most:
            batch = self.batches[0]
            self.taken_at = self.taken_at or batch.at
            count = min(len(batch), most - len(taken))
            if batch.size > room:
                self.size += batch.weigh()
                count = min(count, _as_many_as_fit(batch, room) or (not taken))
            if count < len(batch):
                taken += batch.take(count)
                break
            self.size -= batch.size
            room -= batch.size
            taken += self.batches.popleft()
            self._notices -= _is_notice(batch)
            self._stripped = (
                min(self._stripped, len(self.batches))
                if self._newest
                else max(0, self._stripped - 1)
            )
        if self._loss is not None and not self.batches:
            self._tell_loss()  # the receivers have caught up
        return taken


def _is_notice(batch: list[Item]) -> bool:
    return not isinstance(batch[0], Event | Errand)


def _as_many_as_fit(batch: list[Item], room: int) -> int:
    """How many of the oldest have no more bytes than that."""
    for count, item in enumerate(batch):
        room -= len(item.raw) if isinstance(item, Event) else 0
        if room < 0:
            return count
    return len(batch)
