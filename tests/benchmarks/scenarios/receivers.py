"""Receivers that take their time, in ``ami_listen``: on one thread and on eight, and in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.goals import OURS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

_ONE: Final = "one thread"
_EIGHT: Final = ("--workers=8",)


def receivers(bench: Bench) -> Iterator[Sample]:
    """A receiver that waits for 5 ms; and events that become rows of a PostgreSQL."""
    events = bench.amount(5_000, 400)
    for who, options in ((_ONE, ()), (OURS, _EIGHT)):
        result = bench.listen("waiting", options, events=events if options else max(1, events // 5))
        yield "events/s, 5 ms each", who, result["count"] / result["seconds"]
    if not postgresql.missing():
        for commit_ms in (0, 1):
            yield from _rows(bench, commit_ms)


def _rows(bench: Bench, commit_ms: int) -> Iterator[Sample]:
    """On the disk of this machine, and on one whose commits take a millisecond longer.

    The disk of a virtual machine may be memory of its host. That of a database seldom is.
    """
    with postgresql.PostgreSQL(fsync=True, commit_ms=commit_ms) as database:
        site = {"database": {**database.setting(), "CONN_MAX_AGE": 60}}
        for figure, task, options, events in (
            ("a commit each", "rows", _EIGHT, bench.amount(10_000, 2_000)),
            ("bulk_create", "bulk", (), bench.amount(200_000, 20_000)),
            ("COPY", "copies", (), bench.amount(200_000, 20_000)),
        ):
            # The database is as warm for the one as for the other.
            single = bench.listen("rows", (), site, events=bench.amount(3_000, 1_000))
            many = bench.listen(task, options, site, events=events)
            name = f"rows/s, {figure}" + (
                f", {commit_ms} ms more for a commit" if commit_ms else ""
            )
            yield name, _ONE, single["count"] / single["seconds"]
            yield name, OURS, many["count"] / many["seconds"]
