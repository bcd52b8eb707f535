"""Events and answers of a client, for the thread that dispatches them.

Rule: one thread takes. It may read the sockets itself during a flood, which spares two changes of
threads for each batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from django_ami.core.deadline import Deadline
from django_ami.core.reactor import When
from django_ami.core.timeouts import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.core.counters import Counts
    from django_ami.core.delivery import Delivery
    from django_ami.core.messages import Event
    from django_ami.core.overflow import DropReason
    from django_ami.core.reactor import Runner, Traffic
    from django_ami.core.session import Notice
    from django_ami.core.timeouts import Timeout

__all__ = ["Inbox"]

#: How many events are handed over in one batch: enough to spare the lock, few enough to notice a
#: stop soon.
BATCH_EVENTS: Final = 200
#: How long a dispatching thread waits for the reactor thread to leave it the loop.
_PATIENCE_SECONDS: Final = 0.002


class Inbox:
    """Completions of actions, events and notices of one client, until they are taken.

    ``started()`` is true once a thread runs the client's loop. ``call_later(seconds, function)``
    calls a function in that loop, from any thread, and does not wait.
    """

    def __init__(
        self,
        delivery: Delivery,
        runner: Runner,
        traffic: Traffic,
        started: Callable[[], bool],
        call_later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        #: The most events of one batch. A batch can no longer be dropped, so it is never much of a
        #: queue.
        self.most = BATCH_EVENTS
        self._delivery = delivery
        self._runner = runner
        self._traffic = traffic
        self._started = started
        self.call_later = call_later
        self._enough = When(self._has_enough)
        #: The counts of a server, by its name: ``Receivers.deliver`` adds to them.
        self.tally: Mapping[str, Counts] = delivery.tally

    def limit(self, capacities: Iterable[int]) -> None:
        """Have batches that are small beside the queues, which have these capacities."""
        self.most = min(BATCH_EVENTS, *(max(1, capacity // 10) for capacity in capacities))

    def take(
        self, timeout: Timeout | None = None, most: int = BATCH_EVENTS, *, lead: bool = False
    ) -> tuple[list[Callable[[], object]], list[Event | Notice]]:
        """Completions, and events and notices of one server.

        Waits up to ``timeout`` seconds for something. Tell ``delivered`` of events that were handed
        on. With ``lead`` the calling thread reads them itself while there is a flood and it has
        nothing else to do: not for a thread in which a signal's handler may raise. Raises
        ValueError for a timeout that is none.
        """
        seconds = None if timeout is None else 0.0 if timeout == 0 else in_seconds(timeout)
        if lead and seconds != 0 and self._traffic.flooded and self._started():
            seconds = self._read(seconds)
        calls, items = self._delivery.take(min(most, self.most), seconds)
        return calls, cast("list[Event | Notice]", items)  # nobody puts errands there

    def _read(self, timeout: float | None) -> float | None:
        """Run the loop until there is something to take. Returns what is left of the time."""
        deadline = Deadline(timeout)
        if not self._delivery.due:
            self._runner.lead(self._enough, timeout, patience=_PATIENCE_SECONDS)
        return deadline.timeout

    def _has_enough(self) -> bool:
        return self._delivery.due or not self._traffic.flooded

    def delivered(self, server: str, count: int) -> None:
        """The receivers have had ``count`` more events of a server."""
        self._delivery.delivered(server, count)

    def oldest(self, server: str) -> float | None:
        """When the oldest event of a server came that is not delivered, by ``time.monotonic``.

        None if all are. From any thread.
        """
        return self._delivery.oldest(server)

    def queued(self, server: str) -> int:
        """How many events of a server wait, those whose receivers run included."""
        tally = self.tally.get(server)
        return 0 if tally is None else tally.queued

    def capacity(self, server: str) -> int:
        """The most events of a server that may wait, those whose receivers run included."""
        return self._delivery.capacity(server)

    def hold(self, server: str) -> None:
        """Take nothing of a server until ``release``: its events wait in their bounded queue."""
        self._delivery.hold(server)

    def release(self, server: str) -> None:
        """Take what waits of a server again."""
        self._delivery.release(server)

    def dropped(self, server: str, count: int) -> None:
        """The receivers do not get ``count`` events of a server that were taken."""
        self._delivery.dropped(server, count)

    def when_turned(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn of the event loop. From any thread; does not wait."""
        self._runner.call_soon(function)

    def when_taken(self, function: Callable[[], object]) -> None:
        """Hand the function to the next ``take``, as the completion of an action. As above."""
        self._delivery.put_call(function)

    def settle(self, server: str, counts: Counts) -> None:
        """Add what became of events of a server that another thread has had."""
        self._delivery.settle(server, counts)

    def note_reason(self, server: str, count: int, why: DropReason) -> None:
        """Count the reason for which events were dropped that ``settle`` counts."""
        self._delivery.note_reason(server, count, why)

    def wake(self) -> None:
        """Let a waiting ``take`` return now, whatever the reactor does.

        Waits for no lock, so a signal handler may call it.
        """
        woken = self._delivery.wake(wait=False)
        # The thread that takes events may be running the loop.
        self._runner.call_soon(_do_nothing if woken else self._wake)

    def _wake(self) -> None:
        self._delivery.wake()


def _do_nothing() -> None:
    """A call that only makes the loop turn."""
