"""Every server with its lease, its listeners, and the connection of this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_ami.accessor import ami
from django_ami.listeners import ListenerRole, listeners
from django_ami.operations import conf
from django_ami.operations.clock import since
from django_ami.operations.models import Lease

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django_ami.core.client import ServerStatus
    from django_ami.listeners import ListenerStatus

__all__ = ["LeaseStatus", "ServerOverview", "overview"]


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    """A lease, as its row says."""

    token: int
    holder_name: str
    #: For how many seconds the holder still has it; negative: since when nobody has it.
    left: float
    acquired: datetime | None
    #: A handover is wanted: since when, and by whom.
    requested: datetime | None
    requested_by: str

    @property
    def is_held(self) -> bool:
        """True if a listener has it."""
        return bool(self.holder_name) and self.left > 0


@dataclass(frozen=True, slots=True)
class ServerOverview:
    """One server."""

    name: str
    #: In this process; None if its settings have no such server.
    here: ServerStatus | None
    listeners: tuple[ListenerStatus, ...]
    lease: LeaseStatus | None

    @property
    def delivering(self) -> tuple[ListenerStatus, ...]:
        """The listeners that deliver its events now."""
        return tuple(
            one
            for one in self.listeners
            if one.role is not ListenerRole.STANDBY and not one.stale and one.state == "ready"
        )

    def told(self, field: str) -> Any:
        """The value of a field, of a listener that is heard of; None if none has it."""
        fresh = sorted((one for one in self.listeners if not one.stale), key=_standbys_last)
        return next((value for one in fresh if (value := getattr(one, field))), None)


def _standbys_last(one: ListenerStatus) -> bool:
    return one.role is ListenerRole.STANDBY


def overview() -> tuple[ServerOverview, ...]:
    """Those of the settings, and those that a listener tells of, by name: in two queries.

    Raises ConfigurationError, and the errors of the database.
    """
    here, others, leases = ami.status(), listeners(), _leases()
    return tuple(
        ServerOverview(name, here.get(name), others.get(name, ()), leases.get(name))
        for name in sorted({*here, *others})
    )


def _leases() -> Mapping[str, LeaseStatus]:
    rows: Any = Lease.objects.using(conf.load().database).annotate(over=since("expires_at"))
    return {
        row.server: LeaseStatus(
            row.token,
            row.holder_name,
            -row.over.total_seconds(),
            row.acquired_at,
            row.handover_requested_at,
            row.handover_requested_by,
        )
        for row in rows
    }
