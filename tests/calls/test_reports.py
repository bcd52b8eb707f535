"""The figures of a queue on a day: by hand, in one query, in a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings

from django_ami.calls.models import Call, QueueVisit
from django_ami.calls.reports import day_bounds
from django_ami.live.snapshots import VisitResult

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Visits:
    """Writes visits, all of one call."""

    def __init__(self) -> None:
        self.call = Call.objects.create(
            server="pbx", call_id="1", started=NOON, ended=NOON, batch=uuid4()
        )
        self.rows: list[QueueVisit] = []

    def add(
        self,
        count: int,
        result: VisitResult,
        wait: float,
        talk: float | None = None,
        joined: datetime = NOON,
        queue: str = "sales",
        server: str = "pbx",
    ) -> None:
        self.rows += [
            QueueVisit(
                call=self.call,
                place=len(self.rows) + place,
                server=server,
                queue=queue,
                joined=joined,
                result=result.value,
                wait_seconds=wait,
                talk_seconds=talk,
            )
            for place in range(count)
        ]

    def save(self) -> None:
        QueueVisit.objects.bulk_create(self.rows)


@pytest.fixture
def visits() -> Visits:
    return Visits()


@override_settings(AMI_LIVE={"short_abandon_seconds": 0})
def test_the_worked_example_of_the_service_level(visits: Visits) -> None:
    """1000 answered, 860 of them within 20 s; 60 abandoned, 20 of them within 20 s."""
    visits.add(860, VisitResult.ANSWERED, 20.0)
    visits.add(140, VisitResult.ANSWERED, 20.001)
    visits.add(10, VisitResult.ABANDONED, 4.0)
    visits.add(10, VisitResult.ABANDONED, 20.0)
    visits.add(40, VisitResult.ABANDONED, 60.0)
    visits.save()
    level = QueueVisit.objects.service_level
    assert level("sales", DAY) == 860 / 1040
    percent = [round(100 * (level("sales", DAY, formula=one) or 0)) for one in (1, 2, 3, 4)]
    assert percent == [83, 86, 81, 83]
    assert level("sales", DAY, seconds=60) == 1000 / 1000
    assert level("support", DAY) is None


@pytest.fixture
def a_day(visits: Visits) -> None:
    """Every way out of a queue."""
    visits.add(3, VisitResult.ANSWERED, 10.0, talk=60.0)
    visits.add(1, VisitResult.ANSWERED, 30.0, talk=120.0)
    visits.add(2, VisitResult.ABANDONED, 40.0)
    visits.add(1, VisitResult.ABANDONED, 15.0)
    visits.add(2, VisitResult.ABANDONED, 5.0)
    visits.add(1, VisitResult.TIMEOUT, 100.0)
    visits.add(2, VisitResult.FULL, 0.0)
    visits.add(1, VisitResult.JOIN_EMPTY, 0.0)
    visits.add(1, VisitResult.LEAVE_EMPTY, 50.0)
    visits.add(1, VisitResult.CONTINUE, 200.0)
    visits.add(9, VisitResult.ANSWERED, 1.0, talk=1.0, queue="support")
    visits.add(9, VisitResult.ANSWERED, 1.0, talk=1.0, joined=NOON + timedelta(days=1))
    visits.save()


@pytest.mark.usefixtures("a_day")
@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        ("offered", 10),
        ("answered", 4),
        ("abandoned", 3),
        ("short_abandons", 2),
        ("left", {"timeout": 1, "full": 2, "join_empty": 1, "leave_empty": 1, "continue": 1}),
        ("service_level", 3 / (4 + 3 - 1)),
        ("asa", (3 * 10 + 30) / 4),
        ("average_wait", (3 * 10 + 30 + 2 * 40 + 15 + 100 + 50) / (4 + 3 + 1 + 1)),
        ("longest_wait", 200.0),
        ("mean_talk", (3 * 60 + 120) / 4),
        ("abandon_rate", 3 / 10),
        ("answered_rate", 4 / (4 + 3 + 2 + 1 + 1 + 1)),
    ],
)
def test_each_figure_is_one_query(
    django_assert_num_queries: Any, figure: str, wanted: object
) -> None:
    with django_assert_num_queries(1):
        found = getattr(QueueVisit.objects, figure)("sales", DAY)
    assert found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


@pytest.mark.usefixtures("a_day")
def test_all_figures_are_one_query_too(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = QueueVisit.objects.figures("sales", DAY)
    assert found["offered"] == 10
    assert found["saturated"] == 2
    assert found["blocked"] == 2
    assert found["service_level_2"] == 3 / 4
    assert "handle_time" not in found, "the history knows of no wrap-up"


@pytest.mark.usefixtures("a_day")
def test_a_day_of_nothing_has_no_shares() -> None:
    found = QueueVisit.objects.figures("sales", date(2020, 1, 1))
    assert found["offered"] == 0
    assert (found["asa"], found["abandon_rate"], found["longest_wait"]) == (None, None, 0.0)


def test_the_queue_of_one_server_alone(visits: Visits) -> None:
    visits.add(1, VisitResult.ANSWERED, 1.0)
    visits.add(2, VisitResult.ANSWERED, 1.0, server="other")
    visits.save()
    assert QueueVisit.objects.answered("sales", DAY) == 3
    assert QueueVisit.objects.filter(server="other").answered("sales", DAY) == 2


@override_settings(AMI_LIVE={"service_level_seconds": {"sales": 60}, "service_level_formula": 2})
def test_the_settings_say_which_service_level(visits: Visits) -> None:
    for queue in ("sales", "support"):
        visits.add(1, VisitResult.ANSWERED, 50.0, queue=queue)
        visits.add(1, VisitResult.ABANDONED, 10.0, queue=queue)
    visits.save()
    assert QueueVisit.objects.service_level("sales", DAY) == 1.0
    assert QueueVisit.objects.service_level("support", DAY) == 0.0


# --- days ---


@pytest.mark.parametrize(
    ("day", "zone", "begin", "hours"),
    [
        (date(2026, 11, 27), "Europe/Berlin", datetime(2026, 11, 26, 23, tzinfo=UTC), 24),
        (date(2026, 3, 29), "Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), "Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        # Midnight is skipped there: the day begins at one o'clock.
        (date(2026, 9, 6), "America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC), 23),
        (date(2026, 11, 27), "UTC", datetime(2026, 11, 27, tzinfo=UTC), 24),
        (date(2026, 11, 27), None, datetime(2026, 11, 26, 23, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_as_long_as_it_is_there(
    day: date, zone: str | None, begin: datetime, hours: int
) -> None:
    first, last = (one.astimezone(UTC) for one in day_bounds(day, zone))
    assert (first, last - first) == (begin, timedelta(hours=hours))


def test_a_visit_belongs_to_the_day_on_which_it_joined(visits: Visits) -> None:
    midnight = datetime(2026, 11, 26, 23, tzinfo=UTC)  # in Berlin
    visits.add(1, VisitResult.ANSWERED, 1.0, joined=midnight - timedelta(microseconds=1))
    visits.add(2, VisitResult.ANSWERED, 1.0, joined=midnight)
    visits.add(4, VisitResult.ANSWERED, 1.0, joined=midnight + timedelta(hours=23, minutes=59))
    visits.add(8, VisitResult.ANSWERED, 1.0, joined=midnight + timedelta(days=1))
    visits.save()
    assert QueueVisit.objects.answered("sales", DAY) == 2 + 4
    assert QueueVisit.objects.answered("sales", DAY, zone="UTC") == 4 + 8
    assert QueueVisit.objects.answered("sales", DAY, zone="America/New_York") == 4 + 8
