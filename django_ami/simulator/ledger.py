"""Counts everything that happens, in the server's thread.

Any other thread reads the counts and waits for them.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.simulator.requests import ReceivedAction

__all__ = ["Ledger", "SessionInfo"]

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One connection, as it was when you asked."""

    number: int
    peer: tuple[str, int]
    user: str
    logged_in: bool
    mask: int
    """Bits of the classes whose events it gets: ``Events`` and ``read=`` together."""
    events_sent: int


class Ledger:
    """Counters and the received actions, the newest ``keep`` of them."""

    def __init__(self, keep: int) -> None:
        self.connections = 0
        self.login_attempts = 0
        self.logins = 0
        self.logoffs = 0
        self.events_sent = 0
        self.actions_received = 0
        self._received: deque[ReceivedAction] = deque(maxlen=keep)
        self._changed = threading.Condition()

    def count(self, what: str, by: int = 1) -> None:
        """Add to a counter and wake those who wait."""
        with self._changed:
            setattr(self, what, getattr(self, what) + by)
            self._changed.notify_all()

    def note(self, action: ReceivedAction) -> None:
        """Keep a received action."""
        with self._changed:
            self.actions_received += 1
            self._received.append(action)
            self._changed.notify_all()

    def touch(self) -> None:
        """Something else changed that somebody may wait for."""
        with self._changed:
            self._changed.notify_all()

    @property
    def received(self) -> tuple[ReceivedAction, ...]:
        """Every action so far."""
        with self._changed:
            return tuple(self._received)

    def clear(self) -> None:
        """Forget the received actions."""
        with self._changed:
            self._received.clear()

    def wait_for(self, predicate: Callable[[], object], timeout: float, what: str) -> None:
        """Return as soon as ``predicate()`` is true; TimeoutError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not predicate():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"not within {timeout:g} s: {what or _describe(predicate)} ({self._summary()})"
                )
            with self._changed:
                # The poll is for predicates about things that are not ours, and for the gap before
                # the lock.
                self._changed.wait(min(left, _POLL_SECONDS))

    def _summary(self) -> str:
        names = ", ".join(action.name or "?" for action in self.received[-8:]) or "nothing"
        return (
            f"connections={self.connections} logins={self.logins} of {self.login_attempts} "
            f"events_sent={self.events_sent} received: {names}"
        )


def _describe(predicate: Callable[[], object]) -> str:
    try:
        return " ".join(inspect.getsource(predicate).split())
    except (OSError, TypeError):
        return repr(predicate)
