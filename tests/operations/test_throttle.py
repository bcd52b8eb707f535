"""The calls of a minute: never more than allowed, however many processes and threads ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from django_ami.operations import throttle
from django_ami.operations.errors import TooManyCalls
from django_ami.operations.models import RecentCalls


def place(user: str, most: int) -> bool:
    try:
        throttle.count_call(user, most)
    except TooManyCalls:
        return False
    return True


@pytest.mark.django_db
def test_call_too_many_is_refused_with_the_time_to_wait() -> None:
    assert [place("ann", 3) for _ in range(5)] == [True, True, True, False, False]
    assert place("bob", 3)
    with pytest.raises(TooManyCalls, match=r"wait \d+ s") as caught:
        throttle.count_call("ann", 3)
    assert caught.value.retry_seconds is not None
    assert 0 < caught.value.retry_seconds <= 60
    assert caught.value.status == 429
    assert not place("eve", 0)


@pytest.mark.django_db
def test_call_is_allowed_again_as_soon_as_the_oldest_is_a_minute_old() -> None:
    assert [place("ann", 2) for _ in range(3)] == [True, True, False]
    row = RecentCalls.objects.get()
    RecentCalls.objects.update(times=[row.times[0] - 60, row.times[1]])
    assert [place("ann", 2) for _ in range(2)] == [True, False]


@pytest.mark.django_db
def test_call_counts_that_another_process_has_counted_a_moment_later() -> None:
    """Its statement may have begun before, and seen the row behind it."""
    assert [place("ann", 2) for _ in range(2)] == [True, True]
    row = RecentCalls.objects.get()
    RecentCalls.objects.update(times=[at + 0.5 for at in row.times])
    with pytest.raises(TooManyCalls) as caught:
        throttle.count_call("ann", 2)
    assert caught.value.retry_seconds == 60


@pytest.mark.django_db
def test_clock_of_the_database_that_was_set_back_refuses_nobody_for_long() -> None:
    assert [place("ann", 2) for _ in range(2)] == [True, True]
    row = RecentCalls.objects.get()
    RecentCalls.objects.update(times=[at + 3600 for at in row.times])
    assert [place("ann", 2) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db(transaction=True)
def test_call_stays_counted_when_the_transaction_of_the_view_is_rolled_back() -> None:
    for _ in range(2):
        with transaction.atomic():
            assert place("ann", 2)
            transaction.set_rollback(True)
    assert not place("ann", 2)


@pytest.mark.django_db(transaction=True)
def test_threads_that_race_get_as_many_calls_as_allowed_and_no_more() -> None:
    throttle.count_call("other", 1)
    together = threading.Barrier(8)

    def run(_: int) -> bool:
        together.wait(30)
        try:
            return place("ann", 3)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        placed = sum(pool.map(run, range(8)))
    # SQLite in memory refuses a thread that comes at the wrong moment: it is refused, too.
    assert placed <= 3
    assert placed == len(RecentCalls.objects.get(user="ann").times)


@pytest.mark.django_db(transaction=True)
def test_call_is_refused_while_the_database_cannot_count_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_recentcalls RENAME TO elsewhere")
    try:
        with pytest.raises(TooManyCalls, match="cannot be counted"):
            throttle.count_call("ann", 3)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_recentcalls")


@pytest.mark.django_db
def test_call_in_a_transaction_of_a_tested_program_is_counted_in_that_of_the_test() -> None:
    assert place("ann", 2)
    with transaction.atomic():
        assert place("ann", 2)
    assert not place("ann", 2)
