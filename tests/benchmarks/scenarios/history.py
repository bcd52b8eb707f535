"""The history of calls on a real PostgreSQL, which keeps its promises (fsync)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample


def history(bench: Bench) -> Iterator[Sample]:
    """Rows per second of the batch writer, and of a receiver that saves one row per event."""
    if postgresql.missing():
        return
    with postgresql.PostgreSQL(fsync=True) as database:
        setting = database.setting()
        ours = bench.client(
            "ours_history", "batches", database=setting, calls=bench.amount(5000, 500)
        )
        theirs = bench.client(
            "ours_history", "rows", database=setting, calls=bench.amount(3000, 300)
        )
        paced = bench.client(
            "ours_history", "paced", database=setting, calls=bench.amount(10_000, 500)
        )
    yield "calls that wait, at 500/s", OURS, paced["second"]
    yield "calls that wait, at 500/s", "in the first half", max(1, paced["first"])
    yield "CPU % at 500 calls/s", OURS, 100 * paced["cpu"] / paced["seconds"]
    yield "rows/s", OURS, ours["rows"] / ours["seconds"]
    yield "rows/s", "a row per event", theirs["rows"] / theirs["seconds"]
    yield "calls/s", OURS, ours["calls"] / ours["seconds"]
    yield "CPU per row", OURS, 1e6 * ours["cpu"] / ours["rows"]
    yield "CPU per row", "a row per event", 1e6 * theirs["cpu"] / theirs["rows"]
