"""Events to the receivers of ``django_ami.signals``, now and in this thread, as ``ami_listen`` delivers them.

One thing is different: what a receiver raises is raised here, so that the test sees it.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from django_ami import signals
from django_ami.accessor import ami
from django_ami.core.messages import Event
from django_ami.testing.events.factory import event as make_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.client import ServerHandle
    from django_ami.testing.events.factory import HeaderValue
    from django_ami.testing.recording import Recording

__all__ = ["deliver", "play"]


def deliver(
    event: str | Event,
    headers: Mapping[str, HeaderValue] | None = None,
    /,
    *,
    server: str | None = None,
    **more: HeaderValue,
) -> None:
    """Deliver an event, or one that is made of a name and headers, to its receivers and to those of every event.

    ``server`` is whose event it is: by default the one that it names itself, or the default server.
    """
    if isinstance(event, str):
        event = make_event(event, headers, server="", **more)
    elif headers or more:
        raise TypeError("headers are for an event that is named; one that is made has its own.")
    sender = _sender(server or event.server)
    event = Event(event.name, event.raw, server=sender.name)
    signal = signals.events.get(event.name)
    if signal is not None:
        signal.send(sender=sender, event=event)
    signals.ami_event.send(sender=sender, event=event)


def play(recording: Recording, *, server: str | None = None, speed: float = math.inf) -> None:
    """Deliver all events of a scenario or a recording. ``speed`` 1: in the time that they took; inf: without pauses."""
    begun = time.monotonic()
    for moment in recording:
        time.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        deliver(moment.event, server=server)


def _sender(name: str) -> ServerHandle:
    handles = ami.servers
    if name:
        return ami.server(name)
    return ami.default if len(handles) == 1 else next(iter(handles.values()))
