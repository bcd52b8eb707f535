"""cacofonisk: its tracker of calls, fed by panoramisk as its own runner does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from cacofonisk.handlers import EventHandler
from cacofonisk.reporters import BaseReporter
from panoramisk import Manager

from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, run
from tests.benchmarks.server import SECRET, USER


def calls(port: int, blocks: int) -> dict[str, Any]:
    """A flood of recorded calls, until it says that it has ended."""
    logging.disable(logging.CRITICAL)  # it warns of every conference

    async def whole() -> dict[str, Any]:
        manager = Manager(
            host="127.0.0.1", port=port, username=USER, secret=SECRET, ping_delay=3600
        )
        manager.loop = asyncio.get_running_loop()
        await manager.connect()
        assert (await manager.authenticated_future).success
        over = asyncio.Event()
        meter = Meter(at_end=over.set)
        handler = EventHandler(BaseReporter())
        faults = 0

        def on_event(_: Manager, event: Any) -> None:
            nonlocal faults
            if event.get("UserEvent") == "End":
                meter.expected = int(event["Events"])
                meter.end()
                return
            try:
                handler.on_event(event)
            except Exception:  # noqa: BLE001 - it has assertions on what a call may do
                faults += 1

        for name in handler.event_handlers():
            manager.register_event(name, on_event)
        manager.send_action({"Action": "FloodOfCalls", "Blocks": blocks})
        await asyncio.wait_for(over.wait(), PATIENCE_SECONDS)
        manager.close()
        return meter.result(faults=faults)

    return asyncio.run(whole())


if __name__ == "__main__":
    run((calls,))
