"""How one server is: a snapshot for people, metrics and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from django_ami.core.scribe import scribe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from django_ami.core.cluster import Member
    from django_ami.core.counters import Counts
    from django_ami.core.overflow import Losses

__all__ = ["ServerStatus", "status_of"]

Reason = TypeVar("Reason", bound="StrEnum")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server at a moment. Times are in seconds.

    Of events, received = ignored + delivered + failed + dropped + queued. ``lost_log_records``
    counts, for the whole process, the records that the handlers of LOGGING were too slow for.
    ``gaps`` counts the spans of time of which events are missing: after each reconnect, and after
    each time that some were dropped. ``oldest_event_age`` is for how long the oldest of the events
    that are not delivered yet has waited; ``ping_round_trip`` is that of the last heartbeat of this
    connection. ``takeovers`` counts how often this process has got the server's lease.
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
    oldest_event_age: float | None
    ping_round_trip: float | None
    takeovers: int
    #: The counts of the same names, by reason.
    dropped_by_reason: Mapping[str, int] = field(default_factory=dict)
    reconnects_by_reason: Mapping[str, int] = field(default_factory=dict)
    gaps_by_reason: Mapping[str, int] = field(default_factory=dict)
    #: How long the gaps were in all, by reason.
    gap_seconds_by_reason: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        return asdict(self)


def status_of(
    server: Member, counts: Counts, losses: Losses, oldest: float | None, now: float
) -> ServerStatus:
    """How a server is ``now``, a moment of the reactor's clock.

    ``oldest`` is when the oldest event came that is not delivered yet.
    """
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
        reconnects=max(0, session.connections.ready - 1),
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
        **exchange.counters.as_dict(),
        lost_log_records=scribe.lost,
        oldest_event_age=None if oldest is None else max(0.0, now - oldest),
        ping_round_trip=exchange.liveness.round_trip,
        takeovers=losses.takeovers,
        dropped_by_reason=_plain(losses.dropped),
        reconnects_by_reason=_plain(session.connections.reconnects),
        gaps_by_reason=_plain(losses.gaps),
        gap_seconds_by_reason=_plain(losses.gap_seconds),
    )


def _plain(by_reason: Mapping[Reason, Number]) -> dict[str, Number]:
    return {reason.value: number for reason, number in by_reason.items()}
