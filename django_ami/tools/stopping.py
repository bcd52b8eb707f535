"""SIGINT and SIGTERM: the first one stops a command gently, a second one ends the process.

``ami_listen`` alone has a thread for its signals (``watchdog``), since receivers may keep its main
thread from them.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ConnectionFailed
from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["STOPS", "Stopped", "raise_stopped", "stopping"]

#: The signals that tell a command to stop.
STOPS: Final = (signal.SIGINT, signal.SIGTERM)
#: How long the main thread has to run the handler of a signal before it is nudged.
_NUDGE_SECONDS: Final = 0.1


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_stopped(number: int) -> None:
    """Raise Stopped wherever the main thread is."""
    raise Stopped(number)


@contextmanager
def stopping(on_stop: Callable[[int], object]) -> Iterator[None]:
    """Meanwhile the first SIGINT or SIGTERM calls ``on_stop`` in the main thread, with its number.

    In another thread nothing happens: the program that called the command there handles the signals
    itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    heard = threading.Event()

    def stop(number: int, _frame: object) -> None:
        heard.set()
        for one in STOPS:
            signal.signal(one, signal.SIG_DFL)
        on_stop(number)

    before = {number: signal.signal(number, stop) for number in STOPS}
    try:
        with _nudging(heard):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _nudging(heard: threading.Event) -> Iterator[None]:
    """Make sure that the main thread runs the handler of a signal that tells it to stop.

    CPython misses a signal that arrives just before the main thread begins to wait for a lock: the
    handler runs when the wait ends. So a thread interrupts the wait with another signal, which does
    nothing. Where the system refuses the thread or its socket, the command goes on without.
    """
    pair: tuple[socket.socket, socket.socket] | None = None
    with suppress(OSError):
        pair = socket.socketpair()
    if pair is None:
        yield
        return
    reader, writer = pair
    writer.setblocking(False)
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101  (it runs)

    def nudge() -> None:
        while number := reader.recv(1):
            while number[0] in STOPS and not heard.wait(_NUDGE_SECONDS):
                signal.pthread_kill(main, signal.SIGURG)

    before = signal.signal(signal.SIGURG, lambda *_: None)
    fileno = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread: threading.Thread | None = None
    try:
        with suppress(ConnectionFailed):
            thread = start_thread(nudge, "django_ami-nudge")
        yield
    finally:
        signal.set_wakeup_fd(fileno)
        signal.signal(signal.SIGURG, before)
        heard.set()
        writer.close()
        if thread is not None:
            thread.join()
        reader.close()
