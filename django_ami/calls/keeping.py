"""The keeper: a thread of a listener that asks for the ends of stored calls.

A listener that has heard everything since a call was stored, and nothing of that call, knows that
it was never made.

Rule: the keeper is told of the connection by signals, and does its work on a thread of its own. It
never holds up a receiver.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from django.db import connections

from django_ami import database
from django_ami.accessor import ami
from django_ami.calls import conf
from django_ami.calls.models import Call, Origination
from django_ami.calls.reconciling import ask, open_rows, settle, settled
from django_ami.core.deadline import Deadline
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.calls.conf import CallsOptions
    from django_ami.calls.recorder import RecorderStatus
    from django_ami.core.client import OriginatedCall
    from django_ami.core.lease import Lease

__all__ = ["Keeper"]

logger = get_logger(__name__)

#: How long the servers have for their answers.
_ASK_SECONDS: Final = 10.0
#: When all that was heard of a call that has ended is stored.
_STORED_SECONDS: Final = 5.0
#: While more events than these wait, the latest news of a call may be among them.
_MOST_QUEUED: Final = 200


class _Heard:
    """A time without a gap in which a listener hears a server.

    ``lease`` is that under which it does; None without leases.
    """

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        #: The calls that were stored before it began; None until the database was asked.
        self.before: set[str] | None = None
        #: The calls that the server did not have when it was asked, since when.
        self.missing: dict[str, float] = {}
        #: The calls that the history had lost by then.
        self.lost = 0


class Keeper:
    """Asks for the stored calls of the servers that are heard.

    ``recorder_status`` tells whether the history is written. The thread starts with the first
    server that is ready. Close it at the end.
    """

    def __init__(
        self,
        recorder_status: Callable[[], RecorderStatus],
        options: CallsOptions | None = None,
    ) -> None:
        self._recorder_status = recorder_status
        self._options = conf.load() if options is None else options
        self._heard: dict[str, _Heard] = {}
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        #: The calls that this thread has found, and that go on.
        self._followed: dict[str, OriginatedCall] = {}

    # --- on the thread of the receivers ---

    def hear(self, server: str, lease: Lease | None = None) -> None:
        """From now on all events of a server come, under this lease if there are leases."""
        self._heard[server] = _Heard(lease)
        if self._thread is None and not self._ending:
            self._thread = start_thread(self._run, "django_ami-keeper")
        else:  # a thread that has just started looks anyway, and once is enough
            self._wake.set()

    def miss(self, server: str) -> None:
        """Events of a server are missing, or come no more."""
        self._heard.pop(server, None)

    def close(self) -> None:
        """End the thread; a server that is being asked is waited for no more."""
        self._ending = True
        self._wake.set()

    # --- in its thread ---

    def _run(self) -> None:
        while not self._ending:
            self._wake.clear()
            try:
                with database.cared_for():
                    self.look()
            except Exception as error:  # noqa: BLE001  (a driver raises anything)
                database.recover()
                logger.warning(
                    "Stored calls cannot be asked for (%s: %s). It is tried again; check the "
                    "database, and that 'manage.py migrate' has run.",
                    type(error).__name__,
                    next(iter(str(error).splitlines()), ""),
                )
            self._wake.wait(self._options.reconcile_seconds)
        connections.close_all()

    def look(self) -> None:
        """Ask for the stored calls of the servers that are heard.

        For all of a server that is heard since a moment ago; else for those that should have left
        by now. The calls that this process follows anyway are left out.
        """
        heard = dict(self._heard)
        status = self._recorder_status()
        lost = status.lost + status.failed
        for server, time_heard in heard.items():
            rows = open_rows(Origination.objects.filter(server=server))
            if time_heard.before is None or time_heard.lost != lost:
                time_heard.before, time_heard.lost = {row.pk for row in rows}, lost
            else:
                rows = settled(rows)
            self._followed = {
                pk: call for pk, call in self._followed.items() if call.outcome is None
            }
            rows = [row for row in rows if row.pk not in self._followed]
            gone = ask(rows, Deadline(_ASK_SECONDS))
            self._followed |= {row.pk: row.call for row in rows if row.state == "made"}
            self._judge(server, time_heard, settled(gone))

    def _judge(self, server: str, heard: _Heard, gone: Iterable[Origination]) -> None:
        """Say of the calls that a server does not have what is certain."""
        now = time.monotonic()
        wait = min(_STORED_SECONDS, self._options.settle_seconds)
        heard.missing = {row.pk: heard.missing.get(row.pk, now) for row in gone}
        sure = [row for row in gone if now - heard.missing[row.pk] >= wait]
        old = heard.before or set()
        settle([row for row in sure if row.pk in old], "gone")
        never = [row for row in sure if row.pk not in old]
        if never and self._hears_all(server, heard):
            settle(never, "never_made")

    def _hears_all(self, server: str, heard: _Heard) -> bool:
        """True if all that this listener has heard of calls is stored, and it does hear of calls.

        An account without the class ``call`` is connected all the same, and hears of none.
        """
        status = self._recorder_status()
        return (
            self._heard.get(server) is heard
            and (heard.lease is None or heard.lease.valid)
            and heard.lost == status.lost + status.failed
            and not status.away
            and not status.waiting
            and ami.status()[server].queued <= _MOST_QUEUED
            and Call.objects.filter(server=server).exists()
        )
