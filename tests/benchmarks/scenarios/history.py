"""The history of calls on a real PostgreSQL, which keeps its promises (fsync)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.running import Bench, Sample


def history(bench: Bench) -> Iterator[Sample]:
    """Rows per second of the batch writer, and of a receiver that saves one row per event.

    On the disk of this machine, and on one whose commits take a millisecond longer, as in
    ``receivers``.
    """
    if postgresql.missing():
        return
    with postgresql.PostgreSQL(fsync=True) as database:
        setting = database.setting()
        yield from _rows(bench, setting, "")
        paced = bench.client(
            "ours_history", "paced", database=setting, calls=bench.amount(10_000, 500)
        )
    yield "calls that wait, at 500/s", OURS, paced["second"]
    yield "calls that wait, at 500/s", "in the first half", max(1, paced["first"])
    yield "CPU % at 500 calls/s", OURS, 100 * paced["cpu"] / paced["seconds"]
    with postgresql.PostgreSQL(fsync=True, commit_ms=1) as database:
        yield from _rows(bench, database.setting(), ", 1 ms more for a commit")


def _rows(bench: Bench, database: Mapping[str, object], where: str) -> Iterator[Sample]:
    ours = bench.client("ours_history", "batches", database=database, calls=bench.amount(5000, 500))
    theirs = bench.client("ours_history", "rows", database=database, calls=bench.amount(3000, 300))
    yield f"rows/s{where}", OURS, ours["rows"] / ours["seconds"]
    yield f"rows/s{where}", "a row per event", theirs["rows"] / theirs["seconds"]
    yield f"calls/s{where}", OURS, ours["calls"] / ours["seconds"]
    yield f"CPU per row{where}", OURS, 1e6 * ours["cpu"] / ours["rows"]
    yield f"CPU per row{where}", "a row per event", 1e6 * theirs["cpu"] / theirs["rows"]
