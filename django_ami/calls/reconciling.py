"""Finds the ends of stored calls: the history knows them, or the servers do.

Rule: nothing here dials. A call that neither knows was never made, or has ended unseen. Only a
listener that has heard everything since can tell these two apart.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.db import router
from django.utils import timezone

from django_ami.accessor import ami
from django_ami.calls import conf
from django_ami.calls.telling import told_by_history
from django_ami.core.causes import CallResult
from django_ami.core.deadline import Deadline
from django_ami.core.errors import ActionTimeout, AmiError
from django_ami.core.log import get_logger
from django_ami.core.progress import OriginateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from django_ami.calls.models import Origination
    from django_ami.core.client import OriginatedCall

__all__ = ["OPEN", "Reconciled", "ask", "open_rows", "reconcile", "settle", "settled"]

logger = get_logger(__name__)

#: How many calls are asked for at a time. A server lists all of its channels once for all of them.
MOST_AT_A_TIME: Final = 200
#: How often it looks whether a server has answered.
_STEP_SECONDS: Final = 0.02
#: The states in which the end of a call is not known, and may yet be.
OPEN: Final = ("unknown", "made")

#: How many of the rows are in which state now.
Reconciled = Counter[str]


def reconcile(rows: QuerySet[Origination], *, timeout: float) -> Reconciled:
    """Find the ends of those of these calls whose end is not known."""
    found, deadline = open_rows(rows), Deadline(timeout)
    settle(settled(ask(found, deadline)), "gone")
    return Counter(str(row.state) for row in found)


def open_rows(rows: QuerySet[Origination]) -> list[Origination]:
    """Those whose end is not known, the oldest first."""
    database = router.db_for_write(rows.model)
    return list(rows.using(database).filter(state__in=OPEN).order_by("created", "pk"))


def ask(rows: Sequence[Origination], deadline: Deadline) -> list[Origination]:
    """Ask the history and the servers, until the deadline.

    Returns the calls that the servers have said they do not have.
    """
    gone: list[Origination] = []
    for start in range(0, len(rows), MOST_AT_A_TIME):
        some = [row for row in rows[start : start + MOST_AT_A_TIME] if not _in_history(row)]
        calls = [(row, call) for row in some if (call := _look_for(row)) is not None]
        gone += [row for row, call in calls if _answer(row, call, deadline)]
    return [row for row in gone if not _in_history(row)]  # it may have ended just now


def settled(rows: Iterable[Origination]) -> list[Origination]:
    """Those that are old enough: nobody is about to make them any more."""
    before = timezone.now() - timedelta(seconds=conf.load().settle_seconds)
    return [row for row in rows if row.created < before]


def settle(rows: Sequence[Origination], state: str) -> None:
    """Say that of calls whose end is not known."""
    for row in rows:
        if _update(row, state=state, ended=timezone.now()):
            logger.warning(
                "The stored call %s on %s is %s.",
                row.pk,
                row.server,
                state.replace("_", " "),
                extra={"server": row.server},
            )


def _in_history(row: Origination) -> bool:
    """True if the history has the call; its end is stored then."""
    database = _database(row)
    calls = apps.get_model("ami_calls", "Call").objects.using(database)
    call = calls.find(row.server, row.pk)
    if call is None:
        merges = apps.get_model("ami_calls", "MergedCall").objects.using(database)
        if not merges.filter(server=row.server, call_id=row.pk).exists():
            return False
        _update(row, state="made", asked=timezone.now())  # it is a part of one that goes on
        return True
    _update(row, **told_by_history(call, call.legs.using(database).all(), row.pk))
    return True


def _database(row: Origination) -> str:
    return router.db_for_write(type(row), instance=row)


def _look_for(row: Origination) -> OriginatedCall | None:
    try:
        return ami.call(row.pk, server=row.server)
    except AmiError as error:  # its server was removed from the settings
        logger.warning("The stored call %s cannot be asked for: %s", row.pk, error)
        return None


def _answer(row: Origination, call: OriginatedCall, deadline: Deadline) -> bool:
    """Take the answer of a server. True if it does not have the call."""
    while call.state is OriginateState.UNKNOWN and (left := deadline.left) > 0:
        try:
            call.wait(min(_STEP_SECONDS, left))
        except ActionTimeout:
            continue
    outcome = call.outcome
    is_unknown = outcome is not None and outcome.result is CallResult.UNKNOWN
    if call.state is OriginateState.UNKNOWN or (is_unknown and not call.gone):
        logger.warning(
            "The stored call %s: %s does not say what became of it.",
            row.pk,
            row.server,
            extra={"server": row.server},
        )
        return False
    if is_unknown:
        _update(row, asked=timezone.now())
        return True
    _update(row, state="made", asked=timezone.now())
    row.follow(call, own=False)
    return False


def _update(row: Origination, **fields: object) -> bool:
    """Store these fields, unless the end is known by now; then the row is read again."""
    rows = type(row).objects.using(_database(row))
    if not rows.filter(pk=row.pk, state__in=OPEN).update(**fields):
        row.refresh_from_db()
        return False
    for name, value in fields.items():
        setattr(row, name, value)
    return True
