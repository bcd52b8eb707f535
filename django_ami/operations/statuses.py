"""The listeners of all processes, as their rows tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.listeners import STALE_BEATS, ListenerRole, ListenerStatus
from django_ami.operations import conf
from django_ami.operations.clock import since
from django_ami.operations.models import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["statuses"]


def statuses() -> Iterator[ListenerStatus]:
    """All listeners, by server; those that deliver come first.

    Raises ConfigurationError, and the errors of the database.
    """
    options = conf.load()
    rows = Listener.objects.using(options.database).annotate(age=since("seen_at"))
    for row in rows.order_by("server", "role", "host", "pid"):
        yield _status(row, STALE_BEATS * options.heartbeat_interval)


def _status(row: Any, longest_seconds: float) -> ListenerStatus:
    age = row.age.total_seconds()
    return ListenerStatus(
        server=row.server,
        host=row.host,
        pid=row.pid,
        version=row.version,
        role=ListenerRole(row.role),
        state=row.state,
        since=row.state_since,
        started=row.started_at,
        seen=row.seen_at,
        age=age,
        stale=age > longest_seconds,
        token=row.token,
        last_error=row.last_error,
        counters=row.counters,
        asterisk_version=row.asterisk_version,
        ami_version=row.ami_version,
        ping_round_trip=row.ping_round_trip,
    )
