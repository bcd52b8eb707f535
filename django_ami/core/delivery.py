"""The hand-over between the reactor's thread and the one where user code runs: one bounded queue per server.

Rule: putting never blocks, and nothing is lost silently: what does not fit is counted as dropped. Events and notices of
one server keep their order; notices are never dropped; completions of actions go first, since somebody waits for them.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django_ami.core.messages import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_ami.core.session import Notice

__all__ = ["Counts", "Delivery"]


@dataclass(slots=True)
class Counts:
    """What became of one server's events: received = ignored + delivered + dropped + queued, at any moment.

    ``ignored`` are those of a name that nobody receives; ``queued`` includes those whose receivers are running.
    """

    received: int = 0
    ignored: int = 0
    delivered: int = 0
    dropped: int = 0

    @property
    def queued(self) -> int:
        return self.received - self.ignored - self.delivered - self.dropped


class _Queue:
    __slots__ = ("capacity", "counts", "items")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.counts = Counts()
        self.items: deque[Event | Notice] = deque()


class Delivery:
    """Bounded queues of events, one per server, so that one server's flood never pushes out another's events."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._order: deque[str] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._woken = False

    def add_server(self, server: str, capacity: int) -> None:
        self._queues[server] = _Queue(capacity)
        self._order.append(server)

    def counts(self, server: str) -> Counts:
        """A consistent copy of one server's counts."""
        with self._changed:
            return replace(self._queues[server].counts)

    @property
    def queued(self) -> int:
        """Events that wait, of all servers."""
        with self._changed:
            return sum(queue.counts.queued for queue in self._queues.values())

    # --- the reactor's side ---

    def put_events(self, server: str, events: Sequence[Event], ignored: int) -> int:
        """Queue some events, dropping the oldest if there is no room; says how many were dropped."""
        with self._changed:
            queue = self._queues[server]
            queue.counts.received += len(events) + ignored
            queue.counts.ignored += ignored
            if not events:
                return 0
            queue.items.extend(events)
            excess = queue.counts.queued - queue.capacity
            if excess > 0:
                self._drop_oldest(queue, excess)
            self._changed.notify()
        return max(0, excess)

    @staticmethod
    def _drop_oldest(queue: _Queue, excess: int) -> None:
        queue.counts.dropped += excess
        kept: list[Event | Notice] = []
        while excess:
            item = queue.items.popleft()
            if isinstance(item, Event):
                excess -= 1
            else:
                kept.append(item)
        queue.items.extendleft(reversed(kept))

    def put_notice(self, notice: Notice) -> None:
        with self._changed:
            self._queues[notice.server].items.append(notice)
            self._changed.notify()

    def put_call(self, call: Callable[[], object]) -> None:
        """Queue the completion of an action."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify()

    # --- the other side ---

    def take(self, most: int, timeout: float | None) -> tuple[list[Callable[[], object]], list[Event | Notice]]:
        """All completions, and up to ``most`` events and notices of the server whose turn it is.

        Waits up to ``timeout`` seconds (None: until there is something, or ``wake``) if there is nothing. Events count
        as delivered only when they are handed to ``delivered``.
        """
        with self._changed:
            if not self._something() and not self._woken:
                self._changed.wait(timeout)
            self._woken = False
            calls = list(self._calls)
            self._calls.clear()
            for _ in range(len(self._order)):
                self._order.rotate(-1)
                items = self._queues[self._order[-1]].items
                if items:
                    return calls, [items.popleft() for _ in range(min(most, len(items)))]
            return calls, []

    def delivered(self, server: str, count: int) -> None:
        """So many events of a server have been through the receivers."""
        with self._changed:
            self._queues[server].counts.delivered += count

    def wake(self) -> None:
        """Let ``take`` return."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _something(self) -> bool:
        return bool(self._calls) or any(queue.items for queue in self._queues.values())
