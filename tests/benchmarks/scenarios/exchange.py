"""Actions and their answers: one after the other, and many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.benchmarks.running import Bench, Sample


def ping(bench: Bench) -> Iterator[Sample]:
    """One action after the other, by the clock: what somebody waits."""
    pings = bench.amount(5_000, 1_000)

    def both(who: str, result: dict[str, Any]) -> Iterator[Sample]:
        yield "p50", who, result["p50"]
        yield "p99", who, result["p99"]

    yield from both(OURS, bench.ours("ping", pings=pings))
    for name, result in bench.each_peer("ping", but=("pyst2",), pings=pings):
        yield from both(name, result)
    yield ours("p50 by ticks", bench.ours("ping_by_ticks", pings=pings)["p50"])
    yield "p50 by ticks", "blocking socket", bench.bare("ping", pings=pings)["p50"]


def pipeline(bench: Bench) -> Iterator[Sample]:
    """Many actions at a time, by the clock; every answer is looked at for being the one that was asked for."""
    actions = bench.amount(10_000, 3_000)
    for outstanding in (100, 1000):
        amounts = {"actions": actions, "outstanding": outstanding}
        theirs = {}
        for threads in (1, 8):
            figure = f"{outstanding} outstanding, {threads} thread{'s' if threads > 1 else ''}"
            result = bench.ours("pipeline", threads=threads, **amounts)
            yield from _rate(figure, OURS, result)
            others = ("pyst2", "panoramisk")
            for name, result in bench.each_peer("pipeline", but=others, threads=threads, **amounts):
                theirs.setdefault(name, result)
                yield from _rate(figure, name, result)
        figure = f"{outstanding} outstanding, asyncio"
        yield from _rate(figure, OURS, bench.ours("pipeline_async", **amounts))
        # asterisk-ami has no asyncio: what one thread of it does is what there is to compare with.
        for name, result in theirs.items():
            yield figure, name, result["count"] / result["seconds"]
        for name, result in bench.each_peer("pipeline", but=("pyst2", "asterisk-ami"), **amounts):
            yield from _rate(figure, name, result)


def _rate(figure: str, who: str, result: dict[str, Any]) -> Iterator[Sample]:
    yield figure, who, result["count"] / result["seconds"]
    yield "wrong answers", who, result["wrong"]
