"""How long receivers take: which of them is slow now, and, for metrics, how long each call took.

Times are kept by name: a function made for one answer holds on to whatever its author had at hand.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.core.metering import Durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BOUNDS_SECONDS", "ReceiverTimes"]

logger = get_logger(__name__)

#: A slow receiver is named at most once in so many seconds.
REPORT_INTERVAL_SECONDS: Final = 10.0
#: From how many seconds on a running call counts as the slowest, before all sums of others.
_LONG_SECONDS: Final = 1.0
#: How long a window is. Times are summed up over this window and the one before it, to find the
#: receiver that is slow now, not the one that has been at work for weeks.
_WINDOW_SECONDS: Final = 10.0
_MAX_RECEIVERS: Final = 1000
_NEVER: Final = float("inf")
BOUNDS_SECONDS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class ReceiverTimes:
    """The times of the calls of receivers, on one thread, and on those beside it.

    A call that took ``least`` seconds or more is to be told to ``look_at``, and another one to be
    counted in ``quick``, if that is there. All may be added to ``seconds``. To do so directly is
    quicker than ``took``.
    """

    def __init__(self) -> None:
        #: Seconds. Under leases it is their clock, which then need not be read beside this one.
        self.clock = time.monotonic
        self.slow_calls: Counter[str] = Counter()
        #: The calls of this thread, those of this window without ``quick`` and ``seconds``. None:
        #: nobody wants to know.
        self._sums: Durations | None = None
        #: By name, in this window. These two stay the same objects, so that a batch may keep them.
        self.seconds: defaultdict[str, float] = defaultdict(float)
        #: How many calls took less than ``least``, by name, in this window; None: nobody counts.
        self.quick: defaultdict[str, int] | None = None
        self.least = self._least_slow = _NEVER
        self._thresholds: Mapping[str, float] = {}
        self.seconds_before: defaultdict[str, float] = defaultdict(float)
        self._window_began = self._window_before_began = self.clock()
        self._reported: dict[str, float] = {}
        self._lock = threading.Lock()
        self._beside: list[ReceiverTimes] = []

    def beside(self) -> ReceiverTimes:
        """Those of another thread: its seconds are its own, and all counts are one."""
        other = ReceiverTimes()
        other.clock = self.clock
        other.slow_calls, other._reported = self.slow_calls, self._reported
        other._lock = self._lock
        if self._sums is not None:
            other.measure()
        other.thresholds = self._thresholds
        self._beside.append(other)
        return other

    def alone(self) -> None:
        """The threads beside this one have ended."""
        with self._lock:
            for other in self._beside:
                if self._sums is not None:
                    other.add_to(self._sums)
            self._beside.clear()

    @property
    def thresholds(self) -> Mapping[str, float]:
        """From how many seconds on a call is slow, by server."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, seconds: Mapping[str, float]) -> None:
        self._thresholds = seconds
        self._least_slow = min(seconds.values(), default=_NEVER)
        self._choose_least()
        for other in self._beside:
            other.thresholds = seconds

    def measure(self) -> None:
        """Keep the ``durations`` from now on."""
        if self._sums is None:
            self._open_window(self.clock())
            self._sums, self.quick = Durations(BOUNDS_SECONDS), defaultdict(int)
            self._choose_least()
            for one in self._beside:
                one.measure()

    def _choose_least(self) -> None:
        counted = _NEVER if self._sums is None else BOUNDS_SECONDS[0]
        self.least = min(self._least_slow, counted)

    @property
    def durations(self) -> Durations | None:
        """How long the calls of each receiver took; None if nobody wanted to know. Any thread."""
        if self._sums is None:
            return None
        whole = Durations(BOUNDS_SECONDS)
        with self._lock:
            for one in (self, *self._beside):
                one.add_to(whole)
        return whole

    def add_to(self, whole: Durations) -> None:
        """Add the calls of this thread alone."""
        for name, histogram in list((self._sums or {}).items()):
            whole[name].add(histogram)
        self._add_window_to(whole)

    def _add_window_to(self, whole: Durations) -> None:
        for name, seconds in list(self.seconds.items()):
            if name:
                whole[name].total += seconds
        for name, count in list((self.quick or {}).items()):
            if name:
                whole[name].counts[0] += count

    def begin_window(self, now: float) -> None:
        """Begin to count anew, if it is time, or there are too many names."""
        if now >= self._window_began + _WINDOW_SECONDS or len(self.seconds) > _MAX_RECEIVERS:
            with self._lock:
                self._open_window(now)

    def _open_window(self, now: float) -> None:
        if self._sums is not None:
            self._add_window_to(self._sums)
        self.seconds_before = self.seconds.copy()
        self.seconds.clear()
        if self.quick is not None:
            self.quick.clear()
        self._window_before_began, self._window_began = self._window_began, now

    def took(self, name: str, server: str, seconds: float) -> None:
        """A receiver of that name took so long; the ``server`` is "" if it was for none."""
        self.begin_window(self.clock())
        self.seconds[name] += seconds
        if seconds >= self.least:
            self.look_at(name, server, seconds)
        elif self.quick is not None:
            self.quick[name] += 1

    def look_at(self, name: str, server: str, seconds: float) -> None:
        """Count a call that is not quick; if it is slow, tell it."""
        if self._sums is not None:
            self._sums[name].counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        if seconds < self._thresholds.get(server, self._least_slow):
            return
        now = self.clock()
        with self._lock:
            self.slow_calls[name] += 1
            tell = now - self._reported.get(name, -_NEVER) >= REPORT_INTERVAL_SECONDS
            if tell:
                self._reported[name] = now
        if tell:
            logger.warning(
                (
                    "%s: the receiver %s took %.2f s (option slow_receiver_threshold); the next "
                    "events wait meanwhile."
                ),
                server or "a completed action",
                name,
                seconds,
                extra={
                    "receiver": name,
                    "seconds": round(seconds, 2),
                    **({"server": server} if server else {}),
                },
            )

    def slowest(self, running: Iterable[tuple[str, float]]) -> str:
        """The receiver that takes most of the time, in words; empty if none has taken any.

        ``running`` are those that run, and for how many seconds. Safe from any thread.
        """
        now, longest = self.clock(), ("", 0.0)
        spent: defaultdict[str, float] = defaultdict(float)
        for one in (self, *self._beside):
            for seconds in (one.seconds_before, one.seconds):
                for name, some in list(seconds.items()):
                    spent[name] += some if name else 0.0
        for name, so_far in running:
            longest = max(longest, (name, so_far), key=itemgetter(1))
            spent[name] += so_far
        if longest[1] >= _LONG_SECONDS:
            return f"{longest[0]}, which has been running for {longest[1]:.1f} s"
        name, most = max(spent.items(), key=itemgetter(1), default=("", 0.0))
        window = now - self._window_before_began
        return f"{name}, {most:.1f} s of the last {window:.1f} s" if name else ""
