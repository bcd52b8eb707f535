"""Floods of events, by CPU of the client per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.events import block
from tests.benchmarks.goals import OURS
from tests.benchmarks.running import Broken, per_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.benchmarks.running import Bench, Sample

_CPU: Final = "CPU per event"
_WAKEUPS: Final = "wake-ups per 1,000 events"


def _complete(result: dict[str, Any]) -> dict[str, Any]:
    """Nothing may have been dropped: that would be cheaper."""
    if result["dropped"]:
        raise Broken(f"{result['dropped']} of {result['count']} events were dropped.")
    return result


def _both(who: str, result: dict[str, Any]) -> Iterator[Sample]:
    """The cost of an event, and how often a thread went to sleep.

    For the network, or for another thread.
    """
    yield _CPU, who, per_event(result)
    yield _WAKEUPS, who, result["wakeups"] / result["count"] * 1000


def server(bench: Bench) -> Iterator[Sample]:
    """The speed of the server: bytes and events per second of a loop that only reads."""
    events = bench.amount(1_000_000, 200_000)
    result = bench.client("bare", "recv", events=events)
    yield "GB/s to a loop that only reads", "recv only", result["bytes"] / result["seconds"] / 1e9
    yield _CPU, "recv only", per_event(result)


def selective(bench: Bench) -> Iterator[Sample]:
    """One kind of event is wanted, 5 % of all."""
    many, few = bench.amount(400_000, 100_000), bench.amount(60_000, 10_000)
    yield _CPU, "framing only", per_event(bench.client("bare", "framing", events=many))
    for who, build in bench.builds():
        mine = build.client("ours", "selective", events=many, hangups=block().count_hangups(many))
        yield from _both(who, _complete(mine))
    hangups = block().count_hangups
    for name, result in (
        *bench.each_peer("selective", events=few, hangups=hangups(few)),
        *bench.slow_peer("selective", events=2_000, hangups=hangups(2_000)),
    ):
        yield from _both(name, result)
    yield _CPU, "name taken, one kind wanted", per_event(bench.client("bare", "names", events=many))


def flood(bench: Bench) -> Iterator[Sample]:
    """Every event, three headers of each read."""
    many, few = bench.amount(200_000, 50_000), bench.amount(60_000, 10_000)
    for who, build in bench.builds():
        yield from _both(who, _complete(build.client("ours", "flood", events=many)))
    for name, result in (
        *bench.each_peer("flood", events=few),
        *bench.slow_peer("flood", events=2_000),
    ):
        yield from _both(name, result)
    yield _CPU, "lazy: name and two headers", per_event(bench.client("bare", "lazy", events=many))


def full(bench: Bench) -> Iterator[Sample]:
    """Every header of every event, against the best that Python can do with the same bytes."""
    many = bench.amount(100_000, 20_000)
    limit, naive = (
        per_event(bench.client("bare", task, events=many)) for task in ("best_dict", "naive_dict")
    )
    for view in ("headers", "as_dict"):
        figure = f"{_CPU}, {view}"
        yield (
            figure,
            OURS,
            per_event(_complete(bench.client("ours", "full", events=many, view=view))),
        )
        yield figure, "best dict", limit
        yield figure, "naive dict", naive


def signals(bench: Bench) -> Iterator[Sample]:
    """Every event through ``manage.py ami_listen`` to a Django receiver, against a bare callback of
    the peers.
    """
    many, few = bench.amount(200_000, 30_000), bench.amount(60_000, 10_000)
    for who, build in bench.builds():
        result = _complete(build.listen("signals", events=many))
        yield from _both(who, result)
        yield "RSS MB of ami_listen", who, result["rss"] / 2**20
    for name, result in bench.each_peer("flood", events=few):
        yield from _both(name, result)
