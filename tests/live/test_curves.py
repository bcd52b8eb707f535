"""The curve of a queue's day: callers by the quarter of an hour, on days of any length."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from django_ami.live.curves import DayCurve
from django_ami.live.day import Day
from django_ami.live.figures import offered
from django_ami.live.queue_views import Curve
from tests.live.callcentre import NOON, CallCentre
from tests.live.test_day import at, berlin

MIDNIGHT = NOON - 12 * 3600


def curve(centre: CallCentre, queue: str = "support") -> Curve:
    centre.tracker.tick(centre.now)
    return centre.tracker.curves[queue]


def test_caller_is_counted_in_the_quarter_of_its_join() -> None:
    centre = CallCentre()
    centre.state()
    centre.wait(14 * 60 + 50).join("100.1")
    centre.wait(30).connect("100.1")  # in the next quarter
    drawn = curve(centre)
    assert (drawn.begin, drawn.seconds) == (MIDNIGHT, 900)
    assert drawn.offered == drawn.answered == (*48 * [0], 1)
    assert drawn.abandoned == (*48 * [0], 0)


def test_short_abandon_is_not_offered() -> None:
    centre = CallCentre(short_abandon_seconds=5)
    centre.join("100.1")
    centre.wait(3).hang_up("100.1")
    centre.join("100.2")
    assert curve(centre).offered == (*48 * [0], 1)
    centre.wait(6).hang_up("100.2")
    drawn = curve(centre)
    assert (drawn.offered[-1], drawn.abandoned[-1], drawn.answered[-1]) == (1, 1, 0)


def test_caller_who_left_by_a_timeout_is_offered_and_nothing_else() -> None:
    centre = CallCentre()
    centre.join("100.1")
    centre.wait(30).abandon("100.1")
    centre.status("100.1", "TIMEOUT")
    drawn = curve(centre)
    assert (drawn.offered[-1], drawn.abandoned[-1], drawn.answered[-1]) == (1, 0, 0)


def test_end_that_is_taken_back_counts_no_more() -> None:
    centre = CallCentre()
    centre.state()
    centre.join("100.1")
    centre.wait(60).hang_up("100.1")
    assert curve(centre).abandoned[-1] == 1
    centre.tell(
        "AttendedTransfer",
        DestType="App",
        SecondTransfererUniqueid="100.1",
        TransfereeUniqueid="100.2",
    )
    centre.wait(1).connect("100.2")
    drawn, counts = curve(centre), centre.today()
    assert sum(drawn.offered) == offered(counts) == 1
    assert sum(drawn.answered) == counts.answered == 1
    assert sum(drawn.abandoned) == counts.abandoned == 0


def test_curve_of_yesterday_is_over_at_midnight() -> None:
    centre = CallCentre()
    centre.state()
    centre.wait(12 * 3600 - 10).join("100.1")
    assert curve(centre).offered == (*95 * [0], 1)
    assert curve(centre.wait(20)).offered == ()
    centre.connect("100.1")  # a call of yesterday
    drawn = curve(centre)
    assert (drawn.begin, drawn.offered, drawn.answered) == (MIDNIGHT + 86400, (), ())
    centre.join("100.2")
    assert curve(centre).offered == (1,)


@pytest.mark.parametrize(
    ("date", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-11-29", 96)]
)
def test_day_of_summer_time_has_more_or_fewer_quarters(date: str, quarters: int) -> None:
    midnight = at(f"{date} 00:00")
    one = DayCurve(Day(berlin))
    for quarter in range(quarters):
        now = midnight + 900 * quarter + 1
        one.count(now, now, offered=1)
    drawn = one.draw(now)
    assert (drawn.begin, drawn.offered) == (midnight, (1,) * quarters)
    last = datetime.fromtimestamp(now, ZoneInfo("Europe/Berlin"))
    assert (last.hour, last.minute) == (23, 45)
    one.count(now + 900, now + 900, offered=1)
    assert one.draw(now + 900).offered == (1,)


def test_curve_stays_the_same_object_until_something_is_counted() -> None:
    one = DayCurve(Day())
    one.count(NOON, NOON, offered=1)
    drawn = one.draw(NOON)
    assert one.draw(NOON + 60) is drawn
    one.count(NOON, NOON + 60, answered=1)
    assert one.draw(NOON + 60) is not drawn


@pytest.mark.parametrize("joined", [NOON + 1e9, NOON - 1e9, -1e15, float(2**62)])
def test_clock_that_is_far_off_counts_nothing(joined: float) -> None:
    one = DayCurve(Day())
    one.count(joined, NOON, offered=1)
    assert one.draw(NOON).offered == ()
