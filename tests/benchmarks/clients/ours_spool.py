"""The forwarder of a listener without its engine: the rate of the spool, and its cost."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.measuring import Meter, run
from tests.benchmarks.clients.ours_redis import PARTITIONS, RAW

#: As many as a listener hands on at a time.
BATCH = 200


class Instant:
    """An outlet whose engine confirms at once, or that is away."""

    linger_seconds = 0.01

    def __init__(self, *, away: bool) -> None:
        self._away = away

    def open(self) -> None:
        from django_ami.forwarding.outlet import OutletAway

        if self._away:
            raise OutletAway("this benchmark has no engine. None is to be started.")

    def publish(self, batches: Any) -> None:
        """It has them."""

    def lag(self) -> None:
        return None

    def close(self, timeout: float) -> None:
        """There is nothing."""


def away(port: int, events: int) -> dict[str, Any]:
    """Into the spool, since the engine is away."""
    with tempfile.TemporaryDirectory() as folder:
        return _forward(events, away=True, spool=Path(folder, "spool"))


def bypassed(port: int, events: int, spool: bool) -> dict[str, Any]:
    """To an engine that confirms at once, with a spool or without one."""
    with tempfile.TemporaryDirectory() as folder:
        return _forward(events, away=False, spool=Path(folder, "spool") if spool else None)


def _forward(events: int, *, away: bool, spool: Path | None) -> dict[str, Any]:
    from django_ami.core.event_id import EventId
    from django_ami.core.options import Options
    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.relay import Relay
    from django_ami.forwarding.spool import Spool
    from django_ami.forwarding.waiting import Waiting

    kept = None if spool is None else Spool(spool, 2**34, lambda _: False)
    if kept is not None:
        kept.open()
    waiting = Waiting(lambda _: Options(event_queue_capacity=20_000))
    relay = Relay(
        waiting, Instant(away=away), kept, partitions=PARTITIONS, source="bench",
        settle=lambda *_: None, tell=lambda _: None,
    )  # fmt: skip
    relay.start("none", lambda _: True)
    while away and relay.publisher.away is None:
        time.sleep(0.001)
    meter, number, now = Meter(events), 0, time.time()
    while number < events:
        if waiting.is_full("node_1", 0.5):
            time.sleep(0.002)
            continue
        some = [
            (
                at % PARTITIONS,
                Envelope(EventId("node_1", "01KB7QZX3V8C2M0T5W9R4YF6DK", at), RAW, now),
            )
            for at in range(number, number + BATCH)
        ]
        number += BATCH
        waiting.put("node_1", some)
    relay.hurry = True
    waiting.wake()
    while waiting.unsafe:
        time.sleep(0.002)
    meter.expected = number
    meter.end()
    relay.end(time.monotonic() + 10)
    return meter.result()


if __name__ == "__main__":
    run([away, bypassed])
