"""Handlers of signals that stay: code of others may have its own beside them.

Rule: a signal that means something to this process is heard whatever Python code does with
handlers. ``asyncio`` sets SIGTERM to its default when it removes a handler of its own, and the
system would then end the process at once, in the midst of a receiver. So while the handlers are
held, ``signal.signal`` and ``signal.set_wakeup_fd`` are functions of this module: a handler or a
descriptor that is set by them is served, too. Code in C, or that has imported the functions before,
goes past them: ``take_back`` undoes that.

A child that was forked has the handlers and the descriptor of its parent, and lets go of them: a
signal to the child is not one to the parent.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.interruption import handler_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Handlers"]

_set_handler: Final = signal.signal
_set_wakeup_fd: Final = signal.set_wakeup_fd
#: Where nobody has set a handler, Python has one of these.
_DEFAULTS: Final = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)
_NO_DESCRIPTOR: Final = -1


class Handlers:
    """The handlers of some signals, and the descriptor to which Python's C handler writes each.

    ``tell(number)`` is called in the main thread when it comes to run Python code.
    """

    def __init__(
        self, numbers: Iterable[int], descriptor: int, tell: Callable[[int], object]
    ) -> None:
        self.numbers = tuple(numbers)
        self._descriptor = descriptor
        self._tell = tell
        self._own = _Handler(tell)
        self._before: dict[int, Any] = {}
        self._descriptor_before = _NO_DESCRIPTOR
        #: Where code of others wants the numbers, too. Nothing is written to it once it is taken
        #: away: the number may be another file's by then.
        self._others = _NO_DESCRIPTOR
        self._others_lock = threading.Lock()

    def take(self) -> None:
        """Hold them, but for a SIGHUP that is ignored, as ``nohup`` does. In the main thread."""
        self._descriptor_before = _set_wakeup_fd(self._descriptor, warn_on_full_buffer=False)
        for number in self.numbers:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = _set_handler(number, self._own)
        vars(signal).update(signal=self._add_handler, set_wakeup_fd=self._add_descriptor)
        _held.append(self)

    def give_back(self) -> None:
        """All is as before ``take``."""
        if self in _held:
            _held.remove(self)
            vars(signal).update(signal=_set_handler, set_wakeup_fd=_set_wakeup_fd)
            for number, handler in self._before.items():
                _set_handler(number, handler)
            _set_wakeup_fd(self._descriptor_before)

    def take_back(self) -> bool:
        """In the main thread, behind code of others: undo what it has left. True if it had."""
        if self not in _held:
            return False
        descriptor = _set_wakeup_fd(self._descriptor, warn_on_full_buffer=False)
        was_taken = descriptor != self._descriptor
        for number in self._before:
            if handler_of(number) is not self._own:
                _set_handler(number, self._own)
                was_taken = True
        return was_taken

    def pass_on(self, number: int) -> None:
        """The descriptor of others gets a number that was read from ours. From any thread."""
        with self._others_lock, suppress(OSError):
            if self._others != _NO_DESCRIPTOR:
                os.write(self._others, bytes([number]))

    # --- in the place of the functions of ``signal`` ---

    def _add_handler(self, signalnum: int, handler: Any) -> Any:
        if signalnum in self._before and not isinstance(handler, _Handler):
            if handler in _DEFAULTS:
                handler = self._own
            elif callable(handler):
                handler = _Handler(self._tell, handler)
        return _set_handler(signalnum, handler)

    def _add_descriptor(self, fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
        _set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)  # it raises for a wrong one
        _set_wakeup_fd(self._descriptor, warn_on_full_buffer=False)
        with self._others_lock:
            before, self._others = self._others, fd
        return before


class _Handler:
    """A handler in Python, and the one of others that is called behind it."""

    def __init__(
        self, tell: Callable[[int], object], other: Callable[[int, Any], object] | None = None
    ) -> None:
        self._tell = tell
        self._other = other

    def __call__(self, number: int, frame: Any) -> None:
        self._tell(number)
        if self._other is not None:
            self._other(number, frame)


#: Those that are held in this process: at most one.
_held: list[Handlers] = []
#: The signals that were blocked in this thread before it forked.
_forking: Final = threading.local()


def _before_fork() -> None:
    """A signal to the child waits until the child has let go."""
    numbers = [number for handlers in _held for number in handlers.numbers]
    _forking.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def _after_fork() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.blocked)


def _after_fork_in_child() -> None:
    for handlers in tuple(_held):
        handlers.give_back()
    _after_fork()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
)
