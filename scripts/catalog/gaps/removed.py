"""Actions and events of Asterisk 16 that 22 lacks, since they went with their modules in 21.

A test compares it with the one of 16.
"""

from __future__ import annotations

from django_ami.core.catalog.headers import channel
from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter
from scripts.catalog.gaps.events import events

__all__ = ["ACTIONS", "EVENTS", "REMOVED_IN"]

REMOVED_IN = 21


def _action(
    name: str, synopsis: str, module: str, required: str = "", optional: str = ""
) -> ActionInfo:
    parameters = [Parameter(parameter, required=True) for parameter in required.split()]
    parameters += [Parameter(parameter) for parameter in optional.split()]
    return ActionInfo(name, synopsis, module, parameters=tuple(parameters))


ACTIONS: dict[str, ActionInfo] = {
    info.name: info
    for info in (
        _action(
            "ChangeMonitor",
            "Change the file that a channel is recorded into.",
            "res_monitor",
            "Channel File",
        ),
        _action("Monitor", "Record a channel.", "res_monitor", "Channel", "File Format Mix"),
        _action("PauseMonitor", "Pause the recording of a channel.", "res_monitor", "Channel"),
        _action("SIPnotify", "Send a SIP NOTIFY.", "chan_sip", "Channel Variable", "Call-ID"),
        _action("SIPpeers", "List the SIP peers.", "chan_sip"),
        _action("SIPpeerstatus", "The status of one SIP peer or of all.", "chan_sip", "", "Peer"),
        _action("SIPqualifypeer", "Qualify a SIP peer.", "chan_sip", "Peer"),
        _action("SIPshowpeer", "Show a SIP peer.", "chan_sip", "Peer"),
        _action("SIPshowregistry", "List the SIP registrations.", "chan_sip"),
        _action("SKINNYdevices", "List the Skinny devices.", "chan_skinny"),
        _action("SKINNYlines", "List the Skinny lines.", "chan_skinny"),
        _action("SKINNYshowdevice", "Show a Skinny device.", "chan_skinny", "Device"),
        _action("SKINNYshowline", "Show a Skinny line.", "chan_skinny", "Line"),
        _action("StopMonitor", "Stop the recording of a channel.", "res_monitor", "Channel"),
        _action(
            "UnpauseMonitor", "Go on with the recording of a channel.", "res_monitor", "Channel"
        ),
    )
}

EVENTS: dict[str, EventInfo] = {
    **events(
        "MonitorStart",
        "Raised when a recording begins.",
        "res_monitor",
        channel(),
        privileges="call",
    ),
    **events(
        "MonitorStop", "Raised when a recording ends.", "res_monitor", channel(), privileges="call"
    ),
    **events(
        "SIPQualifyPeerDone",
        "Raised when a SIP peer was qualified.",
        "chan_sip",
        "Peer",
        privileges="call",
    ),
    **events(
        "SessionTimeout",
        "Raised when a SIP session times out.",
        "chan_sip",
        channel(),
        (Parameter("Source", choices=("RTPTimeout", "SIPSessionTimer")),),
        privileges="call",
    ),
    **events(
        "DeviceEntry",
        "A Skinny device.",
        "chan_skinny",
        (
            "Channeltype ObjectName ChannelObjectType DeviceId IPaddress Type Devicestatus "
            "NumberOfLines"
        ),
    ),
    **events(
        "LineEntry",
        "A Skinny line.",
        "chan_skinny",
        "Channeltype ObjectName ChannelObjectType Device Instance Label",
    ),
}
