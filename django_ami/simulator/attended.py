"""Attended transfers: a party asks somebody else first, and then connects the two others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.bridging import partner

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel
    from django_ami.simulator.pbx import Pbx

__all__ = ["connect", "consult"]

_LOOK_SECONDS = 0.5


async def consult(pbx: Pbx, party: Channel, asking: Channel, seconds: float) -> None:
    """Hold the other one of a party's call, ask somebody for a time, and connect the two.

    ``asking`` is the party's second call, which runs by itself. The held call is taken up again if
    nobody answers that one.
    """
    held = partner(party)
    if held is None:
        return
    pbx.emit("Hold", [*party.snapshot(), ("MusicClass", "default")])
    pbx.emit("MusicOnHoldStart", [*held.snapshot(), ("Class", "default")])
    while not asking.gone and partner(asking) is None and partner(party) is held:
        await pbx.clock.sleep(_LOOK_SECONDS)
    if partner(asking) is not None:
        await pbx.clock.first_signal([asking, party, held], seconds)
    is_untouched = not any(one.signal.is_set() for one in (asking, party, held))
    if is_untouched and partner(asking) is not None and partner(party) is held:
        connect(pbx, party, asking)
        party.signal_hangup(16)
        asking.signal_hangup(16)
        return
    if not asking.gone:
        asking.signal_hangup(16)
    if partner(party) is held and not party.gone:
        pbx.emit("Unhold", party.snapshot())
        pbx.emit("MusicOnHoldStop", held.snapshot())


def connect(pbx: Pbx, party: Channel, asking: Channel) -> None:
    """Put the one whom a party talks to into the bridge of the party's second call.

    Both channels of the party are out of their bridges then, and are to be hung up.
    """
    held, target, first, second = partner(party), partner(asking), party.bridge, asking.bridge
    if held is None or target is None or first is None or second is None:
        raise ValueError("an attended transfer needs two calls of two parties each.")
    for telephone in (party, asking):
        pbx.emit("Unhold", telephone.snapshot())
    before = (
        *party.snapshot("OrigTransferer"),
        *first.snapshot("Orig"),
        *asking.snapshot("SecondTransferer"),
        *second.snapshot("Second"),
    )
    target_before = target.snapshot("TransferTarget")
    pbx.leave_bridge(held)
    pbx.leave_bridge(asking)
    pbx.enter_bridge(second, held, swap=asking)
    pbx.request_hangup(asking, 1, soft=True)
    pbx.emit(
        "AttendedTransfer",
        [
            ("Result", "Success"),
            *before,
            *held.snapshot("Transferee"),
            *target_before,
            ("IsExternal", "No"),
            ("DestType", "Bridge"),
            ("DestBridgeUniqueid", second.uniqueid),
        ],
    )
    pbx.calls.connect_line(target, held)
    pbx.emit("MusicOnHoldStop", held.snapshot())
    pbx.leave_bridge(party)
    pbx.calls.connect_line(held, target)
    pbx.destroy_bridge(first)
