"""The headers of events and their values: a recorded Asterisk 22, told of one small world.

In it Alice (101) calls Bob (102): ``PJSIP/101-00000001`` and ``PJSIP/102-00000002``, one call,
``1795459569.1``. The headers and their order are those of tests/data; so are the values that are of
no channel. Registry, which was not recorded, is written as main/stasis_system.c writes it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TEMPLATES", "Headers"]

Headers = tuple[tuple[str, str], ...]

ALICE: Final = ("PJSIP/101-00000001", "101", "Alice", "1795459569.1")
BOB: Final = ("PJSIP/102-00000002", "102", "Bob", "1795459569.2")
CAROL: Final = ("PJSIP/103-00000003", "103", "Carol", "1795459569.3")


def _channel(
    prefix: str = "", who: tuple[str, str, str, str] = ALICE, *, state: str = "6 Up", to: str = ""
) -> Headers:
    name, number, title, uniqueid = who
    other = ALICE if who is not ALICE else BOB
    code, _, description = state.partition(" ")
    values = (
        ("Channel", name),
        ("ChannelState", code),
        ("ChannelStateDesc", description),
        ("CallerIDNum", number),
        ("CallerIDName", title),
        ("ConnectedLineNum", other[1]),
        ("ConnectedLineName", other[2]),
        ("Language", "en"),
        ("AccountCode", ""),
        ("Context", "default"),
        ("Exten", to or other[1]),
        ("Priority", "1"),
        ("Uniqueid", uniqueid),
        ("Linkedid", ALICE[3]),
    )
    return tuple((prefix + key, value) for key, value in values)


def _bridge(
    prefix: str = "", *, members: int = 2, of: str = "basic simple_bridge <unknown> <unknown>"
) -> Headers:
    kind, technology, creator, name = of.split()
    values = (
        ("BridgeUniqueid", "54b24524-87e3-47b1-82fd-15ec4b0e17a6"),
        ("BridgeType", kind),
        ("BridgeTechnology", technology),
        ("BridgeCreator", creator),
        ("BridgeName", name),
        ("BridgeNumChannels", str(members)),
        ("BridgeVideoSourceMode", "none"),
    )
    return tuple((prefix + key, value) for key, value in values)


def _member(
    name: str = "MemberName", interface: str = "Interface", *, ringinuse: bool = True
) -> Headers:
    return (
        ("Queue", "support"),
        (name, "Bob"),
        (interface, "PJSIP/102"),
        ("StateInterface", "PJSIP/102"),
        ("Membership", "dynamic"),
        ("Penalty", "0"),
        ("CallsTaken", "1"),
        ("LastCall", "1795459560"),
        ("LastPause", "0"),
        ("LoginTime", "1795459323"),
        ("InCall", "0"),
        ("Status", "1"),
        ("Paused", "0"),
        ("PausedReason", ""),
        *((("Ringinuse", "1"),) if ringinuse else ()),
        ("Wrapuptime", "0"),
    )


def _conference(members: int) -> Headers:
    return (("Conference", "100"), *_bridge(members=members, of="base softmix ConfBridge 100"))


_PARKED: Final[Headers] = (
    *_channel("Parkee"),
    ("ParkerDialString", "PJSIP/101"),
    ("Parkinglot", "default"),
    ("ParkingSpace", "701"),
    ("ParkingTimeout", "45"),
    ("ParkingDuration", "0"),
)
_AGENT: Final[Headers] = (
    *_channel(to="support"),
    *_channel("Dest", BOB),
    ("Queue", "support"),
    ("Interface", "PJSIP/102"),
    ("MemberName", "Bob"),
)
_CAUSE: Final[Headers] = (("Cause", "16"),)
_RINGING: Final = "5 Ringing"

#: The headers by name of event, behind ``Event`` and, of broadcast ones, ``Privilege``.
TEMPLATES: Final[dict[str, Headers]] = {
    # Channels
    "Newchannel": _channel(state="4 Ring"),
    "Newstate": _channel(),
    "Newexten": (
        *_channel(),
        ("Extension", "102"),
        ("Application", "Dial"),
        ("AppData", "PJSIP/102,20"),
    ),
    "NewCallerid": (
        *_channel(state="4 Ring"),
        ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)"),
    ),
    "NewConnectedLine": _channel(state="4 Ring"),
    "NewAccountCode": (*_channel(), ("OldAccountCode", "")),
    "VarSet": (*_channel(), ("Variable", "DIALSTATUS"), ("Value", "ANSWER")),
    "HangupRequest": (*_channel(), *_CAUSE),
    "SoftHangupRequest": (*_channel(), *_CAUSE),
    "Hangup": (*_channel(), *_CAUSE, ("Cause-txt", "Normal Clearing")),
    "Hold": (*_channel(), ("MusicClass", "default")),
    "Unhold": _channel(),
    "MusicOnHoldStart": (*_channel(), ("Class", "default")),
    "MusicOnHoldStop": _channel(),
    "DTMFBegin": (*_channel(), ("Digit", "1"), ("Direction", "Received")),
    "DTMFEnd": (*_channel(), ("Digit", "1"), ("DurationMs", "100"), ("Direction", "Received")),
    "MixMonitorStart": _channel(),
    "MixMonitorStop": _channel(),
    # Dialling
    "DialBegin": (
        *_channel(state="4 Ring"),
        *_channel("Dest", BOB, state="0 Down"),
        ("DialString", "102"),
    ),
    "DialState": (
        *_channel(state="4 Ring"),
        *_channel("Dest", BOB, state=_RINGING),
        ("DialStatus", "RINGING"),
    ),
    "DialEnd": (*_channel(state="4 Ring"), *_channel("Dest", BOB), ("DialStatus", "ANSWER")),
    "OriginateResponse": (
        ("ActionID", "1"),
        ("Response", "Success"),
        ("Channel", ALICE[0]),
        ("Application", "Dial"),
        ("Data", "PJSIP/102,20"),
        ("Reason", "4"),
        ("Uniqueid", ALICE[3]),
        ("CallerIDNum", "<unknown>"),
        ("CallerIDName", "<unknown>"),
    ),
    "LocalBridge": (
        *_channel(
            "LocalOne",
            ("Local/102@default-00000001;1", "102", "Bob", "1795459569.4"),
            state="0 Down",
        ),
        *_channel(
            "LocalTwo",
            ("Local/102@default-00000001;2", "102", "Bob", "1795459569.5"),
            state="4 Ring",
        ),
        ("Context", "default"),
        ("Exten", "102"),
        ("LocalOptimization", "Yes"),
    ),
    # Bridges, transfers, parking, conferences
    "BridgeCreate": _bridge(members=0),
    "BridgeEnter": (*_bridge(), *_channel()),
    "BridgeLeave": (*_bridge(members=1), *_channel()),
    "BridgeDestroy": _bridge(members=0),
    "BlindTransfer": (
        ("Result", "Success"),
        *_channel("Transferer", BOB),
        *_channel("Transferee"),
        *_bridge(),
        ("IsExternal", "Yes"),
        ("Context", "default"),
        ("Extension", "103"),
    ),
    "AttendedTransfer": (
        ("Result", "Success"),
        *_channel("OrigTransferer", BOB),
        *_bridge("Orig"),
        *_channel(
            "SecondTransferer", ("PJSIP/102-00000004", "102", "Bob", "1795459569.4"), to="103"
        ),
        *_bridge("Second"),
        *_channel("Transferee"),
        *_channel("TransferTarget", CAROL),
        ("IsExternal", "No"),
        ("DestType", "Bridge"),
        ("DestBridgeUniqueid", "54b24524-87e3-47b1-82fd-15ec4b0e17a6"),
    ),
    "ParkedCall": _PARKED,
    "ParkedCallGiveUp": _PARKED,
    "ParkedCallTimeOut": _PARKED,
    "ConfbridgeStart": _conference(1),
    "ConfbridgeJoin": (*_conference(2), *_channel(to="100"), ("Admin", "No"), ("Muted", "No")),
    "ConfbridgeLeave": (*_conference(1), *_channel(to="100"), ("Admin", "No")),
    "ConfbridgeEnd": _conference(1),
    # Queues
    "QueueCallerJoin": (
        *_channel(to="support"),
        ("Queue", "support"),
        ("Position", "1"),
        ("Count", "1"),
    ),
    "QueueCallerLeave": (
        *_channel(to="support"),
        ("Queue", "support"),
        ("Position", "1"),
        ("Count", "0"),
    ),
    "QueueCallerAbandon": (
        *_channel(to="support"),
        ("Queue", "support"),
        ("Position", "1"),
        ("OriginalPosition", "1"),
        ("HoldTime", "12"),
    ),
    "AgentCalled": _AGENT,
    "AgentConnect": (*_AGENT, ("HoldTime", "4"), ("RingTime", "3")),
    "AgentComplete": (*_AGENT, ("HoldTime", "4"), ("TalkTime", "61"), ("Reason", "agent")),
    "AgentRingNoAnswer": (*_AGENT, ("RingTime", "5000")),
    "QueueMemberAdded": _member(),
    "QueueMemberRemoved": _member(),
    "QueueMemberPause": _member(),
    "QueueMemberPenalty": _member(),
    "QueueMemberStatus": _member(),
    # States
    "DeviceStateChange": (("Device", "PJSIP/101"), ("State", "INUSE")),
    "ExtensionStatus": (
        ("Exten", "101"),
        ("Context", "default"),
        ("Hint", "PJSIP/101"),
        ("Status", "1"),
        ("StatusText", "InUse"),
    ),
    "PeerStatus": (("ChannelType", "PJSIP"), ("Peer", "PJSIP/101"), ("PeerStatus", "Reachable")),
    "ContactStatus": (
        ("URI", "sip:101@127.0.0.1:5160"),
        ("ContactStatus", "Reachable"),
        ("AOR", "101"),
        ("EndpointName", "101"),
        ("RoundtripUsec", "841"),
    ),
    "Registry": (
        ("ChannelType", "PJSIP"),
        ("Username", "sip:101@127.0.0.1"),
        ("Domain", "sip:127.0.0.1"),
        ("Status", "Registered"),
    ),
    "MessageWaiting": (("Mailbox", "101@default"), ("Waiting", "1"), ("New", "2"), ("Old", "0")),
    "PresenceStateChange": (
        ("Presentity", "CustomPresence:101"),
        ("Status", "away"),
        ("Subtype", "lunch"),
        ("Message", "back at two"),
    ),
    # The record of a call
    "Cdr": (
        ("AccountCode", ""),
        ("Source", "101"),
        ("Destination", "102"),
        ("DestinationContext", "default"),
        ("CallerID", '"Alice" <101>'),
        ("Channel", ALICE[0]),
        ("DestinationChannel", BOB[0]),
        ("LastApplication", "Dial"),
        ("LastData", "PJSIP/102,20"),
        ("StartTime", "2026-11-23 18:46:09"),
        ("AnswerTime", "2026-11-23 18:46:12"),
        ("EndTime", "2026-11-23 18:47:13"),
        ("Duration", "64"),
        ("BillableSeconds", "61"),
        ("Disposition", "ANSWERED"),
        ("AMAFlags", "DOCUMENTATION"),
        ("UniqueID", ALICE[3]),
        ("UserField", ""),
    ),
    "CEL": (
        ("EventName", "HANGUP"),
        ("AccountCode", ""),
        ("CallerIDnum", "101"),
        ("CallerIDname", "Alice"),
        ("CallerIDani", "101"),
        ("CallerIDrdnis", ""),
        ("CallerIDdnid", "102"),
        ("Exten", "102"),
        ("Context", "default"),
        ("Channel", ALICE[0]),
        ("Application", "Dial"),
        ("AppData", "PJSIP/102,20"),
        ("EventTime", "2026-11-23 18:47:13"),
        ("AMAFlags", "DOCUMENTATION"),
        ("UniqueID", ALICE[3]),
        ("LinkedID", ALICE[3]),
        ("Userfield", ""),
        ("Peer", ""),
        ("PeerAccount", ""),
        ("Extra", ""),
    ),
    # The server
    "FullyBooted": (("Uptime", "246"), ("LastReload", "65"), ("Status", "Fully Booted")),
    "Shutdown": (("Shutdown", "Cleanly"), ("Restart", "False")),
    "Reload": (("Module", "All"), ("Status", "0")),
    "UserEvent": (("UserEvent", "Something"),),
    # Items of lists
    "CoreShowChannel": (
        *_channel(),
        ("Application", "Dial"),
        ("ApplicationData", "PJSIP/102,20"),
        ("Duration", "00:01:01"),
        ("BridgeId", "54b24524-87e3-47b1-82fd-15ec4b0e17a6"),
    ),
    "Status": (
        *_channel(),
        ("Type", "PJSIP"),
        ("DNID", "102"),
        ("EffectiveConnectedLineNum", "102"),
        ("EffectiveConnectedLineName", "Bob"),
        ("TimeToHangup", "0"),
        ("BridgeID", "54b24524-87e3-47b1-82fd-15ec4b0e17a6"),
        ("Application", "Dial"),
        ("Data", "PJSIP/102,20"),
        ("Nativeformats", "(ulaw)"),
        ("Readformat", "ulaw"),
        ("Readtrans", ""),
        ("Writeformat", "ulaw"),
        ("Writetrans", ""),
        ("Callgroup", "0"),
        ("Pickupgroup", "0"),
        ("Seconds", "61"),
    ),
    "BridgeListItem": _bridge(),
    "QueueParams": (
        ("Queue", "support"),
        ("Max", "0"),
        ("Strategy", "ringall"),
        ("Calls", "1"),
        ("Holdtime", "4"),
        ("TalkTime", "61"),
        ("Completed", "1"),
        ("Abandoned", "0"),
        ("ServiceLevel", "30"),
        ("ServicelevelPerf", "100.0"),
        ("ServicelevelPerf2", "100.0"),
        ("Weight", "0"),
    ),
    "QueueMember": _member("Name", "Location", ringinuse=False),
    "QueueEntry": (
        ("Queue", "support"),
        ("Position", "1"),
        ("Channel", ALICE[0]),
        ("Uniqueid", ALICE[3]),
        ("CallerIDNum", "101"),
        ("CallerIDName", "Alice"),
        ("ConnectedLineNum", "unknown"),
        ("ConnectedLineName", "unknown"),
        ("Wait", "2"),
        ("Priority", "0"),
    ),
    "QueueSummary": (
        ("Queue", "support"),
        ("LoggedIn", "2"),
        ("Available", "1"),
        ("Callers", "1"),
        ("HoldTime", "4"),
        ("TalkTime", "61"),
        ("LongestHoldTime", "2"),
    ),
    "EndpointList": (
        ("ObjectType", "endpoint"),
        ("ObjectName", "101"),
        ("Transport", "transport-udp"),
        ("Aor", "101"),
        ("Auths", "101"),
        ("OutboundAuths", ""),
        ("Contacts", "101/sip:101@127.0.0.1:5160,"),
        ("DeviceState", "Not in use"),
        ("ActiveChannels", "0"),
    ),
    "DBGetResponse": (
        ("Family", "pbx"),
        ("Key", "UUID"),
        ("Val", "b9c2b9e0-5f1c-4d3c-8c3d-1c7a0b8d2f11"),
    ),
}
