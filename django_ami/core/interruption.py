"""May the handler of a signal raise in the main thread, wherever that thread is?

It stands on a private name of CPython, and goes on without it: ``_signal.getsignal``, the function
without the enum that ``signal.getsignal`` puts around its answer at twenty times the cost.
"""

from __future__ import annotations

from signal import SIGINT, default_int_handler

try:  # it is asked for each action of a coroutine, and behind each batch of events
    from _signal import getsignal as handler_of  # type: ignore[import-not-found]
except ImportError:  # an implementation without that module
    from signal import getsignal as handler_of

__all__ = ["handler_of", "sigint_raises"]


def sigint_raises() -> bool:
    """True if Ctrl+C raises KeyboardInterrupt in the main thread at any moment.

    Not while ``asyncio.run`` runs there: its handler cancels the task. Web servers with an event
    loop have handlers of their own, too.
    """
    return handler_of(SIGINT) is default_int_handler
