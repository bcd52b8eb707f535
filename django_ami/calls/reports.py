"""The figures of a queue on a day, each in one query; the formulas are those of the live picture.

A call belongs to the day on which it joined the queue.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from django_ami import conf
from django_ami.live import figures
from django_ami.live.figures import Counts
from django_ami.live.members import per_queue
from django_ami.live.snapshots import VisitResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.calls.models import QueueVisit  # noqa: F401  (of the annotation)

__all__ = ["QueueVisitQuerySet", "day_bounds"]

#: T of a queue that a mapping in the settings does not name.
_SERVICE_LEVEL_SECONDS: Final = 20.0
#: Ways of not getting into a queue: they joined nothing.
_NOT_LET_IN: Final = (VisitResult.FULL, VisitResult.JOIN_EMPTY, VisitResult.JOIN_UNAVAILABLE)
#: Beside the answered and the abandoned, the waits of these are part of the average.
_WAITED: Final = (
    VisitResult.TIMEOUT,
    VisitResult.LEAVE_EMPTY,
    VisitResult.LEAVE_UNAVAILABLE,
)
#: Every other way out.
_LEFT: Final = tuple(
    result for result in VisitResult if result not in {VisitResult.ANSWERED, VisitResult.ABANDONED}
)
#: The figures that the history has all of: it knows of no wrap-up.
_FIGURES: Final = {
    name: figure for name, figure in figures.FIGURES.items() if name != "handle_time"
}


def day_bounds(day: date, zone: tzinfo | str | None = None) -> tuple[datetime, datetime]:
    """When a day begins and ends in a time zone: by default, in Django's current one.

    A day of the change to summer time has 23 hours, one of the change back has 25.
    """
    place = ZoneInfo(zone) if isinstance(zone, str) else zone or timezone.get_current_timezone()
    begin = datetime.combine(day, time(), place)
    end = datetime.combine(day + timedelta(days=1), time(), place)
    if settings.USE_TZ:
        return begin, end
    own = timezone.get_default_timezone()
    return timezone.make_naive(begin, own), timezone.make_naive(end, own)


class QueueVisitQuerySet(models.QuerySet["QueueVisit"]):
    """Visits to queues, and the figures of reports.

    All take the queue's name, the day, and by name ``zone`` (a time zone or its name; by default
    Django's current one). A queue of one server alone: filter by ``server`` first. A share
    or a mean of nothing is None.
    """

    def of_day(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> Self:
        """The visits that began on that day."""
        begin, end = day_bounds(day, zone)
        return self.filter(queue=queue, joined__gte=begin, joined__lt=end)

    def counts(
        self,
        queue: str,
        day: date,
        *,
        zone: tzinfo | str | None = None,
        seconds: float | None = None,
    ) -> Counts:
        """All that was counted on a day, in one query.

        ``seconds`` is T of the service level: by default, that of ``AMI_LIVE`` for the queue.
        """
        options = conf.read_live()
        if seconds is None:
            seconds = per_queue(options.service_level_seconds, queue, _SERVICE_LEVEL_SECONDS)
        in_time = Q(wait_seconds__lte=seconds)
        short = Q(result=VisitResult.ABANDONED, wait_seconds__lte=options.short_abandon_seconds)
        answered = Q(result=VisitResult.ANSWERED)
        abandoned = Q(result=VisitResult.ABANDONED) & ~short
        waited = answered | abandoned | Q(result__in=_WAITED)
        numbers = {
            "joined": Count("pk", filter=~Q(result__in=_NOT_LET_IN)),
            "answered": Count("pk", filter=answered),
            "answered_in_time": Count("pk", filter=answered & in_time),
            "abandoned": Count("pk", filter=abandoned),
            "abandoned_in_time": Count("pk", filter=abandoned & in_time),
            "short_abandons": Count("pk", filter=short),
            "answered_wait_seconds": Sum("wait_seconds", filter=answered, default=0.0),
            "wait_seconds": Sum("wait_seconds", filter=waited, default=0.0),
            "longest_wait_seconds": Max("wait_seconds", default=0.0),
            "talks": Count("talk_seconds", filter=answered),
            "talk_seconds": Sum("talk_seconds", filter=answered, default=0.0),
        }
        left = {result.value: Count("pk", filter=Q(result=result)) for result in _LEFT}
        # An aggregate has the name of no column.
        found = self.of_day(queue, day, zone=zone).aggregate(
            **{f"all_{name}": number for name, number in numbers.items()},
            **{f"left_{reason}": number for reason, number in left.items()},
        )
        reasons = {reason: found[f"left_{reason}"] for reason in left}
        return Counts(
            left={reason: count for reason, count in reasons.items() if count},
            **{name: found[f"all_{name}"] for name in numbers},
        )

    def figures(
        self,
        queue: str,
        day: date,
        *,
        zone: tzinfo | str | None = None,
        seconds: float | None = None,
    ) -> dict[str, float | None]:
        """All figures of ``live.figures``, by their names, in one query."""
        counts = self.counts(queue, day, zone=zone, seconds=seconds)
        return {name: figure(counts) for name, figure in _FIGURES.items()}

    def service_level(
        self,
        queue: str,
        day: date,
        *,
        zone: tzinfo | str | None = None,
        seconds: float | None = None,
        formula: int | None = None,
    ) -> float | None:
        """The share that was answered in time, from 0 to 1.

        ``seconds`` (T) and ``formula`` (1 to 4, see ``live.figures``) are by default those of
        ``AMI_LIVE``.
        """
        counts = self.counts(queue, day, zone=zone, seconds=seconds)
        chosen = conf.read_live().service_level_formula if formula is None else formula
        return figures.service_level(counts, chosen)

    def offered(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> int:
        """How many joined, without short abandons."""
        return int(figures.offered(self.counts(queue, day, zone=zone)))

    def answered(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> int:
        """How many an agent answered."""
        return self.counts(queue, day, zone=zone).answered

    def abandoned(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> int:
        """How many hung up while they waited, without short abandons."""
        return self.counts(queue, day, zone=zone).abandoned

    def short_abandons(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> int:
        """How many hung up within ``short_abandon_seconds``: they are in no share."""
        return self.counts(queue, day, zone=zone).short_abandons

    def left(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> Mapping[str, int]:
        """How many left in other ways, by ``VisitResult``: timeout, full, by a key, and so on."""
        return self.counts(queue, day, zone=zone).left

    def asa(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> float | None:
        """Average speed of answer, in seconds."""
        return figures.asa(self.counts(queue, day, zone=zone))

    def average_wait(
        self, queue: str, day: date, *, zone: tzinfo | str | None = None
    ) -> float | None:
        """The mean wait of all who waited for an agent, in seconds."""
        return figures.average_wait(self.counts(queue, day, zone=zone))

    def longest_wait(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> float:
        """The longest wait, however it ended, in seconds."""
        return figures.longest_wait(self.counts(queue, day, zone=zone))

    def mean_talk(self, queue: str, day: date, *, zone: tzinfo | str | None = None) -> float | None:
        """The mean talk with an agent, holds included, in seconds."""
        return figures.mean_talk(self.counts(queue, day, zone=zone))

    def abandon_rate(
        self, queue: str, day: date, *, zone: tzinfo | str | None = None
    ) -> float | None:
        """The share of the offered that was abandoned, from 0 to 1."""
        return figures.abandon_rate(self.counts(queue, day, zone=zone))

    def answered_rate(
        self, queue: str, day: date, *, zone: tzinfo | str | None = None
    ) -> float | None:
        """The share that was answered of all who wanted an agent, from 0 to 1."""
        return figures.answered_rate(self.counts(queue, day, zone=zone))
