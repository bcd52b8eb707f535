"""Traffic on a real Asterisk that does not end by itself."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from tests.asterisk.wire import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.asterisk.conftest import Asterisk

#: A call is placed with every so many UserEvents.
CALL_EVERY = 50
#: How long Asterisk may take for an answer, in seconds: it may be frozen meanwhile.
PATIENCE_SECONDS = 60


class Load:
    """UserEvents numbered from ``first``, and Local calls, until stopped or Asterisk goes away."""

    def __init__(self, asterisk: Asterisk, first: int) -> None:
        self.first = first
        #: The last number that Asterisk has taken.
        self.last = first - 1
        self._asterisk = asterisk
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        try:
            with wire(self._asterisk, "admin", Events="off") as it:
                for number in count(self.first):
                    if self._over.is_set():
                        return
                    if number % CALL_EVERY == 0:
                        it.write("Originate", Channel="Local/500@default", Application="Wait",
                                 Data="1", Async="true", Variable="__WAITSECS=0.2")  # fmt: skip
                    it.write("UserEvent", ActionID="load", UserEvent="Numbered", Number=str(number))
                    it.wait(PATIENCE_SECONDS, ActionID="load")
                    self.last = number
        except (OSError, EOFError):
            pass  # Asterisk is gone


@contextmanager
def load(asterisk: Asterisk, first: int = 1) -> Iterator[Load]:
    it = Load(asterisk, first)
    try:
        yield it
    finally:
        it.end()
