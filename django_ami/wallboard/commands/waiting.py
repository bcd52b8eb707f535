"""Requests that wait until a call changes.

Rule: a request that waits holds a coroutine: no thread, and no database connection. It ends within
seconds, or when the web server is told to end.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from django_ami.wallboard.shutdown import on_shutdown

if TYPE_CHECKING:
    from collections.abc import Hashable

    from django_ami.core.client import OriginatedCall

__all__ = ["LONGEST_WAIT_SECONDS", "TooManyWaits", "until_changed"]

#: For how long a request waits; then the browser asks again.
LONGEST_WAIT_SECONDS: Final = 20.0
#: How many requests wait, in one process, and of them for one user: a browser opens six
#: connections to a server with HTTP/1.1.
_MOST_WAITS: Final = 500
_MOST_WAITS_PER_USER: Final = 20


class TooManyWaits(Exception):
    """There is no place to wait: for this user (``of_user``), or for anybody in this process."""

    def __init__(self, most: int, *, of_user: bool) -> None:
        super().__init__(most)
        self.most = most
        self.of_user = of_user


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
        #: How many requests wait, by user; None is all visitors without an account.
        self._users: Counter[Hashable] = Counter()

    def add(self, call: OriginatedCall, user: Hashable | None) -> _Wait:
        """A wait of that user for a change of that call. Raises TooManyWaits."""
        with self._lock:
            if self._users.total() >= _MOST_WAITS:
                raise TooManyWaits(_MOST_WAITS, of_user=False)
            if user is not None and self._users[user] >= _MOST_WAITS_PER_USER:
                raise TooManyWaits(_MOST_WAITS_PER_USER, of_user=True)
            self._users[user] += 1
            waits, wait = self._by_call.get(call), _Wait()
            is_new = waits is None
            if waits is None:
                waits = self._by_call[call] = set()
            waits.add(wait)
        if is_new:
            call.on_change(lambda each, _: self.wake(each))
        return wait

    def discard(self, call: OriginatedCall, user: Hashable | None, wait: _Wait) -> None:
        """The request goes on."""
        with self._lock:
            self._by_call[call].discard(wait)
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

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
    call: OriginatedCall,
    known: str,
    seconds: float = LONGEST_WAIT_SECONDS,
    *,
    user: Hashable | None = None,
) -> None:
    """Wait until the call is in another state than ``known``, for so many seconds at most.

    Raises TooManyWaits. ``user`` is the one whose request waits, None a visitor without an account.
    """
    if call.state != known or call.outcome is not None:
        return
    wait = _waits.add(call, user)
    on_shutdown(_waits.wake_all)
    try:
        async with asyncio.timeout(seconds):
            if call.state == known:  # else it has changed meanwhile
                await wait.over.wait()
    except TimeoutError:
        pass
    finally:
        _waits.discard(call, user, wait)
