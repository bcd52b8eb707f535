"""The receivers, and the work that they begin when the server is ready."""

from __future__ import annotations

import json
import os
from typing import Any

from django_ami import ami
from django_ami.actions import Action, Ping
from django_ami.core import Event
from django_ami.signals import (
    ami_event,
    call_answered,
    call_ended,
    call_ringing,
    call_started,
    events,
    server_ready,
)
from tests.benchmarks import machine
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, Meter, Pings

#: The threads of the apps, and that of the server of metrics.
ASIDE = ("django_ami-leases", "django_ami-heartbeats", "django_ami-audit", "django_ami-metrics")


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
        print(json.dumps(self.meter.result(dropped=dropped, **self.more())), flush=True)

    def more(self) -> dict[str, float]:
        return {}


class Mixed(Task):
    """Events at a rate, and pings at another one from a thread of the same process."""

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.pings = Pings(
            lambda: ami.send(Ping()).result(PATIENCE_SECONDS), self.arguments["pings"]
        )
        super().begin(sender)
        self.pings.start()
        self.before = machine.thread_seconds(ASIDE)

    def action(self) -> Action:
        return Action("Pace", Count=str(self.events), Rate=str(self.arguments["rate"]))

    def more(self) -> dict[str, float]:
        threads = machine.thread_seconds(ASIDE) - self.before
        return {"threads": threads, **self.pings.stop()}


class Calls(Task):
    """A flood of recorded calls, until it says that it has ended.

    ``every``: a receiver of every event; ``tracked``: receivers of the signals of calls.
    """

    def __init__(self, every: bool, tracked: bool, **arguments: Any) -> None:
        super().__init__(0, **arguments)
        self.every, self.tracked = every, tracked
        self.told = 0

    def connect(self) -> None:
        super().connect()
        events["UserEvent"].connect(self.on_end)
        for signal in (call_started, call_ringing, call_answered, call_ended) * self.tracked:
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
    from tests.benchmarks.listening import working  # its model wants the apps to be loaded

    kind = {
        "signals": Task,
        "mixed": Mixed,
        "calls": Calls,
        "waiting": working.Waiting,
        "rows": working.Rows,
        "bulk": working.Bulk,
        "copies": working.Copies,
    }[wanted]
    task = kind(**json.loads(os.environ["BENCH_ARGUMENTS"]))
    task.connect()
