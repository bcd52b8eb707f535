"""Bridges and the channels in them; and which people hear each other through them.

A room is all bridges that Local channels connect: a person in one of them hears the people in the
others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live import snapshots
from django_ami.live.names import NOT_PICKED_UP
from django_ami.live.talks import MOST_TALKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sized

    from django_ami.core.messages import Event
    from django_ami.live.calls import Calls
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler
    from django_ami.live.talks import Talks

__all__ = ["Bridge", "Bridges"]

#: Nobody talks in these: a parking lot, a waiting room, the agents' pool
#: (bridges/bridge_holding.c).
_HOLDING: Final = "holding_bridge"
#: A conference (apps/app_confbridge.c): its members are followed as such, not pair by pair.
_CONFERENCE: Final = "base"


class Bridge:
    """A live bridge."""

    __slots__ = ("channels", "id", "since", "technology", "type")

    def __init__(self, bridge_id: str, since: float) -> None:
        self.id = bridge_id
        self.since = since
        self.type = self.technology = ""
        self.channels: dict[str, Channel] = {}

    @property
    def holding(self) -> bool:
        """Nobody talks in it."""
        return self.technology == _HOLDING

    def others(self, channel: Channel) -> Iterator[Channel]:
        """The channels in it beside one."""
        return (one for one in self.channels.values() if one is not channel)

    def snapshot(self) -> snapshots.Bridge:
        """The bridge as it is now."""
        return snapshots.Bridge(
            self.id, self.type, self.technology, tuple(self.channels), self.since, self.holding
        )


def people_in(bridge: Bridge | None) -> list[Channel]:
    """The telephones that hear each other through a bridge; none in a conference."""
    people: list[Channel] = []
    seen: set[str] = set()
    waiting = [bridge]
    while waiting:
        room = waiting.pop()
        if room is None or room.id in seen or room.holding or room.type == _CONFERENCE:
            continue
        seen.add(room.id)
        for channel in room.channels.values():
            if not channel.hidden:
                if channel.state not in NOT_PICKED_UP:  # with ARI one may be in a bridge
                    people.append(channel)
            elif channel.half is not None:
                waiting.append(channel.half.bridge)
            if len(people) > MOST_TALKERS:
                return people
    return people


def _caller_of(channel: Channel) -> Channel | None:
    """The one for whom a telephone was picked up that waited in a bridge for it in vain.

    Asterisk 16 lets the caller not in any more if the telephone hangs up at once.
    """
    leg, caller = channel.call.resolved().story.legs.get(channel.uniqueid), channel.dialer
    if leg is None or leg.answered is None or leg.connected is not None or caller is None:
        return None
    return caller if not caller.hidden and caller.state == "Up" and caller.bridge is None else None


class Bridges:
    """The live bridges of a server."""

    def __init__(self, channels: Channels, calls: Calls, talks: Talks) -> None:
        self._channels = channels
        self._calls = calls
        self._talks = talks
        self.live: dict[str, Bridge] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "BridgeCreate": self._create,
            "BridgeEnter": self._enter,
            "BridgeLeave": self._leave,
            "BridgeDestroy": self._destroy,
            "Newstate": self._picked_up,
        }

    def tables(self) -> tuple[Sized, ...]:
        """Everything that it keeps."""
        return (self.live,)

    def named(self, bridge_id: str, now: float) -> Bridge:
        """The bridge of an id; it is made if it is unknown."""
        bridge = self.live.get(bridge_id)
        if bridge is None:
            bridge = self.live[bridge_id] = Bridge(bridge_id, now)
        return bridge

    def of(self, event: Event, now: float) -> Bridge | None:
        """The bridge that an event is about; it is made if it is unknown."""
        bridge_id = event.get("BridgeUniqueid")
        if not bridge_id:
            return None
        bridge = self.named(bridge_id, now)
        bridge.type = bridge.type or event.get("BridgeType") or ""
        bridge.technology = event.get("BridgeTechnology") or bridge.technology
        return bridge

    def _create(self, event: Event, now: float) -> None:
        self.of(event, now)

    def _destroy(self, event: Event, now: float) -> None:
        bridge = self.live.get(event.get("BridgeUniqueid") or "")
        if bridge is not None:
            for channel in list(bridge.channels.values()):
                self.take_out(channel, now)
            self.live.pop(bridge.id, None)

    def _enter(self, event: Event, now: float) -> None:
        bridge, channel = self.of(event, now), self._channels.of(event, now)
        if bridge is not None and channel is not None:
            self.put_in(channel, bridge, now)

    def _picked_up(self, event: Event, now: float) -> None:
        """A telephone in a bridge may be heard from now on."""
        channel = self._channels.live.get(event.get("Uniqueid") or "")
        if channel is not None and channel.bridge is not None:
            self._talks.follow(people_in(channel.bridge), now)

    def _leave(self, event: Event, now: float) -> None:
        channel = self._channels.known(event, now)
        bridge = None if channel is None else channel.bridge
        if channel is not None and bridge is not None and bridge.id == event.get("BridgeUniqueid"):
            self.take_out(channel, now)

    def drop_empty(self) -> None:
        """Forget the bridges that nobody is in."""
        for bridge in list(self.live.values()):
            if not bridge.channels:
                del self.live[bridge.id]

    # --- going in and out ---

    def put_in(self, channel: Channel, bridge: Bridge, now: float) -> None:
        """A channel is in a bridge now. Those who share a basic one are of one call."""
        if channel.bridge is bridge:
            return
        if channel.bridge is not None:
            self.take_out(channel, now)
        channel.bridge, channel.moved = bridge, now
        if bridge.type == "basic":
            other = next(iter(bridge.channels.values()), None)
            if other is not None:
                self._calls.join(channel.call, other.call, now)
        bridge.channels[channel.uniqueid] = channel
        self._talks.follow(people_in(bridge), now)

    def take_out(self, channel: Channel, now: float) -> None:
        """A channel leaves all bridges; an empty bridge is gone, with or without an event."""
        bridge = channel.bridge
        if bridge is None:
            return
        entered, channel.moved, channel.bridge = channel.moved, now, None
        bridge.channels.pop(channel.uniqueid, None)
        caller = None if bridge.channels or bridge.type != "basic" else _caller_of(channel)
        if caller is not None:
            self._talks.connect([caller, channel], entered)
        self._talks.leave(channel, now)
        self._talks.follow(people_in(bridge), now)
        if channel.hidden and channel.half is not None:
            self._talks.follow(people_in(channel.half.bridge), now)
        if not bridge.channels:
            self.live.pop(bridge.id, None)
