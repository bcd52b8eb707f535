"""A new login for filters that let more in: when the connection may end for it.

Rule: no action is lost. The connection ends when none is under way. If there is no such moment,
new actions are kept for the next connection until those under way have their answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ConnectionLost
from django_ami.core.filters import select
from django_ami.core.session.connections import EndReason
from django_ami.core.session.state import GapReason

if TYPE_CHECKING:
    from django_ami.core.config import ServerConfig
    from django_ami.core.filters import Selection
    from django_ami.core.session.connections import Connections
    from django_ami.core.session.exchange import Exchange
    from django_ami.core.session.gate import Gate
    from django_ami.core.session.login import Known

__all__ = ["LONGEST_SECONDS", "PATIENT_SECONDS", "Widening"]

#: For how long a moment without actions is waited for; then new ones are kept.
PATIENT_SECONDS: Final = 5.0
#: When the connection ends, whatever is under way.
LONGEST_SECONDS: Final = 60.0
#: How often it looks whether actions are under way.
LOOK_SECONDS: Final = 0.05


class Widening:
    """The filters that are wanted, and since when those of the connection do not do.

    ``mask`` is that of the settings: "off" for a caller.
    """

    def __init__(
        self,
        config: ServerConfig,
        exchange: Exchange,
        gate: Gate,
        known: Known,
        connections: Connections,
        mask: str,
    ) -> None:
        self._config = config
        self._exchange = exchange
        self._gate = gate
        self._known = known
        self._connections = connections
        self._mask = mask
        self._since: float | None = None
        #: When to look again; None if no login is wanted.
        self.look_at: float | None = None
        #: Why events are missing behind this connection.
        self.reason = GapReason.CONNECTION_LOST

    def select(self) -> Selection | None:
        """The events to let through by filters of the server; None: no filters are to be set."""
        filters = self._config.options.server_filters == "auto"
        if not filters or self._mask == "off" or self._known.refuses_filters:
            return None
        return select(self._exchange.interest, self._mask)

    def compare(self, set_up: Selection | None, now: float) -> None:
        """The interest has changed: is a new login wanted, with these filters ``set_up``?"""
        wanted = self.select()
        if set_up is None or wanted is None:
            return
        if set_up.lets(wanted):
            if not self._gate.keeping:  # else actions wait for the next connection
                self.forget()
        elif self._since is None:
            self._since = self.look_at = now

    def forget(self) -> None:
        """There is another connection, or it is not wanted any more."""
        self._since = self.look_at = None
        self.reason = GapReason.CONNECTION_LOST

    def look(self, now: float) -> ConnectionLost | None:
        """The reason why the connection may end now, if it may."""
        if self._since is None:
            return None
        self.look_at = now + LOOK_SECONDS
        waited = now - self._since
        if waited >= PATIENT_SECONDS:
            self._gate.keeping = True
        if self._exchange.awaited and waited < LONGEST_SECONDS:
            return None
        self.reason = GapReason.WIDENED
        self._connections.ends(EndReason.WIDENED)
        text = "other events are wanted now, which its filters keep out: logging in anew."
        return ConnectionLost(text, server=self._config.name)
