"""Writes calls into the database: a batch in one transaction, and no call twice.

Rule: the transaction that made a row stands in it (``batch``), and it made all that belongs to it.
So a batch that is repeated, since its answer was lost, changes nothing; nor does a second listener
that has seen the same call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.db import router, transaction

from django_ami.calls import conf
from django_ami.calls.models import PARTS, Call, CallLeg, MergedCall, Origination
from django_ami.calls.rows import merged_row, rows_of
from django_ami.calls.telling import tell_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from django_ami.calls.rows import Rows
    from django_ami.live import snapshots

    Key = tuple[str, str]

__all__ = ["save_calls"]

_COLUMNS: Final = [
    field.name
    for field in Call._meta.get_fields()
    if field.concrete and field.name not in {"id", "server", "call_id"}
]


def save_calls(
    calls: Iterable[snapshots.Call], *, mask: Callable[[str], str] | None = None
) -> None:
    """Write calls that have ended, in one transaction; one that is merged leads to the other.

    A call that is there already is written anew only if the one that is there was concluded from a
    list and this one was seen. ``mask`` is by default that of ``AMI_CALLS``. Raises what the
    database raises: nothing is stored then, unless it is the answer to the commit that was lost. So
    call it again with the same calls.
    """
    mask = conf.load().mask if mask is None else mask
    batch = uuid4()
    merged: list[MergedCall] = []
    ended: dict[Key, Rows] = {}
    for call in calls:
        if call.merged_into:
            merged.append(merged_row(call))
        else:
            rows = rows_of(call, batch, mask)
            known = ended.get(key := (rows.call.server, rows.call.call_id))
            if known is None or known.call.inferred:
                ended[key] = rows
    database = router.db_for_write(Call)
    with transaction.atomic(database):
        if merged:
            MergedCall.objects.using(database).bulk_create(merged, ignore_conflicts=True)
            _forget(database, merged)
        for key in _merged_among(database, ended):
            del ended[key]  # another listener has seen that it became part of another one
        if ended:
            _save(database, batch, ended)
            legs = PARTS.index(CallLeg)
            told = {key: (rows.call, rows.parts[legs]) for key, rows in ended.items()}
            tell_ends(database, Origination, told)


def _forget(database: str, merged: Iterable[MergedCall]) -> None:
    """Another listener has taken them for calls of their own."""
    for server, ids in _by_server((one.server, one.call_id) for one in merged):
        Call.objects.using(database).filter(server=server, call_id__in=ids).delete()


def _merged_among(database: str, ended: Iterable[Key]) -> set[Key]:
    merges = MergedCall.objects.using(database)
    return {
        (server, call_id)
        for server, ids in _by_server(ended)
        for call_id in merges.filter(server=server, call_id__in=ids).values_list(
            "call_id", flat=True
        )
    }


def _by_server(keys: Iterable[Key]) -> Iterable[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for server, call_id in keys:
        found.setdefault(server, []).append(call_id)
    return found.items()


def _save(database: str, batch: UUID, ended: Mapping[Key, Rows]) -> None:
    # Two listeners that lock rows do so in one order.
    rows = [ended[key] for key in sorted(ended)]
    Call.objects.using(database).bulk_create([one.call for one in rows], ignore_conflicts=True)
    mine, again = [], []
    for (server, call_id), stored in _stored(database, rows).items():
        one = ended[server, call_id]
        one.call.pk = stored.pk
        if stored.batch == batch:
            mine.append(one)
        elif stored.inferred and not one.call.inferred:
            again.append(one)
    _replace(database, again)
    for place, model in enumerate(PARTS):
        parts = [part for one in (*mine, *again) for part in one.parts[place]]
        for part in parts:
            part.call_id = part.call.pk
        rows_of_all: QuerySet[Any] = model.objects.using(database)
        rows_of_all.bulk_create(parts, ignore_conflicts=True)


def _stored(database: str, rows: list[Rows]) -> dict[Key, Call]:
    """The rows as they are in the database now, locked until the end of the transaction."""
    by_server: dict[str, list[str]] = {}
    for one in rows:
        by_server.setdefault(one.call.server, []).append(one.call.call_id)
    calls = Call.objects.using(database).select_for_update().order_by("pk")
    return {
        (call.server, call.call_id): call
        for server, ids in by_server.items()
        for call in calls.filter(server=server, call_id__in=ids).only(
            "server", "call_id", "batch", "inferred"
        )
    }


def _replace(database: str, again: list[Rows]) -> None:
    if not again:
        return
    keys = [one.call.pk for one in again]
    for model in PARTS:
        model.objects.using(database).filter(call_id__in=keys).delete()
    Call.objects.using(database).bulk_update([one.call for one in again], _COLUMNS)
