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
        result = bench.listen("waiting", options, events=events // (1 if options else 5))
        yield "events/s, 5 ms each", who, result["count"] / result["seconds"]
    if postgresql.missing():
        return
    with postgresql.PostgreSQL(fsync=True) as database:  # as it is by default: a commit takes time
        site = {"database": {**database.setting(), "CONN_MAX_AGE": 60}}
        for figure, task, options, events in (
            ("rows/s, a commit each", "rows", _EIGHT, bench.amount(10_000, 2_000)),
            ("rows/s, bulk_create", "bulk", (), bench.amount(200_000, 20_000)),
            ("rows/s, COPY", "copies", (), bench.amount(200_000, 20_000)),
        ):
            # The database is as warm for the one as for the other.
            single = bench.listen("rows", (), site, events=bench.amount(4_000, 1_000))
            many = bench.listen(task, options, site, events=events)
            yield figure, _ONE, single["count"] / single["seconds"]
            yield figure, OURS, many["count"] / many["seconds"]
