"""Two channels in a bridge: how they get in, and how they leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.channels import Bridge, Channel, Step

if TYPE_CHECKING:
    from django_ami.simulator.pbx import Pbx

__all__ = ["blind_transfer", "join", "let_go", "meet", "partner", "talk", "talk_on"]


def join(pbx: Pbx, channel: Channel, leg: Channel) -> Bridge:
    """Put a channel and the leg that was dialled for it into a bridge."""
    bridge = pbx.create_bridge()
    pbx.calls.new_exten(leg, "AppDial", "(Outgoing Line)")
    pbx.enter_bridge(bridge, leg)
    pbx.enter_bridge(bridge, channel)
    return bridge


async def meet(pbx: Pbx, channel: Channel, other: Channel) -> None:
    """Two that nobody has dialled for each other talk (the action Bridge)."""
    bridge = pbx.create_bridge()
    pbx.enter_bridge(bridge, other)
    pbx.enter_bridge(bridge, channel)
    await talk(pbx, channel, other, bridge)
    let_go(pbx, other)


async def talk(
    pbx: Pbx, channel: Channel, leg: Channel, bridge: Bridge, cause: int | None = 16
) -> None:
    """Until one of two in a bridge is asked for something, or the time is over: then both leave it.

    ``cause`` is that of the leg's HangupRequest: it is the one that hangs up. An attended transfer
    has emptied the bridge itself.
    """
    if not await pbx.clock.first_signal([channel, leg], pbx.behaviour.talk_seconds()):
        pbx.request_hangup(leg, cause)
    for one in (channel, leg) if channel.signal.is_set() else (leg, channel):
        if one.bridge is not bridge:
            continue
        if one.goto is not None and one.goto.exten:
            one.context, one.exten, one.priority = (
                one.goto.context,
                one.goto.exten,
                one.goto.priority,
            )
            # The channel is elsewhere now, and runs the same application there.
            pbx.calls.new_exten(one, one.application, one.data)
        pbx.leave_bridge(one)
    if not bridge.members:
        pbx.destroy_bridge(bridge)


async def talk_on(pbx: Pbx, channel: Channel) -> None:
    """Talk with whom a transfer has brought a channel together, one after the other."""
    while (other := partner(channel)) is not None and channel.bridge is not None:
        await talk(pbx, channel, other, channel.bridge)
        let_go(pbx, other)


def partner(channel: Channel) -> Channel | None:
    """The other one of two that talk."""
    bridge = channel.bridge
    if bridge is None or bridge.kind != "basic":
        return None
    return next((one for one in bridge.members if one is not channel), None)


def let_go(pbx: Pbx, leg: Channel) -> None:
    """A leg out of its bridge runs on by itself where it was sent, or ends.

    One that a transfer has put into another bridge is none of ours any more.
    """
    if leg.bridge is not None:
        return
    step = leg.take_goto()
    if step is None:
        pbx.hangup(leg)
    else:
        pbx.spawn(pbx.calls.run(leg, step))


def blind_transfer(pbx: Pbx, channel: Channel, peer: Channel, context: str, exten: str) -> None:
    """Send the peer of a channel somewhere else; the channel hangs up."""
    place = [("IsExternal", "Yes"), ("Context", context), ("Extension", exten)]
    bridge = channel.bridge.snapshot() if channel.bridge else []
    parties = [*channel.snapshot("Transferer"), *peer.snapshot("Transferee")]
    pbx.emit("BlindTransfer", [("Result", "Success"), *parties, *bridge, *place])
    peer.signal_goto(Step(context, exten))
    channel.signal_hangup(16)
