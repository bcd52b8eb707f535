"""Where a session stands, what a process wants of it, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.errors import AmiError

__all__ = ["CLOSE_TIMEOUT", "Lost", "Notice", "Ready", "Role", "State"]

#: How long a server may take to close after Logoff, in seconds.
CLOSE_TIMEOUT: Final = 2.0


class State(StrEnum):
    """Where a session stands."""

    IDLE = "idle"
    WAITING = "waiting"
    CONNECTING = "connecting"
    GREETING = "greeting"
    LOGIN = "login"
    BOOTING = "booting"
    READY = "ready"
    CLOSING = "closing"
    REFUSED = "refused"


class Role(StrEnum):
    """What a process wants of its servers: their events, or only to send actions."""

    LISTENER = "listener"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Ready:
    """The server is logged in and booted; ``again`` if it had been ready before.

    ``warning`` says what a listener may miss without being told; empty if there is nothing to say.
    """

    server: str
    ami_version: str
    asterisk_version: str
    again: bool
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection ended or an attempt failed; ``was_ready`` tells which. ``retry_in`` is in seconds, None is never."""

    server: str
    error: AmiError
    was_ready: bool
    retry_in: float | None


Notice = Ready | Lost

#: What is asked with each action and each read: an attribute of an enumeration takes long while caches are cold.
READY: Final = State.READY
GREETING: Final = State.GREETING
BEFORE_LOGIN: Final = frozenset({State.CONNECTING, State.GREETING, State.LOGIN})
#: Who waits then waits for an answer, and before for the connection.
ANSWERING: Final = frozenset({State.READY, State.CLOSING})
LOGGED_IN: Final = frozenset({State.BOOTING, State.READY})
UNREACHED: Final = frozenset({State.WAITING, State.CONNECTING, State.GREETING})
