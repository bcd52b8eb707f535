"""Which client serves which server: the key ``BACKEND`` of each entry of ``AMI_SERVERS``.

A backend is a module with a ``Client`` that is made, and behaves, as :class:`django_ami.core.client.Client` does; that
one is the default. Servers of several backends are served side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django_ami.conf import import_backend
from django_ami.core.config import did_you_mean
from django_ami.core.errors import ConfigurationError
from django_ami.core.session import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.conf import AmiSettings
    from django_ami.core.actions import Action
    from django_ami.core.client import ServerHandle, ServerStatus
    from django_ami.core.pending import PendingAction

__all__ = ["Backend", "make_backend"]


class Backend(Protocol):
    """What ``ami`` needs of a client."""

    @property
    def servers(self) -> Mapping[str, ServerHandle]: ...
    def server(self, name: str) -> ServerHandle: ...
    def send(self, action: Action, *, server: str | None = None, timeout: float | None = None) -> PendingAction: ...
    def status(self) -> dict[str, ServerStatus]: ...
    def start(self, *, connect: bool = True) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


def make_backend(settings: AmiSettings) -> Backend:
    """A started caller of the servers, by their backends. Raises ConfigurationError."""
    groups: dict[str, list[str]] = {}
    for server in settings.servers:
        groups.setdefault(settings.backend(server.name), []).append(server.name)
    if len(groups) == 1:
        return _start(settings, next(iter(groups)))
    if settings.routing is not None:
        raise ConfigurationError(
            "AMI_ROUTING is set, but not all servers have the same BACKEND: give them one, or take the routing away."
        )
    return _Backends([_start(settings.select(names), path) for path, names in groups.items()], settings)


def _start(settings: AmiSettings, path: str) -> Backend:
    client: Backend = import_backend(path)(
        settings.servers, role=Role.CALLER, default=settings.default, routing=settings.routing
    )
    # Whom a routing may choose it has to know the health of; otherwise whoever is sent to is connected.
    client.start(connect=settings.routing is not None)
    return client


class _Backends:
    """Several clients as one."""

    def __init__(self, clients: Iterable[Backend], settings: AmiSettings) -> None:
        self._clients = tuple(clients)
        self._order = [server.name for server in settings.servers]
        self._default = settings.default

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        found = {name: handle for client in self._clients for name, handle in client.servers.items()}
        return {name: found[name] for name in self._order}

    def server(self, name: str) -> ServerHandle:
        try:
            return self.servers[name]
        except KeyError:
            raise ConfigurationError(f"unknown server {name!r}: {did_you_mean(name, self._order)}") from None

    def send(self, action: Action, *, server: str | None = None, timeout: float | None = None) -> PendingAction:
        name = server or self._default
        if name is None:
            raise ConfigurationError(
                "several servers are known, but none is the default (AMI_DEFAULT_SERVER): name the server."
            )
        return self.server(name).send(action, timeout=timeout)

    def start(self, *, connect: bool = True) -> None:
        for client in self._clients:
            client.start(connect=connect)

    def status(self) -> dict[str, ServerStatus]:
        found = {name: status for client in self._clients for name, status in client.status().items()}
        return {name: found[name] for name in self._order}

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def abandon(self) -> None:
        for client in self._clients:
            client.abandon()
