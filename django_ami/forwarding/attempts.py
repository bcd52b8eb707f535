"""How often a consumer calls a receiver that raises, and of which error it tells at the end.

Rule: the errors that ``AMI_DISPATCH`` names are tried again as in a listener, without an end unless
it has a ``retry_limit``, since the engine keeps the events. At any other error a receiver is called
so many times in all, and the event is set apart then. A receiver that has failed so is called once
for each event, until one goes well: else it would hold up all that come.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_ami import conf, database
from django_ami.conf.reading import read_mapping
from django_ami.core.failures import Failures, Outcome, Retry, raised_by

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TRIES", "Attempts", "Raised"]

#: How often a receiver is called for an event, if it raises an error that has no retry.
TRIES: Final = 3


class Raised(NamedTuple):
    """The last error of a receiver that was given up for an event; ``tries`` is how often."""

    receiver: str
    error: BaseException
    tries: int


class Attempts(Failures):
    """The failures of a process that consumes: each call is made ``tries`` times before it fails.

    Raises ConfigurationError if ``AMI_DISPATCH`` is wrong.
    """

    def __init__(self, tries: int = TRIES) -> None:
        super().__init__(_retry(), database.recover)
        self._tries = tries
        self._of_thread = threading.local()

    @property
    def last(self) -> Raised | None:
        """The failure that was told last on this thread."""
        return getattr(self._of_thread, "last", None)

    def settle(
        self, attempt: Callable[[], object], name: str, error: BaseException, about: str,
        **options: Any,
    ) -> Outcome:  # fmt: skip
        self._of_thread.tries = 1
        pause = self.retry.retry_initial
        most = 1 if name in self.given_up else self._tries
        while self._of_thread.tries < most and not self.is_worth_a_retry(error):
            self.recover()
            self._pause(pause)
            pause = min(2 * pause, self.retry.retry_max)
            self._of_thread.tries += 1
            raised = raised_by(attempt)
            if raised is None:
                return Outcome.DONE
            error = raised
        outcome = super().settle(attempt, name, error, about, **options)
        if outcome is Outcome.FAILED:
            self.given_up.add(name)
        return outcome

    def tell_failed(self, name: str, error: BaseException, about: str) -> None:
        self._of_thread.last = Raised(name, error, getattr(self._of_thread, "tries", 1))
        super().tell_failed(name, error, about)


def _retry() -> Retry:
    """``AMI_DISPATCH``, without an end unless it names one."""
    retry = conf.read_retry()
    named = {str(name).lower() for name in read_mapping("AMI_DISPATCH")}
    if "retry_limit" not in named:
        retry.retry_limit = None
    return retry
