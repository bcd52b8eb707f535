"""Background traffic: calls that come in and are dialled through or queued, at a steady rate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from django_ami.simulator.channels import RING, Step

if TYPE_CHECKING:
    from django_ami.simulator.pbx import Pbx

__all__ = ["Traffic"]

_NAMES = ("Ann Archer", "Björn Berg", "Chidi O'Neill", "Dana Díaz", "")
# Where the calls go; a target that is listed twice gets twice as many.
_TARGETS = ("101", "102", "support", "support", "sales", "busy", "103", "noanswer")


class Traffic:
    """Starts calls until it is stopped."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._run = 0

    def start(self, calls_per_second: float) -> None:
        """Begin, or change the rate."""
        self.stop()
        if calls_per_second > 0:
            self._pbx.spawn(self._make_calls(1 / calls_per_second, self._run))

    def stop(self) -> None:
        """Start no more calls."""
        self._run += 1

    async def _make_calls(self, interval: float, run: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while run == self._run:
            self._incoming_call()
            due += interval
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _incoming_call(self) -> None:
        pbx = self._pbx
        target = pbx.random.choice(_TARGETS)
        pbx.calls_processed += 1
        channel = pbx.add_channel(
            f"PJSIP/trunk-{pbx.numbering.serial()}",
            state=RING,
            exten=target,
            caller_num=f"+49301234{pbx.random.randrange(1000):03}",
            caller_name=pbx.random.choice(_NAMES),
        )
        pbx.spawn(pbx.calls.run(channel, Step(exten=target)))
