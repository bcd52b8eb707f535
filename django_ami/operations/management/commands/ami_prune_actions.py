"""``manage.py ami_prune_actions``: delete old entries of the action log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.operations import conf
from django_ami.operations.models import ActionLog
from django_ami.tools.pruning import Pruning

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

__all__ = ["Command"]


class Command(Pruning):
    """Deletes entries by chunks."""

    help = (
        "Delete the entries of the action log that are older than that. Each chunk is a "
        "transaction of its own. Stopped by a signal, it leaves what is not deleted yet."
    )
    examples = """\
--older-than=90d
--older-than=52w --dry-run"""
    one, many, since = "entry", "entries", "an action was sent"

    def old(self, when: datetime) -> QuerySet[Any]:
        rows = ActionLog.objects.using(conf.load().database)
        return rows.filter(at__lt=when).order_by("at")
