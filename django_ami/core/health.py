"""Whether a server is alive, and when to try again: pure, ``now`` is an argument.

Rule: no wait without an end, and no server is hammered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff", "CircuitBreaker", "Heartbeat"]

#: Full jitter can draw nearly nothing; a pause this short still is one.
_LEAST_DELAY = 0.05
#: Bytes per second. So many that come behind a Ping give the server a second more to answer it: a busy Asterisk writes
#: forty times as much, and one that has nothing to write looks for actions.
_FLOOD_BYTES_PER_SECOND: Final = 100_000


class Heartbeat:
    """When to Ping, and when a server is lost: none is, unless a Ping of ours was not answered.

    The server sends nothing by itself (there is no keep-alive in main/manager.c), and it is mute while it runs an
    action of ours; so ``busy_until``, the deadline of the action that it may be running, puts everything off. A server
    that only talks, and answers nothing, is lost as one that is silent. But one that has more events to write than it
    can write reads no action meanwhile (process_events in main/manager.c goes on to the end of its queue): what comes
    behind a Ping gives it time to answer.
    """

    def __init__(self, interval: float, read_timeout: float, now: float) -> None:
        # A Ping has to be out, and answered, before the silence counts as a loss, whatever the settings say.
        self.interval = min(interval, read_timeout / 2)
        self.read_timeout = read_timeout
        self.last_received = now
        self._last_answer = now
        self._pinged_at: float | None = None
        self._excused = False
        self._size = 0

    def received(self, now: float, size: int = 0) -> None:
        """A whole message arrived, with so many bytes."""
        self.last_received = now
        self._size += size

    def answered(self, now: float) -> None:
        """An answer to an action of ours arrived, a refusal too: the server reads what we send."""
        self.last_received = self._last_answer = now
        self._pinged_at = None
        self._excused = False

    def pinged(self, now: float) -> None:
        """A Ping is on its way: the next one only after an answer."""
        self._pinged_at = now
        self._size = 0

    def excuse(self, now: float) -> None:
        """Begin to count anew: the server has been busy, as is seen. Once until it answers."""
        if not self._excused:
            self._excused = True
            self.last_received = now
            if self._pinged_at is not None:
                self._pinged_at = now

    def overslept(self) -> None:
        """This process was stopped, or had no time: ask once more before anything is lost. Once until an answer."""
        if not self._excused and self._pinged_at is not None:
            self._excused = True
            self._pinged_at = None

    def patience(self, now: float) -> float:
        """How long a Ping that leaves now may take, in seconds, if nothing else comes."""
        return max(self.last_received + self.read_timeout - now, self.read_timeout / 2)

    def ping_due(self, now: float) -> bool:
        return self._pinged_at is None and now >= self._last_answer + self.interval

    def lost(self, now: float, busy_until: float | None = None) -> bool:
        return self._pinged_at is not None and now >= self._lost_at(self._pinged_at, busy_until)

    def next_deadline(self, busy_until: Callable[[], float | None] = lambda: None) -> float:
        """When to ask again. Whether the server is busy matters only when it has not answered a Ping."""
        pinged_at = self._pinged_at
        return self._last_answer + self.interval if pinged_at is None else self._lost_at(pinged_at, busy_until())

    def _lost_at(self, pinged_at: float, busy_until: float | None) -> float:
        silent = max(self.last_received + self.read_timeout, pinged_at + self.read_timeout / 2)
        unanswered = pinged_at + self.read_timeout + self._size / _FLOOD_BYTES_PER_SECOND
        lost_at = min(silent, unanswered)
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
