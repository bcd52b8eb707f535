"""``manage.py ami_prune_actions``: delete old entries of the action log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError
from django.db import Error
from django.utils import timezone

from django_ami.operations.audit.pruning import count_before, prune
from django_ami.tools.arguments import age, count
from django_ami.tools.console import Program
from django_ami.tools.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

__all__ = ["Command"]


class Command(Program):
    """Deletes entries by chunks."""

    help = (
        "Delete the entries of the action log that are older than that. Each chunk is a "
        "transaction of its own. Stopped by a signal, it leaves what is not deleted yet."
    )
    examples = """\
--older-than=90d
--older-than=52w --dry-run"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.UNREACHABLE: "the database cannot be reached, or refused it",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=age,
            required=True,
            metavar="AGE",
            help="hours, days or weeks since an action was sent: 12h, 90d, 8w",
        )
        parser.add_argument(
            "--chunk",
            type=count,
            default=1000,
            metavar="ENTRIES",
            help="how many entries are deleted in one transaction (default: %(default)s)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="delete nothing, and say how many it would be"
        )
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for programs")

    def work(self, options: dict[str, Any]) -> Exit:
        when = timezone.now() - options["older_than"]
        try:
            if options["dry_run"]:
                self._tell(options, count_before(when), "would be deleted")
                return Exit.OK
            self._tell(options, sum(prune(when, chunk=options["chunk"])), "deleted")
        except Error as error:
            why = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise CommandError(
                f"the database did not delete them: {why}. Check DATABASES, and run "
                "'manage.py migrate'.",
                returncode=Exit.UNREACHABLE,
            ) from None
        return Exit.OK

    def _tell(self, options: dict[str, Any], number: int, done: str) -> None:
        if options["json"]:
            self.say_json({"entries": number, "deleted": not options["dry_run"]})
        else:
            self.say(f"{number} {'entry' if number == 1 else 'entries'} {done}.")
