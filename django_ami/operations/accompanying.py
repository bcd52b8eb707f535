"""The companion of a listener: its leases, if it is a standby."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django_ami.companion import Alone
from django_ami.core.log import get_logger
from django_ami.operations import conf
from django_ami.operations.dispatching import LeasedDispatcher
from django_ami.operations.keeper import Keeper
from django_ami.operations.leases import LeaseTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.companion import Companion
    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.lease import Lease
    from django_ami.dispatch import Dispatcher

__all__ = ["StandbyCompanion", "make"]

logger = get_logger(__name__)


def make(client: Client, servers: Iterable[ServerConfig], standby: bool) -> Companion:
    """The companion of a run of ``ami_listen``. Raises ConfigurationError."""
    options = conf.load()
    return StandbyCompanion(client, servers, options) if standby else Alone(client)


class StandbyCompanion:
    """Holds the leases of a run, and turns the events of its servers on and off."""

    def __init__(
        self, client: Client, servers: Iterable[ServerConfig], options: conf.OperationsOptions
    ) -> None:
        self._client = client
        self._options = options
        self._servers = [server.name for server in servers]
        self._dispatcher: LeasedDispatcher | None = None
        name = f"{socket.gethostname()[:150]}, process {os.getpid()}"
        self._keeper = Keeper(
            LeaseTable(options.database, uuid4().hex, name),
            options,
            delivered_until=self._delivered_until,
            gained=self._gained,
            lost=self._lost,
            regained=client.inbox.wake,
        )

    def dispatcher(self, *arguments: Any, **named: Any) -> Dispatcher:
        self._dispatcher = LeasedDispatcher(self._keeper, *arguments, **named)
        return self._dispatcher

    def connect(self) -> None:
        for server in self._servers:
            self._client.stand_by(server)
        self._keeper.follow(self._servers)
        self._keeper.start()
        if self._options.standby_login:
            self._client.connect()

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        names = [server.name for server in servers]
        for name in names:
            if name not in self._servers:
                self._client.stand_by(name)
        self._servers = names
        self._keeper.follow(names)

    def end(self) -> None:
        self._keeper.close()

    def _delivered_until(self, server: str) -> float | None:
        return None if self._dispatcher is None else self._dispatcher.delivered_until(server)

    # --- on the keeper's thread ---

    def _gained(self, lease: Lease, heard_until: float | None) -> None:
        before = self._keeper.seen[lease.server].holder_name
        logger.warning(
            "%s: this process has the lease, token %d, and delivers from now on; %s.",
            lease.server,
            lease.token,
            f"before it was {before}" if before else "nobody had it before",
        )
        self._client.take_over(lease.server, lease.token, heard_until)

    def _lost(self, lease: Lease) -> None:
        logger.error(
            "%s: the lease with token %d has gone to another process, since it was not renewed "
            "in time. This process stands by; events that wait here are dropped.",
            lease.server,
            lease.token,
        )
        self._client.stand_by(lease.server)
        self._client.inbox.wake()
