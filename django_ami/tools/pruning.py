"""The commands that delete old rows share this: an age, chunks, a dry run, and their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError
from django.db import Error
from django.utils import timezone

from django_ami.tools.arguments import age, count
from django_ami.tools.console import Program
from django_ami.tools.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from django.core.management.base import CommandParser
    from django.db.models import QuerySet

__all__ = ["Pruning"]


class Pruning(Program):
    """A command that deletes what is older than an age, by chunks.

    A subclass has the word for ``one`` row and for ``many``, and the event ``since`` which they
    age. It gives the ``old`` rows of its table; or it counts and deletes them itself.
    """

    one: ClassVar[str]
    many: ClassVar[str]
    since: ClassVar[str]
    exits: ClassVar[Mapping[int, str]] = {
        Exit.UNREACHABLE: "the database cannot be reached, or refused it",
    }

    def old(self, when: datetime) -> QuerySet[Any]:
        """Those that are older than that time, the oldest first. Raises ConfigurationError."""
        raise NotImplementedError

    def count_before(self, when: datetime, _options: dict[str, Any]) -> int:
        """How many are older than that time."""
        return self.old(when).count()

    def prune(self, when: datetime, options: dict[str, Any]) -> Iterator[int]:
        """Delete those that are older; says after each chunk how many that were."""
        rows = self.old(when)
        while keys := list(rows.values_list("pk", flat=True)[: options["chunk"]]):
            rows.filter(pk__in=keys).delete()
            yield len(keys)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=age,
            required=True,
            metavar="AGE",
            help=f"hours, days or weeks since {self.since}: 12h, 90d, 8w",
        )
        parser.add_argument(
            "--chunk",
            type=count,
            default=1000,
            metavar=self.many.upper(),
            help=f"how many {self.many} are deleted in one transaction (default: %(default)s)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="delete nothing, and say how many it would be"
        )
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for programs")

    def work(self, options: dict[str, Any]) -> Exit:
        when = timezone.now() - options["older_than"]
        try:
            if options["dry_run"]:
                self._tell(options, self.count_before(when, options), "would be deleted")
            else:
                self._tell(options, sum(self.prune(when, options)), "deleted")
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
            self.say_json({self.many: number, "deleted": not options["dry_run"]})
        else:
            self.say(f"{number} {self.one if number == 1 else self.many} {done}.")
