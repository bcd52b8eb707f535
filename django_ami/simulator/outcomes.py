"""The events of a call that a rule scripts, as Asterisk 22 sends them, without the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_ami.simulator.channels import CAUSES, STATES, Pairs
from django_ami.simulator.frames import render
from django_ami.simulator.requests import echo_of

if TYPE_CHECKING:
    from django_ami.simulator.requests import ReceivedAction

__all__ = ["RESULTS", "tell_outcome"]

_DOWN, _RINGING, _UP = 0, 5, 6


@dataclass(frozen=True, slots=True)
class _Told:
    """How a call ends.

    ``reason`` is that of a Local channel: of a refusal by a telephone it is 0.
    """

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


def tell_outcome(
    action: ReceivedAction, result: str = "answered", second: str = "answered"
) -> bytes:
    """DialEnd and OriginateResponse, as an Originate brings them about, and the end of the call.

    The end is the Hangup of a call that failed; or else the ``second`` party, until it is over.
    """
    told = _RESULTS[result]
    dialed, answered = action.get("Channel"), result == "answered"
    uniqueid = action.get("ChannelId") or "1795459569.1"
    local = dialed.lower().startswith("local/")
    name = f"{dialed.split('/n')[0] if local else dialed}-00000001{';1' if local else ''}"
    events = [_response(action, told, name if answered else dialed, answered=answered, local=local)]
    if told.status:
        state = 6 if answered else _RINGING
        events.insert(
            0,
            [
                *_event("DialEnd"),
                *_channel(name, uniqueid, state, "Dest"),
                ("DialStatus", told.status),
            ],
        )
    if not answered:
        # A Local channel is told that the other half is busy or congested; that one has the cause.
        own_cause = 0 if local and told.reason in {5, 8} else told.cause
        events.append(_hangup(name, uniqueid, own_cause, "" if local else told.sip_code))
        if local:
            other_id = action.get("OtherChannelId") or f"{uniqueid};2"
            events.append(_hangup(f"{name[:-1]}2", other_id, told.cause, ""))
    else:
        events += _second(action, _RESULTS[second], name, uniqueid, talks=second == "answered")
    return b"".join(map(render, events))


def _second(
    action: ReceivedAction, told: _Told, name: str, uniqueid: str, *, talks: bool
) -> list[Pairs]:
    """The first party has picked up: an application takes it, or a second party is dialled."""
    up = [*_event("Newstate"), *_channel(name, uniqueid, _UP)]
    over = _hangup(name, uniqueid, 16, "", _UP)
    if action.get("Application"):
        return [up, over]
    number = action.get("Exten")
    other, other_id = f"PJSIP/{number}-00000002", f"{uniqueid}-2"

    def second(state: int, prefix: str = "") -> Pairs:
        return _channel(other, other_id, state, prefix, linkedid=uniqueid)

    rings = told.status != "NOANSWER" or told.cause == 0  # else it was refused before it rang
    ended = [*_channel(name, uniqueid, _UP), *second(_RINGING if rings else _DOWN, "Dest")]
    events = [
        up,
        [*_event("Newchannel"), *second(_DOWN)],
        [*_event("DialBegin"), *_channel(name, uniqueid, _UP), *second(_DOWN, "Dest")],
    ]
    if rings:
        events.append([*_event("Newstate"), *second(_RINGING)])
    # Of a call that was cancelled, the caller's end says so here; an Originate has no caller.
    status = "CANCEL" if told.cause == 0 else told.status or "NOANSWER"
    events.append([*_event("DialEnd"), *ended, ("DialStatus", status)])
    if talks:
        places = [second(_UP), _channel(name, uniqueid, _UP)]
        for what, numbers in (("BridgeEnter", (1, 2)), ("BridgeLeave", (1, 0))):
            events += [
                [*_event(what), *_bridge(number), *place]
                for number, place in zip(numbers, places, strict=True)
            ]
    cause = told.cause if told.status else 0
    state = _UP if talks else _RINGING if rings else _DOWN
    sip_code = told.sip_code if told.status else ""
    end = _hangup(other, other_id, cause, sip_code, state, linkedid=uniqueid)
    return [*events, end, over]


def _bridge(number: int) -> Pairs:
    return [
        ("BridgeUniqueid", "00000000-0000-4000-8000-000000000001"),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeNumChannels", str(number)),
    ]


def _response(
    action: ReceivedAction, told: _Told, channel: str, *, answered: bool, local: bool
) -> Pairs:
    """OriginateResponse (fast_originate in main/manager.c)."""
    where = [
        (key, action.get(key))
        for key in ("Context", "Exten", "Application", "Data")
        if action.get(key)
    ]
    return [
        *_event("OriginateResponse"),
        *echo_of(action),
        ("Response", "Success" if answered else "Failure"),
        ("Channel", channel),
        *where,
        ("Reason", str(told.reason if local or told.reason in {3, 4} else 0)),
        ("Uniqueid", action.get("ChannelId") or ("1795459569.1" if answered else "<unknown>")),
        ("CallerIDNum", "<unknown>"),
        ("CallerIDName", "<unknown>"),
    ]


def _hangup(
    name: str,
    uniqueid: str,
    cause: int,
    sip_code: str,
    state: int = _RINGING,
    *,
    linkedid: str = "",
) -> Pairs:
    tech = [("TechCause", sip_code)] if sip_code else []
    causes = [("Cause", str(cause)), ("Cause-txt", CAUSES.get(cause, "Unknown")), *tech]
    return [*_event("Hangup"), *_channel(name, uniqueid, state, linkedid=linkedid), *causes]


def _event(name: str) -> Pairs:
    return [("Event", name), ("Privilege", "call,all")]


def _channel(
    name: str, uniqueid: str, state: int, prefix: str = "", *, linkedid: str = ""
) -> Pairs:
    return [
        (f"{prefix}Channel", name),
        (f"{prefix}ChannelState", str(state)),
        (f"{prefix}ChannelStateDesc", STATES[state]),
        (f"{prefix}Uniqueid", uniqueid),
        (f"{prefix}Linkedid", linkedid or uniqueid.removesuffix(";2")),
    ]
