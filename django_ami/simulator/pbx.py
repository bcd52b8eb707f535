"""The world behind the interface: channels, bridges, queues, parking, and the states of devices.

The astdb and variables belong to it, too.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_ami.simulator import cdr, traffic
from django_ami.simulator.behaviour import Behaviour
from django_ami.simulator.calls import Calls
from django_ami.simulator.channels import BUSY, CAUSES, RING, RINGING, UP, Bridge, Channel, Pairs
from django_ami.simulator.clock import Clock
from django_ami.simulator.dialplan import Dialplan
from django_ami.simulator.frames import escape_c
from django_ami.simulator.numbering import Numbering
from django_ami.simulator.queues import Member, Queue, default_queues

if TYPE_CHECKING:
    import re

    from django_ami.simulator.conferences import Conference
    from django_ami.simulator.options import CallTimes
    from django_ami.simulator.parking import Parked
    from django_ami.simulator.profiles import Profile

__all__ = ["Endpoint", "Pbx"]

Emit = Callable[[str, Pairs], None]
Spawn = Callable[[Coroutine[Any, Any, None]], None]

_DEVICE_NUMBERS = {"NOT_INUSE": 1, "INUSE": 2, "UNAVAILABLE": 5, "RINGING": 6}
_EXTENSION_STATUS = {
    "NOT_INUSE": (0, "Idle"),
    "INUSE": (1, "InUse"),
    "UNAVAILABLE": (4, "Unavailable"),
}
_EXTENSION_STATUS["RINGING"] = (8, "Ringing")
# TechCause of an abnormal end of a PJSIP channel.
_SIP_CODES = {1: "404", 17: "486", 19: "480", 20: "480", 21: "603", 34: "503"}


@dataclass(slots=True)
class Endpoint:
    """A PJSIP endpoint."""

    name: str
    title: str = ""
    contact: str = ""

    @property
    def registered(self) -> bool:
        """Can it be called?"""
        return bool(self.contact)


class Pbx:
    """The world. Its methods run in the server's event loop."""

    def __init__(
        self,
        emit: Emit,
        spawn: Spawn,
        profile: Profile,
        times: CallTimes,
        system_name: str = "",
        channelvars: tuple[str, ...] = (),
        seed: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.emit = emit
        self.spawn = spawn
        self.profile = profile
        self.behaviour = Behaviour(times)
        self.dialplan = Dialplan()
        self.clock = clock or Clock()
        self.random = random.Random(seed)  # noqa: S311 - traffic, not secrets
        self.database: dict[str, str] = {"/pbx/UUID": str(uuid.uuid4())}
        self.globals: dict[str, str] = {}
        self.queues: dict[str, Queue] = {queue.name: queue for queue in default_queues()}
        self.endpoints = {endpoint.name: endpoint for endpoint in _default_endpoints()}
        self.hints = {
            "101": "PJSIP/101",
            "102": "PJSIP/102",
            "103": "PJSIP/103",
            "104": "PJSIP/104",
        }
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.parked: dict[int, Parked] = {}
        self.conferences: dict[str, Conference] = {}
        self.recordings: dict[str, Channel] = {}
        self.calls_processed = 0
        self.calls = Calls(self)
        self.traffic = traffic.Traffic(self)
        self.numbering = Numbering(f"{system_name}-" if system_name else "")
        self._shown = channelvars

    def reset(self) -> None:
        """A restart: everything in memory is gone, counters begin anew, astdb stays."""
        self.channels.clear()
        self.bridges.clear()
        self.parked.clear()
        self.conferences.clear()
        self.recordings.clear()
        self.globals.clear()
        self.calls_processed = 0
        now = int(self.clock.time())
        self.numbering.begin(now)
        for queue in self.queues.values():
            queue.callers.clear()
            for member in queue.members:
                member.in_call = member.is_called = False
                member.login_time = now
                member.status = _DEVICE_NUMBERS[self.device_state(member.interface)]

    @property
    def times(self) -> CallTimes:
        """How long the phases of a scripted call take."""
        return self.behaviour.times

    # --- channels ---

    def find(self, name: str) -> Channel | None:
        """The channel of that name or Uniqueid; names are compared without case."""
        wanted = name.lower()
        return next(
            (
                one
                for one in self.channels.values()
                if one.uniqueid == name or one.name.lower() == wanted
            ),
            None,
        )

    def matching(self, pattern: re.Pattern[str]) -> list[Channel]:
        """The channels whose name matches."""
        return [channel for channel in self.channels.values() if pattern.search(channel.name)]

    def add_channel(
        self, name: str, *, uniqueid: str = "", linkedid: str = "", **fields: Any
    ) -> Channel:
        """A new channel, announced by Newchannel."""
        uniqueid = uniqueid or self.numbering.uniqueid()
        channel = Channel(
            name, uniqueid, linkedid or uniqueid, shown_variables=self._shown, **fields
        )
        channel.created = self.clock.time()
        self.channels[name] = channel
        self.emit("Newchannel", channel.snapshot())
        return channel

    def set_state(self, channel: Channel, state: int) -> None:
        """Newstate, and the new state of the device."""
        channel.state = state
        if state == UP and not channel.answered:
            channel.answered = self.clock.time()
        self.emit("Newstate", channel.snapshot())
        self.device_changed(channel.device)

    def set_variable(self, channel: Channel | None, name: str, value: str) -> None:
        """Set a variable of a channel or a global one; VarSet tells about it."""
        if channel is None:
            self.globals[name] = value
            about = [("Channel", "none"), ("Uniqueid", "none")]
        else:
            channel.variables[name.lstrip("_")] = value
            about = channel.snapshot()
        self.emit("VarSet", [*about, ("Variable", name), ("Value", escape_c(value))])

    def hangup(self, channel: Channel, cause: int | None = None) -> None:
        """The end of a channel: out of its bridge, Cdr, Hangup."""
        if channel.gone:
            return
        channel.gone = True
        self.leave_bridge(channel)
        final = channel.hangup_cause if channel.hangup_cause is not None else cause
        code = final if final is not None else 16 if channel.records or channel.is_called else 0
        for record in cdr.close(channel, self.clock.time()):
            self.emit("Cdr", record.headers())
        tech = self._tech_cause(channel, code)
        self.emit(
            "Hangup",
            [
                *channel.snapshot(),
                ("Cause", str(code)),
                ("Cause-txt", CAUSES.get(code, "Unknown")),
                *tech,
            ],
        )
        self.channels.pop(channel.name, None)
        if channel.other_half is not None:
            channel.other_half.signal_hangup(code)
        channel.signal.set()
        self.device_changed(channel.device)

    def request_hangup(
        self, channel: Channel, cause: int | None = 16, *, soft: bool = False
    ) -> None:
        """HangupRequest: the far end wants to end.

        Or, soft, Asterisk does, whatever the far end has said before.
        """
        causes = [("Cause", str(cause))] if cause is not None else []
        tech = self._tech_cause(channel, 0 if soft else cause)
        self.emit(
            "SoftHangupRequest" if soft else "HangupRequest", [*channel.snapshot(), *causes, *tech]
        )

    @property
    def far_end_cause(self) -> int | None:
        """The cause of a SIP telephone's hang-up where no Dial has set one.

        There is none where there is TechCause.
        """
        return None if self.profile.has_tech_cause else 16

    def _tech_cause(self, channel: Channel, cause: int | None) -> Pairs:
        if not self.profile.has_tech_cause or channel.tech != "PJSIP":
            return []
        channel.tech_cause = channel.tech_cause or _SIP_CODES.get(cause or 0, "")
        return [("TechCause", channel.tech_cause)] if channel.tech_cause else []

    # --- bridges ---

    def create_bridge(self, **fields: Any) -> Bridge:
        """A new bridge, announced by BridgeCreate."""
        bridge = Bridge(str(uuid.UUID(int=self.random.getrandbits(128), version=4)), **fields)
        self.bridges[bridge.uniqueid] = bridge
        self.emit("BridgeCreate", bridge.snapshot())
        return bridge

    def enter_bridge(
        self, bridge: Bridge, channel: Channel, *, swap: Channel | None = None
    ) -> None:
        """BridgeEnter.

        All channels of a bridge take the oldest Linkedid, which no event announces.
        """
        for member in bridge.members if bridge.kind == "basic" else ():
            cdr.pair(member, channel, self.clock.time())
        bridge.members.append(channel)
        channel.bridge = bridge
        if bridge.kind == "basic":
            oldest = min((one.created, one.linkedid) for one in bridge.members)[1]
            for member in bridge.members:
                member.linkedid = oldest
        swapped = [("SwapUniqueid", swap.uniqueid)] if swap else []
        self.emit("BridgeEnter", [*bridge.snapshot(), *channel.snapshot(), *swapped])

    def leave_bridge(self, channel: Channel) -> None:
        """BridgeLeave if it is in one."""
        bridge = channel.bridge
        if bridge is None:
            return
        bridge.members.remove(channel)
        channel.bridge = None
        cdr.part(channel, bridge.members, self.clock.time())
        self.emit("BridgeLeave", [*bridge.snapshot(), *channel.snapshot()])

    def destroy_bridge(self, bridge: Bridge) -> None:
        """BridgeDestroy."""
        if self.bridges.pop(bridge.uniqueid, None) is not None:
            self.emit("BridgeDestroy", bridge.snapshot())

    # --- queues ---

    def pause(self, queue: Queue, member: Member, *, paused: bool, reason: str = "") -> None:
        """Let a member have a break, or work again."""
        member.paused, member.paused_reason = paused, reason if paused else ""
        if paused:
            member.last_pause = int(self.clock.time())
        self.emit("QueueMemberPause", member.as_event(queue.name))

    # --- states ---

    def device_state(self, device: str) -> str:
        """The state of a device as a word."""
        states = {channel.state for channel in self.channels.values() if channel.device == device}
        if states & {UP, RING, BUSY}:
            return "INUSE"
        if RINGING in states:
            return "RINGING"
        endpoint = self.endpoints.get(device.removeprefix("PJSIP/"))
        unreachable = (
            endpoint is not None and device.startswith("PJSIP/") and not endpoint.registered
        )
        return "UNAVAILABLE" if unreachable else "NOT_INUSE"

    def extension_status(self, hint: str) -> tuple[int, str]:
        """Number and text of ExtensionStatus."""
        return _EXTENSION_STATUS[self.device_state(hint)]

    def device_changed(self, device: str) -> None:
        """DeviceStateChange, and the ExtensionStatus and QueueMemberStatus that follow from it."""
        state = self.device_state(device)
        self.emit("DeviceStateChange", [("Device", device), ("State", state)])
        for exten, hint in self.hints.items():
            if hint == device:
                self.emit("ExtensionStatus", self.extension_headers(exten))
        for queue in self.queues.values():
            for member in queue.members:
                if member.interface == device and member.status != _DEVICE_NUMBERS[state]:
                    member.status = _DEVICE_NUMBERS[state]
                    self.emit("QueueMemberStatus", member.as_event(queue.name))

    def extension_headers(self, exten: str) -> Pairs:
        """The headers of ExtensionStatus."""
        status, text = self.extension_status(self.hints[exten])
        return [
            ("Exten", exten),
            ("Context", "default"),
            ("Hint", self.hints[exten]),
            ("Status", str(status)),
            ("StatusText", text),
        ]


def _default_endpoints() -> list[Endpoint]:
    """Four that are registered, and 104 that is not."""
    titles = {"101": "Alice", "102": "Bob", "103": "Zoë Müller", "noanswer": "Never There"}
    there = [
        Endpoint(name, title, f"{name}/sip:{name}@127.0.0.1:5060") for name, title in titles.items()
    ]
    return [*there, Endpoint("104", "Dave")]
