"""How often a server became ready, and why each connection before that had ended."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Connections", "EndReason"]


class EndReason(StrEnum):
    """Why a connection that was ready has ended."""

    #: The server or the network ended it, or a failure of ours.
    CLOSED = "closed"
    #: No Ping was answered, or nothing came.
    SILENT = "silent"
    #: It sent no AMI, or a message without an end.
    UNREADABLE = "unreadable"
    #: Other events are wanted, which its filters keep out.
    WIDENED = "filters_widened"
    #: It had nothing to send.
    IDLE = "idle"


class Connections:
    """The connections of one server that became ready: ``ready`` counts them."""

    def __init__(self) -> None:
        self.ready = 0
        self._end = EndReason.CLOSED
        #: How often it became ready again, by the end of the connection before.
        self.reconnects = dict.fromkeys(EndReason, 0)

    def ends(self, why: EndReason, *, ready: bool = True) -> None:
        """The connection is going to end; if it was never ``ready``, the one before counts."""
        if ready:
            self._end = why

    def became_ready(self) -> bool:
        """Count one more. True if it had been ready before."""
        again, self.ready = self.ready > 0, self.ready + 1
        if again:
            self.reconnects[self._end] += 1
        self._end = EndReason.CLOSED
        return again
