"""The leases in the database, and the statements by which one changes hands.

Rule: one UPDATE decides, and the number of rows that it changes is the answer. Time is the
database's alone. An exception means that the caller has no lease.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import BigIntegerField, CharField, DurationField
from django.db.models.functions import Coalesce, Least

from django_ami.operations.clock import ago, before, from_now, now, since
from django_ami.operations.models import Lease
from django_ami.operations.statements import Given, Selection, Update

if TYPE_CHECKING:
    from django.db.models import Expression, QuerySet

__all__ = ["LeaseTable", "Seen", "Unheard"]

_SERVER: Final = Given("server", CharField())


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


class Unheard(NamedTuple):
    """When all events had been delivered. Durations are in seconds.

    A database that hangs begins with a statement late, when its holder may have ended: then the
    time that was ``ago`` is none of which the holder knew anything. So it is no later than so long
    ``before_end`` of the lease, as it was confirmed last.
    """

    ago: float
    before_end: float


def _heard_until(ago_span: float | Expression, before_end: float | Expression) -> Least:
    return Least(ago(ago_span), before("expires_at", before_end))


class LeaseTable:
    """The leases in the database ``using``, for the listener whose id is ``me``."""

    def __init__(self, using: str, me: str, name: str) -> None:
        self._me = me
        self._name = name
        self._rows: QuerySet[Lease] = Lease.objects.using(using)
        self._select = Selection(
            self._rows.filter(server=_SERVER).values_list(
                "token", "holder", "holder_name", since("expires_at"), since("heard_until")
            )
        )
        #: By whether it is in vain if somebody asks for a handover, and whether events have come.
        self._renewals = {
            (unasked, heard): self._renewal(unasked=unasked, heard=heard)
            for unasked in (True, False)
            for heard in (True, False)
        }

    def _renewal(self, *, unasked: bool, heard: bool) -> Update:
        mine = self._mine(_SERVER, Given("token", BigIntegerField()))
        if unasked:
            mine = mine.filter(handover_requested_at__isnull=True)
        values: dict[str, object] = {}
        if heard:  # first: MariaDB changes one column after the other
            spans = (Given(name, DurationField()) for name in ("ago", "before_end"))
            values["heard_until"] = _heard_until(*spans)
        values["expires_at"] = from_now(Given("span", DurationField()))
        return Update(mine, **values)

    def look(self, server: str, known: int = 0, seconds: float = 0.0) -> Seen:
        """How a lease is now. Makes the row of a server that has none.

        ``known`` is the highest token that the caller has seen. A database without it has
        forgotten, and a holder of which it knows nothing may deliver: the lease is nobody's for so
        many ``seconds``.
        """
        seen = self._see(server)
        if seen is None:
            # Its first token is higher than those of a table that was there before.
            first = max(int(time.time()), known)
            free_at = from_now(seconds) if known else now()
            new = Lease(server=server, token=first, expires_at=free_at)
            self._rows.bulk_create([new], ignore_conflicts=True)
        elif seen.token < known:
            old = self._rows.filter(server=server, token=seen.token)
            old.update(token=known, holder="", expires_at=from_now(seconds))
        else:
            return seen
        seen = self._see(server)
        if seen is None:
            raise Lease.DoesNotExist(server)
        return seen

    def _see(self, server: str) -> Seen | None:
        for token, holder, name, over, unheard in self._select(server=server):
            return Seen(
                token,
                holder,
                name,
                -over.total_seconds(),
                None if unheard is None else unheard.total_seconds(),
            )
        return None

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
        unheard: Unheard | None,
        *,
        unasked: bool = False,
    ) -> bool:
        """Keep a lease for so long. False if another listener has had it meanwhile.

        One that is over may be renewed as long as nobody else has taken it. ``unheard`` says how
        long ago it was when all events had been delivered; None if that is not known. With
        ``unasked`` it is False, too, if anybody has asked for the handover: then ask without.
        """
        heard = Unheard(0.0, 0.0) if unheard is None else unheard
        changed = self._renewals[unasked, unheard is not None](
            server=server,
            token=token,
            span=timedelta(seconds=seconds),
            ago=timedelta(seconds=heard.ago),
            before_end=timedelta(seconds=heard.before_end),
        )
        return changed == 1

    def release(self, server: str, token: int, unheard: Unheard | None) -> bool:
        """Give a lease back: the next one may take it at once."""
        heard = {} if unheard is None else {"heard_until": _heard_until(*unheard)}
        return self._mine(server, token).update(**heard, expires_at=now(), holder="") == 1

    def handover_requested_by(self, server: str, token: int) -> str | None:
        """The name of the person who has asked for the handover of a lease; None if nobody has."""
        asked = self._rows.filter(server=server, token=token, handover_requested_at__isnull=False)
        return asked.values_list("handover_requested_by", flat=True).first()

    def _mine(self, server: str | Given, token: int | Given) -> QuerySet[Lease]:
        return self._rows.filter(server=server, token=token, holder=self._me)
