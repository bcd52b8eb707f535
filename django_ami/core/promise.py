"""A cheap future, for an answer that a thread, a coroutine, a function or nobody awaits.

It stands on private names of the standard library. ``tests/test_private_names.py`` says which of
them a new Python has dropped:

* ``concurrent.futures._base.RUNNING`` and ``concurrent.futures._base.FINISHED``: the states.
* ``concurrent.futures.Future._state``, ``concurrent.futures.Future._result`` and
  ``concurrent.futures.Future._exception``: ``repr`` of a future, ``as_completed`` and
  ``asyncio.wrap_future`` read them.
* ``concurrent.futures.Future._condition``: ``wait`` and ``as_completed`` lock it. It is made when
  it is asked for.
* ``threading.Condition._lock``: the settling thread acquires it. The condition is written in
  Python: an exception from outside, in its ``__enter__``, would leave it acquired for ever. So our
  own waits have no condition, and leave no lock that the settling thread needs.
* ``concurrent.futures.Future._waiters``: those who ``wait`` are in it. A promise that is settled
  tells them by ``concurrent.futures._base._Waiter.add_result`` or
  ``concurrent.futures._base._Waiter.add_exception``.
* ``concurrent.futures.Future._done_callbacks``: the functions given to ``add_done_callback``, and
  before them ``UNSETTLED`` until it is settled. Ours take the place of
  ``concurrent.futures.Future._invoke_callbacks``, which calls them.
* ``asyncio._get_running_loop``: the loop of this thread, or None. It is documented for event loops.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError
from concurrent.futures._base import FINISHED, RUNNING
from contextlib import suppress
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar
from weakref import WeakKeyDictionary, ref

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

__all__ = ["UNSETTLED", "Promise", "completion", "in_running_loop"]

Result = TypeVar("Result")

logger = get_logger(__name__)

#: The loaded modules.
_module: Final = sys.modules.get


def UNSETTLED(_: object) -> None:  # noqa: N802  (it stands for a state, among functions)
    """Stand first among the functions of a promise until one thread takes it out to settle it."""


def in_running_loop() -> bool:
    """True if an event loop is running in the calling thread.

    A wait would stop it, and everything that has to go on in it.
    """
    asyncio = _module("asyncio")
    # The documented fast form; a process that has not imported asyncio need not.
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001


def completion(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    """A call of a user's function for what has come; the first argument is told to the log.

    So a partial of the user stays a function of its own: else the arguments that are bound in it
    would stand in front, and in the log.
    """
    if isinstance(function, partial):
        function = update_wrapper(lambda *given, bound=function: bound(*given), function)
    return partial(function, *arguments)


class Promise(Future[Result]):
    """An awaitable ``concurrent.futures.Future``; its condition is for that module's functions.

    Two rules take the place of the lock. The settling thread first takes ``UNSETTLED`` out of
    ``_done_callbacks``, which one thread alone can. It sets the state before it looks for those who
    wait, while a waiting thread is among them before it looks at the state. It is running from the
    beginning, so it cannot be cancelled.
    """

    #: True once it is settled, as ``done()`` says. A loop looks at it in each turn.
    over = False
    _result: Any = None
    _exception: BaseException | None = None
    _waited_on: Any = None
    _waiters: Any = ()
    #: Of each thread that waits, a lock that is acquired: the settling thread releases it.
    _sleepers: list[threading.Lock] | tuple[()] = ()
    #: True once its end is told: it was awaited, or ``add_done_callback`` was given a function.
    _told = False

    def __init__(self) -> None:
        # Not super().__init__(): the condition variable is half the cost of an action. Nor is there
        # a second list: the garbage collector visits each container of each action under way.
        self._done_callbacks: list[Callable[[Future[Result]], object]] = [UNSETTLED]

    @property
    def _condition(self) -> Any:  # type: ignore[override]  # its name there
        if self._waited_on is None:
            self.__dict__.setdefault("_waiters", [])  # first: the settling thread goes through it
            self.__dict__.setdefault("_waited_on", Future()._condition)  # noqa: SLF001
        return self._waited_on

    @property
    def _state(self) -> str:  # type: ignore[override]  # its name there
        return FINISHED if self.over else RUNNING

    def done(self) -> bool:
        """True once it is settled."""
        return self.over

    def result(self, timeout: float | None = None) -> Result:
        """Wait at most ``timeout`` seconds (None: for ever).

        Raises TimeoutError, or the error that it failed with.
        """
        if not self.over:
            self._await_settled(timeout)
        try:
            if self._exception is not None:
                raise self._exception
            return self._result  # type: ignore[no-any-return]
        finally:
            del self  # the traceback of an error has this frame: they would hold each other

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait as ``result`` does, and return what it failed with, or None."""
        if not self.over:
            self._await_settled(timeout)
        return self._exception

    def _await_settled(self, timeout: float | None) -> None:
        sleeper = threading.Lock()
        sleeper.acquire()
        sleepers: Any = self.__dict__.setdefault("_sleepers", [])
        sleepers.append(sleeper)
        try:
            while not self.over:
                if timeout is None:
                    sleeper.acquire()
                elif timeout <= 0 or not sleeper.acquire(timeout=timeout):
                    break
        finally:
            with suppress(ValueError):  # it was told
                sleepers.remove(sleeper)
        if not self.over:
            raise TimeoutError

    def set_exception(self, exception: BaseException | None) -> None:
        self.set_result(None, exception)

    def set_result(self, result: Result | None, exception: BaseException | None = None) -> None:
        """Settle it. Raises InvalidStateError if it is settled."""
        try:
            self._done_callbacks.remove(UNSETTLED)
        except ValueError:
            raise InvalidStateError(f"{self!r} is settled already") from None
        self._result, self._exception = result, exception
        self.over = True
        while self._sleepers:
            with suppress(IndexError):  # the last one has just gone
                self._sleepers.pop().release()
        if self._waited_on is not None:
            with self._waited_on._lock:  # noqa: SLF001
                for waiter in self._waiters:
                    (waiter.add_result if exception is None else waiter.add_exception)(self)
                self._waited_on.notify_all()
        if self._done_callbacks:
            self._invoke_callbacks()

    def _disown(self, exception: BaseException) -> None:
        """Settle it in a forked child: only the parent will learn its result.

        Those who wait for it, and the functions that are to be called, are the parent's. That one
        may have held the lock at the fork, or have begun to settle it.
        """
        self._done_callbacks, self._waited_on, self._sleepers = [UNSETTLED], None, []
        self.set_exception(exception)

    def __await__(self) -> Generator[Any, None, Result]:
        if not self.done():
            yield from _Awaiting.in_this_loop().future_of(self)
        self._told = True
        try:
            return Promise.result(self, 0)
        finally:
            del self  # as in result

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        self._done_callbacks.append(fn)
        if self.over:
            self._invoke_callbacks()

    def _invoke_callbacks(self) -> None:
        # Each is taken out by one thread alone, whether it settles or came when all was settled.
        while self._done_callbacks:
            with suppress(IndexError):
                callback = self._done_callbacks.pop(0)
                try:
                    callback(self)
                except Exception:
                    logger.exception("calling %r for %r failed", callback, self)


class _Awaiting:
    """Those who await in one event loop.

    A loop is woken once for all answers that come together.
    """

    _loops: ClassVar[WeakKeyDictionary[Any, _Awaiting]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._settled: deque[asyncio.Future[None]] = deque()
        self._told = False

    @classmethod
    def in_this_loop(cls) -> _Awaiting:
        """That of the running loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        return cls._loops.get(loop) or cls._loops.setdefault(loop, cls(loop))

    def future_of(self, promise: Promise[Any]) -> asyncio.Future[None]:
        """A future of this loop that is done when the promise is settled."""
        loop = self._loop()
        assert loop is not None  # noqa: S101  (it is running)
        waiter = loop.create_future()
        Promise.add_done_callback(promise, lambda _: self._wake(waiter))
        return waiter

    def _wake(self, waiter: asyncio.Future[None]) -> None:
        self._settled.append(waiter)
        # The loop takes the flag down before it looks; so what is added behind its back is seen, or
        # told anew.
        if not self._told:
            self._told = True
            loop = self._loop()
            # A loop that is closed by now, or just closing, has no coroutine that waits.
            if loop is not None and not loop.is_closed():
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._told = False
        while self._settled:
            waiter = self._settled.popleft()
            if not waiter.done():
                waiter.set_result(None)
