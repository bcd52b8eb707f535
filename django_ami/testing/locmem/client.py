"""The client without a server: the public face of the core's, in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django_ami.core.client.changes import Changes
from django_ami.core.client.sending import Sender, distinct
from django_ami.core.client.status import status_of
from django_ami.core.counters import Counts
from django_ami.core.overflow import Losses
from django_ami.core.session import Role
from django_ami.testing.locmem.outbox import outbox
from django_ami.testing.locmem.server import MemoryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.client.status import ServerStatus
    from django_ami.core.cluster import Strategy
    from django_ami.core.config import ServerConfig
    from django_ami.core.request import Request

__all__ = ["Client"]


class Client(Sender[MemoryServer]):
    """A caller of servers that are not there.

    Actions land in ``outbox``; see :mod:`django_ami.testing.locmem`.
    """

    _paced = False

    def __init__(
        self,
        servers: Iterable[ServerConfig],
        *,
        role: Role | str = Role.CALLER,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
    ) -> None:
        super().__init__()
        self.role = Role(role)
        self._lock = threading.RLock()
        self._serve(
            {config.name: self._make(config) for config in distinct(servers)},
            default=default,
            routing=routing,
        )

    def reconfigure(
        self,
        servers: Iterable[ServerConfig],
        *,
        default: str | None = None,
        routing: tuple[Strategy | str, Iterable[str]] | None = None,
    ) -> Changes:
        """Serve these servers from now on; those whose settings are the same go on.

        Raises ConfigurationError.
        """
        configs = distinct(servers)
        with self._lock:
            before = self._targets
            same = {name: server for name, server in before.items() if server.config in configs}
            after = {config.name: same.get(config.name) or self._make(config) for config in configs}
            self._serve(after, default=default, routing=routing)
            for name, server in before.items():
                if name not in same:
                    server.close()
        return Changes.between(before, after)

    def _make(self, config: ServerConfig) -> MemoryServer:
        return MemoryServer(config, self._ids, outbox)

    def connect(self) -> None:
        """Connect to all servers now."""
        with self._lock:
            for server in self._targets.values():
                server.start()

    def start(self, *, connect: bool = True, dispatcher: bool = True) -> None:  # noqa: ARG002  (nothing to dispatch)
        """Connect to all servers now, if that is wanted."""
        if connect:
            self.connect()

    def _submit(self, target: MemoryServer, request: Request) -> None:
        with self._lock:
            if self._closed:
                self._refuse(request)
            else:
                target.send(request)

    def status(self) -> dict[str, ServerStatus]:
        """How every server is now, by name."""
        return {
            name: status_of(server, Counts(), Losses(), None, server.now)
            for name, server in self._targets.items()
        }

    def close(self) -> None:
        """Log off everywhere."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for server in self._targets.values():
                    server.close()

    def abandon(self) -> None:
        """Let go of everything: for a child process after fork."""
        self._closed = True

    def call_user(self, function: Callable[[], object]) -> None:
        """Run user code: at once, in the thread that sent."""
        function()
