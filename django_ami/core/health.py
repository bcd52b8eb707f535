"""Whether a server is alive, and when to try again: pure, ``now`` is an argument.

Rule: no wait without an end, and no server is hammered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff", "CircuitBreaker", "Heartbeat"]

#: Full jitter can draw nearly nothing; a pause this short still is one.
_LEAST_DELAY = 0.05


class Heartbeat:
    """When to Ping, and when a silent server is lost.

    The server sends nothing by itself (there is no keep-alive in main/manager.c), and it is mute while it runs an
    action of ours; so a silence counts only from ``busy_until`` on, the deadline of the action that it may be running.
    """

    def __init__(self, interval: float, read_timeout: float, now: float) -> None:
        # A Ping has to be out, and answered, before the silence counts as a loss, whatever the settings say.
        self.interval = min(interval, read_timeout / 2)
        self.read_timeout = read_timeout
        self.last_received = now
        self._pinged = False

    def received(self, now: float) -> None:
        """Something arrived."""
        self.last_received = now
        self._pinged = False

    def pinged(self) -> None:
        """A Ping is on its way: the next one only after something arrived."""
        self._pinged = True

    def ping_due(self, now: float) -> bool:
        return not self._pinged and now >= self.last_received + self.interval

    def lost(self, now: float, busy_until: float | None = None) -> bool:
        return now >= self._lost_at(busy_until)

    def next_deadline(self, busy_until: Callable[[], float | None] = lambda: None) -> float:
        """When to ask again. Whether the server is busy matters only when it has not answered a Ping."""
        return self._lost_at(busy_until()) if self._pinged else self.last_received + self.interval

    def _lost_at(self, busy_until: float | None) -> float:
        lost_at = self.last_received + self.read_timeout
        return lost_at if busy_until is None else max(lost_at, busy_until)


@dataclass
class Backoff:
    """How long to wait before the next attempt: exponential, with full jitter, so that not all come back at once."""

    initial: float
    most: float
    random: Random = field(default_factory=Random)
    attempts: int = 0

    def next_delay(self) -> float:
        """Seconds until the next attempt; the more attempts failed, the longer."""
        ceiling = min(self.most, self.initial * 2.0 ** min(self.attempts, 60))
        self.attempts += 1
        return self.random.uniform(min(_LEAST_DELAY, ceiling), ceiling)

    def reset(self) -> None:
        """The connection was stable: begin anew."""
        self.attempts = 0


@dataclass
class CircuitBreaker:
    """Open after ``threshold`` failures in a row: then actions fail at once instead of waiting for the next attempt."""

    threshold: int
    failures: int = 0

    @property
    def open(self) -> bool:
        return self.failures >= self.threshold

    def failed(self) -> None:
        self.failures += 1

    def succeeded(self) -> None:
        self.failures = 0
