"""From events to envelopes, and to the partitions in which these travel.

Rule: a call has one partition, by its root id when it was first seen, on every machine. When two
calls become one, the event by which they do goes to both partitions, and later ones to that of the
older call.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Final

from django_ami.core.event_id import EventId, make_epoch
from django_ami.core.session import Ready
from django_ami.forwarding.envelope import Envelope
from django_ami.forwarding.notices import encode
from django_ami.parallel.keys import KeyFunction, number_of
from django_ami.parallel.partitions import CallPartitions

if TYPE_CHECKING:
    from django_ami.conf.forward import Forward
    from django_ami.core.messages import Event
    from django_ami.core.session import Notice

__all__ = ["NOTICES", "Sorter"]

#: The partition of the notices of a server.
NOTICES: Final = 0


class Sorter:
    """Sorts what a listener forwards. One thread uses it."""

    def __init__(self, forward: Forward) -> None:
        self._count = forward.partitions
        self._key_of = None if forward.partition is None else KeyFunction(forward.partition)
        self._calls: dict[str, CallPartitions] = {}
        #: Notices have no place on the wire: their ids are of this run.
        self._epoch = make_epoch(time.time())
        self._numbers = count(1)

    def sort(
        self, server: str, event: Event, token: int | None, into: list[tuple[int, Envelope]]
    ) -> None:
        """Add the envelopes of an event, each with its partition."""
        number, others = self._place(server, event)
        now = time.time()
        into.append((number, Envelope(event.id, event.raw, now, token)))
        into.extend(
            (other, Envelope(event.id, event.raw, now, token, copy=True)) for other in others
        )

    def look(self, server: str, event: Event) -> None:
        """An event that is not forwarded may tell which channels are of one call."""
        self._place(server, event)

    def sort_notice(self, notice: Notice, token: int | None) -> tuple[int, Envelope] | None:
        """The envelope of a notice, with its partition; None if it has no signal.

        Another thread may tell of a gap.
        """
        if isinstance(notice, Ready):
            self.forget(notice.server)
        raw = encode(notice)
        if raw is None:
            return None
        id_ = EventId(notice.server, self._epoch, next(self._numbers))
        return NOTICES, Envelope(id_, raw, time.time(), token, kind="notice")

    def forget(self, server: str) -> None:
        """Nobody knows what became of the channels of a server."""
        self._calls.pop(server, None)

    def _place(self, server: str, event: Event) -> tuple[int, set[int]]:
        """The partition of an event, and those of calls that become one with its call."""
        if self._key_of is not None:
            return number_of(self._key_of(event), self._count), set()
        calls = self._calls.get(server)
        if calls is None:
            calls = self._calls[server] = CallPartitions()
        call, gone = calls.place(event)
        number = number_of(call.key, self._count)
        return number, {number_of(one.key, self._count) for one in gone} - {number}
