"""``manage.py ami_top``: channels, queues and rates, live on a terminal."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.actions import CoreShowChannels, QueueStatus
from django_ami.core.client import Client
from django_ami.core.errors import ActionFailed, AmiError, AuthenticationFailed, ConfigurationError
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Ready, Role
from django_ami.management.console import ConsoleCommand, Exit, Stopped, seconds
from django_ami.management.picture import picture
from django_ami.management.wallboard import Wallboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.actions import Action
    from django_ami.core.config import ServerConfig
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction
    from django_ami.management.picture import Line
    from django_ami.management.wallboard import ServerBoard

#: A key is answered, and the picture drawn, once in so many seconds: a flood of events is not a flood of pictures.
_TURN: Final = 0.2


class Command(ConsoleCommand):
    """Feeds a wallboard, and shows it."""

    help = (
        "Show the live channels, queues and rates of servers on the whole terminal, until q or Ctrl-C. Lists are asked "
        "for at the beginning and then now and again; events carry them on. It logs in beside your workers and takes "
        "nothing away from them. Without a terminal, --json prints the same as a line of JSON once per interval."
    )
    examples = """\

--server=node_1 --interval=2
--json | jq '.servers[0].queues'"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped by q, Ctrl-C, SIGTERM or --run-for",
        Exit.CONFIGURATION: "wrong usage or settings, or no terminal",
        Exit.REFUSED: "every server refused the login",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--interval",
            type=seconds,
            default=5.0,
            metavar="SECONDS",
            help="how often the lists are asked for anew (default: %(default)g)",
        )
        parser.add_argument("--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds")

    def on_stop(self, stopped: Stopped) -> Exit:
        return Exit.OK  # one of the usual ends

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        show = self._print if options["json"] else self._full_screen(options)
        client = Client(servers, role=Role.LISTENER)
        try:
            client.set_interest(None)
            client.start(dispatcher=False)
            feed = Feed(client, options["interval"], options["run_for"])
            show(feed)
            if feed.refused is not None:
                raise feed.refused
            return Exit.OK
        finally:
            client.close()

    def _print(self, feed: Feed) -> None:
        goes_on = True
        while goes_on:
            goes_on = feed.follow(feed.interval)
            if feed.refused is None:  # the last one, too: --run-for may be shorter than the interval
                self.say_json({"time": time.time(), **feed.board.as_dict(time.monotonic())})
                self.stdout.flush()

    def _full_screen(self, options: dict[str, Any]) -> Callable[[Feed], None]:
        """How to show it on the terminal. Raises ConfigurationError if there is none."""
        try:
            from django_ami.management.screen import Screen, why_not
        except ImportError:
            why: str | None = "this Python has no curses"
        else:
            why = why_not()
        if why is not None:
            raise ConfigurationError(f"no full screen: {why}. Take --json, or ami_events or ami_status.")

        def show(feed: Feed) -> None:
            def draw(width: int, height: int, first: int) -> list[Line]:
                clock = time.strftime("%H:%M:%S")
                return picture(feed.board, time.monotonic(), clock, width=width, height=height, first=first)

            Screen(colours=not options["no_color"]).run(partial(feed.follow, _TURN), draw)

        return show


class Feed:
    """Brings what a client receives to a wallboard. One thread: whoever calls ``follow``."""

    def __init__(self, client: Client, interval: float, run_for: float | None) -> None:
        self.board = Wallboard(client.servers)
        self.interval = interval
        #: Why no server can be watched, if it is so.
        self.refused: AuthenticationFailed | None = None
        self._client = client
        self._end = math.inf if run_for is None else time.monotonic() + run_for
        self._ask_at: dict[str, float] = {}
        self._asked: dict[tuple[str, str], PendingAction] = {}
        self._refusals: set[str] = set()

    def follow(self, seconds: float) -> bool:
        """Take what comes for so many seconds; False if that is the end."""
        until = min(time.monotonic() + seconds, self._end)
        while self.refused is None and (left := until - time.monotonic()) > 0:
            self._turn(left)
        for name, status in self._client.status().items():
            self.board.servers[name].dropped = status.dropped
        return self.refused is None and time.monotonic() < self._end

    def _turn(self, timeout: float) -> None:
        """Wait up to so many seconds for something new."""
        asking = min(self._ask_at.values(), default=math.inf) - time.monotonic()
        calls, items = self._client.take(max(0.0, min(timeout, asking)))
        # An answer comes before the events that came behind it.
        for call in calls:
            call()
        now = time.monotonic()
        for item in items:
            if isinstance(item, Event):
                self._client.delivered(item.server, 1)
                self.board.servers[item.server].apply(item, now)
            else:
                self._notice(item)
        self._ask(now)

    def _notice(self, notice: Ready | Lost) -> None:
        server = self.board.servers[notice.server]
        if isinstance(notice, Ready):
            server.ready(notice.asterisk_version)
            server.epoch = time.time() - time.monotonic()
            self._ask_at[notice.server] = 0.0
            return
        self._ask_at.pop(notice.server, None)
        server.lost(notice.error.message)
        if isinstance(notice.error, AuthenticationFailed):
            self._refusals.add(notice.server)
            self.refused = notice.error if len(self._refusals) == len(self.board.servers) else None

    # --- the lists ---

    def _ask(self, now: float) -> None:
        for name, when in self._ask_at.items():
            if now >= when:
                server = self.board.servers[name]
                self._ask_at[name] = now + self.interval
                self._list(server, "channels", CoreShowChannels(), server.list_channels)
                self._list(server, "queues", QueueStatus(), server.list_queues)

    def _list(self, server: ServerBoard, what: str, action: Action, take: Callable[..., None]) -> None:
        under_way = self._asked.get((server.name, what))
        if under_way is not None and not under_way.done():
            return  # a slow server is not asked twice

        def answered(error: AmiError | None, response: Response | None) -> None:
            if error is None and response is not None:
                server.notes.pop(what, None)
                take(response.events, time.monotonic())
            elif isinstance(error, ActionFailed):
                server.notes[what] = f"only the {what} that events tell of: {error.message}"

        pending = self._asked[server.name, what] = self._client.server(server.name).send(action)
        pending.on_complete(answered)
