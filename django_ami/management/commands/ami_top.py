"""``manage.py ami_top``: channels, queues and rates, live on a terminal."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django_ami.core.client import Client
from django_ami.core.errors import ConfigurationError
from django_ami.core.session import Role
from django_ami.tools.arguments import seconds
from django_ami.tools.console import ConsoleCommand
from django_ami.tools.exits import Exit
from django_ami.tools.feed import Feed
from django_ami.tools.picture import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig
    from django_ami.tools.picture import Line
    from django_ami.tools.stopping import Stopped

__all__ = ["Command"]

#: A key is answered, and the picture drawn, once in so many seconds: a flood of events is not a
#: flood of pictures.
_REDRAW_SECONDS: Final = 0.2


class Command(ConsoleCommand):
    """Feeds a wallboard, and shows it."""

    help = (
        "Show the live channels, queues and rates of servers on the whole terminal, until q or "
        "Ctrl-C. Lists are asked for at the beginning and then now and again; events carry them "
        "on. It logs in beside your workers and takes nothing away from them. Without a terminal, "
        "--json prints the same as a line of JSON once per interval."
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
        parser.add_argument(
            "--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds"
        )

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
            if (
                feed.refused is None
            ):  # the last one, too: --run-for may be shorter than the interval
                self.say_json({"time": time.time(), **feed.board.as_dict(feed.now)})
                self.stdout.flush()

    def _full_screen(self, options: dict[str, Any]) -> Callable[[Feed], None]:
        """How to show it on the terminal. Raises ConfigurationError if there is none."""
        try:
            from django_ami.tools.screen import Screen, why_not
        except ImportError:
            why: str | None = "this Python has no curses"
        else:
            why = why_not()
        if why is not None:
            raise ConfigurationError(
                f"no full screen: {why}. Use --json, or ami_events or ami_status."
            )

        def show(feed: Feed) -> None:
            def draw(width: int, height: int, first: int) -> list[Line]:
                clock = time.strftime("%H:%M:%S")
                return picture(feed.board, feed.now, clock, width=width, height=height, first=first)

            Screen(colours=not options["no_color"]).run(partial(feed.follow, _REDRAW_SECONDS), draw)

        return show
