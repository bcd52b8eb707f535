"""The worker of ``ami_listen``: start, deliver until told to stop, drain, sum up.

Rule: the main thread runs receivers. One thread prints its lines, another one writes its log, and a
third, the watchdog, handles signals. So it ends even if a receiver, a stream or a handler of the
log hangs.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_ami import conf, feeds, signals
from django_ami.accessor import ami
from django_ami.core.deadline import Deadline
from django_ami.core.errors import AuthenticationFailed, ConfigurationError
from django_ami.core.log import get_logger
from django_ami.core.scribe import scribe
from django_ami.core.session import CLOSE_TIMEOUT_SECONDS, Lost, Ready
from django_ami.database import cared_for
from django_ami.event_loop import keeping
from django_ami.tools.exits import Exit
from django_ami.tools.publishing import feeding_of, forwarder_of
from django_ami.tools.service import Service
from django_ami.tools.stopping import STOPS
from django_ami.tools.streams import LAST_WORDS_SECONDS, Lines, within
from django_ami.tools.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.companion import Companion
    from django_ami.core.client import Changes, Client
    from django_ami.core.session import Notice
    from django_ami.tools.neighbours import Watch

__all__ = ["Worker"]

#: Where the worker's own lines go if the setting LOGGING wants them.
logger = get_logger("django_ami.listen")

#: How much longer than the drain timeout a receiver that does not return may hold up the end. A
#: server has at least as long for the logoff.
PATIENCE_SECONDS: Final = 0.5
#: How much longer than the drain timeout the end may take in all, whatever holds it up.
_LONGEST_END_SECONDS: Final = (
    PATIENCE_SECONDS + 2 * (CLOSE_TIMEOUT_SECONDS + 1) + 2 * LAST_WORDS_SECONDS
)
#: While it is logging off, it looks so often whether that is over.
_TURN_SECONDS: Final = 0.05
#: The last line of a process that ends at once may take so long.
_AT_ONCE_SECONDS: Final = 0.2
#: Addresses that are let go for the end of a process that has no memory left: of two threads, and
#: of their arenas. Nothing is ever written to them, so they cost no memory.
_RESERVE_BYTES: Final = 2**25


class Worker:
    """One run.

    ``stdout`` is where its lines go, unless LOGGING wants them; ``load`` reads the settings again.
    ``companion`` says whose events are delivered.
    """

    def __init__(
        self,
        client: Client,
        options: dict[str, Any],
        load: Callable[[], conf.AmiSettings],
        neighbours: Watch,
        companion: Companion,
        stdout: Any,
    ) -> None:
        self._companion = companion
        self._neighbours = neighbours
        self._reserve = mmap.mmap(-1, _RESERVE_BYTES)
        self._client = client
        self._load = load
        self._reload_wanted = self._reloading = False
        self._run_for: float | None = options["run_for"]
        self._max_events: int | None = options["max_events"]
        self._drain_timeout: float = options["drain_timeout"]
        self._refused: set[str] = set()
        self._fail_on_failed: bool = options["fail_on_failed"]
        self._feeding = feeding_of(client)
        parallel = conf.read_parallel()
        if options["workers"] is not None:
            parallel = replace(parallel, workers=options["workers"])
        self._dispatcher = companion.dispatcher(
            client,
            self._on_notice,
            lead=True,
            sender=ami.handle,
            feeding=self._feeding,
            parallel=parallel,
            forwarder=forwarder_of(client),
        )
        self._watchdog = Watchdog(
            {
                **dict.fromkeys(STOPS, self._stop_or_exit),
                signal.SIGHUP: self._reload_or_stop,
            }
        )
        self._service = Service(client, self._dispatcher, self._watchdog.call_at)
        self._lines = Lines(stdout)
        self._terminals = [descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)]
        #: True once a signal has come that means the end.
        self._told_to_stop = False
        self._stopping = False
        self._beginning_to_stop = threading.Lock()
        #: True once all that was said and logged is written; if not, whoever waits for a stream
        #: waits for ever.
        self.was_heard = False

    def run(self) -> Exit:
        """Listen until something ends it; says the exit code."""
        scribe.engage(self)
        try:
            return self._run()
        finally:
            told = scribe.release(self)
            self.was_heard = self._lines.close() and told

    def _run(self) -> Exit:
        end = Deadline(self._run_for)
        forwarder = self._dispatcher.forwarder
        named = forwarder is not None and forwarder.forward.events
        if forwarder is not None:
            self.say(f"Forwarding: {forwarder.forward}.")
        if self._feeding is None and not named and not signals.events_have_receivers():
            logger.warning(
                "No receivers are connected to django_ami.signals: events will only be counted. "
                "Import their module in the method ready of your AppConfig."
            )
        # Started before the handlers, connected after them: a signal finds nothing to stop, or a
        # client that can be stopped.
        self._client.start(connect=False, dispatcher=False)
        with self._watchdog, keeping():
            if self._run_for is not None:
                self._watchdog.call_at(end.at, self._stop)
            try:
                with self._dispatcher:
                    self._companion.connect()
                    self._service.begin()
                    try:
                        self._listen()
                        self._drain()
                    except MemoryError:
                        self._give_up()
                        self._drain()
            finally:
                self._client.close()
                self._companion.end()
                if self._feeding is not None:
                    self._feeding.close()
            return self._sum_up()

    def _listen(self) -> None:
        while not self._stopping and not self._all_refused and self._remaining:
            self._dispatcher.run(None, most=min(200, self._remaining))
            self._watchdog.take_back()
            if self._reload_wanted:
                self._reload_wanted = False
                self._try_to_reload()

    @property
    def _remaining(self) -> int:
        done = self._dispatcher.delivered + self._dispatcher.failed
        return sys.maxsize if self._max_events is None else max(0, self._max_events - done)

    @property
    def _all_refused(self) -> bool:
        return bool(self._refused) and self._refused.issuperset(self._client.servers)

    # --- other servers, other settings ---

    def reload(self) -> Changes:
        """Take over what has changed in the settings.

        Raises ConfigurationError, and leaves all as it was.
        """
        settings = self._load()
        changes = self._client.reconfigure(settings.servers, default=settings.default)
        self._refused.clear()  # all are tried again
        self._neighbours.follow(settings.servers)
        self._companion.follow(settings.servers)
        ami._adopt(self._client, default=settings.default, reload=self.reload)  # noqa: SLF001  (for our commands alone)
        return changes

    def _try_to_reload(self) -> None:
        """In the thread of the receivers: a function of AMI_SERVERS may ask the database."""
        self._reloading = True
        with cared_for(), self._service.reloading():
            try:
                self.say(f"Reloaded: {self.reload()}.")
            except ConfigurationError as error:
                logger.warning("Not reloaded, all goes on as before: %s", error)
            finally:
                self._reloading = False

    # --- the end ---

    def _drain(self) -> None:
        """Log off, and deliver what was read, for as long as the drain timeout allows."""
        self._begin_stop()
        if self._max_events is not None:
            return  # no event more than that many
        while not self._dispatcher.over and (
            self._dispatcher.run(_TURN_SECONDS) or not self._client.has_read_all
        ):
            self._watchdog.take_back()
        self._client.close()
        while not self._dispatcher.over and self._dispatcher.run(0):
            self._watchdog.take_back()

    def _give_up(self) -> None:
        """No memory is left for the worker itself: it ends, and leaves the events that wait."""
        self._reserve.close()
        self._begin_stop()
        self._dispatcher.until = Deadline(0).at
        logger.error(
            "This process has no memory left, not even to tell which receiver failed: it ends. "
            "Look for a receiver that keeps what it has received, or raise the limit of this "
            "process (ulimit -v, or that of its container)."
        )

    def _begin_stop(self) -> None:
        """Log off, and set the end of the delivering, that of a batch under way, too."""
        with self._beginning_to_stop:  # a second thread waits until it has begun
            if self._dispatcher.until is not None:
                return
            self._dispatcher.until = until = Deadline(self._drain_timeout).at
            self._watchdog.call_at(until + PATIENCE_SECONDS, self._wait_no_longer)
            self._watchdog.call_at(
                until + _LONGEST_END_SECONDS, lambda: self._exit_now("the end took too long")
            )
            # Servers have as long as the receivers have: events of a burst may wait for room in the
            # queue.
            self._client.begin_close(max(PATIENCE_SECONDS, self._drain_timeout))
            self._neighbours.end()
            self._service.stop(self._drain_timeout + _LONGEST_END_SECONDS)

    # --- on the watchdog's thread ---

    def _wait_no_longer(self) -> None:
        """A receiver that does not return must not keep the process from ending.

        A server may take its time.
        """
        if self._dispatcher.busy:
            slowest = self._client.receivers.slowest()
            self._exit_now(f"a receiver did not return{f' ({slowest})' if slowest else ''}")
        if self._reloading:
            self._exit_now("reading the settings did not end")

    def _stop(self) -> None:
        """Stop listening, and drain."""
        self._stopping = True
        self._client.inbox.wake()
        self._begin_stop()

    def _reload_or_stop(self) -> None:
        """SIGHUP: somebody sends it, to reload; or the kernel, when the terminal is closed."""
        if not all(os.isatty(descriptor) for descriptor in self._terminals):
            self._stop()  # not _stop_or_exit: the shell sends one, too
        else:
            self._reload_wanted = True
            self._client.inbox.wake()

    def _stop_or_exit(self) -> None:
        """Begin to stop; the second time, end at once."""
        if self._told_to_stop:
            self._exit_now("stopped by a second signal")
        self._told_to_stop = True
        self._stop()

    def _exit_now(self, why: str) -> NoReturn:
        # Straight to the descriptor: a thread that hangs may hold the locks of the streams. And not
        # by this thread.
        try:
            within(
                _AT_ONCE_SECONDS,
                lambda: os.write(1, f"{self._summary()} Not drained: {why}.\n".encode()),
            )
        finally:  # without memory, too
            os._exit(Exit.INCOMPLETE)

    # --- its lines ---

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case Ready():
                self._refused.discard(notice.server)
                self._companion.tell()
                status = self._client.status().get(notice.server)
                if status is None or not self._lines.has_room(notice.server):
                    return  # it was removed meanwhile, or comes and goes: the log counts that
                ready = notice.words if self._dispatcher.serves(notice.server) else "standing by"
                self.say(
                    f"{notice.server}: {ready}, {status.address}, "
                    f"Asterisk {notice.asterisk_version or 'of unknown version'}, "
                    f"AMI {notice.ami_version or 'of unknown version'}, "
                    f"{'TLS' if status.tls else 'no TLS'}",
                    {"server": notice.server, "state": "ready"},
                )
            case Lost(error=AuthenticationFailed()):
                self._refused.add(notice.server)  # the log says why

    def say(self, line: str, fields: dict[str, str] | None = None) -> None:
        if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
            logger.info("%s", line, extra=fields)
        else:
            self._lines.say(line)

    def _summary(self) -> str:
        total, forwarder = self._client.totals(), self._dispatcher.forwarder
        reconnects = sum(status.reconnects for status in self._client.status().values())
        lost = [
            (self._lines.lost, "lines"),
            (scribe.lost, "log records"),
            (feeds.failures(), "writes of the live feed"),
            (forwarder.lost if forwarder else 0, "events of a full spool"),
        ]
        return (
            f"Stopped: {total.received} events received, {total.delivered} delivered, "
            f"{total.dropped} dropped, {total.ignored} ignored (no receiver), {total.queued} left, "
            f"{total.failed} failed, {reconnects} reconnects, {total.gaps} gaps"
            f"{''.join(f', {count} {what} lost' for count, what in lost if count)}."
        )

    def _sum_up(self) -> Exit:
        without_memory = self._reserve.closed
        why = " Not drained: this process has no memory left." if without_memory else ""
        self.say(self._summary() + why)
        if self._all_refused:
            return Exit.REFUSED
        total = self._client.totals()
        left = without_memory or (total.queued and self._max_events is None)
        return Exit.INCOMPLETE if left or (total.failed and self._fail_on_failed) else Exit.OK
