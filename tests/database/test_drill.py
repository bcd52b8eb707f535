"""A real PostgreSQL restarts under a real worker.

Every event is saved once, by each receiver, in its order.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.database.drill import WAYS, drill
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    bool(postgresql.missing()), reason=postgresql.missing() or "it is here"
)

LONG = bool(os.environ.get("AMI_TEST_LONG"))
#: The others only with AMI_TEST_LONG: each row takes some seconds.
QUICK = ["the defaults", "`pool: True`"]


@pytest.fixture(scope="module")
def database() -> Iterator[postgresql.PostgreSQL]:
    with postgresql.PostgreSQL() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WAYS if LONG or name in QUICK])
def test_a_restart_loses_nothing_and_repeats_nothing(
    database: postgresql.PostgreSQL, name: str
) -> None:
    found = drill(database, WAYS[name], events=60, per_second=40, away_seconds=0.5)
    assert found.code == 0, found
    assert found.saved == {"sync": list(range(60)), "async": list(range(60))}
    assert (
        "61 events received, 60 delivered, 0 dropped, 1 ignored (no receiver), 0 left, 0 failed"
        in found.summary
    )
    assert found.tracebacks <= 30, "one for each receiver and kind of error, with its causes"


@pytest.mark.slow
def test_without_another_attempt_lost_events_count_as_failed(
    database: postgresql.PostgreSQL,
) -> None:
    found = drill(
        database, {}, events=60, per_second=60, away_seconds=0.5, dispatch={"retry_limit": 0}
    )
    missing = set(range(60)) - (set(found.saved["sync"]) & set(found.saved["async"]))
    assert missing, "the database was away"
    failed = int(found.summary.partition(" failed")[0].rpartition(" ")[2])
    assert f" {60 - failed} delivered" in found.summary
    # The one that was under way may be saved although its answer was lost.
    assert len(missing) <= failed <= len(missing) + 1
