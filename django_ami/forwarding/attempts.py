"""How often a consumer calls a receiver that raises, and of which error it tells at the end.

Rule: the errors that ``AMI_DISPATCH`` names are tried again as in a listener; any other one so many
times in all, since the event can still be set apart.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_ami import conf, database
from django_ami.core.failures import Failures, Outcome, raised_by

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
        super().__init__(conf.read_retry(), database.recover)
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
        while self._of_thread.tries < self._tries and not self.is_worth_a_retry(error):
            self.recover()
            self._pause(pause)
            pause = min(2 * pause, self.retry.retry_max)
            self._of_thread.tries += 1
            raised = raised_by(attempt)
            if raised is None:
                return Outcome.DONE
            error = raised
        return super().settle(attempt, name, error, about, **options)

    def tell_failed(self, name: str, error: BaseException, about: str) -> None:
        self._of_thread.last = Raised(name, error, getattr(self._of_thread, "tries", 1))
        super().tell_failed(name, error, about)
