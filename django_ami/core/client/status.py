"""How one server is: a snapshot for people, metrics and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.core.cluster import Member
    from django_ami.core.delivery import Counts

__all__ = ["ServerStatus", "status_of"]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server at a moment. Times are in seconds.

    Of events, received = ignored + delivered + failed + dropped + queued.
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

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        return asdict(self)


def status_of(server: Member, counts: Counts, now: float) -> ServerStatus:
    """How a server is ``now``, a moment of the reactor's clock."""
    session = server.session
    ready_since, last_event_at = session.ready_since, session.last_event_at
    return ServerStatus(
        name=server.name,
        address=server.peer,
        tls=server.config.tls is not None,
        state=session.state.value,
        ready=session.ready,
        ready_for=None if ready_since is None else now - ready_since,
        ami_version=session.ami_version,
        asterisk_version=session.asterisk_version,
        reconnects=max(0, session.connects - 1),
        failures=session.failures,
        last_error=None if session.last_error is None else session.last_error.message,
        last_event_age=None if last_event_at is None else now - last_event_at,
        pending_actions=session.pending,
        unwritten_bytes=len(session.outgoing),
        received=counts.received,
        ignored=counts.ignored,
        delivered=counts.delivered,
        failed=counts.failed,
        dropped=counts.dropped,
        dropped_important=counts.dropped_important,
        queued=counts.queued,
        late_answers=session.late,
        unmatched_answers=session.unmatched,
        garbage_bytes=session.garbage,
        oversized_messages=session.oversized,
        suspect_messages=session.suspect,
        swallowed_messages=session.swallowed,
    )
