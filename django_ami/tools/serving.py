"""Commands that are a server: where it listens, which user logs in, and why it cannot listen."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.core.redaction import MASK
from django_ami.simulator import User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from django_ami.simulator import Simulator

__all__ = ["add_arguments", "start", "url_of", "users_of"]

# The simulator shares no code with the core: its records are made safe here.
get_logger("django_ami.testing")

_WELL_KNOWN_SECRET: Final = "amp111"  # noqa: S105


def add_arguments(parser: CommandParser) -> None:
    """The options of the address and of the user."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=5038, help="port; 0 takes any free one (default: %(default)s)"
    )
    parser.add_argument("--user", default="admin", help="user name (default: %(default)s)")
    parser.add_argument(
        "--secret", default=_WELL_KNOWN_SECRET, help="the user's secret (default: %(default)s)"
    )


def users_of(options: Mapping[str, Any]) -> dict[str, User]:
    """The user that may log in."""
    return {options["user"]: User(secret=options["secret"])}


def start(server: Simulator, options: Mapping[str, Any]) -> None:
    """Listen. Raises ConfigurationError if the server cannot listen there."""
    try:
        server.start()
    except (OSError, OverflowError, UnicodeError) as error:
        address = f"{options['host']}:{options['port']}"
        raise ConfigurationError(f"cannot listen on {address}: {_why_no_port(error)}") from None


def url_of(server: Simulator, options: Mapping[str, Any]) -> str:
    """The URL of a running server. It shows no secret but the well-known one."""
    scheme = server.url.partition(":")[0]
    secret = _WELL_KNOWN_SECRET if options["secret"] == _WELL_KNOWN_SECRET else MASK
    return f"{scheme}://{options['user']}:{secret}@{server.host}:{server.port}"


def _why_no_port(error: OSError | OverflowError | UnicodeError) -> str:
    """Why a port of ours cannot be had, and the cure.

    It has the system's short words, since asyncio repeats the address.
    """
    if isinstance(error, OverflowError):
        return "there is no such port. Give one from 0 to 65535 with --port."
    if isinstance(error, UnicodeError):
        return "no host has such a name. Give an address of this machine with --host."
    if isinstance(error, socket.gaierror):
        return (
            f"the name cannot be resolved ({error.strerror}). Give an address of this machine "
            "with --host."
        )
    number = error.errno
    reason = os.strerror(number) if number is not None and number > 0 else str(error)
    return f"{reason.rstrip('.')}.{_CURES.get(number, '')}"


_CURES: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: " Give another port with --port; --port=0 takes any free one.",
    errno.EACCES: " Give a port from 1024 on with --port.",
    errno.EADDRNOTAVAIL: " Give an address of this machine with --host.",
}
