"""Actions and their answers: one after the other, and many at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.benchmarks import server
from tests.benchmarks.goals import OURS
from tests.benchmarks.running import per_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.benchmarks.running import Bench, Sample


def ping(bench: Bench) -> Iterator[Sample]:
    """One action after the other: the time that a caller waits.

    In a thread that is not the main one.
    """
    pings = bench.amount(5_000, 1_000)

    def both(who: str, result: dict[str, Any]) -> Iterator[Sample]:
        yield "p50", who, result["p50"]
        yield "p99", who, result["p99"]
        yield "CPU per ping", who, per_event(result)
        yield "wake-ups per ping", who, result["wakeups"] / result["count"]

    for who, build in bench.builds():
        yield from both(who, build.client("ours", "ping", pings=pings))
    for name, result in (
        *bench.each_peer("ping", pings=pings),
        *bench.slow_peer("ping", pings=500),
    ):
        yield from both(name, result)
    # A view, or a task, sends one now and then: by that time the caches are cold.
    now_and_then = {"pings": bench.amount(100, 20), "pause": 0.02}
    for name, result in (
        (OURS, bench.client("ours", "ping", **now_and_then)),
        *bench.each_peer("ping", **now_and_then),
        ("blocking socket", bench.client("bare", "ping", **now_and_then)),
    ):
        yield "p50, 20 ms apart", name, result["p50"]
        yield "CPU per ping, 20 ms apart", name, per_event(result)
    yield "p50 by ticks", OURS, bench.client("ours", "ping_by_ticks", pings=pings)["p50"]
    yield "p50 by ticks", "blocking socket", bench.client("bare", "ping", pings=pings)["p50"]


def main_thread(bench: Bench) -> Iterator[Sample]:
    """One action after the other from the main thread, in a management command."""
    pings = bench.amount(5_000, 1_000)
    mine = [(who, build.command("ping_from_main", pings=pings)) for who, build in bench.builds()]
    for who, result in (*mine, *bench.each_peer("ping_from_main", pings=pings)):
        yield "p50", who, result["p50"]
        yield "p99", who, result["p99"]
        yield "CPU per ping", who, per_event(result)


def pipeline(bench: Bench) -> Iterator[Sample]:
    """Many actions at a time, by the clock.

    Every answer is looked at for being the one that was asked for.
    """
    actions = bench.amount(10_000, 3_000)
    for outstanding in (100, 1000):
        amounts = {"actions": actions, "outstanding": outstanding}
        theirs = {}
        for threads in (1, 8):
            figure = f"{outstanding} outstanding, {threads} thread{'s' if threads > 1 else ''}"
            result = bench.client("ours", "pipeline", threads=threads, **amounts)
            yield from _rate(figure, OURS, result)
            for name, result in bench.each_peer(
                "pipeline", of=("asterisk-ami",), threads=threads, **amounts
            ):
                theirs.setdefault(name, result)
                yield from _rate(figure, name, result)
        figure = f"{outstanding} outstanding, asyncio"
        yield from _rate(figure, OURS, bench.client("ours", "pipeline_async", **amounts))
        # asterisk-ami has no asyncio: the comparison is with one thread of it.
        for name, result in theirs.items():
            yield figure, name, result["count"] / result["seconds"]
        for name, result in bench.each_peer("pipeline", of=("panoramisk",), **amounts):
            yield from _rate(figure, name, result)
    # An action blocks a thread of pyst2, so it takes a hundred of them.
    for name, result in bench.slow_peer("pipeline", actions=1_000, outstanding=100, threads=100):
        yield from _rate("100 outstanding, 8 threads", f"{name}, 100 threads", result)


def over_tls(bench: Bench) -> Iterator[Sample]:
    """Pings and actions over TLS, in records of the size that Asterisk takes at once.

    Beside it, over plain TCP.
    """
    pings, actions = bench.amount(5_000, 1_000), bench.amount(10_000, 3_000)
    with server.running(tls=True) as port:
        encrypted = replace(bench, port=port)
        for who, where, how in ((OURS, encrypted, {"tls": True}), ("plain", bench, {})):
            result = where.client("ours", "ping", pings=pings, **how)
            yield "ping p50", who, result["p50"]
            yield "CPU per ping", who, per_event(result)
            for outstanding in (100, 1000):
                result = where.client(
                    "ours", "pipeline", actions=actions, outstanding=outstanding, threads=1, **how
                )
                yield from _rate(f"{outstanding} outstanding", who, result)
                yield f"CPU per action, {outstanding} outstanding", who, per_event(result)


def listing(bench: Bench) -> Iterator[Sample]:
    """CoreShowChannels.

    The CPU of the client for a list, and for an item of a short and of a long one.
    """
    for channels, times in ((5_000, bench.amount(4, 1)), (50_000, 1)):
        others = dict(bench.each_peer("channels", channels=channels, times=1))
        if channels == 5_000:
            others |= bench.slow_peer("channels", channels=channels, times=1)
        mine = bench.client("ours", "channels", channels=channels, times=times)
        for who, result in ((OURS, mine), *others.items()):
            yield f"CPU for {channels:,} channels", who, result["cpu"] / result["count"] * 1e3
        each = mine["cpu"] / mine["count"] / channels * 1e6
        if channels == 5_000:
            short = each
    yield "CPU per channel of 50,000", OURS, each
    yield "CPU per channel of 50,000", "of 5,000", short


def mixed(bench: Bench) -> Iterator[Sample]:
    """2,000 events and 50 pings a second, in ``ami_listen`` and in the peers."""
    rate, pings = 2000, 50
    amounts = {"events": rate * bench.amount(8, 2), "rate": rate, "pings": pings}
    mine = {who: build.listen("mixed", **amounts) for who, build in bench.builds()}
    for who, result in (*mine.items(), *bench.each_peer("mixed", **amounts)):
        yield "CPU %", who, result["cpu"] / result["seconds"] * 100
        yield "ping p50", who, result["p50"]
        yield "ping p99", who, result["p99"]
    yield "ping p99", "its own p50", mine[OURS]["p50"]


def _rate(figure: str, who: str, result: dict[str, Any]) -> Iterator[Sample]:
    yield figure, who, result["count"] / result["seconds"]
    yield "wrong answers", who, result["wrong"]
