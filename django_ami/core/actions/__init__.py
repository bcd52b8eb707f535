"""What a client asks: ``Action`` for any action, and a class for each of the common ones.

Rule: an action is its headers in order, and says what completes it. Nearly every action is completed by its response,
or, where that says ``EventList: start``, by the closing event of the list; the few others name ``final_event``.
Facts: the named action in Asterisk's XML documentation, and the source file given where that says less.
"""

from django_ami.core.actions.base import Action
from django_ami.core.actions.base import Scalar as Scalar
from django_ami.core.actions.base import Value as Value
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
from django_ami.core.actions.connection import Challenge, Events, Filter, ListCommands, Login, Logoff, Ping
from django_ami.core.actions.queues import QueueAdd, QueuePause, QueueRemove, QueueStatus, QueueSummary
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
from django_ami.core.actions.variables import escape_variable

__all__ = [
    "Action",
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "Challenge",
    "Command",
    "ConfbridgeList",
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
    "UserEvent",
    "escape_variable",
]
