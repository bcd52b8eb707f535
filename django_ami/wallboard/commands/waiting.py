"""Requests that wait until a call changes.

Rule: a request that waits holds a coroutine: no thread, and no database connection. It ends within
seconds, or when the web server is told to end.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from django_ami.wallboard.shutdown import on_shutdown

if TYPE_CHECKING:
    from django_ami.core.client import OriginatedCall

__all__ = ["LONGEST_WAIT_SECONDS", "until_changed"]

#: For how long a request waits; then the browser asks again.
LONGEST_WAIT_SECONDS: Final = 20.0
#: How many requests of one process wait. Another one is answered at once.
_MOST_WAITS: Final = 500


class _Wait:
    """A request that waits in the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.over = asyncio.Event()

    def wake(self) -> None:
        """End it, from any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.over.set)


class _Waits:
    """The requests that wait in this process, by the call that they wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_call: WeakKeyDictionary[OriginatedCall, set[_Wait]] = WeakKeyDictionary()
        self._count = 0

    def add(self, call: OriginatedCall) -> _Wait | None:
        """A wait for a change of that call; None if too many wait already."""
        with self._lock:
            if self._count >= _MOST_WAITS:
                return None
            self._count += 1
            waits, wait = self._by_call.get(call), _Wait()
            is_new = waits is None
            if waits is None:
                waits = self._by_call[call] = set()
            waits.add(wait)
        if is_new:
            call.on_change(lambda each, _: self.wake(each))
        return wait

    def discard(self, call: OriginatedCall, wait: _Wait) -> None:
        """The request goes on."""
        with self._lock:
            self._by_call[call].discard(wait)
            self._count -= 1

    def wake(self, call: OriginatedCall) -> None:
        """The call has changed."""
        with self._lock:
            woken = tuple(self._by_call.get(call, ()))
        for wait in woken:
            wait.wake()

    def wake_all(self) -> None:
        """The web server is told to end. It runs between any two steps of the main thread."""
        for waits in tuple(self._by_call.values()):
            for wait in tuple(waits):
                wait.wake()


_waits: Final = _Waits()


async def until_changed(
    call: OriginatedCall, known: str, seconds: float = LONGEST_WAIT_SECONDS
) -> None:
    """Wait until the call is in another state than ``known``, for so many seconds at most."""
    if call.state != known or call.outcome is not None:
        return
    wait = _waits.add(call)
    if wait is None:
        return
    on_shutdown(_waits.wake_all)
    try:
        async with asyncio.timeout(seconds):
            if call.state == known:  # else it has changed meanwhile
                await wait.over.wait()
    except TimeoutError:
        pass
    finally:
        _waits.discard(call, wait)
