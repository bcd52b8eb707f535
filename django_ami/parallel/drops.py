"""The report of events that full lanes have dropped: at once, and then once per interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.core.overflow import DropReason

if TYPE_CHECKING:
    from django_ami.core.client import Client

__all__ = ["LaneDrops"]

logger = get_logger(__name__)

#: The least time between two reports about one server.
REPORT_SECONDS: Final = 10.0


class LaneDrops:
    """The drops of so many ``lanes``, for the thread that puts events into them."""

    def __init__(self, client: Client, lanes: int) -> None:
        self._client = client
        self._lanes = lanes
        #: By server: how many are not reported yet, and when the last report was.
        self._unreported: dict[str, int] = {}
        self._reported_at: dict[str, float] = {}

    def note(self, server: str, count: int, *, heavy: bool) -> None:
        """A lane has dropped so many events of a server; ``heavy``: for too many bytes."""
        why = DropReason.BYTES if heavy else DropReason.EVENTS
        self._client.inbox.note_reason(server, count, why)
        self._unreported[server] = self._unreported.get(server, 0) + count
        self.report()

    def report(self, *, everything: bool = False) -> None:
        """Report what is due, or all that is not reported yet."""
        if not self._unreported:
            return
        now = time.monotonic()
        for server in list(self._unreported):
            last = self._reported_at.get(server, float("-inf"))
            if everything or now - last >= REPORT_SECONDS:
                self._reported_at[server] = now
                self._tell(server, self._unreported.pop(server))

    def _tell(self, server: str, count: int) -> None:
        logger.warning(
            "%s: %d events dropped: the queue of one of %d threads of receivers is full (its part "
            "of event_queue_capacity or event_queue_bytes). Slowest receiver: %s.",
            server,
            count,
            self._lanes,
            self._client.receivers.slowest() or "none is known to run",
            extra={"server": server, "dropped": count},
        )
