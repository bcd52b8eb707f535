"""Events with all their headers, each made by a function of its own.

An example is ``hangup(Channel="PJSIP/101-00000007")``. They are ``Event`` objects as receivers get
them: call a receiver with one, emit it, or answer with it (``items``). ``event("AnyName", ...)``
makes one that has no function here.
"""

from __future__ import annotations

from typing import Final

from django_ami.testing.events.factory import EventFactory, HeaderValue, event

__all__ = [
    "EventFactory",
    "HeaderValue",
    "agent_called",
    "agent_complete",
    "agent_connect",
    "agent_ring_no_answer",
    "attended_transfer",
    "blind_transfer",
    "bridge_create",
    "bridge_destroy",
    "bridge_enter",
    "bridge_leave",
    "bridge_list_item",
    "cdr",
    "cel",
    "confbridge_end",
    "confbridge_join",
    "confbridge_leave",
    "confbridge_start",
    "contact_status",
    "core_show_channel",
    "db_get_response",
    "device_state_change",
    "dial_begin",
    "dial_end",
    "dial_state",
    "dtmf_begin",
    "dtmf_end",
    "endpoint_list",
    "event",
    "extension_status",
    "fully_booted",
    "hangup",
    "hangup_request",
    "hold",
    "local_bridge",
    "message_waiting",
    "mix_monitor_start",
    "mix_monitor_stop",
    "music_on_hold_start",
    "music_on_hold_stop",
    "new_account_code",
    "new_callerid",
    "new_connected_line",
    "newchannel",
    "newexten",
    "newstate",
    "originate_response",
    "parked_call",
    "parked_call_give_up",
    "parked_call_time_out",
    "peer_status",
    "presence_state_change",
    "queue_caller_abandon",
    "queue_caller_join",
    "queue_caller_leave",
    "queue_entry",
    "queue_member",
    "queue_member_added",
    "queue_member_pause",
    "queue_member_penalty",
    "queue_member_removed",
    "queue_member_status",
    "queue_params",
    "queue_summary",
    "registry",
    "reload",
    "shutdown",
    "soft_hangup_request",
    "status",
    "unhold",
    "user_event",
    "var_set",
]

newchannel: Final = EventFactory("Newchannel")
newstate: Final = EventFactory("Newstate")
newexten: Final = EventFactory("Newexten")
new_callerid: Final = EventFactory("NewCallerid")
new_connected_line: Final = EventFactory("NewConnectedLine")
new_account_code: Final = EventFactory("NewAccountCode")
var_set: Final = EventFactory("VarSet")
hangup_request: Final = EventFactory("HangupRequest")
soft_hangup_request: Final = EventFactory("SoftHangupRequest")
hangup: Final = EventFactory("Hangup")
hold: Final = EventFactory("Hold")
unhold: Final = EventFactory("Unhold")
music_on_hold_start: Final = EventFactory("MusicOnHoldStart")
music_on_hold_stop: Final = EventFactory("MusicOnHoldStop")
dtmf_begin: Final = EventFactory("DTMFBegin")
dtmf_end: Final = EventFactory("DTMFEnd")
mix_monitor_start: Final = EventFactory("MixMonitorStart")
mix_monitor_stop: Final = EventFactory("MixMonitorStop")
dial_begin: Final = EventFactory("DialBegin")
dial_state: Final = EventFactory("DialState")
dial_end: Final = EventFactory("DialEnd")
originate_response: Final = EventFactory("OriginateResponse")
local_bridge: Final = EventFactory("LocalBridge")
bridge_create: Final = EventFactory("BridgeCreate")
bridge_enter: Final = EventFactory("BridgeEnter")
bridge_leave: Final = EventFactory("BridgeLeave")
bridge_destroy: Final = EventFactory("BridgeDestroy")
blind_transfer: Final = EventFactory("BlindTransfer")
attended_transfer: Final = EventFactory("AttendedTransfer")
parked_call: Final = EventFactory("ParkedCall")
parked_call_give_up: Final = EventFactory("ParkedCallGiveUp")
parked_call_time_out: Final = EventFactory("ParkedCallTimeOut")
confbridge_start: Final = EventFactory("ConfbridgeStart")
confbridge_join: Final = EventFactory("ConfbridgeJoin")
confbridge_leave: Final = EventFactory("ConfbridgeLeave")
confbridge_end: Final = EventFactory("ConfbridgeEnd")
queue_caller_join: Final = EventFactory("QueueCallerJoin")
queue_caller_leave: Final = EventFactory("QueueCallerLeave")
queue_caller_abandon: Final = EventFactory("QueueCallerAbandon")
agent_called: Final = EventFactory("AgentCalled")
agent_connect: Final = EventFactory("AgentConnect")
agent_complete: Final = EventFactory("AgentComplete")
agent_ring_no_answer: Final = EventFactory("AgentRingNoAnswer")
queue_member_added: Final = EventFactory("QueueMemberAdded")
queue_member_removed: Final = EventFactory("QueueMemberRemoved")
queue_member_pause: Final = EventFactory("QueueMemberPause")
queue_member_penalty: Final = EventFactory("QueueMemberPenalty")
queue_member_status: Final = EventFactory("QueueMemberStatus")
device_state_change: Final = EventFactory("DeviceStateChange")
extension_status: Final = EventFactory("ExtensionStatus")
peer_status: Final = EventFactory("PeerStatus")
contact_status: Final = EventFactory("ContactStatus")
registry: Final = EventFactory("Registry")
message_waiting: Final = EventFactory("MessageWaiting")
presence_state_change: Final = EventFactory("PresenceStateChange")
cdr: Final = EventFactory("Cdr")
cel: Final = EventFactory("CEL")
fully_booted: Final = EventFactory("FullyBooted")
shutdown: Final = EventFactory("Shutdown")
reload: Final = EventFactory("Reload")
user_event: Final = EventFactory("UserEvent")
core_show_channel: Final = EventFactory("CoreShowChannel")
status: Final = EventFactory("Status")
bridge_list_item: Final = EventFactory("BridgeListItem")
queue_params: Final = EventFactory("QueueParams")
queue_member: Final = EventFactory("QueueMember")
queue_entry: Final = EventFactory("QueueEntry")
queue_summary: Final = EventFactory("QueueSummary")
endpoint_list: Final = EventFactory("EndpointList")
db_get_response: Final = EventFactory("DBGetResponse")
