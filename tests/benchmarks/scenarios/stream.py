"""The stream of the wallboard to a thousand browsers, beside a group of Django Channels."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import per_event
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample


def stream(bench: Bench) -> Iterator[Sample]:
    """CPU of the web server for each change at each browser, the delay, and the memory."""
    how = {"streams_open": bench.amount(1000, 300), "seconds": bench.amount(20, 5), "changes": 50}
    for feed in ("memory", "database"):
        yield from _told(feed, bench.client("ours_stream", "deliver", feed=feed, **how))
    if shutil.which("redis-server") is None:
        return
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as url:
        redis = {"BACKEND": "redis", "URL": url}
        result = bench.client("ours_stream", "deliver", feed=redis, **how)
        yield from _told("redis", result)
        yield "CPU per delivered change", OURS, per_event(result)
        for name, theirs in bench.each_peer("deliver", of=("channels-redis",), redis=url, **how):
            yield "CPU per delivered change", name, per_event(theirs)
            yield "changes/s per browser", name, _rate(theirs, how)
            yield "ms to the socket, p99", name, theirs["p99"] / 1000
            yield "KB per browser", name, theirs["memory"]


def _told(feed: str, result: dict[str, Any]) -> Iterator[Sample]:
    yield f"ms to the socket, p99, {feed}", OURS, result["p99"] / 1000
    yield f"KB per browser, {feed}", OURS, result["memory"]
    yield f"CPU per delivered change, {feed}", OURS, per_event(result)


def _rate(result: dict[str, Any], how: dict[str, Any]) -> float:
    return float(result["count"] / result["seconds"] / how["streams_open"])
