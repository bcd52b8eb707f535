"""``manage.py ami_listen``: the worker.

Listens to servers and delivers their events to receivers, for weeks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from django_ami import signals
from django_ami.accessor import ami
from django_ami.companion import companion_of
from django_ami.core.client import Client
from django_ami.core.errors import AmiError, ConfigurationError, ConnectionFailed
from django_ami.core.session import Role
from django_ami.tools import metrics
from django_ami.tools.arguments import amount, count, seconds, workers
from django_ami.tools.console import Program, selected
from django_ami.tools.exits import Exit, exit_code
from django_ami.tools.neighbours import Watch
from django_ami.tools.streams import leave
from django_ami.tools.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami import conf

__all__ = ["Command"]


class Command(Program):
    """Parses the options and holds the parts together. Its signals are the worker's."""

    help = (
        "Listen to Asterisk servers and deliver their events to the receivers of "
        "django_ami.signals."
    )
    examples = """\
--server=node_1
--all --drain-timeout=30
--server=node_1 --standby --metrics-port=9110
--server=node_1 --events=call,cdr --fail-on-failed"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped",
        Exit.REFUSED: "authentication refused by every server",
        Exit.INCOMPLETE: "not all that was read could be delivered within the drain timeout, or, "
        "with --fail-on-failed, a receiver failed",
        Exit.SYSTEM: "the system refused something, such as a thread; stderr says what",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            action="append",
            metavar="NAME",
            help="a server of AMI_SERVERS; may be repeated",
        )
        parser.add_argument("--all", action="store_true", help="all servers of AMI_SERVERS")
        parser.add_argument(
            "--events",
            metavar="CLASSES",
            help="classes of events to ask for, with commas (default: option events)",
        )
        parser.add_argument(
            "--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds"
        )
        parser.add_argument(
            "--max-events", type=count, metavar="N", help="stop after so many events"
        )
        parser.add_argument(
            "--drain-timeout",
            type=amount,
            default=10.0,
            metavar="SECONDS",
            help="how long a stop may take to deliver what was read (default: %(default)g)",
        )
        parser.add_argument(
            "--fail-on-failed",
            action="store_true",
            help="exit with code 4 if a receiver failed for any event",
        )
        parser.add_argument(
            "--allow-others",
            action="store_true",
            help="another ami_listen for the same server is meant to be there: do not warn of it",
        )
        parser.add_argument(
            "--workers",
            type=workers,
            metavar="N",
            help="run receivers on so many threads, each call in order (default: option 'workers' "
            "of AMI_DISPATCH, which is 1)",
        )
        parser.add_argument(
            "--standby",
            action="store_true",
            help="deliver only while this process holds the server's lease, and take over from "
            "another one (needs the app django_ami.operations)",
        )
        metrics.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with metrics.metrics_of(options) as line:
                code, was_heard = self._listen(options, line)
        except ConnectionFailed as error:  # the system refuses what it needs: supervisors try again
            raise CommandError(str(error), returncode=Exit.SYSTEM) from None
        except AmiError as error:
            raise CommandError(str(error), returncode=exit_code(error)) from None
        leave(self, code, streams_are_stuck=not was_heard)

    def _listen(self, options: dict[str, Any], line: str) -> tuple[Exit, bool]:
        """Listen until something ends it; the ``line`` is said first, if there is one.

        Says the exit code, and whether all that was said is written.
        """
        settings = self._settings(options)
        client = Client(
            settings.servers,
            role=Role.LISTENER,
            default=settings.default,
            receivers=signals.classes.receivers,
        )
        standby: bool = options["standby"]
        neighbours = Watch(settings.servers, meant=options["allow_others"], standby=standby)
        try:
            companion = companion_of(
                client, settings.servers, standby=standby, meant=options["allow_others"]
            )
            worker = Worker(
                client,
                options,
                partial(self._settings, options),
                neighbours,
                companion,
                self.stdout,
            )
            ami._adopt(client, default=settings.default, reload=worker.reload)  # noqa: SLF001  (for our commands alone)
            with neighbours:
                if line:
                    worker.say(line)
                return worker.run(), worker.was_heard
        except ConnectionFailed:
            client.close(0)
            raise
        finally:
            ami.close()

    @staticmethod
    def _settings(options: dict[str, Any]) -> conf.AmiSettings:
        if options["all"] and options["server"]:
            raise ConfigurationError("--all and --server are both given: remove one.")
        settings = selected(
            options["server"] or [], everything=options["all"], instead=", or --all"
        ).connectable()
        return settings if options["events"] is None else settings.with_events(options["events"])
