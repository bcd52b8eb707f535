"""From the queue to the signals, with care for the database: what ``ami_listen`` does all day.

Rule: receivers run on the thread that calls ``run``, one after the other, in the order of arrival; one that raises is
logged with its name, counted, and stops nobody.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from django.db import close_old_connections, reset_queries

from django_ami import signals
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.receivers import Call
    from django_ami.core.session import Notice

__all__ = ["Dispatcher"]


class Dispatcher:
    """Delivers what a client has received to the signals' receivers.

    ``on_notice`` is called with every notice before its signal is sent. Use it as a context manager: while it is open,
    the client reads only the events that have receivers.
    """

    def __init__(self, client: Client, on_notice: Callable[[Notice], None] | None = None) -> None:
        self.delivered = 0
        #: No event is begun after this time of ``time.monotonic``; another thread may set it during a batch.
        self.until: float | None = None
        #: True while receivers run.
        self.busy = False
        self._client = client
        self._on_notice = on_notice
        self._senders = client.servers
        self._unwatch: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        self._unwatch = signals.watch_interest(self._tell_interest)
        self._tell_interest()
        return self

    def __exit__(self, *_: object) -> None:
        if self._unwatch is not None:
            self._unwatch()

    def _tell_interest(self) -> None:
        self._client.set_interest(signals.interest())

    @property
    def over(self) -> bool:
        """True if ``until`` has passed."""
        return self.until is not None and time.monotonic() >= self.until

    def run(self, timeout: float | None, *, most: int = 200) -> int:
        """Deliver one batch; waits up to ``timeout`` seconds (None: for ever, or until ``client.wake``) for something.

        At most ``most`` events; those that would begin after ``until`` are left, and stay counted as queued. Says how
        many things there were.
        """
        calls, items = self._client.take(timeout, most)
        if not calls and not items:
            return 0
        self.busy = True
        reset_queries()
        close_old_connections()
        try:
            for call in calls:
                self._client.receivers.guard(call, None)
            if items:
                self._deliver(items)
        finally:
            close_old_connections()
            self.busy = False
        return len(calls) + len(items)

    def _deliver(self, items: list[Event | Notice]) -> None:
        """What one server said, in its order."""
        sender = self._senders[items[0].server]
        client, receivers, changes = self._client, self._client.receivers, signals.changes()
        plans: dict[str, list[Call] | None] = {}
        for item in items:
            if not isinstance(item, Event):
                self._tell(item)
                continue
            if self.until is not None and self.over:
                break
            if changes != signals.changes():  # a receiver has come or gone
                changes = signals.changes()
                plans.clear()
            name = item.name
            if name not in plans:
                plans[name] = self._plan(name, sender)
            calls = plans[name]
            if calls is None:
                self._send(item, sender)
            else:
                receivers.deliver(calls, sender, item)
            client.delivered(sender.name, 1)
            self.delivered += 1

    @staticmethod
    def _plan(name: str, sender: ServerHandle) -> list[Call] | None:
        """Whom to call with events of that name, in this batch; None if Django has to do it, for asynchronous ones."""
        calls: list[Call] = []
        for signal in (signals.events.get(name), signals.ami_event):
            more = [] if signal is None else signal.calls(sender)
            if more is None:
                return None
            calls += more
        return calls

    @staticmethod
    def _send(event: Event, sender: ServerHandle) -> None:
        signal = signals.events.get(event.name)
        if signal is not None:
            signal.send_robust(sender=sender, event=event)
        signals.ami_event.send_robust(sender=sender, event=event)

    def _tell(self, notice: Notice) -> None:
        if self._on_notice is not None:
            self._on_notice(notice)
        sender = self._senders[notice.server]
        match notice:
            case Ready():
                signals.server_ready.send_robust(sender=sender, again=notice.again)
            case Lost(was_ready=True):
                signals.server_lost.send_robust(sender=sender, error=notice.error, retry_in=notice.retry_in)
