"""Events in a Redis of the tests' own, and consumers of them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django_ami.conf.forward import Forward
from django_ami.core.event_id import EventId
from django_ami.forwarding.consuming import consuming
from django_ami.forwarding.envelope import Envelope, encode
from django_ami.forwarding.outlet import Batch
from django_ami.forwarding.redis.consumer import Consumer
from django_ami.forwarding.redis.keys import Stream
from django_ami.forwarding.redis.options import RedisOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EPOCH = "01KB7QW3Z0000000000000TEST"
END_SECONDS = 30.0


def forward_of(url: str, **named: Any) -> Forward:
    options = {"lease_timeout": 1, **named.pop("options", {})}
    return Forward("redis", url, **{"partitions": 4, **named}, options=options)


def envelope(number: int, call: int = 1, **named: Any) -> Envelope:
    name = named.pop("name", "Newexten")
    raw = f"Event: {name}\r\nUniqueid: {call}.1\r\nLinkedid: {call}.1\r\nNumber: {number}".encode()
    return Envelope(EventId("node_1", EPOCH, number), raw, time.time(), **named)


def batch_of(envelopes: Sequence[Envelope], position: int, partition: int = 0,
             source: str = "run-1") -> Batch:  # fmt: skip
    return Batch(partition, encode(envelopes), envelopes[0].id, envelopes[-1].id, source, position)


def stream_of(partition: int = 0, server: str = "node_1") -> Stream:
    return Stream("ami", server, partition, "consumers")


@contextmanager
def consumer_of(forward: Forward, *, workers: int = 2, **named: Any) -> Iterator[Consumer]:
    """A consumer in this process; stopped at the end."""
    options = RedisOptions.of(forward.options)
    with consuming(options.attempts) as receivers:
        consumer = Consumer(
            forward, options, receivers, servers=["node_1"],
            partitions=range(forward.partitions), workers=workers, **{"refused": print, **named},
        )  # fmt: skip
        consumer.start()
        try:
            yield consumer
        finally:
            consumer.stop()
            assert consumer.join(END_SECONDS)
