"""The exit codes of the commands: their meanings, and the code of each error."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AmiError,
    AuthenticationFailed,
    ConfigurationError,
    InvalidAction,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MEANINGS", "Exit", "exit_code"]


class Exit(IntEnum):
    """The exit codes of all commands. 1 is Python's, and 128 and more are those of signals."""

    OK = 0
    CONFIGURATION = 2
    REFUSED = 3
    INCOMPLETE = 4
    ERROR = 5
    TIMEOUT = 6
    UNREACHABLE = 7
    UNWELL = 8
    SYSTEM = 9


MEANINGS: Final[Mapping[int, str]] = {
    Exit.OK: "done",
    Exit.CONFIGURATION: "wrong usage or settings; nothing was sent",
    Exit.REFUSED: "the server refused the login",
    Exit.INCOMPLETE: "not all that was read could be delivered",
    Exit.ERROR: "the server answered Error",
    Exit.TIMEOUT: "no answer in time",
    Exit.UNREACHABLE: "not connected, or the connection was lost",
    Exit.UNWELL: "something is not well",
    Exit.SYSTEM: (
        "the system refused something: stdout or a file cannot be written, and stderr says why"
    ),
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
