"""The live picture: its cost per event, and the memory of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import Broken, per_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.benchmarks.running import Bench, Sample

_CPU: Final = "CPU per event"


def live(bench: Bench) -> Iterator[Sample]:
    """Recorded calls through ``ami_listen``: the picture and four signals, against others.

    *every event* is a receiver of every event without a picture; *by hand* reads line by line into
    a dict, and keeps one for each channel.
    """
    blocks = bench.amount(4, 1)
    yield _CPU, OURS, per_event(_told(bench.listen("calls", blocks=blocks, **_how(tracked=True))))
    every = bench.listen("calls", blocks=blocks, **_how(every=True))
    yield _CPU, "every event", per_event(every)
    both = bench.listen("calls", blocks=blocks, **_how(every=True, tracked=True))
    yield f"{_CPU}, and a receiver of every event", OURS, per_event(_told(both))
    yield f"{_CPU}, and a receiver of every event", "every event", per_event(every)
    yield _CPU, "by hand", per_event(_told(bench.client("bare", "by_hand", blocks=blocks)))
    for name, result in bench.each_peer("calls", of=("cacofonisk",), blocks=blocks):
        yield _CPU, name, per_event(result)


def _how(*, every: bool = False, tracked: bool = False) -> dict[str, bool]:
    return {"every": every, "tracked": tracked}


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """Nothing may have been lost, and the calls must have been told of."""
    if result.get("dropped") or not result["told"]:
        raise Broken(f"{result}: events were dropped, or no call was told of.")
    return result


def picture(bench: Bench) -> Iterator[Sample]:
    """Memory of live channels and calls; and that of millions of events of ended calls is flat."""
    sizes = bench.client("ours_live", "sizes", calls=bench.amount(5000, 1000))
    yield "bytes per live channel", OURS, sizes["channel"]
    yield "bytes per live call", OURS, sizes["call"]
    run = bench.client("ours_live", "long", events=bench.amount(1_000_000, 100_000))
    yield "RSS MB, long run", OURS, run["end"]
    yield "RSS MB, long run", "half of it", run["half"]
    yield "entries left behind", OURS, run["entries"]
