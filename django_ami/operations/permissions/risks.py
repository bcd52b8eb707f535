"""The actions of Asterisk by their risk: looking, changing, dangerous.

Rule: every action of the catalogue stands in one of the three, and one that is unknown is
dangerous. Facts: the named action in ``django_ami.catalog``, and its privileges in Asterisk.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django_ami.core import catalog

__all__ = ["DANGERS", "LOOKING", "Risk", "classes_of", "risk_of"]

#: The class of actions that Asterisk lets every account send.
NO_CLASS: Final = "none"


class Risk(StrEnum):
    """How much an action can do."""

    #: It changes nothing, and tells no secret.
    LOOKING = "looking"
    #: It changes what people see and hear now, and neither costs nor lasts.
    CHANGING = "changing"
    #: It needs a grant that names it.
    DANGEROUS = "dangerous"


_PLACES_CALLS: Final = "it places calls or sends them anywhere, at your cost"
_RUNS: Final = "it runs commands or applications on the server"
_CONFIGURES: Final = "it changes how the server works, also for later calls"
_STOPS: Final = "it ends or breaks what others use"
_SECRETS: Final = "its answer has secrets"
_LISTENS: Final = "it records or joins the calls of others"
_SHARED: Final = "it changes the login that all users of this process share"
_STEERS: Final = "it sets values that steer the dialplan"
_WRITES: Final = "it sends messages, or changes those of others"
_FIGURES: Final = "it changes the figures, or the order, of a queue"

#: By the reason: the actions that a grant has to name.
_DANGEROUS: Final = {
    _PLACES_CALLS: (
        "Originate Redirect BlindTransfer Atxfer CancelAtxfer Park DAHDIDialOffhook DAHDITransfer "
        "QueueAdd PlayDTMF PlayMF SendFlash"
    ),
    _RUNS: "Command AGI",
    _CONFIGURES: (
        "UpdateConfig CreateConfig ModuleLoad ModuleCheck Reload QueueReload LoggerRotate "
        "DialplanExtensionAdd DialplanExtensionRemove PJSIPSetMaintenance PJSIPRegister "
        "PJSIPUnregister BridgeTechnologySuspend BridgeTechnologyUnsuspend "
        "SorceryMemoryCacheExpire SorceryMemoryCacheExpireObject SorceryMemoryCachePopulate "
        "SorceryMemoryCacheStale SorceryMemoryCacheStaleObject PRIDebugFileSet "
        "PRIDebugFileUnset PRIDebugSet PJSIPNotify SIPnotify"
    ),
    _STOPS: (
        "DAHDIRestart DAHDIHangup DAHDIDNDon DAHDIDNDoff BridgeDestroy BridgeKick PJSIPHangup "
        "AbsoluteTimeout LocalOptimizeAway"
    ),
    _SECRETS: (
        "GetConfig GetConfigJSON ListCategories PJSIPShowAuths PJSIPShowEndpoint "
        "PJSIPShowRegistrationsOutbound PJSIPShowRegistrationsInbound DBGet DBGetTree ShowDialPlan"
    ),
    _LISTENS: (
        "Monitor ChangeMonitor StopMonitor PauseMonitor UnpauseMonitor MixMonitor MixMonitorMute "
        "StopMixMonitor Bridge ConfbridgeStartRecord ConfbridgeStopRecord"
    ),
    _SHARED: "Login Logoff Challenge Events Filter WaitEvent",
    _STEERS: "Setvar DBPut DBDel DBDelTree",
    _WRITES: (
        "MessageSend JabberSend SendText AOCMessage MWIDelete MWIUpdate VoicemailForward "
        "VoicemailMove VoicemailRemove UserEvent"
    ),
    _FIGURES: "QueueReset QueueLog QueueChangePriorityCaller QueueWithdrawCaller QueuePenalty",
}
#: By the name in lower case: why it is dangerous.
DANGERS: Final = {name.lower(): why for why, names in _DANGEROUS.items() for name in names.split()}
#: In lower case: those that only look.
LOOKING: Final = frozenset(
    (
        "Agents BridgeInfo BridgeList BridgeTechnologyList ConfbridgeList ConfbridgeListRooms "
        "CoreSettings CoreShowChannelMap CoreShowChannels CoreStatus DAHDIShowChannels "
        "DAHDIShowStatus DeviceStateList ExtensionState ExtensionStateList FAXSession FAXSessions "
        "FAXStats Getvar IAXnetstats IAXpeerlist IAXpeers IAXregistry ListCommands MailboxCount "
        "MailboxStatus MeetmeList MeetmeListRooms MWIGet ParkedCalls Parkinglots Ping PJSIPQualify "
        "PJSIPShowAors PJSIPShowContacts PJSIPShowEndpoints PJSIPShowMaintenance "
        "PJSIPShowRegistrationInboundContactStatuses PJSIPShowResourceLists "
        "PJSIPShowSubscriptionsInbound PJSIPShowSubscriptionsOutbound PresenceState "
        "PresenceStateList PRIShowSpans QueueRule QueueStatus QueueSummary SIPpeers "
        "SIPpeerstatus SIPqualifypeer SIPshowpeer SIPshowregistry SKINNYdevices SKINNYlines "
        "SKINNYshowdevice SKINNYshowline Status VoicemailBoxSummary VoicemailUsersList "
        "VoicemailUserStatus"
    )
    .lower()
    .split()
)
#: In lower case: those that change something now.
CHANGING: Final = frozenset(
    (
        "AgentLogoff ConfbridgeKick ConfbridgeLock ConfbridgeMute ConfbridgeSetSingleVideoSrc "
        "ConfbridgeUnlock ConfbridgeUnmute ControlPlayback Hangup MeetmeMute MeetmeUnmute "
        "MuteAudio QueueMemberRingInUse QueuePause QueueRemove VoicemailRefresh"
    )
    .lower()
    .split()
)


def risk_of(action: str) -> Risk:
    """The risk of an action, whatever its case. One that nobody knows is dangerous."""
    name = action.lower()
    if name in DANGERS or not (name in LOOKING or name in CHANGING):
        return Risk.DANGEROUS
    return Risk.LOOKING if name in LOOKING else Risk.CHANGING


def classes_of(action: str) -> frozenset[str]:
    """The classes by which a grant may include it: those of Asterisk, and ``looking``."""
    info = catalog.action(action)
    if info is None or risk_of(action) is Risk.DANGEROUS:
        return frozenset()
    own = frozenset(info.privileges or (NO_CLASS,))
    return own | {Risk.LOOKING.value} if risk_of(action) is Risk.LOOKING else own
