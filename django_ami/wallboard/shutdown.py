"""Streams end when the process is told to end.

Web servers wait for what is open, some of them for ever, and tell no view that they want to end.
So the signal that tells the server is heard here, too, and goes on to the server at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["on_shutdown"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

#: Called when the process is told to end.
_functions: list[Callable[[], None]] = []
#: The handlers of the server, by the number of the signal.
_handlers: dict[int, Any] = {}


def on_shutdown(function: Callable[[], None]) -> None:
    """Have this function called when the web server of the running loop is told to end.

    It runs in the main thread, between any two steps of it: it may do next to nothing. Nothing
    happens in another thread, or if nobody handles the signal: then the process ends at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if function not in _functions:
        _functions.append(function)
        _watch_hypercorn()
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler) and handler is not _handle:
            _handlers[number] = handler
            signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    _call()
    _handlers[number](number, frame)


def _call(*_: object) -> None:
    for function in tuple(_functions):
        function()


def _watch_hypercorn() -> None:
    """Hypercorn tells its workers by no signal: a task of theirs waits for something else."""
    waits: Any = getattr(sys.modules.get("hypercorn.utils"), "raise_shutdown", None)
    if waits is not None:
        for task in asyncio.all_tasks():
            if getattr(task.get_coro(), "cr_code", None) is waits.__code__:
                task.add_done_callback(_call)
