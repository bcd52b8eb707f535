"""The leases in the database, and the statements by which one changes hands.

Rule: one UPDATE decides, and the number of rows that it changes is the answer. Time is the
database's alone. An exception means that the caller has no lease.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Coalesce

from django_ami.operations.clock import ago, from_now, now, since
from django_ami.operations.models import Lease

if TYPE_CHECKING:
    from django.db.models import QuerySet

__all__ = ["LeaseTable", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A lease, as a look at the table shows it. Durations are in seconds."""

    token: int
    #: Empty if it was given back, or never had.
    holder: str
    holder_name: str
    #: For how long the holder still has it; negative: since when nobody has it.
    left: float
    #: For how long events may be missing; None if nobody has ever delivered any.
    unheard: float | None


class LeaseTable:
    """The leases in the database ``using``, for the listener whose id is ``me``."""

    def __init__(self, using: str, me: str, name: str) -> None:
        self._using = using
        self._me = me
        self._name = name

    @property
    def _rows(self) -> QuerySet[Lease]:
        return Lease.objects.using(self._using)

    def look(self, server: str, known: int = 0, seconds: float = 0.0) -> Seen:
        """How a lease is now. Makes the row of a server that has none.

        ``known`` is the highest token that the caller has seen. A database without it has
        forgotten, and a holder of which it knows nothing may deliver: the lease is nobody's for so
        many ``seconds``.
        """
        rows = self._rows.filter(server=server).annotate(
            over=since("expires_at"), unheard=since("heard_until")
        )
        row: Any = rows.first()
        if row is None:
            # Its first token is higher than those of a table that was there before.
            first = max(int(time.time()), known)
            free_at = from_now(seconds) if known else now()
            new = Lease(server=server, token=first, expires_at=free_at)
            self._rows.bulk_create([new], ignore_conflicts=True)
            row = rows.get()
        elif row.token < known:
            old = self._rows.filter(server=server, token=row.token)
            old.update(token=known, holder="", expires_at=from_now(seconds))
            row = rows.get()
        return Seen(
            row.token,
            row.holder,
            row.holder_name,
            -row.over.total_seconds(),
            None if row.unheard is None else row.unheard.total_seconds(),
        )

    def acquire(self, server: str, token: int, seconds: float) -> bool:
        """Take a lease that nobody has, and whose token was ``token``. It gets the next one."""
        free = self._rows.filter(server=server, token=token, expires_at__lt=now())
        changed = free.update(
            holder=self._me,
            holder_name=self._name,
            token=token + 1,
            acquired_at=now(),
            expires_at=from_now(seconds),
            # Of the first one of all: it may end before it renews the lease for the first time.
            heard_until=Coalesce("heard_until", now()),
            handover_requested_at=None,
            handover_requested_by="",
        )
        return changed == 1

    def renew(
        self,
        server: str,
        token: int,
        seconds: float,
        unheard: float | None,
        *,
        unasked: bool = False,
    ) -> bool:
        """Keep a lease for so long. False if another listener has had it meanwhile.

        One that is over may be renewed as long as nobody else has taken it. ``unheard`` says how
        long ago it was when all events had been delivered; None if that was never so. With
        ``unasked`` it is False, too, if anybody has asked for the handover: then ask without.
        """
        mine = self._mine(server, token)
        if unasked:
            mine = mine.filter(handover_requested_at__isnull=True)
        return mine.update(expires_at=from_now(seconds), **_heard(unheard)) == 1

    def release(self, server: str, token: int, unheard: float | None) -> bool:
        """Give a lease back: the next one may take it at once."""
        mine = self._mine(server, token)
        return mine.update(expires_at=now(), holder="", **_heard(unheard)) == 1

    def handover_requested_by(self, server: str, token: int) -> str | None:
        """The name of the person who has asked for the handover of a lease; None if nobody has."""
        asked = self._rows.filter(server=server, token=token, handover_requested_at__isnull=False)
        return asked.values_list("handover_requested_by", flat=True).first()

    def _mine(self, server: str, token: int) -> QuerySet[Lease]:
        return self._rows.filter(server=server, token=token, holder=self._me)


def _heard(unheard: float | None) -> dict[str, Any]:
    return {} if unheard is None else {"heard_until": ago(unheard)}
