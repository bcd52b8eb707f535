"""A spool: a thread of its own writes the items that are put into it.

Rule: putting never waits, and takes no lock. An item that comes while it is full is lost and
counted, and the loss is written when there is room again.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from django_ami.core.deadline import Deadline
from django_ami.core.errors import ConnectionFailed
from django_ami.core.process import mark_process
from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Spool"]

Item = TypeVar("Item")


class Spool(Generic[Item]):
    """Up to ``most`` items that wait for ``write``; one is lost if ``write`` raises OSError.

    ``write`` may take its time.

    ``tell_loss`` makes the item that tells how many were lost. The thread, whose name is ``name``,
    starts with the first item, and ends with ``close``; the last thing that it calls is ``at_end``.
    """

    def __init__(
        self,
        write: Callable[[Item], object],
        *,
        most: int,
        name: str,
        tell_loss: Callable[[int], Item],
        at_end: Callable[[], object] | None = None,
    ) -> None:
        self._write = write
        self._most = most
        self._name = name
        self._tell_loss = tell_loss
        self._at_end = at_end
        self._waiting: deque[Item] = deque()
        self._losses = count(1)
        #: How many items were lost.
        self.lost = 0
        self._told = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        #: The caller that takes the one item out of it starts the thread.
        self._unstarted = [True]
        #: The wake-up of the thread: the thread waits to acquire it, a caller that has put an item
        #: releases it.
        self._bell = threading.Lock()
        self._bell.acquire()
        #: False in a child that was forked: the thread is the parent's.
        self.is_here = mark_process()

    @property
    def waiting(self) -> int:
        """How many items wait for ``write``, beside the one that it has in hand."""
        return len(self._waiting)

    def put(self, item: Item) -> bool:
        """Have it written, if there is room. From any thread.

        False if it is closed: nothing has been done.
        """
        if self._closing:
            return False
        if len(self._waiting) >= self._most:
            self._lose()
            return True
        self._waiting.append(item)
        self.start()
        self._ring()
        return True

    def start(self) -> bool:
        """Start the thread, if it has not been. From any thread.

        False if the system refuses it: the next item tries again. At the end of the interpreter,
        in functions of ``atexit``, Python 3.12 starts none any more.
        """
        if self._unstarted:
            self._start()
        return not self._unstarted

    def drain(self) -> list[Item]:
        """Take out the items that wait: they are not written any more. From any thread."""
        taken: list[Item] = []
        with suppress(IndexError):  # another thread has taken the last one
            while self._waiting:
                taken.append(self._waiting.popleft())
        return taken

    def close(self, timeout: float) -> bool:
        """Write what waits, for up to ``timeout`` seconds, and end the thread; False if it goes on.

        The items that are left then are written later, if ``write`` returns.
        """
        deadline = Deadline(timeout)
        self._closing = True
        if self._waiting:
            self.start()
        self._ring()
        if self._thread is None:
            for _ in range(len(self._waiting)):  # the system refuses the thread
                self._lose()
            return True
        self._thread.join(deadline.left)
        return not self._thread.is_alive()

    def _lose(self) -> None:
        self.lost = next(self._losses)  # of one counter, since no thread may come between

    def _ring(self) -> None:
        if self._bell.locked():
            with suppress(RuntimeError):  # somebody else has just rung
                self._bell.release()

    def _start(self) -> None:
        try:
            self._unstarted.pop()
        except IndexError:
            return  # another thread is at it
        try:
            self._thread = start_thread(self._run, self._name)
        except ConnectionFailed:
            self._unstarted.append(True)  # the next one to put something in tries again

    def _run(self) -> None:
        while True:
            goes_well = False
            while self._waiting:
                goes_well = self._goes_well(self._waiting.popleft())
                if not goes_well:
                    self._lose()
            if goes_well:
                self._catch_up()
            if self._closing and not self._waiting:
                break
            self._bell.acquire()
        if self._at_end is not None:
            self._at_end()

    def _catch_up(self) -> None:
        """There is room again, and the stream is read: tell how many were lost."""
        lost = self.lost
        if lost > self._told and self._goes_well(self._tell_loss(lost - self._told)):
            self._told = lost

    def _goes_well(self, item: Item) -> bool:
        try:
            self._write(item)
        except BaseException:  # noqa: BLE001  (not even a sys.exit in a handler may end the thread)
            return False
        return True
