"""A receiver that raises: told under its name, and tried again if a later attempt may go well.

Rule: an attempt is repeated for the errors that a policy names, with growing pauses, and never beyond an end: that of
the policy, or that of the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.config import did_you_mean
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Failures", "Outcome", "ReceiverExit", "Retry", "exit_of"]

logger = logging.getLogger(__name__)

#: Each receiver has one traceback in so many seconds for each kind of error.
REPORT_INTERVAL_SECONDS: Final = 10.0
#: So many kinds of errors are remembered; then all are forgotten, and told anew.
_MOST_KINDS: Final = 1000
_LONGEST_REASON: Final = 200
_DAY_SECONDS: Final = 86_400.0


class ReceiverExit(Exception):
    """A receiver called ``sys.exit``, or was cancelled; the worker goes on."""


def exit_of(error: BaseException) -> ReceiverExit:
    """What stands for an exception that would end the thread; its cause is that exception."""
    told = (
        ReceiverExit(f"it called sys.exit({error.code!r})")
        if isinstance(error, SystemExit)
        else ReceiverExit(f"it let {type(error).__name__} through")
    )
    told.__cause__ = error
    return told


class Outcome(Enum):
    """What became of a call that raised."""

    DONE = "a later attempt went well"
    FAILED = "it is not tried again"
    LEFT = "the process ends, and nothing is known of a later attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Which errors of a receiver are worth another attempt, and for how long. Times are in seconds.

    ``retry_errors`` are the classes. ``retry_initial`` is the first pause; each further one is twice as long;
    ``retry_max`` is the longest. ``retry_limit`` is how long one call is tried again: 0 never, None for as long as it
    takes. Raises ConfigurationError.
    """

    retry_errors: tuple[type[Exception], ...] = ()
    retry_initial: float = 0.1
    retry_max: float = 2.0
    retry_limit: float | None = 300.0

    def __post_init__(self) -> None:
        for name, least in (("retry_initial", 0.01), ("retry_max", 0.01), ("retry_limit", 0.0)):
            value = getattr(self, name)
            if name == "retry_limit" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _DAY_SECONDS:
                or_none = ", or None" if name == "retry_limit" else ""
                raise ConfigurationError(
                    f"option {name!r} must be from {least:g} to {_DAY_SECONDS:g} seconds{or_none}, not {value!r}."
                )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the options."""
        return tuple(cls.__dataclass_fields__)

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Retry:
        """A policy from its options by name. Raises ConfigurationError."""
        for name in given:
            if name not in cls.names():
                raise ConfigurationError(f"unknown option {name!r}: {did_you_mean(str(name), cls.names())}")
        return cls(**given)  # type: ignore[arg-type]  # checked when it is made

    @property
    def limit(self) -> float:
        """``retry_limit`` as a number."""
        return inf if self.retry_limit is None else self.retry_limit


class Failures:
    """What is known of the receivers that raised, and what is done about them.

    ``retry`` says which errors are worth another attempt; ``recover()`` is called after each error, before anything
    else is: it makes the next attempt a new one.
    """

    def __init__(self, retry: Retry | None = None, recover: Callable[[], object] = lambda: None) -> None:
        #: How often each raised in the end, by name.
        self.counts: Counter[str] = Counter()
        #: Those whose time was over while they raised: their calls fail at once until one goes well.
        self.given_up: set[str] = set()
        self.retry = retry or Retry()
        self.recover = recover
        self._end = inf
        self._end_changed = threading.Event()
        self._reported: dict[tuple[str, type[BaseException]], float] = {}

    def end_at(self, when: float) -> None:
        """No attempt begins after this time of ``time.monotonic``. Safe from any thread, also during a pause."""
        self._end = when
        self._end_changed.set()

    def settle(self, attempt: Callable[[], object], name: str, error: BaseException, about: str) -> Outcome:
        """A receiver raised: call ``attempt`` again, if that may help, until it returns or the time is over.

        ``name`` is the receiver's; ``about`` says what it was called for. KeyboardInterrupt goes through.
        """
        self.recover()
        if not isinstance(error, self.retry.retry_errors) or name in self.given_up or not self.retry.limit:
            self.tell_failed(name, error, about)
            return Outcome.FAILED
        self._end_changed.clear()
        began = time.monotonic()
        if began >= self._end:
            return Outcome.LEFT
        self._tell_held(name, error, about)
        attempts, pause, told_at = 1, min(self.retry.retry_initial, self.retry.retry_max), began
        while (left := began + self.retry.limit - time.monotonic()) > 0:
            self._pause(min(pause, left))
            if time.monotonic() >= self._end:
                logger.warning("The receiver %s has not done %s: the end came first.", name, about)
                return Outcome.LEFT
            pause = min(2 * pause, self.retry.retry_max)
            attempts += 1
            again = _raised_by(attempt)
            waited = time.monotonic() - began
            if again is None:
                logger.warning(
                    "The receiver %s has done %s at attempt %d, after %.1f s.", name, about, attempts, waited
                )
                return Outcome.DONE
            self.recover()
            error = again
            if not isinstance(error, self.retry.retry_errors):
                self.tell_failed(name, error, about)
                return Outcome.FAILED
            if time.monotonic() - told_at >= REPORT_INTERVAL_SECONDS:
                told_at = time.monotonic()
                logger.warning(
                    "The receiver %s has failed %d times in %.0f s at %s: %s. The events wait.",
                    name, attempts, waited, about, reason(error),
                )  # fmt: skip
        self.given_up.add(name)
        self.tell_failed(name, error, f"{about} {attempts} times in {self.retry.limit:g} s (option retry_limit)")
        return Outcome.FAILED

    def went_well(self, name: str | None) -> None:
        """A receiver that was given up is trusted again."""
        self.given_up.discard(name or "")

    def _pause(self, seconds: float) -> None:
        """Sleep for so long, or until the end, or until the end is changed."""
        self._end_changed.wait(max(0.0, min(seconds, self._end - time.monotonic())))
        self._end_changed.clear()

    # --- what is told ---

    def _tell_held(self, name: str, error: BaseException, about: str) -> None:
        limit = "" if self.retry.retry_limit is None else f" for up to {self.retry.limit:g} s"
        logger.warning(
            "The receiver %s raised %s at %s: %s. It is tried again%s; the next events wait meanwhile.",
            name, type(error).__name__, about or "an answer", reason(error), limit,
            exc_info=self._traceback(name, error),
        )  # fmt: skip

    def tell_failed(self, name: str, error: BaseException, about: str) -> None:
        """A receiver raised, and that was all: log it, and count it."""
        self.counts[name] += 1
        traceback, where = self._traceback(name, error), f" at {about}" if about else ""
        if traceback is None:
            where += f", failure {self.counts[name]} of it: {reason(error)}"
        logger.error(
            "The receiver %s raised %s%s; the others go on.", name, type(error).__name__, where, exc_info=traceback
        )

    def _traceback(self, name: str, error: BaseException) -> BaseException | None:
        """The error, if its traceback is due."""
        kind, now = (name, type(error)), time.monotonic()
        if now - self._reported.get(kind, -inf) < REPORT_INTERVAL_SECONDS:
            return None
        if len(self._reported) >= _MOST_KINDS:
            self._reported.clear()
        self._reported[kind] = now
        return error


def _raised_by(attempt: Callable[[], object]) -> BaseException | None:
    """What an attempt raised; None if it went well."""
    try:
        attempt()
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
        return error
    except BaseException as error:  # noqa: BLE001  (it stops nobody; it is told)
        return exit_of(error)
    return None


def reason(error: BaseException) -> str:
    """What an error says of itself, in one line."""
    lines = str(error).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__)


def printable(text: str) -> str:
    """Text from outside, for the log: no control characters, and not too much of it."""
    clean = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[: _LONGEST_REASON + 1])
    return clean if len(clean) <= _LONGEST_REASON else f"{clean[: _LONGEST_REASON - 1]}…"
