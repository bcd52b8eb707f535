"""The time of the simulated world, and waiting in it.

A world that is told, not played, has another clock.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel

__all__ = ["Clock"]


class Clock:
    """The real time."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some time or other, which nobody sets."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def first_signal(self, channels: list[Channel], seconds: float | None) -> bool:
        """Wait until one of the channels is asked for something.

        False if the time ran out first.
        """
        if any(channel.signal.is_set() for channel in channels):
            return True
        waiting = [asyncio.ensure_future(channel.signal.wait()) for channel in channels]
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            return bool(done)
        finally:
            for task in waiting:
                task.cancel()
