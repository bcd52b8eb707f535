"""From when to when a listener heard nothing of its server."""

from __future__ import annotations

from django_ami.core.session.state import Gap, GapReason

__all__ = ["Hearing"]


class Hearing:
    """Whether events come, and since when not; ``wanted`` is False if none are asked for."""

    def __init__(self, server: str, *, wanted: bool) -> None:
        self._server = server
        self._wanted = wanted
        #: True from the login on, until the connection ends.
        self._hears = False
        #: When the last message came that no gap follows yet, and why one does.
        self._heard_until: float | None = None
        self._why = GapReason.CONNECTION_LOST

    def begin(self, now: float) -> list[Gap]:
        """The login is accepted. Returns the gap that ends with it, if there was one."""
        self._hears = self._wanted
        if not self._wanted or self._heard_until is None:
            return []
        why, self._why = self._why, GapReason.CONNECTION_LOST
        return [Gap(self._server, self._heard_until, now, why)]

    def end(self, last_received: float, why: GapReason) -> None:
        """The connection is gone; its last message came at that moment."""
        if self._hears:
            self._hears = False
            self._heard_until = last_received
            self._why = why

    def pause(self) -> None:
        """Another process delivers the events: none of them is missing here."""
        self._hears = False
        self._heard_until = None

    def resume(self, heard_until: float | None) -> None:
        """This process delivers them from the next ``begin`` on.

        The other one is known to have delivered those up to ``heard_until``; None: nobody ever did.
        """
        self._heard_until = heard_until
        self._why = GapReason.TAKEOVER

    def succeed(self, predecessor: Hearing) -> None:
        """Go on in the place of a session of the same server that had other settings."""
        if self._heard_until is None:
            self._heard_until = predecessor._heard_until
            takes_over = predecessor._why is GapReason.TAKEOVER
            self._why = GapReason.TAKEOVER if takes_over else GapReason.SETTINGS_CHANGED
