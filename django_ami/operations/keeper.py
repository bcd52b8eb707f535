"""Keeps the leases of a listener: acquires those that are free, renews those that it has.

Rule: all of it runs on a thread of its own, and waits for nobody but the database. The holder
trusts the moment at which it *sent* a renewal, and its own clock. An error means that it knows
nothing new.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from django.db import connections

from django_ami.core.lease import Lease, boottime
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.operations.connection import make_impatient
from django_ami.operations.leases import Unheard
from django_ami.operations.watching import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django_ami.operations.conf import OperationsOptions
    from django_ami.operations.leases import LeaseTable, Seen

__all__ = ["Keeper"]

logger = get_logger(__name__)

#: A database that stays away is logged so often.
_LOG_SECONDS: Final = 60.0
#: The end waits so long for the leases to be given back.
_END_SECONDS: Final = 2.0
#: Events come a moment after they were sent, and the database hears of them a moment later: on a
#: starved machine that may be a second. A gap is to hold all that are missing.
_SLACK_SECONDS: Final = 1.0
#: A holder that hands over waits so long for its last events, and looks so often for its queue.
_LAST_EVENTS_SECONDS: Final = 0.3
_DRAIN_LOOK_SECONDS: Final = 0.1


class Keeper:
    """The leases of some servers, as far as this process has them.

    ``delivered_until(server)`` says up to when all events have been delivered, by
    ``time.monotonic``. On the keeper's thread are called: ``gained(lease, heard_until)`` when this
    process gets a lease, with the same of the holder before; ``lost(lease)`` when another process
    has got it; and ``changed()`` when one is given back or lost, or valid again after it was over.

    When somebody has asked that it be handed over, ``asked(lease, by)`` is called: the events are
    to be turned off. When ``queued(server)`` is 0, or ``lease_timeout`` is over, the lease is given
    back, ``handed_over(lease)`` is called, and another has ``lease_timeout`` to take it.
    """

    def __init__(
        self,
        table: LeaseTable,
        options: OperationsOptions,
        *,
        delivered_until: Callable[[str], float | None],
        gained: Callable[[Lease, float | None], None],
        lost: Callable[[Lease], None],
        changed: Callable[[], None],
        asked: Callable[[Lease, str], None],
        queued: Callable[[str], int],
        handed_over: Callable[[Lease], None],
    ) -> None:
        self._table = table
        self._options = options
        self._delivered_until = delivered_until
        self._gained, self._lost, self._changed = gained, lost, changed
        self._asked, self._queued, self._handed_over = asked, queued, handed_over
        self._servers: tuple[str, ...] = ()
        #: Those that were removed, perhaps for a moment, since its thread looked.
        self._removed: deque[str] = deque()
        #: Those of this process, valid or not, by server: another mapping if it gains or loses one.
        self.leases: Mapping[str, Lease] = {}
        #: By ``boottime``: when a server's lease is looked at next.
        self._due: dict[str, float] = {}
        #: By ``boottime``: since when a lease is being handed over, and until when others go first.
        self._asked_at: dict[str, float] = {}
        self._stands_back_until: dict[str, float] = {}
        #: The leases of others, as they were seen last.
        self.seen: dict[str, Seen] = {}
        self._watched: dict[str, Watched] = {}
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        #: By ``boottime``: since when the database does not answer for a server.
        self._away_since: dict[str, float] = {}
        self._logged_at = float("-inf")

    # --- from any thread ---

    def get(self, server: str) -> Lease | None:
        """The lease of a server, valid or not; None if another process has it."""
        return self.leases.get(server)

    def start(self) -> None:
        """Begin to ask for leases. Raises ConnectionFailed if the system refuses the thread."""
        self._thread = start_thread(self._run, "django_ami-leases")

    def follow(self, servers: Iterable[str]) -> None:
        """The leases of these servers are wanted from now on, and no others.

        That of a server that was removed is given back, also if it is here again by now.
        """
        wanted = tuple(servers)
        self._removed.extend(name for name in self._servers if name not in wanted)
        self._servers = wanted
        self._wake.set()

    def close(self) -> None:
        """Give all leases back, within a moment, and end."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    # --- its thread ---

    def _run(self) -> None:
        make_impatient(self._options.database, self._options.lease_timeout / 2)
        while not self._ending:
            removed = {self._removed.popleft() for _ in range(len(self._removed))}
            servers = self._servers
            for server in [one for one in self.leases if one in removed or one not in servers]:
                self._ask(server, self._give_back)
            for server in removed.difference(servers):
                self._away_since.pop(server, None)
            for server in servers:
                if boottime() >= self._due.get(server, 0.0) and not self._ending:
                    begun = boottime()
                    self._due[server] = begun + self._turn(server)
            next_due = min((self._due[name] for name in servers if name in self._due), default=0.0)
            self._wake.wait(max(0.0, next_due - boottime()) if servers else None)
            self._wake.clear()  # and then look whether it is the end
        for server in list(self.leases):
            self._ask(server, self._give_back)
        connections.close_all()

    def _turn(self, server: str) -> float:
        """Renew a lease or look for it; says how long after the begin of that to do so again."""
        interval = self._options.renew_interval
        had = server in self.leases
        if self._ask(server, self._renew if had else self._look) and server in self.leases:
            return min(interval, _DRAIN_LOOK_SECONDS) if server in self._asked_at else interval
        return 0.0 if had and server not in self.leases else self._options.standby_interval

    def _ask(self, server: str, question: Callable[[str], None]) -> bool:
        """Ask the database; False, and told, if there is no answer."""
        try:
            question(server)
        except Exception as error:  # noqa: BLE001  (a driver raises anything)
            self._tell_failure(server, error)
            self._watch(server).unanswered()
            try:
                connections[self._options.database].close()
            except Exception:  # noqa: BLE001  (it is broken anyway: the next question makes a new one)
                connections[self._options.database].connection = None
            return False
        # One that takes no writes may tell of a lease all the same.
        is_back = not self._watch(server).is_refused
        since = self._away_since.pop(server, None) if is_back else None
        if since is not None and not self._away_since:
            away = boottime() - since
            logger.warning(
                "The database answers for leases again, after %.1f s.",
                away,
                extra={"seconds": round(away, 1)},
            )
        return True

    def _renew(self, server: str) -> None:
        lease, timeout = self.leases[server], self._options.lease_timeout
        sent, asked = boottime(), False
        # Mostly nobody asks for a handover, and one statement does.
        if not self._table.renew(server, lease.token, timeout, self._unheard(server), unasked=True):
            sent, asked = boottime(), True
            if not self._table.renew(server, lease.token, timeout, self._unheard(server)):
                self._end_lost(lease)
                return
        self._watch(server).confirmed()
        until = lease.until
        lease.renew(sent + timeout - self._options.lease_margin)
        if lease.valid and boottime() >= until:  # others may have seen that it was over
            self._changed()
        by = self._table.handover_requested_by(server, lease.token) if asked else None
        if by is not None:
            self._hand_over(lease, by)

    def _end_lost(self, lease: Lease) -> None:
        """Another listener has had it meanwhile."""
        lease.end()  # first of all: behind it nothing more is delivered
        self._watched[lease.server].had(lease.token, self._delivered_until(lease.server))
        self._forget(lease)
        self._asked_at.pop(lease.server, None)
        self._lost(lease)

    def _hand_over(self, lease: Lease, by: str) -> None:
        """Give a lease back once its events are off and delivered; others go first then."""
        server, now = lease.server, boottime()
        if server not in self._asked_at:
            self._asked_at[server] = now
            self._asked(lease, by)
        waited = now - self._asked_at[server]
        drained = waited >= _LAST_EVENTS_SECONDS and not self._queued(server)
        if drained or waited >= self._options.lease_timeout:
            self._stands_back_until[server] = now + self._options.lease_timeout
            self._give_back(server)
            self._handed_over(lease)

    def _look(self, server: str) -> None:
        timeout, now = self._options.lease_timeout, time.monotonic()
        watched = self._watch(server)
        self.seen[server] = seen = self._table.look(server, watched.token, timeout)
        heard_until = None if seen.unheard is None else now - seen.unheard - _SLACK_SECONDS
        watched.had(seen.token, heard_until)
        if not watched.is_free(seen) or boottime() < self._stands_back_until.get(server, 0.0):
            return
        sent = boottime()
        try:
            is_ours = self._table.acquire(server, seen.token, timeout)
        except Exception:
            watched.refused()
            raise
        watched.is_refused = False
        if not is_ours:
            return
        watched.confirmed()
        until = sent + timeout - self._options.lease_margin
        lease = Lease(server, seen.token + 1, until)
        self.leases = {**self.leases, server: lease}
        watched.had(lease.token, None)
        self._gained(lease, watched.heard_until)

    def _forget(self, lease: Lease) -> None:
        self.leases = {name: one for name, one in self.leases.items() if one is not lease}
        lease.end()
        self._changed()

    def _watch(self, server: str) -> Watched:
        # A holder's question takes no longer than half of a lease (make_impatient); it asks again.
        seconds = self._options.lease_timeout / 2 + self._options.standby_interval
        return self._watched.setdefault(server, Watched(seconds))

    def _give_back(self, server: str) -> None:
        lease = self.leases[server]
        self._forget(lease)
        self._due.pop(server, None)
        self._asked_at.pop(server, None)
        self._table.release(server, lease.token, self._unheard(server))

    def _unheard(self, server: str) -> Unheard | None:
        """How long ago it was when this process had delivered all events; None if it never had.

        None as well behind a failure: nobody knows which renewal the database has seen last.
        """
        until = self._delivered_until(server)
        if until is None or server in self._away_since:
            return None
        ago = max(0.0, time.monotonic() - until)
        left = self._watch(server).confirmed_at + self._options.lease_timeout - boottime()
        return Unheard(ago, ago + left)

    def _tell_failure(self, server: str, error: Exception) -> None:
        now = boottime()
        is_news = not self._away_since
        self._away_since.setdefault(server, now)
        if not is_news and now < self._logged_at + _LOG_SECONDS:
            return
        self._logged_at = now
        lease = self.leases.get(server)
        left = "" if lease is None else f" Events are delivered for {lease.left:.1f} s more."
        logger.error(
            "%s: the database does not answer for the lease (%s: %s).%s It is asked again; check "
            "the database, and that 'manage.py migrate' has run.",
            server,
            type(error).__name__,
            next(iter(str(error).splitlines()), ""),
            left,
            extra={
                "server": server,
                "lease": None if lease is None else lease.token,
                "error": type(error).__name__,
            },
        )
