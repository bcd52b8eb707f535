"""The standard streams: a closed pipe, a full disk or a dead reader stops no command.

Rule: lines that a worker says while it works are written by a thread of their own, which may lose
some; and no command waits at its end for a stream that takes nothing any more.

Stands on ``django.core.management.base.BaseCommand._called_from_command_line``, which Django sets
where the process is the command's own.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.escaping import printable
from django_ami.core.reports import Sparing
from django_ami.core.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management.base import BaseCommand

__all__ = ["LAST_WORDS_SECONDS", "Lines", "leave", "leave_if_stuck", "why_unanswered", "within"]

#: How many lines may wait to be written.
MOST_LINES: Final = 1000
#: The lines about one thing that are said at once; then it is one in a minute.
FIRST_LINES: Final = 3
#: How long a stream may take, at the end, for the lines that are still to be written.
LAST_WORDS_SECONDS: Final = 1.0


class Lines:
    """Says lines on a stream, and never waits for it.

    ``stream`` is a text stream of Python, or Django's around one.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._spool: Spool[str] = Spool(
            self._write,
            most=MOST_LINES,
            name="django_ami-lines",
            tell_loss="({} lines were lost here.)".format,
        )
        self._sparing = Sparing(FIRST_LINES)

    @property
    def lost(self) -> int:
        """How many lines were not written."""
        return self._spool.lost

    def say(self, line: str) -> None:
        self._spool.put(line)

    def has_room(self, about: str) -> bool:
        """Whether another line about this may be said: a few at once, and then one in a minute."""
        return self._sparing.may_say(about, time.monotonic())

    def close(self, timeout: float = LAST_WORDS_SECONDS) -> bool:
        """Write what waits, for up to ``timeout`` seconds; False if that was not enough."""
        return self._spool.close(timeout)

    def _write(self, line: str) -> None:
        descriptor = _descriptor_of(self._stream)
        if descriptor is None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
            return
        # Lines that were printed before stand before it. A stream that cannot be written to would
        # keep what it was given.
        with suppress(OSError, ValueError):
            self._stream.flush()
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        data = f"{printable(line, encoding)}\n".encode(encoding)
        while data:
            data = data[os.write(descriptor, data) :]


def _descriptor_of(stream: Any) -> int | None:
    try:
        descriptor: int = stream.fileno()
    except (AttributeError, OSError, ValueError):  # a text in memory
        return None
    return descriptor


def within(seconds: float, function: Callable[[], object]) -> bool:
    """Call the function, in a thread of its own.

    False if it does not return within so many seconds.
    """
    over = threading.Lock()
    over.acquire()

    def call() -> None:
        try:
            function()
        finally:
            over.release()

    try:
        # ``Thread.start`` waits until the thread runs, and one without memory never does.
        _thread.start_new_thread(call, ())
    except (RuntimeError, MemoryError):  # the system refuses it
        return False
    return over.acquire(timeout=seconds)


def why_unanswered(seconds: float, ask: Callable[[], object], who: str) -> str:
    """Call ``ask`` as ``within`` does. Says why there is no answer; empty if there is one."""
    why = [f"{who} does not answer within {seconds:g} s"]

    def call() -> None:
        try:
            ask()
            why.clear()
        except Exception as error:  # noqa: BLE001  (whatever a driver raises; the servers matter more)
            why[:] = [next(iter(str(error).splitlines()), type(error).__name__)]

    within(seconds, call)
    return "".join(why)


def leave(command: BaseCommand, code: int, *, streams_are_stuck: bool = False) -> None:
    """End a command with that exit code.

    Python flushes the streams at its end. Where that fails, they lead nowhere from now on. Where it
    does not return, the process ends here, without it, if it is the command's own.
    """
    leave_if_stuck(command, code, known=streams_are_stuck)
    if code:
        sys.exit(int(code))


def leave_if_stuck(command: BaseCommand, code: int, *, known: bool = False) -> None:
    """End the process with that exit code if a stream does not take the text to be flushed."""
    is_own = getattr(command, "_called_from_command_line", False)
    if is_own and (known or not within(LAST_WORDS_SECONDS, _flush)):
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # the process was started without it
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            descriptor = _descriptor_of(stream)
            if descriptor is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
