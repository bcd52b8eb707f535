"""Numbered events at a rate, and when each was written."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from django_ami.testing import Simulator

__all__ = ["Flood"]

_BURSTS_A_SECOND: Final = 50


class Flood:
    """Use it as a context manager: events are written inside.

    ``rate`` is in events per second, at least 50. ``seconds`` is how long a receiver takes for one.
    """

    def __init__(self, server: Simulator, rate: int, *, seconds: float = 0.0) -> None:
        self._server = server
        self._burst = rate // _BURSTS_A_SECOND
        self._more = f"Seconds: {seconds}\r\n" if seconds else ""
        #: By ``time.time()``, of each event.
        self.written: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Write no more. May be called twice."""
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            first = len(self.written)
            data = "".join(map(self._event, range(first, first + self._burst)))
            self.written += [time.time()] * self._burst
            self._server.emit_bytes("UserEvent", data.encode())
            due += 1 / _BURSTS_A_SECOND

    def _event(self, number: int) -> str:
        head = "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Test\r\n"
        return f"{head}Number: {number}\r\n{self._more}\r\n"
