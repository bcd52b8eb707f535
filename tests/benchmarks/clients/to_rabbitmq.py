"""From a listener to RabbitMQ: batches through the outlet ``celery``, or a message for each event.

``messages`` does what the publisher of wazo-amid does for each event (wazo_amid/facade.py of
2026-07, wazo_bus/mixins.py of 2026-04: ``QueuePublisherMixin``, ``WazoEventMixin``), without its
thread: headers and payload of the event, a producer with ``ensure``, a headers exchange. Nothing is
confirmed to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.benchmarks.clients.measuring import Meter, run

#: As many as a listener hands on at a time.
BATCH = 200
PARTITIONS = 16
HEADERS = {
    "Privilege": "call,all",
    "Channel": "PJSIP/alice-00000a3f",
    "ChannelState": "6",
    "ChannelStateDesc": "Up",
    "CallerIDNum": "2001",
    "CallerIDName": "Alice",
    "ConnectedLineNum": "2002",
    "ConnectedLineName": "Bob",
    "Language": "en",
    "AccountCode": "",
    "Context": "default",
    "Exten": "2002",
    "Priority": "7",
    "Uniqueid": "1769000000.2623",
    "Linkedid": "1769000000.2623",
    "Extension": "2002",
    "Application": "Dial",
    "AppData": "PJSIP/bob,30,tT",
}


def batches(
    port: int, broker: str, events: int, queues: str, partitions: int = 16
) -> dict[str, Any]:
    """Publish batches through the outlet; all of them are confirmed."""
    import django
    from celery import Celery
    from django.conf import settings

    settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS={})
    django.setup()
    from django_ami.conf.forward import Forward
    from django_ami.core.event_id import EventId
    from django_ami.forwarding.celery import CeleryOutlet, outlet
    from django_ami.forwarding.envelope import Envelope, encode
    from django_ami.forwarding.outlet import Batch

    app = Celery("bench", broker=broker)
    outlet.celery_app = lambda options: app  # type: ignore[assignment]
    options = {"APP": "bench", "QUEUES": queues, "PREFIX": f"bench.{queues}"}
    there = CeleryOutlet(Forward("celery", partitions=PARTITIONS, options=options))
    there.open()
    lines = {"Event": "Newexten", **HEADERS}
    raw = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n"
    meter = Meter(events)
    for start in range(0, events, BATCH * PARTITIONS):
        given = []
        for partition in range(PARTITIONS):
            first = 1 + start + partition * BATCH
            ids = [EventId("node_1", "epoch", number) for number in range(first, first + BATCH)]
            data = encode([Envelope(one, raw, 1.0) for one in ids])
            given.append(Batch(partition, data, ids[0], ids[-1], "bench", first))
        there.publish(given)
    meter.expected = start + BATCH * PARTITIONS
    meter.end()
    there.close(5)
    return meter.result()


def messages(port: int, broker: str, events: int) -> dict[str, Any]:
    """Publish a message for each event."""
    from kombu import Connection, Exchange, Producer, Queue

    exchange = Exchange("bench-headers", type="headers")
    with Connection(
        broker, transport_options={"interval_start": 2, "interval_step": 2, "interval_max": 32}
    ) as connection:
        queue = Queue("bench-events", exchange, binding_arguments={"name": "Newexten"})
        queue(connection.channel()).declare()
        meter = Meter(events)
        for _ in range(events):
            headers = {
                "name": "Newexten",
                "origin_uuid": "5a3c2e0e-8f0b-4b5e-9a41-0f2f6f0f8c11",
                "timestamp": datetime.now().isoformat(),
            }
            payload = {**headers, "data": dict(HEADERS)}
            producer = Producer(connection, exchange=exchange, auto_declare=True)
            publish = connection.ensure(
                producer, producer.publish, interval_start=2, interval_step=2, interval_max=32
            )
            publish(payload, headers=headers, routing_key="ami.Newexten")
        meter.end()
    return meter.result()


if __name__ == "__main__":
    run([batches, messages])
