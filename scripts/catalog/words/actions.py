"""A description of each action, in a line."""

from __future__ import annotations

from scripts.catalog.words import table

__all__ = ["ACTIONS"]

ACTIONS = table("""
AbsoluteTimeout: Limit how long a call may last, counted from now.
AGI: Hand a command to a channel that runs AsyncAGI.
AOCMessage: Tell a channel what its call costs: Advice of Charge.
AgentLogoff: Log an agent of app_agent_pool off.
Agents: The agents of app_agent_pool and what they do.
Atxfer: Begin an attended transfer, as if the channel's user had dialled it.
BlindTransfer: Send the channel that is bridged with a channel to an extension.
Bridge: Connect two channels that exist with each other.
BridgeDestroy: End a bridge; its channels go on in the dialplan or hang up.
BridgeInfo: A bridge and its participants.
BridgeKick: Take a channel out of its bridge.
BridgeList: The bridges that there are.
BridgeTechnologyList: The ways of bridging that this server knows.
BridgeTechnologySuspend: Let no new bridge use a technology.
BridgeTechnologyUnsuspend: Let new bridges use a technology again.
CancelAtxfer: Break an attended transfer off while it is under way.
Challenge: Ask for the random text that a login with MD5 needs.
Command: Run a command of the console.
ConfbridgeKick: Remove somebody, or everybody, from a conference.
ConfbridgeList: Who is in a conference.
ConfbridgeListRooms: The conferences that are going on.
ConfbridgeLock: Let nobody else into a conference.
ConfbridgeMute: Silence somebody, or everybody, in a conference.
ConfbridgeSetSingleVideoSrc: Show one person's video to the whole conference.
ConfbridgeStartRecord: Begin to record a conference; an error if it is recorded already.
ConfbridgeStopRecord: End the recording of a conference.
ConfbridgeUnlock: Open a conference again that was locked.
ConfbridgeUnmute: Let somebody, or everybody, in a conference be heard again.
ControlPlayback: Steer a sound file while it is played to a channel.
CoreSettings: The server's version and limits.
CoreShowChannelMap: The channels that are connected with a channel, through Local ones, too.
CoreShowChannels: The channels that there are.
CoreStatus: Since when the server runs, and how many calls it has.
CreateConfig: Make a configuration file with nothing in it, for UpdateConfig to fill.
DAHDIDNDoff: Switch "do not disturb" off for an analog DAHDI channel.
DAHDIDNDon: Switch "do not disturb" on for an analog DAHDI channel.
DAHDIDialOffhook: Dial digits on a DAHDI channel that is off the hook.
DAHDIHangup: Do as if the user of an analog DAHDI channel had hung up.
DAHDIRestart: Restart all DAHDI channels; their calls end.
DAHDIShowChannels: The DAHDI channels, one of them or all.
DAHDIShowStatus: The DAHDI spans and their alarms.
DAHDITransfer: Do as if the user of an analog DAHDI channel had pressed the hook for a moment.
DBDel: Delete an entry of Asterisk's database.
DBDelTree: Delete a family, or a part of one, from Asterisk's database.
DBGet: Read an entry of Asterisk's database.
DBGetTree: Read all entries, those of a family, or a part of one, from Asterisk's database.
DBPut: Write an entry into Asterisk's database.
DeviceStateList: The states of all devices, as far as they are known.
DialplanExtensionAdd: Add a step to the dialplan; it lasts until the dialplan is loaded anew.
DialplanExtensionRemove: Remove an extension, or one step of it, from the dialplan.
Events: Choose the classes of events that this connection gets.
ExtensionState: The state of an extension that has a hint.
ExtensionStateList: The states of all extensions with hints.
FAXSession: All that is known of one fax session.
FAXSessions: The fax sessions that are going on.
FAXStats: How many faxes were sent and received, and how many failed.
Filter: Add a filter for the events of this connection; it cannot be removed again.
GetConfig: Read a configuration file.
GetConfigJSON: Read a configuration file as JSON.
Getvar: Read a variable of a channel or a global one, or call a function of the dialplan.
Hangup: Hang a channel up, or all that a regular expression finds.
IAXnetstats: Loss and delay of the IAX channels.
IAXpeerlist: The IAX peers, as SIPpeers lists those of SIP.
IAXpeers: The IAX peers.
IAXregistry: Where this server has registered over IAX.
JabberSend: Send a message over XMPP.
ListCategories: The sections of a configuration file.
ListCommands: The actions that this account may send.
LocalOptimizeAway: Let a Local channel leave the path of the call, though it was made with /n.
LoggerRotate: Begin new log files.
Login: Log in, in plain text or with the answer to a challenge.
Logoff: Log off; the server closes the connection.
MWIDelete: Forget mailboxes of a foreign voicemail system.
MWIGet: The messages that are counted for mailboxes of a foreign voicemail system.
MWIUpdate: Tell how many messages a mailbox of a foreign voicemail system has.
MailboxCount: How many urgent, new and old messages a mailbox has.
MailboxStatus: Whether a mailbox has new messages.
MeetmeList: The participants of a MeetMe conference, or of all.
MeetmeListRooms: The MeetMe conferences that are going on.
MeetmeMute: Silence somebody in a MeetMe conference.
MeetmeUnmute: Let somebody in a MeetMe conference be heard again.
MessageSend: Send a text message outside of a call.
MixMonitor: Record a channel, both directions in one file.
MixMonitorMute: Leave a part of a recording silent, or go on with it.
ModuleCheck: Whether a module is loaded; an error if not.
ModuleLoad: Load a module, unload it, or load it anew.
MuteAudio: Silence a channel in a direction, or let it be heard again.
Originate: Call a channel, and connect it with an extension or an application.
PJSIPHangup: Refuse an incoming PJSIP call, before it is answered, with a SIP response code.
PJSIPNotify: Send a SIP NOTIFY: to an endpoint, to a URI, or within a call.
PJSIPQualify: Ask the contacts of a PJSIP endpoint whether they can be reached.
PJSIPRegister: Register elsewhere over PJSIP, now.
PJSIPSetMaintenance: Put a PJSIP endpoint into maintenance, where it takes no new calls, or back.
PJSIPShowAors: The PJSIP addresses of record.
PJSIPShowAuths: The PJSIP credentials.
PJSIPShowContacts: The PJSIP contacts.
PJSIPShowEndpoint: A PJSIP endpoint and all that belongs to it.
PJSIPShowEndpoints: The PJSIP endpoints.
PJSIPShowMaintenance: The PJSIP endpoints that are in maintenance.
PJSIPShowRegistrationInboundContactStatuses:
    Whether those that have registered here over PJSIP can be reached.
PJSIPShowRegistrationsInbound: The registrations of others here over PJSIP.
PJSIPShowRegistrationsOutbound: Where this server has registered over PJSIP.
PJSIPShowResourceLists: The PJSIP resource lists and their settings.
PJSIPShowSubscriptionsInbound: The subscriptions of others here over PJSIP.
PJSIPShowSubscriptionsOutbound: Where this server has subscribed over PJSIP.
PJSIPUnregister: Take a PJSIP registration elsewhere back, and do not renew it.
PRIDebugFileSet: Write what PRI debugging says to a file.
PRIDebugFileUnset: Write what PRI debugging says to no file any longer.
PRIDebugSet: How much PRI debugging says of a span.
PRIShowSpans: The PRI spans, one of them or all.
Park: Put a call into a parking lot.
ParkedCalls: The calls that are parked.
Parkinglots: The parking lots and their spaces.
Ping: Ask for a sign of life.
PlayDTMF: Press a key on a channel.
PlayMF: Play a tone of multi-frequency signalling on a channel.
PresenceState: The presence that a provider tells.
PresenceStateList: All presences that are known.
QueueAdd: Put a member into a queue.
QueueChangePriorityCaller: Give a waiting caller another priority.
QueueLog: Write a line of one's own into the log of the queues.
QueueMemberRingInUse: Whether a member is called while on a call.
QueuePause: Pause a member of one queue or of all, or let it go on.
QueuePenalty: Give a member another penalty, in one queue or in all.
QueueReload: Read the configuration of the queues anew, or a part of it.
QueueRemove: Take a member out of a queue.
QueueReset: Set the figures of a queue, or of all, back to nothing.
QueueRule: The rules by which penalties change while a caller waits.
QueueStatus: Queues with their members and waiting callers.
QueueSummary: The figures of queues, without their members.
QueueWithdrawCaller: Take a waiting caller out of a queue, to go on in the dialplan.
Redirect: Send a channel, or two, to another place in the dialplan.
Reload: Read the configuration anew, of a module or of all.
SendFlash: Press the hook of a channel for a moment.
SendText: Send a text to a channel, within its call.
Setvar: Set a variable of a channel or a global one, or write to a function of the dialplan.
ShowDialPlan: The dialplan; all of it can be long.
SorceryMemoryCacheExpire: Empty a cache of configuration objects.
SorceryMemoryCacheExpireObject: Remove an object from a cache; refused
    if the cache holds the whole backend.
SorceryMemoryCachePopulate: Empty a cache, and fill it from its backend.
SorceryMemoryCacheStale: Have every object of a cache fetched anew when it is used.
SorceryMemoryCacheStaleObject: Have one object of a cache fetched anew when it is used, or at once.
Status: All that is known of the channels, variables included.
StopMixMonitor: End a recording that MixMonitor has begun.
UpdateConfig: Change a configuration file.
UserEvent: Send an event to everybody who reads the class ``user``.
VoicemailBoxSummary: The messages in a mailbox.
VoicemailForward: Copy a message into another mailbox, or another folder.
VoicemailMove: Move a message to another folder of its mailbox.
VoicemailRefresh: Have mailboxes looked at, since another program has changed them.
VoicemailRemove: Delete a message.
VoicemailUserStatus: The settings and counts of a mailbox.
VoicemailUsersList: The settings and counts of all mailboxes.
WaitEvent: Wait for events: for sessions over HTTP.
""")
