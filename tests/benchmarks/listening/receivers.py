"""The receivers, and the work that they begin when the server is ready."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from django_ami import ami
from django_ami.actions import Action, Ping
from django_ami.core import Event
from django_ami.signals import ami_event, events, server_ready
from tests.benchmarks import machine
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, Pings, package

if TYPE_CHECKING:
    from collections.abc import Callable


class Task:
    """A flood: from the moment when the server is ready to the last event, at one receiver of every
    event.
    """

    def __init__(self, events: int, **arguments: Any) -> None:
        self.arguments = arguments
        self.events = events
        self.meter = Meter(events, self.end)

    def connect(self) -> None:
        server_ready.connect(self.begin)

    def on_event(self, sender: Any, event: Event, **kwargs: Any) -> None:
        """A user's receiver: it reads three headers."""
        _ = event.name, event["Uniqueid"], event["Channel"]
        self.meter.count()

    def begin(self, sender: Any, **kwargs: Any) -> None:
        ami_event.connect(self.on_event)  # not before: FullyBooted is no event of the flood
        self.meter.begin()
        sender.send(self.action())

    def action(self) -> Action:
        return Action("Flood", Count=str(self.events))

    def end(self) -> None:
        dropped = sum(status.dropped for status in ami.status().values())
        rss = machine.rss_bytes()
        result = self.meter.result(dropped=dropped, rss=rss, **package(), **self.more())
        print(json.dumps(result), flush=True)

    def more(self) -> dict[str, float]:
        return {}


class Receivers(Task):
    """A flood at so many receivers of every event, the one that is counted among them."""

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.others = [self._other() for _ in range(self.arguments["receivers"] - 1)]
        for other in self.others:
            ami_event.connect(other)
        super().begin(sender)

    @staticmethod
    def _other() -> Callable[..., None]:
        def on_event(sender: Any, event: Event, **kwargs: Any) -> None:
            _ = event.name, event["Uniqueid"], event["Channel"]

        return on_event


class Mixed(Task):
    """Events at a rate, and pings at another one from a thread of the same process."""

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.pings = Pings(
            lambda: ami.send(Ping()).result(PATIENCE_SECONDS), self.arguments["pings"]
        )
        super().begin(sender)
        self.pings.start()

    def action(self) -> Action:
        return Action("Pace", Count=str(self.events), Rate=str(self.arguments["rate"]))

    def more(self) -> dict[str, float]:
        return self.pings.stop()


class Calls(Task):
    """A flood of recorded calls, until it says that it has ended.

    ``every``: a receiver of every event; ``tracked``: receivers of the signals of calls.
    """

    def __init__(self, every: bool, tracked: bool, **arguments: Any) -> None:
        super().__init__(0, **arguments)
        self.every, self.tracked = every, tracked
        self.told = 0

    def connect(self) -> None:
        from django_ami import signals  # an older build that floods has no calls

        super().connect()
        told = (signals.call_started, signals.call_ringing, signals.call_answered)
        events["UserEvent"].connect(self.on_end)
        for signal in (*told, signals.call_ended) * self.tracked:
            signal.connect(self.on_call)

    def on_call(self, sender: Any, call: Any, **kwargs: Any) -> None:
        """A user's receiver: it reads three attributes."""
        _ = call.id, call.state, call.requested
        self.told += 1

    def on_end(self, sender: Any, event: Event, **kwargs: Any) -> None:
        self.meter.expected = int(event["Events"])
        self.meter.end()

    def begin(self, sender: Any, **kwargs: Any) -> None:
        if self.every:
            ami_event.connect(self.on_event)
        self.meter.begin()
        sender.send(Action("FloodOfCalls", Blocks=str(self.arguments["blocks"])))

    def more(self) -> dict[str, float]:
        return {"told": self.told}


def connect() -> None:
    """Connect what the environment names; it lives as long as the process."""
    global task
    wanted = os.environ.get("BENCH_TASK")
    if wanted is None:  # a command that measures nothing
        return
    kinds = {"signals": Task, "receivers": Receivers, "mixed": Mixed, "calls": Calls}
    if wanted not in kinds:
        # Its model wants the apps to be loaded, and an older build has no batches.
        from tests.benchmarks.listening import working

        kinds |= {
            "waiting": working.Waiting,
            "rows": working.Rows,
            "bulk": working.Bulk,
            "copies": working.Copies,
        }
    if wanted == "alternating":
        from tests.benchmarks.listening.alternating import Alternating

        kinds["alternating"] = Alternating
    task = kinds[wanted](**json.loads(os.environ["BENCH_ARGUMENTS"]))
    task.connect()
