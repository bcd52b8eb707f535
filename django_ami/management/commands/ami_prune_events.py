"""``manage.py ami_prune_events``: forget which old events were processed by ``once``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db import router

from django_ami.conf.forward import read_forward
from django_ami.conf.once import APP, MODEL, read_once
from django_ami.tools.exits import Exit
from django_ami.tools.pruning import Pruning

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

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

    def old(self, when: datetime) -> QuerySet[Any]:
        from django_ami.forwarding.models import ProcessedEvent  # the app is installed

        once = read_once()
        using = once.using if once.store == MODEL else ""
        rows = ProcessedEvent.objects.using(using or router.db_for_write(ProcessedEvent))
        return rows.filter(at__lt=when).order_by("at")
