"""Forwarding onto an engine: the events that one listener hands on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.goals import OURS
from tests.benchmarks.running import per_event
from tests.servers import rabbitmq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

#: In code of our own, but as wazo-amid does it.
LIKE_WAZO = "like wazo-amid: kombu, a message per event"


def rabbitmq_queues(bench: Bench) -> Iterator[Sample]:
    """Events per second to RabbitMQ, and the CPU of the publisher for each."""
    if not rabbitmq.PROGRAM.exists():
        return
    with tempfile.TemporaryDirectory() as folder, rabbitmq.rabbitmq_server(Path(folder)) as node:
        theirs = bench.client(
            "to_rabbitmq", "messages", broker=node.url, events=bench.amount(30_000, 3_000)
        )
        for queues in ("classic", "quorum"):
            ours = bench.client(
                "to_rabbitmq",
                "batches",
                broker=node.url,
                events=bench.amount(640_000, 64_000),
                queues=queues,
            )
            yield f"events/s, {queues}", OURS, ours["count"] / ours["seconds"]
            yield f"events/s, {queues}", LIKE_WAZO, theirs["count"] / theirs["seconds"]
            yield f"CPU per event, {queues}", OURS, per_event(ours)
            yield f"CPU per event, {queues}", LIKE_WAZO, per_event(theirs)
