"""A thread that runs receivers, with bounded queues of its own.

Rule: a lane keeps the order in which something is put into it. A full one drops by the server's own
policy, and holds up no other lane.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

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

    Item = Event | Notice | Errand

__all__ = ["AGAIN", "Lane", "Meeting"]

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

#: A meeting gives it if it could not be held, since the lease is over.
AGAIN: Final = object()


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


class Meeting(Errand):
    """An errand to which several lanes come. It waits until its server may be delivered."""

    __slots__ = ()


class Lane:
    """A thread, and the events that wait for it.

    It puts the events of a server aside while the lease is over, and goes on with other servers.
    """

    def __init__(self, number: int, lanes: All, receivers: Receivers) -> None:
        self.number = number
        self.receivers = receivers
        self.delivery = Delivery()
        #: The server whose receivers run now; empty if none do.
        self.at_work = ""
        #: The meetings that it is to come to, of all servers, in the order in which they were put.
        self._meetings: deque[tuple[str, object]] = deque()
        #: Servers whose events here reach no receiver any more, each once for every lost lease.
        self.discarding: list[str] = []
        #: By server whose lease is over: the items that were taken, and are not through.
        self._aside: dict[str, list[Item]] = {}
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

    def put_meeting(self, meeting: object, errand: Meeting) -> None:
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
        patience = _LEASE_SECONDS if self._aside else None
        _, items = self.delivery.take(self._most, self.collector.patience(patience))
        again = [server for server in self._aside if self.may_deliver(server)]
        if not items and not again and not len(self.collector):
            return
        try:
            with database.cared_for():
                for server in again:
                    self._go_on(server)
                if items:
                    self._work(items[0].server, items)
                self.at_work = self.at_work or "batches"
                self._discard_batches()
                self.collector.give_due(everything=self._lanes.hurry)
        finally:
            self.at_work = ""
            self._lanes.progressed.set()

    def may_deliver(self, server: str) -> bool:
        """True if the items of a server go on now: to their receivers, or to be dropped."""
        return server in self.discarding or self._lanes.serves(server)

    def _go_on(self, server: str) -> None:
        """Go on with the items that were put aside, and then with the queue behind them."""
        items = self._aside.pop(server)
        self.delivery.release(server)
        self._work(server, items)

    def _put_aside(self, server: str, items: list[Item]) -> None:
        self._aside[server] = items + self._aside.get(server, [])
        self.delivery.hold(server)

    def _work(self, server: str, items: list[Item]) -> None:
        self.at_work = server
        left: list[Any]
        groups = groupby(items, lambda item: isinstance(item, Event))
        for are_events, some in groups:
            if are_events:
                left = self._deliver(server, cast("list[Event]", list(some)))
            else:
                left = self._run(server, some)
            if left:
                self._put_aside(server, [*left, *chain.from_iterable(more for _, more in groups)])

    def _run(self, server: str, items: Iterator[Item]) -> list[Item]:
        """Run errands, and tell gaps. Gives those left by a lease that is over."""
        for item in items:
            if isinstance(item, Errand):
                if self._run_errand(item) is AGAIN:
                    return [item, *items]
            elif isinstance(item, Gap):
                self._lanes.settle(server, Counts(gaps=1))
                self._lanes.tell_gap(item, self.receivers)
        return []

    def _run_errand(self, errand: Errand) -> object:
        if isinstance(errand, Meeting) and not self.may_deliver(errand.server):
            return AGAIN
        outcome: object = None
        try:
            outcome = (errand.discard if errand.server in self.discarding else errand.run)()
        finally:
            self._done[errand.server] += outcome is not AGAIN
        return outcome

    @contextmanager
    def meeting(self, server: str, meeting: object) -> Iterator[None]:
        """Come to a meeting when those before it are over, of other servers, too.

        Each server has a queue of its own here. Two lanes that served them in another order would
        wait for each other, in two meetings. So the queue of another server goes on up to the
        meeting that is first, and no further: a meeting behind that may be a later one than this.
        """
        mine = server, meeting
        try:
            while mine in self._meetings and not self._lanes.over:
                first = next(one for one in self._meetings if one == mine or self._can_come(one))
                if first == mine:
                    break
                self._go_on_to(first)
            self.at_work = server
            yield
        finally:
            self._forget(mine)

    def _can_come(self, meeting: tuple[str, object]) -> bool:
        """Nobody comes to the meetings of a server whose lease is over."""
        return self.may_deliver(meeting[0])

    def _go_on_to(self, meeting: tuple[str, object]) -> None:
        """Serve the server of a meeting that comes first, as far as one item."""
        server, end = meeting[0], time.monotonic() + _LOST_SECONDS
        while not (items := self._take_one(server)):
            if self._lanes.over or time.monotonic() >= end:
                self._forget(meeting)
                return
            time.sleep(_LOOK_SECONDS)  # the thread that puts it is just about to
        self._work(server, items)

    def _take_one(self, server: str) -> list[Item]:
        """The next item of a server, if there is one: those put aside come first."""
        aside = self._aside.get(server)
        if aside is None:
            return self.delivery.take_of(server, 1)
        items = [aside.pop(0)]
        if not aside:
            del self._aside[server]
            self.delivery.release(server)
        return items

    def _forget(self, meeting: tuple[str, object]) -> None:
        with suppress(ValueError):
            self._meetings.remove(meeting)

    def deliver_one(self, server: str, event: Event) -> bool:
        """Deliver an event that was not in the queue of this lane; False if it may not be now."""
        self.delivery.delivered(server, -1)
        left = len(self._deliver(server, [event]))
        self.delivery.delivered(server, left)
        return not left

    def _deliver(self, server: str, events: list[Event]) -> list[Event]:
        """Deliver some events. Gives those left by a lease that is over, or by the end."""
        counts = Counts()
        gathered = self._lanes.deliver(server, self._allowed(server, events), self, counts)
        left = events[counts.delivered + counts.failed + gathered :]
        if server in self.discarding:
            counts.dropped, left = len(left), []
        self._settle(server, counts)
        return left

    def _discard_batches(self) -> None:
        for server in set(self.discarding):
            self._settle(server, Counts(dropped=self.collector.discard(server)))

    def _settle(self, server: str, counts: Counts) -> None:
        self.delivery.delivered(server, counts.delivered + counts.failed + counts.dropped)
        self._lanes.settle(server, counts)

    def _allowed(self, server: str, events: list[Event]) -> Iterator[Event]:
        """The events, each while it may be delivered; none once they are to be discarded."""
        for event in events:
            if server in self.discarding or not self._lanes.serves(server):
                return
            yield event
