"""Channels and bridges, and the headers that events show of them.

The headers are those of ast_manager_build_channel_state_string().
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django_ami.simulator.frames import escape_c

if TYPE_CHECKING:
    from django_ami.simulator.cdr import Record

__all__ = [
    "BUSY",
    "CAUSES",
    "RING",
    "RINGING",
    "STATES",
    "UP",
    "Bridge",
    "Channel",
    "Pairs",
    "Step",
]

Pairs = list[tuple[str, str]]

STATES = {0: "Down", 1: "Rsrvd", 3: "Dialing", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}
DOWN, RING, RINGING, UP, BUSY = 0, 4, 5, 6, 7

CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    3: "No route to destination",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    34: "Circuit/channel congestion",
    127: "Interworking, unspecified",
}
UNKNOWN = "<unknown>"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a channel goes next: an extension, an application, or a bridge with another channel."""

    context: str = "default"
    exten: str = ""
    priority: int = 1
    application: str = ""
    data: str = ""
    partner: Channel | None = None
    handover: bool = False
    """The channel is taken over by its partner's step; whoever drove it lets go of it."""


@dataclass(eq=False, slots=True)
class Bridge:
    """A bridge and its channels."""

    uniqueid: str
    kind: str = "basic"
    technology: str = "simple_bridge"
    creator: str = UNKNOWN
    name: str = UNKNOWN
    members: list[Channel] = field(default_factory=list)
    hidden: int = 0
    """Channels of Asterisk's own, which are counted and never told."""

    def snapshot(self, prefix: str = "") -> Pairs:
        """The headers of this bridge in an event."""
        return [
            (f"{prefix}BridgeUniqueid", self.uniqueid),
            (f"{prefix}BridgeType", self.kind),
            (f"{prefix}BridgeTechnology", self.technology),
            (f"{prefix}BridgeCreator", self.creator),
            (f"{prefix}BridgeName", self.name),
            (f"{prefix}BridgeNumChannels", str(len(self.members) + self.hidden)),
            (f"{prefix}BridgeVideoSourceMode", "none"),
        ]


@dataclass(eq=False, slots=True)
class Channel:
    """One channel.

    It is driven by one task; others ask it for something through :meth:`signal_hangup` and
    ``goto``.
    """

    name: str
    uniqueid: str
    linkedid: str
    dialed: str = ""
    state: int = DOWN
    caller_num: str = ""
    caller_name: str = ""
    connected_num: str = ""
    connected_name: str = ""
    account: str = ""
    context: str = "default"
    exten: str = "s"
    priority: int = 1
    application: str = ""
    data: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    shown_variables: tuple[str, ...] = ()
    created: float = field(default_factory=time.time)
    answered: float = 0.0
    bridge: Bridge | None = None
    other_half: Channel | None = None
    hangup_cause: int | None = None
    tech_cause: str = ""
    """The SIP code of an end that is not a good one."""
    records: list[Record] = field(default_factory=list)
    is_called: bool = False
    """Another channel has called it, and keeps the record of the call."""
    told_place: tuple[str, str, int, str] | None = None
    """Where the last Newexten said that it is, and the application there."""
    goto: Step | None = None
    gone: bool = False
    signal: asyncio.Event = field(default_factory=asyncio.Event)
    handed_over: asyncio.Event = field(default_factory=asyncio.Event)

    def signal_hangup(self, cause: int) -> None:
        """Ask for the end."""
        if self.hangup_cause is None:
            self.hangup_cause = cause
        self.signal.set()

    def signal_goto(self, step: Step) -> None:
        """Ask to go on somewhere else."""
        self.goto = step
        self.signal.set()

    def take_goto(self) -> Step | None:
        """The step that was asked for, once; none if the channel is to end."""
        step, self.goto = self.goto, None
        if self.hangup_cause is not None:
            return None
        self.signal.clear()
        return step

    @property
    def device(self) -> str:
        """The device: the name without its serial number."""
        return self.name.rpartition("-")[0]

    @property
    def tech(self) -> str:
        """The channel's technology."""
        return self.name.partition("/")[0]

    def seconds(self, now: float) -> int:
        """Age."""
        return int(now - self.created)

    def duration(self, now: float) -> str:
        """Age as CoreShowChannels shows it."""
        seconds = self.seconds(now)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def snapshot(self, prefix: str = "") -> Pairs:
        """The headers of this channel in an event; the prefix goes before every one of them."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", str(self.state)),
            (f"{prefix}ChannelStateDesc", STATES[self.state]),
            (f"{prefix}CallerIDNum", self.caller_num or UNKNOWN),
            (f"{prefix}CallerIDName", escape_c(self.caller_name) or UNKNOWN),
            (f"{prefix}ConnectedLineNum", self.connected_num or UNKNOWN),
            (f"{prefix}ConnectedLineName", escape_c(self.connected_name) or UNKNOWN),
            (f"{prefix}Language", "en"),
            (f"{prefix}AccountCode", self.account),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", str(self.priority)),
            (f"{prefix}Uniqueid", self.uniqueid),
            (f"{prefix}Linkedid", self.linkedid),
            *(
                (f"{prefix}ChanVariable", f"{name}={escape_c(self.variables.get(name, ''))}")
                for name in self.shown_variables
            ),
        ]
