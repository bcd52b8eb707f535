"""Events that Asterisk 12 renamed or removed, as an older version or tutorial has them.

Facts: UPGRADE-12.txt and CHANGES of Asterisk 12, UPGRADE-1.4.txt, and which events the sources of
1.4, 1.6 and 11 send and those of 12 do not (``manager_event`` in apps, channels, main and res).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GONE", "RENAMED", "predecessor", "successors"]

#: Events that 12 renamed: the old name, and the new ones, each of which tells a part of the old
#: one.
RENAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "AGIExec": ("AGIExecStart", "AGIExecEnd"),
    "AsyncAGI": ("AsyncAGIStart", "AsyncAGIExec", "AsyncAGIEnd"),
    "Bridge": ("BridgeEnter", "BridgeLeave"),
    "DTMF": ("DTMFBegin", "DTMFEnd"),
    "Dial": ("DialBegin", "DialEnd"),
    "FaxReceived": ("ReceiveFAX",),
    "FaxSent": ("SendFAX",),
    "Join": ("QueueCallerJoin",),
    "Leave": ("QueueCallerLeave",),
    "MusicOnHold": ("MusicOnHoldStart", "MusicOnHoldStop"),
    "QueueMemberPaused": ("QueueMemberPause",),
    "Transfer": ("BlindTransfer", "AttendedTransfer"),
}

#: Events that 12 or an earlier version removed, and those that tell it now, if any.
GONE: Final[Mapping[str, tuple[str, ...]]] = {
    "Agentcallbacklogin": ("AgentLogin",),
    "Agentcallbacklogoff": ("AgentLogoff",),
    "BridgeAction": ("BridgeEnter",),
    "BridgeExec": ("BridgeEnter",),
    "ChannelReload": ("Reload",),
    "ChannelUpdate": (),
    "JabberEvent": (),
    "JitterBufStats": (),
    "Link": ("BridgeEnter",),
    "Masquerade": ("BlindTransfer", "AttendedTransfer"),
    "ModuleLoadReport": ("FullyBooted",),
    "NewPeerAccount": ("NewAccountCode",),
    "OriginateFailure": ("OriginateResponse",),
    "OriginateSuccess": ("OriginateResponse",),
    "Unlink": ("BridgeLeave",),
}

_SUCCESSORS: Final = {old.lower(): new for old, new in {**RENAMED, **GONE}.items()}
_PREDECESSORS: Final = {name.lower(): old for old, new in RENAMED.items() for name in new}


def successors(name: str) -> tuple[str, ...] | None:
    """The events that Asterisk 12 and later send in place of an event.

    None if no version is known to have had it.
    """
    return _SUCCESSORS.get(name.lower())


def predecessor(name: str) -> str | None:
    """The event that Asterisk 11 and earlier sent in place of one that 12 brought.

    None for any other event.
    """
    return _PREDECESSORS.get(name.lower())
