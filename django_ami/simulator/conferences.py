"""Conferences: the application ConfBridge, its rooms and their people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Bridge, Channel, Pairs
    from django_ami.simulator.pbx import Pbx

__all__ = ["Conference", "confer"]


@dataclass(eq=False, slots=True)
class Conference:
    """A room that is open."""

    name: str
    bridge: Bridge
    #: When each of them came in, by the Uniqueid.
    since: dict[str, float] = field(default_factory=dict)

    def headers(self) -> Pairs:
        """The headers of the room in an event."""
        return [("Conference", self.name), *self.bridge.snapshot()]


async def confer(pbx: Pbx, channel: Channel, name: str) -> None:
    """Be in a conference, until it has taken long enough or somebody wants something else."""
    room = pbx.conferences.get(name) or _open(pbx, name)
    room.since[channel.uniqueid] = pbx.clock.time()
    pbx.enter_bridge(room.bridge, channel)
    pbx.emit(
        "ConfbridgeJoin", [*room.headers(), *channel.snapshot(), ("Admin", "No"), ("Muted", "No")]
    )
    if not await pbx.clock.first_signal([channel], pbx.behaviour.talk_seconds()):
        pbx.request_hangup(channel, pbx.far_end_cause)
        channel.signal_hangup(16)
    pbx.emit("ConfbridgeLeave", [*room.headers(), *channel.snapshot(), ("Admin", "No")])
    pbx.leave_bridge(channel)
    del room.since[channel.uniqueid]
    pbx.set_variable(channel, "CONFBRIDGE_RESULT", "HANGUP")
    if not room.bridge.members:
        _close(pbx, room)


def _open(pbx: Pbx, name: str) -> Conference:
    """Open a room. Its announcer is in the bridge, too, and is seen in the number alone."""
    bridge = pbx.create_bridge(kind="base", technology="softmix", creator="ConfBridge", name=name)
    bridge.hidden = 1
    room = pbx.conferences[name] = Conference(name, bridge)
    pbx.emit("ConfbridgeStart", room.headers())
    return room


def _close(pbx: Pbx, room: Conference) -> None:
    pbx.emit("ConfbridgeEnd", room.headers())
    room.bridge.hidden = 0
    del pbx.conferences[room.name]
    pbx.destroy_bridge(room.bridge)
