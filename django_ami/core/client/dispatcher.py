"""Runs a client's own subscribers and completions, in a thread of its own if the client has one.

Rule: user code runs here, never in a turn of the reactor. An error of it stops no other receiver.
"""

from __future__ import annotations

import threading
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Final, cast

from django_ami.core.bugs import Bugs
from django_ami.core.errors import ConnectionFailed
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.core.refusals import start_thread
from django_ami.core.session import Lost, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client.handle import ServerHandle
    from django_ami.core.client.inbox import Inbox
    from django_ami.core.client.subscribers import Subscribers
    from django_ami.core.deadline import Deadline
    from django_ami.core.delivery import Delivery
    from django_ami.core.reactor import Loop
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice

__all__ = ["Dispatcher"]

logger = get_logger(__name__)

#: How long until the system is asked again, if it refuses the thread in which user code runs.
_RETRY_SECONDS: Final = 1.0


class Dispatcher:
    """Hands on what a client's ``inbox`` has to its subscribers.

    ``handle`` gives the handle of a server by its name; ``started()`` is true once a thread runs
    the ``loop``.
    """

    def __init__(
        self,
        inbox: Inbox,
        delivery: Delivery,
        loop: Loop,
        receivers: Receivers,
        subscribers: Subscribers,
        *,
        handle: Callable[[str], ServerHandle],
        started: Callable[[], bool],
    ) -> None:
        #: False if the program itself dispatches the events of a started client.
        self.has_thread = True
        #: True once the client has ended: nothing more comes but what is here.
        self.ending = False
        self._inbox = inbox
        self._delivery = delivery
        self._loop = loop
        self._receivers = receivers
        self._subscribers = subscribers
        self._handle = handle
        self._started = started
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._refused = False
        self._bugs = Bugs(logger, "the delivery of some events")

    # --- one batch ---

    def dispatch(self, timeout: float | None, *, lead: bool) -> int:
        """Run what has arrived, after at most ``timeout`` seconds. Says how many there were."""
        failing = self._receivers.failing
        if failing.reports.due_at < inf:
            timeout = failing.until_report(timeout)
        calls, items = self._inbox.take(timeout, lead=lead)
        if failing.reports.due_at < inf:
            failing.report()
        if calls or items:
            with self._receivers.around():
                self._run_all(calls, items)
        return len(calls) + len(items)

    def _run_all(self, calls: list[Callable[[], object]], items: list[Event | Notice]) -> None:
        for call in calls:
            self._receivers.guard(call, None)
        for kind, some in groupby(items, type):
            if kind is Event:
                handle = self._handle(items[0].server)
                self._receivers.deliver(
                    cast("Iterator[Event]", some),
                    self._subscribers.plans,
                    handle,
                    self._inbox.tally[handle.name],
                )
            else:
                for notice in cast("Iterator[Notice]", some):
                    self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        handle, guard = self._handle(notice.server), self._receivers.guard
        match notice:
            case Ready():
                for on_ready in self._subscribers.of_notice(Ready):
                    guard(on_ready, handle, handle, item=f"the readiness of {handle.name}")
            case Lost():
                for on_lost in self._subscribers.of_notice(Lost):
                    guard(on_lost, handle, handle, notice.error, item=f"the loss of {handle.name}")

    def call(self, function: Callable[[], object], *, here: bool) -> None:
        """Run a completion where user code runs; ``here``, or if no thread is left for it."""
        if here or (self.ending and self.has_thread and not self._loop.in_thread):
            with self._receivers.around():
                self._receivers.guard(function, None)
            return
        self._delivery.put_call(function)
        self.ensure()

    # --- the thread ---

    def ensure(self) -> None:
        """Start the thread, if the client is started and wants one."""
        with self._lock:
            if self._thread or not self._started() or not self.has_thread or self.ending:
                return
            try:
                self._thread = start_thread(self._run, "django_ami-dispatch")
            except ConnectionFailed as error:
                refusal, told = error, self._refused
            else:
                return
            self._refused = True
        if not told:
            logger.warning(
                "Events and answers wait for their receivers, and will be tried again: %s", refusal
            )
        self._loop.call_soon(self._ensure_later)

    def _ensure_later(self) -> None:
        self._loop.call_at(self._loop.now + _RETRY_SECONDS, self.ensure)

    def _run(self) -> None:
        while not self.ending:
            try:
                self.dispatch(None, lead=True)
            except Exception:  # noqa: BLE001  (it is told)
                # Errors of receivers are handled before: this is our bug, and must not stop the
                # next events.
                self._bugs.tell()
        # The reactor has ended, so nothing more comes. Failures at its end are reported,
        # too.
        while self.dispatch(0, lead=True):
            pass
        self._receivers.failing.report(everything=True)

    def end(self, deadline: Deadline) -> None:
        """Run what is left, and wait for the thread until the deadline."""
        with self._lock:
            self.ending = True
        self._delivery.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._receivers.failing.end_at(deadline.at)
            self._thread.join(deadline.left)
        elif self._refused and self._thread is None:
            self._run()  # there was never a thread for it
