"""Events to the receivers of ``django_ami.signals``, now and in this thread.

It is done as ``ami_listen`` does it: the signals of calls, queues, agents and devices come behind
each event.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.dispatch import Signal

from django_ami import signals
from django_ami.accessor import ami
from django_ami.core.messages import Event
from django_ami.pictures import lend
from django_ami.simulator.arguments import checked
from django_ami.testing.events.factory import event as make_event
from django_ami.testing.identity import identified
from django_ami.testing.live import Pictures
from django_ami.testing.recording import playable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from django_ami.core.client import ServerHandle
    from django_ami.testing.events.factory import HeaderValue
    from django_ami.testing.recording import Recording

__all__ = ["Pictures", "adeliver", "aplay", "deliver", "play"]


def deliver(
    pictures: Pictures,
    event: str | Event,
    headers: Mapping[str, HeaderValue] | None = None,
    /,
    *,
    server: str | None = None,
    **more: HeaderValue,
) -> None:
    """Deliver an event, given or made of a name and headers, to its receivers.

    ``pictures`` go on with it, and the receivers of their changes are called. ``server`` is whose
    event it is: by default the one that it names itself, or the default server. An exception of a
    receiver is raised here.

    An event that is delivered twice has the same ``id`` each time, as one that an engine repeats.
    """
    _send(pictures, _made(event, headers, more), server, pictures.now, Signal.send)


async def adeliver(
    pictures: Pictures,
    event: str | Event,
    headers: Mapping[str, HeaderValue] | None = None,
    /,
    *,
    server: str | None = None,
    **more: HeaderValue,
) -> None:
    """Deliver an event in a running event loop.

    Asynchronous receivers run in it, the others in Django's thread for such.
    """
    await _asend(pictures, _made(event, headers, more), server, pictures.now)


def play(
    recording: Recording,
    *,
    pictures: Pictures | None = None,
    server: str | None = None,
    speed: float = math.inf,
    robust: bool = False,
) -> None:
    """Deliver all events of a scenario or a recording.

    ``pictures`` go on with them; without any, new ones are made. ``speed`` 1: in the time that they
    took; inf: without pauses.

    ``robust``: a receiver that raises is logged and counted, as in ``ami_listen``; otherwise it is
    the end.
    """
    recording, speed = playable(recording, speed)
    pictures = pictures or Pictures()
    began, begun = pictures.now, time.monotonic()
    send = Signal.send_robust if robust else Signal.send
    for moment in recording:
        time.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        _send(pictures, moment.event, server, began + moment.at, send)


async def aplay(
    recording: Recording,
    *,
    pictures: Pictures,
    server: str | None = None,
    speed: float = math.inf,
) -> None:
    """``play`` in a running event loop, which goes on between the events."""
    recording, speed = playable(recording, speed)
    began, begun = pictures.now, time.monotonic()
    for moment in recording:
        await asyncio.sleep(max(0.0, begun + moment.at / speed - time.monotonic()))
        await _asend(pictures, moment.event, server, began + moment.at)


def _made(
    event: str | Event, headers: Mapping[str, HeaderValue] | None, more: Mapping[str, HeaderValue]
) -> Event:
    if isinstance(event, str):
        return make_event(event, headers, server="", **more)
    if headers or more:
        raise TypeError("headers are for an event that is named; one that is made has its own.")
    return checked(event, Event, "what is delivered")


async def _asend(pictures: Pictures, event: Event, server: str | None, at: float) -> None:
    with _lent(pictures):
        for signal, named in _signals(pictures, event, server, at):
            await signal.asend(**named)


def _send(
    pictures: Pictures, event: Event, server: str | None, at: float, send: Callable[..., object]
) -> None:
    with _lent(pictures):
        for signal, named in _signals(pictures, event, server, at):
            send(signal, **named)


def _signals(
    pictures: Pictures, event: Event, server: str | None, at: float
) -> Iterator[tuple[Signal, dict[str, Any]]]:
    """The signals to send for an event: the picture first, so that all receivers can look."""
    sender = _sender(server or event.server)
    event = identified(event, sender.name)
    pictures.note(event, at)
    named = {"sender": sender, "event": event}
    signal = signals.events.get(event.name)
    if signal is not None:
        yield signal, named
    yield signals.ami_event, named
    for change, subject in pictures.changes(sender.name):
        yield change, {"sender": sender, "played": True, **subject}


@contextmanager
def _lent(pictures: Pictures) -> Iterator[None]:
    """While it is open, ``ami.live`` in a receiver gives these pictures."""
    end = lend(lambda: pictures)
    try:
        yield
    finally:
        end()


def _sender(name: str) -> ServerHandle:
    handles = ami.servers
    if name:
        return ami.server(name)
    return ami.default if len(handles) == 1 else next(iter(handles.values()))
