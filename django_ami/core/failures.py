"""A receiver that raises: told under its name, and tried again if a later attempt may go well.

Rule: an attempt is repeated for the errors that a policy names, with growing pauses, and never
beyond an end: that of the policy, or that of the process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.arguments import callable_of, did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.escaping import quoted
from django_ami.core.interruption import is_ctrl_c
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.core.pending import PendingAction
from django_ami.core.reports import REPORT_INTERVAL_SECONDS, Level, Reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "Failures",
    "NotCalled",
    "Outcome",
    "ReceiverExit",
    "Retry",
    "SomeRaised",
    "about",
    "exit_of",
    "raised_by",
    "reason",
    "worst_of",
]

logger = get_logger(__name__)

LONGEST_QUOTATION_CHARACTERS: Final = 200  # of another's error, and of an item
_DAY_SECONDS: Final = 86_400.0


class NotCalled(Exception):
    """The system refused to call the receiver; nothing of it has run, so it is tried again."""


class ReceiverExit(Exception):
    """A receiver called ``sys.exit``, or was cancelled; the worker goes on."""


def exit_of(error: BaseException) -> ReceiverExit:
    """The error in place of an exception that would end the thread; its cause is that exception."""
    told = (
        ReceiverExit(f"it called sys.exit({shown(error.code)})")
        if isinstance(error, SystemExit)
        else ReceiverExit(f"it let {type(error).__name__} through")
    )
    told.__cause__ = error
    return told


class SomeRaised(Exception):
    """Raised by a call for several receivers, if any of them raised.

    It has, for each of these, a function that tries again, the receiver, and its error.
    """

    def __init__(
        self, raised: Sequence[tuple[Callable[[], object], Callable[..., Any], Exception]]
    ) -> None:
        super().__init__(raised)
        self.raised = raised


class Outcome(Enum):
    """The outcome of a call that raised."""

    DONE = "a later attempt went well"
    OTHER = "a later attempt raised another error, which the caller settles"
    FAILED = "it is not tried again"
    LEFT = "the process ends, and nothing is known of a later attempt"


def worst_of(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a call that was for several receivers."""
    worst = (outcome for outcome in (Outcome.LEFT, Outcome.FAILED) if outcome in outcomes)
    return next(worst, Outcome.DONE)


class Retry:
    """Which errors of a receiver are worth another attempt, and for how long. Times are in seconds.

    ``retry_errors`` are the classes. ``retry_initial`` is the first pause; each further one is
    twice as long; ``retry_max`` is the longest. ``retry_limit`` is how long one call is tried
    again: 0 never, None for as long as it takes. Raises ConfigurationError.
    """

    __slots__ = ("retry_errors", "retry_initial", "retry_limit", "retry_max")

    def __init__(
        self,
        *,
        retry_errors: tuple[type[Exception], ...] = (),
        retry_initial: float = 0.1,
        retry_max: float = 2.0,
        retry_limit: float | None = 300.0,
    ) -> None:
        if not isinstance(retry_errors, tuple) or not all(
            isinstance(one, type) and issubclass(one, Exception) for one in retry_errors
        ):
            raise ConfigurationError(
                f"option 'retry_errors' must be a tuple of exceptions, not {shown(retry_errors)}."
            )
        self.retry_errors = retry_errors
        self.retry_initial = _seconds("retry_initial", retry_initial, 0.01)
        self.retry_max = _seconds("retry_max", retry_max, 0.01)
        self.retry_limit = None if retry_limit is None else _seconds("retry_limit", retry_limit, 0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the options."""
        return cls.__slots__

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Retry:
        """A policy from its options by name. Raises ConfigurationError."""
        for name in given:
            if name not in cls.names():
                near = did_you_mean(str(name), cls.names())
                raise ConfigurationError(f"unknown option {shown(name)}: {near}")
        return cls(**given)  # type: ignore[arg-type]  # checked when it is made

    @property
    def limit(self) -> float:
        """``retry_limit`` as a number."""
        return inf if self.retry_limit is None else self.retry_limit


def _seconds(name: str, value: float, least: float) -> float:
    """The seconds that an option is. Raises ConfigurationError for what they may not be."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= _DAY_SECONDS):
        or_none = ", or None" if name == "retry_limit" else ""
        wanted = f"from {least:g} to {_DAY_SECONDS:g} seconds{or_none}"
        raise ConfigurationError(f"option {name!r} must be {wanted}, not {shown(value)}.")
    return float(value)


class Failures:
    """The receivers that raised: their counts, and their further attempts.

    ``retry`` says which errors are worth another attempt; ``recover()`` is called after each error,
    before anything else is: it makes the next attempt a new one.
    """

    def __init__(
        self, retry: Retry | None = None, recover: Callable[[], object] = lambda: None
    ) -> None:
        #: How often each raised in the end, by name.
        self.counts: Counter[str] = Counter()
        #: Those whose time was over while they raised: their calls fail at once until one goes
        #: well.
        self.given_up: set[str] = set()
        #: How many calls were tried again, or will be after their pause.
        self.attempts = 0
        self.retry = retry or Retry()
        self.recover = callable_of(recover, "recover")
        self._end = inf
        #: Guards the counts and the reports, too: several threads may run receivers.
        self._changed = threading.Condition()
        self.reports: Reports[tuple[str, type[BaseException]]] = Reports()

    def end_at(self, when: float) -> None:
        """No attempt begins after this time of ``time.monotonic``.

        Safe from any thread, also during a pause.
        """
        with self._changed:
            self._end = when
            self._changed.notify_all()

    def settle(
        self, attempt: Callable[[], object], name: str, error: BaseException, about: str,
        *, always: bool = False, hand_back: bool = False,
    ) -> Outcome:  # fmt: skip
        """A receiver raised: call ``attempt`` again until it returns, or its time is over.

        ``name`` is the receiver's; ``about`` says what it was called for. ``always``: each error is
        worth another attempt. ``hand_back``: a later one that is worth none is OTHER, and not told.
        """
        self.recover()
        again = (always or self.is_worth_a_retry(error)) and self.retry.limit > 0
        if not again or name in self.given_up:
            self.tell_failed(name, error, about)
            return Outcome.FAILED
        began = time.monotonic()
        if began >= self._end:
            return Outcome.LEFT
        self._tell_held(name, error, about)
        attempts, pause, told_at = 1, min(self.retry.retry_initial, self.retry.retry_max), began
        while (left := began + self.retry.limit - time.monotonic()) > 0:
            self.attempts += 1
            self._pause(min(pause, left))
            if time.monotonic() >= self._end:
                logger.warning(
                    "The receiver %s has not done %s: the worker was stopped first.", name, about
                )
                return Outcome.LEFT
            pause = min(2 * pause, self.retry.retry_max)
            attempts += 1
            raised = raised_by(attempt)
            waited = time.monotonic() - began
            if raised is None:
                logger.warning(
                    "The receiver %s has done %s at attempt %d, after %.1f s.",
                    name, about, attempts, waited, extra={"receiver": name, "attempts": attempts},
                )  # fmt: skip
                return Outcome.DONE
            self.recover()
            error = raised
            if not (always or self.is_worth_a_retry(error)):
                if not hand_back:
                    self.tell_failed(name, error, about)
                return Outcome.OTHER if hand_back else Outcome.FAILED
            if time.monotonic() - told_at >= REPORT_INTERVAL_SECONDS:
                told_at = time.monotonic()
                logger.warning(
                    "The receiver %s has failed %d times in %.0f s at %s: %s. The events wait.",
                    name, attempts, waited, about, reason(error),
                    extra={**_fields(name, type(error)), "attempts": attempts},
                )  # fmt: skip
        self.given_up.add(name)
        self.tell_failed(
            name, error, f"{about} {attempts} times in {self.retry.limit:g} s (option retry_limit)"
        )
        return Outcome.FAILED

    def is_worth_a_retry(self, error: BaseException) -> bool:
        """True if a later attempt may go well, by the policy."""
        return isinstance(error, (NotCalled, *self.retry.retry_errors))

    def went_well(self, name: str) -> None:
        """A receiver that was given up is trusted again."""
        self.given_up.discard(name)

    def _pause(self, seconds: float) -> None:
        """Sleep for so long, or until the end, or until the end is changed."""
        with self._changed:
            self._changed.wait(max(0.0, min(seconds, self._end - time.monotonic())))

    # --- reports ---

    def _tell_held(self, name: str, error: BaseException, about: str) -> None:
        limit = "" if self.retry.retry_limit is None else f" for up to {self.retry.limit:g} s"
        with self._changed:
            is_first = self.reports.is_first((name, type(error)), time.monotonic())
        logger.warning(
            (
                "The receiver %s raised %s at %s: %s. It is tried again%s; the next events wait "
                "meanwhile."
            ),
            name, type(error).__name__, about or "an answer", reason(error), limit,
            exc_info=error if is_first else None, extra=_fields(name, type(error)),
        )  # fmt: skip

    def tell_failed(self, name: str, error: BaseException, about: str) -> None:
        """A receiver raised: count it, and log it unless there were many of this kind."""
        where = f" at {about}" if about else ""
        said = f"{where}: {reason(error)}"
        with self._changed:
            self.counts[name] += 1
            level = self.reports.add((name, type(error)), time.monotonic(), said)
        if level is Level.COUNTED:
            return
        if level is Level.LINE:
            where += f", failure {self.counts[name]} of it: {reason(error)}"
        traceback = error if level is Level.FULL else None
        logger.error(
            "The receiver %s raised %s%s; the others go on.", name, type(error).__name__, where,
            exc_info=traceback, extra=_fields(name, type(error)),
        )  # fmt: skip

    def until_report(self, timeout: float | None) -> float | None:
        """The part of a wait until ``report`` has something to tell, if there is something."""
        left = max(0.0, self.reports.due_at - time.monotonic())
        return left if timeout is None else min(left, timeout)

    def report(self, *, everything: bool = False) -> None:
        """Log how many failures had no line, if it is time; ``everything``: even if it is not."""
        with self._changed:
            due = self.reports.due(time.monotonic(), everything=everything)
        for repeated in due:
            name, error = repeated.kind
            logger.error(
                "The receiver %s raised %s %d times more in %.1f s, the last time%s.",
                name, error.__name__, repeated.count, repeated.seconds, repeated.last,
                extra={**_fields(name, error), "failures": repeated.count},
            )  # fmt: skip


def _fields(receiver: str, error: type[BaseException]) -> dict[str, object]:
    """The fields of a line about a receiver that raised."""
    return {"receiver": receiver, "error": error.__name__}


#: The headers that tell one call from another, in the order in which they are logged.
_IDS: Final = ("Uniqueid", "Linkedid", "ActionID")


def about(item: object) -> str:
    """The item that a receiver was called for, for the log: its name, its server and its ids."""
    if isinstance(item, Event):
        ids = ", ".join(f"{name} {value}" for name in _IDS if (value := item.get(name)))
        return quoted(
            f"{item.name} of {item.server}{f' ({ids})' if ids else ''}",
            LONGEST_QUOTATION_CHARACTERS,
        )
    if isinstance(item, PendingAction):
        text = f"the answer to {item.name} of {item.server} (ActionID {item.action_id})"
        return quoted(text, LONGEST_QUOTATION_CHARACTERS)
    if item is None or isinstance(item, str):
        return item or ""
    # A call, or a fact about it.
    server = getattr(item, "server", "")
    return quoted(f"{item}{f' of {server}' if server else ''}", LONGEST_QUOTATION_CHARACTERS)


def raised_by(attempt: Callable[[], object]) -> BaseException | None:
    """The exception of an attempt; None if it went well."""
    try:
        attempt()
    except BaseException as error:
        if is_ctrl_c(error):
            raise
        return error if isinstance(error, Exception) else exit_of(error)
    return None


def reason(error: BaseException) -> str:
    """The message of somebody's error, in one line and without secrets; its name if it has none."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001  (of a user's own making)
        lines = []
    return quoted(lines[0] if lines else type(error).__name__, LONGEST_QUOTATION_CHARACTERS)
