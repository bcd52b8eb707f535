"""Events to the receivers of ``django_ami.signals``, now and in this thread, as ``ami_listen`` delivers them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from django.dispatch import Signal

from django_ami import signals
from django_ami.accessor import ami
from django_ami.core.messages import Event
from django_ami.testing.events.factory import event as make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

    ``server`` is whose event it is: by default the one that it names itself, or the default server. What a receiver
    raises is raised here.
    """
    if isinstance(event, str):
        event = make_event(event, headers, server="", **more)
    elif headers or more:
        raise TypeError("headers are for an event that is named; one that is made has its own.")
    _send(event, server, Signal.send)


def play(recording: Recording, *, server: str | None = None, speed: float = math.inf, robust: bool = False) -> None:
    """Deliver all events of a scenario or a recording. ``speed`` 1: in the time that they took; inf: without pauses.

    ``robust``: a receiver that raises is logged and counted, as in ``ami_listen``; otherwise it is the end.
    """
    begun = time.monotonic()
    for moment in recording:
        time.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        _send(moment.event, server, Signal.send_robust if robust else Signal.send)


def _send(event: Event, server: str | None, send: Callable[..., object]) -> None:
    sender = _sender(server or event.server)
    event = Event(event.name, event.raw, server=sender.name)
    signal = signals.events.get(event.name)
    if signal is not None:
        send(signal, sender=sender, event=event)
    send(signals.ami_event, sender=sender, event=event)


def _sender(name: str) -> ServerHandle:
    handles = ami.servers
    if name:
        return ami.server(name)
    return ami.default if len(handles) == 1 else next(iter(handles.values()))
