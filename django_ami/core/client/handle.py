"""One server, as users hold it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action
    from django_ami.core.client.originated import OriginatedCall
    from django_ami.core.client.originating import CallOptions
    from django_ami.core.client.status import ServerStatus
    from django_ami.core.cluster import Member
    from django_ami.core.lease import Lease
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout

__all__ = ["ServerHandle", "forwarded_under"]

#: The lease of the listener that has forwarded the events whose receivers run; None elsewhere.
forwarded_under: Final[ContextVar[Lease | None]] = ContextVar("forwarded_under", default=None)


class Servers(Protocol):
    """The methods of a client that a handle needs."""

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction: ...
    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall: ...
    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall: ...
    def member(self, name: str) -> Member: ...
    def status(self) -> dict[str, ServerStatus]: ...


class ServerHandle:
    """One server by its name: send to it, and look at it. The ``sender`` of its events.

    It asks for its client at every use, so it may be kept for as long as the process lives: it
    outlives a client that is closed, settings that change, and, as ``ami.server(name)``, a fork.
    Everything but ``name`` raises ConfigurationError if the server is no longer among the settings.
    """

    def __init__(self, name: str, client: Callable[[], Servers]) -> None:
        self.name = name
        self._lease: Lease | None = None
        self._client = client

    @property
    def lease(self) -> Lease | None:
        """That under which the server's events are delivered, for a receiver; None if under none.

        In a listener it is that of this process, set before each batch. In a consumer it is that of
        the listener that forwarded the event, and each thread, or task, has that of its own event.
        """
        forwarded = forwarded_under.get()
        if forwarded is not None and forwarded.server == self.name:
            return forwarded
        return self._lease

    @lease.setter
    def lease(self, lease: Lease | None) -> None:
        self._lease = lease

    def send(self, action: Action, *, timeout: Timeout | None = None) -> PendingAction:
        """Send an action to this server and to no other; see ``Client.send``."""
        return self._client().send(action, server=self.name, timeout=timeout)

    def originate(self, **call: Unpack[CallOptions]) -> OriginatedCall:
        """Make a call on this server and on no other; see ``Client.originate``."""
        return self._client().originate(**call, server=self.name)

    def call(self, call_id: str) -> OriginatedCall:
        """Find a call on this server by its id; see ``Client.call``."""
        return self._client().call(call_id, server=self.name)

    @property
    def ready(self) -> bool:
        """True while it is logged in and booted."""
        return self._client().member(self.name).session.ready

    @property
    def address(self) -> str:
        """Where we are connected, or try to: ``host:port``."""
        return self._client().member(self.name).peer

    def status(self) -> ServerStatus:
        """How it is now."""
        client = self._client()
        client.member(self.name)
        return client.status()[self.name]

    def __repr__(self) -> str:
        return f"<ServerHandle {self.name}>"
