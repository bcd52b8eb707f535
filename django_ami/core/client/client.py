"""The public face of the core: ``Client``: send, subscribe, status, start, close.

Rule: ``send`` never blocks; user code never runs in a turn of the reactor; every wait has an end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django_ami.core import permission  # noqa: F401  (it asks now whether tests run: they may hide it later)
from django_ami.core.arguments import shown
from django_ami.core.client.engine import Engine, load_rooms
from django_ami.core.client.sending import distinct
from django_ami.core.deadline import Deadline
from django_ami.core.errors import ConfigurationError
from django_ami.core.scribe import LAST_RECORDS_SECONDS, scribe
from django_ami.core.session import CLOSE_TIMEOUT_SECONDS, Lost, Ready, Role
from django_ami.core.timeouts import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.client.changes import Changes
    from django_ami.core.client.handle import ServerHandle
    from django_ami.core.client.status import ServerStatus
    from django_ami.core.cluster import Strategy
    from django_ami.core.config import ServerConfig
    from django_ami.core.counters import Counts
    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Event
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice
    from django_ami.core.timeouts import Timeout

__all__ = ["Client"]

#: How long the handlers of LOGGING have at least, at the end. Records are written within it, if
#: nothing is wrong.
_LEAST_RECORDS_SECONDS: Final = 0.1


def _role(name: Role | str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise ConfigurationError(
            f"unknown role {shown(name)}: known are 'listener' and 'caller'."
        ) from None


class Client(Engine):
    """A connection to each of some servers, all served by one reactor.

    ``servers`` are their settings; ``role`` says whether this process wants their events;
    ``default`` is the server of an action that names none (needed where there are several and no
    ``routing``); ``routing`` a strategy and the names of the servers that take part. Raises
    ConfigurationError.

    Either ``start`` it, and a thread does the work; or call ``tick`` again and again from a loop of
    your own. In a started client events and completions run on a second thread, unless
    ``dispatcher=False`` is given: then the caller has to call ``dispatch`` again and again.

    ``leading=False`` leaves every turn of the event loop to its own thread: simpler, and slower for
    threads that wait for answers.
    """

    def __init__(
        self,
        servers: Iterable[ServerConfig],
        *,
        role: Role | str = Role.LISTENER,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
        receivers: Receivers | None = None,
        leading: bool = True,
    ) -> None:
        load_rooms()
        from django_ami.core.receivers import Receivers

        configs = distinct(servers)
        if receivers is not None and not isinstance(receivers, Receivers):
            raise ConfigurationError(
                f"receivers must be Receivers, or None, not {shown(receivers)}."
            )
        if default is not None and not isinstance(default, str):
            raise ConfigurationError(
                f"the default must be the name of a server, or None, not {shown(default)}."
            )
        super().__init__(
            configs,
            role=_role(role),
            default=default,
            routing=routing,
            receivers=receivers or Receivers(),
            leading=leading,
        )

    # --- which servers ---

    def reconfigure(
        self,
        servers: Iterable[ServerConfig],
        *,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
    ) -> Changes:
        """Serve these servers from now on; all arguments are as when it was made.

        From any thread; does not wait.

        A server whose settings are the same keeps its connection. One whose settings have changed
        is logged off, and then connected with the new ones; one that is not among them is logged
        off. Actions that are under way there fail with ConnectionLost, or with ConnectionFailed if
        nothing of them had left. Events that such a server wrote before it took the Logoff are
        delivered and counted like all others. Raises ConfigurationError, and leaves all as it was.
        """
        from django_ami.core.client.changes import Changes

        configs = distinct(servers)
        with self._lock:
            self._refuse_if_ended()
            cluster = self._cluster
            before, planned = cluster.servers, cluster.plan(configs)
            # The routing may be wrong: it is checked before anything changes.
            self._make_routing(planned, default, routing)
            cluster.admit(planned)
            self._serve(planned, default=default, routing=routing)
            self._take_options(configs)
            change_over = cluster.replace(planned)
            start = self._connecting
            self._runner.call_soon(lambda: change_over(start and not self._logged_off))
        return Changes.between(before, planned)

    # --- events ---

    def subscribe(self, name: str | None, function: Callable[[Event], Any]) -> Callable[[], None]:
        """Call ``function(event)`` for each event of that name, in any case, or for all (None).

        Returns a function that ends this subscription and no other one; a second call of it does
        nothing. A receiver may call it. In another thread than that of the receivers, an event that
        is being handed on may still come. Raises TypeError if the name is not a string, or the
        function is not callable, or is asynchronous.
        """
        undo = self._subscribers.subscribe(name, function)
        self._tell_interest()

        def end() -> None:
            undo()
            self._tell_interest()

        return end

    def on_ready(self, function: Callable[[ServerHandle], Any]) -> Callable[[], None]:
        """Call ``function(handle)`` whenever a server becomes ready.

        Returns a function that ends it.

        Raises TypeError for what is no function, and for one that is asynchronous.
        """
        return self._notify(Ready, function)

    def on_lost(self, function: Callable[[ServerHandle, AmiError], Any]) -> Callable[[], None]:
        """Call ``function(handle, error)`` when a ready server is lost, or an attempt fails.

        Returns a function that ends it. Raises TypeError as ``on_ready`` does.
        """
        return self._notify(Lost, function)

    def _notify(self, kind: type[Notice], function: Callable[..., Any]) -> Callable[[], None]:
        undo = self._subscribers.notify(kind, function)
        self._dispatcher.ensure()
        return undo

    def set_interest(self, names: frozenset[str] | None) -> None:
        """Which events are wanted besides those of subscribers, by name in lower case.

        None: all of them.

        For a program that takes events out of the ``inbox`` itself. All others are counted, and
        cost next to nothing. Raises TypeError for anything but a frozenset of texts, or None.
        """
        self._subscribers.want(names)
        self._tell_interest()

    def stand_by(self, server: str) -> None:
        """Ask for no events of a server: another process delivers them.

        The connection stays, or is made, for a quick ``take_over``. From any thread; does not wait.
        An unknown name is taken for a server that will be added.
        """
        self._runner.call_soon(lambda: self._cluster.stand_by(server))

    def take_over(self, server: str, token: int, heard_until: float | None = None) -> None:
        """Ask for the events of a server again: from now on this process delivers them.

        ``token`` is that of its lease. ``heard_until`` is up to when another process is known to
        have delivered them, by ``time.monotonic``; None if nobody ever did. When events come, the
        notices ``TookOver``, ``Gap`` and ``Ready`` say so. From any thread; does not wait.
        """
        self._runner.call_soon(lambda: self._cluster.take_over(server, token, heard_until))

    def heard_at(self, server: str) -> float | None:
        """When the last whole message of a server came, by ``time.monotonic``.

        None for a server that is not served any more, and for one that is not logged in.
        """
        known = self._cluster.servers.get(server)
        if known is None or not known.session.ready:
            return None
        return known.session.exchange.liveness.heartbeat.last_received

    def _tell_interest(self) -> None:
        # Asked when the reactor comes to it: of two threads that change it, both changes count.
        self._runner.call_soon(lambda: self._cluster.set_interest(self._subscribers.interest))
        self._dispatcher.ensure()

    def dispatch(self, timeout: Timeout | None = None) -> int:
        """Run what has arrived: completions, subscribers.

        Waits up to ``timeout`` seconds; says how many there were.
        """
        return self._dispatcher.dispatch(
            None if timeout is None else in_seconds(timeout), lead=self._leading() is self._runner
        )

    # --- running ---

    def tick(self, timeout: Timeout | None = 0.0) -> None:
        """Wait at most ``timeout`` seconds, then run all that has arrived, in this thread.

        Raises ValueError for a timeout that is none.
        """
        if timeout is not None:
            timeout = in_seconds(timeout)
        if self.started:
            raise ConfigurationError(
                "this client is started, and its own thread runs the loop: remove the call of tick."
            )
        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        self._run_once(timeout)
        while self._delivery.waiting:
            self._dispatcher.dispatch(0.0, lead=False)

    def close(self, timeout: Timeout = CLOSE_TIMEOUT_SECONDS + 1) -> None:
        """Log off everywhere and stop, within ``timeout`` seconds.

        Unanswered actions fail with ConnectionLost.

        Events that were read and not delivered stay for the ``inbox`` and ``dispatch``. A second
        call does nothing. Raises ValueError, and does nothing, for a timeout that is none.
        """
        timeout = in_seconds(timeout)
        deadline = Deadline(timeout)
        self.begin_close(timeout)
        if self._stopped:
            return
        self._stopped = True
        if self._reactor_thread is None:
            self._close_by_ticks(deadline)
        else:
            self._reactor_thread.join(timeout + 1)
        self._runner.stopping = True
        self._dispatcher.end(deadline)
        scribe.release(self, max(_LEAST_RECORDS_SECONDS, min(LAST_RECORDS_SECONDS, deadline.left)))

    def begin_close(self, timeout: Timeout = CLOSE_TIMEOUT_SECONDS + 1) -> None:
        """Begin to ``close`` without waiting: nothing more is sent, and every server is logged off.

        Events that a server wrote before it took the Logoff are read and delivered like all others.
        Takes no lock, so a signal handler may call it. Raises ValueError, and does nothing, for a
        timeout that is none.
        """
        timeout = in_seconds(timeout)
        if self._closed or self._is_foreign():
            return
        self._closed = True
        deadline = Deadline(timeout)
        # First: the end of a live call would send those that wait, each in the frame of the other.
        self._runner.call_soon(lambda: self._dialler.give_up(self._refuse))
        self._runner.call_soon(self._log_off)
        self._runner.call_soon(lambda: self._stop_when_closed(deadline))
        self._runner.expect_end()

    @property
    def has_read_all(self) -> bool:
        """True once ``begin_close`` has come to its end: nothing more is read of any server."""
        return self._stopped or self._runner.stopping

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name. Raises ConfigurationError in a forked child."""
        from django_ami.core.client.status import status_of

        if self._is_foreign():
            raise ConfigurationError(f"{self._end}.")
        delivery, now = self._delivery, time.monotonic()
        return {
            name: status_of(
                server, delivery.counts(name), delivery.losses(name), delivery.oldest(name), now
            )
            for name, server in self._cluster.servers.items()
        }

    def totals(self) -> Counts:
        """The counts of the events of all servers together, and of those that were removed."""
        return self._delivery.totals()
