"""Channels: lists of them, hanging up, recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action
from django_ami.simulator.variables import read_variable

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel
    from django_ami.simulator.exchange import Exchange, Pairs

__all__ = [
    "absolute_timeout",
    "bridge_info",
    "bridge_list",
    "core_show_channel_map",
    "core_show_channels",
    "fax_sessions",
    "hangup",
    "mix_monitor",
    "monitor",
    "play_dtmf",
    "status",
    "stop_mix_monitor",
]


@action("CoreShowChannels", "system,reporting")
def core_show_channels(x: Exchange) -> bytes:
    """List the channels."""
    items = [
        x.item(
            "CoreShowChannel",
            *channel.snapshot(),
            ("Application", channel.application),
            ("ApplicationData", channel.data),
            ("Duration", channel.duration(x.pbx.clock.time())),
            ("BridgeId", channel.bridge.uniqueid if channel.bridge else ""),
        )
        for channel in x.pbx.channels.values()
    ]
    return x.listing("Channels will follow", items, "CoreShowChannelsComplete")


@action("Status", "system,call,reporting")
def status(x: Exchange) -> bytes:
    """Show the state of one channel or of all."""
    wanted = x.get("Channel")
    channel = x.pbx.find(wanted) if wanted else None
    if wanted and channel is None:
        return x.error("No such channel")
    chosen = [channel] if channel else list(x.pbx.channels.values())
    items = [_status_item(x, one) for one in chosen]
    return x.listing(
        "Channel status will follow", items, "StatusComplete", ("Items", str(len(items)))
    )


def _status_item(x: Exchange, channel: Channel) -> Pairs:
    names = [name for name in x.get("Variables").split(",") if name]
    audio = "ulaw" if channel.tech == "PJSIP" else "slin"
    return x.item_id_last(
        "Status",
        ("Privilege", "Call"),
        *channel.snapshot(),
        ("Type", channel.tech),
        ("DNID", ""),
        ("EffectiveConnectedLineNum", channel.connected_num or "<unknown>"),
        ("EffectiveConnectedLineName", channel.connected_name or "<unknown>"),
        ("TimeToHangup", "0"),
        ("BridgeID", channel.bridge.uniqueid if channel.bridge else ""),
        ("Application", channel.application),
        ("Data", channel.data),
        ("Nativeformats", f"({audio})"),
        ("Readformat", audio),
        ("Readtrans", ""),
        ("Writeformat", audio),
        ("Writetrans", ""),
        ("Callgroup", "0"),
        ("Pickupgroup", "0"),
        ("Seconds", str(channel.seconds(x.pbx.clock.time()))),
        *(
            ("Variable", f"{name}={_or_null(read_variable(x.pbx, channel, name))}")
            for name in names
        ),
    )


def _or_null(value: str | None) -> str:
    """An unset variable is shown as C's printf shows a null pointer."""
    return "(null)" if value is None else value


@action("Hangup", "system,call")
def hangup(x: Exchange) -> bytes:
    """Hang up a channel, or all whose name matches /a regular expression/."""
    name = x.get("Channel")
    cause = x.get("Cause")
    code = int(cause) if cause.isdecimal() and int(cause) <= 127 else 16
    if not name:
        return x.error("No channel specified")
    if len(name) > 2 and name.startswith("/") and name.endswith("/"):
        return _hangup_matching(x, name, code)
    channel = x.pbx.find(name)
    if channel is None:
        return x.error("No such channel")
    _ask_to_end(x, channel, code)
    return x.ok("Channel Hungup")


def _hangup_matching(x: Exchange, pattern: str, cause: int) -> bytes:
    try:
        compiled = re.compile(pattern[1:-1])
    except re.error:
        return x.error(f"Regex compile failed on: {pattern}")
    chosen = x.pbx.matching(compiled)
    for channel in chosen:
        _ask_to_end(x, channel, cause)
    items = [x.item_id_last("ChannelHungup", ("Channel", channel.name)) for channel in chosen]
    return x.listing("Channels hung up will follow", items, "ChannelsHungupListComplete")


def _ask_to_end(x: Exchange, channel: Channel, cause: int) -> None:
    x.server.emit("SoftHangupRequest", [*channel.snapshot(), ("Cause", "16")])
    channel.signal_hangup(cause)


@action("BridgeList")
def bridge_list(x: Exchange) -> bytes:
    """List the bridges."""
    wanted = x.get("BridgeType")
    chosen = [bridge for bridge in x.pbx.bridges.values() if not wanted or bridge.kind == wanted]
    items = [x.item("BridgeListItem", *bridge.snapshot()) for bridge in chosen]
    return x.listing("Bridge listing will follow", items, "BridgeListComplete")


@action("BridgeInfo")
def bridge_info(x: Exchange) -> bytes:
    """List the channels of a bridge."""
    bridge = x.pbx.bridges.get(x.get("BridgeUniqueid"))
    if bridge is None:
        return x.error("Specified BridgeUniqueid not found")
    items = [x.item("BridgeInfoChannel", *channel.snapshot()) for channel in bridge.members]
    return x.listing(
        "Bridge channel listing will follow", items, "BridgeInfoComplete", *bridge.snapshot()
    )


@action("CoreShowChannelMap", "system,reporting", since=18)
def core_show_channel_map(x: Exchange) -> bytes:
    """List the channels that are connected to a channel.

    The error ends in a bare LF, as the real one.
    """
    channel = x.pbx.find(x.get("Channel"))
    if channel is None:
        return x.error("Could not get channel snapshot\n")
    others = channel.bridge.members if channel.bridge else []
    items = [x.item("CoreShowChannelMap", *one.snapshot()) for one in others if one is not channel]
    return x.listing("Channel map will follow", items, "CoreShowChannelMapComplete")


@action("FAXSessions", "call", module=True)
def fax_sessions(x: Exchange) -> bytes:
    """List the fax sessions: none; and ``EventList: Start`` has a capital S here."""
    text = "FAXSessionsEntry event list will follow"
    return x.listing(text, [], "FAXSessionsComplete", ("Total", "0"), start="Start")


@action("MixMonitor", "system", module=True)
def mix_monitor(x: Exchange) -> bytes:
    """Record a channel."""
    channel = x.pbx.find(x.get("Channel"))
    if not x.get("Channel"):
        return x.error("No channel specified")
    if channel is None:
        return x.error("No such channel")
    number = f"0x{id(channel):x}"
    x.pbx.recordings[number] = channel
    x.server.emit("MixMonitorStart", channel.snapshot())
    wants_id = "i(" in x.get("Options")
    return x.answer("Success", *([("MixMonitorID", number)] if wants_id else []))


@action("StopMixMonitor", "system,call", module=True)
def stop_mix_monitor(x: Exchange) -> bytes:
    """Stop recording a channel."""
    channel = x.pbx.find(x.get("Channel"))
    if channel is None:
        return x.error("No channel specified" if not x.get("Channel") else "No such channel")
    for number in [key for key, one in x.pbx.recordings.items() if one is channel]:
        del x.pbx.recordings[number]
    x.server.emit("MixMonitorStop", channel.snapshot())
    return x.answer("Success")


@action("Monitor", "call", until=20, module=True)
@action("StopMonitor", "call", until=20, module=True, synopsis="Stop monitoring a channel.")
def monitor(x: Exchange) -> bytes:
    """Monitor a channel."""
    channel = x.pbx.find(x.get("Channel"))
    if channel is None:
        return x.error("No channel specified" if not x.get("Channel") else "No such channel")
    started = x.request.name.lower() == "monitor"
    x.server.emit("MonitorStart" if started else "MonitorStop", channel.snapshot())
    return x.ok("Started monitoring channel" if started else "Stopped monitoring channel")


@action("AbsoluteTimeout", "system,call")
def absolute_timeout(x: Exchange) -> bytes:
    """Set when a channel is hung up."""
    return x.ok("Timeout Set") if x.pbx.find(x.get("Channel")) else x.error("No such channel")


@action("PlayDTMF", "call")
def play_dtmf(x: Exchange) -> bytes:
    """Play a DTMF digit on a channel."""
    channel = x.pbx.find(x.get("Channel"))
    if channel is None:
        return x.error("Channel not found" if x.get("Channel") else "Channel must be specified")
    digit = [("Digit", x.get("Digit")), ("Direction", "Sent")]
    x.server.emit("DTMFBegin", [*channel.snapshot(), *digit])
    x.server.emit(
        "DTMFEnd", [*channel.snapshot(), ("Digit", x.get("Digit")), ("DurationMs", "100"), digit[1]]
    )
    return x.ok("DTMF successfully queued")
