"""``manage.py ami_prune_actions``: delete old entries of the action log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.operations.audit.pruning import count_before, prune
from django_ami.tools.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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

    def count_before(self, when: datetime, _options: dict[str, Any]) -> int:
        return count_before(when)

    def prune(self, when: datetime, options: dict[str, Any]) -> Iterator[int]:
        return prune(when, chunk=options["chunk"])
