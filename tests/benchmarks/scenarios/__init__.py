"""A function for each scenario, which runs its clients once and yields the figures of each.

A round calls each of them once; the figures of all rounds are taken together by their median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.scenarios import (
    alone,
    asynchronous,
    events,
    exchange,
    growth,
    history,
    live,
    operations,
    rabbitmq_queues,
    receivers,
    redis_streams,
    spool,
    stalls,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.running import Bench, Sample

SCENARIOS: Final[dict[str, Callable[[Bench], Iterator[Sample]]]] = {
    "server": events.server,
    "selective": events.selective,
    "flood": events.flood,
    "signals": events.signals,
    "full": events.full,
    "burst": alone.burst,
    "ping": exchange.ping,
    "main_thread": exchange.main_thread,
    "asyncio": asynchronous.one_by_one,
    "semaphore": asynchronous.semaphore,
    "asyncio_mixed": asynchronous.mixed,
    "pipeline": exchange.pipeline,
    "tls": exchange.over_tls,
    "list": exchange.listing,
    "mixed": exchange.mixed,
    "stalls": stalls.stalls,
    "many": alone.many,
    "memory": alone.memory,
    "start": alone.start,
    "growth": growth.growth,
    "history": history.history,
    "live": live.live,
    "picture": live.picture,
    "stream": stream.stream,
    "operations": operations.operations,
    "receivers": receivers.receivers,
    "spool": spool.spool,
    "redis_streams": redis_streams.redis_streams,
    "rabbitmq_queues": rabbitmq_queues.rabbitmq_queues,
}
