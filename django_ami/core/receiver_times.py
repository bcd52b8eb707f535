"""How long receivers take: which of them is slow now, and, for metrics, how long each call took.

Times are kept by name: a function made for one answer holds on to whatever its author had at hand.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.core.metering import Durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MOST_NOTED", "ReceiverTimes"]

logger = get_logger(__name__)

#: A slow receiver is named at most once in so many seconds.
REPORT_INTERVAL_SECONDS: Final = 10.0
#: From how many seconds on a running call counts as the slowest, before all sums of others.
_LONG_SECONDS: Final = 1.0
#: How long a window is. Times are summed up over this window and the one before it, to find the
#: receiver that is slow now, not the one that has been at work for weeks.
_WINDOW_SECONDS: Final = 10.0
_MAX_RECEIVERS: Final = 1000
#: The most calls that are noted until they are summed up.
MOST_NOTED: Final = 512
_NEVER: Final = float("inf")
_BOUNDS_SECONDS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class ReceiverTimes:
    """The times of the calls of receivers, on one thread, and on those beside it.

    A call that took ``least`` seconds or more is to be told to ``look_at``. All may be added to
    ``seconds`` and ``noted`` directly, which is quicker than ``took``.
    """

    def __init__(self) -> None:
        self.slow_calls: Counter[str] = Counter()
        #: The ``durations`` without what is noted; None: nobody wants to know.
        self.sums: Durations | None = None
        #: Names and seconds of calls that ``sum_up`` adds to the sums; None as above.
        self.noted: list[tuple[str, float]] | None = None
        #: By name, in this window.
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.least = _NEVER
        self._thresholds: Mapping[str, float] = {}
        self.seconds_before: defaultdict[str, float] = defaultdict(float)
        self._window_began = self._window_before_began = time.monotonic()
        self._reported: dict[str, float] = {}
        self._slow_lock = threading.Lock()
        self._beside: list[ReceiverTimes] = []

    def beside(self) -> ReceiverTimes:
        """Those of another thread: its seconds are its own, and all counts are one."""
        other = ReceiverTimes()
        other.slow_calls, other._reported = self.slow_calls, self._reported
        other._slow_lock = self._slow_lock
        if self.sums is not None:
            other.sums, other.noted = self.sums, []
        other.thresholds = self._thresholds
        self._beside.append(other)
        return other

    def alone(self) -> None:
        """The threads beside this one have ended."""
        self._beside.clear()

    @property
    def thresholds(self) -> Mapping[str, float]:
        """From how many seconds on a call is slow, by server."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, seconds: Mapping[str, float]) -> None:
        self._thresholds = seconds
        self.least = min(seconds.values(), default=_NEVER)
        for other in self._beside:
            other.thresholds = seconds

    def measure(self) -> None:
        """Keep the ``durations`` from now on."""
        if self.sums is None:
            sums = Durations(_BOUNDS_SECONDS)
            for one in (self, *self._beside):
                one.sums, one.noted = sums, []

    @property
    def durations(self) -> Durations | None:
        """How long the calls of each receiver took; None if nobody wanted to know. Any thread."""
        for one in (self, *self._beside):
            one.sum_up()
        return self.sums

    def begin_window(self, now: float) -> None:
        """Begin to count anew, if it is time, or there are too many names."""
        if now >= self._window_began + _WINDOW_SECONDS or len(self.seconds) > _MAX_RECEIVERS:
            self.seconds_before, self.seconds = self.seconds, defaultdict(float)
            self._window_before_began, self._window_began = self._window_began, now

    def took(self, name: str, server: str, seconds: float) -> None:
        """A receiver of that name took so long; the ``server`` is "" if it was for none."""
        self.begin_window(time.monotonic())
        self.seconds[name] += seconds
        if self.noted is not None:
            self.noted.append((name, seconds))
        if seconds >= self.least:
            self.look_at(name, server, seconds)

    def sum_up(self) -> None:
        """Add what was ``noted`` to the sums: many calls at once cost a third. Any thread."""
        noted, sums = self.noted, self.sums
        if not noted or sums is None:
            return
        by_name: defaultdict[str, list[float]] = defaultdict(list)
        with self._slow_lock:
            some = noted[:]
            del noted[: len(some)]  # the thread of the receivers may add others meanwhile
            for name, seconds in some:
                by_name[name].append(seconds)
            for name, all_seconds in by_name.items():
                if name:
                    sums[name].observe_all(all_seconds)

    def look_at(self, name: str, server: str, seconds: float) -> None:
        """A call may be slow: if it is, count and tell it."""
        if seconds < self._thresholds.get(server, self.least):
            return
        now = time.monotonic()
        with self._slow_lock:
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

        ``running`` are those that run, and since when, by ``time.monotonic``. Safe from any thread.
        """
        now, longest = time.monotonic(), ("", 0.0)
        spent: defaultdict[str, float] = defaultdict(float)
        for one in (self, *self._beside):
            for seconds in (one.seconds_before, one.seconds):
                for name, some in list(seconds.items()):
                    spent[name] += some if name else 0.0
        for name, since in running:
            longest = max(longest, (name, now - since), key=itemgetter(1))
            spent[name] += now - since
        if longest[1] >= _LONG_SECONDS:
            return f"{longest[0]}, which has been running for {longest[1]:.1f} s"
        name, most = max(spent.items(), key=itemgetter(1), default=("", 0.0))
        window = now - self._window_before_began
        return f"{name}, {most:.1f} s of the last {window:.1f} s" if name else ""
