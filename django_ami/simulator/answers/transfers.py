"""Moving calls: Redirect, Bridge, transfers, parking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator import bridging
from django_ami.simulator.answers.registry import action
from django_ami.simulator.channels import Channel, Step

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange

__all__ = [
    "attended_transfer",
    "blind_transfer",
    "bridge",
    "park",
    "parked_calls",
    "parking_lots",
    "redirect",
]


def _step(x: Exchange, prefix: str = "") -> Step | None:
    """Where to; None if the priority is no number."""
    priority = x.get(f"{prefix}Priority") or x.get("Priority") or "1"
    if not priority.isdecimal():
        return None
    context = x.get(f"{prefix}Context") or x.get("Context") or "default"
    return Step(context, x.get(f"{prefix}Exten") or x.get("Exten"), int(priority))


@action("Redirect", "call")
def redirect(x: Exchange) -> bytes:
    """Send a channel, and its ExtraChannel if there is one, somewhere else in the dialplan."""
    name, extra_name = x.get("Channel"), x.get("ExtraChannel")
    if not name:
        return x.error("Channel not specified")
    step, extra_step = _step(x), _step(x, "Extra")
    if step is None:
        return x.error("Priority is invalid")
    channel, extra = x.pbx.find(name), x.pbx.find(extra_name)
    if channel is None:
        return x.error(f"Channel does not exist: {name}")
    if extra_name and extra is None:
        return x.error(f"ExtraChannel does not exist: {extra_name}")
    channel.signal_goto(step)
    if extra is None:
        return x.ok("Redirect successful")
    if extra_step is None:
        return x.error("ExtraPriority is invalid")
    extra.signal_goto(extra_step)
    return x.ok("Dual Redirect successful")


@action("Bridge", "call")
def bridge(x: Exchange) -> bytes:
    """Put two channels into one bridge."""
    names = [x.get("Channel1"), x.get("Channel2")]
    if not all(names):
        return x.error("Missing channel parameter in request")
    found = [_by_prefix(x, name) for name in names]
    for number, channel in enumerate(found, 1):
        if channel is None:
            return x.error(f"Channel{number} does not exist: {names[number - 1]}")
    one, two = found
    if one is None or two is None or one is two:
        return x.error("Unable to bridge channel to itself")
    two.signal_goto(Step(handover=True))
    one.signal_goto(Step(partner=two))
    return x.ok("Channels have been bridged")


def _by_prefix(x: Exchange, name: str) -> Channel | None:
    """The first channel whose name *begins* so: PJSIP/1 finds PJSIP/10-1 (action_bridge())."""
    exact = x.pbx.find(name)
    wanted = name.lower()
    begins = (
        channel for channel in x.pbx.channels.values() if channel.name.lower().startswith(wanted)
    )
    return exact or next(begins, None)


@action("BlindTransfer", "call")
def blind_transfer(x: Exchange) -> bytes:
    """Send whom a channel talks to somewhere else, and hang up that channel."""
    name, exten = x.get("Channel"), x.get("Exten")
    if not name:
        return x.error("No channel specified")
    if not exten:
        return x.error("No extension specified")
    channel = x.pbx.find(name)
    if channel is None:
        return x.error("Channel specified does not exist")
    peer = _peer(channel)
    if peer is None or channel.bridge is None:
        return x.error("Transfer failed")
    bridging.blind_transfer(x.pbx, channel, peer, x.get("Context") or channel.context, exten)
    return x.ok("Transfer succeeded")


def _peer(channel: Channel) -> Channel | None:
    members = channel.bridge.members if channel.bridge else []
    return next((member for member in members if member is not channel), None)


@action("Atxfer", "call")
def attended_transfer(x: Exchange) -> bytes:
    """Begin an attended transfer.

    Only the digits are queued, as the real answer says; no transfer follows here.
    """
    if not x.get("Channel"):
        return x.error("No channel specified")
    if not x.get("Exten"):
        return x.error("No extension specified")
    if x.pbx.find(x.get("Channel")) is None:
        return x.error("Channel specified does not exist")
    return x.ok("Atxfer successfully queued")


@action("Park", "call", module=True)
def park(x: Exchange) -> bytes:
    """Park a channel. The answer's text ends in a bare LF, as in res_parking."""
    name = x.get("Channel")
    if not name:
        return x.error("Channel not specified")
    channel = x.pbx.find(name)
    if channel is None:
        return x.error(f"Channel does not exist: {name}")
    seconds = str(x.milliseconds("Timeout") / 1000) if x.get("Timeout").isdecimal() else ""
    channel.signal_goto(
        Step(channel.context, channel.exten, application="Park", data=f"default,{seconds}")
    )
    return x.ok("Park successful\n")


@action("ParkedCalls", "call", module=True)
def parked_calls(x: Exchange) -> bytes:
    """List the parked calls."""
    if x.get("ParkingLot") not in {"", "default"}:
        return x.error("Requested parking lot could not be found.")
    items = [
        x.item_id_last("ParkedCall", *parked.headers(x.pbx.clock.time()))
        for _, parked in sorted(x.pbx.parked.items())
    ]
    total = ("Total", str(len(items)))
    return x.listing("Parked calls will follow", items, "ParkedCallsComplete", total)


@action("Parkinglots", "call", module=True)
def parking_lots(x: Exchange) -> bytes:
    """List the parking lots."""
    spaces = [("StartSpace", "701"), ("StopSpace", "720"), ("Timeout", str(int(x.pbx.times.park)))]
    items = [x.item("Parkinglot", ("Name", "default"), *spaces)]
    return x.listing("Parking lots will follow", items, "ParkinglotsComplete")
