"""Has a lease handed over if this process does not reach the server, and a standby does.

Rule: not at once. A restart of Asterisk cuts off all alike, and they have said so by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.lease import boottime
from django_ami.core.log import get_logger
from django_ami.operations import handover
from django_ami.operations.audit import Author

if TYPE_CHECKING:
    from django_ami.operations.conf import OperationsOptions

__all__ = ["Yielding"]

logger = get_logger(__name__)

_READY: Final = "ready"
#: A standby has written its row so often since the server went away.
_BEATS: Final = 2


class Yielding:
    """Looks after the servers whose leases this process has."""

    def __init__(self, options: OperationsOptions) -> None:
        self._patience = max(options.lease_timeout, _BEATS * options.heartbeat_interval)
        #: By server, and by ``boottime``: since when it is away, or a handover was asked for.
        self._since: dict[str, float] = {}

    def look(self, server: str, state: str, token: int | None) -> None:
        """Ask for a handover if it is time; ``token`` is that of our lease, None without one.

        Raises ConfigurationError, and the errors of the database.
        """
        if token is None or state == _READY:
            self._since.pop(server, None)
            return
        waited = boottime() - self._since.setdefault(server, boottime())
        if waited < self._patience or not _reached_by_another(server):
            return
        self._since[server] = boottime()
        try:
            handover.request(server, token, Author(who="this process"))
        except handover.HandoverRefused:  # the standby is gone, or has the lease by now
            return
        logger.warning(
            "%s: this process has not reached the server for %.1f s, and a standby does: the "
            "lease is handed over.",
            server,
            waited,
            extra={"server": server, "lease": token, "seconds": round(waited, 1)},
        )


def _reached_by_another(server: str) -> bool:
    return any(one.state == _READY for one in handover.successors(server))
