"""The states of a session, the role of its process, and the notices that it gives."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.errors import AmiError

__all__ = [
    "CLOSE_TIMEOUT_SECONDS", "TRANSITIONS", "Gap", "GapReason", "Lost", "Notice", "Ready", "Role",
    "State", "TookOver",
]  # fmt: skip

#: How long a server may take to close after Logoff, in seconds.
CLOSE_TIMEOUT_SECONDS: Final = 2.0


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


#: From each state to the states that may follow it. A session may lose its connection in any of
#: them.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.WAITING}),
    State.WAITING: frozenset({State.CONNECTING, State.REFUSED, State.IDLE}),
    State.CONNECTING: frozenset({State.GREETING, State.WAITING, State.REFUSED, State.CLOSING}),
    State.GREETING: frozenset({State.LOGIN, State.WAITING, State.REFUSED, State.CLOSING}),
    State.LOGIN: frozenset({State.BOOTING, State.WAITING, State.REFUSED, State.CLOSING}),
    State.BOOTING: frozenset({State.READY, State.WAITING, State.REFUSED, State.CLOSING}),
    State.READY: frozenset({State.WAITING, State.REFUSED, State.CLOSING}),
    State.CLOSING: frozenset({State.IDLE}),
    State.REFUSED: frozenset({State.WAITING, State.IDLE}),
}


class Role(StrEnum):
    """The use that a process makes of its servers: receive their events, or only send actions."""

    LISTENER = "listener"
    CALLER = "caller"


class Ready(NamedTuple):
    """The server is logged in and booted; ``again`` if it had been ready before.

    ``warning`` says what a listener may miss without being told; empty if there is nothing to say.
    ``took_over`` is true for a standby whose events come from now on.
    """

    server: str
    ami_version: str
    asterisk_version: str
    again: bool
    warning: str = ""
    took_over: bool = False

    @property
    def words(self) -> str:
        """How it is ready, for people."""
        if self.took_over:
            return "ready to deliver"
        return "ready again" if self.again else "ready"


class Lost(NamedTuple):
    """A connection ended or an attempt failed; ``was_ready`` tells which.

    ``retry_in`` is in seconds, None is never.

    ``last_event_at`` is when the last event came, of this connection or of one before, by the
    reactor's clock; None if none ever came. ``missing`` is how many messages of this connection are
    known to have reached nobody.
    """

    server: str
    error: AmiError
    was_ready: bool
    retry_in: float | None
    last_event_at: float | None = None
    missing: int = 0


class GapReason(StrEnum):
    """Why events are missing."""

    CONNECTION_LOST = "connection lost"
    #: Receivers were slower than the events, and the queue was full; or the process had no memory.
    OVERLOAD = "overload"
    #: The connection was made anew for other settings of the server.
    SETTINGS_CHANGED = "settings changed"
    #: The connection was made anew, since its filters kept out events that are wanted now.
    WIDENED = "filters widened"
    #: Another process delivered the events before, or none did.
    TAKEOVER = "takeover"


class Gap(NamedTuple):
    """From ``begin`` to ``end`` nothing was received; or, at an overload, not everything was kept.

    Both are moments of the reactor's clock: the last whole message of the connection before, or the
    first event that was dropped; the answer to the login, or the last event that was dropped. At a
    takeover it begins with the last event that another process is known to have delivered.
    ``lost`` is how many events that were; None if nobody knows, since they were never received.
    """

    server: str
    begin: float
    end: float
    reason: GapReason
    lost: int | None = None


class TookOver(NamedTuple):
    """Events were off, since another process delivered them; those behind this are ours.

    ``token`` is that of the lease under which they come.
    """

    server: str
    token: int


Notice = Ready | Lost | Gap | TookOver

#: Read with each action and each read: an attribute of an enumeration takes long while caches are
#: cold.
READY: Final = State.READY
GREETING: Final = State.GREETING
BEFORE_LOGIN: Final = frozenset({State.CONNECTING, State.GREETING, State.LOGIN})
#: In these states a waiting caller waits for an answer; in earlier ones it waits for the
#: connection.
ANSWERING: Final = frozenset({State.READY, State.CLOSING})
LOGGED_IN: Final = frozenset({State.BOOTING, State.READY})
UNREACHED: Final = frozenset({State.WAITING, State.CONNECTING, State.GREETING})
