"""From the queue to the signals, with care for the database: the main work of ``ami_listen``.

Rule: receivers run on the thread that calls ``run``, one after the other, in the order of arrival.
One that raises is logged with its name, counted, and stops nobody; but for an error of the database
everything waits until it is back.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Self, cast

from django_ami import conf, database, signals
from django_ami.core.messages import Event
from django_ami.core.receivers import Plans
from django_ami.core.session import Gap, Lost, Ready
from django_ami.pictures import lend
from django_ami.signals.classes import watch_interest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.failures import Retry
    from django_ami.core.receivers import Call
    from django_ami.core.session import Notice
    from django_ami.feeding import Feeding
    from django_ami.signals.classes import RobustSignal
    from django_ami.tracking import Tracking

__all__ = ["Dispatcher"]


class Dispatcher:
    """Delivers what a client has received to the signals' receivers.

    ``on_notice`` is called with every notice before its signal is sent. ``lead`` says that no
    signal's handler raises in the thread that calls ``run``; see ``Inbox.take``. ``sender`` gives
    the sender of a server's signals, by its name; by default the client's own handle. ``retry``
    says which errors of receivers are worth another attempt (by default the setting
    ``AMI_DISPATCH``; ConfigurationError is raised if it is wrong). ``feeding`` publishes the live
    pictures, which are then kept in any case. Use it as a context manager:
    while it is open, the client reads only the events that have receivers.
    """

    def __init__(
        self,
        client: Client,
        on_notice: Callable[[Notice], None] | None = None,
        *,
        lead: bool = False,
        sender: Callable[[str], ServerHandle] | None = None,
        retry: Retry | None = None,
        feeding: Feeding | None = None,
    ) -> None:
        #: Events that all their receivers took, and those of which one raised in the end.
        self.delivered = self.failed = 0
        #: True while receivers run.
        self.busy = False
        self._client = client
        self._on_notice = on_notice
        self._lead = lead
        self._sender = sender or client.handle
        self._feeding = feeding
        self._plans = Plans(lambda _: ())
        #: The calls for each event, whatever its name; None until an event comes.
        self._of_every_event: list[Call] | None = None
        self._unwatch: list[Callable[[], None]] = []
        #: The live pictures; None if nobody wants any.
        self._tracking: Tracking | None = None
        self._failing = client.receivers.failing
        self._failing.retry = conf.read_retry() if retry is None else retry
        self._failing.recover = database.recover

    def __enter__(self) -> Self:
        if self._feeding is not None:
            signals.want_picture()
        self._unwatch = [watch_interest(self._tell_interest), lend(self._tracked)]
        self._tell_interest()
        return self

    def __exit__(self, *_: object) -> None:
        self.until = None
        self._failing.report(everything=True)
        while self._unwatch:
            self._unwatch.pop()()

    def _tracked(self) -> Tracking:
        tracking = self._tracking
        if tracking is None:
            from django_ami.tracking import Tracking  # most projects never need it

            tracking = self._tracking = Tracking(
                self._client, self._sender, self._send, self._feeding, serves=self.serves
            )
            self._client.inbox.wake()
        return tracking

    def _tell_interest(self) -> None:
        if not signals.is_picture_wanted():
            self._tracking = None
        else:
            self._tracked()
        self._forget_plans()
        self._client.set_interest(signals.interest())

    @property
    def until(self) -> float | None:
        """No event is begun, and none is held, after this time of ``time.monotonic``.

        Another thread may set it.
        """
        until = self._client.receivers.until
        return None if until == inf else until

    @until.setter
    def until(self, when: float | None) -> None:
        self._client.receivers.until = end = inf if when is None else when
        self._failing.end_at(end)

    @property
    def over(self) -> bool:
        """True if ``until`` has passed."""
        return self.until is not None and time.monotonic() >= self.until

    def run(self, timeout: float | None, *, most: int = 200) -> int:
        """Deliver one batch.

        Waits up to ``timeout`` seconds (None: for ever, or until ``client.inbox.wake``) for
        something.

        At most ``most`` events; those that would begin after ``until`` are left, and stay counted
        as queued. Says how many things there were.
        """
        failing, tracking = self._failing, self._tracking
        if failing.reports.due_at < inf:
            timeout = failing.until_report(timeout)
        if tracking is not None:
            timeout = tracking.patience(timeout)
        calls, items = self._client.inbox.take(timeout, most, lead=self._lead)
        if failing.reports.due_at < inf:
            failing.report()
        if not calls and not items and tracking is None:
            return 0
        self.busy = True
        try:
            with database.cared_for():
                for call in calls:
                    self._client.receivers.guard(call, None)
                if items:
                    self._deliver(items[0].server, items)
                if tracking is not None:
                    tracking.turn()
        finally:
            self.busy = False
        return len(calls) + len(items)

    def serves(self, server: str) -> bool:  # noqa: ARG002  (another kind of dispatcher knows better)
        """True if this process delivers the events of a server now."""
        return True

    def _deliver(self, server: str, items: Iterable[Event | Notice]) -> None:
        """Deliver events and notices of one server, in their order."""
        sender = self._sender(server)
        tally = self._client.inbox.tally[sender.name]
        delivered, failed = tally.delivered, tally.failed
        self._plans = Plans(partial(self._plan, sender))
        try:
            for kind, some in groupby(items, type):
                if kind is Event:
                    self._client.receivers.deliver(
                        cast("Iterator[Event]", some), self._plans, sender, tally
                    )
                else:
                    for notice in cast("Iterator[Notice]", some):
                        self._tell(notice)
        finally:
            self._forget_plans()
            self.delivered += tally.delivered - delivered
            self.failed += tally.failed - failed

    def _plan(self, sender: ServerHandle, name: str) -> tuple[Call, ...]:
        """Whom to call with events of that name; the live picture first, so that all can look."""
        tracking = self._tracking
        tracked = [] if tracking is None else tracking.calls(sender.name, name)
        signal = signals.events.get(name)
        own = [] if signal is None else signal.calls(sender)
        if self._of_every_event is None:
            self._of_every_event = signals.ami_event.calls(sender)
        return (*tracked, *own, *self._of_every_event)

    def _forget_plans(self) -> None:
        """Behind a batch, as they hold on to the receivers; and when others are connected."""
        self._plans.clear()
        self._of_every_event = None

    def _tell(self, notice: Notice) -> None:
        if self._on_notice is not None:
            self._on_notice(notice)
        if self._tracking is not None:
            self._tracking.hear(notice)
        sender = self._sender(notice.server)
        match notice:
            case Ready():
                self._send(signals.server_ready, sender, "server_ready", again=notice.again)
            case Lost(was_ready=True, last_event_at=last):
                self._send(
                    signals.server_lost,
                    sender,
                    "server_lost",
                    error=notice.error,
                    retry_in=notice.retry_in,
                    last_event_at=None if last is None else _moment(last),
                    missing=notice.missing,
                )
            case Gap():
                end = _moment(notice.end)
                self._send(
                    signals.gap,
                    sender,
                    "gap",
                    begin=end - timedelta(seconds=notice.end - notice.begin),
                    end=end,
                    reason=notice.reason,
                    lost=notice.lost,
                )

    def _send(self, signal: RobustSignal, sender: ServerHandle, name: str, **named: object) -> None:
        for call, _, _ in signal.calls(sender):
            self._client.receivers.guard(call, sender, named, item=f"{name} of {sender.name}")


def _moment(at: float) -> datetime:
    """A moment of the reactor's clock as a time that is the same everywhere."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - at)
