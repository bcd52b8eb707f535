"""Whether a server is alive, and when to try again: pure, ``now`` is an argument.

Rule: no wait without an end, and no server is hammered.
"""

from __future__ import annotations

from math import inf
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backoff", "CircuitBreaker", "Heartbeat"]

#: The shortest pause: full jitter can draw nearly nothing.
_LEAST_DELAY_SECONDS: Final = 0.05
#: A pause is no longer than this share of the outage so far: a link that heals is found in half of
#: that on average.
_SHARE_OF_OUTAGE: Final = 0.25
#: How many bytes behind a Ping give the server a second more to answer it: a busy Asterisk writes
#: forty times as much, and one that has nothing to write looks for actions.
_FLOOD_BYTES_PER_SECOND: Final = 100_000


class Heartbeat:
    """When to Ping, and when a server is lost: none is, unless a Ping of ours was not answered.

    The server sends nothing by itself (there is no keep-alive in main/manager.c), and it is mute
    while it runs an action of ours; so ``busy_until``, the deadline of the action that it may be
    running, puts everything off. A server that only talks, and answers nothing, is lost as one that
    is silent. But one that has more events to write than it can write reads no action meanwhile
    (process_events in main/manager.c goes on to the end of its queue): bytes behind a Ping give it
    time to answer.

    The reader of the connection writes down what it hears: ``last_received`` is the time of the
    last message, ``received_bytes`` counts the bytes of all messages. ``last_answer`` is the time
    of the last answer to an action of ours, a refusal too, and ``answers`` counts them: an answer
    shows that the server reads what we send.
    """

    def __init__(self, interval: float, read_timeout: float, now: float) -> None:
        # A Ping has to be out, and answered, before the silence counts as a loss, whatever the
        # settings say.
        self.interval = min(interval, read_timeout / 2)
        self.read_timeout = read_timeout
        self.last_received = self.last_answer = now
        self.received_bytes = self.answers = 0
        self._pinged_at = 0.0
        self._bytes_at_ping = 0
        #: How many answers there were at the last Ping, and when the server was last excused. As
        #: long as there are no more, that Ping is not answered, and the excuse counts.
        self._answers_at_ping = self._answers_at_excuse = -1

    def pinged(self, now: float) -> None:
        """A Ping is on its way: the next one only after an answer."""
        self._pinged_at = now
        self._bytes_at_ping = self.received_bytes
        self._answers_at_ping = self.answers

    @property
    def _is_asked(self) -> bool:
        """A Ping is not answered yet."""
        return self._answers_at_ping == self.answers

    @property
    def _is_excused(self) -> bool:
        return self._answers_at_excuse == self.answers

    def excuse(self, now: float) -> None:
        """Begin to count anew: the server has been busy, as is seen. Once until it answers."""
        if not self._is_excused:
            self._answers_at_excuse = self.answers
            self.last_received = self._pinged_at = now

    def overslept(self) -> None:
        """This process was stopped, or had no time: ask once more before anything is lost.

        Once until an answer.
        """
        if self._is_asked and not self._is_excused:
            self._answers_at_excuse = self.answers
            self._answers_at_ping = -1

    def patience(self, now: float) -> float:
        """How long a Ping that leaves now may take, in seconds, if nothing else comes."""
        return max(self.last_received + self.read_timeout - now, self.read_timeout / 2)

    def ping_due(self, now: float) -> bool:
        return not self._is_asked and now >= self.last_answer + self.interval

    def lost(self, now: float, busy_until: float | None = None) -> bool:
        return self._is_asked and now >= self._lost_at(busy_until)

    def next_deadline(self, busy_until: Callable[[], float | None] = lambda: None) -> float:
        """When to ask again.

        Whether the server is busy matters only when it has not answered a Ping.
        """
        return self._lost_at(busy_until()) if self._is_asked else self.last_answer + self.interval

    def _lost_at(self, busy_until: float | None) -> float:
        pinged_at, behind_ping = self._pinged_at, self.received_bytes - self._bytes_at_ping
        silent = max(self.last_received + self.read_timeout, pinged_at + self.read_timeout / 2)
        unanswered = pinged_at + self.read_timeout + behind_ping / _FLOOD_BYTES_PER_SECOND
        lost_at = min(silent, unanswered)
        return lost_at if busy_until is None else max(lost_at, busy_until)


class Backoff:
    """How long to wait before the next attempt: a share of the outage so far, with full jitter.

    So a short outage costs little, however often it comes: a server that is back after four seconds
    is found within one more. ``initial`` is the longest first pause, ``most`` that of any, both in
    seconds. A connection that was ready for ``stable_after`` seconds ends the outage; a shorter one
    makes good for as many seconds of it as it was ready. So a server that drops us as soon as we
    are logged in is asked more and more rarely, and a link that is mostly up is not. Jitter, so
    that not all come back at once.
    """

    def __init__(
        self, initial: float, most: float, stable_after: float = 0.0, random: Random | None = None
    ) -> None:
        self.initial = initial
        self.most = most
        self.stable_after = stable_after
        self.random = random or Random()  # noqa: S311  (for no secret)
        self._down_since: float | None = None

    def next_delay(self, now: float) -> float:
        """Seconds until the next attempt: it is down now."""
        if self._down_since is None:
            self._down_since = now
        ceiling = min(self.most, max(self.initial, _SHARE_OF_OUTAGE * (now - self._down_since)))
        return self.random.uniform(min(_LEAST_DELAY_SECONDS, ceiling), ceiling)

    def was_ready(self, seconds: float, now: float) -> None:
        """It was ready for so long until now."""
        if self._down_since is None:
            return
        longest = self.most / _SHARE_OF_OUTAGE  # a longer outage makes no difference
        left = min(now - seconds - self._down_since, longest) - seconds
        self._down_since = None if seconds >= self.stable_after or left <= 0 else now - left

    def reset(self) -> None:
        """Forget the outage and begin anew."""
        self._down_since = None

    def long_delay(self, seconds: float) -> float:
        """The pause before an attempt that will probably fail.

        It is ``seconds``, and up to half as long again.
        """
        return self.random.uniform(seconds, 1.5 * seconds)


class CircuitBreaker:
    """Open after ``threshold`` failures in a row.

    Then actions fail at once instead of waiting for the next attempt.

    Failures that come within ``apart`` seconds of each other count once: it is the time of the
    outage that tells.
    """

    def __init__(self, threshold: int, apart: float = 0.0) -> None:
        self.threshold = threshold
        self.apart = apart
        self.failures = 0
        self._counted = 0
        self._counted_at = -inf

    @property
    def open(self) -> bool:
        return self._counted >= self.threshold

    def failed(self, now: float) -> None:
        self.failures += 1
        if now - self._counted_at >= self.apart:
            self._counted += 1
            self._counted_at = now

    def succeeded(self) -> None:
        self.failures = self._counted = 0
        self._counted_at = -inf
