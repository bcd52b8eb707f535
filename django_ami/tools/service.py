"""A worker as a service: systemd knows that it is ready, how it is, and whether it makes progress.

Rule: a ping leaves only if the event loop has turned, and the receivers have moved, since the last
look. Looking waits for nothing.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.tools.notify import ServiceManager
from django_ami.tools.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.dispatch import Dispatcher

__all__ = ["Service"]

logger = get_logger(__name__)

#: The number of looks in the time after which systemd kills.
_LOOKS: Final = 4
#: It looks at least so often, also for the line of ``systemctl status``.
_LONGEST_PAUSE_SECONDS: Final = 5.0
#: ``systemctl status`` shows one line: the most servers of a state that it names.
_MOST_NAMES: Final = 10


class Service:
    """Tells the service manager of a run; does nothing where none listens.

    ``call_at`` calls a function on a thread that nothing holds up, at a time of ``time.monotonic``.
    """

    def __init__(
        self,
        client: Client,
        dispatcher: Dispatcher,
        call_at: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self._manager = ServiceManager()
        self._client = client
        self._dispatcher = dispatcher
        self._call_at = call_at
        kill_after = self._manager.watchdog_seconds
        self._pause_seconds = _LONGEST_PAUSE_SECONDS
        if kill_after is not None:
            self._pause_seconds = min(kill_after / _LOOKS, _LONGEST_PAUSE_SECONDS)
        self._progress = Progress(client)
        self._told_of_standstill = self._stopping = False

    def begin(self) -> None:
        """The run has begun: whether its servers can be reached is no part of that."""
        if self._manager.listens:
            self._manager.tell(READY="1", STATUS="started")
            self._look()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Settings are read again meanwhile."""
        self._manager.tell(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))
        try:
            yield
        finally:
            self._manager.tell(READY="1")

    def stop(self, longest_seconds: float) -> None:
        """The run ends, within so long: its own deadlines see to that, and no more to progress."""
        self._stopping = True
        self._manager.tell(
            STOPPING="1",
            STATUS="stopping: what was read is delivered",
            EXTEND_TIMEOUT_USEC=str(int(longest_seconds * 1_000_000)),
        )

    # --- on the watchdog's thread ---

    def _look(self) -> None:
        self._call_at(time.monotonic() + self._pause_seconds, self._look)
        standstill = self._progress.standstill_seconds()
        if self._manager.watchdog_seconds is not None:
            if standstill == 0 or self._stopping:
                self._told_of_standstill = False
                self._manager.tell(WATCHDOG="1")
            else:
                self._tell_of_standstill(standstill, self._manager.watchdog_seconds)
        if standstill == 0 and not self._stopping:
            self._client.inbox.when_taken(self._show)

    def _tell_of_standstill(self, seconds: float, kill_after: float) -> None:
        if self._told_of_standstill or seconds < kill_after / 2:
            return
        self._told_of_standstill = True
        receivers = self._client.receivers
        # While a receiver runs, another thread may be about to take the loop over.
        by_receivers = receivers.running is not None or self._progress.loop_turns
        logger.error(
            "No progress for %.1f s: %s. systemd is not told that this process lives, and will "
            "end it after %g s (WatchdogSec).",
            seconds,
            f"the receivers stand still ({receivers.slowest()})"
            if by_receivers
            else "the event loop is held",
            kill_after,
        )

    # --- on the thread of the receivers ---

    def _show(self) -> None:
        if not self._stopping:
            self._manager.tell(STATUS=self._status())

    def _status(self) -> str:
        """The servers, by their state."""
        names: dict[str, list[str]] = {}
        for name, status in self._client.status().items():
            stands_by = status.ready and not self._dispatcher.serves(name)
            names.setdefault("standing by" if stands_by else status.state, []).append(name)
        return "; ".join(f"{state}: {_some(of)}" for state, of in names.items())


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
