"""When each event comes, or its place in an answer, in a line.

``gaps`` has the words for those it describes.
"""

from __future__ import annotations

from scripts.catalog.words import table

__all__ = ["EVENTS"]

EVENTS = table("""
AGIExecEnd: A command of AGI is done.
AGIExecStart: A command of AGI begins.
AOC-D: A call's costs so far: Advice of Charge.
AOC-E: A call's costs at its end: Advice of Charge.
AOC-S: What a call is going to cost: Advice of Charge.
AgentCalled: A member of a queue is being called for a caller.
AgentComplete: A member of a queue and a caller have finished talking.
AgentConnect: A member of a queue has answered a caller.
AgentDump: A member of a queue has hung up while the caller was announced.
AgentLogin: An agent of app_agent_pool has logged in.
AgentLogoff: An agent of app_agent_pool has logged off.
AgentRingNoAnswer: A member of a queue was called and has not answered.
Agents: An agent of app_agent_pool.
Alarm: A DAHDI channel has an alarm.
AlarmClear: A DAHDI channel has no alarm any longer.
AorDetail: An address of record of the endpoint.
AorList: An address of record.
AsyncAGIEnd: A channel has left AsyncAGI.
AsyncAGIStart: A channel waits for commands of AsyncAGI.
AttendedTransfer: An attended transfer has come to its end; ``Result`` says which.
AuthDetail: Credentials that are used there.
AuthList: Credentials of PJSIP.
AuthMethodNotAllowed: A client tried to authenticate in a way that is not allowed.
BlindTransfer: A blind transfer has come to its end; ``Result`` says which.
BridgeCreate: There is a new bridge.
BridgeDestroy: A bridge is gone.
BridgeEnter: A channel has come into a bridge.
BridgeInfoChannel: A channel in the bridge.
BridgeLeave: A channel has left a bridge.
BridgeMerge: A bridge has taken in another one.
BridgeVideoSourceUpdate: Another channel's video is shown in a bridge.
CEL: An entry of the channel event log.
Cdr: A call detail record.
ChallengeResponseFailed: A client has answered a challenge wrongly.
ChallengeSent: A client that wants to authenticate was sent a challenge.
ChanSpyStart: A channel listens in on another one.
ChanSpyStop: A channel listens in on another one no longer.
ChannelTalkingStart: Somebody on a channel has begun to talk; for channels that set TALK_DETECT.
ChannelTalkingStop: Somebody on a channel has become silent; for channels that set TALK_DETECT.
ConfbridgeEnd: A conference is over.
ConfbridgeJoin: Somebody has come into a conference.
ConfbridgeLeave: Somebody has left a conference.
ConfbridgeList: Somebody who is in the conference.
ConfbridgeListRooms: A conference.
ConfbridgeMute: Somebody in a conference was silenced.
ConfbridgeRecord: A conference is being recorded.
ConfbridgeStart: A conference has begun.
ConfbridgeStopRecord: A conference is recorded no longer.
ConfbridgeTalking: Somebody in a conference talks, or does so no longer.
ConfbridgeUnmute: Somebody in a conference can be heard again.
ContactList: A contact of PJSIP.
ContactStatus: A contact can be reached, or not any longer, or is new, or gone.
ContactStatusDetail: A contact, and whether it can be reached.
CoreShowChannel: A channel.
DAHDIChannel: A channel has got its DAHDI channel.
DNDState: "Do not disturb" was switched on or off for a DAHDI channel.
DTMFBegin: A key is being pressed.
DTMFEnd: A key was pressed.
DeadlockStart: The server seems to be in a deadlock, and may not even be able to tell.
DeviceStateChange: A device has another state.
DialBegin: A channel is being called.
DialEnd: A channel was called; ``DialStatus`` says with what success.
DialState: A channel that is being called has another state: it rings, say.
EndpointDetail: The endpoint and its settings.
EndpointList: An endpoint of PJSIP.
ExtensionStatus: An extension with a hint has another state.
FAXSession: The fax session that was asked for.
FAXSessionsEntry: A fax session.
FAXStats: How many faxes were sent and received, and how many failed.
FAXStatus: How far a fax has come.
FailedACL: A client came from an address that an access list keeps out.
Flash: The hook of a channel was pressed for a moment.
FullyBooted: The server has loaded all its modules; also behind a login, if it had done so before.
Hangup: A channel is gone; ``Cause`` says why.
HangupHandlerPop: A hangup handler was taken off a channel.
HangupHandlerPush: A channel has got a hangup handler.
HangupHandlerRun: A hangup handler begins.
HangupRequest: Somebody wants a channel to hang up.
Hold: A channel was put on hold.
IdentifyDetail: By what the endpoint is known when it calls.
InboundRegistrationDetail: Somebody who has registered here.
InboundSubscriptionDetail: Somebody who has subscribed here.
InvalidAccountID: A client tried to authenticate as a user that does not exist.
InvalidPassword: A client tried to authenticate with a wrong password.
InvalidTransport: A client came over a transport that is not allowed.
Load: A module was loaded, or could not be.
LoadAverageLimit: A request was refused, since the machine has too much to do.
LocalBridge: A Local channel has both its halves connected with each other.
LocalOptimizationBegin: A Local channel is about to leave the path of its call.
LocalOptimizationEnd: A Local channel has left the path of its call.
MCID: Somebody wants a malicious call traced.
MWIGet: A mailbox and its messages.
MeetmeEnd: A MeetMe conference is over.
MeetmeJoin: Somebody has come into a MeetMe conference.
MeetmeLeave: Somebody has left a MeetMe conference.
MeetmeList: Somebody who is in a MeetMe conference.
MeetmeListRooms: A MeetMe conference.
MeetmeMute: Somebody in a MeetMe conference was silenced, or can be heard again.
MeetmeTalkRequest: Somebody in a MeetMe conference asks to be heard, or does so no longer.
MeetmeTalking: Somebody in a MeetMe conference talks, or does so no longer.
MemoryLimit: A request was refused, since there was no memory for it.
MessageWaiting: A mailbox has other messages, or somebody has listened to them.
MiniVoiceMail: A notice of a MiniVoiceMail message was sent.
MixMonitorMute: A recording leaves a direction silent, or goes on with it.
MixMonitorStart: A recording has begun.
MixMonitorStop: A recording is over.
MusicOnHoldStart: A channel is being played music.
MusicOnHoldStop: A channel is played music no longer.
NewAccountCode: A channel has another account code.
NewCallerid: A channel has another caller id.
NewConnectedLine: A channel is connected with somebody else.
Newchannel: There is a new channel.
Newstate: A channel has another state: it rings, or is up.
OriginateResponse: What became of an asynchronous Originate; it carries its ActionID.
OutboundRegistrationDetail: A registration of ours elsewhere.
OutboundSubscriptionDetail: A subscription of ours elsewhere.
PJSIPMaintenanceStatus: An endpoint went into maintenance, or came out of it.
ParkedCall: A call was parked.
ParkedCallGiveUp: A parked caller has hung up.
ParkedCallSwap: A channel has taken the place of one that was parked.
ParkedCallTimeOut: A call was parked for too long, and goes back.
PeerStatus: A peer can be reached, or not any longer.
Pickup: A call was picked up by another phone.
PresenceStateChange: A presence has changed.
PresenceStatus: An extension with a hint has another presence.
QueueCallerAbandon: A caller has hung up before anybody answered.
QueueCallerJoin: A caller waits in a queue.
QueueCallerLeave: A caller waits no longer: answered, or gone.
QueueEntry: A caller who waits.
QueueMemberAdded: A queue has a new member.
QueueMemberPause: A member was paused, or goes on.
QueueMemberPenalty: A member has another penalty.
QueueMemberRemoved: A queue has lost a member.
QueueMemberRinginuse: It was changed whether a member is called while on a call.
QueueMemberStatus: A member has another state: its device rings, is in use, is free.
RTCPReceived: A report on the media has come.
RTCPSent: A report on the media was sent.
ReceiveFAX: A fax was received, or could not be.
Registry: A registration elsewhere was accepted or refused.
Reload: A module has read its configuration anew.
RequestBadFormat: A request made no sense.
RequestNotAllowed: A client asked for something that it may not have.
RequestNotSupported: A client asked for something that the server cannot do.
ResourceListDetail: A resource list and its settings.
SendFAX: A fax was sent, or could not be.
SessionLimit: A request was refused, since there are too many sessions.
Shutdown: The server ends or restarts.
SoftHangupRequest: Somebody wants a channel to hang up, and says why.
SpanAlarm: A DAHDI span has an alarm.
SpanAlarmClear: A DAHDI span has no alarm any longer.
Status: A channel, with all that is known of it.
SuccessfulAuth: A client has authenticated.
TransportDetail: The transport that the endpoint uses.
UnParkedCall: A parked call was fetched.
UnexpectedAddress: A request of a session came from an address that is not the session's.
Unhold: A channel is on hold no longer.
Unload: A module was unloaded.
UserEvent: An event that the dialplan or an action made up; its headers are theirs.
VarSet: A variable was set.
VoicemailPasswordChange: The password of a mailbox was changed.
Wink: A wink was seen on a channel.
""")
