"""Running user code: guarded, timed and counted by name.

Rule: what a receiver does wrong is told under its own name, and stops nobody: neither an exception nor a ``sys.exit``,
nor a cancelled task's ``CancelledError``; Ctrl-C alone goes through.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.core.messages import Event

    #: What is called with the event; the receiver behind it; and the name that the time is put down to, if any.
    Call = tuple[Callable[[Any], object], Callable[..., Any], str | None]

__all__ = ["Plans", "ReceiverExit", "Receivers", "dotted_name"]

logger = logging.getLogger(__name__)

#: A slow receiver is named at most once in so many seconds.
REPORT_INTERVAL: Final = 10.0
#: A call that has been running for so many seconds is the slowest, whatever the others took.
_LONG: Final = 1.0
#: Times are summed up over this window and the one before it, in seconds: who is slow now is sought after, not who has
#: been at work for weeks.
_WINDOW: Final = 10.0
_MAX_RECEIVERS: Final = 1000
_MAX_PLANS: Final = 2048
_NEVER: Final = float("inf")


class Tally(Protocol):
    """Counts what was handed on."""

    delivered: int


class Plans(dict[str, "tuple[Call, ...]"]):
    """Whom to call with the events of a name, worked out when one comes; ``clear`` it when that may have changed."""

    def __init__(self, plan: Callable[[str], tuple[Call, ...]]) -> None:
        self._plan = plan

    def __missing__(self, name: str) -> tuple[Call, ...]:
        calls = self._plan(name)
        if len(self) < _MAX_PLANS:  # names come off the wire
            self[name] = calls
        return calls


class ReceiverExit(Exception):
    """A receiver called ``sys.exit``, or was cancelled; the worker goes on."""


def dotted_name(function: Callable[..., Any]) -> str:
    """The name of a function as one would import it."""
    function = _innermost(function)
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{name}"


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's own function, whatever is around it: ours, partials and decorators, in any order."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def _exit_of(error: BaseException) -> ReceiverExit:
    if isinstance(error, SystemExit):
        return ReceiverExit(f"it called sys.exit({error.code!r})")
    return ReceiverExit(f"it let {type(error).__name__} through")


class Receivers:
    """What is known of the receivers of a process: how often each failed, and how long each takes.

    ``thresholds`` says from how many seconds on a call is slow, by server.
    """

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.slow_calls: Counter[str] = Counter()
        self._thresholds: Mapping[str, float] = {}
        self._least = _NEVER
        #: No event is begun after this time of ``time.monotonic``; another thread may set it during a batch.
        self.until = _NEVER
        # By name: a function made for one answer holds on to whatever its author had at hand.
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._seconds_before: defaultdict[str, float] = defaultdict(float)
        self._window_began = self._window_before_began = time.monotonic()
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
        """Call a receiver and take its time; lets its exception through, and ReceiverExit in place of one that ends.

        ``sender`` is the server's handle, for the log.
        """
        before, self._running = self._running, (function, started := time.monotonic())
        try:
            return function(*arguments, **named)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise _exit_of(error) from error
        finally:
            self._running = before
            ended = time.monotonic()
            self._took(function, dotted_name(function), sender, ended - started, ended)

    async def acall(self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any) -> Any:
        """The same for one that is a coroutine function."""
        self._running = running = (function, started := time.monotonic())
        try:
            return await function(*arguments, **named)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise _exit_of(error) from error
        finally:
            if self._running is running:  # others run meanwhile
                self._running = None
            ended = time.monotonic()
            self._took(function, dotted_name(function), sender, ended - started, ended)

    def deliver(self, events: Iterable[Event], plans: Mapping[str, Iterable[Call]], sender: Any, counts: Tally) -> None:
        """Make the calls that ``plans`` has for the name of each event, each of them guarded and timed, and count."""
        clock = time.monotonic
        before, started = self._running, clock()
        self._begin_window(started)
        spent, least = self._seconds, self._least
        try:
            for event in events:
                if started >= self.until:
                    return
                for call, function, name in plans[event.name]:
                    self._running = function, started
                    try:
                        call(event)
                    except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                        self.failed(function, error)
                    except KeyboardInterrupt:
                        raise
                    except BaseException as error:  # noqa: BLE001  (it stops nobody; it is told)
                        told = _exit_of(error)
                        told.__cause__ = error
                        self.failed(function, told)
                    ended = clock()
                    if name is not None:
                        seconds = ended - started
                        spent[name] += seconds
                        if seconds >= least:
                            self._slow(function, getattr(sender, "name", ""), seconds)
                    started = ended
                counts.delivered += 1
        finally:
            self._running = before

    def _took(self, function: Callable[..., Any], name: str, sender: Any, seconds: float, ended: float) -> None:
        self._begin_window(ended)
        self._seconds[name] += seconds
        if seconds >= self._least:
            self._slow(function, getattr(sender, "name", ""), seconds)

    def _begin_window(self, now: float) -> None:
        """Begin to count anew, if it is time, or there are too many names."""
        if now >= self._window_began + _WINDOW or len(self._seconds) > _MAX_RECEIVERS:
            self._seconds_before, self._seconds = self._seconds, defaultdict(float)
            self._window_before_began, self._window_began = self._window_began, now

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
        running, now = self._running, time.monotonic()
        spent: defaultdict[str, float] = defaultdict(float)
        for seconds in (self._seconds_before, self._seconds):
            for name, some in list(seconds.items()):
                spent[name] += some
        if running is not None:
            name, lasting = dotted_name(running[0]), now - running[1]
            if lasting >= _LONG:
                return f"{name}, which has been running for {lasting:.1f} s"
            spent[name] += lasting
        name, most = max(spent.items(), key=lambda item: item[1], default=("", 0.0))
        return f"{name}, {most:.1f} s of the last {now - self._window_before_began:.1f} s" if name else ""

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
