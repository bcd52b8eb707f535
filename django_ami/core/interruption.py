"""The handlers of signals, which may raise in the main thread, wherever that thread is.

It stands on private names of CPython, and goes on without them: ``_signal.getsignal`` and
``_signal.signal``, the functions without the enum that those of ``signal`` put around their answers
at twenty times the cost. ``PyOS_getsig`` is a documented function of its C API.
"""

from __future__ import annotations

import threading
from functools import cache
from signal import SIG_DFL, SIGINT, SIGURG, default_int_handler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

try:  # it is asked for each action of a coroutine, and behind each batch of events
    from _signal import getsignal as handler_of  # type: ignore[import-not-found]
    from _signal import signal as set_handler
except ImportError:  # an implementation without that module
    from signal import getsignal as handler_of
    from signal import signal as set_handler

__all__ = ["handler_of", "is_ctrl_c", "is_pythons", "set_handler", "sigint_raises"]


def sigint_raises() -> bool:
    """True if Ctrl+C raises KeyboardInterrupt in the main thread at any moment.

    Not while ``asyncio.run`` runs there: its handler cancels the task. Web servers with an event
    loop have handlers of their own, too.
    """
    return handler_of(SIGINT) is default_int_handler


def is_ctrl_c(error: BaseException) -> bool:
    """True for Ctrl+C, which comes in the main thread alone; in another one code has raised it."""
    return isinstance(error, KeyboardInterrupt) and (
        threading.get_ident() == threading.main_thread().ident
    )


def is_pythons(number: int) -> bool:
    """True if the handler of a signal, as the system has it, is the one that Python installs.

    ``getsignal`` says what Python has installed last. A library in C may have replaced it since, as
    uWSGI, bjoern, gevent and GLib do. False also where that cannot be known. For the main thread:
    it raises ValueError in another one. Costs 1 µs, and 4 ms for the first time.
    """
    installed = _installed()
    if installed is None:
        return False
    get, own = installed
    return get(number) == own


@cache
def _installed() -> tuple[Callable[[int], object], object] | None:
    """A function that tells the address of a signal's handler, and that of Python's own.

    Python has one handler in C for all signals. It is seen at a signal that does nothing by
    default, and for which nobody has a handler.
    """
    try:
        from ctypes import c_int, c_void_p, pythonapi  # a build may be without it

        get = pythonapi["PyOS_getsig"]  # of our own: by its name it is shared with others
    except (ImportError, AttributeError):
        return None
    get.argtypes, get.restype = [c_int], c_void_p
    if handler_of(SIGURG) != SIG_DFL or get(SIGURG):
        return None
    set_handler(SIGURG, _ignore)
    try:
        return get, get(SIGURG)
    finally:
        set_handler(SIGURG, int(SIG_DFL))


def _ignore(*_: object) -> None:
    """Do as the system does with SIGURG."""
