"""Deletes old calls, a chunk at a time: no transaction is long, and none holds up the listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import router, transaction

from django_ami.calls.models import PARTS, Call, MergedCall, Origination

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db import models

__all__ = ["count_before", "prune"]


def count_before(when: datetime, server: str = "") -> int:
    """How many calls began before that time, on that server or on all."""
    return _before(when, server).count()


def prune(when: datetime, *, server: str = "", chunk: int = 1000) -> Iterator[int]:
    """Delete the calls that began before that time; after each chunk it says how many that were.

    Each chunk is a transaction of its own, so it may be stopped between two.
    """
    database = router.db_for_write(Call)
    calls = _before(when, server).using(database).order_by("started")
    while keys := list(calls.values_list("pk", flat=True)[:chunk]):
        with transaction.atomic(database):
            for model in PARTS:
                model.objects.using(database).filter(call_id__in=keys).delete()
            Call.objects.using(database).filter(pk__in=keys).delete()
        yield len(keys)
    others: tuple[models.QuerySet[Any], ...] = (
        MergedCall.objects.using(database).filter(at__lt=when),
        Origination.objects.using(database).filter(created__lt=when),
    )
    for old in others:
        rows = old.filter(server=server) if server else old
        while keys := list(rows.values_list("pk", flat=True)[:chunk]):
            old.filter(pk__in=keys).delete()


def _before(when: datetime, server: str) -> models.QuerySet[Call]:
    calls = Call.objects.filter(started__lt=when)
    return calls.filter(server=server) if server else calls
