"""``manage.py ami_status``: are the servers well? One short look at each, all at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import connections

from django_ami import listeners
from django_ami.core.messages import Event
from django_ami.core.numerals import whole_number
from django_ami.core.options import EVENT_CLASSES
from django_ami.tools import forwarded
from django_ami.tools.arguments import seconds
from django_ami.tools.console import ConsoleCommand, caller
from django_ami.tools.examination import PINGS, Health, addresses, clock, examine
from django_ami.tools.exits import Exit
from django_ami.tools.neighbours import some, too_many
from django_ami.tools.streams import why_unanswered
from django_ami.tools.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.core.management.base import CommandParser

    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.listeners import ListenerStatus
    from django_ami.tools.notes import Neighbour

__all__ = ["Command"]

#: How many servers are asked at the same time, each by a thread.
_THREADS: Final = 32


class Command(ConsoleCommand):
    """Examines every server in a thread of its own."""

    help = (
        "Show how the servers are: whether they answer, versions, uptime, the account's rights, "
        "how long a Ping takes, how far the clocks are apart, and the live channels and calls. "
        "Each is looked at over a short connection of its own, all at the same time; the workers' "
        "connections are not touched."
    )
    examples = """\

--server=node_1 --timeout=3
--json | jq -r '.servers[] | select(.ok | not) | .server'"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "all servers are well",
        Exit.UNWELL: "at least one is not: not reached, refused, or too slow to answer",
        130: "stopped by SIGINT",
        143: "stopped by SIGTERM",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help=(
                "how long a server may take for all of it, connecting included (default: "
                "%(default)g)"
            ),
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        # Closed in the reverse order: the questions end with the client, so the threads do,
        # whatever happens.
        with ThreadPoolExecutor(min(_THREADS, len(servers))) as pool, caller(servers) as client:
            client.set_interest(frozenset({"fullybooted"}))
            handles = [client.server(server.name) for server in servers]
            found = list(pool.map(examine, handles, servers, [options["timeout"]] * len(servers)))
            uptimes = _uptimes(client)
        for health in found:
            health.uptime = uptimes.get(health.server)
        everything = all(health.ok for health in found)
        processes = self._processes(options["timeout"])
        partitions = self._partitions([server.name for server in servers], options["timeout"])
        if options["json"]:
            self.say_json(
                {
                    "ok": everything,
                    "servers": [
                        {
                            **health.as_dict(),
                            "processes": [
                                one.as_dict() for one in processes.get(health.server, ())
                            ],
                            "forwarded": forwarded.as_dict(partitions[health.server])
                            if health.server in partitions
                            else None,
                        }
                        for health in found
                    ],
                }
            )
        else:
            for health in found:
                self._print(health)
                self._print_processes(processes.get(health.server, ()))
                if health.server in partitions:
                    self._print_partitions(partitions[health.server])
        return Exit.OK if everything else Exit.UNWELL

    def _processes(self, timeout: float) -> dict[str, tuple[ListenerStatus, ...]]:
        """The listeners of all processes, as far as they are known, and known in time."""
        found: dict[str, tuple[ListenerStatus, ...]] = {}

        def ask() -> None:
            try:
                found.update(listeners.listeners())
            finally:
                connections.close_all()

        if listeners.are_known() and (why := why_unanswered(timeout, ask, "the database")):
            self.warn(
                f"The listeners of other processes are not known: {why}. Check the database, and "
                "that 'manage.py migrate' has run."
            )
        return dict(found)

    def _partitions(self, servers: list[str], timeout: float) -> dict[str, forwarded.Partitions]:
        """The partitions of forwarded events, as far as they are known, and known in time."""
        found, why = forwarded.ask(servers, timeout)
        if why:
            self.warn(f"It is not known how far the consumers of forwarded events are: {why}")
        return found

    def _print_partitions(self, partitions: forwarded.Partitions) -> None:
        text, bad = forwarded.in_words(partitions)
        self.say(f"  {'forwarded':<9} {text}", self.style.WARNING if bad else None)

    def _print_processes(self, processes: Sequence[ListenerStatus]) -> None:
        for one in processes:
            self.say(f"  {'process':<9} {one}", self.style.WARNING if one.stale else None)

    def _print(self, health: Health) -> None:
        verdict = "well" if health.ok else health.error or "not well"
        style = self.style.SUCCESS if health.ok else self.style.ERROR
        self.say(f"{health.server}: {verdict}", style)
        for name, text in _lines(health):
            self.say(f"  {name:<9} {text}")
        if health.logged_in or health.listeners:
            self._print_listeners(health.listeners)

    def _print_listeners(self, here: tuple[Neighbour, ...]) -> None:
        twice = (
            "; every event is delivered more than once: stop all but one" if too_many(here) else ""
        )
        text = f"{some(here) or 'no ami_listen'} (of this user, on this machine){twice}"
        self.say(f"  {'listeners':<9} {text}", self.style.WARNING if twice else None)


def _uptimes(client: Client) -> dict[str, float]:
    """The time since each server has started.

    FullyBooted, which follows the login, tells it to an account that has ``system`` in ``read=``.
    """
    found: dict[str, float] = {}
    while True:
        _, items = client.inbox.take(0)
        if not items:
            return found
        for item in items:
            if isinstance(item, Event) and (uptime := whole_number(item.get("Uptime"))) is not None:
                found[item.server] = float(uptime)


def _lines(health: Health) -> list[tuple[str, str]]:
    lines = [("address", health.address)]
    if not health.logged_in:
        return lines
    up = f", up {_duration(health.uptime)}" if health.uptime is not None else ""
    since = f", since {health.started} (the server's time)" if health.started else ""
    asterisk, ami = (
        health.asterisk_version or "of unknown version",
        health.ami_version or "of unknown version",
    )
    lines.append(("Asterisk", f"{asterisk}, AMI {ami}{up}{since}"))
    lines.append(("rights", f"read={_classes(health.read)} write={_classes(health.write)}"))
    if (latency := health.latency) is not None:
        times = " / ".join(
            f"{time * 1000:.1f}" for time in (latency.least, latency.median, latency.most)
        )
        lines.append(("latency", f"{times} ms (least / median / most of {PINGS} pings)"))
    if health.clock_skew is not None:
        lines.append(("clock", f"{clock(health.clock_skew)} s from ours"))
    hint = "" if health.channels is not None else " (the account needs write=reporting to know)"
    if health.sessions is not None:
        lines.append(
            ("sessions", f"{addresses(health.sessions)} (of this account, this one included)")
        )
    lines.append(
        ("calls", f"{counted(health.calls, 'call')}, {counted(health.channels, 'channel')}{hint}")
    )
    return lines


def _classes(names: Sequence[str] | None) -> str:
    if names is None:
        return "unknown"
    return "all" if len(names) == len(EVENT_CLASSES) else ",".join(names) or "none"


def _duration(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    return (
        f"{days} d {hours} h"
        if days
        else f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
    )
