"""The listeners of all processes, as an app with tables knows them; the base app knows none.

``django_ami.operations`` registers itself here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

__all__ = [
    "STALE_BEATS", "ListenerRole", "ListenerStatus", "are_known", "listeners", "register",
]  # fmt: skip

#: A listener is stale when this number of its heartbeats is missing.
STALE_BEATS: Final = 3


class ListenerRole(StrEnum):
    """The part of a listener among those of its server."""

    #: It has the lease, and delivers.
    ACTIVE = "active"
    #: It waits for the lease.
    STANDBY = "standby"
    #: It was started without ``--standby``, and delivers whatever others do.
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """A listener of a server, as it was when it said so last. Datetimes are of the database."""

    server: str
    host: str
    pid: int
    version: str
    role: ListenerRole
    #: The state of its connection, as in ``ServerStatus``, and since when.
    state: str
    since: datetime
    started: datetime
    #: When it said so last, and how many seconds ago that was.
    seen: datetime
    age: float
    #: True if it should have said something since: it was killed, hangs, or lacks the database.
    stale: bool
    #: That of its lease; None if it has none.
    token: int | None
    last_error: str
    #: The counts of its events and connections, as in ``ServerStatus``.
    counters: Mapping[str, int]
    #: Of the server, as it told this listener; empty if it has not.
    asterisk_version: str = ""
    ami_version: str = ""
    #: How long the server took for its last Ping, in seconds; None if there was none.
    ping_round_trip: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        times = {name: getattr(self, name).isoformat() for name in ("since", "started", "seen")}
        return {**asdict(self), **times, "role": str(self.role)}

    def __str__(self) -> str:
        where = f"{self.host}, process {self.pid}"
        if self.stale:
            return f"{where}: stale, it was {self.role} and not heard of since {self.seen:%F %T %Z}"
        lease = "" if self.token is None else f", token {self.token}"
        error = f"; {self.last_error}" if self.state != "ready" and self.last_error else ""
        since = f"{self.since:%F %T %Z}"
        return f"{where}: {self.role}{lease}, {self.state} since {since}{error}{self._forwarding}"

    @property
    def _forwarding(self) -> str:
        """The words of an engine that does not take all that is forwarded."""
        spooled = self.counters.get("spool_events", 0)
        away = "" if self.counters.get("outlet_up", 1) else "; the engine is away"
        return f"{away}; {spooled} events in the spool" if away or spooled else ""


_sources: list[Callable[[], Iterable[ListenerStatus]]] = []


def register(source: Callable[[], Iterable[ListenerStatus]]) -> None:
    """Have ``source`` say which listeners there are; of several, the last one counts."""
    _sources.append(source)


def are_known() -> bool:
    """True if an app knows the listeners of other processes."""
    return bool(_sources)


def listeners() -> dict[str, tuple[ListenerStatus, ...]]:
    """The listeners of all processes, by server.

    Raises ConfigurationError if no app knows them, and the errors of the database.
    """
    if not _sources:
        raise ConfigurationError(
            "the listeners of other processes are not known: add 'django_ami.operations' to "
            "INSTALLED_APPS and run migrate."
        )
    found: dict[str, tuple[ListenerStatus, ...]] = {}
    for one in _sources[-1]():
        found[one.server] = (*found.get(one.server, ()), one)
    return found
