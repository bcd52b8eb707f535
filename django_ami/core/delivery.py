"""The hand-over between the reactor's thread and the one where user code runs: one bounded queue per server.

Rule: putting never blocks, and nothing is lost silently: what does not fit is counted as dropped. Events and notices of
one server keep their order; notices are not dropped to make room, important events last; completions of actions go
first, since somebody waits for them. Events are handed over as they were read, a batch at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from django_ami.core.messages import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from django_ami.core.session import Notice

    Item: TypeAlias = Event | Notice

__all__ = ["Counts", "Delivery"]

#: Notices of one server that wait: in a process that only sends nobody takes them. Each has been logged, so the oldest
#: may go.
MOST_NOTICES: Final = 100


@dataclass(slots=True)
class Counts:
    """What became of one server's events: received = ignored + delivered + failed + dropped + queued, at any moment.

    ``ignored`` are those of a name that nobody receives; ``queued`` includes those whose receivers are running, or are
    to be tried again; ``failed`` are those of which a receiver raised in the end;
    ``dropped_important`` are those of ``dropped`` that the option ``important_events`` names.
    """

    received: int = 0
    ignored: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    dropped_important: int = 0

    @property
    def queued(self) -> int:
        return self.received - self.ignored - self.delivered - self.failed - self.dropped


class _Queue:
    """The batches of one server, the oldest first; none is empty.

    In the first ``_stripped``, or with the policy ``drop_newest`` in the last ones, nothing is left but what is kept.
    What goes and what stays does not depend on how the events came in batches.
    """

    def __init__(self, capacity: int, *, newest: bool, important: frozenset[str]) -> None:
        self.counts = Counts()
        self.batches: deque[list[Item]] = deque()
        #: Whether it stands in the line of those that have something.
        self.in_line = False
        self._capacity = capacity
        self._newest = newest
        self._important = important
        self._stripped = 0
        self._notices = 0

    def change(self, capacity: int, *, newest: bool, important: frozenset[str]) -> None:
        """Other limits from now on; what waits is what it was."""
        self._capacity, self._newest, self._important = capacity, newest, important
        self._stripped = 0  # nobody has looked at them with these eyes

    def put(self, events: list[Event], ignored: int) -> int:
        """Add events as far as there is room; says how many were dropped."""
        counts = self.counts
        dropped = counts.dropped
        counts.received += len(events) + ignored
        counts.ignored += ignored
        batch: list[Item] = list(events)
        # Asked once: the other side may count events as delivered at any moment.
        excess = counts.queued - self._capacity
        if excess > 0:
            batch = self._make_room(batch, excess)
        elif self._newest:
            self._stripped = 0  # nobody has looked at this batch
        if batch:
            self.batches.append(batch)
        return counts.dropped - dropped

    def put_notice(self, notice: Notice) -> None:
        """Add a notice, which is a batch of its own."""
        self.batches.append([notice])
        self._notices += 1
        if self._notices > MOST_NOTICES:
            oldest = next(index for index, batch in enumerate(self.batches) if _is_notice(batch))
            del self.batches[oldest]
            self._notices -= 1
            self._stripped = 0  # it may have been among these

    def _make_room(self, batch: list[Item], excess: int) -> list[Item]:
        """Drop so many events: ordinary ones in the order of the policy, then important ones; gives what is left."""
        if self._newest:
            batch, excess = self._drop(batch, excess, newest=True)
            excess = self._strip(excess)
            batch, _ = self._drop(batch, excess, newest=True, important=True)
            self._stripped = 0 if any(map(self._is_ordinary, batch)) else self._stripped + bool(batch)
            return batch
        excess = self._strip(excess)
        batch, excess = self._drop(batch, excess)
        excess = self._strip_important(excess)
        return self._drop(batch, excess, important=True)[0]

    def _strip(self, excess: int) -> int:
        """Drop ordinary events of the queue, from the end that the policy says; says how many are still too many."""
        while excess and self._stripped < len(self.batches):
            index = -1 - self._stripped if self._newest else self._stripped
            kept, left = self._drop(self.batches[index], excess, newest=self._newest)
            done, excess = not left, left
            if not kept:
                del self.batches[index]
                continue
            self.batches[index] = kept
            self._stripped += not done
        return excess

    def _is_ordinary(self, item: Item) -> bool:
        return isinstance(item, Event) and item.name.lower() not in self._important

    def _strip_important(self, excess: int) -> int:
        """All that is left is important: drop the oldest of that."""
        index = 0
        while excess and index < len(self.batches):
            kept, excess = self._drop(self.batches[index], excess, important=True)
            if kept:
                self.batches[index] = kept
                index += 1
            else:
                del self.batches[index]
                self._stripped -= 1
        return excess

    def _drop(
        self, batch: list[Item], excess: int, *, newest: bool = False, important: bool = False
    ) -> tuple[list[Item], int]:
        """Drop up to ``excess`` events of a batch, from one of its ends; gives what is left of both."""
        kept: list[Item] = []
        items = reversed(batch) if newest else iter(batch)
        for item in items:
            if not excess:
                kept.append(item)
                kept.extend(items)
                break
            if not (isinstance(item, Event) if important else self._is_ordinary(item)):
                kept.append(item)
            else:
                excess -= 1
                self.counts.dropped += 1
                self.counts.dropped_important += important
        if newest:
            kept.reverse()
        return kept, excess

    def take(self, most: int) -> list[Item]:
        """Up to ``most`` items, the oldest first."""
        taken: list[Item] = []
        while self.batches and len(taken) < most:
            batch, room = self.batches[0], most - len(taken)
            taken += batch[:room]
            if len(batch) > room:
                self.batches[0] = batch[room:]
            else:
                self.batches.popleft()
                self._notices -= _is_notice(batch)
                self._stripped = min(self._stripped, len(self.batches)) if self._newest else max(0, self._stripped - 1)
        return taken


def _is_notice(batch: list[Item]) -> bool:
    return not isinstance(batch[0], Event)


class Delivery:
    """Bounded queues of events, one per server, so that one server's flood never pushes out another's events."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._line: deque[_Queue] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._woken = False

    def add_server(
        self, server: str, capacity: int, *, policy: str = "drop_oldest", important: Iterable[str] = ()
    ) -> None:
        """A queue for a server. Names of ``important`` events are compared without case.

        One that has been there keeps what waits in it, and its counts; so it does when its server is removed.
        """
        names = frozenset(name.lower() for name in important)
        with self._changed:
            queue = self._queues.get(server)
            if queue is None:
                queue = _Queue(capacity, newest=policy == "drop_newest", important=names)
                self._queues = {**self._queues, server: queue}  # others go through it without the lock
            else:
                queue.change(capacity, newest=policy == "drop_newest", important=names)

    def counts(self, server: str) -> Counts:
        """A consistent copy of one server's counts."""
        with self._changed:
            return replace(self._queues[server].counts)

    def totals(self) -> Counts:
        """The counts of all servers together, of those that were removed, too."""
        with self._changed:
            total = Counts()
            for queue in self._queues.values():
                for item in fields(Counts):
                    setattr(total, item.name, getattr(total, item.name) + getattr(queue.counts, item.name))
            return total

    @property
    def queued(self) -> int:
        """Events that wait, of all servers."""
        with self._changed:
            return sum(queue.counts.queued for queue in self._queues.values())

    # --- the reactor's side ---

    def put_events(self, server: str, events: list[Event], ignored: int) -> int:
        """Queue some events, dropping some if there is no room; says how many were dropped."""
        with self._changed:
            queue = self._queues[server]
            dropped = queue.put(events, ignored)
            if events:
                self._stand_in_line(queue)
                self._changed.notify()
        return dropped

    def put_notice(self, notice: Notice) -> None:
        with self._changed:
            queue = self._queues[notice.server]
            queue.put_notice(notice)
            self._stand_in_line(queue)
            self._changed.notify()

    def _stand_in_line(self, queue: _Queue) -> None:
        if queue.batches and not queue.in_line:
            queue.in_line = True
            self._line.append(queue)

    def put_call(self, call: Callable[[], object]) -> None:
        """Queue the completion of an action."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify()

    # --- the other side ---

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take. Asked without the lock, so nothing is gone through."""
        return bool(self._calls or self._line)

    @property
    def due(self) -> bool:
        """Whether ``take`` returns without waiting."""
        return self._woken or self.waiting

    def take(self, most: int, timeout: float | None) -> tuple[list[Callable[[], object]], list[Item]]:
        """All completions, and up to ``most`` events and notices of the server whose turn it is.

        Waits up to ``timeout`` seconds (None: until there is something, or ``wake``) if there is nothing. Events count
        as delivered only when they are handed to ``delivered``.
        """
        with self._changed:
            if timeout != 0 and not self.waiting and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            calls = list(self._calls)
            self._calls.clear()
            items: list[Item] = []
            while self._line and not items:
                queue = self._line.popleft()
                queue.in_line = False
                items = queue.take(most)
                self._stand_in_line(queue)
            return calls, items

    def delivered(self, server: str, count: int) -> None:
        """So many events of a server have been through the receivers. Only the thread that takes them may say so."""
        self._queues[server].counts.delivered += count  # no lock: nobody else writes it

    def tally(self, server: str) -> Counts:
        """The counts themselves, for whoever takes the events: to add to ``delivered`` and ``failed`` alone."""
        return self._queues[server].counts

    def wake(self) -> None:
        """Let ``take`` return."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
