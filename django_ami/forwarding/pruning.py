"""Deletes old rows of ``once``, a chunk at a time: no transaction is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import router

from django_ami.conf.once import MODEL, read_once
from django_ami.forwarding.models import ProcessedEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db import models

__all__ = ["count_before", "prune"]


def count_before(when: datetime) -> int:
    """How many rows are older than that time. Raises ConfigurationError."""
    return _before(when).count()


def prune(when: datetime, *, chunk: int = 1000) -> Iterator[int]:
    """Delete the rows that are older than that time; each chunk says how many that were."""
    old = _before(when)
    while keys := list(old.order_by("at").values_list("pk", flat=True)[:chunk]):
        old.filter(pk__in=keys).delete()
        yield len(keys)


def _before(when: datetime) -> models.QuerySet[ProcessedEvent]:
    once = read_once()
    using = once.using if once.store == MODEL else ""
    rows: models.QuerySet[ProcessedEvent] = ProcessedEvent.objects.using(
        using or router.db_for_write(ProcessedEvent)
    )
    return rows.filter(at__lt=when)
