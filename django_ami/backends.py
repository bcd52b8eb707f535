"""Which client serves which server: the key ``BACKEND`` of each entry of ``AMI_SERVERS``.

A backend is a module with a ``Client`` that is made, and behaves, as
:class:`django_ami.core.client.Client` does; that one is the default. Servers of several backends
are served side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Unpack

from django_ami import published
from django_ami.conf import import_backend, read_retry
from django_ami.core.arguments import did_you_mean
from django_ami.core.client import Changes, Client
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import Failures
from django_ami.core.receivers import Receivers
from django_ami.core.session import Role
from django_ami.database import cared_for, recover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.conf import AmiSettings
    from django_ami.core.actions import Action
    from django_ami.core.client import OriginatedCall, ServerHandle, ServerStatus
    from django_ami.core.client.originating import CallOptions
    from django_ami.core.cluster import Member, Strategy
    from django_ami.core.config import ServerConfig
    from django_ami.core.metering import ActionMeter
    from django_ami.core.pending import PendingAction
    from django_ami.core.timeouts import Timeout

__all__ = ["Backend", "Backends", "Serving"]


class Serving(Protocol):
    """The methods of a client that ``ami`` needs."""

    @property
    def servers(self) -> Mapping[str, ServerHandle]: ...
    def server(self, name: str) -> ServerHandle: ...
    def member(self, name: str) -> Member: ...
    def choose_server(self) -> str: ...
    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction: ...
    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall: ...
    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall: ...
    def new_call_id(self) -> str: ...
    def status(self) -> dict[str, ServerStatus]: ...
    @property
    def meters(self) -> Mapping[str, ActionMeter]: ...
    def abandon(self) -> None: ...


class Backend(Serving, Protocol):
    """The class ``Client`` of a module that is named as a BACKEND."""

    def start(self, *, connect: bool = True) -> None: ...
    def reconfigure(
        self,
        servers: Iterable[ServerConfig],
        *,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
    ) -> Changes: ...
    def close(self) -> None: ...


class Backends:
    """A started caller of the servers for each of their backends. Raises ConfigurationError.

    ``client`` sends to all of them: the only one, or one that knows which of them has which server.
    """

    def __init__(self, settings: AmiSettings) -> None:
        self._clients: dict[str, Backend] = {}
        self.client: Serving
        self.reload(settings)

    def reload(self, settings: AmiSettings) -> Changes:
        """Take these settings over, server by server.

        Raises ConfigurationError if they do not fit together.
        """
        groups: dict[str, list[str]] = {}
        for server in settings.servers:
            groups.setdefault(settings.backend(server.name), []).append(server.name)
        if len(groups) > 1 and settings.routing is not None:
            raise ConfigurationError(
                "AMI_ROUTING is set, but not all servers have the same BACKEND: set one for "
                "all, or remove AMI_ROUTING."
            )
        parts = {
            path: settings if len(groups) == 1 else settings.select(names)
            for path, names in groups.items()
        }
        before = self._clients
        # A new one may raise. It comes first, since it is not seen before all are there.
        new = {path: _start(part, path) for path, part in parts.items() if path not in before}
        changes = Changes(added=tuple(name for path in new for name in groups[path]))
        try:
            for path, part in parts.items():
                if path in before:
                    changes += before[path].reconfigure(
                        part.servers, default=part.default, routing=part.routing
                    )
        except ConfigurationError:
            for client in new.values():
                client.close()
            raise
        self._clients = {path: before.get(path) or new[path] for path in parts}
        self.client = (
            next(iter(self._clients.values()))
            if len(parts) == 1
            else _Several(self._clients, settings)
        )
        for path, client in before.items():
            if path not in parts:
                changes += Changes(removed=tuple(client.servers))
                client.close()
        return changes

    def close(self) -> None:
        """Log off everywhere."""
        for client in self._clients.values():
            client.close()


def _start(settings: AmiSettings, path: str) -> Backend:
    # A client of another backend runs user code as it sees fit.
    own = (
        {}
        if settings.backends
        else {"receivers": Receivers(Failures(read_retry(), recover), around=cared_for)}
    )
    client: Backend = import_backend(path)(
        settings.servers,
        role=Role.CALLER,
        default=settings.default,
        routing=settings.routing,
        **own,
    )
    if isinstance(client, Client):
        client.published = published.find
    client.start(connect=False)  # the first action connects
    return client


class _Several:
    """Several clients as one: each call goes to the client that has the server."""

    def __init__(self, clients: Mapping[str, Backend], settings: AmiSettings) -> None:
        self._clients = tuple(clients.values())
        self._order = [server.name for server in settings.servers]
        self._default = settings.default

    @property
    def servers(self) -> Mapping[str, ServerHandle]:
        found = {
            name: handle for client in self._clients for name, handle in client.servers.items()
        }
        return {name: found[name] for name in self._order}

    def server(self, name: str) -> ServerHandle:
        return self._having(name).server(name)

    def member(self, name: str) -> Member:
        return self._having(name).member(name)

    def choose_server(self) -> str:
        return self._named(None)

    def _having(self, name: str) -> Backend:
        for client in self._clients:
            if name in client.servers:
                return client
        raise ConfigurationError(f"unknown server {name!r}: {did_you_mean(name, self._order)}")

    def send(
        self, action: Action, *, server: str | None = None, timeout: Timeout | None = None
    ) -> PendingAction:
        name = self._named(server)
        return self._having(name).send(action, server=name, timeout=timeout)

    def originate(
        self, *, server: str | None = None, **call: Unpack[CallOptions]
    ) -> OriginatedCall:
        name = self._named(server)
        return self._having(name).originate(server=name, **call)

    def call(self, call_id: str, *, server: str | None = None) -> OriginatedCall:
        name = self._named(server)
        return self._having(name).call(call_id, server=name)

    def new_call_id(self) -> str:
        return self._clients[0].new_call_id()

    def _named(self, server: str | None) -> str:
        name = server or self._default
        if name is None:
            raise ConfigurationError(
                "several servers are known, but none is the default (AMI_DEFAULT_SERVER): name "
                "the server."
            )
        return name

    def status(self) -> dict[str, ServerStatus]:
        found = {
            name: status for client in self._clients for name, status in client.status().items()
        }
        return {name: found[name] for name in self._order}

    @property
    def meters(self) -> Mapping[str, ActionMeter]:
        return {name: meter for client in self._clients for name, meter in client.meters.items()}

    def abandon(self) -> None:
        for client in self._clients:
            client.abandon()
