"""One server of a client, as users hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.core.actions import Action
    from django_ami.core.client.sending import Sender
    from django_ami.core.client.status import ServerStatus
    from django_ami.core.cluster import Member
    from django_ami.core.pending import PendingAction

__all__ = ["ServerHandle"]


class ServerHandle:
    """One server of a client: send to it, and look at it. The ``sender`` of its events."""

    def __init__(self, client: Sender[Any], server: Member) -> None:
        self._client = client
        self._server = server
        self.name = server.name

    def send(self, action: Action, *, timeout: float | None = None) -> PendingAction:
        """Send an action to this server and to no other; see ``Client.send``."""
        return self._client.send(action, server=self.name, timeout=timeout)

    @property
    def ready(self) -> bool:
        """True while it is logged in and booted."""
        return self._server.session.ready

    @property
    def address(self) -> str:
        """Where we are connected, or try to: ``host:port``."""
        return self._server.peer

    def status(self) -> ServerStatus:
        """How it is now."""
        return self._client.status()[self.name]

    def __repr__(self) -> str:
        return f"<ServerHandle {self.name}: {self._server.session.state}>"
