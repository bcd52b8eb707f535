"""The main thread leads, too, though Ctrl+C interrupts it at any moment.

In the midst of a turn a KeyboardInterrupt would leave unknown what was sent, and a lock that was
just acquired would stay so for ever. So Ctrl+C has another handler while the main thread leads: it
raises at once while that thread sleeps, and else when the turn is over.

In a program that embeds Python, such as uWSGI, the main thread does not lead. The program may have
replaced the handler of SIGINT in C without a word to Python, and a worker that lost it would never
stop. Such a program has no ``sys.orig_argv``.

Gain for a command or a shell that waits for one reply after the other: no thread is woken, and an
action takes about half of the time. Without this file the main thread does not lead.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from signal import SIG_DFL, SIG_IGN, SIGINT, default_int_handler, valid_signals
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django_ami.core.interruption import handler_of, set_handler, sigint_raises
from django_ami.core.promise import in_running_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop
    from django_ami.core.reactor.runner import Awaited, Runner

__all__ = ["MainThread"]

Result = TypeVar("Result")

_SIGNALS: Final = tuple(map(int, valid_signals()))
#: They run no function of the program. None: code in C has installed the handler.
_WITHOUT_CODE: Final = frozenset({SIG_DFL, SIG_IGN, None, default_int_handler})


class _Unless:
    """It is over when another one is, or Ctrl+C was pressed."""

    def __init__(self, awaited: Awaited, main: MainThread) -> None:
        self._awaited = awaited
        self._main = main

    @property
    def over(self) -> bool:
        return self._main.struck or self._awaited.over


class MainThread:
    """Leads as ``runner`` does, whose ``loop`` it is. For the main thread alone."""

    def __init__(self, runner: Runner, loop: Loop) -> None:
        #: True if Ctrl+C was pressed in the midst of a turn.
        self.struck = False
        self._runner = runner
        self._loop = loop
        #: Of the main thread.
        self.ident = threading.main_thread().ident
        self._process = os.getpid()

    def leading(self) -> Runner | MainThread | None:
        """The way in which the main thread leads now; None if it must not."""
        if in_running_loop():
            return None if sigint_raises() else self._runner
        return self if sys.orig_argv and self._is_undisturbed() else None

    @staticmethod
    def _is_undisturbed() -> bool:
        """True if no signal runs a function of the program, but for Ctrl+C.

        Such a function may send an action, and wait for the reply. It would wait in vain if the
        code that it interrupts is what reads the reply. It takes 2 µs to ask for all signals.
        """
        try:
            return _WITHOUT_CODE.issuperset(map(handler_of, _SIGNALS))
        except TypeError:  # a callable object that has no hash
            return False

    def call_here(self, function: Callable[[], None]) -> None:
        """As ``Runner.call_here``. Raises KeyboardInterrupt behind the turn."""
        self._shielded(partial(self._runner.call_here, function))

    def lead(self, awaited: Awaited, timeout: float | None, *, guest: bool) -> bool:
        """As ``Runner.lead``. Raises KeyboardInterrupt in a sleep, or behind a turn."""
        unless = _Unless(awaited, self)
        return self._shielded(partial(self._runner.lead, unless, timeout, guest=guest))

    def _shielded(self, work: Callable[[], Result]) -> Result:
        if handler_of(SIGINT) is not default_int_handler:
            return work()
        self.struck = False
        try:
            set_handler(SIGINT, self._strike)
        except ValueError:  # to Python another thread is the main one, and has the handlers
            return work()
        try:
            return work()
        finally:
            set_handler(SIGINT, default_int_handler)
            if self.struck:
                raise KeyboardInterrupt

    def _strike(self, *_: Any) -> None:
        """The handler of SIGINT; it runs on the main thread, between two bytecodes of it."""
        if os.getpid() != self._process:  # another thread has forked meanwhile
            set_handler(SIGINT, default_int_handler)
            raise KeyboardInterrupt
        if self._loop.in_thread and self._loop.asleep:
            raise KeyboardInterrupt
        self.struck = True
        self._loop.calls.append(_do_nothing)  # the thread may be about to sleep


def _do_nothing() -> None:
    """A call that keeps the loop from sleeping."""
