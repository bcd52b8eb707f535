"""The parking lot: spaces 701 to 720 of the lot ``default``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_ami.simulator.channels import Step

if TYPE_CHECKING:
    from django_ami.simulator.channels import Bridge, Channel, Pairs
    from django_ami.simulator.pbx import Pbx

__all__ = ["SPACES", "Parked", "park", "retrieve"]

SPACES = range(701, 721)


@dataclass(slots=True)
class Parked:
    """A parked call."""

    channel: Channel
    space: int
    since: float
    timeout: float
    retriever: Channel | None = None

    def headers(self, now: float) -> Pairs:
        """The headers of ParkedCall and its kin."""
        age = int(now - self.since)
        retriever = self.retriever.snapshot("Retriever") if self.retriever else []
        return [
            *self.channel.snapshot("Parkee"),
            *retriever,
            ("ParkerDialString", self.channel.device),
            ("Parkinglot", "default"),
            ("ParkingSpace", str(self.space)),
            ("ParkingTimeout", str(max(0, int(self.timeout) - age))),
            ("ParkingDuration", str(age)),
        ]


async def park(pbx: Pbx, channel: Channel, seconds: float) -> None:
    """Park a channel until somebody asks for it, it gives up, or its time is over.

    The events are UnParkedCall, ParkedCallGiveUp and ParkedCallTimeOut.
    """
    space = next((space for space in SPACES if space not in pbx.parked), None)
    if space is None:
        return
    parked = pbx.parked[space] = Parked(channel, space, pbx.clock.time(), seconds)
    bridge = _holding_bridge(pbx)
    pbx.emit("ParkedCall", parked.headers(pbx.clock.time()))
    pbx.enter_bridge(bridge, channel)
    signalled = await pbx.clock.first_signal([channel], seconds)
    del pbx.parked[space]
    if parked.retriever is not None and channel.hangup_cause is None:
        _give_back(pbx, parked, parked.retriever)
        return
    how = "ParkedCallGiveUp" if signalled else "ParkedCallTimeOut"
    parked.retriever = None
    pbx.emit(how, parked.headers(pbx.clock.time()))
    pbx.leave_bridge(channel)


def retrieve(pbx: Pbx, channel: Channel, space: str) -> None:
    """Ask for the call in a space. The task of that channel drives both from now on."""
    parked = pbx.parked.get(int(space)) if space.isdecimal() else None
    if parked is None or parked.retriever is not None:
        return
    parked.retriever = channel
    channel.signal_goto(Step(handover=True))
    parked.channel.signal.set()


def _give_back(pbx: Pbx, parked: Parked, retriever: Channel) -> None:
    channel = parked.channel
    channel.signal.clear()
    bridge = pbx.create_bridge()
    pbx.emit("UnParkedCall", parked.headers(pbx.clock.time()))
    pbx.leave_bridge(channel)
    pbx.enter_bridge(bridge, channel)
    pbx.enter_bridge(bridge, retriever)
    pbx.calls.connect_line(channel, retriever)
    pbx.calls.connect_line(retriever, channel)


def _holding_bridge(pbx: Pbx) -> Bridge:
    """The lot's bridge: made with the first parked call, and kept."""
    kept = next((bridge for bridge in pbx.bridges.values() if bridge.kind == "parking"), None)
    if kept is not None:
        return kept
    return pbx.create_bridge(
        kind="parking", technology="holding_bridge", creator="Parking", name="default"
    )
