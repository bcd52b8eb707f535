"""Running user code: guarded, timed and counted by name.

Rule: a failing receiver is reported under its own name, and stops nothing: neither an exception nor
a ``sys.exit``, nor a cancelled task's ``CancelledError``; Ctrl-C alone goes through.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from django_ami.core.arguments import callable_of, shown
from django_ami.core.children import end_child, forks
from django_ami.core.failures import Failures, Outcome, SomeRaised, about, exit_of, worst_of
from django_ami.core.interruption import is_ctrl_c
from django_ami.core.naming import dotted_name
from django_ami.core.plans import RecoveringPlans, several
from django_ami.core.receiver_times import ReceiverTimes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from django_ami.core.lease import Lease
    from django_ami.core.messages import Event
    from django_ami.core.plans import Call

    #: The receiver that runs, and since when, by the clock of ``Receivers``.
    Running = tuple[Callable[..., Any], float]

__all__ = ["Receivers"]

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
        self.times = ReceiverTimes()
        #: The statistics of the other threads that run receivers beside this one's.
        self._beside: list[Receivers] = []
        #: No event is begun after this time of the clock; another thread may set it during a batch.
        self.until = _NEVER
        self.running: Running | None = None
        #: The asynchronous receivers that are not through, on whatever loop.
        self._awaited: dict[object, Running] = {}

    def beside(self) -> Receivers:
        """The same receivers, run by another thread: their times are that thread's own."""
        other = Receivers(self.failing, around=self.around)
        other.times, other.until = self.times.beside(), self.until
        other.relieve = lambda: self.relieve()  # it may be another one by then
        self._beside.append(other)
        return other

    def alone(self) -> None:
        """The threads beside this one have ended."""
        self._beside.clear()
        self.times.alone()

    @property
    def clock(self) -> Callable[[], float]:
        """The clock of all times here, in seconds."""
        return self.times.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self.times.clock = clock

    @property
    def slow_calls(self) -> Counter[str]:
        """How often each receiver was slow, by its name."""
        return self.times.slow_calls

    @property
    def failures(self) -> Counter[str]:
        """How often each receiver raised, by its name."""
        return self.failing.counts

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self.times.thresholds

    @thresholds.setter
    def thresholds(self, seconds: Mapping[str, float]) -> None:
        self.times.thresholds = seconds

    def end_at(self, when: float) -> None:
        """No event is begun after this time of ``time.monotonic``, on any thread."""
        until = when - time.monotonic() + self.clock()
        for one in (self, *self._beside):
            one.until = until

    @property
    def over(self) -> bool:
        """True from the moment on that ``end_at`` has set."""
        return self.clock() >= self.until

    def call(
        self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any
    ) -> Any:
        """Call a receiver and take its time.

        Lets its exception through, and ReceiverExit in place of one that ends.

        ``sender`` is the server's handle, for the log.
        """
        before, self.running = self.running, (function, started := self.clock())
        count = forks.count
        try:
            return self._well(function, function(*arguments, **named), count)
        except BaseException as error:
            if forks.count != count:
                end_child(dotted_name(function), error)
            if isinstance(error, Exception) or is_ctrl_c(error):
                raise
            raise exit_of(error) from error
        finally:
            self.running = before
            self._took(dotted_name(function), sender, self.clock() - started)

    async def acall(
        self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any
    ) -> Any:
        """Like ``call``, for a coroutine function."""
        started, key, count = self.clock(), object(), forks.count
        self._awaited[key] = function, started
        try:
            return self._well(function, await function(*arguments, **named), count)
        except BaseException as error:
            if forks.count != count:
                end_child(dotted_name(function), error)
            if isinstance(error, Exception) or is_ctrl_c(error):
                raise
            raise exit_of(error) from error
        finally:
            del self._awaited[key]
            self._took(dotted_name(function), sender, self.clock() - started)

    def deliver(
        self,
        events: Iterable[Event],
        plans: Mapping[str, Iterable[Call]],
        sender: Any,
        counts: Tally,
        lease: Lease | None = None,
    ) -> Event | None:
        """Make, guard, time and count the calls that ``plans`` has for the name of each event.

        No event is begun once the ``lease`` is over, whose clock is then that of this object. Gives
        the event that was to be begun then, and None if there was none.
        """
        clock, times, failed = self.clock, self.times, False
        before, started, count = self.running, clock(), forks.count
        times.begin_window(started)
        spent, least, quick = times.seconds, times.least, times.quick
        plans = self._recovering(plans)
        try:
            for event in events:
                if started >= self.until or (lease is not None and started >= lease.until):
                    return None if started >= self.until else event
                for call, function, name in plans[event.name]:
                    self.running = function, started
                    try:
                        call(event)
                    except BaseException as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                        outcome = self._raised(
                            call, event, function, name, sender, started, error, count
                        )
                        if outcome is Outcome.LEFT:
                            return None
                        failed |= outcome is Outcome.FAILED
                        plans = self._recovering(plans)
                        started = clock()
                        continue
                    if forks.count != count:
                        end_child(name, None)
                    ended = clock()
                    seconds = ended - started
                    spent[name] += seconds
                    if seconds >= least and name:
                        times.look_at(name, getattr(sender, "name", ""), seconds)
                    elif quick is not None:
                        quick[name] += 1
                    started = ended
                if failed:
                    failed = False
                    counts.failed += 1
                else:
                    counts.delivered += 1
        finally:
            self.running = before
        return None

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

    def _well(self, function: Callable[..., Any], result: Any, count: int) -> Any:
        if forks.count != count:
            end_child(dotted_name(function), None)
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
        count: int,
    ) -> Outcome:
        if forks.count != count:
            end_child(name, error)
        if isinstance(error, MemoryError):
            self.relieve()  # the handling of the error needs memory
        self._took(name, sender, self.clock() - started)
        if (
            function is several
            and self.over
            and not isinstance(error, Exception | KeyboardInterrupt)
        ):
            return Outcome.LEFT  # their loop has ended, and has cancelled them
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
        if is_ctrl_c(error):
            raise error
        if not isinstance(error, SomeRaised):
            told = error if isinstance(error, Exception) else exit_of(error)
            return self.failing.settle(attempt, dotted_name(function), told, about(item))
        return worst_of(
            [self._settle(again, one, wrong, item) for again, one, wrong in error.raised]
        )

    def _took(self, name: str, sender: Any, seconds: float) -> None:
        if name:
            self.times.took(name, getattr(sender, "name", ""), seconds)

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
        began = (None if one is None else one[1] for one in self._all_running())
        return (self.failing.attempts, *began)

    def _all_running(self) -> list[Running | None]:
        return [one.running for one in (self, *self._beside)]

    def slowest(self) -> str:
        """The receiver that takes most of the time, in words; empty if none has taken any.

        Safe from any thread.
        """
        now, awaited = self.clock(), tuple(self._awaited.values())
        running = [
            (dotted_name(one[0]), now - one[1])
            for one in (*awaited, *self._all_running())
            if one is not None and one[0] is not several
        ]
        return self.times.slowest(running)
