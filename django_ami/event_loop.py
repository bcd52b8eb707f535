"""One event loop for all asynchronous receivers of a listener.

Rule: it begins with the first asynchronous receiver, and runs on a thread of its own until the
listener ends. So what a receiver keeps for its loop, such as the connections of a client, is good
for the next event, and tasks that it has created go on. The thread of the receivers waits for each
coroutine; code that Django runs for it as synchronous (queries) runs on that thread.

It stands on ``asgiref.sync.SyncToAsync.threadlocal``: there ``async_to_sync`` looks for the loop of
this thread. ``tests/test_private_names.py`` says if a new version has dropped it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from asgiref.sync import SyncToAsync

from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.core.reports import Sparing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EventLoop", "adopt_kept", "keeping"]

logger = get_logger(__name__)

#: Tasks of receivers that are not over at the end have so long to take their cancellation.
_END_SECONDS: Final = 2.0
#: The thread has so long to begin to run the loop.
_START_SECONDS: Final = 5.0
#: Lines at once that tell of a receiver that stops the loop at each event; then one in a minute.
_LINES_AT_ONCE: Final = 3


class EventLoop:
    """An event loop that runs on a thread of its own from the first ``adopt`` to ``end``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        #: Set before we stop the loop.
        self._over = threading.Event()

    def adopt(self) -> None:
        """Have ``async_to_sync`` of the calling thread use this loop.

        Raises OSError or MemoryError if the system refuses a loop, and ConnectionFailed if it
        refuses the thread: nothing has been done then.
        """
        local, loop = SyncToAsync.threadlocal, self._loop
        if loop is None:
            loop = self._begin()
        if getattr(local, "main_event_loop", None) is not loop:
            local.main_event_loop, local.main_event_loop_pid = loop, os.getpid()

    def _begin(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                runs = threading.Event()
                loop.call_soon(runs.set)
                self._over = threading.Event()  # an earlier loop may go on to its end beside it
                run = partial(_run, loop, self._over)
                try:
                    self._thread = start_thread(run, "django_ami-asyncio")
                except BaseException:
                    loop.close()
                    raise
                runs.wait(_START_SECONDS)
                self._loop = loop
            return self._loop

    def end(self) -> None:
        """Cancel the tasks that are not over, and end the loop. Waits for a moment at most."""
        with self._lock:
            loop, thread, over, self._loop = self._loop, self._thread, self._over, None
        if loop is None or thread is None:
            return
        over.set()
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop)
        thread.join(_END_SECONDS)
        if thread.is_alive():
            logger.warning(
                "A task of an asynchronous receiver does not end: it has caught its cancellation."
            )
            return
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, over: threading.Event) -> None:
    """Run the loop until it is ``over``; no task that stops it or calls sys.exit ends it."""
    sparing = Sparing(_LINES_AT_ONCE)
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):  # all else stays in its task
            if sparing.may_say("exit", time.monotonic()):
                logger.exception(
                    "A task of an asynchronous receiver would have ended the event loop."
                )
        else:
            if over.is_set():
                return
            if sparing.may_say("stop", time.monotonic()):
                logger.error(
                    "An asynchronous receiver, or a task of one, has stopped the event loop of "
                    "all. It goes on: remove the call of stop."
                )


async def _cancel_all() -> None:
    """Cancel all other tasks, wait for them, and stop the loop."""
    loop = asyncio.get_running_loop()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_END_SECONDS / 2)
    await loop.shutdown_asyncgens()
    loop.stop()


_kept: EventLoop | None = None


def adopt_kept() -> None:
    """Have this thread use the loop of this process's listener, if it has one; see ``adopt``."""
    if _kept is not None:
        _kept.adopt()


@contextmanager
def keeping() -> Iterator[EventLoop]:
    """While it is open, asynchronous receivers of this process share one loop."""
    global _kept
    before, loop = _kept, EventLoop()
    _kept = loop
    try:
        yield loop
    finally:
        _kept = before
        loop.end()
