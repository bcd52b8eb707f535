"""The public face of the core: ``Client``: send, subscribe, status, start, close.

Rule: ``send`` never blocks; user code never runs in a turn of the reactor; every wait has an end.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import WeakSet

from django_ami.core.client.changes import Changes
from django_ami.core.client.sending import Sender, distinct
from django_ami.core.client.status import status_of
from django_ami.core.cluster import Cluster, Server, Strategy
from django_ami.core.delivery import Delivery
from django_ami.core.errors import AmiError, ConfigurationError, ConnectionLost, WouldBlock
from django_ami.core.messages import Event
from django_ami.core.process import mark_process
from django_ami.core.reactor import Reactor
from django_ami.core.receivers import Plans, Receivers, dotted_name
from django_ami.core.session import CLOSE_TIMEOUT, Lost, Ready, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django_ami.core.client.handle import ServerHandle
    from django_ami.core.client.status import ServerStatus
    from django_ami.core.config import ServerConfig
    from django_ami.core.delivery import Counts
    from django_ami.core.pending import PendingAction
    from django_ami.core.receivers import Call
    from django_ami.core.session import Notice

__all__ = ["Client"]

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound="Callable[..., Any]")

#: So long, in seconds, whoever dispatches waits for the reactor's thread to let him read.
_PATIENCE: Final = 0.002
#: Events handed over at a time: enough to spare the lock, few enough to see a stop soon.
_BATCH: Final = 200


class Client(Sender[Server]):
    """A connection to each of some servers, all served by one reactor.

    ``servers`` are their settings; ``role`` says whether this process wants their events; ``default`` is the server of
    an action that names none (needed where there are several and no ``routing``); ``routing`` a strategy and the names
    of the servers that take part. Raises ConfigurationError.

    Either ``start`` it, and a thread does the work; or call ``tick`` again and again from a loop of your own. In a
    started client events and completions run on a second thread, unless ``dispatcher=False`` is given: then the caller
    has to call ``dispatch`` again and again.
    """

    def __init__(
        self,
        servers: Iterable[ServerConfig],
        *,
        role: Role | str = Role.LISTENER,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
        receivers: Receivers | None = None,
    ) -> None:
        super().__init__()
        configs = distinct(servers)
        self.role = Role(role)
        #: What is known of those who receive events: who is slow, and who raised.
        self.receivers = receivers or Receivers()
        self._take_options(configs)
        self._reactor = Reactor()
        self._delivery = Delivery()
        self._subscribers: dict[str | None, tuple[Callable[[Event], Any], ...]] = {}
        self._plans = Plans(self._plan)
        self._on_ready: list[Callable[[ServerHandle], Any]] = []
        self._on_lost: list[Callable[[ServerHandle, AmiError], Any]] = []
        self._lock = threading.Lock()
        self._reactor_thread: threading.Thread | None = None
        self._dispatch_thread: threading.Thread | None = None
        self._own_dispatcher = True
        # A signal's handler may raise in the main thread wherever it is: in the midst of writing down what was written.
        self._main_thread = threading.main_thread().ident
        # One that was only made is the parent's, too: children would have its ActionIDs and its selector in common.
        self._is_here = mark_process()
        self._connecting = False
        self._stopped = False
        self._logged_off = False
        self._draining = False
        try:
            self._cluster = Cluster(
                configs,
                role=self.role,
                ids=self._ids,
                reactor=self._reactor,
                delivery=self._delivery,
                slowest_receiver=self.receivers.slowest,
            )
            self._cluster.set_interest(frozenset())
            self._serve(self._cluster.servers, default=default, routing=routing)
        except BaseException:
            self._reactor.close()
            raise

    # --- which servers ---

    def _take_options(self, configs: Iterable[ServerConfig]) -> None:
        self.receivers.thresholds = {config.name: config.options.slow_receiver_threshold for config in configs}
        # What is handed over can no longer be dropped, so it is never much of a queue.
        self._batch = min(_BATCH, *(max(1, config.options.event_queue_capacity // 10) for config in configs))

    def reconfigure(
        self,
        servers: Iterable[ServerConfig],
        *,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
    ) -> Changes:
        """Serve these servers from now on; all arguments are as when it was made. From any thread; does not wait.

        A server whose settings are the same keeps its connection. One whose settings have changed is logged off, and
        then connected with the new ones; one that is not among them is logged off. Actions that are under way there
        fail with ConnectionLost, or with ConnectionFailed if nothing of them had left. What such a server wrote until
        it took the Logoff is delivered and counted like everything else. Raises ConfigurationError, and leaves all as
        it was.
        """
        configs = distinct(servers)
        with self._lock:
            self._refuse_if_ended()
            cluster = self._cluster
            before, planned = cluster.servers, cluster.plan(configs)
            self._make_routing(planned, default, routing)  # it may be wrong, and nothing has changed yet
            cluster.admit(planned)
            self._serve(planned, default=default, routing=routing)
            self._take_options(configs)
            change_over = cluster.replace(planned)
            start = self._connecting
            self._reactor.call_soon(lambda: change_over(start and not self._logged_off))
        return Changes.between(before, planned)

    def _refuse_if_ended(self) -> None:
        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        if self._closed:
            raise ConfigurationError("a closed client cannot be used again: make a new one.")

    # --- actions ---

    def _submit(self, target: Server, pending: PendingAction) -> None:
        closed = self._closed or self._is_foreign()
        if not closed:
            hand_over = partial(self._hand_over, target, pending)
            if self._reactor_thread is not None and self._may_lead():
                self._reactor.call_here(hand_over)
            else:
                self._reactor.call_lazily(hand_over)
        if closed or self._reactor.closed:  # it may have ended meanwhile, and the call with it
            self._refuse(pending)

    def _hand_over(self, target: Server, pending: PendingAction) -> None:
        # What was sent before the close goes out before the Logoff; what comes behind would begin a new connection.
        if self._logged_off:
            self._refuse(pending)
        else:
            target.send(pending)

    # --- events ---

    def subscribe(self, name: str | None, function: Function) -> Function:
        """Call ``function(event)`` for every event of that name (compared without case), or of any name for None."""
        key = name.lower() if name is not None else None
        with self._lock:
            self._subscribers[key] = (*self._subscribers.get(key, ()), function)
            self._plans = Plans(self._plan)  # not cleared: another thread may be adding to it what it knew before
            names = frozenset(name for name in self._subscribers if name is not None)
        self.set_interest(None if None in self._subscribers else names)
        return function

    def on_ready(self, function: Callable[[ServerHandle], Any]) -> None:
        """Call ``function(handle)`` whenever a server becomes ready."""
        self._on_ready.append(function)
        self._ensure_dispatcher()

    def on_lost(self, function: Callable[[ServerHandle, AmiError], Any]) -> None:
        """Call ``function(handle, error)`` whenever a server that was ready is lost, or an attempt to connect fails."""
        self._on_lost.append(function)
        self._ensure_dispatcher()

    def set_interest(self, names: frozenset[str] | None) -> None:
        """Which events are wanted, by name in lower case (None: all); others are counted and cost next to nothing."""
        self._reactor.call_soon(lambda: self._cluster.set_interest(names))
        self._ensure_dispatcher()

    def take(
        self, timeout: float | None = None, most: int = _BATCH, *, lead: bool = False
    ) -> tuple[list[Callable[[], object]], list[Event | Notice]]:
        """For those who dispatch themselves: completions, and events and notices of one server.

        Waits up to ``timeout`` seconds for something. Tell ``delivered`` of events that were handed on. With ``lead``
        the calling thread reads them itself while there is a flood and it has nothing else to do, which spares two
        changes of threads for each batch: not for a thread in which a signal's handler may raise.
        """
        if lead and timeout != 0 and self.started and self._reactor.flooded and not self._delivery.due:
            end = None if timeout is None else time.monotonic() + timeout
            self._reactor.lead(self._has_enough, timeout, patience=_PATIENCE)
            timeout = None if end is None else max(0.0, end - time.monotonic())
        return self._delivery.take(min(most, self._batch), timeout)

    def _has_enough(self) -> bool:
        return self._delivery.due or not self._reactor.flooded

    def delivered(self, server: str, count: int) -> None:
        """So many events of a server have been handed on."""
        self._delivery.delivered(server, count)

    def tally(self, server: str) -> Counts:
        """The counts of a server themselves: ``Receivers.deliver`` adds to them."""
        return self._delivery.tally(server)

    def wake(self) -> None:
        """Let a waiting ``take`` or ``dispatch`` return now. Takes no lock, so a signal handler may call it."""
        self._reactor.call_soon(self._delivery.wake)

    def dispatch(self, timeout: float | None = None) -> int:
        """Run what has arrived: completions, subscribers. Waits up to ``timeout`` seconds; says how many there were."""
        calls, items = self.take(timeout, lead=self._may_lead())
        if calls or items:
            with self.receivers.around():
                self._run_all(calls, items)
        return len(calls) + len(items)

    def _run_all(self, calls: list[Callable[[], object]], items: list[Event | Notice]) -> None:
        for call in calls:
            self.receivers.guard(call, None)
        for kind, some in groupby(items, type):
            if kind is Event:
                handle = self._handles[items[0].server]
                self.receivers.deliver(cast("Iterator[Event]", some), self._plans, handle, self.tally(handle.name))
            else:
                for notice in cast("Iterator[Notice]", some):
                    self._dispatch_notice(notice)

    def _plan(self, name: str) -> tuple[Call, ...]:
        subscribers = self._subscribers
        functions = (*subscribers.get(name.lower(), ()), *subscribers.get(None, ()))
        return tuple((function, function, dotted_name(function)) for function in functions)

    def _dispatch_notice(self, notice: Notice) -> None:
        handle = self._handles[notice.server]
        match notice:
            case Ready():
                for on_ready in self._on_ready:
                    self.receivers.guard(on_ready, handle, handle, item=f"the readiness of {handle.name}")
            case Lost():
                for on_lost in self._on_lost:
                    self.receivers.guard(on_lost, handle, handle, notice.error, item=f"the loss of {handle.name}")

    # --- running ---

    @property
    def started(self) -> bool:
        """True while a thread turns the reactor."""
        return self._reactor_thread is not None

    def start(self, *, connect: bool = True, dispatcher: bool = True) -> None:
        """Start the thread; ``connect`` to all servers now, not on first use. A second call does nothing."""
        with self._lock:
            self._refuse_if_ended()
            if self._reactor_thread is None:
                self._own_dispatcher = dispatcher
                self._reactor_thread = threading.Thread(target=self._run, name="django_ami-reactor", daemon=True)
                self._reactor_thread.start()
                _started.add(self)
        if connect:
            self.connect()
        if self._subscribers or self._on_ready or self._on_lost:
            self._ensure_dispatcher()

    def connect(self) -> None:
        """Connect to all servers now, and stay connected."""
        self._connecting = True
        self._reactor.call_soon(self._connect)

    def _connect(self) -> None:
        if not self._logged_off:
            self._cluster.start()

    def tick(self, timeout: float | None = 0.0) -> None:
        """One turn of everything, in this thread: wait at most ``timeout`` seconds, then run what has arrived."""
        if self.started:
            raise ConfigurationError("this client is started: its own thread turns it.")
        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        self._cluster.tick(timeout)
        while self._delivery.waiting:
            self.dispatch(0)

    def close(self, timeout: float = CLOSE_TIMEOUT + 1) -> None:
        """Log off everywhere and stop, within ``timeout`` seconds. Unanswered actions fail with ConnectionLost.

        Events that were read and not delivered stay for ``take`` and ``dispatch``. A second call does nothing.
        """
        deadline = time.monotonic() + timeout
        self.begin_close(timeout)
        if self._stopped:
            return
        self._stopped = True
        if self._reactor_thread is None:
            self._close_by_ticks(deadline)
        else:
            self._reactor_thread.join(timeout + 1)
        self._reactor.stopping = True
        with self._lock:
            self._draining = True
        self._delivery.wake()
        if self._dispatch_thread is not None and self._dispatch_thread is not threading.current_thread():
            self.receivers.failing.end_at(deadline)
            self._dispatch_thread.join(max(0.0, deadline - time.monotonic()))

    def begin_close(self, timeout: float = CLOSE_TIMEOUT + 1) -> None:
        """Begin to ``close`` without waiting: nothing more is sent, and every server is logged off.

        What a server wrote before it took the Logoff is read and delivered like everything before it. Takes no lock, so
        a signal handler may call it.
        """
        if self._closed or self._is_foreign():
            return
        self._closed = True
        deadline = time.monotonic() + timeout
        self._reactor.call_soon(self._log_off)
        self._reactor.call_soon(lambda: self._stop_when_closed(deadline))
        self._reactor.expect(lambda: self._reactor.stopping)

    def abandon(self) -> None:
        """Let go of everything without a word: for a child process after fork, whose sockets are the parent's.

        It comes by itself: for a client that was started by Python's hook for a fork; else, or if another program
        forked, when the client is used in the child. No lock is taken: the parent may have held it.
        """
        self._end = "the client was made before a fork, and is the parent's: make a new one in each process"
        self._closed = self._stopped = self._reactor.stopping = self._draining = True
        self._cluster.abandon()
        self._reactor.abandon()

    def _is_foreign(self) -> bool:
        """True in a child of the process that made it; then it is let go of."""
        if self._is_here():
            return False
        if not self._draining:
            self.abandon()
        return True

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name. Raises ConfigurationError in a forked child."""
        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        now = time.monotonic()
        return {
            name: status_of(server, self._delivery.counts(name), now) for name, server in self._cluster.servers.items()
        }

    def totals(self) -> Counts:
        """What became of the events of all servers together, of those that were removed, too."""
        return self._delivery.totals()

    # --- the threads ---

    def _run(self) -> None:
        self._reactor.run()
        self._cluster.give_up()
        self._cluster.abandon()
        self._reactor.close()
        self._delivery.wake()  # whoever waits for events waits for nothing now

    def _log_off(self) -> None:
        self._logged_off = True
        self._cluster.close()

    def _stop_when_closed(self, deadline: float) -> None:
        if self._cluster.closed or self._reactor.now >= deadline:
            self._reactor.stopping = True
        else:
            self._reactor.call_at(self._reactor.now + 0.01, lambda: self._stop_when_closed(deadline))

    def _close_by_ticks(self, deadline: float) -> None:
        self._cluster.tick(0)
        while not self._cluster.closed and time.monotonic() < deadline:
            self._cluster.tick(0.05)
        self._cluster.give_up()
        self._cluster.abandon()
        self._reactor.close()

    def _ensure_dispatcher(self) -> None:
        with self._lock:
            if self._dispatch_thread or not self.started or not self._own_dispatcher or self._draining:
                return
            self._dispatch_thread = threading.Thread(target=self._run_dispatch, name="django_ami-dispatch", daemon=True)
            self._dispatch_thread.start()

    def _run_dispatch(self) -> None:
        while not self._draining:
            self.dispatch(None)
        # The reactor has ended, so nothing more comes; and what it failed at its end is to be told, too.
        while self.dispatch(0):
            pass

    # --- for PendingAction ---

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code where user code runs; here, if no thread of ours is left for it."""
        ended = self._draining and self._own_dispatcher and not self._reactor.in_thread
        if ended or self._is_foreign():
            with self.receivers.around():
                self.receivers.guard(function, None)
            return
        self._delivery.put_call(function)
        self._ensure_dispatcher()

    def expect(self, pending: PendingAction) -> None:
        """Somebody wants the answer, and does not wait in a thread."""
        if self._is_foreign():
            self._disown(pending)
        else:
            self._reactor.expect(pending.done)

    def _disown(self, pending: PendingAction) -> None:
        pending.disown(
            ConnectionLost(
                f"{pending.name} is under way in the parent process, from before the fork: its answer comes there.",
                server=pending.server,
                sent=True,  # what has not left may still do so
            )
        )

    def before_wait(self, pending: PendingAction, timeout: float) -> float:
        """Refuse a wait that cannot end; turn the reactor if its own thread does not."""
        if self._is_foreign():
            self._disown(pending)
            return 0.0
        end = time.monotonic() + timeout
        if self._reactor_thread is None:
            while not (pending.done() or self._closed or time.monotonic() >= end):
                self._cluster.tick(max(0.0, end - time.monotonic()))
        elif not (self._may_lead() and self._reactor.lead(pending.done, timeout, asking=True)):
            if self._reactor.in_thread:
                raise WouldBlock(
                    f"waiting for {pending.name} on the thread that brings the answer: use on_complete.",
                    server=pending.server,
                )
            self.expect(pending)
        return max(0.0, end - time.monotonic())

    def holds(self, pending: PendingAction) -> bool:  # noqa: ARG002
        """False in a forked child."""
        return not self._is_foreign()

    def withdraw(self, pending: PendingAction) -> None:
        """The action was cancelled before it left: its server forgets it."""
        target = self._targets.get(pending.server)
        if target is not None:  # not one that was removed meanwhile: that has ended it
            self._reactor.call_soon(partial(target.forget, pending))

    def _may_lead(self) -> bool:
        return threading.get_ident() != self._main_thread


def _abandon_all() -> None:
    for client in list(_started):
        client.abandon()
    _started.clear()


#: In a child process their threads are gone, and whoever led there would write on the parent's connections.
_started: WeakSet[Client] = WeakSet()
os.register_at_fork(after_in_child=_abandon_all)
