"""The connection itself: login, logoff, heartbeat, and which events it gets."""

from __future__ import annotations

from django_ami.core.actions.base import Action, BareAction, TypedAction
from django_ami.core.arguments import shown
from django_ami.core.errors import InvalidAction

__all__ = ["Challenge", "Events", "Filter", "ListCommands", "Login", "Logoff", "Ping", "WaitEvent"]


class Ping(BareAction):
    """Ask whether the server is there.

    Answered with ``Ping: Pong`` and the server's ``Timestamp``.
    """

    name = "Ping"


class Challenge(Action):
    """Ask for the number that an MD5 login is computed from. The client does so by itself."""

    def __init__(self) -> None:
        super().__init__("Challenge", AuthType="MD5")


class Login(TypedAction):
    """Log in; the client does so by itself.

    Give ``secret`` (plain) or ``key``, the lower-case hexadecimal MD5 of challenge and secret
    (authenticate in main/manager.c). ``events`` is the mask: ``on``, ``off``, or names of classes
    separated by commas.
    """

    def __init__(
        self,
        username: str,
        *,
        secret: str | None = None,
        key: str | None = None,
        events: str | None = None,
    ) -> None:
        auth_type = "MD5" if key is not None else None
        super().__init__(
            "Login", AuthType=auth_type, Username=username, Secret=secret, Key=key, Events=events
        )


class Logoff(BareAction):
    """End the session; answered with ``Response: Goodbye``, then the server closes.

    The client does so by itself.
    """

    name = "Logoff"


class Events(TypedAction):
    """Replace the event mask of this connection: ``on``, ``off`` or classes, comma-separated."""

    def __init__(self, event_mask: str) -> None:
        super().__init__("Events", EventMask=event_mask)


class Filter(TypedAction):
    """Add an event filter to this connection (class ``system``). It cannot be removed.

    Without ``match_criteria``, ``filter`` is a POSIX extended regular expression over the whole
    text of the event, unanchored, with ``!`` in front to exclude. Asterisk 16 ignores
    ``match_criteria`` (manager_add_filter).
    """

    def __init__(self, filter: str, *, match_criteria: str | None = None) -> None:
        super().__init__("Filter", Operation="Add", Filter=filter, MatchCriteria=match_criteria)


class WaitEvent(TypedAction):
    """Wait until an event comes, at most so many ``seconds``.

    -1 waits for ever, and then ``action_timeout`` ends it.

    It is for HTTP. On a connection as ours the server sends nothing else meanwhile, and gives up
    waiting as soon as anything is sent to it. The events come as they always do;
    ``response.final_event`` is ``WaitEventComplete``, which comes behind them (action_waitevent in
    main/manager.c).
    """

    final_event = "WaitEventComplete"

    def __init__(self, seconds: int) -> None:
        if not isinstance(seconds, int | float):
            raise InvalidAction(f"WaitEvent: seconds must be a number, not {shown(seconds)}.")
        super().__init__("WaitEvent", Timeout=seconds)
        if seconds >= 0:
            self.timeout = seconds + 10


class ListCommands(BareAction):
    """The actions that this account may run: a header each, the action's name as key."""

    name = "ListCommands"
