"""The classes that may run each action. A test compares them with a real server's ListCommands."""

from __future__ import annotations

__all__ = ["PRIVILEGES"]

#: The classes of which *one* in ``write`` lets an account run an action: the second argument of
#: ast_manager_register_xml, which the documentation does not repeat. No classes: everybody who is
#: logged in.
PRIVILEGES = {
    "": """
        BridgeDestroy BridgeInfo BridgeKick BridgeList BridgeTechnologyList BridgeTechnologySuspend
        BridgeTechnologyUnsuspend Challenge DAHDIDNDoff DAHDIDNDon DAHDIDialOffhook DAHDIHangup
        DAHDIRestart DAHDIShowChannels DAHDIShowStatus DAHDITransfer Events ListCommands Login
        Logoff PRIDebugFileUnset PRIDebugSet PRIShowSpans Ping QueueChangePriorityCaller QueueReload
        QueueReset QueueRule QueueStatus QueueSummary QueueWithdrawCaller WaitEvent
        """,
    "agent": (
        "AgentLogoff Agents QueueAdd QueueLog QueueMemberRingInUse QueuePause QueuePenalty "
        "QueueRemove"
    ),
    "agi": "AGI",
    "aoc": "AOCMessage",
    "call": """
        Atxfer BlindTransfer Bridge CancelAtxfer ChangeMonitor ConfbridgeKick ConfbridgeLock
        ConfbridgeMute ConfbridgeSetSingleVideoSrc ConfbridgeUnlock ConfbridgeUnmute ControlPlayback
        FAXSession FAXSessions MWIDelete MWIUpdate MeetmeMute MeetmeUnmute Monitor Park ParkedCalls
        Parkinglots PauseMonitor PlayDTMF PlayMF Redirect SendFlash SendText Setvar StopMonitor
        UnpauseMonitor
        """,
    "call reporting": """
        DeviceStateList ExtensionState ExtensionStateList Getvar MWIGet MailboxCount MailboxStatus
        PresenceState PresenceStateList VoicemailBoxSummary VoicemailUserStatus VoicemailUsersList
        """,
    "command": "Command",
    "config": "CreateConfig ListCategories UpdateConfig",
    "config reporting": "ShowDialPlan",
    "message": "MessageSend",
    "originate": "Originate",
    "reporting": "ConfbridgeList ConfbridgeListRooms FAXStats MeetmeList MeetmeListRooms",
    "system": """
        ConfbridgeStartRecord ConfbridgeStopRecord DBDel DBDelTree DBPut DialplanExtensionAdd
        DialplanExtensionRemove Filter JabberSend MixMonitor ModuleCheck ModuleLoad MuteAudio
        PJSIPNotify PJSIPSetMaintenance PJSIPShowAors PJSIPShowAuths PJSIPShowContacts
        PJSIPShowEndpoint PJSIPShowEndpoints PJSIPShowRegistrationInboundContactStatuses
        PJSIPShowRegistrationsInbound PJSIPShowResourceLists PJSIPShowSubscriptionsInbound
        PJSIPShowSubscriptionsOutbound PRIDebugFileSet SIPnotify SIPpeerstatus
        SorceryMemoryCacheExpire SorceryMemoryCacheExpireObject SorceryMemoryCachePopulate
        SorceryMemoryCacheStale SorceryMemoryCacheStaleObject
        """,
    "system call": (
        "AbsoluteTimeout Hangup LocalOptimizeAway MixMonitorMute PJSIPHangup StopMixMonitor"
    ),
    "system call reporting": "Status",
    "system config": "GetConfig GetConfigJSON Reload",
    "system reporting": """
        CoreSettings CoreShowChannelMap CoreShowChannels CoreStatus DBGet DBGetTree IAXnetstats
        IAXpeerlist IAXpeers IAXregistry LoggerRotate PJSIPQualify PJSIPRegister
        PJSIPShowMaintenance PJSIPShowRegistrationsOutbound PJSIPUnregister SIPpeers SIPqualifypeer
        SIPshowpeer SIPshowregistry SKINNYdevices SKINNYlines SKINNYshowdevice SKINNYshowline
        """,
    "user": "UserEvent VoicemailForward VoicemailMove VoicemailRefresh VoicemailRemove",
}
