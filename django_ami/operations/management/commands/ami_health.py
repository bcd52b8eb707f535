"""``manage.py ami_health``: is the listener well? For probes of containers: exit code 0 or 1."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConfigurationError
from django_ami.operations import conf
from django_ami.operations.enquiry import ask
from django_ami.operations.health import Health, judge, unknown
from django_ami.operations.heartbeat_file import Unreadable, read
from django_ami.tools.arguments import seconds
from django_ami.tools.output import SafeCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

__all__ = ["Command"]

#: Python and Django need most of the second that a probe has by default.
_TIMEOUT_SECONDS: Final = 0.25


class Command(SafeCommand):
    """Reads the heartbeat file, or else the rows."""

    help = (
        "Say whether the listener is well: exit code 0, or 1 with the reason. With "
        "AMI_OPERATIONS['heartbeat_file'] it is the listener of this machine, and a standby is "
        "well as a standby; else it is told from the rows of all listeners whether the events of "
        "each server are delivered."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            action="append",
            default=[],
            metavar="NAME",
            help="a server; may be repeated (default: all)",
        )
        parser.add_argument(
            "--live",
            action="store_true",
            help="whether the listener makes progress, logged in or not (needs the heartbeat file)",
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=_TIMEOUT_SECONDS,
            metavar="SECONDS",
            help="how long the database may take (default: %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            health = _health(options)
        except ConfigurationError as error:
            health = unknown(str(error))
        if options["json"]:
            self.stdout.write(json.dumps(health.as_dict()))
        else:
            for line in (health.error,) if health.error else health.servers:
                self.stdout.write(str(line))
        if not health.ok:
            sys.exit(1)


def _health(options: dict[str, Any]) -> Health:
    file, servers = conf.load().heartbeat_file, options["server"]
    if not file:
        if options["live"]:
            raise ConfigurationError("--live needs AMI_OPERATIONS['heartbeat_file']: name a file.")
        return ask(servers, timeout=options["timeout"])
    try:
        said = read(file)
    except Unreadable as error:
        return unknown(str(error))
    names = servers or sorted({one.server for one in said})
    return judge(said, names, standby_suffices=True, live=options["live"])
