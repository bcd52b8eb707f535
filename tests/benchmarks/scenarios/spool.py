"""The spool of a listener that forwards: its rate, and its cost while it is not used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import per_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample


def spool(bench: Bench) -> Iterator[Sample]:
    """Events per second onto the disk; CPU per event while the engine confirms at once."""
    result = bench.client("ours_spool", "away", events=bench.amount(400_000, 40_000))
    yield "events/s to the disk", OURS, result["count"] / result["seconds"]
    yield "CPU per event to the disk", OURS, per_event(result)
    for who, with_spool in (("without a spool", False), (OURS, True)):
        result = bench.client(
            "ours_spool", "bypassed", events=bench.amount(800_000, 80_000), spool=with_spool
        )
        yield "CPU per event, bypassed", who, per_event(result)
