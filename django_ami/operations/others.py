"""Notices other listeners of a server and an account, on any machine, that deliver as well."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import CharField, DurationField

from django_ami.checks.servers import identity
from django_ami.core.log import get_logger
from django_ami.listeners import ListenerRole
from django_ami.operations.clock import ago
from django_ami.operations.models import Listener
from django_ami.operations.statements import Given, Selection
from django_ami.tools.notes import listeners_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.config import ServerConfig

__all__ = ["Others", "account_of"]

logger = get_logger(__name__)

#: If nothing is new, the rows are looked at with one heartbeat in so many.
_BEATS: Final = 6
_ALONE = ListenerRole.ALONE.value
_ACTIVE = ListenerRole.ACTIVE.value


class _Row(NamedTuple):
    process: str
    server: str
    role: str
    host: str
    pid: int


def account_of(server: ServerConfig) -> str:
    """The server and the account, in the words of the column."""
    return " ".join(map(str, identity(server)))[:400]


class Others:
    """Looks for rows of other listeners, and warns of those that make every event come twice.

    It speaks of what it has seen twice: a restart overlaps for a moment. A listener without a lease
    is told by ``tools.neighbours`` of those on this machine whose notes can be seen.
    """

    def __init__(self, using: str, me: str, *, meant: bool) -> None:
        self._select = Selection(
            Listener.objects.using(using)
            .filter(
                account=Given("account", CharField()),
                seen_at__gt=ago(Given("fresh", DurationField())),
            )
            .values_list(*_Row._fields)
        )
        self._me = me
        self._meant = meant
        #: By server: the others, in words.
        self._seen: dict[str, frozenset[str]] = {}
        self._told: dict[str, frozenset[str]] = {}
        #: For how many heartbeats nobody needs to look.
        self._rest = 0

    def look(self, servers: Iterable[ServerConfig], fresh_seconds: float) -> None:
        """At a heartbeat: look at the rows that were written lately, and log changes."""
        if self._meant:
            return
        if self._rest:
            self._rest -= 1
            return
        before = dict(self._seen)
        fresh = timedelta(seconds=fresh_seconds)
        for server in servers:
            rows = self._select(account=account_of(server), fresh=fresh)
            self._compare(server, list(map(_Row._make, rows)))
        if before == self._seen:
            self._rest = _BEATS - 1

    def _compare(self, server: ServerConfig, rows: list[_Row]) -> None:
        own = (row for row in rows if (row.process, row.server) == (self._me, server.name))
        mine = next(own, None)
        if mine is None:
            return
        near: set[int] = set()
        if mine.role == _ALONE and rows[1:]:
            near = {neighbour.pid for neighbour in listeners_of(server)} - {os.getpid()}
        others = frozenset(
            _words(row, server)
            for row in rows
            if row.process != self._me
            and _both_deliver(row, mine)
            and not (row.host == mine.host and row.pid in near)
        )
        before, self._seen[server.name] = self._seen.get(server.name, frozenset()), others
        told = self._told.get(server.name, frozenset())
        sure = others & (before | told)
        if sure != told:
            self._told[server.name] = sure
            _tell(server, sure)


def _both_deliver(one: _Row, other: _Row) -> bool:
    """A lease is of a name: two that have one each, by two names, deliver everything twice."""
    roles = {one.role, other.role}
    return _ALONE in roles or (roles == {_ACTIVE} and one.server != other.server)


def _words(row: _Row, server: ServerConfig) -> str:
    name = "" if row.server == server.name else f", which calls it {row.server}"
    return f"{row.host}, process {row.pid}{name}"


def _tell(server: ServerConfig, others: frozenset[str]) -> None:
    if not others:
        logger.warning(
            "%s: no other ami_listen delivers its events any more.",
            server.name,
            extra={"server": server.name},
        )
        return
    logger.warning(
        "%s: another ami_listen (%s) listens to %s as %r, too, and not all have --standby and one "
        "name for the server: every event is delivered more than once. Start all with --standby "
        "and one name, or stop all but one; give this one --allow-others if that is meant.",
        server.name,
        "; ".join(sorted(others)[:3]),
        server.address,
        server.username,
        extra={"server": server.name},
    )
