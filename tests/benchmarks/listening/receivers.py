"""The receivers, and what they begin when the server is ready."""

from __future__ import annotations

import json
import os
from typing import Any

from django_ami.core import Action, Event
from django_ami.signals import ami_event, server_ready
from tests.benchmarks.clients.measuring import Meter

_meter = Meter()


def connect() -> None:
    """Connect what the environment names."""
    begin = {"signals": begin_flood}[os.environ["BENCH_TASK"]]
    arguments = json.loads(os.environ["BENCH_ARGUMENTS"])
    _meter.expected = arguments["events"]
    ami_event.connect(on_event)

    def on_ready(sender: Any, **kwargs: Any) -> None:
        _meter.begin()
        begin(sender, **arguments)

    server_ready.connect(on_ready, weak=False)


def on_event(sender: Any, event: Event, **kwargs: Any) -> None:
    """What a user would write: three headers are looked at."""
    _ = event.name, event["Uniqueid"], event["Channel"]
    _meter.count()
    if _meter.over.is_set():
        print(json.dumps(_meter.result(dropped=sender.status().dropped)), flush=True)


def begin_flood(sender: Any, events: int) -> None:
    sender.send(Action("Flood", Count=str(events)))
