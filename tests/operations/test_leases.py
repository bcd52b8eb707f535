"""The statements by which a lease changes hands. The database is that of ``test_databases.py``."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from django.db.models import DateTimeField, ExpressionWrapper

from django_ami.operations.clock import DatabaseNow, from_now, now
from django_ami.operations.leases import LeaseTable, Unheard
from django_ami.operations.models import Lease
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


def table(name: str) -> LeaseTable:
    return LeaseTable("default", name * 32, f"host {name}")


def expire() -> None:
    """Let all leases be over, by the clock of the database."""
    past = ExpressionWrapper(DatabaseNow() - timedelta(seconds=1), output_field=DateTimeField())
    Lease.objects.update(expires_at=past)


def test_lease_is_free_until_somebody_takes_it() -> None:
    a, b = table("a"), table("b")
    first = a.look("node_1")
    assert (first.holder_name, first.unheard) == ("", None)
    wait_until(lambda: a.acquire("node_1", first.token, 60))
    seen = b.look("node_1")
    assert (seen.token, seen.holder, seen.holder_name) == (first.token + 1, "a" * 32, "host a")
    assert 50 < seen.left <= 60
    assert not b.acquire("node_1", seen.token, 60)
    assert a.look("node_2").token >= first.token  # another server has a lease of its own


def test_lease_that_is_over_goes_to_another_with_the_next_token() -> None:
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    expire()
    assert b.look("node_1").left < 0
    assert b.acquire("node_1", token + 1, 60)
    assert not a.renew("node_1", token + 1, 60, None)
    assert b.renew("node_1", token + 2, 60, None)
    assert b.look("node_1").token == token + 2
    expire()
    assert not a.acquire("node_1", token + 1, 60)  # its look is out of date
    assert b.acquire("node_1", token + 2, 60)
    assert not b.renew("node_1", token + 2, 60, None)  # not that one any more


def test_first_holder_of_all_is_known_to_have_had_it_even_if_it_ends_before_a_renewal() -> None:
    a, b = table("a"), table("b")
    before = a.look("node_1")
    assert before.unheard is None
    wait_until(lambda: a.acquire("node_1", before.token, 60))
    unheard = b.look("node_1").unheard
    assert unheard is not None
    assert 0 <= unheard < 30


def test_lease_that_is_over_is_renewed_if_nobody_else_has_had_it() -> None:
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    expire()
    assert a.renew("node_1", token + 1, 60, None)
    assert not b.acquire("node_1", token + 1, 60)


def test_lease_whose_handover_is_asked_for_is_renewed_only_with_a_further_question() -> None:
    a = table("a")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    assert a.renew("node_1", token + 1, 60, None, unasked=True)
    Lease.objects.update(handover_requested_at=now(), handover_requested_by="root")
    assert not a.renew("node_1", token + 1, 60, None, unasked=True)
    assert a.renew("node_1", token + 1, 60, None)


def test_lease_that_is_released_is_free_at_once_and_tells_what_was_delivered() -> None:
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    assert a.release("node_1", token + 1, Unheard(7.5, 0.0))
    wait_until(lambda: b.acquire("node_1", token + 1, 60))
    unheard = b.look("node_1").unheard
    assert unheard is not None
    assert 7.4 < unheard < 30


@pytest.mark.parametrize("statement", ["renew", "release"])
def test_statement_that_the_database_begins_late_tells_of_no_time_that_its_holder_did_not_know(
    statement: str,
) -> None:
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    # The database has hung for 20 s since it confirmed this lease.
    Lease.objects.update(expires_at=from_now(40))
    if statement == "renew":
        assert a.renew("node_1", token + 1, 60, Unheard(0.5, 60.5))
        assert b.look("node_1").left > 50
    else:
        assert a.release("node_1", token + 1, Unheard(0.5, 60.5))
    unheard = b.look("node_1").unheard
    assert unheard is not None
    assert 20.5 <= unheard < 20.5 + DEADLINE_SECONDS


def test_lease_that_is_released_tells_so_and_is_not_renewed() -> None:
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    wait_until(lambda: a.acquire("node_1", token, 60))
    assert a.release("node_1", token + 1, None)
    seen = b.look("node_1")
    assert (seen.holder, seen.holder_name) == ("", "host a")
    assert not a.renew("node_1", token + 1, 60, None)
    assert not a.release("node_1", token + 1, None)


@pytest.mark.parametrize("row", ["gone", "older"])
def test_database_that_has_forgotten_gives_no_lease_for_a_time_and_no_token_twice(
    row: str,
) -> None:
    """A failover to a replica without the row, or with an older one."""
    a, b = table("a"), table("b")
    token = a.look("node_1").token
    known = token + 5
    if row == "gone":
        Lease.objects.all().delete()
        known += 10**9
    seen = b.look("node_1", known, 60)
    assert (seen.token, seen.holder) == (known, "")
    assert 50 < seen.left <= 60
    assert not b.acquire("node_1", known, 60)
    again = a.look("node_1", known - 1, 3600)
    assert again == replace(seen, left=again.left)
    assert again.left <= 60
    expire()
    assert b.acquire("node_1", known, 60)
    assert b.look("node_1", known + 1, 60).token == known + 1


def test_clock_of_the_database_is_in_utc_whatever_the_time_zone() -> None:
    """A local clock is set twice a year, and leases would live an hour longer or shorter."""
    table("a").look("node_1")
    with connections["default"].cursor() as cursor:
        if connections["default"].vendor == "mysql":
            cursor.execute("SET time_zone = '+09:00'")
        elif connections["default"].vendor == "postgresql":
            cursor.execute("SET TIME ZONE 'Asia/Tokyo'")
    try:
        assert -60 < table("a").look("node_1").left < 60
    finally:
        connections["default"].close()


class Race:
    """Listeners that try for a lease at the same time, round by round."""

    def __init__(self, rounds: int, names: str) -> None:
        self.rounds = rounds
        self.wins: list[tuple[int, int]] = []
        self.failures: list[BaseException] = []
        self._together = threading.Barrier(len(names))
        self._threads = [threading.Thread(target=self._run, args=(name,)) for name in names]

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(100)

    def _run(self, name: str) -> None:
        try:
            for number in range(self.rounds):
                self._race(table(name), number)
                if self._together.wait(60) == 0:
                    patiently(expire)
                self._together.wait(60)
        except BaseException as error:  # noqa: BLE001  (told by the test)
            self.failures.append(error)
            self._together.abort()
        finally:
            connections.close_all()

    def _race(self, mine: LeaseTable, number: int) -> None:
        token = patiently(lambda: mine.look("node_1").token)
        self._together.wait(60)
        if patiently(lambda: mine.acquire("node_1", token, 60)):
            self.wins.append((number, token + 1))


def patiently(act: Callable[[], Any]) -> Any:
    """Do it. SQLite in memory does not let threads wait for each other."""
    end = time.monotonic() + 60
    while True:
        try:
            return act()
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise


def test_one_of_many_gets_the_lease_however_often_they_race() -> None:
    first = table("a").look("node_1").token
    expire()
    race = Race(rounds=25, names="abcd")
    race.run()
    assert race.failures == []
    assert race.wins == [(number, first + 1 + number) for number in range(25)]
