"""The meanings of parameters, in a few words.

A parameter is that of any action (``Queue``), or of one (``Bridge.Tone``).
"""

from __future__ import annotations

from scripts.catalog.words import table

__all__ = ["meaning"]

_WORDS = table("""
AOCBillingId: how the call is billed; AOC-D knows the first three alone
AOCMessage.Channel: the channel; either this or ``ChannelPrefix``
Account: the account code of the new channel
Agent: the agent's id
AllVariables: whether to tell all variables of the channels
AnnounceChannel: the channel that is told the parking space
Application: an application of the dialplan
ApplicationData: its arguments
Async: whether to answer at once, and to tell what became of the call by OriginateResponse
AuthType: how to log in
Base64Body: the text in base64, for one with line ends; it counts more than ``Body``
Body: the text, in one line
Bridge.Channel1: one channel
Bridge.Channel2: the other one
Bridge.Tone: who hears a tone first
BridgeKick.BridgeUniqueid: the bridge that it must be in, to be sure
BridgeTechnology: the technology's name
BridgeType: bridges of this type alone
BridgeUniqueid: the bridge's id
Cache: the cache's name
Caller: the channel of the caller
CallerID: the caller id of the new channel
Category: this section alone
Cause: the cause, a number
Channel: the channel's name
ChannelId: the Uniqueid that the new channel gets
ChannelPrefix: how the channel's name begins; the first one is taken
ChargeType: the kind of charge; of AOC-D and AOC-E
ChargedItem: the item that is charged; of AOC-S
ChargingAssociationId: from -32768 to 32767; of AOC-E
ChargingAssociationNumber: the number of the other call; of AOC-E
ChargingAssociationPlan: type and plan of that number, as in Q.931
ChargingType: whether it grows steadily or in steps; needed with the rate ``Duration``
Code: from 1 to 10; needed with ``SpecialArrangement`` and ``SpecialCode``
Codecs: the codecs of the call, with commas between them
Command: what to run
CommandID: an id for the events of this command
Conference: the conference's name
ConfbridgeKick.Channel: the channel, or ``all``, or ``participants``: all but administrators
ConfbridgeMute.Channel: the channel or how its name begins, or ``all``, or ``participants``: all
    but administrators
ConfbridgeSetSingleVideoSrc.Channel: the channel or how its name begins
ConfbridgeStartRecord.RecordFile: the file; by default that of the configuration
ConfbridgeUnmute.Channel: the channel or how its name begins, or ``all``, or ``participants``:
    all but administrators
Content-Type: the type of the text
Context: the context in the dialplan
Control: what to do
CurrencyAmount: how much; a positive number
CurrencyMultiplier: the factor of ``CurrencyAmount``, and needed with it
CurrencyName: the currency; ten characters count
DAHDIChannel: the channel's number
DAHDIShowChannels.DAHDIChannel: the channel's number; 0 is all, as is none
Data: the arguments of ``Application``
Destination: where to, as a URI
DialplanExtensionAdd.Context: the context; it is made if there is none
DialplanExtensionAdd.Extension: the extension, with ``/`` and a caller id if it is for that one
    alone
DialplanExtensionAdd.Priority: the step's number, or ``hint``
DialplanExtensionAdd.Replace: whether to replace a step that is there; otherwise that is an error
DialplanExtensionRemove.Extension: the extension, with ``/`` and a caller id if it is for that
    one alone
DialplanExtensionRemove.Priority: this step alone
Digit: which key
Direction: which direction
Duration: how long, in milliseconds
EarlyMedia: whether to connect before the call is answered, when there is sound
Endpoint: the endpoint's name
Event: the name of what has happened
EventMask: classes with commas between them, or all, or none
Events: classes with commas between them, or all, or none
Exten: the extension in the dialplan
Extension: the extension in the dialplan
ExtraChannel: a second channel to move
ExtraContext: where the second channel goes: the context
ExtraExten: where the second channel goes: the extension
ExtraPriority: where the second channel goes: the priority
Family: the family, the first part of the key
File: the file's name
Filename: the file's name, as ``queues.conf``
Filter.Filter: what to look for
Filter.MatchCriteria: where and how to look; by default with a regular expression in the whole event
Filter.Operation: what to do
Folder: the folder it is in
From: the sender, as a URI
GetConfig.Filter: sections that match: ``NAME_REGEX=VALUE_REGEX``, with commas between them
GetConfigJSON.Filter: sections that match: ``NAME_REGEX=VALUE_REGEX``, with commas between them
Granularity: how long a step is, for steps
GranularityTimeScale: the unit of ``Granularity``, and needed with it
Hangup.Channel: the channel's name, or a regular expression between slashes
ID: the message's id
Immediate: whether the caller's place changes at once
Interface: the member's interface, as ``PJSIP/101``
Jabber: which of the server's XMPP connections
Key: the key
Level: how much to say
ListCategories.Match: only sections that match, as ``Filter`` of GetConfig
LoadType: what to do; only a module can be loaded or unloaded, not a part of the core
Login.Key: the answer to the challenge, for MD5
Login.Secret: the password, for plain text
MWIDelete.Mailbox: the mailbox, or a regular expression between slashes
MWIGet.Mailbox: the mailbox, or a regular expression between slashes
Mailbox: the mailbox
MailboxCount.Mailbox: ``MAILBOX@CONTEXT``
MailboxStatus.Mailbox: ``MAILBOX@CONTEXT``
Meetme: the conference's number
Member: this member alone
MemberName: what the member is called
Members: whether to read the members anew
Message: the text
MessageSend.Variable: variables of the message
MixMonitor.Command: what to run when the recording is over
MixMonitor.File: the file; by default it is named like the channel
MixMonitor.Options: options of the application MixMonitor
MixMonitorID: which recording, if the channel has several
MixMonitorMute.Direction: ``read`` (from the channel), ``write`` (to it) or ``both``
MixMonitorMute.State: whether it is silent from now on
Module: the module's name
ModuleCheck.Module: the module's name without ``.so``
ModuleLoad.Module: the module's name with ``.so``, or a part of the core; all of them if it is
    left out
MsgType: when the message comes: at the start, during the call, at its end
MuteAudio.Direction: from the channel, to it, or both
MuteAudio.State: whether it is silent from now on
NewMessages: how many new ones
Number: the digits
Object: the object's name
OldMessages: how many old ones
Option: a section of pjsip_notify.conf; either this or ``Variable``
Originate.Channel: whom to call, as ``PJSIP/101``
Originate.Context: the context it is connected with; with ``Exten`` and ``Priority``
Originate.Exten: the extension it is connected with; with ``Context`` and ``Priority``
Originate.Priority: the priority it is connected with; with ``Context`` and ``Exten``
Originate.Timeout: how long to wait for the answer, in milliseconds
Originate.Variable: a variable of the new channel, as ``NAME=VALUE``
OtherChannelId: the Uniqueid of the second half of a Local channel
PJSIPHangup.Cause: a SIP response code from 400 to 699, or the name of one
PJSIPHangup.Channel: the channel's name, or a regular expression between slashes
PJSIPNotify.URI: a URI that it goes to
PJSIPNotify.Variable: a header of the NOTIFY, or ``Content``: a line of its body; either this or
    ``Option``
PJSIPNotify.channel: a PJSIP channel, in whose call it goes
PJSIPSetMaintenance.Endpoint: the endpoint's name, or ``all``
PJSIPSetMaintenance.State: whether it is in maintenance from now on
PJSIPShowMaintenance.Endpoint: this endpoint alone
PRIDebugSet.Span: the span's number
PRIShowSpans.Span: the span's number; 0 is all, as is none
Parameters: whether to read the other settings anew
Park.Channel2: the older name of ``TimeoutChannel``
Park.Timeout: for how long, in milliseconds; 0 is for ever; by default as the lot says
ParkingLot: this lot alone
ParkingSpace: the space in the lot
Parkinglot: the lot
Paused: whether it is paused
Penalty: the penalty: those with a low one are called first
PreDialGoSub: a routine of the dialplan to run before the call is made: ``CONTEXT,EXTEN,PRIORITY``
PreserveEffectiveContext: whether a section stays as it is when its template changes
Priority: the priority in the dialplan
Provider: the source of the presence, as ``CustomPresence:lamp1``
Queue: the queue's name
QueueChangePriorityCaller.Priority: the new priority
QueueLog.Interface: which member it is about
QueueLog.Message: more text to write
QueueMemberRingInUse.Queue: the queue; all if it is left out
QueuePause.Queue: the queue; all if it is left out
QueuePenalty.Queue: the queue; all if it is left out
QueueReload.Queue: the queue; all if it is left out
QueueReset.Queue: the queue; all if it is left out
QueueStatus.Queue: the queue; all if it is left out
QueueSummary.Queue: the queue; all if it is left out
RateType: how it is charged; ``Duration`` for ``BasicCommunication`` alone; of AOC-S
Reason: why it is paused
Receive: do as if it had come from the channel, instead of sending it there
Recursive: whether ``refresh`` takes modules along that depend on it
Registration: the registration's name, or ``*all``
Rule: this rule alone
RingInUse: whether it is called while on a call
Rules: whether to read the rules anew
ScreenName: whom to
SessionNumber: the session's id
Setvar.Channel: the channel; without it the variable is global
Getvar.Channel: the channel; without it the variable is global
Soft: whether calls that go on stay
SorceryMemoryCacheStaleObject.Reload: whether to fetch it anew at once
StateInterface: the device whose state counts, if it is another one
Status.Channel: this channel alone
Status.Variables: variables to tell, with commas between them
Time: how long one pays with one ``CurrencyAmount``; needed with the rate ``Duration``
TimeScale: the unit of ``Time``, and needed with it
AbsoluteTimeout.Timeout: after how many seconds the channel is hung up
TimeoutChannel: who is called if nobody fetches the call in time
To: whom to, as a URI, where the technology wants it besides
ToContext: the other mailbox's context
ToFolder: the folder it goes to
ToMailbox: the other mailbox
TotalType: the kind of total; of AOC-D
Uniqueid: which call it is about
UnitAmount(0): how many units, for each entry of the list; needed with the charge ``Unit``
UnitType(0): the type of the unit, for each entry of the list
UpdateConfig.Reload: whether to reload, or which module
UserEvent.Header1: a header of it
UserEvent.HeaderN: as many as you like
UserEvent.UserEvent: what it is called
Username: the account in manager.conf
Usernum: which participant
Val: the value
Value: the value
Variable: a variable, or a function of the dialplan
VoicemailRefresh.Context: mailboxes of this context alone
VoicemailRefresh.Mailbox: this mailbox alone
VolumeUnit: the unit that is counted; needed with the rate ``Volume``
WaitEvent.Timeout: for how many seconds; -1 is for ever
WithdrawInfo: the value of QUEUE_WITHDRAW_INFO in the dialplan
Wrapuptime: seconds of rest between two calls of this member
SrcFilename: the file to read
DstFilename: the file to write
Action-000000: what to do; changes are numbered with six digits
Cat-000000: the section
Var-000000: the variable
Value-000000: its value
Match-000000: only the line with this value
Line-000000: the line's number in the section, for Insert and Delete
Options-000000: options of a new section, with commas between them
""")


def meaning(action: str, parameter: str) -> str:
    """The meaning of a parameter of an action; empty if its name says it."""
    return _WORDS.get(f"{action}.{parameter}") or _WORDS.get(parameter, "")
