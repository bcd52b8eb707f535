"""A thread polls for a single reply that will come at once.

To sleep, to be woken and to run on with cold caches takes as long as a server on the same machine
takes to answer. A leader sleeps behind the polling. A thread with an event loop must not sleep, and
its coroutines stand still while it polls. So it polls only if the last reply was prompt, and else
now and then, to learn whether replies are prompt again.

Gain for a coroutine that sends one action after the other: neither the reactor thread nor the event
loop is woken. An action takes six to eight tenths of the time, and six of the CPU.
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
#: How long event loops do not poll behind a reply that they have polled for in vain. It doubles
#: with each such reply, up to the longest.
RETRY_SECONDS: Final = 0.001
LONGEST_RETRY_SECONDS: Final = 1.0
#: A thread that polls may stand in the way of the very server whose reply it waits for, on the same
#: core.
_sched_yield: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)


class Spin:
    """The polling of one loop. ``until`` is when it ends at the latest, 0 if nobody polls."""

    def __init__(self, loop: Loop) -> None:
        self.until = 0.0
        #: True if the thread that polls must not sleep behind it.
        self.sleepless = False
        self._loop = loop
        #: When an event loop may poll on a socket that is not prompt, and how long it then waits.
        self._retry_at, self._retry_seconds = 0.0, RETRY_SECONDS
        #: The sockets whose last reply arrived within SPIN_SECONDS.
        self._prompt: set[int] = set()

    def is_worthwhile(self) -> bool:
        """True if an event loop may poll: it stands still meanwhile, so the reply must be near."""
        fileno = self._loop.priority.sole
        return fileno is not None and (fileno in self._prompt or time.monotonic() >= self._retry_at)

    def begin(self, now: float) -> int | None:
        """Spin for a single reply: of many, more come together if they are read late.

        Says on which socket it comes.
        """
        fileno = self._loop.priority.sole
        if self.sleepless or fileno in self._prompt:
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
        return self._loop.select(0.0 if self.sleepless else timeout)

    def end(self, fileno: int, took: float) -> None:
        """The reply on that socket took so many seconds."""
        if took < SPIN_SECONDS:
            self._prompt.add(fileno)
            self._retry_seconds = RETRY_SECONDS
            return
        self._prompt.discard(fileno)
        if self.sleepless:
            self._retry_at = time.monotonic() + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)
