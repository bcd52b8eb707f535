"""Listening in: the application ChanSpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel
    from django_ami.simulator.pbx import Pbx

__all__ = ["spy"]

_LOOK_SECONDS = 0.25


async def spy(pbx: Pbx, channel: Channel, prefix: str) -> None:
    """Listen to the channel whose name begins so, until one of the two ends.

    ChanSpy itself looks for another one then; here its option E holds always.
    """
    wanted = prefix.lower()
    spied = next(
        (
            one
            for one in pbx.channels.values()
            if one is not channel and one.name.lower().startswith(wanted) and one.bridge
        ),
        None,
    )
    if spied is None:
        return
    pbx.emit("ChanSpyStart", [*channel.snapshot("Spyer"), *spied.snapshot("Spyee")])
    while not spied.gone and not await pbx.clock.first_signal([channel], _LOOK_SECONDS):
        pass
    pbx.emit("ChanSpyStop", [*channel.snapshot("Spyer"), *spied.snapshot("Spyee")])
