"""Sums since the start and since midnight: the counts of a queue, and an agent's time.

Pure. Midnight is the server's. The sums of yesterday are forgotten when something of today is
counted or asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.figures import Counts, occupancy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.live.day import Day

__all__ = ["DayCounts", "Occupation", "Stopwatch"]


class DayCounts:
    """The counts of a queue."""

    __slots__ = ("_day", "_number", "_today", "total")

    def __init__(self, day: Day) -> None:
        self._day = day
        self._number: int | None = None
        self._today = Counts()
        #: Since the tracker began.
        self.total = Counts()

    def today(self, now: float) -> Counts:
        """Since midnight."""
        return self._today if self._day.number(now) == self._number else Counts()

    def of(self, joined: float, now: float) -> tuple[Counts, ...]:
        """Where a call that joined then is counted: on the day on which it joined."""
        number = self._day.number(now)
        if number != self._number:
            self._number, self._today = number, Counts()
        return (self.total, self._today) if self._day.number(joined) == number else (self.total,)


class Stopwatch:
    """For how many seconds something was on: since the start, and since midnight."""

    __slots__ = ("_midnight", "_today", "total")

    def __init__(self) -> None:
        self.total = self._today = 0.0
        self._midnight = 0.0

    def add(self, begin: float, end: float, midnight: float) -> None:
        """It was on from ``begin`` to ``end``; an interval is cut at midnight."""
        self._today = self.today(midnight) + max(0.0, end - max(begin, midnight))
        self._midnight = midnight
        self.total += max(0.0, end - begin)

    def today(self, midnight: float) -> float:
        """Since that midnight, which is the last one."""
        return self._today if midnight == self._midnight else 0.0


#: States of an agent that occupancy tells apart; they exclude one another.
TALK: Final = "talk"
WRAP_UP: Final = "wrapup"
PAUSE: Final = "pause"
IDLE: Final = "idle"


class Occupation:
    """For how long an agent talks, wraps up, pauses and waits for calls, while it is logged in.

    Talks are those of queues, holds included. A talk or a wrap-up is no part of a pause.
    """

    __slots__ = ("_at", "_day", "_doing", "_until", "_watches")

    def __init__(self, day: Day, now: float) -> None:
        self._day = day
        self._watches = {name: Stopwatch() for name in (TALK, WRAP_UP, PAUSE, IDLE)}
        #: Its state, since when, and the end of its wrap-up; None: it is not logged in.
        self._doing: str | None = None
        self._at = now
        self._until = now

    def turn_to(self, now: float, doing: str | None, *, wrapup_until: float = 0.0) -> None:
        """From now on it does something else; ``None``: it is logged out.

        A wrap-up that is not over counts before a pause and before waiting, and ends by itself.
        """
        midnight = self._day.begin(now)
        for name, begin, end in self._since_then(now):
            self._watches[name].add(begin, end, midnight)
        self._at, self._doing, self._until = now, doing, wrapup_until

    def seconds(self, now: float, *, today: bool) -> dict[str, float]:
        """For how many seconds it did each of these things, up to now."""
        midnight = self._day.begin(now)
        watches = self._watches.items()
        found = {name: one.today(midnight) if today else one.total for name, one in watches}
        for name, begin, end in self._since_then(now):
            found[name] += max(0.0, end - (max(begin, midnight) if today else begin))
        return found

    def occupancy(self, now: float, *, today: bool) -> float | None:
        """See ``figures.occupancy``."""
        spent = self.seconds(now, today=today)
        login = sum(spent.values())
        return occupancy(spent[TALK], spent[WRAP_UP], login, spent[PAUSE])

    def _since_then(self, now: float) -> Iterator[tuple[str, float, float]]:
        """The intervals that are not counted yet, each with its state."""
        begin, doing = self._at, self._doing
        if doing is None or now <= begin:
            return
        if doing != TALK and self._until > begin:
            over = min(self._until, now)
            yield WRAP_UP, begin, over
            begin = over
        yield doing, begin, now
