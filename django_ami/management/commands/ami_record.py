"""``manage.py ami_record``: records a server's events for tests and ``ami_replay``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from django_ami.core.client import Client
from django_ami.core.options import event_mask
from django_ami.core.session import Role
from django_ami.tools.arguments import count, file, names, seconds
from django_ami.tools.console import ConsoleCommand
from django_ami.tools.exits import Exit
from django_ami.tools.hints import about_events
from django_ami.tools.recorder import Recorder, new_file
from django_ami.tools.stopping import stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig

__all__ = ["Command"]


class Command(ConsoleCommand):
    """Listens, and writes until it is stopped."""

    help = (
        "Write the events of a server into a file, with their times, until Ctrl-C. Secrets in "
        "them are masked, and with --mask-numbers telephone numbers are replaced by others. It "
        "logs in beside your workers and takes nothing away from them. Names of callers are "
        "written as they are: look before you give the file away."
    )
    examples = """\
calls.txt --run-for=3600 --mask-numbers
agents.txt --server=node_1 --events=agent,call --max-events=1000
hangups.txt --only=Hangup,Cdr --force"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: (
            "stopped by Ctrl-C, SIGTERM, --run-for, --max-events or --max-size; all that came "
            "is written"
        ),
        Exit.REFUSED: "",
        Exit.UNREACHABLE: "the server was never connected; there is no file",
        Exit.UNWELL: "events came faster than they could be written: some are missing",
    }
    one_server = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=file, help="where to; it must not exist")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")
        parser.add_argument(
            "--mask-numbers", action="store_true", help="replace numbers of five digits or more"
        )
        parser.add_argument(
            "--only", type=names, metavar="NAME,…", help="only events of these names, in any case"
        )
        parser.add_argument(
            "--events",
            metavar="CLASSES",
            help="classes of events to ask for, with commas (default: option events)",
        )
        parser.add_argument(
            "--run-for", "--duration", type=seconds, metavar="SECONDS", help="stop after so many"
        )
        parser.add_argument(
            "--max-events", type=count, metavar="N", help="stop after so many events"
        )
        parser.add_argument(
            "--max-size",
            type=count,
            default=100,
            metavar="MB",
            help="stop when the file is so large (default: 100)",
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        (server,) = servers
        if options["events"] is not None:
            server = replace(
                server, options=replace(server.options, events=event_mask(options["events"]))
            )
        only: tuple[str, ...] | None = options["only"]
        for hint in about_events(only or ()):
            self.warn(hint, self.style.WARNING)
        client = Client([server], role=Role.LISTENER)
        client.set_interest(frozenset(name.lower() for name in only) if only else None)
        try:
            with new_file(options["file"], force=options["force"]) as file:
                recorder = Recorder(self, client, server, file, options)
                with stopping(recorder.stop_by):
                    return recorder.run()
        finally:
            client.close()
