"""The lease, heartbeats, metrics and action log of ``ami_listen``, in turn with none of them."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean, stdev
from typing import TYPE_CHECKING, Final

from tests.benchmarks.goals import OURS
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.running import Bench, Sample

_WITHOUT: Final = "without"
#: In normal deviations.
_SURE_95: Final = 1.96


def operations(bench: Bench) -> Iterator[Sample]:
    """*mixed* in one process, in windows with all of it and without in turn, on a real PostgreSQL.

    A window with it is compared with the two beside it: so a machine that gets slower and faster
    disturbs little. Prometheus asks once in a window: 15 seconds are the interval in the file of
    settings that it comes with.
    """
    if postgresql.missing():
        return
    amounts = {
        "rate": 2000,
        "pings": 50,
        "seconds": bench.amount(15, 2),
        "windows": 2 * bench.amount(5, 1) + 3,
    }
    with postgresql.PostgreSQL() as database:
        for figure, options in (
            ("CPU % that it adds", {}),
            ("CPU % that it adds, all actions logged", {"audit": "all"}),
        ):
            site = {"database": database.setting(), **options}
            bench.manage("migrate", site)
            result = bench.listen("alternating", ("--standby",), site, **amounts)
            shares = [100 * cpu / amounts["seconds"] for cpu in result["windows"]]
            added = _added(shares)
            yield figure, OURS, mean(added)
            yield figure, _WITHOUT, mean(shares[::2])
            yield f"{figure}: ± at 95 %", OURS, _SURE_95 * stdev(added) / len(added) ** 0.5


def _added(shares: Sequence[float]) -> list[float]:
    """The share that each second window has more than the two beside it."""
    beside = [mean(two) for two in pairwise(shares[::2])]
    return [one - other for one, other in zip(shares[1::2], beside, strict=True)]
