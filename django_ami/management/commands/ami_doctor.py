"""``manage.py ami_doctor``: why it does not work, and what to do.

Or the account that the project needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django_ami.tools.arguments import names, seconds
from django_ami.tools.console import ConsoleCommand
from django_ami.tools.diagnosis import NOT_REACHED, diagnose
from django_ami.tools.exits import Exit
from django_ami.tools.findings import Finding, Verdict
from django_ami.tools.manager_conf import Stanza
from django_ami.tools.needs import Needs, gather

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from django_ami.core.config import ServerConfig

__all__ = ["Command"]


class Command(ConsoleCommand):
    """Walks from the name of each server to the receivers."""

    help = (
        "Find out why a server cannot be used: name, TCP, TLS, greeting, login, what the account "
        "may run and see, which connected receivers can never be called, clocks, latency. Each "
        "step that fails says what to do. With --manager-conf nothing is connected: it prints the "
        "stanza of manager.conf that this project needs, with the fewest rights. Events are known "
        "from the receivers that are connected; actions from the source of the project's own "
        "apps, where they are spelled out, and from --actions."
    )
    examples = """\

--server=node_1 --timeout=3
--actions=Hangup,QueuePause
--manager-conf --server=node_1 > manager.d/site.conf"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "all is well; there may be warnings",
        Exit.UNWELL: "a step failed",
        130: "stopped by SIGINT",
        143: "stopped by SIGTERM",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--actions",
            type=names,
            default=(),
            metavar="NAME,…",
            help="actions that are sent, besides those found in the source",
        )
        parser.add_argument(
            "--manager-conf", action="store_true", help="print the stanza of manager.conf and end"
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="how long a step may take (default: %(default)g)",
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        needs = gather(options["actions"])
        if options["manager_conf"]:
            self._print_stanzas(
                [Stanza(server, needs) for server in servers], as_json=options["json"]
            )
            return Exit.OK
        found = {server.name: self._examine(server, needs, options) for server in servers}
        well = all(
            finding.verdict is not Verdict.FAILED
            for findings in found.values()
            for finding in findings
        )
        if options["json"]:
            said = [
                {"server": name, "steps": [finding.as_dict() for finding in findings]}
                for name, findings in found.items()
            ]
            self.say_json({"ok": well, "servers": said})
        return Exit.OK if well else Exit.UNWELL

    def _print_stanzas(self, stanzas: list[Stanza], *, as_json: bool) -> None:
        if as_json:
            self.say_json({"servers": [stanza.as_dict() for stanza in stanzas]})
            return
        for number, stanza in enumerate(stanzas):
            if number:
                self.say()
            for line in stanza.lines():
                self.say(line)

    def _examine(
        self, server: ServerConfig, needs: Needs, options: dict[str, Any]
    ) -> list[Finding]:
        quiet = options["json"]
        if not quiet:
            self.say(f"{server.name} ({server.address})", self.style.MIGRATE_HEADING)
        found = []
        for finding in diagnose(server, needs, options["timeout"]):
            found.append(finding)
            if not quiet and finding.said != NOT_REACHED:
                self._print(finding)
        left = [finding.step for finding in found if finding.said == NOT_REACHED]
        if left and not quiet:
            self.say(f"  {NOT_REACHED}: {', '.join(left)}", self.style.NOTICE)
        return found

    def _print(self, finding: Finding) -> None:
        style = {
            Verdict.OK: self.style.SUCCESS,
            Verdict.WARNING: self.style.WARNING,
            Verdict.FAILED: self.style.ERROR,
            Verdict.SKIPPED: self.style.NOTICE,
        }[finding.verdict]
        self.stdout.write("  ", ending="")
        self.stdout.write(f"{finding.verdict:<8}", style, ending="")
        self.stdout.write(f" {finding.step:<10} ", ending="")
        self.say(finding.said)
        if finding.cure:
            self.say(f"{'':<22}{finding.cure}")
        self.stdout.flush()
