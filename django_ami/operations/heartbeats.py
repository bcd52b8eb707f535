"""Tells other processes of this listener: a row for each of its servers, written again and again.

Rule: all of it runs on a thread of its own. A database that is away delays nothing, and is counted.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from django.db import connections
from django.db.models import Case, When

import django_ami
from django_ami import batches, database
from django_ami.core.errors import ConnectionFailed
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.operations.clock import ago, now
from django_ami.operations.connection import make_impatient
from django_ami.operations.models import Listener
from django_ami.operations.others import Others, account_of
from django_ami.operations.statements import Given, Update
from django_ami.operations.yielding import Yielding
from django_ami.running import running
from django_ami.tools.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet

    from django_ami.core.client import Client, ServerStatus
    from django_ami.core.config import ServerConfig
    from django_ami.listeners import ListenerRole
    from django_ami.operations.conf import OperationsOptions

    #: The role of this process for a server, and the token of its lease.
    Role = Callable[[str], tuple[ListenerRole, int | None]]

__all__ = ["HOST", "Heartbeats", "counters_of"]

logger = get_logger(__name__)

HOST: Final = socket.gethostname()[:150]
_COUNTERS: Final = (
    "received", "ignored", "delivered", "failed", "dropped", "queued", "gaps", "reconnects",
)  # fmt: skip
#: The columns of a row that change, beside its times.
_COLUMNS: Final = (
    "account", "role", "token", "state", "last_error", "counters", "asterisk_version",
    "ami_version", "ping_round_trip",
)  # fmt: skip
#: A row that nobody has written for so long is deleted.
_KEPT_SECONDS: Final = 86_400.0
_LOG_SECONDS: Final = 60.0
#: The end waits so long for its rows to be deleted.
_END_SECONDS: Final = 2.0
_LONGEST_ERROR_CHARACTERS: Final = 500


def counters_of(status: ServerStatus) -> dict[str, int]:
    """The counts that others are told."""
    return {name: getattr(status, name) for name in _COUNTERS}


def _forwarding() -> dict[str, int]:
    """The counts of what this process forwards onto an engine, if it does."""
    dispatcher = running()
    forwarder = None if dispatcher is None else dispatcher.forwarder
    return {} if forwarder is None else forwarder.status().counters()


class Heartbeats:
    """The rows of this process, whose id is ``me``. ``failures`` counts what was not written."""

    def __init__(
        self,
        client: Client,
        options: OperationsOptions,
        me: str,
        role: Role,
        *,
        meant: bool = False,
    ) -> None:
        self.failures = 0
        self._client = client
        self._options = options
        self._me = me
        self._role = role
        self._meant = meant
        self._yielding = Yielding(options)
        self._others = Others(options.database, me, meant=meant)
        self._servers: tuple[ServerConfig, ...] = ()
        self._rows: QuerySet[Listener] = Listener.objects.using(options.database)
        self._mine = self._rows.filter(process=me)
        self._update = self._update_of(self._mine)
        #: Those that have a row.
        self._written: set[str] = set()
        self._began = time.monotonic()
        self._progress = Progress(client)
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._logged_at = float("-inf")

    def start(self) -> None:
        """Begin to write; if the system refuses the thread, the log says so."""
        try:
            self._thread = start_thread(self._run, "django_ami-heartbeats")
        except ConnectionFailed as error:
            logger.warning("Other processes are not told of this listener: %s", error)

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        """These are the servers from now on."""
        self._servers = tuple(servers)

    def hurry(self) -> None:
        """Write now: something has changed."""
        self._wake.set()

    def close(self) -> None:
        """Delete the rows, within a moment: this listener has ended."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def of_process(self, progress: Progress) -> dict[str, int]:
        """The counts of the whole process, beside those of each server."""
        standstill = int(progress.standstill_seconds())
        written = batches.statuses().values()  # into other tables
        return {
            "standstill": standstill,
            "missed_heartbeats": self.failures,
            "rows_waiting": sum(one.waiting for one in written),
            "rows_lost": sum(one.lost + one.failed for one in written),
            **_forwarding(),
        }

    # --- its thread ---

    def _run(self) -> None:
        make_impatient(self._options.database, self._options.heartbeat_interval)
        is_swept = False
        while not self._ending:
            if self._try(self._beat) and not is_swept:
                is_swept = self._try(self._sweep)
            self._wake.wait(self._options.heartbeat_interval)
            self._wake.clear()
        self._try(lambda: self._mine.delete())
        connections.close_all()

    def _try(self, work: Callable[[], object]) -> bool:
        """Do some work with the database; False, counted and told, if that does not answer."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a driver raises anything)
            self.failures += 1
            database.recover()
            if time.monotonic() >= self._logged_at + _LOG_SECONDS:
                self._logged_at = time.monotonic()
                logger.warning(
                    "Other processes are not told of this listener (%s: %s). It is tried again; "
                    "check the database, and that 'manage.py migrate' has run.",
                    type(error).__name__,
                    next(iter(str(error).splitlines()), ""),
                    extra={"error": type(error).__name__},
                )
            return False
        return True

    def _sweep(self) -> None:
        self._rows.filter(seen_at__lt=ago(_KEPT_SECONDS)).delete()

    def _beat(self) -> None:
        servers, status = self._servers, self._client.status()
        of_process = self.of_process(self._progress)
        for server in servers:
            if server.name in status:
                counters = {**counters_of(status[server.name]), **of_process}
                token = self._write(server, status[server.name], counters)
                self._yielding.look(server.name, status[server.name].state, token)
        gone = self._written - {server.name for server in servers}
        if gone:
            self._mine.filter(server__in=gone).delete()
            self._written -= gone
        self._others.look(servers, 3 * self._options.heartbeat_interval)

    def _write(
        self, server: ServerConfig, status: ServerStatus, counters: dict[str, int]
    ) -> int | None:
        """Write a row; gives the token of our lease, if we have it."""
        role, token = self._role(server.name)
        values: dict[str, Any] = {
            "account": account_of(server),  # a reload changes it
            "role": role.value,
            "token": token,
            "state": status.state,
            "last_error": (status.last_error or "")[:_LONGEST_ERROR_CHARACTERS],
            "counters": counters,
            "asterisk_version": status.asterisk_version[:100],
            "ami_version": status.ami_version[:20],
            "ping_round_trip": status.ping_round_trip,
        }
        if not self._update(server=server.name, **values):
            self._rows.create(
                process=self._me,
                server=server.name,
                host=HOST,
                pid=os.getpid(),
                version=django_ami.__version__,
                meant=self._meant,
                started_at=ago(time.monotonic() - self._began),
                state_since=now(),
                seen_at=now(),
                **values,
            )
        self._written.add(server.name)
        return token

    @staticmethod
    def _update_of(rows: QuerySet[Listener]) -> Update:
        """Of the row of a server."""

        def given(name: str) -> Given:
            return Given(name, Listener._meta.get_field(name))

        # MariaDB changes one column after the other: the first one still sees the old state.
        since = Case(When(state=given("state"), then="state_since"), default=now())
        values = {name: given(name) for name in _COLUMNS}
        return Update(
            rows.filter(server=given("server")), state_since=since, seen_at=now(), **values
        )
