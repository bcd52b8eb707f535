"""How many calls a user may place in a minute, over all processes and machines.

Rule: one conditional UPDATE decides, by the clock of the database, and its row count is the answer.
It is no part of a transaction of the caller: one that is rolled back gives no call back.
"""

from __future__ import annotations

import math
from typing import Any, Final

from django.db import DatabaseError

from django_ami.operations import conf
from django_ami.operations.clock import now
from django_ami.operations.errors import TooManyCalls
from django_ami.operations.models import RecentCalls
from django_ami.operations.transactions import outside_of_transactions

__all__ = ["count_call"]

_MINUTE_SECONDS: Final = 60.0
#: As many processes may come between the reading and the writing of one.
_MOST_ATTEMPTS: Final = 100


def count_call(user: str, most: int) -> None:
    """Count a call of ``user``, who may place ``most`` in any minute.

    Raises TooManyCalls, also if the database cannot count: nobody calls uncounted. Raises
    ConfigurationError if AMI_OPERATIONS is wrong.
    """
    using = conf.load().database
    try:
        wait = outside_of_transactions(using, lambda: _wait_seconds(using, user, most))
    except DatabaseError as error:
        raise TooManyCalls(
            f"the calls of this user cannot be counted ({type(error).__name__}: {error}), so none "
            "is placed: look after the database, and run 'manage.py migrate'.",
            retry_seconds=5,
        ) from None
    if wait is not None:
        raise TooManyCalls(
            f"this user has placed {most} calls in a minute, which is the limit "
            f"('calls_per_minute' in AMI_PERMISSIONS): wait {math.ceil(wait)} s.",
            retry_seconds=math.ceil(wait),
        )


def _wait_seconds(using: str, user: str, most: int) -> float | None:
    """Take one of the calls of this minute; if there is none, how long to wait for one."""
    if most < 1:
        return _MINUTE_SECONDS
    rows = RecentCalls.objects.using(using)
    for _ in range(_MOST_ATTEMPTS):
        row: Any = rows.filter(user=user).annotate(now=now()).first()
        if row is None:
            rows.bulk_create([RecentCalls(user=user)], ignore_conflicts=True)
            continue
        moment: float = row.now.timestamp()
        # A call that another process has just counted may be younger than this statement: it began
        # earlier, and saw the row later. Of a clock that was set back, later ones are forgotten.
        recent: list[float] = sorted(at for at in row.times if abs(moment - at) < _MINUTE_SECONDS)
        if len(recent) >= most:
            return min(_MINUTE_SECONDS, max(0.0, recent[-most] + _MINUTE_SECONDS - moment))
        same = rows.filter(user=user, version=row.version)
        if same.update(version=row.version + 1, times=[*recent, moment]):
            return None
    return 1.0  # a hundred others came first
