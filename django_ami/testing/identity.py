"""Ids for events that no connection read: those made by factories, or delivered by hand."""

from __future__ import annotations

import os
import time
from functools import cache
from itertools import count

from django_ami.core.event_id import EventId, make_epoch
from django_ami.core.messages import Event

__all__ = ["identified", "make_id"]

_sequences = count(1)


@cache
def _epoch(_process: int) -> str:
    return make_epoch(time.time())


def make_id(server: str) -> EventId:
    """A new id, which no event of this process or of another one has."""
    return EventId(server, _epoch(os.getpid()), next(_sequences))


def identified(event: Event, server: str) -> Event:
    """The event as one of that server: with the id that it has, or with a new one."""
    try:
        found = event.id._replace(server=server)
    except ValueError:
        found = make_id(server)
    return Event(event.name, event.raw, found)
