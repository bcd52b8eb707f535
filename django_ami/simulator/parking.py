"""The parking lot: spaces 701 to 720 of the lot ``default``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Bridge, Channel, Pairs
    from django_ami.simulator.pbx import Pbx

__all__ = ["Parked", "park"]

FIRST_SPACE, LAST_SPACE = 701, 720


@dataclass(slots=True)
class Parked:
    """A parked call."""

    channel: Channel
    space: int
    since: float
    timeout: float

    def headers(self) -> Pairs:
        """The headers of ParkedCall and its kin."""
        age = int(time.time() - self.since)
        return [
            *self.channel.snapshot("Parkee"),
            ("ParkerDialString", self.channel.device),
            ("Parkinglot", "default"),
            ("ParkingSpace", str(self.space)),
            ("ParkingTimeout", str(max(0, int(self.timeout) - age))),
            ("ParkingDuration", str(age)),
        ]


async def park(pbx: Pbx, channel: Channel, seconds: float) -> None:
    """Park a channel until a caller asks for it, or its time is over.

    The first is the event ParkedCallGiveUp, the second ParkedCallTimeOut.
    """
    free = (space for space in range(FIRST_SPACE, LAST_SPACE + 1) if space not in pbx.parked)
    space = next(free, None)
    if space is None:
        return
    parked = pbx.parked[space] = Parked(channel, space, time.time(), seconds)
    bridge = _holding_bridge(pbx)
    pbx.emit("ParkedCall", parked.headers())
    pbx.enter_bridge(bridge, channel)
    signalled = await pbx.clock.first_signal([channel], seconds)
    del pbx.parked[space]
    pbx.emit("ParkedCallGiveUp" if signalled else "ParkedCallTimeOut", parked.headers())
    pbx.leave_bridge(channel)


def _holding_bridge(pbx: Pbx) -> Bridge:
    """The lot's bridge: made with the first parked call, and kept."""
    kept = next((bridge for bridge in pbx.bridges.values() if bridge.kind == "parking"), None)
    if kept is not None:
        return kept
    return pbx.create_bridge(
        kind="parking", technology="holding_bridge", creator="Parking", name="default"
    )
