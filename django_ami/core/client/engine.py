"""The engine of a client: its event loop, threads and connections; how they begin, run and end.

Rule: every wait has an end. A child after a fork lets go of all that is its parent's.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakSet

from django_ami.core.client.sending import Sender
from django_ami.core.deadline import Deadline
from django_ami.core.errors import ConfigurationError, ConnectionFailed, WouldBlock
from django_ami.core.log import KeptBack
from django_ami.core.process import mark_process
from django_ami.core.refusals import reason_of_refusal, start_thread
from django_ami.core.scribe import scribe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.cluster import Strategy
    from django_ami.core.cluster.server import Server
    from django_ami.core.config import ServerConfig
    from django_ami.core.pending import PendingAction
    from django_ami.core.reactor import MainThread, Runner, Traffic
    from django_ami.core.receivers import Receivers
    from django_ami.core.request import Request
    from django_ami.core.session import Role

__all__ = ["Engine", "load_rooms"]

Made = TypeVar("Made")

#: How long a tick goes on with the work that its first turn left over.
_LONGEST_TICK_SECONDS: Final = 0.005


class Engine(Sender["Server"]):
    """The base of ``Client``. Its arguments are those of a client, checked."""

    def __init__(
        self,
        configs: list[ServerConfig],
        *,
        role: Role,
        default: str | None,
        routing: tuple[Strategy | str, Iterable[str]] | None,
        receivers: Receivers,
        leading: bool,
    ) -> None:
        from django_ami.core.client import rooms

        super().__init__()
        self.role = role
        #: The receivers of events, with the calls that were slow or raised.
        self.receivers = receivers
        self._loop = _make(rooms.Loop)
        traffic = rooms.Traffic()
        self._log_of_tick = KeptBack(lambda: self._loop.in_thread)
        self._delivery = rooms.Delivery()
        self.receivers.relieve = self._delivery.relieve
        self._subscribers = rooms.Subscribers()
        self._lock = threading.Lock()
        self._reactor_thread: threading.Thread | None = None
        # One that was only made is the parent's, too: children would have its ActionIDs and its
        # selector in common.
        self._is_here = mark_process()
        self._connecting = False
        self._stopped = False
        self._logged_off = False
        try:
            self._cluster = rooms.Cluster(
                configs,
                role=self.role,
                ids=self._ids,
                loop=self._loop,
                traffic=traffic,
                delivery=self._delivery,
                slowest_receiver=self.receivers.slowest,
            )
            self._cluster.set_interest(frozenset())
            self._serve(self._cluster.servers, default=default, routing=routing)
            self._runner = _make(partial(self._make_runner, traffic, leading=leading))
            self._main = rooms.MainThread(self._runner, self._loop)
        except BaseException:
            self._loop.close()
            raise

        def started() -> bool:
            return self.started

        #: Events and answers that have arrived, for a program that dispatches them itself.
        self.inbox = rooms.Inbox(self._delivery, self._runner, traffic, started, self._call_later)
        self._dispatcher = rooms.Dispatcher(
            self.inbox,
            self._delivery,
            self._loop,
            self.receivers,
            self._subscribers,
            handle=self.handle,
            started=started,
        )
        self._take_options(configs)

    def _make_runner(self, traffic: Traffic, *, leading: bool) -> Runner:
        from django_ami.core.client import rooms

        start_afresh = self._cluster.start_afresh
        if not leading:
            return rooms.Runner(self._loop, on_interruption=start_afresh)
        return rooms.Leader(
            self._loop,
            traffic,
            is_behind=lambda: self._delivery.waiting,
            on_interruption=start_afresh,
        )

    def _take_options(self, configs: list[ServerConfig]) -> None:
        self.receivers.thresholds = {
            config.name: config.options.slow_receiver_threshold for config in configs
        }
        self.inbox.limit(config.options.event_queue_capacity for config in configs)

    def _refuse_if_ended(self) -> None:
        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        if self._closed:
            raise ConfigurationError("a closed client cannot be used again: make a new one.")

    # --- running ---

    @property
    def started(self) -> bool:
        """True while a thread runs the loop."""
        return self._reactor_thread is not None

    def start(self, *, connect: bool = True, dispatcher: bool = True) -> None:
        """Start the thread; ``connect`` to all servers now, not on first use.

        A second call does nothing.
        """
        with self._lock:
            self._refuse_if_ended()
            if self._reactor_thread is None:
                self._dispatcher.has_thread = dispatcher
                self._reactor_thread = start_thread(self._run, "django_ami-reactor")
                _started.add(self)
                scribe.engage(self)
        if connect:
            self.connect()
        if self._subscribers:
            self._dispatcher.ensure()

    def connect(self) -> None:
        """Connect to all servers now, and stay connected."""
        self._connecting = True
        self._runner.call_soon(self._connect)

    def _connect(self) -> None:
        if not self._logged_off:
            self._cluster.start()

    def _run_once(self, timeout: float | None) -> None:
        """One turn of the loop on this thread, or a few.

        It waits at most ``timeout`` seconds for something to happen.
        """
        with self._log_of_tick:
            self._runner.run_once(timeout)
            if self._loop.deferred:
                # No thread runs the loop until the next tick. So what stood back is served now, for
                # a bounded time.
                deadline = Deadline(_LONGEST_TICK_SECONDS)
                while self._loop.deferred and not deadline.over:
                    self._runner.run_once(deadline.left)

    def abandon(self) -> None:
        """Let go of all sockets without a word, in a child after fork: they are the parent's.

        It comes by itself: for a client that was started by Python's hook for a fork; else, or if
        another program forked, when the client is used in the child. No lock is taken: the parent
        may have held it.
        """
        self._end = (
            "the client was made before a fork, and is the parent's: make a new one in each process"
        )
        self._closed = self._stopped = self._runner.stopping = self._dispatcher.ending = True
        self._cluster.abandon()
        self._runner.abandon()

    def _is_foreign(self) -> bool:
        """True in a child of the process that made it; then it is let go of."""
        if self._is_here():
            return False
        self._let_go()
        return True

    def _let_go(self) -> None:
        if not self._dispatcher.ending:
            self.abandon()

    # --- actions ---

    def _submit(self, target: Server, request: Request) -> None:
        if not self._is_here():
            self._let_go()
        closed = self._closed
        if not closed:
            hand_over = partial(target.send, request)
            leading = None if self._reactor_thread is None else self._leading()
            if leading is None:
                self._runner.call_lazily(hand_over)
            else:
                leading.call_here(hand_over)
        if closed or self._runner.closed:  # it may have ended meanwhile, and the call with it
            self._refuse(request)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        loop = self._loop

        def begin() -> None:
            loop.call_at(loop.now + seconds, function)

        self._runner.call_soon(begin)

    # --- the threads ---

    def _run(self) -> None:
        # Before the first turn: a waiting thread would run the loop itself if no reactor thread
        # were known.
        self._reactor_thread = threading.current_thread()
        self._runner.run()
        self._cluster.give_up()
        self._cluster.abandon()
        self._runner.close()
        self._delivery.wake()  # a thread that waits for events would wait for ever

    def _log_off(self) -> None:
        self._logged_off = True
        self._cluster.close()

    def _stop_when_closed(self, deadline: Deadline) -> None:
        if self._cluster.closed or deadline.over:
            self._runner.stopping = True
        else:
            self._loop.call_at(self._loop.now + 0.01, lambda: self._stop_when_closed(deadline))

    def _close_by_ticks(self, deadline: Deadline) -> None:
        self._run_once(0)
        while not self._cluster.closed and not deadline.over:
            self._run_once(0.05)
        self._cluster.give_up()
        self._cluster.abandon()
        self._runner.close()

    def _leading(self) -> Runner | MainThread | None:
        """The way in which the calling thread leads; None if it must not."""
        return self._main.leading() if threading.get_ident() == self._main.ident else self._runner

    # --- for PendingAction ---

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs; here, if no thread of ours is left for it."""
        self._dispatcher.call(function, here=self._is_foreign())

    def expect(self, pending: PendingAction) -> bool:
        """A caller wants the answer, and does not wait in a thread. False in a forked child."""
        if self._is_foreign():
            return False
        self._runner.expect(pending)
        return True

    def may_poll(self) -> bool:
        """True if the answer may come within a moment, and this thread, a coroutine's, may lead."""
        if self._reactor_thread is None or not self._is_here():
            return False
        return self._runner.may_poll() and self._leading() is self._runner

    def poll(self, pending: PendingAction) -> None:
        """Look for the answer for a moment."""
        self._runner.poll(pending)

    def before_wait(self, pending: PendingAction, timeout: float, *, lead: bool = True) -> float:
        """Refuse a wait that cannot end; run the loop if the reactor thread does not.

        Without ``lead`` the reactor thread does: a leader would not see another thread settle it.
        """
        if not self._is_here():
            self._let_go()
            return -1.0
        end = time.monotonic() + timeout
        leading = self._leading() if lead else None
        if self._reactor_thread is None:
            while not (pending.done() or self._closed or time.monotonic() >= end):
                self._run_once(max(0.0, end - time.monotonic()))
        elif leading is None or not leading.lead(pending, timeout, guest=True):
            if self._loop.in_thread:
                raise WouldBlock(
                    (
                        f"waiting for {pending.name} on the thread that brings the answer: use "
                        "on_complete."
                    ),
                    server=pending.server,
                )
            self._runner.expect(pending)
        return max(0.0, end - time.monotonic())

    def holds_here(self) -> bool:
        """False in a forked child."""
        return not self._is_foreign()

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left: its server forgets it."""
        self.meters[pending.server].settled(pending.name, "cancelled", 0.0)
        target = self._targets.get(pending.server)
        if target is not None:  # not one that was removed meanwhile: that has ended it
            self._runner.call_soon(partial(target.forget, pending.action_id))


def load_rooms() -> None:
    """Load what a client needs. Raises ConnectionFailed if the system refuses to open a file."""
    try:
        from django_ami.core.client import rooms  # noqa: F401
    except OSError as error:
        raise ConnectionFailed(reason_of_refusal(error)) from None


def _make(what: Callable[[], Made]) -> Made:
    """Make a thing that needs descriptors. Raises ConnectionFailed if the system refuses them."""
    try:
        return what()
    except OSError as error:
        raise ConnectionFailed(reason_of_refusal(error)) from None


def _abandon_all() -> None:
    for client in list(_started):
        client.abandon()
    _started.clear()


#: In a child process their threads are gone, and a leader there would write on the parent's
#: connections.
_started: WeakSet[Engine] = WeakSet()
os.register_at_fork(after_in_child=_abandon_all)
