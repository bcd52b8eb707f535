"""The lease, heartbeats, metrics and action log of ``ami_listen``, in turn with none of them."""

from __future__ import annotations

from statistics import mean, stdev
from typing import TYPE_CHECKING, Final

from tests.benchmarks.goals import OURS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

_WITHOUT: Final = "without"
#: In normal deviations.
_SURE_95: Final = 1.96


def operations(bench: Bench) -> Iterator[Sample]:
    """*mixed* in one process, in seconds with all of it and without in turn, on a real PostgreSQL.

    Its cost is the CPU that a second with it takes more than the one behind it, and the CPU of the
    threads of operations.
    """
    if postgresql.missing():
        return
    seconds_of_each = max(2, bench.amount(100, 4))  # one alone has no deviation
    amounts = {"rate": 2000, "pings": 50, "seconds": seconds_of_each}
    with postgresql.PostgreSQL() as database:
        for figure, options in (
            ("CPU % that it adds", {}),
            ("CPU % that it adds, all actions logged", {"audit": "all"}),
        ):
            site = {"database": database.setting(), **options}
            bench.manage("migrate", site)
            result = bench.listen("alternating", ("--standby",), site, **amounts)
            seconds, threads = result["seconds"], result["threads"]
            without = seconds[1::2]
            added = [100 * (one - other) for one, other in zip(seconds[::2], without, strict=True)]
            yield figure, OURS, mean(added) + 100 * threads
            yield figure, _WITHOUT, 100 * mean(without)
            yield f"{figure}: ± at 95 %", OURS, _SURE_95 * stdev(added) / len(added) ** 0.5
            yield f"{figure}: of it, by threads", OURS, 100 * threads
