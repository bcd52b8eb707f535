"""What is told of a call that a rule scripts: the events that Asterisk 22 sends of it, without the call."""

from dataclasses import dataclass

from django_ami.testing.simulator.channels import CAUSES, STATES, Pairs
from django_ami.testing.simulator.frames import render
from django_ami.testing.simulator.requests import ReceivedAction

_RINGING = 5


@dataclass(frozen=True, slots=True)
class _Told:
    """How a call ends. ``reason`` is that of a Local channel: of a refusal by a telephone it is 0."""

    status: str
    reason: int
    cause: int
    sip_code: str


#: By what a rule is asked for. The Reasons are those of pbx_dial_reason (main/pbx.c).
_RESULTS = {
    "answered": _Told("ANSWER", 4, 16, ""),
    "busy": _Told("BUSY", 5, 17, "486"),
    "rejected": _Told("NOANSWER", 0, 21, "603"),
    "no answer": _Told("", 3, 19, "480"),
    "unavailable": _Told("NOANSWER", 0, 19, "480"),
    "not found": _Told("NOANSWER", 0, 1, "404"),
    "cancelled": _Told("NOANSWER", 0, 0, ""),
    "congestion": _Told("CONGESTION", 8, 34, "503"),
    "failed": _Told("NOANSWER", 0, 38, "500"),
}
RESULTS = tuple(_RESULTS)
"""What can become of a scripted call."""


def tell_outcome(action: ReceivedAction, result: str = "answered") -> bytes:
    """DialEnd, OriginateResponse and, of a call that failed, Hangup, as an Originate brings them about."""
    told = _RESULTS[result]
    dialed, answered = action.get("Channel"), result == "answered"
    uniqueid = action.get("ChannelId") or "1795459569.1"
    local = dialed.lower().startswith("local/")
    name = f"{dialed.split('/n')[0] if local else dialed}-00000001{';1' if local else ''}"
    events = [_response(action, told, name if answered else dialed, answered=answered, local=local)]
    if told.status:
        state = 6 if answered else _RINGING
        events.insert(0, [*_event("DialEnd"), *_channel(name, uniqueid, state, "Dest"), ("DialStatus", told.status)])
    if not answered:
        # A Local channel is told that the other half is busy or congested; that one has the cause.
        own_cause = 0 if local and told.reason in {5, 8} else told.cause
        events.append(_hangup(name, uniqueid, own_cause, "" if local else told.sip_code))
        if local:
            other_id = action.get("OtherChannelId") or f"{uniqueid};2"
            events.append(_hangup(f"{name[:-1]}2", other_id, told.cause, ""))
    return b"".join(map(render, events))


def _response(action: ReceivedAction, told: _Told, channel: str, *, answered: bool, local: bool) -> Pairs:
    """OriginateResponse (fast_originate in main/manager.c)."""
    where = [(key, action.get(key)) for key in ("Context", "Exten", "Application", "Data") if action.get(key)]
    return [
        *_event("OriginateResponse"),
        *([("ActionID", action.action_id)] if action.action_id else []),
        ("Response", "Success" if answered else "Failure"),
        ("Channel", channel),
        *where,
        ("Reason", str(told.reason if local or told.reason in {3, 4} else 0)),
        ("Uniqueid", action.get("ChannelId") or ("1795459569.1" if answered else "<unknown>")),
        ("CallerIDNum", "<unknown>"),
        ("CallerIDName", "<unknown>"),
    ]


def _hangup(name: str, uniqueid: str, cause: int, sip_code: str) -> Pairs:
    tech = [("TechCause", sip_code)] if sip_code else []
    causes = [("Cause", str(cause)), ("Cause-txt", CAUSES.get(cause, "Unknown")), *tech]
    return [*_event("Hangup"), *_channel(name, uniqueid, _RINGING), *causes]


def _event(name: str) -> Pairs:
    return [("Event", name), ("Privilege", "call,all")]


def _channel(name: str, uniqueid: str, state: int, prefix: str = "") -> Pairs:
    return [
        (f"{prefix}Channel", name),
        (f"{prefix}ChannelState", str(state)),
        (f"{prefix}ChannelStateDesc", STATES[state]),
        (f"{prefix}Uniqueid", uniqueid),
        (f"{prefix}Linkedid", uniqueid.removesuffix(";2")),
    ]
