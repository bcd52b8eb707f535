"""Bugs of ours that a thread survives: told with a traceback, and not without an end.

Rule: a bug that comes again and again has one report in a minute, with the number of those between,
and leaves the processor to others.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from django_ami.core.reports import Sparing

if TYPE_CHECKING:
    import logging

__all__ = ["Bugs"]

#: A bug so soon behind another one makes the thread wait for so long.
_PAUSE_SECONDS: Final = 0.1


class Bugs:
    """The bugs of a thread. ``what`` says in words what has failed."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._sparing = Sparing(1)
        self._untold = 0
        self._last_at = float("-inf")

    def tell(self) -> None:
        """Report the exception that is handled now, if it is time.

        Makes a thread that has one bug upon the other wait for a moment.
        """
        now = time.monotonic()
        kind, error, _ = sys.exc_info()
        if self._sparing.may_say(f"{kind}", now):
            more = f" Bugs before it that had no report: {self._untold}." if self._untold else ""
            self._untold = 0
            self._logger.error(
                "A bug in django_ami: %s failed; please report it.%s",
                self._what,
                more,
                exc_info=error,
            )
        else:
            self._untold += 1
        if now - self._last_at < _PAUSE_SECONDS:
            time.sleep(_PAUSE_SECONDS)
        self._last_at = time.monotonic()
