"""Events to the receivers of ``django_ami.signals``, now and in this thread, as ``ami_listen`` delivers them."""

from __future__ import annotations

import asyncio
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

__all__ = ["adeliver", "aplay", "deliver", "play"]


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
    _send(_made(event, headers, more), server, Signal.send)


async def adeliver(
    event: str | Event,
    headers: Mapping[str, HeaderValue] | None = None,
    /,
    *,
    server: str | None = None,
    **more: HeaderValue,
) -> None:
    """The same in a running event loop: asynchronous receivers run in it, the others in Django's thread for such."""
    await _asend(_made(event, headers, more), server)


def play(recording: Recording, *, server: str | None = None, speed: float = math.inf, robust: bool = False) -> None:
    """Deliver all events of a scenario or a recording. ``speed`` 1: in the time that they took; inf: without pauses.

    ``robust``: a receiver that raises is logged and counted, as in ``ami_listen``; otherwise it is the end.
    """
    begun = time.monotonic()
    for moment in recording:
        time.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        _send(moment.event, server, Signal.send_robust if robust else Signal.send)


async def aplay(recording: Recording, *, server: str | None = None, speed: float = math.inf) -> None:
    """``play`` in a running event loop, which goes on between the events."""
    begun = time.monotonic()
    for moment in recording:
        await asyncio.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        await _asend(moment.event, server)


def _made(event: str | Event, headers: Mapping[str, HeaderValue] | None, more: Mapping[str, HeaderValue]) -> Event:
    if isinstance(event, str):
        return make_event(event, headers, server="", **more)
    if headers or more:
        raise TypeError("headers are for an event that is named; one that is made has its own.")
    return event


async def _asend(event: Event, server: str | None) -> None:
    sender = _sender(server or event.server)
    event = Event(event.name, event.raw, server=sender.name)
    signal = signals.events.get(event.name)
    if signal is not None:
        await signal.asend(sender=sender, event=event)
    await signals.ami_event.asend(sender=sender, event=event)


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
