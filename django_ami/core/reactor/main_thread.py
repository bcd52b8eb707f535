"""The main thread leads, too, though Ctrl+C interrupts it at any moment.

In the midst of a turn a KeyboardInterrupt would leave unknown what was sent, and a lock that was
just acquired would stay so for ever. So Ctrl+C has another handler while the main thread leads: it
raises at once while that thread sleeps, and else when the turn is over.

It does not lead where somebody has replaced the handler of SIGINT in C, without a word to Python: a
server that lost it would never stop. Nor in uWSGI, which forks in C while it lets go of the
interpreter: a worker would wait for ever for a reactor thread that had it just then.

Gain for a command or a shell that waits for one reply after the other: no thread is woken, and an
action takes about six tenths of the time. Without this file the main thread does not lead.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from functools import partial
from signal import SIG_DFL, SIG_IGN, SIGINT, default_int_handler, valid_signals
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django_ami.core.interruption import handler_of, is_pythons, set_handler, sigint_raises
from django_ami.core.promise import in_running_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop
    from django_ami.core.reactor.runner import Awaited, Runner

__all__ = ["MainThread"]

Result = TypeVar("Result")

#: All signals but that of Ctrl+C.
_OTHERS: Final = tuple(map(int, valid_signals() - {SIGINT}))
#: They run no function of the program. None: code in C has installed the handler.
_WITHOUT_CODE: Final = frozenset({SIG_DFL, SIG_IGN, None})


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
        #: True while Ctrl+C has the handler of this object.
        self._shields = False
        self._runner = runner
        self._loop = loop
        #: Of the main thread.
        self.ident = threading.main_thread().ident
        self._process = os.getpid()

    def leading(self) -> Runner | MainThread | None:
        """The way in which the main thread leads now; None if it must not."""
        if in_running_loop():
            return None if sigint_raises() else self._runner
        return self if self._is_undisturbed() else None

    @staticmethod
    def _is_undisturbed() -> bool:
        """True if no signal runs a function of the program, but for Ctrl+C.

        Such a function may send an action, and wait for the reply. It would wait in vain if the
        code that it interrupts is what reads the reply. It takes 3 µs to ask for all signals.
        """
        try:
            quiet = _WITHOUT_CODE.issuperset(map(handler_of, _OTHERS))
            return quiet and "uwsgi" not in sys.modules and _is_known(handler_of(SIGINT))
        except (TypeError, ValueError):  # a callable without a hash; no main thread to Python
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
        self.struck, self._shields = False, True
        try:
            _set_handler(self._strike)
            return work()
        finally:
            self._shields = False
            _set_handler(default_int_handler)
            if self.struck:
                raise KeyboardInterrupt

    def _strike(self, *_: Any) -> None:
        """The handler of SIGINT; it runs on the main thread, between two bytecodes of it."""
        if not self._shields or os.getpid() != self._process:
            # An exception has kept it here, or code in C has forked meanwhile, on another thread.
            _set_handler(default_int_handler)
            raise KeyboardInterrupt
        if self._loop.in_thread and self._loop.asleep:
            raise KeyboardInterrupt
        self.struck = True
        self._loop.calls.append(_do_nothing)  # the thread may be about to sleep


def _is_known(ctrl_c: object) -> bool:
    """True if Python knows what Ctrl+C does, and this is no function of the program."""
    return is_pythons(SIGINT) if ctrl_c is default_int_handler else ctrl_c in _WITHOUT_CODE


def _set_handler(handler: Callable[..., object]) -> None:
    """Of SIGINT, unless to Python another thread is the main one, and has the handlers."""
    with suppress(ValueError):
        set_handler(SIGINT, handler)


def _do_nothing() -> None:
    """A call that keeps the loop from sleeping."""


def _after_fork() -> None:
    """In a child: its event loops look for Python's own handler, too, before they set theirs."""
    if getattr(handler_of(SIGINT), "__func__", None) is MainThread._strike:  # noqa: SLF001  (it is this module's own)
        _set_handler(default_int_handler)


os.register_at_fork(after_in_child=_after_fork)
