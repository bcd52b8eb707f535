"""The report of dropped events: when they begin, and then once per interval while they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.cluster.containment import contained
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.config import ServerConfig
    from django_ami.core.delivery import Delivery
    from django_ami.core.reactor import Loop, Timer

__all__ = ["Drops"]

logger = get_logger(__name__)

#: The least time between two reports of dropped events.
DROP_REPORT_SECONDS: Final = 10.0


class Drops:
    """The dropped events of one server. ``contain`` is called with what goes wrong in a timer."""

    def __init__(
        self,
        config: ServerConfig,
        loop: Loop,
        delivery: Delivery,
        slowest_receiver: Callable[[], str],
        contain: Callable[[Exception], None],
    ) -> None:
        self._name = config.name
        self._options = config.options
        self._loop = loop
        self._delivery = delivery
        self._slowest_receiver = slowest_receiver
        self._contain = contain
        self._unreported = 0
        self._timer: Timer | None = None

    def report(self, dropped: int) -> None:
        """This number of events was dropped, too."""
        self._unreported += dropped
        if self._timer is None:
            self._announce()

    def start_afresh(self) -> None:
        """The timer may be gone without having done what it was for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contained
    def _announce(self) -> None:
        self._timer = None
        if not self._unreported:
            return
        options = self._options
        full = f"{options.event_queue_capacity} (option event_queue_capacity)"
        if self._delivery.is_heavy(self._name):
            full = f"{options.event_queue_bytes} bytes (option event_queue_bytes)"
        logger.warning(
            "%s: %d events dropped, %d in all: the queue of %s is full.%s",
            self._name,
            self._unreported,
            self._delivery.counts(self._name).dropped,
            full,
            _Blame(self._slowest_receiver),
            extra={
                "server": self._name,
                "dropped": self._unreported,
                "queue_depth": self._delivery.counts(self._name).queued,
            },
        )
        self._unreported = 0
        self._timer = self._loop.call_at(self._loop.now + DROP_REPORT_SECONDS, self._announce)


class _Blame:
    """The slowest receiver, as a sentence for the log.

    The log asks for its name, and that is not in a turn of the reactor.
    """

    def __init__(self, slowest_receiver: Callable[[], str]) -> None:
        self._slowest_receiver = slowest_receiver

    def __str__(self) -> str:
        slowest = self._slowest_receiver()
        return f" Slowest receiver: {slowest}." if slowest else ""
