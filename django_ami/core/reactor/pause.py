"""The pause of the reactor thread between two turns: events gather, and other threads run.

A turn for each event, and a wake-up of its receiver, would cost many times as much as the event
itself. An event that comes after a silence is not held up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop
    from django_ami.core.reactor.traffic import Traffic

__all__ = ["COALESCE_SECONDS", "Pause"]

#: How long the reactor thread pauses after a turn that read events: the next ones gather meanwhile
#: and are read in one turn. A thread that has just got its reply may come back within it, and lead.
COALESCE_SECONDS: Final = 0.01
#: How long receivers of a flood get between two reads. They then get events that were just read,
#: and are still in the caches. Older events cost half as much again. The loop still reads 100,000
#: events a second, more than Asterisk writes.
CATCH_UP_SECONDS: Final = 0.001
#: How long other threads have the interpreter between two turns that had too much to do.
YIELD_SECONDS: Final = 0.0001


class Pause:
    """The reactor thread takes it; every other thread may end it.

    ``traffic`` says what the last turn read; ``is_behind()`` whether receivers have yet to get
    events that were read; ``is_led()`` whether a leader runs the loop. ``contended`` is set by a
    thread that could have led and found the turn taken: it gets the next pause.
    """

    def __init__(
        self,
        loop: Loop,
        traffic: Traffic,
        *,
        is_behind: Callable[[], bool],
        is_led: Callable[[], bool],
    ) -> None:
        self.under_way = False
        self.contended = False
        self._loop = loop
        self._traffic = traffic
        self._is_behind = is_behind
        self._is_led = is_led
        #: The reactor thread acquires it to pause, for a time. The thread that ends the pause
        #: releases it.
        self._ended = threading.Lock()
        self._ended.acquire()

    def take(self) -> bool:
        """Pause, if there is a reason to. True if there was time for events to gather."""
        loop = self._loop
        if loop.deferred and not (loop.calls or loop.priority.awaiting):
            # A thread that waits for the interpreter gets it now. CPython would leave it to this
            # thread for 5 ms.
            time.sleep(YIELD_SECONDS)
            return False
        self._ended.acquire(blocking=False)  # the call that ended the last pause has been made
        self.under_way = True  # from here on a caller ends the pause
        seconds, begun = self._seconds(), time.monotonic()
        if seconds:
            self.contended = False
        # A leader polls the sockets meanwhile, so the pause begins anew with each of its turns. If
        # the leader sleeps for longer, this thread waits for the turn behind it.
        while seconds and not self._is_over():
            left = max(loop.looked_at, begun) + seconds - time.monotonic()
            if left <= 0 or self._ended.acquire(timeout=left):
                break
        self.under_way = False
        return seconds > 0

    def _seconds(self) -> float:
        if self._loop.priority.awaiting:
            return 0.0
        if self._traffic.unread and not self.contended:
            return CATCH_UP_SECONDS if self._is_behind() else 0.0
        return COALESCE_SECONDS if self.contended or self._traffic.eventful else 0.0

    def _is_over(self) -> bool:
        return bool(self._loop.calls) or (self._loop.deferred and not self._is_led())

    def end(self) -> None:
        """Let the reactor thread go on, if it pauses; else its next pause is none."""
        if self._ended.locked():
            with contextlib.suppress(RuntimeError):  # another thread has just released it
                self._ended.release()
