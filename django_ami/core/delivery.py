"""Bounded queues, one per server, from the reactor thread to the thread that runs user code.

Rule: putting never blocks. Events and notices of one server keep their order; completions of
actions go first, since somebody waits for them. Events are handed over as they were read, a batch
at a time.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from django_ami.core.counters import Counts
from django_ami.core.event_queue import EventQueue
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.core.overflow import DropReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.errand import Errand
    from django_ami.core.event_queue import Item
    from django_ami.core.overflow import Losses
    from django_ami.core.session import Notice

__all__ = ["Delivery"]

logger = get_logger(__name__)


class Delivery:
    """Bounded queues of events, one per server: a flood from one pushes out no other's events."""

    def __init__(self) -> None:
        self._queues: dict[str, EventQueue] = {}
        #: Those that have something, in the order in which it is their turn. A queue that is put in
        #: again keeps its place.
        self._line: OrderedDict[EventQueue, None] = OrderedDict()
        #: The counts themselves, by server. The thread that takes the events adds to ``delivered``
        #: and ``failed`` alone.
        self.tally: dict[str, Counts] = {}
        #: Those of which nobody may take anything now.
        self._held: set[EventQueue] = set()
        self._calls: deque[Callable[[], object]] = deque()
        # It is acquired by ``with``, in C. A condition is written in Python: an exception from
        # outside, in the midst of its ``__enter__``, would leave it acquired for ever.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._woken = False

    def add_server(
        self,
        server: str,
        capacity: int,
        most_bytes: int = sys.maxsize,
        *,
        policy: str = "drop_oldest",
        important: Iterable[str] = (),
    ) -> None:
        """A queue for a server. Names of ``important`` events are compared without case.

        One that has been there keeps what waits in it, and its counts; so it does when its server
        is removed.
        """
        names = frozenset(name.lower() for name in important)
        newest = policy == "drop_newest"
        with self._lock:
            queue = self._queues.get(server)
            if queue is None:
                queue = EventQueue(capacity, most_bytes, newest=newest, important=names)
                # Others go through it without the lock.
                self._queues = {**self._queues, server: queue}
                self.tally[server] = queue.counts
            else:
                queue.change(capacity, most_bytes, newest=newest, important=names)

    def counts(self, server: str) -> Counts:
        """A consistent copy of one server's counts."""
        with self._lock:
            counts = Counts()
            counts.add(self._queues[server].counts)
            return counts

    def losses(self, server: str) -> Losses:
        """A consistent copy of one server's losses."""
        with self._lock:
            return self._queues[server].losses.copy()

    def capacity(self, server: str) -> int:
        """The most events of a server that may wait."""
        return self._queues[server].capacity

    def oldest(self, server: str) -> float | None:
        """When the oldest event came that is not delivered yet, by the reactor's clock; or None."""
        with self._lock:
            queue = self._queues[server]
            batches = [batch for batch in queue.batches if isinstance(batch[0], Event)]
            if queue.counts.queued > sum(map(len, batches)):
                return queue.taken_at or None  # some are in the hands of their receivers
            return batches[0].at if batches else None

    def totals(self) -> Counts:
        """The counts of all servers together, of those that were removed, too."""
        with self._lock:
            total = Counts()
            for queue in self._queues.values():
                total.add(queue.counts)
            return total

    # --- the reactor's side ---

    def put_events(
        self, server: str, events: list[Event], ignored: int, size: int = 0, at: float = 0.0
    ) -> int:
        """Queue some events, of at most ``size`` bytes, dropping some if there is no room.

        They came ``at`` a moment of the reactor's clock. Says how many were dropped.
        """
        with self._lock:
            queue = self._queues[server]
            dropped = queue.put(events, ignored, size, at)
            self._note_dropped(queue, dropped)
            if events:
                self._line_up(queue)
        return dropped

    def offer(
        self, server: str, events: list[Event], ignored: int, size: int, at: float = 0.0
    ) -> tuple[list[Event], int]:
        """Put events like ``put``, but return those for which there is no room.

        Only an event that is larger than the queue is dropped.
        """
        with self._lock:
            queue = self._queues[server]
            left, dropped = queue.offer(events, ignored, size, at)
            self._note_dropped(queue, dropped)
            self._line_up(queue)
        return left, dropped

    def relieve(self) -> None:
        """No memory is left: drop the ordinary events that wait, of all servers, and report it."""
        with self._lock:
            dropped = 0
            for queue in self._queues.values():
                before, dropped = dropped, dropped + queue.relieve()
                queue.losses.dropped[DropReason.MEMORY] += dropped - before
                self._line_up(queue)
        if dropped:
            logger.error(
                "this process has no memory left: %d events that waited were dropped. Raise its "
                "limit (ulimit -v, or that of its container), or lower the option "
                "event_queue_bytes.",
                dropped,
            )

    @staticmethod
    def _note_dropped(queue: EventQueue, count: int) -> None:
        if count:
            why = DropReason.BYTES if queue.is_heavy else DropReason.EVENTS
            queue.losses.dropped[why] += count

    def is_heavy(self, server: str) -> bool:
        """True if the events that were dropped last were too many bytes, not too many events."""
        return self._queues[server].is_heavy

    def put_notice(self, notice: Notice) -> None:
        with self._lock:
            queue = self._queues[notice.server]
            queue.put_notice(notice)
            self._line_up(queue)

    def put_errand(self, errand: Errand) -> None:
        with self._lock:
            queue = self._queues[errand.server]
            queue.put_errand(errand)
            self._line_up(queue)

    def _line_up(self, queue: EventQueue) -> None:
        """It is the queue's turn some time, if it has anything; with the lock held."""
        if queue.batches and queue not in self._held:
            self._line[queue] = None
            self._changed.notify()

    def put_call(self, call: Callable[[], object]) -> None:
        """Queue the completion of an action."""
        with self._lock:
            self._calls.append(call)
            self._changed.notify()

    # --- the other side ---

    def hold(self, server: str) -> None:
        """Give nothing of a server to ``take`` until ``release``: it waits in the bounded queue."""
        with self._lock:
            queue = self._queues[server]
            self._held.add(queue)
            self._line.pop(queue, None)

    def release(self, server: str) -> None:
        """Give the items of a server to ``take`` again."""
        with self._lock:
            queue = self._queues[server]
            self._held.discard(queue)
            self._line_up(queue)

    def dropped(self, server: str, count: int) -> None:
        """Count events that were taken, and reach no receiver."""
        with self._lock:
            self._queues[server].counts.dropped += count
            self._queues[server].losses.dropped[DropReason.LEASE] += count

    def note_reason(self, server: str, count: int, why: DropReason) -> None:
        """Count the reason for which events were dropped that ``settle`` counts."""
        with self._lock:
            self._queues[server].losses.dropped[why] += count

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take. Asked without the lock, so nothing is gone through."""
        return bool(self._calls or self._line)

    @property
    def due(self) -> bool:
        """Whether ``take`` returns without waiting."""
        return self._woken or self.waiting

    def take(
        self, most: int, timeout: float | None
    ) -> tuple[list[Callable[[], object]], list[Item]]:
        """All completions, and up to ``most`` events and notices of the server whose turn it is.

        Waits up to ``timeout`` seconds (None: until there is something, or ``wake``) if there is
        nothing. Events count as delivered only when they are handed to ``delivered``.
        """
        with self._lock:
            if timeout != 0 and not self.waiting and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            calls = list(self._calls)
            self._calls.clear()
            items: list[Item] = []
            while self._line and not items:
                queue, _ = self._line.popitem(last=False)
                items = queue.take(most)
                if queue.batches:
                    self._line[queue] = None
            return calls, items

    def take_of(self, server: str, most: int) -> list[Item]:
        """Up to ``most`` events, notices and errands of one server, whosever turn it is."""
        with self._lock:
            queue = self._queues[server]
            items = queue.take(most)
            if not queue.batches:
                self._line.pop(queue, None)
            return items

    def delivered(self, server: str, count: int) -> None:
        """The receivers have had ``count`` more events of a server.

        For the thread that takes them alone.
        """
        self._queues[server].counts.delivered += count  # no lock: nobody else writes it

    def settle(self, server: str, counts: Counts) -> None:
        """Add what became of events that another thread has had. From any thread."""
        with self._lock:
            mine = self._queues[server].counts
            mine.delivered += counts.delivered
            mine.failed += counts.failed
            mine.dropped += counts.dropped
            mine.dropped_important += counts.dropped_important
            mine.gaps += counts.gaps

    def wake(self, *, wait: bool = True) -> bool:
        """Let ``take`` return.

        False if another thread has the lock at this moment, and ``wait`` is false.
        """
        self._woken = True
        if not self._changed.acquire(blocking=wait):
            return False
        try:
            self._changed.notify_all()
        finally:
            self._changed.release()
        return True
