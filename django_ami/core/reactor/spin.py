"""A leader polls for a single reply that will come at once, before it sleeps.

To sleep, to be woken and to run on with cold caches takes as long as a server on the same machine
takes to answer.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop
    from django_ami.core.reactor.priority import Ready

__all__ = ["SPIN_SECONDS", "Spin"]

#: How long a waiting thread polls before it sleeps, if this socket's last reply arrived that
#: quickly.
SPIN_SECONDS: Final = 0.0002
#: A thread that polls may stand in the way of the very server whose reply it waits for, on the same
#: core.
_sched_yield: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)


class Spin:
    """The polling of one loop. ``until`` is when it ends at the latest, 0 if nobody polls."""

    def __init__(self, loop: Loop) -> None:
        self.until = 0.0
        self._loop = loop
        #: The sockets whose last reply arrived within SPIN_SECONDS.
        self._prompt: set[int] = set()

    def begin(self, now: float) -> int | None:
        """Spin for a single reply: of many, more come together if they are read late.

        Says on which socket it comes.
        """
        fileno = self._loop.priority.sole
        if fileno in self._prompt:
            self.until = now + SPIN_SECONDS
        return fileno

    def select(self, timeout: float) -> Ready:
        """Poll for a while before the thread sleeps."""
        if timeout and not self._loop.deferred:
            select = self._loop.selector.select
            while time.monotonic() < self.until:
                if ready := select(0):
                    return ready
                _sched_yield()
        return self._loop.select(timeout)

    def end(self, fileno: int, took: float) -> None:
        """The reply on that socket took so many seconds."""
        if took < SPIN_SECONDS:
            self._prompt.add(fileno)
        else:
            self._prompt.discard(fileno)
