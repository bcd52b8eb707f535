"""What the tools of the command line share: which servers, short connections, exit codes, output, and a clean end.

Rule: stdout has what was asked for and nothing else; what goes wrong is one line on stderr, and an exit code. Every
wait has an end, and SIGINT and SIGTERM end it at once; a second one ends the process.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import signal
import socket
import sys
import threading
from argparse import ArgumentTypeError
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.core.management.color import no_style

from django_ami import conf
from django_ami.core.client import Client
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AmiError,
    AuthenticationFailed,
    ConfigurationError,
    InvalidAction,
)
from django_ami.core.session import Role
from django_ami.management.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django_ami.core.config import ServerConfig

__all__ = [
    "ConsoleCommand",
    "Exit",
    "Stopped",
    "amount",
    "caller",
    "count",
    "exit_code",
    "logging_to",
    "names",
    "seconds",
    "why_no_port",
]


class Exit(IntEnum):
    """The exit codes of the tools. 4 belongs to ``ami_listen``, and 1 to Python."""

    OK = 0
    CONFIGURATION = 2
    REFUSED = 3
    ERROR = 5
    TIMEOUT = 6
    UNREACHABLE = 7
    UNWELL = 8


MEANINGS: Final[Mapping[int, str]] = {
    Exit.OK: "done",
    Exit.CONFIGURATION: "wrong usage or settings; nothing was sent",
    Exit.REFUSED: "the server refused the login",
    Exit.ERROR: "the server answered Error",
    Exit.TIMEOUT: "no answer in time",
    Exit.UNREACHABLE: "not connected, or the connection was lost",
    Exit.UNWELL: "something is not well",
}


def exit_code(error: AmiError) -> Exit:
    """Which exit code an error stands for."""
    match error:
        case ConfigurationError() | InvalidAction():
            return Exit.CONFIGURATION
        case AuthenticationFailed():
            return Exit.REFUSED
        case ActionFailed():
            return Exit.ERROR
        case ActionTimeout():
            return Exit.TIMEOUT
    return Exit.UNREACHABLE


#: Thirty years in seconds. Waits of the operating system end at three hundred.
_MOST: Final = 1e9
#: Python makes no number of more than a few thousand digits.
_MOST_DIGITS: Final = 10


# --- arguments -----------------------------------------------------------------------------------------------------


def names(text: str) -> tuple[str, ...]:
    """The type of an argument: names with commas between them."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise ArgumentTypeError("give names with commas between them, as in Hangup,Newchannel")
    return found


def _number(text: str) -> float:
    """A number from 0 on; NaN if the text is none, or more than any wait may be."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if 0 <= value <= _MOST else math.nan


def seconds(text: str) -> float:
    """The type of an argument: a time that is not over before it begins."""
    if not (value := _number(text)) > 0:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def amount(text: str) -> float:
    """The type of an argument: a number of seconds, or of anything, that may be 0."""
    if math.isnan(value := _number(text)):
        raise ArgumentTypeError(f"{text!r} is no number from 0 on")
    return value


def count(text: str) -> int:
    """The type of an argument: a whole number from 1 on."""
    if not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def why_no_port(error: OSError | OverflowError) -> str:
    """Why a port of ours cannot be had, and what to do: the system's short words, since asyncio repeats the address."""
    if isinstance(error, OverflowError):
        return "there is no such port. Give one from 0 to 65535 with --port."
    if isinstance(error, socket.gaierror):
        return f"the name cannot be resolved ({error.strerror}). Give an address of this machine with --host."
    number = error.errno
    reason = os.strerror(number) if number is not None and number > 0 else str(error)
    return f"{reason.rstrip('.')}.{_CURES.get(number, '')}"


_CURES: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: " Give another port with --port; --port=0 takes any free one.",
    errno.EACCES: " Give a port from 1024 on with --port.",
    errno.EADDRNOTAVAIL: " Give an address of this machine with --host.",
}


class _HelpFormatter(DjangoHelpFormatter):
    """Examples and exit codes keep their lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


# --- signals and logs ----------------------------------------------------------------------------------------------


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGINT and SIGTERM raise Stopped in the main thread; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # called from a program that has the signals itself
        return
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in stops}

    def stop(number: int, _frame: object) -> NoReturn:
        for one in stops:
            signal.signal(one, signal.SIG_DFL)
        raise Stopped(number)

    for number in stops:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[None]:
    """What the core logs goes to this handler alone, whatever the setting LOGGING says."""
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


# --- connections ---------------------------------------------------------------------------------------------------


@contextmanager
def caller(servers: Iterable[ServerConfig], role: Role = Role.CALLER) -> Iterator[Client]:
    """A client for a few actions: it connects where it is sent to, and logs off at the end."""
    client = Client(servers, role=role)
    client.start(connect=False, dispatcher=False)
    try:
        yield client
    finally:
        client.close()


# --- the command ---------------------------------------------------------------------------------------------------


class ConsoleCommand(BaseCommand):
    """A tool: parses, runs, and turns whatever happens into output and an exit code.

    A subclass gives ``help``, ``examples``, ``exits`` (the codes it may end with) and ``run``. ``one_server`` says that
    it is for one server; the others are for all unless ``--server`` names some. ``connects``: it is
    nothing without a server, so that a BACKEND in the settings is an error.
    """

    # A wrong AMI setting is told in one line and exit code 2, not by the checks.
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)
    one_server: ClassVar[bool] = False
    connects: ClassVar[bool] = True
    examples: ClassVar[str] = ""
    exits: ClassVar[Mapping[int, str]] = {}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        codes = {Exit.OK: "", Exit.CONFIGURATION: "", **self.exits}
        lines = [
            "examples:",
            *(f"  manage.py {subcommand} {line}".rstrip() for line in self.examples.splitlines()),
            "",
            "exit codes:",
            *(f"  {code:<3} {text or MEANINGS[code]}" for code, text in sorted(codes.items())),
        ]
        kwargs = {"epilog": "\n".join(lines), "formatter_class": _HelpFormatter, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        if self.one_server:
            parser.add_argument("--server", metavar="NAME", help="a server of AMI_SERVERS (default: the default one)")
        else:
            parser.add_argument(
                "--server",
                action="append",
                metavar="NAME",
                help="a server of AMI_SERVERS; may be repeated (default: all of them)",
            )
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for programs")

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        """Do it."""
        raise NotImplementedError

    def on_stop(self, stopped: Stopped) -> Exit:
        """What a signal means: an error, unless it is the usual end."""
        raise CommandError(f"stopped by {signal.Signals(stopped.number).name}.", returncode=128 + stopped.number)

    def handle(self, *_: Any, **options: Any) -> None:
        colours = options["force_color"] or (self.stdout.isatty() and not options["no_color"])
        if not colours:
            self.style = no_style()
        try:
            with _stoppable():
                code = self._run(options)
        except AmiError as error:
            raise CommandError(str(error), returncode=exit_code(error)) from None
        except BrokenPipeError:
            # Whoever read has read enough. Python flushes once more at its end, and that must not fail, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = Exit.OK
        if code:
            sys.exit(int(code))

    def _run(self, options: dict[str, Any]) -> Exit:
        try:
            with logging_to(logging.NullHandler()):  # what matters of it comes as an error
                return self.run(self._servers(options), options)
        except Stopped as stopped:
            return self.on_stop(stopped)

    def _servers(self, options: dict[str, Any]) -> tuple[ServerConfig, ...]:
        settings = self._selected(options)
        return (settings.connectable() if self.connects else settings).servers

    def _selected(self, options: dict[str, Any]) -> conf.AmiSettings:
        settings = conf.load()
        if options["server"]:
            chosen = options["server"]
            return settings.select([chosen] if isinstance(chosen, str) else chosen)
        if not self.one_server:
            return settings
        if settings.default is None:
            known = ", ".join(server.name for server in settings.servers)
            raise ConfigurationError(f"which server? Give --server=NAME (known are {known}).")
        return settings.select([settings.default])

    # --- what it says ---

    def say(self, line: str = "", style: Any = None) -> None:
        """A line on stdout, without control characters."""
        self.stdout.write(printable(line, getattr(self.stdout, "encoding", None)), style)

    def say_json(self, value: object) -> None:
        """An object on stdout, in one line."""
        self.stdout.write(json.dumps(value))

    def warn(self, line: str, style: Any = None) -> None:
        """A line on stderr."""
        self.stderr.write(printable(line, getattr(self.stderr, "encoding", None)), style)
        self.stderr.flush()
