"""The stream of the wallboard, fed by each kind of feed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.clients import streams
from tests.benchmarks.clients.measuring import run


def deliver(
    port: int, feed: Any, streams_open: int, seconds: float, changes: int
) -> dict[str, Any]:
    """Changes to streams; ``feed`` is the setting AMI_FEED."""
    with tempfile.TemporaryDirectory() as folder:
        database = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(folder) / "db.sqlite3"),
            "OPTIONS": {"timeout": 20},
        }
        env = {
            "BENCH_FEED": json.dumps(feed),
            "BENCH_DATABASE": json.dumps(database),
            "BENCH_CHANGES": str(changes),
        }
        return streams.deliver(
            "tests.benchmarks.streaming.wallboard",
            publisher=feed != "memory",
            streams=streams_open,
            seconds=seconds,
            env=env,
        )


if __name__ == "__main__":
    run([deliver])
