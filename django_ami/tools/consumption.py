"""The run of ``ami_consume``: start, consume until told to stop, finish what is in hand, sum up.

Rule: threads of their own run receivers, keep the leases, hear signals and print lines. The main
thread only waits, so the process ends in time even if a receiver hangs.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django_ami import running, signals
from django_ami.core.deadline import Deadline
from django_ami.core.log import get_logger
from django_ami.core.scribe import scribe
from django_ami.forwarding.consuming import consuming
from django_ami.tools.exits import Exit
from django_ami.tools.notify import ServiceManager
from django_ami.tools.stopping import STOPS
from django_ami.tools.streams import LAST_WORDS_SECONDS, Lines, within
from django_ami.tools.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.redis.consumer import Consumer

__all__ = ["ConsumerRun"]

#: Where its own lines go if the setting LOGGING wants them.
logger = get_logger("django_ami.consume")

#: How much longer than the drain timeout a receiver, and a Redis that is away, may hold up the end.
_PATIENCE_SECONDS: Final = 0.5
_AT_ONCE_SECONDS: Final = 0.2
#: systemd hears so often that all threads live, within the time after which it kills.
_LOOKS: Final = 4
_LONGEST_PAUSE_SECONDS: Final = 5.0


class ConsumerRun:
    """One run. ``make`` makes the consumer, of the receivers and of a function that ends the run.

    ``attempts`` is how often a receiver is called for an event before that is a dead letter.
    """

    def __init__(
        self,
        make: Callable[[Receivers, Callable[[], object]], Consumer],
        options: dict[str, Any],
        attempts: int,
        stdout: Any,
    ) -> None:
        self._make = make
        self._attempts = attempts
        self._run_for: float | None = options["run_for"]
        self._drain_timeout: float = options["drain_timeout"]
        self._fail_on_failed: bool = options["fail_on_failed"]
        self._over = threading.Event()
        self._told_to_stop = False
        self._was_refused = False
        self._consumer: Consumer | None = None
        self._manager = ServiceManager()
        self._steps: list[int] = []
        self._lines = Lines(stdout)
        self._watchdog = Watchdog(
            {**dict.fromkeys(STOPS, self._stop_or_exit), signal.SIGHUP: self._over.set}
        )
        #: True once all that was said and logged is written.
        self.was_heard = False

    def run(self) -> Exit:
        """Consume until something ends it; says the exit code."""
        scribe.engage(self)
        try:
            with self._watchdog, consuming(self._attempts) as receivers:
                return self._run(receivers)
        finally:
            told = scribe.release(self)
            self.was_heard = self._lines.close() and told

    def _run(self, receivers: Receivers) -> Exit:
        if not signals.events_have_receivers():
            logger.warning(
                "No receivers are connected to django_ami.signals: events will only be counted. "
                "Import their module in the method ready of your AppConfig."
            )
        consumer = self._consumer = self._make(receivers, self._refused)
        with running.noted_consumer(consumer):
            consumer.start()
            self.say(f"Consuming {consumer}.")
            self._begin_service(consumer)
            self._over.wait(self._run_for)
            ended = self._drain(consumer, receivers)
            if not ended:
                slowest = receivers.slowest()
                self._exit_now(
                    "a receiver did not return, or Redis does not answer"
                    f"{f' (slowest receiver: {slowest})' if slowest else ''}"
                )
            return self._sum_up(consumer)

    def _drain(self, consumer: Consumer, receivers: Receivers) -> bool:
        """Finish what is in hand, and give the leases back, within the drain timeout."""
        until = Deadline(self._drain_timeout).at
        self._manager.tell(
            STOPPING="1",
            EXTEND_TIMEOUT_USEC=str(int((self._drain_timeout + 2) * 1_000_000)),
        )
        receivers.end_at(until)
        receivers.failing.end_at(until)
        consumer.stop()
        self._watchdog.call_at(
            until + _PATIENCE_SECONDS + 2 * LAST_WORDS_SECONDS,
            lambda: self._exit_now("the end took too long"),
        )
        return consumer.join(self._drain_timeout + _PATIENCE_SECONDS)

    def _sum_up(self, consumer: Consumer) -> Exit:
        self.say(self._summary(consumer))
        if self._was_refused:
            return Exit.REFUSED
        failed = consumer.consumed.failed and self._fail_on_failed
        return Exit.INCOMPLETE if failed else Exit.OK

    @staticmethod
    def _summary(consumer: Consumer) -> str:
        total = consumer.consumed
        return (
            f"Stopped: {total.delivered} events delivered, {total.failed} failed, {total.dead} "
            "dead letters."
        )

    def say(self, line: str) -> None:
        if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
            logger.info("%s", line)
        else:
            self._lines.say(line)

    # --- from other threads ---

    def _refused(self) -> None:
        self._was_refused = True
        self._over.set()

    def _stop_or_exit(self) -> None:
        """Begin to stop; the second time, end at once."""
        if self._told_to_stop:
            self._exit_now("stopped by a second signal")
        self._told_to_stop = True
        self._over.set()

    def _exit_now(self, why: str) -> NoReturn:
        """Batches that are in hand are not acknowledged: another consumer gets them."""
        consumer = self._consumer
        text = "Stopped." if consumer is None else self._summary(consumer)
        try:
            within(
                _AT_ONCE_SECONDS,
                lambda: os.write(1, f"{text} Not finished: {why}; batches come again.\n".encode()),
            )
        finally:
            os._exit(Exit.INCOMPLETE)

    # --- systemd ---

    def _begin_service(self, consumer: Consumer) -> None:
        if self._manager.listens:
            self._manager.tell(READY="1", STATUS="started")
            self._look(consumer)

    def _look(self, consumer: Consumer) -> None:
        """Tell that all threads live, if they do."""
        kill_after = self._manager.watchdog_seconds
        pause = min((kill_after or _LONGEST_PAUSE_SECONDS) / _LOOKS, _LONGEST_PAUSE_SECONDS)
        self._watchdog.call_at(time.monotonic() + pause, lambda: self._look(consumer))
        before, self._steps = self._steps, consumer.steps
        if all(one != other for one, other in zip(before, self._steps, strict=False)):
            self._manager.tell(
                WATCHDOG="1",
                STATUS=f"{consumer.held.total()} partitions, {self._summary(consumer)}",
            )
