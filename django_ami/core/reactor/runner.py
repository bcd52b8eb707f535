"""The thread that runs the loop: the reactor thread, and no other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from django_ami.core.reactor.bugs import report_bug

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor.loop import Loop

__all__ = ["Awaited", "Runner", "When"]

#: How long the reactor thread waits after a turn that failed, mostly for a lack of memory: the next
#: one may fail, too.
RECOVERY_SECONDS: Final = 0.1


class Awaited(Protocol):
    """A thread waits for it: a promise, or ``When``. It is asked before and behind each turn."""

    @property
    def over(self) -> bool: ...


class When:
    """It is ``over`` when a function says so."""

    def __init__(self, says_so: Callable[[], bool]) -> None:
        self._says_so = says_so

    @property
    def over(self) -> bool:
        return self._says_so()


class Runner:
    """Runs the loop on the thread that calls ``run``, and lets no other thread run it.

    Other threads call everything but ``run`` and ``close``. ``on_interruption`` is called in the
    loop after an exception has cut a turn short: how far that turn had come is unknown.
    """

    def __init__(self, loop: Loop, *, on_interruption: Callable[[], None]) -> None:
        #: True once the loop is to end: nothing runs it any more, but to close it.
        self.stopping = False
        self.closed = False
        self._loop = loop
        self._on_interruption = on_interruption

    def run(self) -> None:
        """Run the loop on the calling thread, the reactor thread, until it is ``stopping``.

        An error of a turn does not end it.
        """
        while not self.stopping:
            try:
                self._run()
            except Exception as error:  # noqa: BLE001  (without this thread nothing would connect again)
                report_bug(error, "a turn")
                time.sleep(RECOVERY_SECONDS)

    def _run(self) -> None:
        while not self.stopping:
            self._run_turn(None)

    def _run_turn(self, timeout: float | None) -> bool:
        """One turn of the reactor thread. True if the loop looked at its sockets."""
        loop = self._loop
        try:
            return loop.run_once(timeout)
        except Exception:
            if loop.busy:
                loop.busy = False
                loop.calls.append(self._on_interruption)
            raise

    def run_once(self, timeout: float | None) -> None:
        """One turn on the calling thread, for a loop that has no thread of its own."""
        self._loop.run_once(timeout)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn. Calls keep their order."""
        self._loop.call_soon(function)

    def call_lazily(self, function: Callable[[], None]) -> None:
        """Call the function in a later turn.

        It is urgent only once a thread comes to ``lead``, or to ``expect``.
        """
        self._loop.call_soon(function)

    def call_here(self, function: Callable[[], None]) -> None:
        """Call the function in the next turn.

        On the calling thread, and now, if that thread can lead.
        """
        self._loop.call_soon(function)

    def expect(self, awaited: Awaited) -> None:
        """A caller waits until it is ``over``, and does not run the loop itself."""

    def expect_end(self) -> None:
        """A caller waits until the loop is to end."""
        self.expect(When(lambda: self.stopping))

    def may_poll(self) -> bool:
        """True if a thread with an event loop is to ``poll``."""
        return False

    def poll(self, awaited: Awaited) -> None:
        """Look for a reply for a moment."""

    def lead(
        self,
        awaited: Awaited | None,  # noqa: ARG002  (those of a Leader)
        timeout: float | None,  # noqa: ARG002
        *,
        patience: float = 0.0,  # noqa: ARG002
        guest: bool = False,  # noqa: ARG002
        sleepless: bool = False,  # noqa: ARG002
    ) -> bool:
        """Run the loop on the calling thread until ``awaited`` is over.

        False if the thread has to wait instead.
        """
        return False

    def close(self) -> None:
        """Make the calls that are left, and end. A call that comes later is never made."""
        self.closed = True
        self._loop.close()

    def abandon(self) -> None:
        """End without a word: the loop is another process's."""
        self.stopping = True
        self._loop.abandon()
