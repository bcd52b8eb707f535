"""A lease as this process has seen it, by its own clock.

Rule: a database can forget, after a failover to a replica that lagged, and its clock can be set. So
a lease is free only if the database says so, and nothing that was seen here says otherwise. While
the database was away, the holder could not renew its lease, and has kept the events of that time in
its queue: it goes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.lease import boottime

if TYPE_CHECKING:
    from django_ami.operations.leases import Seen

__all__ = ["Watched"]


class Watched:
    """The lease of one server, as its keeper has seen it.

    ``holder_first_seconds``: how long a holder goes first when the database answers again.
    """

    def __init__(self, holder_first_seconds: float) -> None:
        self._holder_first_seconds = holder_first_seconds
        #: The highest that was seen: a database that tells of a lower one has forgotten.
        self.token = 0
        #: Up to when all events are known to be delivered, by ``time.monotonic``.
        self.heard_until: float | None = None
        #: By ``boottime``: until then its holder may deliver, as was seen last.
        self._held_until = float("-inf")
        #: By ``boottime``: when the lease of this process was confirmed last.
        self.confirmed_at = float("-inf")
        #: A holder was seen that has renewed its lease; and the database did not answer since then.
        self._renewed = self._unanswered = False
        #: The database tells of the lease, and let nobody take it: it may take no writes.
        self.is_refused = False

    def confirmed(self) -> None:
        """The database has given the lease to this process, or renewed it."""
        self.confirmed_at = boottime()

    def unanswered(self) -> None:
        """The database does not answer, to the holder neither, it may be."""
        self._unanswered = self._renewed

    def refused(self) -> None:
        """The lease was free, and the database failed to give it: its holder has its turn again."""
        self.is_refused = self._renewed = True

    def had(self, token: int, heard_until: float | None) -> None:
        """This token was seen, and the events up to then are delivered."""
        self.token = max(self.token, token)
        known = [one for one in (self.heard_until, heard_until) if one is not None]
        self.heard_until = max(known, default=None)

    def is_free(self, seen: Seen) -> bool:
        """Whether a lease that was just looked at may be taken.

        One that was given back is free at once. Another one is free when its time is over by both
        clocks; and behind a time without the database, when its holder has let its turn go by. It
        has one turn for each time that it was seen with a lease that was not over.
        """
        now = boottime()
        if seen.left > 0:
            self._held_until = now + seen.left
            self._renewed, self._unanswered, self.is_refused = True, False, False
            return False
        if self._unanswered:
            self._held_until = max(self._held_until, now + self._holder_first_seconds)
            self._renewed = self._unanswered = False
        return not seen.holder or now >= self._held_until
