"""Running user code: guarded, timed and counted by name.

Rule: what a receiver does wrong is told under its own name, and stops nobody: neither an exception nor a ``sys.exit``.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ReceiverExit", "Receivers", "dotted_name"]

logger = logging.getLogger(__name__)

#: A slow receiver is named at most once in so many seconds.
REPORT_INTERVAL: Final = 10.0
#: A call that has been running for so many seconds is named before it has ended.
_LONG: Final = 1.0
_MAX_RECEIVERS: Final = 1000
_NEVER: Final = float("inf")


class ReceiverExit(Exception):
    """A receiver called ``sys.exit``; the worker goes on."""


def dotted_name(function: Callable[..., Any]) -> str:
    """The name of a function as one would import it."""
    if isinstance(function, partial):
        return dotted_name(function.func)
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{name}"


class Receivers:
    """What is known of the receivers of a process: how often each failed, and how long each takes.

    ``thresholds`` says from how many seconds on a call is slow, by server.
    """

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.slow_calls: Counter[str] = Counter()
        self._thresholds: Mapping[str, float] = {}
        self._least = _NEVER
        self._seconds: dict[Callable[..., Any], float] = {}
        self._running: tuple[Callable[..., Any], float] | None = None
        self._reported: dict[str, float] = {}

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._thresholds

    @thresholds.setter
    def thresholds(self, seconds: Mapping[str, float]) -> None:
        self._thresholds = seconds
        self._least = min(seconds.values(), default=_NEVER)

    def call(self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any) -> Any:
        """Call a receiver and take its time; lets its exception through, and ReceiverExit in place of SystemExit.

        ``sender`` is the server's handle, for the log.
        """
        started = time.monotonic()
        self._running = function, started
        try:
            return function(*arguments, **named)
        except SystemExit as error:
            raise ReceiverExit(f"it called sys.exit({error.code!r})") from error
        finally:
            self._running = None
            seconds = time.monotonic() - started
            if len(self._seconds) > _MAX_RECEIVERS:
                self._seconds.clear()
            self._seconds[function] = self._seconds.get(function, 0.0) + seconds
            if seconds >= self._least:
                self._slow(function, getattr(sender, "name", ""), seconds)

    def guard(self, function: Callable[..., Any], sender: Any, /, *arguments: Any) -> None:
        """As ``call``; an exception is logged with its traceback, and counted."""
        try:
            self.call(function, sender, *arguments)
        except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
            self.failed(function, error)

    def failed(self, function: Callable[..., Any], error: BaseException) -> None:
        """A receiver raised: log it under its name, and count it."""
        name = dotted_name(function)
        self.failures[name] += 1
        logger.error("The receiver %s raised %s; the others go on.", name, type(error).__name__, exc_info=error)

    def slowest(self) -> str:
        """Who takes the time, in words; empty if nobody has taken any. Safe from any thread."""
        running = self._running
        if running is not None:
            seconds = time.monotonic() - running[1]
            if seconds >= _LONG:
                return f"{dotted_name(running[0])}, which has been running for {seconds:.1f} s"
        function, seconds = max(list(self._seconds.items()), key=lambda item: item[1], default=(None, 0.0))
        return f"{dotted_name(function)}, {seconds:.1f} s in all" if function is not None else ""

    def _slow(self, function: Callable[..., Any], server: str, seconds: float) -> None:
        if seconds < self._thresholds.get(server, self._least):
            return
        name = dotted_name(function)
        self.slow_calls[name] += 1
        now = time.monotonic()
        if now - self._reported.get(name, -REPORT_INTERVAL) >= REPORT_INTERVAL:
            self._reported[name] = now
            logger.warning(
                "%s: the receiver %s took %.2f s (option slow_receiver_threshold); the next events wait meanwhile.",
                server or "a completed action",
                name,
                seconds,
            )
