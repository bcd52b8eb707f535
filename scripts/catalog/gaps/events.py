"""Events that are not described, and corrections of others."""

from __future__ import annotations

from django_ami.core.catalog.headers import bridge, channel, plain
from django_ami.core.catalog.info import EventInfo, Parameter

__all__ = ["EVENTS", "PARAMETERS", "PRIVILEGES", "SPELLED", "UNREAL", "events"]

#: Described in this spelling, which is not the wire's: there it is Newexten.
UNREAL = {"NewExten"}


def events(
    names: str,
    synopsis: str,
    module: str,
    *parameters: str | tuple[Parameter, ...],
    privileges: str = "",
) -> dict[str, EventInfo]:
    """The events of these names, which differ in nothing else.

    A text in ``parameters`` is names of parameters.
    """
    headers = tuple(
        header
        for some in parameters
        for header in (map(Parameter, some.split()) if isinstance(some, str) else some)
    )
    return {
        name: EventInfo(
            name, synopsis, module, privileges=tuple(privileges.split()), parameters=headers
        )
        for name in names.split()
    }


_VOICEMAIL_USER = """
    VMContext VoiceMailbox Fullname Email Pager ServerEmail FromString MailCommand Language TimeZone
    Callback Dialout UniqueID ExitContext SayDurationMinimum SayEnvelope SayCID AttachMessage
    AttachmentFormat DeleteMessage VolumeGain CanReview CanMarkUrgent CallOperator MaxMessageCount
    MaxMessageLength NewMessageCount OldMessageCount
"""

#: Advice of charge is nested JSON (charge_to_json and its like in main/aoc.c).
#: manager_json_to_ast_str (main/manager.c) joins the keys with "/" and writes the place in an array
#: in brackets. The documentation has the bare keys. AOC-S is an array without a key: C prints
#: "(null)" in its place.
_MULTIPLIER = ("1/1000", "1/100", "1/10", "1", "10", "100", "1000")
_BILLING_ID = """
    Normal Reverse CreditCard CallForwardingUnconditional CallForwardingBusy CallForwardingNoReply
    CallDeflection CallTransfer NotAvailable
"""


def _currency(above: str) -> tuple[Parameter, ...]:
    """An amount of money."""
    amount = f"{above}/Currency"
    return (
        *plain(f"{amount}/Name", f"{amount}/Cost"),
        Parameter(f"{amount}/Multiplier", choices=_MULTIPLIER),
    )


_CHARGE = (
    Parameter("Charge/Type", choices=("NotAvailable", "Free", "Currency", "Units")),
    Parameter("Charge/BillingID", choices=tuple(_BILLING_ID.split())),
    Parameter("Charge/TotalType", choices=("SubTotal", "Total")),
    *_currency("Charge"),
    *plain("Charge/Units(0)/NumberOf", "Charge/Units(0)/TypeOf"),
)
_RATE = "(null)(0)"
_DURATION = f"{_RATE}/Duration"

#: Events that are not described at all, and those that are described wrongly.
EVENTS = {
    **events("AOC-D", "", "core", channel(), _CHARGE, privileges="aoc"),
    **events(
        "AOC-E",
        "",
        "core",
        channel(),
        # Empty if there is no association, else what is below it.
        plain(
            "ChargingAssociation",
            *(f"ChargingAssociation/{key}" for key in ("Number", "Plan", "ID")),
        ),
        _CHARGE,
        privileges="aoc",
    ),
    **events(
        "AOC-S",
        "",
        "core",
        channel(),
        plain(f"{_RATE}/Chargeable"),
        _currency(_DURATION),
        (Parameter(f"{_DURATION}/ChargingType", choices=("StepFunction", "ContinuousCharging")),),
        plain(f"{_DURATION}/Time/Length", f"{_DURATION}/Time/Scale"),
        # Empty if there is none, else what is below it.
        plain(
            f"{_DURATION}/Granularity",
            f"{_DURATION}/Granularity/Length",
            f"{_DURATION}/Granularity/Scale",
        ),
        _currency(f"{_RATE}/Flat"),
        (Parameter(f"{_RATE}/Volume/Unit", choices=("Octet", "Segment", "Message")),),
        _currency(f"{_RATE}/Volume"),
        plain(f"{_RATE}/SpecialCode/SpecialCode"),
        privileges="aoc",
    ),
    # --- broadcast ---
    **events(
        "Newexten",
        "A channel is at another step of the dialplan.",
        "core",
        channel(),
        "Extension Application AppData",
        privileges="dialplan",
    ),
    **events(
        "Rename",
        "A channel has another name.",
        "core",
        "Channel Newname Uniqueid",  # ast_change_name in main/channel.c
        privileges="call",
    ),
    **events(
        "LogChannel",
        "A log was switched off, or on again by a reload.",
        "core",
        "Channel Enabled Reason",  # main/logger.c; Reason only when it is disabled
        privileges="system",
    ),
    **events(
        "AsyncAGIExec",
        "A command of AsyncAGI is done.",
        "res_agi",
        channel(),
        "CommandId Result",  # agi_exec_end in res/res_agi.c; the documentation spells it CommandID
        privileges="agi",
    ),
    **events(
        "TestEvent",
        "Raised by the tests that are built into Asterisk (TEST_FRAMEWORK); more headers by type.",
        "core",
        "Type State AppFile AppFunction AppLine",  # main/test.c
        privileges="reporting",
    ),
    **events(
        "JabberStatus",
        "Raised when the presence of an XMPP buddy changes.",
        "res_xmpp",
        "Account JID Resource Status Priority Description",
        privileges="user",
    ),
    **events(
        "MobileStatus",
        "Raised when a mobile phone is connected or disconnected over Bluetooth.",
        "chan_mobile",
        "Status Device",
        privileges="system",
    ),
    # Call completion: cc_*_to_ami in main/stasis_system.c.
    **events(
        "CCAvailable",
        "Raised when call completion can be requested.",
        "core",
        "CoreID Callee Service",
        privileges="cc",
    ),
    **events(
        "CCOfferTimerStart",
        "Raised when the time begins in which call completion can be requested.",
        "core",
        "CoreID Caller Expires",
        privileges="cc",
    ),
    **events(
        "CCRequested",
        "Raised when call completion is requested.",
        "core",
        "CoreID Caller Callee",
        privileges="cc",
    ),
    **events(
        "CCRequestAcknowledged",
        "Raised when the request for call completion is accepted.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **events(
        "CCCallerStartMonitoring",
        "Raised when it is watched for the caller to be free.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **events(
        "CCCallerStopMonitoring",
        "Raised when it is watched for the caller to be free no more.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **events(
        "CCCallerRecalling",
        "Raised when the caller is being called back.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **events(
        "CCRecallComplete",
        "Raised when the call back was made.",
        "core",
        "CoreID Caller",
        privileges="cc",
    ),
    **events(
        "CCFailure",
        "Raised when call completion has failed.",
        "core",
        "CoreID Caller Reason",
        privileges="cc",
    ),
    **events(
        "CCMonitorFailed",
        "Raised when the callee can be watched no more.",
        "core",
        "CoreID Callee",
        privileges="cc",
    ),
    # --- items of lists ---
    **events("BridgeListItem", "A bridge.", "core", bridge()),
    **events(
        "BridgeTechnologyListItem",
        "A technology of bridging.",
        "core",
        "BridgeTechnology BridgeType BridgePriority BridgeSuspended",
    ),
    **events("ChannelHungup", "A channel that was asked to hang up.", "core", "Channel"),
    **events(
        "CoreShowChannelMap",
        "A channel and one that it is connected with.",
        "core",
        "Channel ConnectedChannel",
    ),
    **events(
        "DAHDIShowChannels",
        "A DAHDI channel.",
        "chan_dahdi",
        (
            "DAHDIChannel Channel Uniqueid AccountCode Signalling SignallingCode Context DND "
            "Alarm Description"
        ),
    ),
    **events(
        "DAHDIShowStatus",
        "A DAHDI span.",
        "chan_dahdi",
        "Span Description Alarms IRQ bpviol CRC Framing Coding Options LBO",
    ),
    **events("DBGetResponse", "An entry of the database.", "core", "Family Key Val"),
    **events("DBGetTreeResponse", "An entry of the database.", "core", "Key Val"),
    **events(
        "ListDialplan",
        "A priority, an include, a switch or an ignored pattern of a context.",
        "core",
        (
            "Context IncludeContext Switch IgnorePattern Extension ExtensionLabel Priority "
            "Application AppData Registrar"
        ),
    ),
    **events("PRIShowSpans", "A PRI span.", "chan_dahdi", "Span DChannel Order Active Alarm Up"),
    **events(
        "Parkinglot",
        "A parking lot; ``Timeout`` in seconds.",
        "res_parking",
        "Name StartSpace StopSpace Timeout",
    ),
    **events(
        "PeerEntry",
        "A peer; IAXpeerlist, IAXpeers and SIPpeers tell different things of it.",
        "chan_iax2",
        """
        Channeltype ObjectName ObjectUsername ChanObjectType IPaddress IPport Mask Port Dynamic
        Trunk Encryption Status Description
        """,
    ),
    **events(
        "QueueMember",
        "A member of a queue.",
        "app_queue",
        """
        Queue Name Location StateInterface Membership Penalty CallsTaken LastCall LastPause
        LoginTime InCall Status Paused PausedReason Wrapuptime
        """,
    ),
    **events(
        "QueueParams",
        "A queue: its settings and figures.",
        "app_queue",
        """
        Queue Max Strategy Calls Holdtime TalkTime Completed Abandoned ServiceLevel ServicelevelPerf
        ServicelevelPerf2 Weight
        """,
    ),
    **events(
        "QueueSummary",
        "The figures of a queue; times in seconds.",
        "app_queue",
        "Queue LoggedIn Available Callers HoldTime TalkTime LongestHoldTime",
    ),
    **events(
        "RegistryEntry",
        (
            "A registration of ours elsewhere; IAXregistry and SIPshowregistry tell different "
            "things of it."
        ),
        "chan_iax2",
        "Host DNSmanager Username Perceived Refresh State",
    ),
    **events(
        "VoicemailBoxDetail",
        "A message in a mailbox.",
        "app_voicemail",
        "Folder CallerID Date Duration Flag ID",
    ),
    **events(
        "VoicemailUserDetail VoicemailUserEntry",
        "A user of voicemail.",
        "app_voicemail",
        _VOICEMAIL_USER,
    ),
}

#: Parameters of events that the documentation has forgotten; they go to the end.
PARAMETERS = {
    # attended_transfer_to_ami in main/stasis_bridges.c
    "AttendedTransfer": (Parameter("IsExternal", choices=("Yes", "No")),),
    "CEL": plain("Channel", "TenantID", "UserDefType"),  # manager_log in cel/cel_manager.c
    "ConfbridgeList": (Parameter("EndMarkedAny"),),
    "EndpointDetail": (Parameter("FollowRedirectMethods"),),
    # channel_hangup_request_cb in main/manager_channels.c, since 20.17, 22.7 and 23.1
    "HangupRequest": (Parameter("TechCause"),),
    "SoftHangupRequest": (Parameter("TechCause"),),
    # rtcp_report_to_ami in main/rtp_engine.c
    "RTCPReceived": plain("To", "MES"),
    "RTCPSent": plain("From", "RTT", "MES"),
    "Status": (Parameter("Variable", repeatable=True),),
    "TransportDetail": (Parameter("ExternalSignalingHostname"),),
}

#: How names of parameters are spelt on the wire, where the documentation spells them otherwise.
#: Numbered ones have the number of the first one.
SPELLED = {
    ("CEL", "UserField"): "Userfield",
    ("TransportDetail", "AsycOperations"): "AsyncOperations",
    **{
        (event, f"ReportX{figure}"): f"Report0{figure}"
        for event in ("RTCPReceived", "RTCPSent")
        for figure in (
            *(
                "SourceSSRC",
                "FractionLost",
                "CumulativeLost",
                "HighestSequence",
                "SequenceNumberCycles",
                "IAJitter",
            ),
            *("LSR", "DLSR"),
        )
    },
}

#: Classes of events that the documentation has wrong (talking_start in main/manager_channels.c, and
#: the password change of apps/app_voicemail.c).
PRIVILEGES = {
    "ChannelTalkingStart": ("call",),
    "ChannelTalkingStop": ("call",),
    "VoicemailPasswordChange": ("system", "user"),
}
