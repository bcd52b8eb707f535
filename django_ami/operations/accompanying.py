"""The companion of a listener: it tells others of it, and has its leases if it is a standby."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django_ami.core.log import get_logger
from django_ami.dispatch import Dispatcher
from django_ami.listeners import ListenerRole
from django_ami.operations import conf
from django_ami.operations.dispatching import LeasedDispatcher
from django_ami.operations.heartbeat_file import HeartbeatFile
from django_ami.operations.heartbeats import HOST, Heartbeats
from django_ami.operations.keeper import Keeper
from django_ami.operations.leases import LeaseTable
from django_ami.operations.reporting import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.companion import Companion
    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.lease import Lease

__all__ = ["ListenerCompanion", "StandbyCompanion", "make"]

logger = get_logger(__name__)


def make(
    client: Client, servers: Iterable[ServerConfig], *, standby: bool, meant: bool
) -> Companion:
    """The companion of a run of ``ami_listen``. Raises ConfigurationError."""
    kind = StandbyCompanion if standby else ListenerCompanion
    return kind(client, servers, conf.load(), meant=meant)


class ListenerCompanion:
    """Of a listener that delivers all that it receives: it tells other processes of that."""

    def __init__(
        self,
        client: Client,
        servers: Iterable[ServerConfig],
        options: conf.OperationsOptions,
        *,
        meant: bool = False,
    ) -> None:
        self._client = client
        self._options = options
        self._servers = tuple(servers)
        self._me = uuid4().hex
        self._heartbeats = Heartbeats(client, options, self._me, self._role, meant=meant)
        self._report = Report(client, self._role, self._heartbeats)
        self._file: HeartbeatFile | None = None
        if options.heartbeat_file:
            self._file = HeartbeatFile(
                options.heartbeat_file, options.heartbeat_interval, self._report.said
            )

    def dispatcher(self, *arguments: Any, **named: Any) -> Dispatcher:
        return Dispatcher(*arguments, **named)

    def connect(self) -> None:
        self._client.connect()
        self._tell()

    def _tell(self) -> None:
        self._heartbeats.follow(self._servers)
        self._report.follow(self._servers)
        self._heartbeats.start()
        if self._file is not None:
            self._file.start()

    def tell(self) -> None:
        self._heartbeats.hurry()
        if self._file is not None:
            self._file.hurry()

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        self._servers = tuple(servers)
        self._heartbeats.follow(self._servers)
        self._report.follow(self._servers)

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
        self._heartbeats.close()

    def _role(self, server: str) -> tuple[ListenerRole, int | None]:  # noqa: ARG002  (it is that of all)
        return ListenerRole.ALONE, None


class StandbyCompanion(ListenerCompanion):
    """Of a listener that delivers under leases: it turns the events of its servers on and off."""

    def __init__(
        self,
        client: Client,
        servers: Iterable[ServerConfig],
        options: conf.OperationsOptions,
        *,
        meant: bool = False,
    ) -> None:
        super().__init__(client, servers, options, meant=meant)
        self._dispatcher: LeasedDispatcher | None = None
        self._keeper = Keeper(
            LeaseTable(options.database, self._me, f"{HOST}, process {os.getpid()}"),
            options,
            delivered_until=self._delivered_until,
            gained=self._gained,
            lost=self._lost,
            changed=self._look_at_leases,
            asked=self._asked,
            queued=client.inbox.queued,
            handed_over=self._handed_over,
        )

    def dispatcher(self, *arguments: Any, **named: Any) -> Dispatcher:
        self._dispatcher = LeasedDispatcher(self._keeper, *arguments, **named)
        return self._dispatcher

    def connect(self) -> None:
        for server in self._servers:
            self._client.stand_by(server.name)
        self._keeper.follow(server.name for server in self._servers)
        self._keeper.start()
        if self._options.standby_login:
            self._client.connect()
        self._tell()

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        before = {server.name for server in self._servers}
        super().follow(servers)
        for server in self._servers:
            if server.name not in before:
                self._client.stand_by(server.name)
        self._keeper.follow(server.name for server in self._servers)

    def end(self) -> None:
        self._keeper.close()
        super().end()

    def _delivered_until(self, server: str) -> float | None:
        return None if self._dispatcher is None else self._dispatcher.delivered_until(server)

    def _look_at_leases(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.look_soon()

    def _role(self, server: str) -> tuple[ListenerRole, int | None]:
        lease = self._keeper.get(server)
        if lease is None or not lease.valid:
            return ListenerRole.STANDBY, None
        return ListenerRole.ACTIVE, lease.token

    # --- on the keeper's thread ---

    def _gained(self, lease: Lease, heard_until: float | None) -> None:
        before = self._keeper.seen[lease.server].holder_name
        logger.warning(
            "%s: this process has the lease, token %d, and delivers from now on; %s.",
            lease.server,
            lease.token,
            f"before it was {before}" if before else "nobody had it before",
            extra={"server": lease.server, "lease": lease.token},
        )
        self._client.take_over(lease.server, lease.token, heard_until)
        self.tell()

    def _lost(self, lease: Lease) -> None:
        logger.error(
            "%s: the lease with token %d has gone to another process, since it was not renewed "
            "in time. This process stands by; events that wait here are dropped.",
            lease.server,
            lease.token,
            extra={"server": lease.server, "lease": lease.token},
        )
        self._client.stand_by(lease.server)
        self.tell()

    def _asked(self, lease: Lease, by: str) -> None:
        logger.warning(
            "%s: %s has asked for a handover: this process turns its events off, delivers those "
            "that it has, and gives the lease with token %d back.",
            lease.server,
            by,
            lease.token,
            extra={"server": lease.server, "lease": lease.token},
        )
        self._client.stand_by(lease.server)

    def _handed_over(self, lease: Lease) -> None:
        logger.warning(
            "%s: the lease with token %d is given back. If nobody takes it within %.1f s, this "
            "process takes it again.",
            lease.server,
            lease.token,
            self._options.lease_timeout,
            extra={"server": lease.server, "lease": lease.token},
        )
        self.tell()
