"""From the queue to the signals, with care for the database: the main work of ``ami_listen``.

Rule: receivers run on the thread that calls ``run``, one after the other, in the order of arrival;
or on several threads, each call in its order (``parallel/``). One that raises is logged with its
name, counted, and stops nobody; but for an error of the database everything behind it waits until
that is back.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import chain, groupby
from math import inf
from typing import TYPE_CHECKING, ClassVar, Final, Self, cast

from django_ami import conf, database, signals
from django_ami.beside import Beside
from django_ami.core.counters import Counts
from django_ami.core.deadline import Deadline
from django_ami.core.messages import Event
from django_ami.core.plans import Plans
from django_ami.pictures import lend
from django_ami.running import note
from django_ami.signals.classes import watch_interest
from django_ami.signals.planning import SignalPlans
from django_ami.signals.sending import send_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.failures import Retry
    from django_ami.core.plans import Call
    from django_ami.core.session import Notice
    from django_ami.feeding import Feeding
    from django_ami.forwarding.forwarder import Forwarder
    from django_ami.parallel.collecting import Collector
    from django_ami.tracking import Tracking

    Item = Event | Notice

__all__ = ["Dispatcher"]

#: A dispatcher that nobody has told when to end waits so long for its threads.
_END_SECONDS: Final = 10.0


class Dispatcher:
    """Delivers what a client has received to the signals' receivers.

    ``on_notice`` is called with every notice before its signal is sent. ``lead`` says that no
    signal's handler raises in the thread that calls ``run``; see ``Inbox.take``. ``sender`` gives
    the sender of a server's signals, by its name; by default the client's own handle. ``retry``
    says which errors of receivers are worth another attempt (by default the setting
    ``AMI_DISPATCH``; ConfigurationError is raised if it is wrong). ``feeding`` publishes the live
    pictures, which are then kept in any case. ``parallel`` says on how many threads receivers run.
    ``forwarder`` forwards events onto an engine, instead of receivers here, or beside them.
    Use it as a context manager: while it is open, the client reads only the events that have
    receivers.
    """

    #: Whether events are delivered under leases only.
    leased: ClassVar[bool] = False

    def __init__(
        self,
        client: Client,
        on_notice: Callable[[Notice], None] | None = None,
        *,
        lead: bool = False,
        sender: Callable[[str], ServerHandle] | None = None,
        retry: Retry | None = None,
        feeding: Feeding | None = None,
        parallel: conf.Parallel | None = None,
        forwarder: Forwarder | None = None,
    ) -> None:
        #: Events that all their receivers took, and those of which one raised in the end. With
        #: several threads, or with an engine: those that were handed on.
        self.delivered = self.failed = 0
        self._busy = False
        #: Under leases: one is over, valid again, or another process's. Any thread may set it.
        self._leases_changed = False
        self._until: float | None = None
        self._parallel = parallel or conf.Parallel()
        #: The batches of this thread; None if the project has no batch receiver.
        self._collector: Collector | None = None
        self._client = client
        self._on_notice = on_notice
        self._lead = lead
        self._sender = sender or client.handle
        self._feeding = feeding
        #: The other threads, if there are any.
        self._beside = Beside(client, self._sender, forwarder)
        #: Whether receivers run on this thread alone, one event after the other.
        self._one_by_one = True
        #: The receivers of the batch that is delivered now.
        self._plans: SignalPlans | None = None
        self._unwatch: list[Callable[[], None]] = []
        #: The live pictures; None if nobody wants any.
        self._tracking: Tracking | None = None
        self._failing = client.receivers.failing
        self._failing.retry = conf.read_retry() if retry is None else retry
        self._failing.recover = database.recover

    def __enter__(self) -> Self:
        if self._feeding is not None:
            signals.want_picture()
        self._beside.start(self._parallel, self.serves)
        self._one_by_one = not self._beside and self._collector is None
        self._unwatch = [watch_interest(self._tell_interest), lend(self._tracked), note(self)]
        self._tell_interest()
        return self

    def __exit__(self, *_: object) -> None:
        if self._collector is not None:
            self._collector.give_due(everything=True)
        self._beside.end(Deadline(_END_SECONDS).at if self.until is None else self.until)
        self.until = None
        self._failing.report(everything=True)
        while self._unwatch:
            self._unwatch.pop()()

    def _collect(self) -> None:
        from django_ami.parallel.collecting import Collector  # most projects never need it

        self._one_by_one = False
        inbox, settle = self._client.inbox, self._beside.settle
        self._collector = Collector(
            self._client.receivers, batched=signals.batched, serves=self.serves, settle=settle,
            capacity=inbox.capacity,
        )  # fmt: skip

    @property
    def busy(self) -> bool:
        """True while receivers run."""
        return self._busy or self._beside.busy

    @property
    def forwarder(self) -> Forwarder | None:
        """Forwards events onto an engine; None if AMI_FORWARD is not set."""
        return self._beside.forwarder

    @property
    def tracking(self) -> Tracking | None:
        """The live pictures; None if nobody wants any."""
        return self._tracking

    def _tracked(self) -> Tracking:
        tracking = self._tracking
        if tracking is None:
            from django_ami.tracking import Tracking  # most projects never need it

            tracking = self._tracking = Tracking(
                self._client, self._sender, self._beside.change, self._feeding, serves=self.serves
            )
            self._client.inbox.wake()
        return tracking

    def _tell_interest(self) -> None:
        if not signals.is_picture_wanted():
            self._tracking = None
        else:
            self._tracked()
        if self._plans is not None:
            self._plans.clear()  # others are connected now
        if signals.batches_used and self._collector is None and self._beside.spreading is None:
            self._collect()
        self._client.set_interest(self._beside.interest(signals.interest()))

    @property
    def until(self) -> float | None:
        """No event is begun, and none is held, after this time of ``time.monotonic``.

        Another thread may set it.
        """
        return self._until

    @until.setter
    def until(self, when: float | None) -> None:
        self._until = when
        end = inf if when is None else when
        self._client.receivers.end_at(end)
        self._failing.end_at(end)

    @property
    def over(self) -> bool:
        """True if ``until`` has passed."""
        return self.until is not None and time.monotonic() >= self.until

    def run(self, timeout: float | None, *, most: int = 200) -> int:
        """Deliver one batch, of at most ``most`` events. Gives 0 if there was nothing to do.

        Waits for something up to ``timeout`` seconds; None: for ever, or until
        ``client.inbox.wake``. Events that would begin after ``until`` stay counted as queued.
        """
        failing, tracking = self._failing, self._tracking
        timeout = self._patience(timeout)
        self._beside.refill(self._may_take)
        calls, items = self._client.inbox.take(timeout, most, lead=self._lead)
        if looked := self._leases_changed:
            self._look()
        if failing.reports.due_at < inf:
            failing.report()
        if not calls and not items and tracking is None and not self._collector:
            return looked or self._linger()
        self._busy = True
        try:
            with database.cared_for():
                for call in calls:
                    self._client.receivers.guard(call, None)
                if items:
                    self._deliver(items[0].server, items)
                if self._collector is not None:
                    self._collector.give_due(everything=self.until is not None)
                if tracking is not None:
                    tracking.turn()
        finally:
            self._busy = False
        return len(calls) + len(items) or looked or self._linger()

    def _patience(self, timeout: float | None) -> float | None:
        """The part of a wait until something is due."""
        if self._failing.reports.due_at < inf:
            timeout = self._failing.until_report(timeout)
        if self._tracking is not None:
            timeout = self._tracking.patience(timeout)
        return timeout if self._collector is None else self._collector.patience(timeout)

    def _linger(self) -> int:
        """At the end, wait for the other threads: 1 if these have something left."""
        return 0 if self.until is None else self._beside.linger()

    def _may_take(self, server: str) -> bool:
        """True if nothing keeps the events of a server from being taken."""
        return not self._beside.is_full(server)

    def serves(self, server: str) -> bool:  # noqa: ARG002  (another kind of dispatcher knows better)
        """True if this process delivers the events of a server now."""
        return True

    def _deliver(self, server: str, items: Iterable[Item]) -> None:
        """Deliver what came of one server, in its order; under a lease, until that is over."""
        sender = self._sender(server)
        if self.leased and sender.lease is None:
            items = self._behind_takeover(server, items)
        tally = self._client.inbox.tally[sender.name]
        delivered, failed = tally.delivered, tally.failed
        self._plans = plans = SignalPlans(sender, partial(self._tracked_by, sender))
        try:
            groups = groupby(items, type)
            left: Sequence[Item]
            for kind, some in groups:
                if kind is Event:
                    left = self._deliver_events(sender, plans, cast("Iterator[Event]", some))
                else:
                    left = self._tell_all(sender, cast("Iterator[Notice]", some))
                if left:
                    rest = chain.from_iterable(more for _, more in groups)
                    self._wait(server, [*left, *some, *rest])
        finally:
            self._plans = None  # they hold on to the receivers
            if self._one_by_one:
                self.delivered += tally.delivered - delivered
                self.failed += tally.failed - failed

    def _deliver_events(
        self, sender: ServerHandle, plans: SignalPlans, events: Iterator[Event]
    ) -> list[Event]:
        """Gives the event that was to be begun when the lease was over, if there is one."""
        lease = sender.lease if self.leased else None
        left: list[Event] = []
        if self._one_by_one:
            tally = self._client.inbox.tally[sender.name]
            event = self._client.receivers.deliver(events, plans, sender, tally, lease)
            if event is not None:
                left.append(event)
        else:
            allowed = events if lease is None else lease.while_valid(events, left)
            self._hand_on(sender, plans, allowed)
        return left

    # --- under leases ---

    def _look(self) -> None:
        """Find the leases that are over, valid again, or another process's."""

    def _behind_takeover(self, server: str, items: Iterable[Item]) -> Iterable[Item]:  # noqa: ARG002
        """Those of a server that are ours, though its events were not delivered here."""
        return items

    def _wait(self, server: str, rest: list[Item]) -> None:
        """The lease of a server is over: keep what is left."""

    def _hand_on(self, sender: ServerHandle, plans: SignalPlans, events: Iterator[Event]) -> None:
        """Deliver events that are counted later: by other threads, an engine, or in batches."""
        beside = self._beside
        if beside:
            some = list(events)
            events = iter(some)
            if beside.forwarder is not None:
                beside.forwarder.take(sender, some)
            if beside.spreading is not None or not beside.local:
                self._track(sender, some)
                self.delivered += len(some)
                if beside.spreading is not None and beside.local:
                    beside.spreading.spread(sender, some)
                return
        counts = Counts()
        if self._collector is not None:
            self.delivered += self._collector.deliver(events, plans, sender, counts)
        else:
            self._client.receivers.deliver(events, plans, sender, counts)
        self.delivered += counts.delivered
        self.failed += counts.failed
        beside.settle(sender.name, counts)

    def _track(self, sender: ServerHandle, events: list[Event]) -> None:
        """Have the live picture alone take events."""
        if self._tracking is not None:
            tracked = Plans(lambda name: tuple(self._tracked_by(sender, name)))
            self._client.receivers.deliver(events, tracked, sender, Counts())

    def _tracked_by(self, sender: ServerHandle, name: str) -> list[Call]:
        """The live picture takes events with that name first, so that all can look."""
        tracking = self._tracking
        return [] if tracking is None else tracking.calls(sender.name, name)

    def _tell_all(self, sender: ServerHandle, notices: Iterator[Notice]) -> list[Notice]:
        """Gives the notice that was to be told when the lease was over, if there is one."""
        left: list[Notice] = []
        lease = sender.lease
        for notice in notices if lease is None else lease.while_valid(notices, left):
            if self._collector is not None:
                self._collector.give_due(everything=True)
            if not self._beside.barrier(notice):
                return [notice]
            self._tell(notice)
        return left

    def _tell(self, notice: Notice) -> None:
        if self._on_notice is not None:
            self._on_notice(notice)
        if self._tracking is not None:
            self._tracking.hear(notice)
        sender = self._sender(notice.server)
        if self._beside.forwarder is not None:
            self._beside.forwarder.tell(notice, sender)
        send_notice(self._client.receivers, notice, sender, forwarded=not self._beside.local)
