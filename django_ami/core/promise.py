"""A future that costs little, for an answer that one thread waits for, or a coroutine, or a function, or nobody."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future, InvalidStateError
from concurrent.futures._base import FINISHED, RUNNING
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

__all__ = ["Promise"]

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Promise(Future[Result]):
    """An awaitable ``concurrent.futures.Future`` that makes its condition variable only when somebody waits.

    Two rules take the place of the lock. Whoever settles takes the one item out of ``_open`` first, which one thread
    alone can; and sets the state before it looks for a condition, while whoever waits makes the condition before it
    looks at the state. It is running from the beginning, so it cannot be cancelled.
    """

    _result: Any = None
    _exception: BaseException | None = None
    _waited_on: Any = None
    #: True once its end is told: it was awaited, or ``add_done_callback`` was given a function.
    _told = False

    def __init__(self) -> None:
        # Not super().__init__(): the condition variable is half the cost of an action.
        self._state = RUNNING
        self._open = [True]
        self._waiters: list[Any] = []
        self._done_callbacks: list[Callable[[Future[Result]], object]] = []

    @property
    def _condition(self) -> Any:  # type: ignore[override]  # what the functions of concurrent.futures lock and wait on
        return self._waited_on or self.__dict__.setdefault("_waited_on", Future()._condition)  # noqa: SLF001

    def done(self) -> bool:
        """True once it is settled."""
        return self._state == FINISHED

    def result(self, timeout: float | None = None) -> Result:
        """Wait at most ``timeout`` seconds (None: for ever); raises TimeoutError, or what it failed with."""
        if self._state != FINISHED:
            self._await_settled(timeout)
        try:
            if self._exception is not None:
                raise self._exception
            return self._result  # type: ignore[no-any-return]
        finally:
            del self  # the traceback of an error has this frame: they would hold each other

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait as ``result`` does, and return what it failed with, or None."""
        if self._state != FINISHED:
            self._await_settled(timeout)
        return self._exception

    def _await_settled(self, timeout: float | None) -> None:
        with self._condition:
            if self._state != FINISHED and not self._condition.wait(timeout):
                raise TimeoutError

    def set_result(self, result: Result) -> None:
        self._settle(result, None)

    def set_exception(self, exception: BaseException | None) -> None:
        self._settle(None, exception)

    def _settle(self, result: Result | None, exception: BaseException | None) -> None:
        try:
            self._open.pop()
        except IndexError:
            raise InvalidStateError(f"{self!r} is settled already") from None
        self._result, self._exception = result, exception
        self._state = FINISHED
        if self._waited_on is not None:
            with self._waited_on:
                for waiter in self._waiters:
                    (waiter.add_result if exception is None else waiter.add_exception)(self)
                self._waited_on.notify_all()
        if self._done_callbacks:
            self._invoke_callbacks()

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
        if self._state == FINISHED:
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
    """Those who await in one event loop. A loop is woken once for all answers that come together."""

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
        # The loop takes the flag down before it looks; so what is added behind its back is seen, or told anew.
        if not self._told:
            self._told = True
            loop = self._loop()
            # A loop that is closed by now, or just closing, has nobody who waits.
            if loop is not None and not loop.is_closed():
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._told = False
        while self._settled:
            waiter = self._settled.popleft()
            if not waiter.done():
                waiter.set_result(None)
