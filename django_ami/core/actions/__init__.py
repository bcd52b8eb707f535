"""Actions: ``Action`` for any action, and a class for each that Asterisk has.

The common ones are written by hand; all others are in ``generated``, which is loaded when one of
them is used.

Rule: an action is its headers in order, and says what completes it. Nearly every action is
completed by its response, or, where that says ``EventList: start``, by the closing event of the
list; the few others name ``final_event``. Facts: the named action in Asterisk's XML documentation,
and the source file given where that says less.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from django_ami.core.actions.base import Action
from django_ami.core.actions.calls import (
    Atxfer,
    BlindTransfer,
    Bridge,
    ConfbridgeList,
    CoreShowChannels,
    GetVar,
    Hangup,
    MixMonitor,
    Monitor,
    Originate,
    Park,
    Redirect,
    SetVar,
    Status,
)
from django_ami.core.actions.configuration import ConfigChange, UpdateConfig
from django_ami.core.actions.connection import (
    Challenge,
    Events,
    Filter,
    ListCommands,
    Login,
    Logoff,
    Ping,
    WaitEvent,
)
from django_ami.core.actions.queues import (
    QueueAdd,
    QueuePause,
    QueueRemove,
    QueueStatus,
    QueueSummary,
)
from django_ami.core.actions.system import (
    Command,
    CoreSettings,
    CoreStatus,
    DBDel,
    DBGet,
    DBPut,
    ExtensionState,
    PJSIPShowEndpoint,
    PJSIPShowEndpoints,
    UserEvent,
)
from django_ami.core.actions.values import Scalar as Scalar
from django_ami.core.actions.values import Value as Value
from django_ami.core.actions.variables import escape_variable

if TYPE_CHECKING:
    from django_ami.core.actions.generated import *  # noqa: F403

__all__ = [
    "Action",
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "Challenge",
    "Command",
    "ConfbridgeList",
    "ConfigChange",
    "CoreSettings",
    "CoreShowChannels",
    "CoreStatus",
    "DBDel",
    "DBGet",
    "DBPut",
    "Events",
    "ExtensionState",
    "Filter",
    "GetVar",
    "Hangup",
    "ListCommands",
    "Login",
    "Logoff",
    "MixMonitor",
    "Monitor",
    "Originate",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "Park",
    "Ping",
    "QueueAdd",
    "QueuePause",
    "QueueRemove",
    "QueueStatus",
    "QueueSummary",
    "Redirect",
    "SetVar",
    "Status",
    "UpdateConfig",
    "UserEvent",
    "WaitEvent",
    "escape_variable",
]


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if not name.startswith("_"):
            generated = import_module("django_ami.core.actions.generated")
            if name in generated.__all__:
                return getattr(generated, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("django_ami.core.actions.generated").__all__})
