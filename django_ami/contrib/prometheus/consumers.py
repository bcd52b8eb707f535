"""Metrics of forwarded events, in the process of ``ami_consume``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.running import running_consumer

if TYPE_CHECKING:
    from django_ami.contrib.prometheus.families import Sheet

__all__ = ["fill_consumer"]

#: By family, the attribute of the standing that it shows.
_STANDING: Final = {
    "ami_forwarded_lag_batches": "lag",
    "ami_forwarded_pending_batches": "pending",
    "ami_forwarded_dead_letters": "dead",
    "ami_forwarded_lost_events_total": "lost",
}


def fill_consumer(sheet: Sheet) -> None:
    """The consumer of this process, and how far all partitions of its servers are."""
    consumer = running_consumer()
    if consumer is None:
        return
    for server, count in consumer.held.items():
        sheet.add("ami_consumer_partitions", count, server)
    total = consumer.consumed
    outcomes = {"delivered": total.delivered, "failed": total.failed, "dead": total.dead}
    sheet.add_all("ami_consumed_events_total", outcomes)
    for stream, standing in consumer.standings.items():
        for family, attribute in _STANDING.items():
            sheet.add(family, getattr(standing, attribute), stream.server, str(stream.partition))
