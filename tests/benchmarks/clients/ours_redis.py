"""From a listener to Redis, and from Redis to receivers: the outlet, and a consumer."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.clients.measuring import Meter, latencies, run

#: As many as a listener hands on at a time.
BATCH = 200
PARTITIONS = 16
#: The pause between two batches at a pace: a listener publishes what it has read in one turn.
PACE_SECONDS = 0.01
RAW = (
    b"Event: Newexten\r\nPrivilege: dialplan,all\r\nChannel: PJSIP/alice-00000a3f\r\n"
    b"ChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 2001\r\nCallerIDName: Alice\r\n"
    b"ConnectedLineNum: 2002\r\nConnectedLineName: Bob\r\nLanguage: en\r\nAccountCode: \r\n"
    b"Context: default\r\nExten: 2002\r\nPriority: 7\r\nUniqueid: 1769000000.2623\r\n"
    b"Linkedid: 1769000000.2623\r\nExtension: 2002\r\nApplication: Dial\r\n"
    b"AppData: PJSIP/bob,30,tT"
)


def _set_up() -> None:
    import django
    from django.conf import settings

    server = {"HOST": "127.0.0.1", "USERNAME": "bench", "SECRET": "bench"}
    settings.configure(
        INSTALLED_APPS=["django_ami"], AMI_SERVERS={"node_1": server}, USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )  # fmt: skip
    django.setup()


def _outlet(redis: str) -> Any:
    from django_ami.conf.forward import Forward
    from django_ami.forwarding.redis import RedisOutlet

    outlet = RedisOutlet(Forward("redis", redis, PARTITIONS))
    outlet.open()
    return outlet


def _batch(partition: int, first: int, count: int) -> Any:
    from django_ami.core.event_id import EventId
    from django_ami.forwarding.envelope import Envelope, encode
    from django_ami.forwarding.outlet import Batch

    now = time.time()
    some = [
        Envelope(EventId("node_1", "01KB7QZX3V8C2M0T5W9R4YF6DK", number), RAW, now)
        for number in range(first, first + count)
    ]
    return Batch(partition, encode(some), some[0].id, some[-1].id, "bench", first)


def publish(port: int, redis: str, events: int) -> dict[str, Any]:
    """Encode and publish batches through the outlet; all of them are confirmed."""
    _set_up()
    outlet = _outlet(redis)
    meter = Meter(events)
    first = 1
    while first <= events:
        given = []
        for partition in range(PARTITIONS):
            given.append(_batch(partition, first, BATCH))
            first += BATCH
        outlet.publish(given)
    meter.expected = first - 1
    meter.end()
    outlet._redis.flushall()
    outlet.close(1)
    return meter.result()


def follow(port: int, redis: str, rate: int, seconds: float) -> dict[str, Any]:
    """Publish at a pace from one process, consume in another; the times from one to the other."""
    import multiprocessing

    _set_up()
    outlet = _outlet(redis)
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    total = int(rate * seconds)
    child = context.Process(target=_consume, args=(redis, total, sending))
    child.start()
    assert receiving.recv() == "ready"
    size, first, begun = max(1, int(rate * PACE_SECONDS)), 1, time.monotonic()
    while first <= total:
        time.sleep(max(0.0, begun + first / rate - time.monotonic()))
        outlet.publish([_batch(first // size % PARTITIONS, first, size)])
        first += size
    found = latencies(receiving.recv())
    child.join()
    outlet.close(1)
    return {"count": total, **found}


def _consume(redis: str, total: int, sending: Any) -> None:
    from django_ami.conf.forward import Forward
    from django_ami.forwarding.consuming import Consumption, consuming
    from django_ami.forwarding.redis.consumer import Consumer
    from django_ami.forwarding.redis.options import RedisOptions
    from django_ami.signals import events

    taken: list[float] = []
    sent_at: list[float] = []
    gather = Consumption.gather

    def timed(self: Consumption, batch: Any) -> bool:
        sent_at[:] = [batch[0].received_at]
        return gather(self, batch)

    def on_exten(event: Any, **_: Any) -> None:
        taken.append(time.time() - sent_at[0])

    Consumption.gather = timed  # type: ignore[method-assign]
    events["Newexten"].connect(on_exten)
    with consuming() as receivers:
        consumer = Consumer(
            Forward("redis", redis, PARTITIONS), RedisOptions(), receivers, servers=["node_1"],
            partitions=range(PARTITIONS), workers=1, refused=lambda: None,
        )  # fmt: skip
        consumer.start()
        while consumer.held.total() < PARTITIONS:
            time.sleep(0.01)
        sending.send("ready")
        while len(taken) < total:
            time.sleep(0.01)
        consumer.stop()
        consumer.join(10)
    sending.send(taken)


if __name__ == "__main__":
    run([publish, follow])
