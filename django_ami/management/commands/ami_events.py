"""``manage.py ami_events``: follows the events of servers, as ``tail -f`` follows a file."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.client import Client
from django_ami.core.options import event_mask
from django_ami.core.session import Role
from django_ami.tools.arguments import count, names, seconds
from django_ami.tools.console import ConsoleCommand, logging_to
from django_ami.tools.exits import Exit
from django_ami.tools.follower import Follower, condition
from django_ami.tools.hints import about_events
from django_ami.tools.text import headers, pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig
    from django_ami.core.messages import Event
    from django_ami.tools.stopping import Stopped

__all__ = ["Command"]

#: Events with a colour of their own: those of an end, of a beginning, of a fault.
_ENDS: Final = re.compile(r"hangup|leave|logoff|end|removed|unload|destroy", re.IGNORECASE)
_BEGINS: Final = re.compile(r"new|join|enter|create|begin|start|added|booted", re.IGNORECASE)
_FAILS: Final = re.compile(r"fail|abandon|alarm|invalid|shutdown|rejected|noanswer", re.IGNORECASE)


class Command(ConsoleCommand):
    """Listens until it is stopped."""

    help = (
        "Follow the events of servers, one line each, until Ctrl-C. It reconnects by itself; that "
        "a connection is lost, or back, and that events had to be dropped, stands on stderr. It "
        "logs in beside your workers and takes nothing away from them."
    )
    examples = """\
--only=Hangup,Newchannel
--only=Hangup --where 'Channel~^PJSIP/10[0-9]-' --where Cause!=16
--server=node_1 --fields=Channel,Exten,Application
--json --events=agent | jq -r 'select(.event == "AgentConnect") | .headers.RingTime'"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped by Ctrl-C, SIGTERM, --run-for or --max-events, or nobody reads any more",
        Exit.REFUSED: "every server refused the login",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--only", type=names, metavar="NAME,…", help="only events of these names, in any case"
        )
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="only events with this header: KEY=VALUE equal, KEY!=VALUE not equal, KEY~REGEX "
            "matches, KEY!~REGEX does not; may be repeated, and all must be true",
        )
        parser.add_argument(
            "--fields", type=names, metavar="KEY,…", help="only these headers (default: all)"
        )
        parser.add_argument(
            "--events",
            metavar="CLASSES",
            help="classes of events to ask for, with commas (default: option events)",
        )
        parser.add_argument(
            "--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds"
        )
        parser.add_argument(
            "--max-events", type=count, metavar="N", help="stop after so many events shown"
        )

    def on_stop(self, stopped: Stopped) -> Exit:
        return Exit.OK  # there is no other end

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        conditions = [condition(text) for text in options["where"]]
        if options["events"] is not None:
            mask = event_mask(options["events"])
            servers = tuple(
                replace(server, options=replace(server.options, events=mask)) for server in servers
            )
        for hint in about_events(options["only"] or ()):
            self.warn(hint, self.style.WARNING)
        show = self._show_json if options["json"] else self._show
        with logging_to(_Announcer(self)):
            client = Client(servers, role=Role.LISTENER)
            only = options["only"]
            client.set_interest(frozenset(name.lower() for name in only) if only else None)
            try:
                client.start(dispatcher=False)
                follower = Follower(
                    client,
                    conditions,
                    lambda event: show(event, options["fields"]),
                    self.stdout.flush,
                )
                return follower.run(options["run_for"], options["max_events"])
            finally:
                client.close()

    def _show(self, event: Event, fields: tuple[str, ...] | None) -> None:
        now = datetime.now().astimezone()
        shown = pairs(event)[1:]
        if fields:
            shown = [
                (key, value)
                for wanted in fields
                for key, value in shown
                if key.lower() == wanted.lower()
            ]
        else:
            shown = [(key, value) for key, value in shown if key != "Privilege"]
        said = " ".join(
            f"{key}={_quoted(value)}" if key else _quoted(value) for key, value in shown
        )
        stamp = now.strftime("%H:%M:%S.") + f"{now.microsecond // 1000:03}"
        self.stdout.write(f"{stamp} {event.server} ", ending="")
        self.stdout.write(event.name, self._style_of(event.name), ending="")
        self.say(f" {said}".rstrip())

    def _show_json(self, event: Event, fields: tuple[str, ...] | None) -> None:
        shown = headers(event)
        if fields:
            wanted = {key.lower() for key in fields}
            shown = {key: value for key, value in shown.items() if key.lower() in wanted}
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.say_json(
            {"time": stamp, "server": event.server, "event": event.name, "headers": shown}
        )

    def _style_of(self, name: str) -> Callable[[str], str]:
        for pattern, style in (
            (_FAILS, self.style.ERROR),
            (_ENDS, self.style.WARNING),
            (_BEGINS, self.style.SUCCESS),
        ):
            if pattern.search(name):
                return style
        return self.style.MIGRATE_LABEL


class _Announcer(logging.Handler):
    """Writes to stderr that a connection is lost, back or refused, and that events were dropped."""

    def __init__(self, command: ConsoleCommand) -> None:
        super().__init__(logging.INFO)
        self._command = command

    def emit(self, record: logging.LogRecord) -> None:
        style = (
            self._command.style.SUCCESS
            if record.levelno == logging.INFO
            else self._command.style.ERROR
        )
        self._command.warn(record.getMessage(), style)


def _quoted(value: str) -> str:
    """A value that ends where one thinks it does."""
    if value and not any(one in value for one in " \"'="):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
