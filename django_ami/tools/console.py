"""Shared by the commands: how they run and end, their output, and the choice of servers.

Rule: stdout has the output and nothing else; an error is one line on stderr, and an exit code.
Every wait has an end, and SIGINT and SIGTERM end it at once; a second one ends the process.
"""

from __future__ import annotations

import json
import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError, CommandParser, DjangoHelpFormatter
from django.core.management.color import no_style

from django_ami import conf
from django_ami.core.client import Client
from django_ami.core.errors import AmiError, ConfigurationError
from django_ami.core.session import Role
from django_ami.tools.exits import MEANINGS, Exit, exit_code
from django_ami.tools.output import SafeCommand
from django_ami.tools.stopping import Stopped, raise_stopped, stopping
from django_ami.tools.streams import leave, leave_if_stuck

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django_ami.core.config import ServerConfig

__all__ = ["ConsoleCommand", "Program", "caller", "logging_to", "selected"]


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[None]:
    """The core's records go to this handler alone, whatever the setting LOGGING says."""
    logger = logging.getLogger("django_ami")
    before = logger.handlers[:], logger.propagate, logger.level
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before[:2]
        logger.setLevel(before[2])


@contextmanager
def caller(servers: Iterable[ServerConfig], role: Role = Role.CALLER) -> Iterator[Client]:
    """A client for a few actions: it connects where it is sent to, and logs off at the end."""
    client = Client(servers, role=role)
    client.start(connect=False, dispatcher=False)
    try:
        yield client
    finally:
        client.close()


def selected(names: list[str], *, everything: bool, instead: str = "") -> conf.AmiSettings:
    """The settings of the servers of these names.

    Without names those of all servers, or of the default one.

    ``instead`` is what a user may give in the place of a name. Raises ConfigurationError.
    """
    settings = conf.load()
    if names:
        return settings.select(names)
    if everything:
        return settings
    if settings.default is None:
        known = ", ".join(server.name for server in settings.servers)
        raise ConfigurationError(f"which server? Give --server=NAME (known are {known}){instead}.")
    return settings.select([settings.default])


class _HelpFormatter(DjangoHelpFormatter):
    """Examples and exit codes keep their lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Program(SafeCommand):
    """A command: parses, works, and turns whatever happens into output and an exit code.

    A subclass gives ``help``, ``examples``, ``exits`` (the codes it may end with) and ``work``.
    """

    # A wrong AMI setting is told in one line and exit code 2, not by the checks.
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)
    examples: ClassVar[str] = ""
    exits: ClassVar[Mapping[int, str]] = {}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        codes = {Exit.OK: "", Exit.CONFIGURATION: "", Exit.SYSTEM: "", **self.exits}
        lines = [
            "examples:",
            *(f"  manage.py {subcommand} {line}".rstrip() for line in self.examples.splitlines()),
            "",
            "exit codes:",
            *(f"  {code:<3} {text or MEANINGS[code]}" for code, text in sorted(codes.items())),
        ]
        kwargs = {"epilog": "\n".join(lines), "formatter_class": _HelpFormatter, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def work(self, options: dict[str, Any]) -> Exit:
        """Do it."""
        raise NotImplementedError

    def on_stop(self, stopped: Stopped) -> Exit:
        """The end by a signal: an error, unless that is the usual end."""
        raise CommandError(
            f"stopped by {signal.Signals(stopped.number).name}.", returncode=128 + stopped.number
        )

    def handle(self, *_: Any, **options: Any) -> None:
        colours = options["force_color"] or (self.stdout.isatty() and not options["no_color"])
        if not colours:
            self.style = no_style()
        code = Exit.OK
        with self._system_may_refuse(), stopping(raise_stopped):
            try:
                code = self._work_until_stopped(options)
            except AmiError as error:
                raise CommandError(str(error), returncode=exit_code(error)) from None
        leave(self, code)

    def _work_until_stopped(self, options: dict[str, Any]) -> Exit:
        try:
            return self.work(options)
        except Stopped as stopped:
            return self._stopped(stopped)

    def _stopped(self, stopped: Stopped) -> Exit:
        try:
            code = self.on_stop(stopped)
        except CommandError as error:
            leave_if_stuck(self, error.returncode)
            raise
        leave_if_stuck(self, code)
        return code

    # --- its lines ---

    def say(self, line: str = "", style: Any = None) -> None:
        """A line on stdout."""
        self.stdout.write(line, style)

    def say_json(self, value: object) -> None:
        """An object on stdout, in one line."""
        # JSON has no escape of two digits, and json leaves one control character as it is.
        self.stdout.write(json.dumps(value).replace("\x7f", "\\u007f"))

    def warn(self, line: str, style: Any = None) -> None:
        """A line on stderr."""
        self.stderr.write(line, style)
        self.stderr.flush()


class ConsoleCommand(Program):
    """A program for servers of AMI_SERVERS: a subclass gives ``run`` in the place of ``work``.

    ``one_server`` says that it is for one server; the others are for all unless ``--server`` names
    some. ``connects``: it is nothing without a server, so that a BACKEND in the settings is an
    error.
    """

    one_server: ClassVar[bool] = False
    connects: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        if self.one_server:
            parser.add_argument(
                "--server",
                metavar="NAME",
                help="a server of AMI_SERVERS (default: the default one)",
            )
        else:
            parser.add_argument(
                "--server",
                action="append",
                metavar="NAME",
                help="a server of AMI_SERVERS; may be repeated (default: all of them)",
            )
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for programs")

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        """Do it, for these servers."""
        raise NotImplementedError

    def work(self, options: dict[str, Any]) -> Exit:
        with logging_to(logging.NullHandler()):  # errors tell all that matters
            return self.run(self._servers(options), options)

    def _servers(self, options: dict[str, Any]) -> tuple[ServerConfig, ...]:
        chosen = options["server"] or []
        names = [chosen] if isinstance(chosen, str) else chosen
        settings = selected(names, everything=not self.one_server)
        return (settings.connectable() if self.connects else settings).servers
