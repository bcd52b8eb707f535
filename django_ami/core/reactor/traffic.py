"""The findings of the last reads, by which a Leader pauses and a dispatcher knows a flood."""

from __future__ import annotations

__all__ = ["Traffic"]


class Traffic:
    """The servers write it down in a turn of the loop; others read it."""

    def __init__(self) -> None:
        #: True if events were read in this turn.
        self.eventful = False
        #: True if this turn left something unread.
        self.unread = False
        #: True if the last read left something unread: a flood.
        self.flooded = False
