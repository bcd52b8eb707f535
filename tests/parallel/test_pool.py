"""Receivers on several threads, and a pool of connections that is smaller than they are many."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connections

from django_ami.conf import Parallel
from django_ami.signals import events
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing() or "it is here"),
]

POOLED: Final = "pooled"
CALLS: Final = 16


@pytest.fixture
def pool_of_one(django_db_blocker: Any) -> Iterator[None]:
    """A database with a pool that has one connection for all threads."""
    with postgresql.PostgreSQL() as server, django_db_blocker.unblock():
        pool = {"min_size": 0, "max_size": 1, "timeout": 2}
        entry = server.setting(OPTIONS={"pool": pool})
        known = connections.configure_settings({"default": {}, POOLED: entry})
        connections.settings[POOLED] = known[POOLED]
        try:
            yield
        finally:
            connections[POOLED].close()
            connections[POOLED].close_pool()
            del connections[POOLED]
            del connections.settings[POOLED]


@pytest.mark.usefixtures("pool_of_one")
def test_thread_gives_its_connection_back_to_the_pool_behind_each_batch() -> None:
    threads: set[str] = set()
    answers: list[int] = []

    def receive(**_: Any) -> None:
        with connections[POOLED].cursor() as cursor:
            cursor.execute("SELECT 1")
            answers.append(cursor.fetchone()[0])
        threads.add(threading.current_thread().name)

    with fresh_registry(), FakeAsterisk() as sim:
        events["Newexten"].connect(receive)
        with listening(sim.url, parallel=Parallel(workers=4)) as listener:
            listener.make_ready()
            for number in range(CALLS):
                sim.emit("Newexten", Uniqueid=f"1.{number}", Linkedid=f"1.{number}")
                listener.run_until(lambda count=number + 1: len(answers) == count)
            listener.assert_accounted()
    assert len(threads) > 1
    assert answers == [1] * CALLS
