"""Metrics of servers and receivers, as the status of this process tells."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final

import django_ami
from django_ami import batches, feeds
from django_ami.core.metering import MOST_NAMES, OTHER
from django_ami.core.session import State
from django_ami.running import running
from django_ami.signals import classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.contrib.prometheus.families import Sheet
    from django_ami.core.client import ServerStatus

__all__ = ["fill_process", "fill_receivers", "fill_server"]

#: By family, the attribute of the status that it shows.
_PLAIN: Final = {
    "ami_ready": "ready",
    "ami_failed_attempts": "failures",
    "ami_unwritten_bytes": "unwritten_bytes",
    "ami_takeovers_total": "takeovers",
    "ami_events_received_total": "received",
    "ami_events_ignored_total": "ignored",
    "ami_events_delivered_total": "delivered",
    "ami_events_failed_total": "failed",
    "ami_events_dropped_important_total": "dropped_important",
    "ami_events_queued": "queued",
    "ami_pending_actions": "pending_actions",
    "ami_late_answers_total": "late_answers",
    "ami_unmatched_answers_total": "unmatched_answers",
    "ami_garbage_bytes_total": "garbage_bytes",
    "ami_oversized_messages_total": "oversized_messages",
    "ami_suspect_messages_total": "suspect_messages",
    "ami_swallowed_messages_total": "swallowed_messages",
    "ami_unexpected_errors_total": "unexpected_errors",
}
_BY_REASON: Final = {
    "ami_reconnects_total": "reconnects_by_reason",
    "ami_gaps_total": "gaps_by_reason",
    "ami_gap_seconds_total": "gap_seconds_by_reason",
    "ami_events_dropped_total": "dropped_by_reason",
}


def fill_process(sheet: Sheet, servers: Iterable[ServerStatus]) -> None:
    """The process, whatever its servers."""
    sheet.add("ami_build_info", 1, django_ami.__version__)
    lost = max((server.lost_log_records for server in servers), default=0)
    sheet.add("ami_lost_log_records_total", lost)
    sheet.add("ami_feed_failures_total", feeds.failures())
    for table, rows in batches.statuses().items():
        sheet.add("ami_rows_written_total", rows.written, table)
        sheet.add("ami_rows_waiting", rows.waiting, table)
        reasons = {"away": rows.lost, "refused": rows.failed}
        sheet.add_all("ami_rows_lost_total", reasons, table)


def fill_server(sheet: Sheet, status: ServerStatus) -> None:
    """One server of this process."""
    name = status.name
    for family, attribute in _PLAIN.items():
        sheet.add(family, getattr(status, attribute), name)
    for family, attribute in _BY_REASON.items():
        by_reason = {key.replace(" ", "_"): one for key, one in getattr(status, attribute).items()}
        sheet.add_all(family, by_reason, name)
    sheet.add_all("ami_state", {one.value: status.state == one for one in State}, name)
    if status.asterisk_version or status.ami_version:
        sheet.add("ami_server_info", 1, name, status.asterisk_version, status.ami_version)
    sheet.add("ami_oldest_event_age_seconds", status.oldest_event_age or 0.0, name)
    if status.last_event_age is not None:
        sheet.add("ami_last_event_timestamp_seconds", time.time() - status.last_event_age, name)
    if status.ping_round_trip is not None:
        sheet.add("ami_ping_round_trip_seconds", status.ping_round_trip, name)
    dispatcher = running()
    if dispatcher is not None and dispatcher.leased:
        sheet.add("ami_lease_held", dispatcher.serves(name), name)


def fill_receivers(sheet: Sheet) -> None:
    """The receivers of this process, and functions for the ends of actions."""
    receivers = classes.receivers
    durations = dict(receivers.times.durations or {})
    for name, histogram in durations.items():
        sheet.add_histogram("ami_receiver_duration_seconds", histogram, name)
    # From 0 on: the function "increase" of Prometheus does not see a counter that begins with 1.
    none = dict.fromkeys(durations, 0)
    sheet.add_all("ami_receiver_failures_total", _bounded({**none, **receivers.failures}))
    sheet.add_all("ami_receiver_slow_calls_total", _bounded({**none, **receivers.slow_calls}))


def _bounded(counts: Mapping[str, int]) -> dict[str, int]:
    """The first names, which stay the first, and all others together."""
    names = iter(list(counts.items()))
    found = dict(islice(names, MOST_NAMES))
    if rest := sum(count for _, count in names):
        found[OTHER] = found.get(OTHER, 0) + rest
    return found
