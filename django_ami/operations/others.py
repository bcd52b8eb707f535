"""Notices listeners of the same server and account, on other machines, that deliver as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django_ami.checks.servers import identity
from django_ami.core.log import get_logger
from django_ami.listeners import ListenerRole
from django_ami.operations.clock import ago
from django_ami.operations.models import Listener
from django_ami.tools.notes import listeners_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.config import ServerConfig

__all__ = ["Others"]

logger = get_logger(__name__)

#: Two of which one has this role deliver everything twice.
_DELIVERS_ANYWAY = ListenerRole.ALONE.value


class Others:
    """Looks for rows of other listeners, and warns of those that make every event come twice.

    It speaks of what it has seen twice: a restart overlaps for a moment. Listeners on this machine
    whose notes can be seen are told of by ``tools.neighbours``.
    """

    def __init__(self, using: str, me: str, *, meant: bool) -> None:
        self._using = using
        self._me = me
        self._meant = meant
        self._seen: dict[str, frozenset[tuple[str, int]]] = {}
        self._told: dict[str, frozenset[tuple[str, int]]] = {}

    def look(self, servers: Iterable[ServerConfig], fresh_seconds: float) -> None:
        """Look at the rows that were written lately, and log changes."""
        if self._meant:
            return
        for server in servers:
            rows = Listener.objects.using(self._using).filter(
                server=server.name,
                account=" ".join(map(str, identity(server)))[:400],
                seen_at__gt=ago(fresh_seconds),
            )
            self._compare(server, list(rows))

    def _compare(self, server: ServerConfig, rows: list[Listener]) -> None:
        mine = next((row for row in rows if row.process == self._me), None)
        if mine is None:
            return
        near = {neighbour.pid for neighbour in listeners_of(server)} if rows[1:] else set()
        others = frozenset(
            (row.host, row.pid)
            for row in rows
            if row.process != self._me
            and _DELIVERS_ANYWAY in (row.role, mine.role)
            and not (row.host == mine.host and row.pid in near - {os.getpid()})
        )
        before, self._seen[server.name] = self._seen.get(server.name, frozenset()), others
        told = self._told.get(server.name, frozenset())
        sure = others & (before | told)
        if sure != told:
            self._told[server.name] = sure
            _tell(server, sure)


def _tell(server: ServerConfig, others: frozenset[tuple[str, int]]) -> None:
    if not others:
        logger.warning(
            "%s: no other ami_listen delivers its events any more.",
            server.name,
            extra={"server": server.name},
        )
        return
    logger.warning(
        "%s: another ami_listen (%s) listens to %s as %r, too, and not all have --standby: every "
        "event is delivered more than once. Start all with --standby, or stop all but one; give "
        "this one --allow-others if that is meant.",
        server.name,
        "; ".join(f"{host}, process {pid}" for host, pid in sorted(others)[:3]),
        server.address,
        server.username,
        extra={"server": server.name},
    )
