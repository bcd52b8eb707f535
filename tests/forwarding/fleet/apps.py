"""The receivers of a fleet: they write a line for whatever they get, in one write."""

from __future__ import annotations

import json
import os
from typing import Any

from django.apps import AppConfig

__all__ = ["FleetConfig"]


class FleetConfig(AppConfig):
    """Connects the receivers; in listeners they say which events are wanted, and do not run."""

    name = "tests.forwarding.fleet"
    label = "fleet"

    def ready(self) -> None:
        from django_ami import signals

        signals.events["UserEvent"].connect(on_event)
        signals.gap.connect(on_gap)
        signals.server_ready.connect(on_ready)


def on_event(sender: Any, event: Any, **kwargs: Any) -> None:
    _tell("event", sender, number=int(event["Number"]), id=str(event.id))


def on_ready(sender: Any, **kwargs: Any) -> None:
    _tell("ready", sender)


def on_gap(sender: Any, begin: Any, end: Any, reason: Any, **kwargs: Any) -> None:
    _tell("gap", sender, begin=begin.timestamp(), end=end.timestamp(), reason=str(reason))


def _tell(what: str, sender: Any, **more: object) -> None:
    line = json.dumps({"what": what, "server": sender.name, "pid": os.getpid(), **more})
    file = os.open(os.environ["FLEET_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)
