"""``manage.py ami_listen``: the worker. Listens to servers and delivers their events to receivers, for weeks."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_ami import conf, signals
from django_ami.accessor import ami
from django_ami.core.client import Client
from django_ami.core.errors import AuthenticationFailed, ConfigurationError
from django_ami.core.session import CLOSE_TIMEOUT, Lost, Ready, Role
from django_ami.database import cared_for
from django_ami.dispatch import Dispatcher
from django_ami.management.console import amount, count, seconds
from django_ami.management.neighbours import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Changes
    from django_ami.core.session import Notice

#: Where the worker's own lines go if the setting LOGGING wants them.
logger = logging.getLogger("django_ami.listen")

EXIT_CONFIGURATION: Final = 2
EXIT_REFUSED: Final = 3
EXIT_INCOMPLETE: Final = 4

#: How much longer than the drain timeout a receiver that does not return may hold up the end, in seconds. A server has
#: at least as long for the logoff.
_PATIENCE: Final = 0.5

#: The watchdog looks at the clock so often: a socket's timeout has a limit of 24 days.
_LONGEST_SLEEP_SECONDS: Final = 3600.0

#: What the watchdog is told besides the numbers of signals, which are below 128.
_STOP: Final = 254
_FINISHED: Final = 255


class Command(BaseCommand):
    """Parses the options and holds the parts together."""

    help = (
        "Listen to Asterisk servers and deliver their events to the receivers of django_ami.signals. "
        "Exit codes: 0 stopped; 2 configuration; 3 authentication refused by every server; 4 not all that was read "
        "could be delivered within the drain timeout, or, with --fail-on-failed, a receiver failed."
    )
    # A wrong AMI setting is told in one line and exit code 2, not by the checks.
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server", action="append", metavar="NAME", help="a server of AMI_SERVERS; may be repeated"
        )
        parser.add_argument("--all", action="store_true", help="all servers of AMI_SERVERS")
        parser.add_argument(
            "--events", metavar="CLASSES", help="classes of events to ask for, with commas (default: option events)"
        )
        parser.add_argument("--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds")
        parser.add_argument("--max-events", type=count, metavar="N", help="stop after so many events")
        parser.add_argument(
            "--drain-timeout",
            type=amount,
            default=10.0,
            metavar="SECONDS",
            help="how long a stop may take to deliver what was read (default: %(default)g)",
        )
        parser.add_argument(
            "--fail-on-failed", action="store_true", help="exit with code 4 if a receiver failed for any event"
        )
        parser.add_argument(
            "--allow-others",
            action="store_true",
            help="another ami_listen for the same server is meant to be there: do not warn of it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = self._settings(options)
            client = Client(settings.servers, role=Role.LISTENER, default=settings.default, receivers=signals.receivers)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=EXIT_CONFIGURATION) from None
        neighbours = Watch(settings.servers, meant=options["allow_others"])
        worker = Worker(self, client, options, partial(self._settings, options), neighbours)
        ami.adopt(client, default=settings.default, reload=worker.reload)
        try:
            with neighbours:
                code = worker.run()
        finally:
            ami.close()
        if code:
            sys.exit(code)

    @staticmethod
    def _settings(options: dict[str, Any]) -> conf.AmiSettings:
        settings = conf.load()
        if options["all"] and options["server"]:
            raise ConfigurationError("--all and --server are both given: remove one.")
        if options["server"]:
            settings = settings.select(options["server"])
        elif not options["all"]:
            if settings.default is None:
                names = ", ".join(server.name for server in settings.servers)
                raise ConfigurationError(f"which server? Give --server=NAME (known are {names}), or --all.")
            settings = settings.select([settings.default])
        settings = settings.connectable()
        return settings if options["events"] is None else settings.with_events(options["events"])


class Worker:
    """One run: start, deliver until told to stop, drain, sum up.

    Signals are heard by a thread of their own, the watchdog, through a socket that Python's C handler writes to: the
    main thread runs receivers, and one that is inside a library's C code (a query, a lookup of a name) lets no Python
    handler run until it returns. What a signal means is in the table ``_on_signal``.
    """

    def __init__(
        self,
        command: BaseCommand,
        client: Client,
        options: dict[str, Any],
        load: Callable[[], conf.AmiSettings],
        neighbours: Watch,
    ) -> None:
        self._command = command
        self._neighbours = neighbours
        self._client = client
        self._load = load
        self._reload_wanted = False
        self._run_for: float | None = options["run_for"]
        self._max_events: int | None = options["max_events"]
        self._drain_timeout: float = options["drain_timeout"]
        self._refused: set[str] = set()
        self._fail_on_failed: bool = options["fail_on_failed"]
        self._dispatcher = Dispatcher(client, self._on_notice, lead=True, sender=ami.handle)
        self._on_signal: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self._stop_or_exit,
            signal.SIGINT: self._stop_or_exit,
            signal.SIGHUP: self._reload_or_stop,
        }
        self._terminals = [descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)]
        #: True once a signal has come that means the end.
        self._told_to_stop = False
        self._stopping = False
        self._beginning_to_stop = threading.Lock()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)  # as set_wakeup_fd wants it

    def run(self) -> int:
        """Listen until something ends it; says the exit code."""
        end = None if self._run_for is None else time.monotonic() + self._run_for
        if not signals.events_have_receivers():
            logger.warning("No receivers are connected to django_ami.signals: events will only be counted.")
        # Started before the handlers, connected after them: a signal finds nothing to stop, or what can be stopped.
        self._client.start(connect=False, dispatcher=False)
        watchdog = threading.Thread(target=self._watch_the_end, args=(end,), name="django_ami-watchdog", daemon=True)
        with self._ear, self._mouth, self._signals(), self._dispatcher:
            watchdog.start()
            self._client.connect()
            try:
                self._listen()
                self._drain()
            finally:
                self._client.close()
                self._tell(_FINISHED)
                watchdog.join()
            return self._sum_up()

    def _listen(self) -> None:
        while not self._stopping and not self._all_refused and self._remaining:
            self._dispatcher.run(None, most=min(200, self._remaining))
            if self._reload_wanted:
                self._reload_wanted = False
                self._try_to_reload()

    @property
    def _remaining(self) -> int:
        done = self._dispatcher.delivered + self._dispatcher.failed
        return sys.maxsize if self._max_events is None else max(0, self._max_events - done)

    @property
    def _all_refused(self) -> bool:
        return self._refused.issuperset(self._client.servers)

    # --- other servers, other settings ---

    def reload(self) -> Changes:
        """Take over what has changed in the settings. Raises ConfigurationError, and leaves all as it was."""
        settings = self._load()
        changes = self._client.reconfigure(settings.servers, default=settings.default)
        self._refused.difference_update(changes.changed, changes.removed)
        self._neighbours.follow(settings.servers)
        ami.adopt(self._client, default=settings.default, reload=self.reload)
        return changes

    def _try_to_reload(self) -> None:
        """In the thread of the receivers: a function of AMI_SERVERS may ask the database."""
        with cared_for():
            try:
                self._say(f"Reloaded: {self.reload()}.")
            except ConfigurationError as error:
                logger.warning("Not reloaded, all goes on as before: %s", error)

    # --- the end ---

    def _drain(self) -> None:
        """Log off, and deliver what was read, for as long as the drain timeout allows."""
        self._begin_stop()
        if self._max_events is not None:
            return  # whoever wants so many wants no more
        for _ in ("what is here", "what came while the logoff was under way"):
            while not self._dispatcher.over and self._dispatcher.run(0):
                pass
            self._client.close()

    def _begin_stop(self) -> None:
        """Log off, and set the end of the delivering, that of a batch under way, too."""
        with self._beginning_to_stop:  # who comes second comes back when it has begun
            if self._dispatcher.until is not None:
                return
            self._dispatcher.until = time.monotonic() + self._drain_timeout
            self._tell(_STOP)
            # A server that does not let go has no longer than the receivers, lest the end be later than was promised.
            self._client.begin_close(min(CLOSE_TIMEOUT + 1, max(_PATIENCE, self._drain_timeout)))
            self._neighbours.end()

    # --- the end, however it comes ---

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # called from a test or another program, which has the signals
            return
        written_before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        # Of a signal that has no handler in Python nothing is written; there is nothing left for it to do.
        heard = [number for number in self._on_signal if not _is_ignored(number)]
        before = {number: signal.signal(number, lambda *_: None) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(written_before)

    def _tell(self, what: int) -> None:
        with suppress(BlockingIOError):  # full of signals: it will have been told
            self._mouth.send(bytes([what]))

    def _watch_the_end(self, run_ends: float | None) -> None:
        """The watchdog: a receiver that does not return must not keep the process from ending."""
        end: float | None = None
        while (said := self._hear(run_ends if end is None else end)) != _FINISHED:
            if said in self._on_signal:
                self._on_signal[said]()
            elif said is None and end is None:
                self._stop()
            elif said is None:
                break
            if end is None and self._dispatcher.until is not None:
                end = time.monotonic() + self._drain_timeout + _PATIENCE
        if said is None and self._dispatcher.busy:  # if not, the server takes its time over the logoff
            self._exit_now("a receiver did not return")

    def _hear(self, until: float | None) -> int | None:
        """What the watchdog is told: a number; None at the time ``until``."""
        while until is None or time.monotonic() < until:
            left = _LONGEST_SLEEP_SECONDS if until is None else until - time.monotonic()
            self._ear.settimeout(max(0.001, min(left, _LONGEST_SLEEP_SECONDS)))
            with suppress(TimeoutError):
                return self._ear.recv(1)[0]
        return None

    def _stop(self) -> None:
        """Stop listening, and drain."""
        self._stopping = True
        self._client.wake()  # first: once the reactor has logged off nobody is woken any more
        self._begin_stop()

    def _reload_or_stop(self) -> None:
        """SIGHUP: somebody sends it, to reload; or the kernel, when the terminal is closed."""
        if not all(os.isatty(descriptor) for descriptor in self._terminals):
            self._stop()  # not _stop_or_exit: the shell sends one, too
        else:
            self._reload_wanted = True
            self._client.wake()

    def _stop_or_exit(self) -> None:
        """The same; the second time, end at once."""
        if self._told_to_stop:
            self._exit_now("stopped by a second signal")
        self._told_to_stop = True
        self._stop()

    def _exit_now(self, why: str) -> None:
        # Straight to the descriptor: the streams may be locked by whoever does not return.
        os.write(1, f"{self._summary()} Not drained: {why}.\n".encode())
        os._exit(EXIT_INCOMPLETE)

    # --- what it says ---

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case Ready():
                status = self._client.status().get(notice.server)
                if status is None:
                    return  # it was removed meanwhile
                self._say(
                    f"{notice.server}: ready{' again' if notice.again else ''}, {status.address}, "
                    f"Asterisk {notice.asterisk_version or 'of unknown version'}, "
                    f"AMI {notice.ami_version or 'of unknown version'}, {'TLS' if status.tls else 'no TLS'}"
                )
            case Lost(error=AuthenticationFailed()):
                self._refused.add(notice.server)  # the log says why

    def _say(self, line: str) -> None:
        if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
            logger.info("%s", line)
            return
        try:
            self._command.stdout.write(line)
            self._command.stdout.flush()
        except OSError:  # the terminal is gone, or nobody reads any more: events matter more than words
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _summary(self) -> str:
        total = self._client.totals()
        reconnects = sum(status.reconnects for status in self._client.status().values())
        return (
            f"Stopped: {total.received} events received, {total.delivered} delivered, "
            f"{total.dropped} dropped, {total.ignored} ignored (no receiver), {total.queued} left, "
            f"{total.failed} failed, {reconnects} reconnects."
        )

    def _sum_up(self) -> int:
        self._say(self._summary())
        if self._all_refused:
            return EXIT_REFUSED
        total = self._client.totals()
        left = total.queued and self._max_events is None
        return EXIT_INCOMPLETE if left or (total.failed and self._fail_on_failed) else 0


def _is_ignored(number: int) -> bool:
    """True for the SIGHUP of a process that nohup has started."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
