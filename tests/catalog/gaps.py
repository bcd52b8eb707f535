"""What Asterisk's XML documentation lacks or has wrong: kept by hand, from its source (named) and from real servers.

A test compares the privileges with what a real Asterisk's ListCommands says.
"""

from __future__ import annotations

from django_ami.core.catalog.headers import bridge, channel
from django_ami.core.catalog.info import EventInfo, Parameter

__all__ = ["ANSWERED_BY", "BROADCAST_TOO", "EVENTS", "LISTS"]

#: The classes of which *one* in ``write`` lets an account run an action: the second argument of
#: ast_manager_register_xml, which the documentation does not repeat. No classes: everybody who is logged in.
PRIVILEGES = {
    "": """
        BridgeDestroy BridgeInfo BridgeKick BridgeList BridgeTechnologyList BridgeTechnologySuspend
        BridgeTechnologyUnsuspend Challenge DAHDIDNDoff DAHDIDNDon DAHDIDialOffhook DAHDIHangup DAHDIRestart
        DAHDIShowChannels DAHDIShowStatus DAHDITransfer Events ListCommands Login Logoff PRIDebugFileUnset PRIDebugSet
        PRIShowSpans Ping QueueChangePriorityCaller QueueReload QueueReset QueueRule QueueStatus QueueSummary
        QueueWithdrawCaller WaitEvent
        """,
    "agent": "AgentLogoff Agents QueueAdd QueueLog QueueMemberRingInUse QueuePause QueuePenalty QueueRemove",
    "agi": "AGI",
    "aoc": "AOCMessage",
    "call": """
        Atxfer BlindTransfer Bridge CancelAtxfer ChangeMonitor ConfbridgeKick ConfbridgeLock ConfbridgeMute
        ConfbridgeSetSingleVideoSrc ConfbridgeUnlock ConfbridgeUnmute ControlPlayback FAXSession FAXSessions MWIDelete
        MWIUpdate MeetmeMute MeetmeUnmute Monitor Park ParkedCalls Parkinglots PauseMonitor PlayDTMF PlayMF Redirect
        SendFlash SendText Setvar StopMonitor UnpauseMonitor
        """,
    "call reporting": """
        DeviceStateList ExtensionState ExtensionStateList Getvar MWIGet MailboxCount MailboxStatus PresenceState
        PresenceStateList VoicemailBoxSummary VoicemailUserStatus VoicemailUsersList
        """,
    "command": "Command",
    "config": "CreateConfig ListCategories UpdateConfig",
    "config reporting": "ShowDialPlan",
    "message": "MessageSend",
    "originate": "Originate",
    "reporting": "ConfbridgeList ConfbridgeListRooms FAXStats MeetmeList MeetmeListRooms",
    "system": """
        ConfbridgeStartRecord ConfbridgeStopRecord DBDel DBDelTree DBPut DialplanExtensionAdd DialplanExtensionRemove
        Filter JabberSend MixMonitor ModuleCheck ModuleLoad MuteAudio PJSIPNotify PJSIPSetMaintenance PJSIPShowAors
        PJSIPShowAuths PJSIPShowContacts PJSIPShowEndpoint PJSIPShowEndpoints
        PJSIPShowRegistrationInboundContactStatuses PJSIPShowRegistrationsInbound PJSIPShowResourceLists
        PJSIPShowSubscriptionsInbound PJSIPShowSubscriptionsOutbound PRIDebugFileSet SIPnotify SorceryMemoryCacheExpire
        SorceryMemoryCacheExpireObject SorceryMemoryCachePopulate SorceryMemoryCacheStale SorceryMemoryCacheStaleObject
        """,
    "system call": "AbsoluteTimeout Hangup LocalOptimizeAway MixMonitorMute PJSIPHangup StopMixMonitor",
    "system call reporting": "Status",
    "system config": "GetConfig GetConfigJSON Reload",
    "system reporting": """
        CoreSettings CoreShowChannelMap CoreShowChannels CoreStatus DBGet DBGetTree IAXnetstats IAXpeerlist IAXpeers
        IAXregistry LoggerRotate PJSIPQualify PJSIPRegister PJSIPShowMaintenance PJSIPShowRegistrationsOutbound
        PJSIPUnregister SIPpeers SIPpeerstatus SIPqualifypeer SIPshowpeer SIPshowregistry SKINNYdevices SKINNYlines
        SKINNYshowdevice SKINNYshowline
        """,
    "user": "UserEvent VoicemailForward VoicemailMove VoicemailRefresh VoicemailRemove",
}

#: Lists: the action, the names of its items, the event that closes it (with what else that says). Every list begins
#: with ``EventList: start``. FAXSession, FAXStats and WaitEvent have neither beginning nor items: ANSWERS.
LISTS = {
    "Agents": "Agents; AgentsComplete",
    "BridgeInfo": "BridgeInfoChannel; BridgeInfoComplete",
    "BridgeList": "BridgeListItem; BridgeListComplete",
    "BridgeTechnologyList": "BridgeTechnologyListItem; BridgeTechnologyListComplete",
    "ConfbridgeList": "ConfbridgeList; ConfbridgeListComplete",
    "ConfbridgeListRooms": "ConfbridgeListRooms; ConfbridgeListRoomsComplete",
    "CoreShowChannelMap": "CoreShowChannelMap; CoreShowChannelMapComplete",
    "CoreShowChannels": "CoreShowChannel; CoreShowChannelsComplete",
    "DAHDIShowChannels": "DAHDIShowChannels; DAHDIShowChannelsComplete Items",
    "DAHDIShowStatus": "DAHDIShowStatus; DAHDIShowStatusComplete Items",
    "DBGet": "DBGetResponse; DBGetComplete",
    "DBGetTree": "DBGetTreeResponse; DBGetTreeComplete",
    "DeviceStateList": "DeviceStateChange; DeviceStateListComplete",
    "ExtensionStateList": "ExtensionStatus; ExtensionStateListComplete",
    "FAXSessions": "FAXSessionsEntry; FAXSessionsComplete Total",
    "Hangup": "ChannelHungup; ChannelsHungupListComplete",
    "IAXpeerlist": "PeerEntry; PeerlistComplete",
    "IAXpeers": "PeerEntry; PeerlistComplete",
    "IAXregistry": "RegistryEntry; RegistrationsComplete",
    "MWIGet": "MWIGet; MWIGetComplete",
    "MeetmeList": "MeetmeList; MeetmeListComplete",
    "MeetmeListRooms": "MeetmeListRooms; MeetmeListRoomsComplete",
    "PJSIPHangup": "ChannelHungup; ChannelsHungupListComplete",
    "PJSIPShowAors": "AorList; AorListComplete",
    "PJSIPShowAuths": "AuthList; AuthListComplete",
    "PJSIPShowContacts": "ContactList; ContactListComplete",
    "PJSIPShowEndpoint": (
        "EndpointDetail AorDetail AuthDetail TransportDetail IdentifyDetail ContactStatusDetail; EndpointDetailComplete"
    ),
    "PJSIPShowEndpoints": "EndpointList; EndpointListComplete",
    "PJSIPShowMaintenance": "PJSIPMaintenanceStatus; PJSIPMaintenanceStatusComplete",
    "PJSIPShowRegistrationInboundContactStatuses": "ContactStatusDetail; ContactStatusDetailComplete",
    "PJSIPShowRegistrationsInbound": "InboundRegistrationDetail; InboundRegistrationDetailComplete",
    "PJSIPShowRegistrationsOutbound": (
        "OutboundRegistrationDetail AuthDetail; OutboundRegistrationDetailComplete Registered NotRegistered"
    ),
    "PJSIPShowResourceLists": "ResourceListDetail; ResourceListDetailComplete",
    "PJSIPShowSubscriptionsInbound": "InboundSubscriptionDetail; InboundSubscriptionDetailComplete",
    "PJSIPShowSubscriptionsOutbound": "OutboundSubscriptionDetail; OutboundSubscriptionDetailComplete",
    "PRIShowSpans": "PRIShowSpans; PRIShowSpansComplete Items",
    "ParkedCalls": "ParkedCall; ParkedCallsComplete Total",
    "Parkinglots": "Parkinglot; ParkinglotsComplete",
    "PresenceStateList": "PresenceStateChange; PresenceStateListComplete",
    "QueueStatus": "QueueParams QueueMember QueueEntry; QueueStatusComplete",
    "QueueSummary": "QueueSummary; QueueSummaryComplete",
    "SIPpeers": "PeerEntry; PeerlistComplete",
    "SIPpeerstatus": "PeerStatus; SIPpeerstatusComplete",
    "SIPshowregistry": "RegistryEntry; RegistrationsComplete",
    "SKINNYdevices": "DeviceEntry; DevicelistComplete",
    "SKINNYlines": "LineEntry; LinelistComplete",
    "ShowDialPlan": "ListDialplan; ShowDialPlanComplete ListExtensions ListPriorities ListContexts",
    "Status": "Status; StatusComplete Items",
    "VoicemailBoxSummary": "VoicemailBoxDetail; VoicemailBoxDetailComplete",
    "VoicemailUserStatus": "VoicemailUserDetail; VoicemailUserDetailComplete",
    "VoicemailUsersList": "VoicemailUserEntry; VoicemailUserEntryComplete",
}

#: Actions that are answered with one event, without ``EventList``: no list, but not finished with their response either
#: (manager_fax_session and manager_fax_stats in res/res_fax.c, action_waitevent in main/manager.c).
ANSWERED_BY = {"FAXSession": "FAXSession", "FAXStats": "FAXStats", "WaitEvent": "WaitEventComplete"}

#: Items of lists that are sent to everybody, too, when they happen.
BROADCAST_TOO = {
    "DeviceStateChange",
    "ExtensionStatus",
    "PJSIPMaintenanceStatus",
    "ParkedCall",
    "PeerStatus",
    "PresenceStateChange",
}

#: Described, but never registered or sent: FilterList in 16, and the spelling NewExten (on the wire it is Newexten).
UNREAL = {"FilterList", "NewExten"}

#: What 16 has and 22 has not, by the module that it went with; the documentation of 16 names no modules.
REMOVED_IN = 21
REMOVED = {
    "chan_sip": """
        SIPQualifyPeerDone SIPnotify SIPpeers SIPpeerstatus SIPpeerstatusComplete SIPqualifypeer SIPshowpeer
        SIPshowregistry SessionTimeout
        """,
    "chan_skinny": """
        DeviceEntry DevicelistComplete LineEntry LinelistComplete SKINNYdevices SKINNYlines SKINNYshowdevice
        SKINNYshowline
        """,
    "res_monitor": "ChangeMonitor Monitor MonitorStart MonitorStop PauseMonitor StopMonitor UnpauseMonitor",
}


def _event(
    names: str, synopsis: str, module: str, *parameters: str | tuple[Parameter, ...], privileges: str = ""
) -> dict[str, EventInfo]:
    """The events of these names, which differ in nothing else; a text in ``parameters`` is names of parameters."""
    headers = tuple(
        header for some in parameters for header in (map(Parameter, some.split()) if isinstance(some, str) else some)
    )
    return {
        name: EventInfo(name, synopsis, module, privileges=tuple(privileges.split()), parameters=headers)
        for name in names.split()
    }


_VOICEMAIL_USER = """
    VMContext VoiceMailbox Fullname Email Pager ServerEmail FromString MailCommand Language TimeZone Callback Dialout
    UniqueID ExitContext SayDurationMinimum SayEnvelope SayCID AttachMessage AttachmentFormat DeleteMessage VolumeGain
    CanReview CanMarkUrgent CallOperator MaxMessageCount MaxMessageLength NewMessageCount OldMessageCount
"""

#: Events that are not described at all, and those that are described wrongly.
EVENTS = {
    # --- broadcast ---
    **_event(
        "Newexten",
        "Raised when a channel enters a new context, extension, priority.",
        "core",
        channel(),
        "Extension Application AppData",
        privileges="dialplan",
    ),
    **_event(
        "Rename",
        "Raised when the name of a channel is changed.",
        "core",
        "Channel Newname Uniqueid",  # ast_change_name in main/channel.c
        privileges="call",
    ),
    **_event(
        "LogChannel",
        "Raised when a logging channel is disabled, or enabled again by a reload.",
        "core",
        "Channel Enabled Reason",  # main/logger.c; Reason only when it is disabled
        privileges="system",
    ),
    **_event(
        "AsyncAGIExec",
        "Raised when AsyncAGI completes an AGI command.",
        "res_agi",
        channel(),
        "CommandId Result",  # agi_exec_end in res/res_agi.c; the documentation spells it CommandID
        privileges="agi",
    ),
    **_event(
        "TestEvent",
        "Raised by the tests that are built into Asterisk (TEST_FRAMEWORK); more headers by type.",
        "core",
        "Type State AppFile AppFunction AppLine",  # main/test.c
        privileges="reporting",
    ),
    **_event(
        "JabberStatus",
        "Raised when the presence of an XMPP buddy changes.",
        "res_xmpp",
        "Account JID Resource Status Priority Description",
        privileges="user",
    ),
    **_event(
        "MobileStatus",
        "Raised when a mobile phone is connected or disconnected over Bluetooth.",
        "chan_mobile",
        "Status Device",
        privileges="system",
    ),
    # Call completion: cc_*_to_ami in main/stasis_system.c.
    **_event(
        "CCAvailable", "Raised when call completion can be requested.", "core", "CoreID Callee Service", privileges="cc"
    ),
    **_event(
        "CCOfferTimerStart",
        "Raised when the time begins in which call completion can be requested.",
        "core",
        "CoreID Caller Expires",
        privileges="cc",
    ),
    **_event(
        "CCRequested", "Raised when call completion is requested.", "core", "CoreID Caller Callee", privileges="cc"
    ),
    **_event(
        "CCRequestAcknowledged",
        "Raised when the request for call completion is accepted.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **_event(
        "CCCallerStartMonitoring",
        "Raised when it is watched for the caller to be free.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **_event(
        "CCCallerStopMonitoring",
        "Raised when it is watched for the caller to be free no more.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **_event(
        "CCCallerRecalling", "Raised when the caller is being called back.", "core", "CoreID Caller", privileges="cc"
    ),
    **_event("CCRecallComplete", "Raised when the call back was made.", "core", "CoreID Caller", privileges="cc"),
    **_event("CCFailure", "Raised when call completion has failed.", "core", "CoreID Caller Reason", privileges="cc"),
    **_event(
        "CCMonitorFailed",
        "Raised when the callee can be watched no more.",
        "core",
        "CoreID Callee",
        privileges="cc",
    ),
    # --- items of lists ---
    **_event("BridgeListItem", "A bridge.", "core", bridge()),
    **_event(
        "BridgeTechnologyListItem",
        "A technology of bridging.",
        "core",
        "BridgeTechnology BridgeType BridgePriority BridgeSuspended",
    ),
    **_event("ChannelHungup", "A channel that was asked to hang up.", "core", "Channel"),
    **_event("CoreShowChannelMap", "A channel and one that it is connected with.", "core", "Channel ConnectedChannel"),
    **_event(
        "DAHDIShowChannels",
        "A DAHDI channel.",
        "chan_dahdi",
        "DAHDIChannel Channel Uniqueid AccountCode Signalling SignallingCode Context DND Alarm Description",
    ),
    **_event(
        "DAHDIShowStatus",
        "A DAHDI span.",
        "chan_dahdi",
        "Span Description Alarms IRQ bpviol CRC Framing Coding Options LBO",
    ),
    **_event("DBGetResponse", "An entry of the database.", "core", "Family Key Val"),
    **_event("DBGetTreeResponse", "An entry of the database.", "core", "Key Val"),
    **_event(
        "ListDialplan",
        "A priority, an include, a switch or an ignored pattern of a context.",
        "core",
        "Context IncludeContext Switch IgnorePattern Extension ExtensionLabel Priority Application AppData Registrar",
    ),
    **_event("PRIShowSpans", "A PRI span.", "chan_dahdi", "Span DChannel Order Active Alarm Up"),
    **_event(
        "Parkinglot", "A parking lot; ``Timeout`` in seconds.", "res_parking", "Name StartSpace StopSpace Timeout"
    ),
    **_event(
        "PeerEntry",
        "A peer; IAXpeerlist, IAXpeers and SIPpeers tell different things of it.",
        "chan_iax2",
        "Channeltype ObjectName ObjectUsername ChanObjectType IPaddress IPport Dynamic Trunk Encryption Status",
    ),
    **_event(
        "QueueMember",
        "A member of a queue.",
        "app_queue",
        """
        Queue Name Location StateInterface Membership Penalty CallsTaken LastCall LastPause LoginTime InCall Status
        Paused PausedReason Wrapuptime
        """,
    ),
    **_event(
        "QueueParams",
        "A queue: its settings and figures.",
        "app_queue",
        """
        Queue Max Strategy Calls Holdtime TalkTime Completed Abandoned ServiceLevel ServicelevelPerf ServicelevelPerf2
        Weight
        """,
    ),
    **_event(
        "QueueSummary",
        "The figures of a queue; times in seconds.",
        "app_queue",
        "Queue LoggedIn Available Callers HoldTime TalkTime LongestHoldTime",
    ),
    **_event(
        "RegistryEntry",
        "A registration of ours elsewhere; IAXregistry and SIPshowregistry tell different things of it.",
        "chan_iax2",
        "Host DNSmanager Username Perceived Refresh State",
    ),
    **_event("VoicemailBoxDetail", "A message in a mailbox.", "app_voicemail", "Folder CallerID Date Duration Flag ID"),
    **_event("VoicemailUserDetail VoicemailUserEntry", "A user of voicemail.", "app_voicemail", _VOICEMAIL_USER),
    # --- items of lists that 22 has no more ---
    **_event(
        "DeviceEntry",
        "A Skinny device.",
        "chan_skinny",
        "Channeltype ObjectName ChannelObjectType DeviceId IPaddress Type Devicestatus NumberOfLines",
    ),
    **_event(
        "LineEntry", "A Skinny line.", "chan_skinny", "Channeltype ObjectName ChannelObjectType Device Instance Label"
    ),
}
#: Parameters of actions that the source reads and the documentation has forgotten, or has under another name (None: it
#: is not read at all).
ACTION_PARAMETERS: dict[tuple[str, str], Parameter | None] = {
    ("JabberSend", "JID"): None,  # manager_jabber_send in res/res_xmpp.c
    ("JabberSend", "ScreenName"): Parameter("ScreenName", "XMPP/Jabber ID (JID) of recipient.", required=True),
    ("ListCategories", "Match"): Parameter("Match", "Only the categories that match, as in ``UpdateConfig``."),
    ("MixMonitorMute", "MixMonitorID"): Parameter("MixMonitorID", "Which recording, if the channel has several."),
    ("Park", "Channel2"): Parameter("Channel2", "The older name of ``TimeoutChannel``."),
    ("QueueAdd", "Wrapuptime"): Parameter("Wrapuptime", "Seconds of rest between two calls of this member."),
}

#: Parameters that may come several times (astman_get_variables_order in main/manager.c).
REPEATABLE = {("MessageSend", "Variable"), ("Originate", "Variable"), ("PJSIPNotify", "Variable")}

#: Files of a module that the documentation names in the module's place.
MODULES = {"confbridge_manager": "app_confbridge", "parking_manager": "res_parking", "sig_pri": "chan_dahdi"}

#: Choices that the documentation has wrong, or that are no values but kinds of them.
CHOICES = {
    ("Filter", "MatchCriteria"): (  # manager_add_filter in main/manager.c
        "action(include|exclude)",
        "name(<event_name>)",
        "header(<header_name>)",
        "method(regex|exact|starts_with|ends_with|contains|none)",
    ),
    ("ModuleLoad", "Module"): (),
    ("PJSIPHangup", "Cause"): (),
    ("UpdateConfig", "Options-000000"): (
        "allowdups",
        "template",
        'inherit="template[,...]"',
        'catfilter="<expression>[,...]"',
    ),
}

#: Parameters without which an action is refused, though the documentation does not call them required.
REQUIRED = {
    ("CoreShowChannelMap", "Channel"),  # action_coreshowchannelmap in main/manager.c
    ("MixMonitorMute", "Direction"),  # manager_mute_mixmonitor in apps/app_mixmonitor.c
    ("MixMonitorMute", "State"),
}

#: What an answer means beyond its form; seen on real servers, or in the function that is named.
REMARKS = {
    "IAXnetstats": """
        The server answers with bare lines and no response (manager_iax2_show_netstats in channels/chan_iax2.c): it
        always ends with ActionTimeout.
        """,
    "JabberSend": "It is answered twice; the first answer counts, and says nothing of success (res/res_xmpp.c).",
    "PJSIPRegister": "Success means that it is queued, or not even that: read ``response.message``.",
    "PJSIPUnregister": "Success means that it is queued, or not even that: read ``response.message``.",
    "PJSIPNotify": "Values of ``variables`` may hold anything but line ends; a name may come several times in pairs.",
    "VoicemailBoxSummary": "A mailbox that is not known gives a success without a list.",
    "VoicemailForward": "Success may mean failure: read ``response.message``.",
    "VoicemailMove": "Success may mean failure: read ``response.message``.",
    "VoicemailRemove": "Success may mean failure: read ``response.message``.",
    "VoicemailUserStatus": "A mailbox that is not known gives a success without a list.",
    "VoicemailUsersList": "No mailboxes give a success without a list.",
}
#: Lists that are answered with an error if they would be empty; the others are closed at once.
ERROR_IF_EMPTY = """
    ConfbridgeList ConfbridgeListRooms DBGet ExtensionStateList MeetmeList MeetmeListRooms PJSIPShowAors PJSIPShowAuths
    PJSIPShowContacts PJSIPShowEndpoint PJSIPShowEndpoints PJSIPShowResourceLists
"""

#: Parameters of events that the documentation has forgotten; they go to the end.
EVENT_PARAMETERS = {
    "ConfbridgeList": (Parameter("EndMarkedAny"),),
    "TransportDetail": (Parameter("ExternalSignalingHostname"),),
}

#: Classes of events that the documentation has wrong (talking_start in main/manager_channels.c, and the password
#: change of apps/app_voicemail.c).
EVENT_PRIVILEGES = {
    "ChannelTalkingStart": ("call",),
    "ChannelTalkingStop": ("call",),
    "VoicemailPasswordChange": ("system", "user"),
}
