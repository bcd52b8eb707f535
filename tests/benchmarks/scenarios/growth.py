"""How cost grows: the CPU of one of many, beside that of one of few.

Twice as many cost twice as much in all where that of one stays; where it rises, it is worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.events import block
from tests.benchmarks.goals import GROWTH, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from tests.benchmarks.running import Bench, Sample

#: A figure of ``goals.GROWTH``, and its result for a number of whatever grows.
_Measure = tuple[str, "Callable[[int], dict[str, Any]]", "Callable[[int], float]"]


def growth(bench: Bench) -> Iterator[Sample]:
    """Each amount beside the one before it."""
    for figure, run, share in _measures(bench):
        before = None
        for amount in GROWTH[figure]:
            result = run(amount)
            cost = float(result["cpu"] / result["count"] * 1e6) / share(amount)
            yield f"{figure}, {amount:,}", OURS, cost
            if before is not None:
                yield f"{figure}, {amount:,}", f"{before[0]:,}", before[1]
            before = amount, cost


def _measures(bench: Bench) -> Iterator[_Measure]:
    few = bench.amount(20_000, 4_000)
    many = bench.amount(200_000, 30_000)
    hangups = block().count_hangups(many)

    def each(amount: int) -> float:
        return float(amount)

    def alone(amount: int) -> float:
        return 1.0

    def run(task: str, **arguments: Any) -> dict[str, Any]:
        return bench.client("ours_growth", task, **arguments)

    yield (
        "CPU per call of a receiver",
        lambda n: run("receivers", events=max(few // n, few // 20), receivers=n),
        each,
    )
    yield (
        "CPU per call of a Django receiver",
        lambda n: bench.listen("receivers", events=max(few // n, few // 20), receivers=n),
        each,
    )
    yield (
        "CPU per event, names wanted",
        lambda n: run("wanted", events=many, hangups=hangups, names=n),
        alone,
    )
    yield (
        "CPU per event, names that come",
        lambda n: run("shaped", events=many, names=n, headers=23, every=False),
        alone,
    )
    yield (
        "CPU per header, three read",
        lambda n: run("shaped", events=many, names=13, headers=n, every=False),
        each,
    )
    yield (
        "CPU per header, all read",
        lambda n: run("shaped", events=few, names=13, headers=n, every=True),
        each,
    )
    yield "CPU per MB of output", lambda n: run("output", megabytes=n), alone
    yield (
        "CPU per channel of a list",
        lambda n: run("channels", channels=bench.amount(n, n)),
        alone,
    )
    yield (
        "CPU per action, threads",
        lambda n: run("threads", actions=max(n, bench.amount(10_000, 2_000)), threads=n),
        alone,
    )
    yield (
        "CPU per action, coroutines",
        lambda n: run("coroutines", actions=max(n, bench.amount(20_000, 4_000)), coroutines=n),
        alone,
    )
    yield (
        "CPU per server that connects",
        lambda n: run("servers", servers=bench.amount(n, n)),
        alone,
    )
    yield "CPU per queued event", lambda n: run("queued", events=bench.amount(n, n)), alone
