"""Tells of events that had to leave a full spool: in the log, and to the receivers of the others.

Rule: a spool that stays full is told every few seconds, not with each event.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.log import get_logger
from django_ami.core.session import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.forwarding.dropped import Dropped

__all__ = ["Overflow"]

logger = get_logger(__name__)

_REPORT_SECONDS: Final = 5.0


class Overflow:
    """Gathers what was dropped. ``tell`` gets a gap for each server."""

    def __init__(self, tell: Callable[[Gap], object]) -> None:
        self._tell = tell
        self._dropped: dict[str, Dropped] = {}
        self._reported_at = -inf

    def add(self, dropped: Iterable[Dropped]) -> None:
        """These had to leave."""
        for one in dropped:
            known = self._dropped.setdefault(one.server, one)
            if known is not one:
                known.merge(one)

    def report(self, *, everything: bool = False) -> None:
        """Tell, if it is time; ``everything``: even if it is not."""
        now = time.monotonic()
        if not self._dropped or not (everything or now - self._reported_at >= _REPORT_SECONDS):
            return
        self._reported_at = now
        for server, one in self._dropped.items():
            logger.error(
                "%s: the spool is full: %d events that waited for the engine are lost, %d of them "
                "important. Look after the engine, or raise SPOOL_BYTES of AMI_FORWARD.",
                server,
                one.events,
                one.important,
                extra={"server": server},
            )
            unix = time.time()
            begin, end = now - (unix - one.begin), now - (unix - one.end)
            self._tell(Gap(server, begin, end, GapReason.OVERLOAD, one.events))
        self._dropped.clear()
