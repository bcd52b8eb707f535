"""The families of metrics: a table of their names, types, labels and meanings.

Rule: each label has a bounded number of values, whatever calls come. None is ever a channel, a
number or the id of a call.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from django_ami.core.metering import Histogram

AnyFamily: TypeAlias = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily

__all__ = ["FAMILIES", "Family", "Sheet"]


class Family(NamedTuple):
    """One family. The name of a counter ends with ``_total``."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    text: str

    def empty(self) -> AnyFamily:
        """The family without samples."""
        made: AnyFamily = _KINDS[self.kind](self.name, self.text, labels=self.labels)
        return made


_KINDS: Final = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}

_SERVER = ("server",)
_QUEUE = ("server", "queue")
_PARTITION = ("server", "partition")

FAMILIES: Final = tuple(
    Family(*row)
    for row in (
        # --- the process ---
        ("ami_build_info", "gauge", ("version",), "1, with the version of django_ami"),
        ("ami_lost_log_records_total", "counter", (),
         "Records of the log that its handlers were too slow for"),
        ("ami_feed_failures_total", "counter", (),
         "Writes of the live feed that its store has refused"),
        ("ami_rows_written_total", "counter", ("table",),
         "Rows of the action log and of the history of calls that were written"),
        ("ami_rows_waiting", "gauge", ("table",), "Rows that wait for the database"),
        ("ami_rows_lost_total", "counter", ("table", "reason"),
         "Rows that the database has not taken"),
        # --- the connection ---
        ("ami_server_info", "gauge", ("server", "asterisk_version", "ami_version"),
         "1, with the versions that the server told last"),
        ("ami_ready", "gauge", _SERVER, "1 while the server is logged in and booted"),
        ("ami_state", "gauge", ("server", "state"), "1 for the state of the connection"),
        ("ami_failed_attempts", "gauge", _SERVER, "Attempts that failed since the last success"),
        ("ami_reconnects_total", "counter", ("server", "reason"),
         "Connections after the first, by the end of the one before"),
        ("ami_ping_round_trip_seconds", "gauge", _SERVER,
         "How long the last heartbeat took; a busy connection needs none"),
        ("ami_unwritten_bytes", "gauge", _SERVER, "Bytes that wait to be written"),
        ("ami_lease_held", "gauge", _SERVER,
         "1 while this process has the lease (ami_listen --standby)"),
        ("ami_takeovers_total", "counter", _SERVER, "How often this process has got the lease"),
        ("ami_gaps_total", "counter", ("server", "reason"),
         "Spans of time of which events are missing"),
        ("ami_gap_seconds_total", "counter", ("server", "reason"), "How long these spans were"),
        # --- events ---
        ("ami_events_received_total", "counter", _SERVER, "Events read from the server"),
        ("ami_events_ignored_total", "counter", _SERVER, "Events of names that nobody receives"),
        ("ami_events_delivered_total", "counter", _SERVER, "Events that all receivers took"),
        ("ami_events_failed_total", "counter", _SERVER,
         "Events of which a receiver raised in the end"),
        ("ami_events_dropped_total", "counter", ("server", "reason"),
         "Events that reached no receiver"),
        ("ami_events_dropped_important_total", "counter", _SERVER,
         "Of these, those of important_events"),
        ("ami_events_queued", "gauge", _SERVER, "Events that are not delivered yet"),
        ("ami_oldest_event_age_seconds", "gauge", _SERVER,
         "For how long the oldest of these has waited"),
        ("ami_last_event_timestamp_seconds", "gauge", _SERVER, "When the last event came"),
        # --- receivers ---
        ("ami_receiver_duration_seconds", "histogram", ("receiver",),
         "How long the calls of a receiver took"),
        ("ami_receiver_failures_total", "counter", ("receiver",), "How often a receiver raised"),
        ("ami_receiver_slow_calls_total", "counter", ("receiver",),
         "Calls that took longer than slow_receiver_threshold"),
        # --- forwarding, in the process of the listener ---
        ("ami_outlet_up", "gauge", (), "1 while the engine confirms what is forwarded to it"),
        ("ami_forwarded_events_total", "counter", (),
         "Events that are on the engine or in the spool"),
        ("ami_forwarded_unsafe", "gauge", (), "Events that are neither on the engine nor spooled"),
        ("ami_spool_events", "gauge", (), "Events in the spool"),
        ("ami_spool_bytes", "gauge", (), "Bytes of the spool that are in use"),
        ("ami_spool_limit_bytes", "gauge", (), "Bytes that the spool may use"),
        ("ami_spool_dropped_total", "counter", (), "Events that had to leave a full spool"),
        ("ami_spool_dropped_important_total", "counter", (),
         "Of these, those of important_events"),
        ("ami_spool_lost_batches_total", "counter", (), "Batches that could not be read"),
        # --- forwarded events, in the process of ami_consume ---
        ("ami_consumer_partitions", "gauge", _SERVER, "Partitions that this process consumes"),
        ("ami_consumed_events_total", "counter", ("outcome",),
         "Forwarded events by their fate: delivered, failed, or a dead letter"),
        ("ami_forwarded_lag_batches", "gauge", _PARTITION, "Batches that no consumer has read"),
        ("ami_forwarded_pending_batches", "gauge", _PARTITION,
         "Batches that a consumer has read, and is not through with"),
        ("ami_forwarded_dead_letters", "gauge", _PARTITION, "Dead letters that are kept"),
        ("ami_forwarded_lost_events_total", "counter", _PARTITION,
         "Events that were trimmed before every group had read them"),
        # --- actions ---
        ("ami_actions_total", "counter", ("server", "action", "outcome"),
         "Actions that are over"),
        ("ami_action_duration_seconds", "histogram", ("server", "action"),
         "How long it took from sending an action to its answer, connecting included"),
        ("ami_pending_actions", "gauge", _SERVER, "Actions that are not answered yet"),
        # --- other input ---
        ("ami_late_answers_total", "counter", _SERVER,
         "Answers after the deadline of their action, or a second time"),
        ("ami_unmatched_answers_total", "counter", _SERVER, "Answers that belong to no action"),
        ("ami_garbage_bytes_total", "counter", _SERVER, "Bytes that were no message"),
        ("ami_oversized_messages_total", "counter", _SERVER, "Messages over max_frame_size"),
        ("ami_suspect_messages_total", "counter", _SERVER, "Messages that look like two in one"),
        ("ami_swallowed_messages_total", "counter", _SERVER, "Messages lost in one without end"),
        ("ami_unexpected_errors_total", "counter", _SERVER,
         "Connections that a failure of our own ended"),
        # --- the live picture, in the process that keeps it ---
        ("ami_live_complete", "gauge", _SERVER,
         "1 once the live picture has taken over the server's lists"),
        ("ami_live_faults_total", "counter", _SERVER,
         "Events on which a part of the live picture failed"),
        ("ami_live_calls", "gauge", _SERVER, "Calls that live"),
        ("ami_calls_ended_total", "counter", ("server", "outcome"), "Calls that have ended"),
        ("ami_agents", "gauge", ("server", "state"), "Agents, each once, by their state"),
        ("ami_queue_agents", "gauge", (*_QUEUE, "state"), "Members of a queue, by their state"),
        ("ami_queue_callers", "gauge", _QUEUE, "Callers who wait"),
        ("ami_queue_longest_wait_seconds", "gauge", _QUEUE,
         "For how long the first of those who wait has waited; 0 if nobody does"),
        ("ami_queue_joined_total", "counter", _QUEUE, "Callers who joined"),
        ("ami_queue_answered_total", "counter", _QUEUE, "Callers whom an agent answered"),
        ("ami_queue_abandoned_total", "counter", _QUEUE,
         "Callers who hung up while they waited, short abandons excepted"),
        ("ami_queue_short_abandons_total", "counter", _QUEUE,
         "Callers who hung up within short_abandon_seconds"),
        ("ami_queue_left_total", "counter", (*_QUEUE, "reason"),
         "Callers who left in another way, or were not let in"),
        ("ami_queue_wait_seconds", "histogram", (*_QUEUE, "outcome"),
         "How long callers waited, short abandons excepted"),
        ("ami_queues_omitted", "gauge", _SERVER, "Queues beyond the first 500, without series"),
    )
)  # fmt: skip


class Sheet:
    """The families of one scrape, as they are filled."""

    def __init__(self) -> None:
        self._families = {family.name: family.empty() for family in FAMILIES}

    def add(self, name: str, value: float, *labels: str) -> None:
        """A sample of a gauge or a counter; the labels are in the order of the table."""
        family = self._families[name]
        assert not isinstance(family, HistogramMetricFamily)  # noqa: S101  (the table says so)
        family.add_metric(labels, float(value))

    def add_all(self, name: str, values: Mapping[str, float], *labels: str) -> None:
        """A sample for each value of the last label."""
        for label, value in values.items():
            self.add(name, value, *labels, label)

    def add_histogram(self, name: str, histogram: Histogram, *labels: str) -> None:
        """The samples of a histogram."""
        family = self._families[name]
        assert isinstance(family, HistogramMetricFamily)  # noqa: S101  (the table says so)
        bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
        counts = list(accumulate(map(float, histogram.counts)))
        family.add_metric(labels, list(zip(bounds, counts, strict=True)), histogram.total)

    def filled(self) -> Iterator[Metric]:
        """The families that have samples."""
        return (family for family in self._families.values() if family.samples)
