"""From the queue to the signals, with care for the database: what ``ami_listen`` does all day.

Rule: receivers run on the thread that calls ``run``, one after the other, in the order of arrival. One that raises is
logged with its name, counted, and stops nobody; but for an error of the database everything waits until it is back.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Self, cast

from django_ami import conf, database, signals
from django_ami.core.messages import Event
from django_ami.core.receivers import Plans
from django_ami.core.session import Lost, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.failures import Retry
    from django_ami.core.receivers import Call
    from django_ami.core.session import Notice

__all__ = ["Dispatcher"]


class Dispatcher:
    """Delivers what a client has received to the signals' receivers.

    ``on_notice`` is called with every notice before its signal is sent. ``lead`` says that no signal's handler raises
    in the thread that calls ``run``; see ``Client.take``. ``sender`` gives the sender of a server's signals, by its
    name; by default the client's own handle. ``retry`` says which errors of receivers are worth another attempt (by
    default the setting ``AMI_DISPATCH``; ConfigurationError is raised if it is wrong). Use it as a context manager:
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
    ) -> None:
        #: Events that all their receivers took, and those of which one raised in the end.
        self.delivered = self.failed = 0
        #: True while receivers run.
        self.busy = False
        self._client = client
        self._on_notice = on_notice
        self._lead = lead
        self._sender = sender or client.handle
        self._plans = Plans(lambda _: ())
        self._unwatch: Callable[[], None] | None = None
        self._failing = client.receivers.failing
        self._failing.retry = conf.read_retry() if retry is None else retry
        self._failing.recover = database.recover

    def __enter__(self) -> Self:
        self._unwatch = signals.watch_interest(self._tell_interest)
        self._tell_interest()
        return self

    def __exit__(self, *_: object) -> None:
        self.until = None
        if self._unwatch is not None:
            self._unwatch()

    def _tell_interest(self) -> None:
        self._plans.clear()
        self._client.set_interest(signals.interest())

    @property
    def until(self) -> float | None:
        """No event is begun, and none is held, after this time of ``time.monotonic``. Another thread may set it."""
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
        """Deliver one batch; waits up to ``timeout`` seconds (None: for ever, or until ``client.wake``) for something.

        At most ``most`` events; those that would begin after ``until`` are left, and stay counted as queued. Says how
        many things there were.
        """
        calls, items = self._client.take(timeout, most, lead=self._lead)
        if not calls and not items:
            return 0
        self.busy = True
        try:
            with database.cared_for():
                for call in calls:
                    self._client.receivers.guard(call, None)
                if items:
                    self._deliver(items)
        finally:
            self.busy = False
        return len(calls) + len(items)

    def _deliver(self, items: list[Event | Notice]) -> None:
        """What one server said, in its order."""
        sender = self._sender(items[0].server)
        tally = self._client.tally(sender.name)
        delivered, failed = tally.delivered, tally.failed
        self._plans = Plans(partial(_plan, sender))
        try:
            for kind, some in groupby(items, type):
                if kind is Event:
                    self._client.receivers.deliver(cast("Iterator[Event]", some), self._plans, sender, tally)
                else:
                    for notice in cast("Iterator[Notice]", some):
                        self._tell(notice)
        finally:
            self._plans.clear()  # they hold on to the receivers
            self.delivered += tally.delivered - delivered
            self.failed += tally.failed - failed

    def _tell(self, notice: Notice) -> None:
        if self._on_notice is not None:
            self._on_notice(notice)
        sender = self._sender(notice.server)
        match notice:
            case Ready():
                self._send(signals.server_ready, sender, "server_ready", again=notice.again)
            case Lost(was_ready=True):
                self._send(signals.server_lost, sender, "server_lost", error=notice.error, retry_in=notice.retry_in)

    def _send(self, signal: signals.RobustSignal, sender: ServerHandle, name: str, **named: object) -> None:
        for call, _, _ in signal.calls(sender):
            self._client.receivers.guard(call, sender, named, item=f"{name} of {sender.name}")


def _plan(sender: ServerHandle, name: str) -> tuple[Call, ...]:
    """Whom to call with events of that name."""
    signal = signals.events.get(name)
    own = [] if signal is None else signal.calls(sender)
    return (*own, *signals.ami_event.calls(sender))
