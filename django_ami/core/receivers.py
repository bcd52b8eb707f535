"""Running user code: guarded, timed and counted by name.

Rule: a failing receiver is reported under its own name, and stops nothing: neither an exception nor
a ``sys.exit``, nor a cancelled task's ``CancelledError``; Ctrl-C alone goes through.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from contextlib import nullcontext
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from django_ami.core.arguments import callable_of, shown
from django_ami.core.failures import Failures, Outcome, SomeRaised, about, exit_of, worst_of
from django_ami.core.log import get_logger
from django_ami.core.naming import dotted_name
from django_ami.core.plans import RecoveringPlans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from django_ami.core.messages import Event
    from django_ami.core.plans import Call

    #: The seconds of receivers by name; the one that runs, and since when.
    Times = tuple[list[tuple[str, float]], tuple[Callable[..., Any], float] | None]

__all__ = ["Receivers"]

logger = get_logger(__name__)

#: A slow receiver is named at most once in so many seconds.
REPORT_INTERVAL_SECONDS: Final = 10.0
#: From how many seconds on a running call counts as the slowest, before all sums of others.
_LONG_SECONDS: Final = 1.0
#: How long a window is. Times are summed up over this window and the one before it, to find the
#: receiver that is slow now, not the one that has been at work for weeks.
_WINDOW_SECONDS: Final = 10.0
_MAX_RECEIVERS: Final = 1000
_NEVER: Final = float("inf")


class Tally(Protocol):
    """Counts what was handed on: with all receivers well, and with one that raised."""

    delivered: int
    failed: int


class Receivers:
    """The statistics of a process's receivers: how often each failed, and how long each takes.

    ``thresholds`` says from how many seconds on a call is slow, by server; ``failing`` what is done
    about one that raises. Each batch of user code runs inside of ``around()``.
    """

    def __init__(
        self,
        failing: Failures | None = None,
        *,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        if failing is not None and not isinstance(failing, Failures):
            raise TypeError(f"failing must be Failures, or None, not {shown(failing)}.")
        self.failing = failing or Failures()
        self.around = callable_of(around, "around")
        #: Called when a receiver had no memory, before that is told.
        self.relieve: Callable[[], object] = lambda: None
        self.slow_calls: Counter[str] = Counter()
        self._slow_lock = threading.Lock()
        #: The statistics of the other threads that run receivers beside this one's.
        self._beside: list[Receivers] = []
        self._thresholds: Mapping[str, float] = {}
        self._least = _NEVER
        #: No event is begun after this time of ``time.monotonic``; another thread may set it during
        #: a batch.
        self.until = _NEVER
        # By name: a function made for one answer holds on to whatever its author had at hand.
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._seconds_before: defaultdict[str, float] = defaultdict(float)
        self._window_began = self._window_before_began = time.monotonic()
        self._running: tuple[Callable[..., Any], float] | None = None
        self._reported: dict[str, float] = {}

    def beside(self) -> Receivers:
        """The same receivers, run by another thread: their times are that thread's own."""
        other = Receivers(self.failing, around=self.around)
        other.slow_calls, other._slow_lock, other._reported = (
            self.slow_calls, self._slow_lock, self._reported,
        )  # fmt: skip
        other.thresholds, other.until = self.thresholds, self.until
        other.relieve = lambda: self.relieve()  # it may be another one by then
        self._beside.append(other)
        return other

    def alone(self) -> None:
        """The threads beside this one have ended."""
        self._beside.clear()

    @property
    def failures(self) -> Counter[str]:
        """How often each receiver raised, by its name."""
        return self.failing.counts

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._thresholds

    @thresholds.setter
    def thresholds(self, seconds: Mapping[str, float]) -> None:
        self._thresholds = seconds
        self._least = min(seconds.values(), default=_NEVER)
        for other in self._beside:
            other.thresholds = seconds

    def end_at(self, when: float) -> None:
        """No event is begun after this time of ``time.monotonic``, on any thread."""
        for one in (self, *self._beside):
            one.until = when

    def call(
        self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any
    ) -> Any:
        """Call a receiver and take its time.

        Lets its exception through, and ReceiverExit in place of one that ends.

        ``sender`` is the server's handle, for the log.
        """
        before, self._running = self._running, (function, started := time.monotonic())
        try:
            return self._well(function, function(*arguments, **named))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise exit_of(error) from error
        finally:
            self._running = before
            self._took(function, dotted_name(function), sender, time.monotonic() - started)

    async def acall(
        self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any
    ) -> Any:
        """Like ``call``, for a coroutine function."""
        self._running = running = (function, started := time.monotonic())
        try:
            return self._well(function, await function(*arguments, **named))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise exit_of(error) from error
        finally:
            if self._running is running:  # others run meanwhile
                self._running = None
            self._took(function, dotted_name(function), sender, time.monotonic() - started)

    def deliver(
        self,
        events: Iterable[Event],
        plans: Mapping[str, Iterable[Call]],
        sender: Any,
        counts: Tally,
    ) -> None:
        """Make, guard, time and count the calls that ``plans`` has for the name of each event."""
        clock = time.monotonic
        before, started = self._running, clock()
        self._begin_window(started)
        spent, least, failed = self._seconds, self._least, False
        plans = self._recovering(plans)
        try:
            for event in events:
                if started >= self.until:
                    return
                for call, function, name in plans[event.name]:
                    self._running = function, started
                    try:
                        call(event)
                    except BaseException as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                        outcome = self._raised(call, event, function, name, sender, started, error)
                        if outcome is Outcome.LEFT:
                            return
                        failed |= outcome is Outcome.FAILED
                        plans = self._recovering(plans)
                        started = clock()
                        continue
                    ended = clock()
                    seconds = ended - started
                    spent[name] += seconds
                    if seconds >= least and name:
                        self._slow(function, getattr(sender, "name", ""), seconds)
                    started = ended
                if failed:
                    failed = False
                    counts.failed += 1
                else:
                    counts.delivered += 1
        finally:
            self._running = before

    def _recovering(self, plans: Mapping[str, Iterable[Call]]) -> Mapping[str, Iterable[Call]]:
        """The calls; if receivers were given up, each tells when its receiver goes well again."""
        if not self.failing.given_up or isinstance(plans, RecoveringPlans):
            return plans

        def make(call: Callable[[Any], object], name: str, item: Any) -> None:
            call(item)
            self.failing.went_well(name)

        return RecoveringPlans(
            lambda event: tuple(
                (partial(make, call, name), function, name) for call, function, name in plans[event]
            )
        )

    def _well(self, function: Callable[..., Any], result: Any) -> Any:
        if self.failing.given_up:
            self.failing.went_well(dotted_name(function))
        return result

    def _raised(
        self,
        call: Callable[[Event], object],
        event: Event,
        function: Callable[..., Any],
        name: str,
        sender: Any,
        started: float,
        error: BaseException,
    ) -> Outcome:
        if isinstance(error, MemoryError):
            self.relieve()  # the handling of the error needs memory
        self._took(function, name, sender, time.monotonic() - started)
        return self._settle(partial(call, event), function, error, event)

    def _settle(
        self,
        attempt: Callable[[], object],
        function: Callable[..., Any],
        error: BaseException,
        item: object,
    ) -> Outcome:
        """A receiver raised: see to it that it is called again, if that may help, and told.

        Lets Ctrl-C through.
        """
        if isinstance(error, KeyboardInterrupt):
            raise error
        if not isinstance(error, SomeRaised):
            told = error if isinstance(error, Exception) else exit_of(error)
            return self.failing.settle(attempt, dotted_name(function), told, about(item))
        return worst_of(
            [self._settle(again, one, wrong, item) for again, one, wrong in error.raised]
        )

    def _took(self, function: Callable[..., Any], name: str, sender: Any, seconds: float) -> None:
        if not name:
            return
        self._begin_window(time.monotonic())
        self._seconds[name] += seconds
        if seconds >= self._least:
            self._slow(function, getattr(sender, "name", ""), seconds)

    def _begin_window(self, now: float) -> None:
        """Begin to count anew, if it is time, or there are too many names."""
        if now >= self._window_began + _WINDOW_SECONDS or len(self._seconds) > _MAX_RECEIVERS:
            self._seconds_before, self._seconds = self._seconds, defaultdict(float)
            self._window_before_began, self._window_began = self._window_began, now

    def guard(
        self, function: Callable[..., Any], sender: Any, /, *arguments: Any, item: object = None
    ) -> None:
        """As ``call``; an exception is settled as in ``deliver``. The log names the ``item``."""
        attempt = partial(self.call, function, sender, *arguments)
        try:
            attempt()
        except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
            if item is None and isinstance(function, partial) and function.args:
                item = function.args[0]  # the completion of an action
            self._settle(attempt, function, error, item)

    def failed(self, function: Callable[..., Any], error: BaseException) -> None:
        """A receiver raised, and is not to be called again: log it under its name, and count it."""
        self.failing.tell_failed(dotted_name(function), error, "")

    @property
    def step(self) -> tuple[object, ...]:
        """Another value once a further call has begun, or has been tried again, on any thread.

        Safe from any thread.
        """
        began = (None if one is None else one[1] for _, one in self._all_times())
        return (self.failing.attempts, *began)

    def _all_times(self) -> list[Times]:
        return [one.times() for one in (self, *self._beside)]

    def times(self) -> Times:
        """The seconds of this thread's receivers by name; the one that runs, and since when."""
        return [*self._seconds_before.items(), *self._seconds.items()], self._running

    def slowest(self) -> str:
        """The receiver that takes most of the time, in words; empty if none has taken any.

        Safe from any thread.
        """
        now, longest = time.monotonic(), ("", 0.0)
        spent: defaultdict[str, float] = defaultdict(float)
        for seconds, running in self._all_times():
            for name, some in seconds:
                spent[name] += some if name else 0.0
            if running is not None:
                name, lasting = dotted_name(running[0]), now - running[1]
                longest = max(longest, (name, lasting), key=itemgetter(1))
                spent[name] += lasting
        if longest[1] >= _LONG_SECONDS:
            return f"{longest[0]}, which has been running for {longest[1]:.1f} s"
        name, most = max(spent.items(), key=itemgetter(1), default=("", 0.0))
        window = now - self._window_before_began
        return f"{name}, {most:.1f} s of the last {window:.1f} s" if name else ""

    def _slow(self, function: Callable[..., Any], server: str, seconds: float) -> None:
        if seconds < self._thresholds.get(server, self._least):
            return
        name, now = dotted_name(function), time.monotonic()
        with self._slow_lock:
            self.slow_calls[name] += 1
            tell = now - self._reported.get(name, -_NEVER) >= REPORT_INTERVAL_SECONDS
            if tell:
                self._reported[name] = now
        if tell:
            logger.warning(
                (
                    "%s: the receiver %s took %.2f s (option slow_receiver_threshold); the next "
                    "events wait meanwhile."
                ),
                server or "a completed action",
                name,
                seconds,
            )
