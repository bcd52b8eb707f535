"""How one server is: a snapshot for people, metrics and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django_ami.core.scribe import scribe

if TYPE_CHECKING:
    from django_ami.core.cluster import Member
    from django_ami.core.event_queue import Counts

__all__ = ["ServerStatus", "status_of"]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server at a moment. Times are in seconds.

    Of events, received = ignored + delivered + failed + dropped + queued. ``lost_log_records``
    counts, for the whole process, the records that the handlers of LOGGING were too slow for.
    ``gaps`` counts the spans of time of which events are missing: after each reconnect, and after
    each time that some were dropped.
    """

    name: str
    address: str
    tls: bool
    state: str
    ready: bool
    ready_for: float | None
    ami_version: str
    asterisk_version: str
    reconnects: int
    gaps: int
    failures: int
    last_error: str | None
    last_event_age: float | None
    pending_actions: int
    unwritten_bytes: int
    received: int
    ignored: int
    delivered: int
    failed: int
    dropped: int
    dropped_important: int
    queued: int
    late_answers: int
    unmatched_answers: int
    garbage_bytes: int
    oversized_messages: int
    suspect_messages: int
    swallowed_messages: int
    unexpected_errors: int
    lost_log_records: int

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        return asdict(self)


def status_of(server: Member, counts: Counts, now: float) -> ServerStatus:
    """How a server is ``now``, a moment of the reactor's clock."""
    session, exchange = server.session, server.session.exchange
    retry, known = session.retry, session.known
    ready_since, last_event_at = session.ready_since, exchange.last_event_at
    return ServerStatus(
        name=server.name,
        address=server.peer,
        tls=server.config.tls is not None,
        state=session.state.value,
        ready=session.ready,
        ready_for=None if ready_since is None else now - ready_since,
        ami_version=known.ami_version,
        asterisk_version=known.asterisk_version,
        reconnects=max(0, session.connects - 1),
        gaps=counts.gaps,
        failures=retry.failures,
        last_error=None if retry.last_error is None else retry.last_error.message,
        last_event_age=None if last_event_at is None else now - last_event_at,
        pending_actions=len(exchange.pending),
        unwritten_bytes=len(exchange.outgoing),
        received=counts.received,
        ignored=counts.ignored,
        delivered=counts.delivered,
        failed=counts.failed,
        dropped=counts.dropped,
        dropped_important=counts.dropped_important,
        queued=counts.queued,
        **asdict(exchange.counters),
        lost_log_records=scribe.lost,
    )
