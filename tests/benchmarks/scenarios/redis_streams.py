"""Forwarding to Redis Streams: the rate of one outlet, and the time of an event on its way."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import per_event
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

_RATE = 2_000


def redis_streams(bench: Bench) -> Iterator[Sample]:
    """Events per second, CPU of the publisher for each, and the time to a receiver elsewhere."""
    if shutil.which("redis-server") is None:
        return
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
        result = bench.client(
            "ours_redis", "publish", redis=url, events=bench.amount(640_000, 64_000)
        )
        yield "events/s of an outlet", OURS, result["count"] / result["seconds"]
        yield "CPU per event", OURS, per_event(result)
        way = bench.client(
            "ours_redis", "follow", redis=url, rate=_RATE, seconds=bench.amount(20, 4)
        )
        yield f"ms to a receiver, p50, at {_RATE}/s", OURS, way["p50"] / 1000
        yield f"ms to a receiver, p99, at {_RATE}/s", OURS, way["p99"] / 1000
