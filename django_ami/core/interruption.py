"""The handlers of signals, which may raise in the main thread, wherever that thread is.

It stands on private names of CPython, and goes on without them: ``_signal.getsignal`` and
``_signal.signal``, the functions without the enum that those of ``signal`` put around their answers
at twenty times the cost.
"""

from __future__ import annotations

from signal import SIGINT, default_int_handler

try:  # it is asked for each action of a coroutine, and behind each batch of events
    from _signal import getsignal as handler_of  # type: ignore[import-not-found]
    from _signal import signal as set_handler
except ImportError:  # an implementation without that module
    from signal import getsignal as handler_of
    from signal import signal as set_handler

__all__ = ["handler_of", "set_handler", "sigint_raises"]


def sigint_raises() -> bool:
    """True if Ctrl+C raises KeyboardInterrupt in the main thread at any moment.

    Not while ``asyncio.run`` runs there: its handler cancels the task. Web servers with an event
    loop have handlers of their own, too.
    """
    return handler_of(SIGINT) is default_int_handler
