"""The events of the benchmarks.

A busy call centre, 500 calls at a time, as Asterisk 22 would tell of it.

The kinds, their headers, and the order of the headers are those of a recorded call through a queue
(AgentCalled and its like carry two channels, so they have 33 headers and more; Newchannel has 16).
A call is 40 events of 13 kinds, two of which are a Hangup: that is 5 %. The mean event has about
540 bytes and 23 headers: ``test_events.py`` holds it to that.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random

CALLS = 500
#: The events of a call, in order: the kind, and whose channel it is of ("caller", "agent"; two for
#: both).
_CALL = (
    ("Newchannel", "caller"), ("VarSet", "caller"), ("Newexten", "caller"), ("Newstate", "caller"),
    ("Newexten", "caller"), ("VarSet", "caller"), ("QueueCallerJoin", "caller"),
    ("VarSet", "caller"),
    ("Newchannel", "agent"), ("VarSet", "agent"), ("AgentCalled", "both"), ("DialBegin", "both"),
    ("Newstate", "agent"), ("DialEnd", "both"), ("AgentCalled", "both"), ("DialBegin", "both"),
    ("DialEnd", "both"),
    ("AgentCalled", "both"), ("DialBegin", "both"), ("Newstate", "agent"), ("DialEnd", "both"),
    ("AgentCalled", "both"), ("DialBegin", "both"), ("DialEnd", "both"), ("AgentConnect", "both"),
    ("BridgeEnter", "agent"), ("BridgeEnter", "caller"), ("VarSet", "caller"), ("VarSet", "agent"),
    ("VarSet", "caller"), ("Newexten", "agent"), ("BridgeLeave", "agent"),
    ("BridgeLeave", "caller"),
    ("AgentComplete", "both"), ("VarSet", "caller"), ("VarSet", "agent"), ("Newexten", "caller"),
    ("Newexten", "caller"), ("Hangup", "agent"), ("Hangup", "caller"),
)  # fmt: skip
KINDS = frozenset(kind for kind, _ in _CALL)
EVENTS_PER_CALL = len(_CALL)
#: Events of a whole block.
BLOCK = CALLS * EVENTS_PER_CALL

_CLASSES = {"Newexten": "dialplan", "VarSet": "dialplan", "QueueCallerJoin": "agent"}
_QUALITY = (
    "ssrc=1862418433;themssrc=1140571126;lp=0;rxjitter=0.000125;rxcount=5512;txjitter=0.000000;txcount=5498;rlp=0;"
    "rtt=0.021408"
)
_VARIABLES = (
    ("QUEUENAME", "support"), ("MEMBERINTERFACE", "PJSIP/agent-{agent}"),
    ("DIALEDPEERNUMBER", "agent-{agent}"),
    ("BRIDGEPEER", "{channel}"), ("RTPAUDIOQOS", _QUALITY), ("ANSWEREDTIME", "187"),
    ("CDR(userfield)", ""),
    ("SIPCALLID", "{serial:08x}-7c1d-4ab0-9f6e-0242ac110002@10.20.0.14"), ("DIALSTATUS", "ANSWER"),
)  # fmt: skip
_STEPS = (
    ("Answer", ""),
    ("Set", "CHANNEL(language)=en"),
    ("Queue", "support,tT,,,120"),
    ("AppDial", "(Outgoing Line)"),
    ("GotoIf", '"0?busy,1"'),
    ("MixMonitor", "/var/spool/asterisk/monitor/{serial:08x}.wav,b"),
)


@dataclass(frozen=True)
class Block:
    """Pregenerated events: the bytes, where each of them ends, and the places of the Hangups."""

    data: bytes
    ends: list[int]
    hangups: list[int]

    def prefix(self, count: int) -> int:
        """The bytes of the first ``count`` events of the block."""
        return self.ends[count - 1] if count else 0

    def size(self, count: int) -> int:
        """The bytes of so many events, the block repeated as often as it takes."""
        whole, rest = divmod(count, len(self.ends))
        return whole * len(self.data) + self.prefix(rest)

    def count_hangups(self, count: int) -> int:
        """The Hangups among so many events."""
        whole, rest = divmod(count, len(self.ends))
        return whole * len(self.hangups) + bisect_left(self.hangups, rest)

    def take(self, count: int) -> bytes:
        """``count`` events, in one piece."""
        whole, rest = divmod(count, len(self.ends))
        return self.data * whole + self.data[: self.prefix(rest)]


@cache
def block(seed: int = 7) -> Block:
    """All calls are under way all the time.

    One that ends with the block goes on where the block is sent again.
    """
    random = Random(seed)
    moments = []
    for call in range(CALLS):
        pauses = [random.expovariate(1.0) for _ in _CALL]
        when, whole = random.random(), sum(pauses)
        for step, ((kind, whose), pause) in enumerate(zip(_CALL, pauses, strict=True)):
            moments.append((when % 1.0, call, step, kind, whose))
            when += pause / whole
    moments.sort()
    events = [_render(random, call, step, kind, whose) for _, call, step, kind, whose in moments]
    hangups = [number for number, moment in enumerate(moments) if moment[3] == "Hangup"]
    return Block(b"".join(events), list(accumulate(map(len, events))), hangups)


@cache
def shaped(names: int, headers: int, events: int = 2_000) -> Block:
    """Events of so many names, with so many headers each, all in turn."""
    made = []
    for number in range(events):
        serial = number % CALLS
        lines = [("Event", f"Shape{number % names}"), *_channel(serial, "caller")]
        more = range(headers - len(lines))
        lines += [(f"Header{place:02d}", f"a value of {serial:06d}") for place in more]
        made.append("".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n")
    return Block(b"".join(made), list(accumulate(map(len, made))), [])


def _render(random: Random, call: int, step: int, kind: str, whose: str) -> bytes:
    caller, agent = _channel(call, "caller"), _channel(call, "agent")
    main = agent if whose == "agent" else caller
    lines = [
        ("Event", kind),
        ("Privilege", f"{_CLASSES.get(kind, 'agent' if 'Agent' in kind else 'call')},all"),
    ]
    if kind.startswith("Bridge"):
        lines += _bridge(call, step)
    lines += main
    if whose == "both":
        lines += [(f"Dest{key}", value) for key, value in agent]
    lines += _own(random, call, kind, main)
    return (
        "".join(f"{key}: {value}\r\n" for key, value in [*lines, ("", "")][:-1]).encode() + b"\r\n"
    )


def _channel(call: int, whose: str) -> list[tuple[str, str]]:
    """The snapshot of a channel that is in every event (ast_manager_build_channel_state_string)."""
    serial, agent = 2 * call + (whose == "agent"), 100 + call % 80
    number, name = f"+4930{5550000 + 7 * call}", f"Customer {call:04d}"
    context, exten = ("from-trunk", "800100200") if whose == "caller" else ("agents", f"{agent}")
    peer = f"trunk-{call % 4}" if whose == "caller" else f"agent-{agent}"
    return [
        ("Channel", f"PJSIP/{peer}-{serial:08x}"),
        ("ChannelState", "6"),
        ("ChannelStateDesc", "Up"),
        ("CallerIDNum", number if whose == "caller" else f"{agent}"),
        ("CallerIDName", name if whose == "caller" else f"Agent {agent}"),
        ("ConnectedLineNum", f"{agent}" if whose == "caller" else number),
        ("ConnectedLineName", f"Agent {agent}" if whose == "caller" else name),
        ("Language", "en"),
        ("AccountCode", ""),
        ("Context", context),
        ("Exten", exten),
        ("Priority", "4"),
        ("Uniqueid", f"1795459{call:03d}.{serial}"),
        ("Linkedid", f"1795459{call:03d}.{2 * call}"),
    ]


def _bridge(call: int, step: int) -> list[tuple[str, str]]:
    return [
        ("BridgeUniqueid", f"8b53b5fb-2d9f-455b-b523-{call:012x}"),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeCreator", "<unknown>"),
        ("BridgeName", "<unknown>"),
        ("BridgeNumChannels", str(1 + step % 2)),
        ("BridgeVideoSourceMode", "none"),
    ]


def _own(
    random: Random, call: int, kind: str, main: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The headers that only this kind has."""
    values = {"agent": 100 + call % 80, "serial": call, "channel": main[0][1]}
    member = [
        ("Queue", "support"),
        ("Interface", f"PJSIP/agent-{values['agent']}"),
        ("MemberName", f"Agent {values['agent']}"),
    ]
    match kind:
        case "VarSet":
            variable, value = random.choice(_VARIABLES)
            return [("Variable", variable), ("Value", value.format(**values))]
        case "Newexten":
            application, data = random.choice(_STEPS)
            return [
                ("Extension", main[10][1]),
                ("Application", application),
                ("AppData", data.format(**values)),
            ]
        case "QueueCallerJoin":
            return [
                ("Queue", "support"),
                ("Position", str(1 + call % 5)),
                ("Count", str(1 + call % 9)),
            ]
        case "DialBegin":
            return [
                (
                    "DialString",
                    (
                        f"agent-{values['agent']}/sip:agent-{values['agent']}"
                        f"@10.20.3.{call % 250}:5060"
                    ),
                )
            ]
        case "DialEnd":
            return [("DialStatus", random.choice(("ANSWER", "NOANSWER", "BUSY")))]
        case "AgentCalled":
            return member
        case "AgentConnect":
            return [*member, ("HoldTime", str(call % 60)), ("RingTime", str(call % 20))]
        case "AgentComplete":
            return [
                *member,
                ("HoldTime", str(call % 60)),
                ("TalkTime", str(30 + call)),
                ("Reason", "caller"),
            ]
        case "Hangup":
            return [("Cause", "16"), ("Cause-txt", "Normal Clearing")]
    return []
