"""The lists that a server would give at a moment, as an uncut tracker knows that moment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django_ami.core.messages import Event
from django_ami.live.lists import Lists

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call, Channel
    from django_ami.live.tracker import Tracker

__all__ = ["event", "lists_of"]


def event(name: str, **headers: object) -> Event:
    """An event as a server sends it."""
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode(), server="pbx")


def lists_of(tracker: Tracker, now: float) -> Lists:
    """The lists of a server that has everything which a tracker holds for live."""
    calls, channels = list(tracker.calls.values()), tracker.channels
    return Lists(
        asked=now,
        channels=[_channel(channel, now) for channel in channels.values()],
        bridges=[
            event(
                "BridgeListItem",
                BridgeUniqueid=one.id,
                BridgeType=one.type,
                BridgeTechnology=one.technology,
            )
            for one in tracker.bridges.values()
        ],
        queues=[item for call in calls for item in _entries(call, now)],
        parked=[
            event("ParkedCall", ParkeeUniqueid=channel.uniqueid, ParkeeLinkedid=channel.linkedid,
                  ParkerDialString=park.by, Parkinglot=park.lot, ParkingSpace=park.space,
                  ParkingDuration=_whole(now - park.begin))
            for call in calls for park in call.parks if park.end is None
            for channel in channels.values() if channel.uniqueid == park.channel
        ],
        conference_members=[
            event("ConfbridgeList", Conference=visit.conference, Uniqueid=visit.channel,
                  Linkedid=channels[visit.channel].linkedid)
            for call in calls for visit in call.conferences if visit.left is None
        ],
    )  # fmt: skip


def _whole(seconds: float) -> int:
    return int(seconds) if math.isfinite(seconds) else 0


def _channel(channel: Channel, now: float) -> Event:
    duration = _whole(now - channel.since)
    return event(
        "CoreShowChannel",
        Channel=channel.name,
        ChannelStateDesc=channel.state,
        CallerIDNum=channel.number or "<unknown>",
        CallerIDName=channel.caller_name or "<unknown>",
        ConnectedLineNum=channel.connected_number or "<unknown>",
        ConnectedLineName=channel.connected_name or "<unknown>",
        AccountCode=channel.account,
        Context=channel.context,
        Exten=channel.exten,
        Uniqueid=channel.uniqueid,
        Linkedid=channel.linkedid,
        Application=channel.application,
        Duration=f"{duration // 3600:02}:{duration // 60 % 60:02}:{duration % 60:02}",
        BridgeId=channel.bridge,
    )


def _entries(call: Call, now: float) -> list[Event]:
    return [
        event("QueueEntry", Queue=visit.queue, Position=visit.position, Uniqueid=visit.channel,
              Wait=_whole(now - visit.joined))
        for visit in call.queues
        if visit.left is None
    ]  # fmt: skip
