"""Deletes old entries of the action log, a chunk at a time: no transaction is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.operations import conf
from django_ami.operations.models import ActionLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db import models

__all__ = ["count_before", "prune"]


def count_before(when: datetime) -> int:
    """How many entries are older than that time. Raises ConfigurationError."""
    return _before(when).count()


def prune(when: datetime, *, chunk: int = 1000) -> Iterator[int]:
    """Delete the entries that are older than that time; each chunk says how many that were."""
    old = _before(when)
    while keys := list(old.order_by("at").values_list("pk", flat=True)[:chunk]):
        old.filter(pk__in=keys).delete()
        yield len(keys)


def _before(when: datetime) -> models.QuerySet[ActionLog]:
    rows: models.QuerySet[ActionLog] = ActionLog.objects.using(conf.load().database)
    return rows.filter(at__lt=when)
