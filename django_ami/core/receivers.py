"""Running user code: guarded, timed and counted by name.

Rule: what a receiver does wrong is told under its own name, and stops nobody: neither an exception nor a ``sys.exit``,
nor a cancelled task's ``CancelledError``; Ctrl-C alone goes through.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from contextlib import nullcontext
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol

from django_ami.core.failures import Failures, Outcome, exit_of, printable
from django_ami.core.messages import Event
from django_ami.core.pending import PendingAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    #: What is called with the event; the receiver behind it; and the name that the time is put down to, if any.
    Call = tuple[Callable[[Any], object], Callable[..., Any], str | None]

__all__ = ["Plans", "Receivers", "SomeRaised", "about", "dotted_name"]

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
    """Counts what was handed on: with all receivers well, and with one that raised."""

    delivered: int
    failed: int


class Plans(dict[str, "tuple[Call, ...]"]):
    """Whom to call with the events of a name, worked out when one comes; ``clear`` it when that may have changed."""

    def __init__(self, plan: Callable[[str], tuple[Call, ...]]) -> None:
        self._plan = plan

    def __missing__(self, name: str) -> tuple[Call, ...]:
        calls = self._plan(name)
        if len(self) < _MAX_PLANS:  # names come off the wire
            self[name] = calls
        return calls


class SomeRaised(Exception):
    """What a call for several receivers raises, if any of them did: of each, another attempt, itself, and its error."""

    def __init__(self, raised: Sequence[tuple[Callable[[], object], Callable[..., Any], Exception]]) -> None:
        super().__init__(raised)
        self.raised = raised


#: What tells one call from another, in the order in which it is told.
_IDS: Final = ("Uniqueid", "Linkedid", "ActionID")


def about(item: object) -> str:
    """What a receiver was called for, for the log: the name of an event or action, its server, and its ids."""
    if isinstance(item, Event):
        ids = ", ".join(f"{name} {value}" for name in _IDS if (value := item.get(name)))
        return printable(f"{item.name} of {item.server}{f' ({ids})' if ids else ''}")
    if isinstance(item, PendingAction):
        return printable(f"the answer to {item.name} of {item.server} (ActionID {item.action_id})")
    return item if isinstance(item, str) else ""


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


class Receivers:
    """What is known of the receivers of a process: how often each failed, and how long each takes.

    ``thresholds`` says from how many seconds on a call is slow, by server; ``failing`` what is done about one that
    raises. Each batch of user code runs inside of ``around()``.
    """

    def __init__(
        self, failing: Failures | None = None, *, around: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self.failing = failing or Failures()
        self.around = around
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
    def failures(self) -> Counter[str]:
        """Who raised how often, by name."""
        return self.failing.counts

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
            return self._well(function, function(*arguments, **named))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise exit_of(error) from error
        finally:
            self._running = before
            self._took(function, dotted_name(function), sender, time.monotonic() - started)

    async def acall(self, function: Callable[..., Any], sender: Any, /, *arguments: Any, **named: Any) -> Any:
        """The same for one that is a coroutine function."""
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

    def deliver(self, events: Iterable[Event], plans: Mapping[str, Iterable[Call]], sender: Any, counts: Tally) -> None:
        """Make the calls that ``plans`` has for the name of each event, each of them guarded and timed, and count."""
        clock = time.monotonic
        before, started = self._running, clock()
        self._begin_window(started)
        spent, least, given_up, failed = self._seconds, self._least, self.failing.given_up, False
        try:
            for event in events:
                if started >= self.until:
                    return
                for call, function, name in plans[event.name]:
                    self._running = function, started
                    try:
                        call(event)
                    except BaseException as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                        self._took(function, name, sender, clock() - started)
                        outcome = self._settle(partial(call, event), function, error, event)
                        if outcome is Outcome.LEFT:
                            return
                        failed |= outcome is Outcome.FAILED
                        started = clock()
                        continue
                    if given_up:
                        self.failing.went_well(name)
                    ended = clock()
                    if name is not None:
                        seconds = ended - started
                        spent[name] += seconds
                        if seconds >= least:
                            self._slow(function, getattr(sender, "name", ""), seconds)
                    started = ended
                if failed:
                    failed = False
                    counts.failed += 1
                else:
                    counts.delivered += 1
        finally:
            self._running = before

    def _well(self, function: Callable[..., Any], result: Any) -> Any:
        if self.failing.given_up:
            self.failing.went_well(dotted_name(function))
        return result

    def _settle(
        self, attempt: Callable[[], object], function: Callable[..., Any], error: BaseException, item: object
    ) -> Outcome:
        """A receiver raised: see to it that it is called again, if that may help, and told. Lets Ctrl-C through."""
        if isinstance(error, KeyboardInterrupt):
            raise error
        if not isinstance(error, SomeRaised):
            told = error if isinstance(error, Exception) else exit_of(error)
            return self.failing.settle(attempt, dotted_name(function), told, about(item))
        outcomes = [self._settle(again, one, wrong, item) for again, one, wrong in error.raised]
        return next((outcome for outcome in (Outcome.LEFT, Outcome.FAILED) if outcome in outcomes), Outcome.DONE)

    def _took(self, function: Callable[..., Any], name: str | None, sender: Any, seconds: float) -> None:
        if name is None:
            return
        self._begin_window(time.monotonic())
        self._seconds[name] += seconds
        if seconds >= self._least:
            self._slow(function, getattr(sender, "name", ""), seconds)

    def _begin_window(self, now: float) -> None:
        """Begin to count anew, if it is time, or there are too many names."""
        if now >= self._window_began + _WINDOW or len(self._seconds) > _MAX_RECEIVERS:
            self._seconds_before, self._seconds = self._seconds, defaultdict(float)
            self._window_before_began, self._window_began = self._window_began, now

    def guard(self, function: Callable[..., Any], sender: Any, /, *arguments: Any, item: object = None) -> None:
        """As ``call``; an exception is settled as in ``deliver``. ``item`` is what the call is for, for the log."""
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
