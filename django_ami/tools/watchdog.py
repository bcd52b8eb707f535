"""The watchdog: a thread that hears signals and looks at the clock, whatever the main thread does.

Rule: it waits for nothing but signals and times, and touches no stream. The main thread runs
receivers: one that is inside a library's C code (a query, a lookup of a name) lets no Python
handler run until it returns. So Python's C handler writes each signal to a socket
(``signal.set_wakeup_fd``), and this thread reads it.

Receivers may have handlers of their own for the signals: see ``handlers``. Signals are not blocked,
though ``sigwait`` needs no handler: a process that a receiver starts would inherit the block, and
no signal could end it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from django_ami.core.errors import ConnectionFailed
from django_ami.core.log import get_logger
from django_ami.core.refusals import reason_of_refusal, start_thread
from django_ami.tools.handlers import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Watchdog"]

logger = get_logger(__name__)

#: It looks at the clock so often: a socket's timeout has a limit of 24 days.
_LONGEST_SLEEP_SECONDS: Final = 3600.0

#: Numbers of signals are below this. A handler writes the number plus this, to tell its report from
#: the descriptor's.
_BY_HANDLER: Final = 128
_ALARM: Final = 254
_FINISHED: Final = 255


class Watchdog:
    """Calls functions when a signal comes, and when it is time.

    The first are in ``meanings``, the second are given to ``call_at``. Use it as a context manager.
    In the main thread it has the signals meanwhile, but for one that is ignored there as ``nohup``
    ignores SIGHUP; elsewhere somebody else has them. Raises ConnectionFailed if the system refuses
    it a descriptor.
    """

    def __init__(self, meanings: Mapping[int, Callable[[], object]]) -> None:
        self._meanings = meanings
        self._alarms: list[tuple[float, Callable[[], object]]] = []
        try:
            self._ear, self._mouth = socket.socketpair()
        except OSError as error:
            raise ConnectionFailed(reason_of_refusal(error)) from None
        self._mouth.setblocking(False)  # as set_wakeup_fd wants it
        self._handlers = Handlers(
            meanings, self._mouth.fileno(), lambda number: self._tell(_BY_HANDLER + number)
        )
        self._thread: threading.Thread | None = None
        #: Signals that the descriptor has told, and their handler not yet.
        self._untold: Counter[int] = Counter()
        self._told_of_takers = False

    def __enter__(self) -> Self:
        """Raises ConnectionFailed if the system refuses the thread."""
        if threading.current_thread() is threading.main_thread():
            self._handlers.take()
        try:
            self._thread = start_thread(self._run, "django_ami-watchdog")
        except ConnectionFailed:
            self._give_back()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(_FINISHED)
        if self._thread is not None:
            self._thread.join()
        self._give_back()

    def _give_back(self) -> None:
        self._handlers.give_back()
        self._ear.close()
        self._mouth.close()

    def call_at(self, when: float, function: Callable[[], object]) -> None:
        """Call the function in its thread at this time of ``time.monotonic``. From any thread."""
        self._alarms.append((when, function))
        self._tell(_ALARM)

    def take_back(self) -> None:
        """In the main thread, behind code of others: the signals are heard here again."""
        if self._handlers.take_back():
            self._untold.clear()
            if not self._told_of_takers:
                self._told_of_takers = True
                logger.warning(
                    "A receiver has left a handler of its own for a signal that ends or reloads "
                    "this process, or has removed the wake-up descriptor. All is as before "
                    "again. This is said once."
                )

    def _tell(self, what: int) -> None:
        with suppress(OSError):  # full of signals: it will have been told; closed: it is over
            self._mouth.send(bytes([what]))

    def _run(self) -> None:
        while (said := self._hear()) != _FINISHED:
            try:
                self._act(said)
            except Exception:
                with suppress(MemoryError):  # this thread stays, for a second signal
                    logger.exception("The work that a signal asks for has failed.")

    def _act(self, said: int) -> None:
        if said == _ALARM:
            now = time.monotonic()
            for alarm in [alarm for alarm in self._alarms if alarm[0] <= now]:
                self._alarms.remove(alarm)
                alarm[1]()
            return
        number = said % _BY_HANDLER
        if said < _BY_HANDLER:
            self._handlers.pass_on(number)
            self._untold[number] += 1
        elif self._untold.pop(number, 0):
            return  # told before, by the descriptor
        if number in self._meanings:
            self._meanings[number]()

    def _hear(self) -> int:
        """Take one message: the number of a signal, or that it is time."""
        while True:
            until = min(
                (when for when, _ in self._alarms),
                default=time.monotonic() + _LONGEST_SLEEP_SECONDS,
            )
            left = until - time.monotonic()
            if left <= 0:
                return _ALARM
            self._ear.settimeout(min(left, _LONGEST_SLEEP_SECONDS))
            with suppress(TimeoutError):
                return self._ear.recv(1)[0]
