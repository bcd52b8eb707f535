"""``manage.py ami_prune_events``: forget which old events were processed by ``once``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError

from django_ami.conf.forward import read_forward
from django_ami.conf.once import APP
from django_ami.tools.exits import Exit
from django_ami.tools.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["Command"]


class Command(Pruning):
    """Deletes rows of ``ProcessedEvent`` by chunks."""

    help = (
        "Delete the rows that 'once' wrote longer ago than that. An event that is delivered again "
        "after its row is gone is processed again, so the age must be above MAX_AGE of "
        "AMI_FORWARD, for which the engine may repeat an event. Each chunk is a transaction of its "
        "own. Stopped by a signal, it leaves what is not deleted yet."
    )
    examples = """\
--older-than=7d
--older-than=2w --dry-run"""
    one, many, since = "row", "rows", "an event was processed"

    def work(self, options: dict[str, Any]) -> Exit:
        if not apps.is_installed(APP):
            raise CommandError(
                f"there is no table of processed events: add {APP!r} to INSTALLED_APPS, and run "
                "'manage.py migrate'.",
                returncode=Exit.CONFIGURATION,
            )
        forward = read_forward()
        if forward is not None and options["older_than"].total_seconds() <= forward.max_age:
            raise CommandError(
                f"the engine may repeat an event for {forward.max_age:g} s (MAX_AGE of "
                "AMI_FORWARD), and it would be processed again: give a longer --older-than.",
                returncode=Exit.CONFIGURATION,
            )
        return super().work(options)

    def count_before(self, when: datetime, _options: dict[str, Any]) -> int:
        from django_ami.forwarding.pruning import count_before  # the app is installed

        return count_before(when)

    def prune(self, when: datetime, options: dict[str, Any]) -> Iterator[int]:
        from django_ami.forwarding.pruning import prune  # the app is installed

        return prune(when, chunk=options["chunk"])
