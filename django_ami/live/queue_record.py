"""One queue as it is now: its callers in their order, and its counts.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.counting import DayCounts
from django_ami.live.curves import DayCurve
from django_ami.live.members import per_queue
from django_ami.live.queue_views import Queue
from django_ami.live.snapshots import VisitResult
from django_ami.live.traffic import Traffic

if TYPE_CHECKING:
    from django_ami.live.day import Day
    from django_ami.live.options import Options
    from django_ami.live.queue_talks import Talk
    from django_ami.live.visits import Visit

__all__ = ["QueueRecord"]

#: T of the service level where a setting names other queues only.
_SERVICE_LEVEL_SECONDS: Final = 20.0
#: The ways out whose waits are part of the average wait.
_WAITED: Final = frozenset(
    {VisitResult.LEAVE_EMPTY, VisitResult.LEAVE_UNAVAILABLE, VisitResult.TIMEOUT}
)


class QueueRecord:
    """One queue. ``line`` are its callers in their order, ``waiting`` the same ones by age."""

    __slots__ = (
        "_options", "curve", "heard", "line", "name", "service_level_told", "sums", "traffic",
        "waiting",
    )  # fmt: skip

    def __init__(self, name: str, options: Options, day: Day, now: float) -> None:
        self._options = options
        self.name = name
        self.line: list[Visit] = []
        self.waiting: dict[str, Visit] = {}
        self.sums = DayCounts(day)
        self.curve = DayCurve(day)
        self.traffic = Traffic()
        #: ``servicelevel`` of queues.conf; 0 if it is not set.
        self.service_level_told = 0.0
        #: When something was heard of it last: the moment of its snapshot.
        self.heard = now

    # --- callers ---

    def enter(self, visit: Visit, count: int = 0) -> None:
        """The caller waits, at its position; at the end if that is not known.

        ``count`` is how many wait, as the server tells. The last of them is the last here, too,
        though some may still be in the line whom the server has let go without an event.
        """
        self.waiting[visit.uniqueid] = visit
        last = not visit.position or visit.position == count
        self.line.insert(len(self.line) if last else visit.position - 1, visit)

    def rename(self, uniqueid: str, visit: Visit) -> None:
        """The caller of that Uniqueid has the one of the visit now, and keeps its place."""
        if self.waiting.pop(uniqueid, None) is None:
            self.line.append(visit)
        self.waiting[visit.uniqueid] = visit

    def exit(self, visit: Visit, position: int) -> None:
        """The caller waits no more; its position, as far as it is known, spares a search."""
        if self.waiting.get(visit.uniqueid) is not visit:
            return  # it waits no more, or again
        del self.waiting[visit.uniqueid]
        if not (0 < position <= len(self.line) and self.line[position - 1] is visit):
            position = next(at for at, one in enumerate(self.line, 1) if one is visit)
        visit.position = position
        del self.line[position - 1]

    def sort(self) -> None:
        """Put the callers into the order of their positions, which a list has told."""
        self.line.sort(key=lambda visit: visit.position)
        by_age = sorted(self.waiting.values(), key=lambda visit: visit.joined)
        self.waiting = {visit.uniqueid: visit for visit in by_age}

    @property
    def oldest(self) -> float | None:
        """The join of the caller that waits longest."""
        waiting = list(self.waiting.values())  # another thread may look
        return waiting[0].joined if waiting else None

    # --- counts ---

    @property
    def service_level_seconds(self) -> float:
        """T of its service level: the setting by its name, queues.conf, or the setting for all."""
        wanted = self._options.service_level_seconds
        if isinstance(wanted, (int, float)):
            return self.service_level_told or wanted
        return per_queue(wanted, self.name, self.service_level_told or _SERVICE_LEVEL_SECONDS)

    def count_joined(self, visit: Visit, now: float) -> None:
        """A caller came."""
        for counts in self.sums.of(visit.joined, now):
            counts.joined += 1
        self.curve.count(visit.joined, now, offered=1)
        self.traffic.joined += 1

    def count_end(self, visit: Visit, now: float, by: int = 1) -> None:
        """Its visit has ended; ``by`` -1 takes that back."""
        wait, result = visit.wait, visit.result
        is_short = result == VisitResult.ABANDONED and wait <= self._options.short_abandon_seconds
        self._count_curve(visit, now, by, is_short=is_short)
        if by > 0:
            self.traffic.count_end(visit, is_short=is_short)
        in_time = by if wait <= self.service_level_seconds else 0
        for counts in self.sums.of(visit.joined, now):
            counts.longest_wait_seconds = max(counts.longest_wait_seconds, wait)
            if result == VisitResult.ANSWERED:
                counts.answered += by
                counts.answered_in_time += in_time
                counts.answered_wait_seconds += by * wait
            elif result == VisitResult.ABANDONED:
                if is_short:
                    counts.short_abandons += by
                    continue
                counts.abandoned += by
                counts.abandoned_in_time += in_time
            else:
                counts.left[result] = counts.left.get(result, 0) + by
                if not counts.left[result]:
                    del counts.left[result]
                if result not in _WAITED:
                    continue
            counts.wait_seconds += by * wait

    def _count_curve(self, visit: Visit, now: float, by: int, *, is_short: bool) -> None:
        if is_short:
            self.curve.count(visit.joined, now, offered=-by)
        elif visit.result == VisitResult.ABANDONED:
            self.curve.count(visit.joined, now, abandoned=by)
        elif visit.result == VisitResult.ANSWERED:
            self.curve.count(visit.joined, now, answered=by)

    def count_talk(self, talk: Talk, wrapup: float, now: float) -> None:
        """A talk has ended."""
        for counts in self.sums.of(talk.joined, now):
            counts.talks += 1
            counts.talk_seconds += max(0.0, talk.end - talk.begin)
            counts.wrapup_seconds += wrapup

    def snapshot(self, now: float | None = None) -> Queue:
        """The queue as it is ``now``; None: when something was heard of it last."""
        return Queue(
            self.name,
            len(self.line),
            self.oldest,
            self.sums.today(self.heard if now is None else now).copy(),
            self.sums.total.copy(),
            self.service_level_seconds,
            self._options.service_level_formula,
        )
