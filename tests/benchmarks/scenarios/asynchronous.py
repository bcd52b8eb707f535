"""Actions from asyncio, in the ways in which programs send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.running import per_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample


def one_by_one(bench: Bench) -> Iterator[Sample]:
    """One action after the other, each awaited."""
    pings = bench.amount(5_000, 1_000)
    mine = [(who, build.client("ours_async", "ping", pings=pings)) for who, build in bench.builds()]
    # The Ping of panoramisk is that of a coroutine.
    for who, result in (*mine, *bench.each_peer("ping_from_main", of=("panoramisk",), pings=pings)):
        yield "p50", who, result["p50"]
        yield "p99", who, result["p99"]
        yield "CPU per ping", who, per_event(result)


def semaphore(bench: Bench) -> Iterator[Sample]:
    """A task for each action, and a semaphore that lets 100 run: each waits for its answer.

    A task is woken by its answer, and a loop by the first of many. In ``pipeline`` one coroutine
    awaits the oldest of 100 answers, most of which are there by then: that is what a program sees
    that sends first and awaits later.
    """
    amounts = {"actions": bench.amount(10_000, 3_000), "outstanding": 100}
    mine = [
        (who, build.client("ours_async", "semaphore", **amounts)) for who, build in bench.builds()
    ]
    theirs = [
        *bench.each_peer("semaphore", of=("panoramisk",), **amounts),
        # It has no asyncio: one thread of it sends.
        *bench.each_peer("pipeline", of=("asterisk-ami",), threads=1, **amounts),
    ]
    for who, result in (*mine, *theirs):
        yield "100 outstanding", who, result["count"] / result["seconds"]
        yield "CPU per action", who, per_event(result)
        yield "wrong answers", who, result["wrong"]


def mixed(bench: Bench) -> Iterator[Sample]:
    """2,000 events a second to a receiver, and 50 pings a second of a coroutine."""
    rate = 2000
    amounts = {"events": rate * bench.amount(8, 2), "rate": rate, "pings": 50}
    mine = [(who, build.client("ours_async", "mixed", **amounts)) for who, build in bench.builds()]
    for who, result in (*mine, *bench.each_peer("mixed", **amounts)):
        yield "CPU %", who, result["cpu"] / result["seconds"] * 100
        yield "ping p50", who, result["p50"]
        yield "ping p99", who, result["p99"]
