"""A thread that runs receivers, with bounded queues of its own.

Rule: a lane keeps the order in which something is put into it. A full one drops by the server's own
policy, and holds up no other lane.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from django_ami import database, signals
from django_ami.core.bugs import Bugs
from django_ami.core.counters import Counts
from django_ami.core.delivery import Delivery
from django_ami.core.errand import Errand
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.core.session import Gap
from django_ami.parallel.collecting import Collector

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from django_ami.core.options import Options
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice

    #: Runs the receivers of some events of a server, on a lane, and counts them; says how many
    #: wait in batches.
    Deliver = Callable[[str, Iterator[Event], "Lane", Counts], int]

__all__ = ["Lane"]

logger = get_logger(__name__)

#: The most events of a lane that are in hand at a time: these can no longer be dropped.
_TAKEN_EVENTS: Final = 50
#: And this part of its queue, one in so many.
_TAKEN_PART: Final = 10
#: How long a lane that is to come to another meeting first waits for its errand.
_LOOK_SECONDS: Final = 0.001
#: An errand that does not come for so long was lost to a bug: nothing waits for its meeting.
_LOST_SECONDS: Final = 10.0
#: How often a lane looks whether a lease that is over is valid again.
_LEASE_SECONDS: Final = 0.05


class All(Protocol):
    """All lanes together, as one of them sees them."""

    over: bool
    #: Somebody waits until all is through: batches are not to wait for more.
    hurry: bool
    progressed: threading.Event
    deliver: Deliver
    settle: Callable[[str, Counts], None]
    serves: Callable[[str], bool]
    tell_gap: Callable[[Gap, Receivers], None]

    def failed(self, error: MemoryError) -> None: ...


class Lane:
    """A thread, and the events that wait for it."""

    def __init__(self, number: int, lanes: All, receivers: Receivers) -> None:
        self.number = number
        self.receivers = receivers
        self.delivery = Delivery()
        #: The server whose receivers run now; empty if none do.
        self.at_work = ""
        #: The meetings that it is to come to, of all servers, in the order in which they were put.
        self._meetings: deque[tuple[str, object]] = deque()
        #: Servers whose events here reach no receiver any more.
        self.discarding: set[str] = set()
        #: Errands by server: those that were put, counted by the side that puts; those over.
        self._put: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        #: The counts of its queue when its losses were last added to the server's own counts.
        self._told: dict[str, Counts] = {}
        self._lanes = lanes
        self._bugs = Bugs(logger, "the delivery of some events")
        #: Gathers events for receivers that take many at once.
        self.collector = Collector(
            receivers,
            batched=signals.batched,
            serves=lanes.serves,
            settle=self._settle,
            capacity=self.delivery.capacity,
        )
        self._most = _TAKEN_EVENTS

    # --- the side that puts ---

    def admit(self, server: str, options: Options, lanes: int) -> None:
        """Make room for the events of a server: a part of what the server itself may have."""
        capacity = max(1, options.event_queue_capacity // lanes)
        self._most = min(self._most, max(1, capacity // _TAKEN_PART))
        self.delivery.add_server(
            server,
            capacity,
            max(1, options.event_queue_bytes // lanes),
            policy=options.overload_policy,
            important=options.important_events,
        )
        self._told.setdefault(server, Counts())

    def put(self, server: str, events: list[Event], size: int) -> Counts:
        """Queue some events. Says what was dropped for them."""
        self.delivery.put_events(server, events, 0, size, time.monotonic())
        now, before = self.delivery.tally[server], self._told[server]
        lost = Counts(
            dropped=now.dropped - before.dropped,
            dropped_important=now.dropped_important - before.dropped_important,
        )
        before.dropped += lost.dropped
        before.dropped_important += lost.dropped_important
        return lost

    def put_errand(self, errand: Errand) -> None:
        """Queue some work behind the events that are here."""
        self._put[errand.server] += 1
        self.delivery.put_errand(errand)

    def put_meeting(self, meeting: object, errand: Errand) -> None:
        """Queue an errand that opens with ``meeting``."""
        self._meetings.append((errand.server, meeting))
        self.put_errand(errand)

    def errands(self, server: str) -> int:
        """How many errands of a server are here, with one that is run now."""
        return self._put[server] - self._done[server]

    def waits(self, server: str) -> int:
        """How many events of a server are here, with those whose receivers run."""
        tally = self.delivery.tally.get(server)
        return 0 if tally is None else tally.queued

    # --- the thread ---

    def run(self) -> None:
        """Run receivers until the lanes end."""
        while not self._lanes.over:
            try:
                self._turn()
            except MemoryError as error:
                self._lanes.failed(error)
                return
            except Exception:  # noqa: BLE001  (it is told)
                # Errors of receivers are handled before: this is our bug, and must not stop the
                # next events.
                self._bugs.tell()

    def _turn(self) -> None:
        _, items = self.delivery.take(self._most, self.collector.patience(None))
        if not items and not len(self.collector):
            return
        self.at_work = items[0].server if items else "batches"
        try:
            with database.cared_for():
                if items:
                    self._work(items[0].server, items)
                self._discard_batches()
                self.collector.give_due(everything=self._lanes.hurry)
        finally:
            self.at_work = ""
            self._lanes.progressed.set()

    def _work(self, server: str, items: list[Event | Notice | Errand]) -> None:
        events: list[Event] = []
        for item in items:
            if isinstance(item, Event):
                events.append(item)
                continue
            self._deliver(server, events)
            events = []
            if isinstance(item, Errand):
                self._run_errand(item)
            elif isinstance(item, Gap):
                self._lanes.settle(server, Counts(gaps=1))
                self._lanes.tell_gap(item, self.receivers)
        self._deliver(server, events)

    def _run_errand(self, errand: Errand) -> None:
        try:
            (errand.discard if errand.server in self.discarding else errand.run)()
        finally:
            self._done[errand.server] += 1

    @contextmanager
    def meeting(self, server: str, meeting: object) -> Iterator[None]:
        """Come to a meeting when those before it are over, of other servers, too.

        Each server has a queue of its own here. Two lanes that served them in another order would
        wait for each other, in two meetings. So the queue of another server goes on up to the
        meeting that is first, and no further: a meeting behind that may be a later one than this.
        """
        mine = server, meeting
        try:
            while mine in self._meetings and self._meetings[0] != mine and not self._lanes.over:
                self._go_on_to(self._meetings[0])
            self.at_work = server
            yield
        finally:
            self._forget(mine)

    def _go_on_to(self, meeting: tuple[str, object]) -> None:
        """Serve the server of a meeting that comes first, as far as one item."""
        server, end = meeting[0], time.monotonic() + _LOST_SECONDS
        while not (items := self.delivery.take_of(server, 1)):
            if self._lanes.over or time.monotonic() >= end:
                self._forget(meeting)
                return
            time.sleep(_LOOK_SECONDS)  # the thread that puts it is just about to
        self.at_work = server
        self._work(server, items)

    def _forget(self, meeting: tuple[str, object]) -> None:
        with suppress(ValueError):
            self._meetings.remove(meeting)

    def deliver_one(self, server: str, event: Event) -> None:
        """Deliver an event that was not in the queue of this lane; now it is."""
        self.delivery.delivered(server, -1)
        self._deliver(server, [event])

    def _deliver(self, server: str, events: list[Event]) -> None:
        if not events:
            return
        counts = Counts()
        gathered = self._lanes.deliver(server, self._allowed(server, events), self, counts)
        if server in self.discarding:
            counts.dropped = len(events) - counts.delivered - counts.failed - gathered
        self._settle(server, counts)

    def _discard_batches(self) -> None:
        for server in list(self.discarding):
            self._settle(server, Counts(dropped=self.collector.discard(server)))

    def _settle(self, server: str, counts: Counts) -> None:
        self.delivery.delivered(server, counts.delivered + counts.failed + counts.dropped)
        self._lanes.settle(server, counts)

    def _allowed(self, server: str, events: list[Event]) -> Iterator[Event]:
        """The events, each when it may be delivered; none once they are to be discarded."""
        for event in events:
            while not self._lanes.serves(server):
                if server in self.discarding or self._lanes.over:
                    return
                time.sleep(_LEASE_SECONDS)
            if server in self.discarding:
                return
            yield event
