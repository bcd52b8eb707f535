"""Django Channels: a group over channels-redis, and a consumer for each browser."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.clients import streams
from tests.benchmarks.clients.measuring import run


def deliver(
    port: int, redis: str, streams_open: int, seconds: float, changes: int
) -> dict[str, Any]:
    """Changes to streams."""
    return streams.deliver(
        "tests.benchmarks.streaming.channels",
        publisher=True,
        streams=streams_open,
        seconds=seconds,
        env={"BENCH_REDIS": redis, "BENCH_CHANGES": str(changes)},
    )


if __name__ == "__main__":
    run([deliver])
