"""Django signals for what a server tells: one for each name of an event, one for all, and two for the connection.

::

    @receiver(events["Hangup"])            # sender: the server's handle; event: the Event
    def on_hangup(sender, event, **kwargs): ...

    @receiver(ami_event)                   # every event
    @receiver(server_ready)                # logged in and booted; again=True after a loss
    @receiver(server_lost)                 # a server that was ready is gone; error, retry_in (seconds; None: never)

Django compares a sender by identity, so the name cannot be the sender: there is one Signal per name instead.
"""

from __future__ import annotations

import asyncio
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

from asgiref.sync import async_to_sync
from django.dispatch import Signal

from django_ami.core.receivers import Receivers, SomeRaised, dotted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django_ami.core.messages import Event
    from django_ami.core.receivers import Call

__all__ = ["EventSignal", "ami_event", "events", "server_lost", "server_ready"]

#: Who is slow, and who raised how often, by dotted name.
receivers = Receivers()

_watchers: list[Callable[[], None]] = []


class _Timed:
    """A receiver, called on the clock."""

    __slots__ = ("receiver",)

    def __init__(self, receiver: Callable[..., Any]) -> None:
        self.receiver = receiver

    def __call__(self, **named: Any) -> Any:
        return receivers.call(self.receiver, named["sender"], **named)


class _TimedAsync(_Timed):
    """The same for an asynchronous one."""

    __slots__ = ()

    async def __call__(self, **named: Any) -> Any:
        return await receivers.acall(self.receiver, named["sender"], **named)


class RobustSignal(Signal):
    """A Signal whose ``send_robust`` times its receivers, and logs and counts one that raises under its own name.

    ``ami_listen`` makes the calls that ``calls`` gives, one by one, so that it can repeat one of them alone.
    """

    def _live_receivers(self, sender: Any) -> Any:
        synchronous, asynchronous = super()._live_receivers(sender)  # no public hook is there
        return [_Timed(receiver) for receiver in synchronous], [_TimedAsync(receiver) for receiver in asynchronous]

    def _log_robust_failure(self, receiver: Any, err: BaseException) -> None:
        receivers.failed(receiver.receiver if isinstance(receiver, _Timed) else receiver, err)

    def calls(self, sender: Any) -> list[Call]:
        """What ``send_robust`` would call: each takes the named arguments, in a mapping.

        It holds on to the receivers: not to be kept for longer than a batch.
        """
        synchronous, asynchronous = super()._live_receivers(sender)
        found = [self._call(receiver, sender) for receiver in synchronous]
        return [*found, self._call_together(asynchronous, sender)] if asynchronous else found

    def _call(self, receiver: Callable[..., Any], sender: Any) -> Call:
        def call(named: Any) -> None:
            receiver(signal=self, sender=sender, **named)

        return update_wrapper(call, receiver), receiver, dotted_name(receiver)

    def _call_together(self, asynchronous: list[Callable[..., Any]], sender: Any) -> Call:
        """All asynchronous receivers at a time, as Django does; each is timed, and raises, by itself."""

        async def of(receiver: Callable[..., Any], item: Any) -> Exception | None:
            try:
                await receivers.acall(receiver, sender, signal=self, sender=sender, **self._named(item))
            except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                return error
            return None

        async def of_all(item: Any) -> list[Exception | None]:
            return await asyncio.gather(*(of(receiver, item) for receiver in asynchronous))

        def alone(receiver: Callable[..., Any], item: Any) -> None:
            error = async_to_sync(of)(receiver, item)
            if error is not None:
                raise error

        def call(item: Any) -> None:
            errors = async_to_sync(of_all)(item)
            raised = [
                (partial(alone, receiver, item), receiver, error)
                for receiver, error in zip(asynchronous, errors, strict=True)
                if error is not None
            ]
            if raised:
                raise SomeRaised(raised)

        return update_wrapper(call, self.send_robust), self.send_robust, None

    def _named(self, item: Any) -> Mapping[str, Any]:
        """The named arguments of receivers."""
        named: Mapping[str, Any] = item
        return named


class EventSignal(RobustSignal):
    """The signal of the events of one name, or, without a name, of all. Receivers get ``sender`` and ``event``."""

    def __init__(self, name: str | None = None) -> None:
        # Caching makes an event without receivers for its sender cost next to nothing.
        super().__init__(use_caching=True)
        self.name = name

    def connect(self, receiver: Any, sender: Any = None, weak: bool = True, dispatch_uid: Any = None) -> None:
        super().connect(receiver, sender, weak, dispatch_uid)
        _changed()

    def disconnect(self, receiver: Any = None, sender: Any = None, dispatch_uid: Any = None) -> bool:
        found = super().disconnect(receiver, sender, dispatch_uid)
        _changed()
        return found

    def functions(self) -> list[Callable[..., Any]]:
        """The receivers that are connected, for whatever sender."""
        found = (receiver() if isinstance(receiver, ReferenceType) else receiver for _, receiver, *_ in self.receivers)
        return [function for function in found if function is not None]

    def _call(self, receiver: Callable[..., Any], sender: Any) -> Call:
        def call(event: Event) -> None:
            receiver(signal=self, sender=sender, event=event)

        return call, receiver, dotted_name(receiver)

    def _named(self, item: Any) -> Mapping[str, Any]:
        return {"event": item}

    def __repr__(self) -> str:
        return f"<EventSignal {self.name or 'of every event'}>"


class EventSignals:
    """The signals by name of event, compared without case; one is made when it is first asked for."""

    def __init__(self) -> None:
        self._signals: dict[str, EventSignal] = {}

    def __getitem__(self, name: str) -> EventSignal:
        return self._signals.setdefault(name.lower(), EventSignal(name))

    def get(self, name: str) -> EventSignal | None:
        """The signal of that name if anybody has asked for it: a name off the wire makes none."""
        return self._signals.get(name.lower())

    def __iter__(self) -> Iterator[str]:
        return (signal.name or "" for signal in list(self._signals.values()))


events = EventSignals()
ami_event = EventSignal()
server_ready = RobustSignal()
server_lost = RobustSignal()


def interest() -> frozenset[str] | None:
    """The names, in lower case, of the events that have receivers; None if there are receivers of every event."""
    if ami_event.receivers:
        return None
    return frozenset(name.lower() for name in events if events[name].receivers)


def connected() -> dict[str | None, list[Callable[..., Any]]]:
    """Who receives what: the receivers by name of event, those of every event under None."""
    found: dict[str | None, list[Callable[..., Any]]] = {name: events[name].functions() for name in events}
    found[None] = ami_event.functions()
    return {name: functions for name, functions in found.items() if functions}


def events_have_receivers() -> bool:
    """True if any event would reach anybody."""
    return interest() != frozenset()


def watch_interest(watcher: Callable[[], None]) -> Callable[[], None]:
    """Call ``watcher()`` whenever ``interest`` may have changed; returns a function that ends it."""
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher)


def _changed() -> None:
    for watcher in _watchers:
        watcher()
