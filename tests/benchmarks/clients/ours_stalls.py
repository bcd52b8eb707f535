"""django_ami's core with a receiver that stalls in a burst, and the options as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.core import Action, Client
from tests.benchmarks.clients.measuring import Stalling, run
from tests.benchmarks.clients.ours import as_it_is, started

if TYPE_CHECKING:
    from django_ami.core import Event


def stalls(port: int, events: int, every: int, stall: float, timeout: float) -> dict[str, Any]:
    """A burst as fast as the wire gives it, and a receiver that sleeps after every so many."""
    stalling = Stalling(every, stall)

    def on_event(event: Event) -> None:
        _ = event.name, event["Uniqueid"], event["Channel"]
        stalling.count()

    with started(Client([as_it_is(port)])) as client:
        client.subscribe(None, on_event)
        client.send(Action("Flood", Count=str(events), Timeout=str(timeout)))
        result = stalling.result(events)
        status = client.server("pbx").status()
    return {**result, "dropped": status.dropped, "reconnects": status.reconnects}


if __name__ == "__main__":
    run((stalls,))
