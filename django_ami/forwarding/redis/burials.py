"""Tells which events are dead letters now.

Rule: each has a line while there are few. A receiver that fails for every event writes some lines,
and then their number.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from django_ami.core.log import get_logger
from django_ami.core.reports import Level, Reports

if TYPE_CHECKING:
    from django_ami.forwarding.redis.keys import Stream

__all__ = ["Burials", "Letter"]

logger = get_logger(__name__)


class Letter(NamedTuple):
    """A dead letter: an event, or the bytes of a batch that cannot be read."""

    id: str
    reason: str
    tries: int
    data: bytes


class Burials:
    """The dead letters of a thread."""

    def __init__(self) -> None:
        self._reports: Reports[str] = Reports()

    def tell(self, stream: Stream, one: Letter) -> None:
        """An event is kept as a dead letter."""
        server = stream.server
        if self._reports.add(server, time.monotonic(), one.id) is not Level.COUNTED:
            logger.error(
                "%s: the event %s is a dead letter now (attempts: %d): %s. The next ones go "
                "on. It is in the stream %s.",
                stream, one.id, one.tries, one.reason, stream.dead, extra={"server": server},
            )  # fmt: skip

    def report(self, *, everything: bool = False) -> None:
        """Tell how many had no line, if it is time; ``everything``: even if it is not."""
        now = time.monotonic()
        if not everything and now < self._reports.due_at:
            return
        for one in self._reports.due(now, everything=everything):
            logger.error(
                "%s: %d events more are dead letters, in %.1f s; the last one is %s.",
                one.kind, one.count, one.seconds, one.last, extra={"server": one.kind},
            )  # fmt: skip
