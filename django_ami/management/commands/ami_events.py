"""``manage.py ami_events``: follows the events of servers, as ``tail -f`` follows a file."""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.client import Client
from django_ami.core.config import event_mask
from django_ami.core.errors import AuthenticationFailed, ConfigurationError
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Role
from django_ami.management.console import ConsoleCommand, Exit, Stopped, count, logging_to, names, seconds
from django_ami.management.hints import about_events
from django_ami.management.text import headers, pairs, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig

#: In a colour of their own: what ends, what begins, what goes wrong.
_ENDS: Final = re.compile(r"hangup|leave|logoff|end|removed|unload|destroy", re.IGNORECASE)
_BEGINS: Final = re.compile(r"new|join|enter|create|begin|start|added|booted", re.IGNORECASE)
_FAILS: Final = re.compile(r"fail|abandon|alarm|invalid|shutdown|rejected|noanswer", re.IGNORECASE)


class Command(ConsoleCommand):
    """Listens until it is stopped."""

    help = (
        "Follow the events of servers, one line each, until Ctrl-C. It reconnects by itself; that a connection is "
        "lost, or back, and that events had to be dropped, stands on stderr. It logs in beside your workers and takes "
        "nothing away from them."
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
        parser.add_argument("--only", type=names, metavar="NAME,…", help="only events of these names, in any case")
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="only events with this header: KEY=VALUE equal, KEY!=VALUE not equal, KEY~REGEX matches, KEY!~REGEX "
            "does not; may be repeated, and all must be true",
        )
        parser.add_argument("--fields", type=names, metavar="KEY,…", help="only these headers (default: all)")
        parser.add_argument(
            "--events", metavar="CLASSES", help="classes of events to ask for, with commas (default: option events)"
        )
        parser.add_argument("--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds")
        parser.add_argument("--max-events", type=count, metavar="N", help="stop after so many events shown")

    def on_stop(self, stopped: Stopped) -> Exit:
        return Exit.OK  # there is no other end

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        conditions = [condition(text) for text in options["where"]]
        if options["events"] is not None:
            mask = event_mask(options["events"])
            servers = tuple(replace(server, options=replace(server.options, events=mask)) for server in servers)
        for hint in about_events(options["only"] or ()):
            self.warn(hint, self.style.WARNING)
        show = self._show_json if options["json"] else self._show
        with logging_to(_Announcer(self)):
            client = Client(servers, role=Role.LISTENER)
            only = options["only"]
            client.set_interest(frozenset(name.lower() for name in only) if only else None)
            try:
                client.start(dispatcher=False)
                follower = _Follower(
                    client, conditions, lambda event: show(event, options["fields"]), self.stdout.flush
                )
                return follower.run(options["run_for"], options["max_events"])
            finally:
                client.close()

    def _show(self, event: Event, fields: tuple[str, ...] | None) -> None:
        now = datetime.now().astimezone()
        shown = pairs(event)[1:]
        if fields:
            shown = [(key, value) for wanted in fields for key, value in shown if key.lower() == wanted.lower()]
        else:
            shown = [(key, value) for key, value in shown if key != "Privilege"]
        said = " ".join(f"{key}={_quoted(value)}" if key else _quoted(value) for key, value in shown)
        name = self._style_of(event.name)(printable(event.name))
        stamp = now.strftime("%H:%M:%S.") + f"{now.microsecond // 1000:03}"
        self.stdout.write(f"{stamp} {printable(event.server)} {name}", ending=" " if said else "")
        self.say(said)

    def _show_json(self, event: Event, fields: tuple[str, ...] | None) -> None:
        shown = headers(event)
        if fields:
            wanted = {key.lower() for key in fields}
            shown = {key: value for key, value in shown.items() if key.lower() in wanted}
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.say_json({"time": stamp, "server": event.server, "event": event.name, "headers": shown})

    def _style_of(self, name: str) -> Callable[[str], str]:
        for pattern, style in ((_FAILS, self.style.ERROR), (_ENDS, self.style.WARNING), (_BEGINS, self.style.SUCCESS)):
            if pattern.search(name):
                return style
        return self.style.MIGRATE_LABEL


class _Follower:
    """Takes what a client has received and shows what fulfils all conditions."""

    def __init__(
        self,
        client: Client,
        conditions: list[Callable[[Event], bool]],
        show: Callable[[Event], None],
        flush: Callable[[], None],
    ) -> None:
        self._client = client
        self._conditions = conditions
        self._show = show
        self._flush = flush
        self._shown = 0
        self._refused: set[str] = set()

    def run(self, run_for: float | None, most: int | None) -> Exit:
        """Until the time is over, enough was shown, or nobody lets us in."""
        end = None if run_for is None else time.monotonic() + run_for
        while len(self._refused) < len(self._client.servers):
            wait = None if end is None else max(0.0, end - time.monotonic())
            if wait == 0.0:
                return Exit.OK
            _, items = self._client.take(wait)
            for item in items:
                if isinstance(item, Event):
                    self._event(item)
                    if self._shown == most:
                        return Exit.OK
                elif isinstance(item, Lost) and isinstance(item.error, AuthenticationFailed):
                    self._refused.add(item.server)
            self._flush()  # who reads behind a pipe wants to see it now
        return Exit.REFUSED

    def _event(self, event: Event) -> None:
        self._client.delivered(event.server, 1)
        if all(condition(event) for condition in self._conditions):
            self._show(event)
            self._shown += 1


class _Announcer(logging.Handler):
    """The core says that a connection is lost, back or refused, and that events were dropped: it goes to stderr."""

    def __init__(self, command: ConsoleCommand) -> None:
        super().__init__(logging.INFO)
        self._command = command

    def emit(self, record: logging.LogRecord) -> None:
        style = self._command.style.SUCCESS if record.levelno == logging.INFO else self._command.style.ERROR
        with suppress(OSError, ValueError):  # nobody reads stderr: that is no reason to stop the reactor
            self._command.warn(record.getMessage(), style)


# --- where ---------------------------------------------------------------------------------------------------------

_WHERE: Final = re.compile(r"([^=!~]+?)(!=|=|!~|~)(.*)", re.DOTALL)


def condition(text: str) -> Callable[[Event], bool]:
    """``KEY=VALUE``, ``KEY!=VALUE``, ``KEY~REGEX`` or ``KEY!~REGEX``. Raises ConfigurationError for anything else.

    Of a header that is repeated, one value has to fulfil it; the two with ``!`` are the contrary of those without, so
    they are true for an event that lacks the header.
    """
    parts = _WHERE.fullmatch(text)
    if parts is None:
        raise ConfigurationError(
            f"--where {text!r} is none of KEY=VALUE, KEY!=VALUE, KEY~REGEX and KEY!~REGEX: write it as in "
            "--where 'Cause!=16' or --where 'Channel~^PJSIP/101-'."
        )
    key, operator, wanted = parts[1].strip(), parts[2], parts[3]
    if operator.endswith("="):
        return lambda event: (wanted in event.get_all(key)) is (operator == "=")
    try:
        search = re.compile(wanted).search
    except re.error as error:
        raise ConfigurationError(f"--where {text!r}: {wanted!r} is no regular expression: {error}.") from None
    return lambda event: any(search(value) for value in event.get_all(key)) is (operator == "~")


def _quoted(value: str) -> str:
    """A value that ends where one thinks it does."""
    if value and not any(one in value for one in " \"'="):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
