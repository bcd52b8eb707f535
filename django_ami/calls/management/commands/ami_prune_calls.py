"""``manage.py ami_prune_calls``: delete old calls of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.calls.pruning import count_before, prune
from django_ami.tools.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.core.management.base import CommandParser

__all__ = ["Command"]


class Command(Pruning):
    """Deletes calls by chunks."""

    help = (
        "Delete the calls that began longer ago than that, with all that belongs to them. Each "
        "chunk is a transaction of its own, so the listener goes on meanwhile. Stopped by a "
        "signal, it leaves what is not deleted yet."
    )
    examples = """\
--older-than=90d
--older-than=52w --server=node_1 --dry-run"""
    one, many, since = "call", "calls", "a call began"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--server", default="", metavar="NAME", help="the calls of that server (default: all)"
        )

    def count_before(self, when: datetime, options: dict[str, Any]) -> int:
        return count_before(when, options["server"])

    def prune(self, when: datetime, options: dict[str, Any]) -> Iterator[int]:
        return prune(when, server=options["server"], chunk=options["chunk"])
