"""Metrics for Prometheus, from ``ami.status()``: needs the extra ``django-ami[prometheus]``.

::

    from prometheus_client import REGISTRY, start_http_server
    from django_ami.contrib.prometheus import AmiCollector

    REGISTRY.register(AmiCollector())
    # In ami_listen, for instance from an AppConfig.ready of the worker's settings:
    start_http_server(9100)

Collecting opens no connection: a process that has sent nothing yet shows its servers as not ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from django_ami import feeds
from django_ami.accessor import ami

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.client import ServerStatus

__all__ = ["AmiCollector"]


class AmiCollector(Collector):
    """Every server of this process, at the moment of the scrape."""

    def collect(self) -> Iterable[Metric]:
        """One family per figure, with the server's name as label."""
        servers = list(ami.status().values())
        yield _gauge("ami_ready", "1 while the server is logged in and booted", servers, "ready")
        yield _counter("ami_events_received", "Events read from the server", servers, "received")
        yield _counter(
            "ami_events_ignored", "Events of names that nobody receives", servers, "ignored"
        )
        yield _counter(
            "ami_events_delivered", "Events that all receivers took", servers, "delivered"
        )
        yield _counter(
            "ami_events_failed", "Events of which a receiver raised in the end", servers, "failed"
        )
        yield _counter(
            "ami_events_dropped", "Events dropped because the queue was full", servers, "dropped"
        )
        yield _counter(
            "ami_events_dropped_important", "Of these, important ones", servers, "dropped_important"
        )
        yield _gauge("ami_events_queued", "Events that wait for receivers", servers, "queued")
        yield _gauge(
            "ami_pending_actions", "Actions that are not answered yet", servers, "pending_actions"
        )
        yield _gauge(
            "ami_unwritten_bytes", "Bytes that wait to be written", servers, "unwritten_bytes"
        )
        yield _counter("ami_reconnects", "Connections after the first", servers, "reconnects")
        yield _counter("ami_gaps", "Spans of time of which events are missing", servers, "gaps")
        yield _counter(
            "ami_late_answers", "Answers after their deadline, or doubled", servers, "late_answers"
        )
        yield _counter(
            "ami_unmatched_answers",
            "Answers that belong to no action",
            servers,
            "unmatched_answers",
        )
        yield _counter("ami_garbage_bytes", "Bytes that were no message", servers, "garbage_bytes")
        yield _counter(
            "ami_oversized_messages", "Messages over max_frame_size", servers, "oversized_messages"
        )
        yield _counter(
            "ami_suspect_messages",
            "Messages that look like two in one",
            servers,
            "suspect_messages",
        )
        yield _counter(
            "ami_swallowed_messages",
            "Messages lost in one without end",
            servers,
            "swallowed_messages",
        )
        yield _counter(
            "ami_unexpected_errors",
            "Connections that our own failure ended",
            servers,
            "unexpected_errors",
        )
        lost = max((server.lost_log_records for server in servers), default=0)
        yield CounterMetricFamily(
            "ami_lost_log_records",
            "Records of the log that its handlers were too slow for, of this process",
            lost,
        )
        yield CounterMetricFamily(
            "ami_feed_failures",
            "Writes of the live feed that its store has refused, of this process",
            feeds.failures(),
        )


def _gauge(name: str, text: str, servers: list[ServerStatus], field: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["server"])
    for server in servers:
        family.add_metric([server.name], float(getattr(server, field)))
    return family


def _counter(name: str, text: str, servers: list[ServerStatus], field: str) -> Metric:
    family = CounterMetricFamily(name, text, labels=["server"])
    for server in servers:
        family.add_metric([server.name], float(getattr(server, field)))
    return family
