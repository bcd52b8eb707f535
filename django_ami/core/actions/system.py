"""The server: its console, its settings, its database, its endpoints and hints.

And events of one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.actions.base import BareAction, TypedAction
from django_ami.core.actions.values import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.actions.values import Value

__all__ = [
    "Command",
    "CoreSettings",
    "CoreStatus",
    "DBDel",
    "DBGet",
    "DBPut",
    "ExtensionState",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "UserEvent",
]


class Command(TypedAction):
    """Run a CLI command (class ``command``: the whole CLI). ``response.output`` is what it printed.

    Some failures are answered with Success: read the text.
    """

    def __init__(self, command: str) -> None:
        super().__init__("Command", Command=command)


class CoreSettings(BareAction):
    """Versions and limits of the server: ``AMIversion``, ``AsteriskVersion`` …

    It is of class ``system`` or ``reporting``.
    """

    name = "CoreSettings"


class CoreStatus(BareAction):
    """When the server started and how many calls it has (class ``system`` or ``reporting``)."""

    name = "CoreStatus"


class PJSIPShowEndpoints(BareAction):
    """All PJSIP endpoints, a list; an error if there is none."""

    name = "PJSIPShowEndpoints"


class PJSIPShowEndpoint(TypedAction):
    """One PJSIP endpoint with its AORs, auths, transport and contacts.

    The answer is a list of events of several names.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__("PJSIPShowEndpoint", Endpoint=endpoint)


class DBGet(TypedAction):
    """Read an entry of Asterisk's database: a list of one ``DBGetResponse`` with ``Val``.

    An error if there is none.
    """

    def __init__(self, family: str, key: str) -> None:
        super().__init__("DBGet", Family=family, Key=key)


class DBPut(TypedAction):
    """Write an entry of Asterisk's database (class ``system``)."""

    def __init__(self, family: str, key: str, value: str | int) -> None:
        super().__init__("DBPut", Family=family, Key=key, Val=value)


class DBDel(TypedAction):
    """Delete an entry of Asterisk's database (class ``system``)."""

    def __init__(self, family: str, key: str) -> None:
        super().__init__("DBDel", Family=family, Key=key)


class ExtensionState(TypedAction):
    """The state of an extension's hint.

    ``Status`` is -2 removed, -1 deactivated, then bits (include/asterisk/pbx.h).
    """

    def __init__(self, exten: str | int, context: str) -> None:
        super().__init__("ExtensionState", Exten=exten, Context=context)


class UserEvent(TypedAction):
    """Send an event of your own to everybody who listens (class ``user``).

    Other headers go along as they are.
    """

    def __init__(
        self, user_event: str, headers: Mapping[str, Value] | None = None, /, **more: Value
    ) -> None:
        super().__init__(
            "UserEvent", {"UserEvent": user_event, **mapped("UserEvent", headers), **more}
        )
