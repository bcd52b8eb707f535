"""The events that an upgrade costs: ``python -m tests.deploy.upgrade`` prints a table.

A simulated server writes 1,000 numbered events in a second; a listener is restarted, alone and as
one of a pair, and killed.
"""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django_ami.testing import FakeAsterisk
from tests.operations.flood import Flood
from tests.operations.support import Site
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Program

#: Many enough to see that events flow.
SOME_EVENTS = 500
EVENTS_PER_SECOND = 1000


def end(listener: Program) -> None:
    listener.signal(signal.SIGTERM)
    assert listener.wait() == 0, str(listener)


def restart_alone(site: Site) -> None:
    end(site.listeners[0])
    site.listen()


def restart_pair(site: Site) -> None:
    """The standby first, then the one that delivers."""
    end(site.listeners[1])
    site.standby()
    end(site.listeners[0])
    site.standby()


def kill_active(site: Site) -> None:
    site.listeners[0].signal(signal.SIGKILL)


def row(what: str, size: int, deed: Callable[[Site], None]) -> str:
    with tempfile.TemporaryDirectory() as folder, FakeAsterisk() as server:
        site = Site(Path(folder), [server], lease_timeout=10.0, standby_interval=0.5)
        try:
            site.active()
            for _ in range(size - 1):
                site.standby()
            with Flood(server, EVENTS_PER_SECOND) as flood:
                site.wait_for("event", SOME_EVENTS)
                token = site.told("event")[-1]["token"]
                deed(site)
                site.wait_for("event", SOME_EVENTS, token=token + 1)
            last = len(flood.written) - 1
            wait_until(lambda: site.numbers()[-1] == last, what=f"event {last}")
            numbers = site.numbers()
            gap = site.wait_for("gap", reason="takeover")
            return (
                f"| {what} | {last + 1:,} | {last + 1 - len(set(numbers)):,} "
                f"| {len(numbers) - len(set(numbers))} | {gap['end'] - gap['begin']:.2f} |"
            )
        finally:
            site.close()


def main() -> None:
    print("| what | events written | missing | twice | the gap told, s |")
    print("|---|---:|---:|---:|---:|")
    print(row("one listener, restarted", 1, restart_alone), flush=True)
    print(row("a pair, both restarted: the standby first", 2, restart_pair), flush=True)
    print(row("a pair, `kill -9` of the one that delivers", 2, kill_active), flush=True)


if __name__ == "__main__":
    main()
