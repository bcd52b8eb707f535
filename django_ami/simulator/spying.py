"""Listening in: the application ChanSpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel
    from django_ami.simulator.pbx import Pbx

__all__ = ["spy"]

_LOOK_SECONDS = 0.25


async def spy(pbx: Pbx, channel: Channel, prefix: str, options: str = "") -> None:
    """Listen to the channel whose name begins so, until one of the two ends.

    With the option ``u`` it is the channel of that whole name or Uniqueid. ChanSpy itself looks for
    another one in the end; here its option E holds always.
    """
    spied = pbx.find(prefix) if "u" in options else _by_prefix(pbx, channel, prefix.lower())
    if spied is None:
        return
    pbx.emit("ChanSpyStart", [*channel.snapshot("Spyer"), *spied.snapshot("Spyee")])
    while not spied.gone and not await pbx.clock.first_signal([channel], _LOOK_SECONDS):
        pass
    pbx.emit("ChanSpyStop", [*channel.snapshot("Spyer"), *spied.snapshot("Spyee")])


def _by_prefix(pbx: Pbx, spy: Channel, prefix: str) -> Channel | None:
    for one in pbx.channels.values():
        if one is not spy and one.name.lower().startswith(prefix) and one.bridge:
            return one
    return None
