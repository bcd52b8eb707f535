"""The classes of the signals. Their receivers are timed, and their failures are logged and counted.

It stands on private names of Django. ``tests/test_private_names.py`` says which of them a new
Django has dropped:

* ``django.dispatch.Signal._live_receivers``: the receivers for a sender, those that are functions
  and those that are coroutine functions, in two lists. Each is wrapped, so that it is timed.
* ``django.dispatch.Signal._log_robust_failure``: called by ``send_robust`` with a receiver and its
  exception.
* ``django.dispatch.Signal.receivers``: not private, but not documented; tuples, of which the second
  item is the receiver, or a weak reference to it.
"""

from __future__ import annotations

import asyncio
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ReferenceType

from asgiref.sync import async_to_sync
from django.dispatch import Signal

from django_ami.core.arguments import plain_text, shown
from django_ami.core.errors import ConnectionFailed
from django_ami.core.failures import NotCalled, SomeRaised
from django_ami.core.naming import dotted_name
from django_ami.core.plans import several
from django_ami.core.receivers import Receivers
from django_ami.core.refusals import is_refusal
from django_ami.event_loop import adopt_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from django_ami.core.messages import Event
    from django_ami.core.plans import Call

__all__ = [
    "EventSignal",
    "EventSignals",
    "LiveSignal",
    "RobustSignal",
    "interest_changed",
    "receivers",
    "run_coroutine",
    "watch_interest",
]

Result = TypeVar("Result")

#: The statistics of the receivers, by dotted name: the slow ones, and how often each raised.
receivers = Receivers()

#: By an object of its own each, so that the end of one removes no equal one.
_watchers: dict[object, Callable[[], None]] = {}


class _Timed:
    """A receiver, called on the clock."""

    __slots__ = ("receiver",)

    def __init__(self, receiver: Callable[..., Any]) -> None:
        self.receiver = receiver

    def __call__(self, **named: Any) -> Any:
        return receivers.call(self.receiver, named["sender"], **named)


class _TimedAsync(_Timed):
    """Like ``_Timed``, for an asynchronous receiver."""

    __slots__ = ()

    async def __call__(self, **named: Any) -> Any:
        return await receivers.acall(self.receiver, named["sender"], **named)


class RobustSignal(Signal):
    """A Signal whose ``send_robust`` times its receivers, and logs and counts failures.

    ``ami_listen`` makes the calls that ``calls`` gives, one by one, so that it can repeat one of
    them alone.
    """

    def _live_receivers(self, sender: Any) -> Any:
        synchronous, asynchronous = super()._live_receivers(sender)  # no public hook is there
        return [_Timed(receiver) for receiver in synchronous], [
            _TimedAsync(receiver) for receiver in asynchronous
        ]

    def _log_robust_failure(self, receiver: Any, err: BaseException) -> None:
        receivers.failed(receiver.receiver if isinstance(receiver, _Timed) else receiver, err)

    def calls(self, sender: Any) -> list[Call]:
        """The calls that ``send_robust`` would make: each takes the named arguments, in a mapping.

        It holds on to the receivers: not to be kept for longer than a batch.
        """
        synchronous, asynchronous = super()._live_receivers(sender)
        found = [
            self._call(receiver, sender)
            for receiver in synchronous
            if not isinstance(receiver, TakesMany)
        ]
        return [*found, self._call_together(asynchronous, sender)] if asynchronous else found

    def batched(self, sender: Any) -> list[Any]:
        """The batch receivers that are connected for a sender."""
        return [one for one in super()._live_receivers(sender)[0] if isinstance(one, TakesMany)]

    def functions(self) -> list[Callable[..., Any]]:
        """The receivers that are connected, for whatever sender."""
        found = (
            receiver() if isinstance(receiver, ReferenceType) else receiver
            for _, receiver, *_ in self.receivers
        )
        return [function for function in found if function is not None]

    def _call(self, receiver: Callable[..., Any], sender: Any) -> Call:
        def call(named: Any) -> None:
            receiver(signal=self, sender=sender, **named)

        return update_wrapper(call, receiver), receiver, dotted_name(receiver)

    def _call_together(self, asynchronous: list[Callable[..., Any]], sender: Any) -> Call:
        """All asynchronous receivers at a time, as Django does.

        Each is timed, and raises, by itself.
        """

        async def of(receiver: Callable[..., Any], item: Any) -> Exception | None:
            try:
                await receivers.acall(
                    receiver, sender, signal=self, sender=sender, **self._named(item)
                )
            except Exception as error:  # noqa: BLE001  (whatever a user's code raises; it is told)
                return error
            return None

        async def of_all(item: Any) -> list[Exception | None]:
            return await asyncio.gather(*(of(receiver, item) for receiver in asynchronous))

        def alone(receiver: Callable[..., Any], item: Any) -> None:
            error = run_coroutine(of, receiver, item)
            if error is not None:
                raise error

        def call(item: Any) -> None:
            errors: Sequence[Exception | None]
            try:
                errors = run_coroutine(of_all, item)
            except NotCalled as error:
                errors = [error] * len(asynchronous)
            raised = [
                (partial(alone, receiver, item), receiver, error)
                for receiver, error in zip(asynchronous, errors, strict=True)
                if error is not None
            ]
            if raised:
                raise SomeRaised(raised)

        return update_wrapper(call, several), several, ""

    def _named(self, item: Any) -> Mapping[str, Any]:
        """The named arguments of receivers."""
        named: Mapping[str, Any] = item
        return named


def run_coroutine(
    function: Callable[..., Coroutine[Any, Any, Result]], *arguments: object
) -> Result:
    """Call a coroutine function.

    Raises NotCalled if the system refuses it an event loop, or the thread for one.
    """
    begun = False

    async def run() -> Result:
        nonlocal begun
        begun = True
        return await function(*arguments)

    try:
        adopt_kept()
        return async_to_sync(run)()
    except (ConnectionFailed, OSError, MemoryError, RuntimeError) as error:
        if begun or not (isinstance(error, ConnectionFailed) or is_refusal(error)):
            raise
        raise NotCalled(f"no event loop could be made for it: {error}") from error


def watch_interest(watcher: Callable[[], None]) -> Callable[[], None]:
    """Call ``watcher()`` whenever ``interest`` may have changed.

    Returns a function that ends it.
    """
    key = object()
    _watchers[key] = watcher

    def end() -> None:
        _watchers.pop(key, None)

    return end


def interest_changed() -> None:
    """Tell the watchers that ``interest`` may have changed."""
    for watcher in tuple(_watchers.values()):
        watcher()


class TakesMany:
    """The base of receivers that take many events at once: see ``batching.py``."""


class WatchedSignal(RobustSignal):
    """A signal whose receivers decide what is read of the servers."""

    def __init__(self) -> None:
        # Caching makes an event without receivers for its sender cost next to nothing.
        super().__init__(use_caching=True)

    def connect(
        self, receiver: Any, sender: Any = None, weak: bool = True, dispatch_uid: Any = None
    ) -> None:
        super().connect(receiver, sender, weak, dispatch_uid)
        interest_changed()

    def disconnect(
        self, receiver: Any = None, sender: Any = None, dispatch_uid: Any = None
    ) -> bool:
        found = super().disconnect(receiver, sender, dispatch_uid)
        interest_changed()
        return found


class LiveSignal(WatchedSignal):
    """The signal of a change in the live picture of a server.

    Receivers get ``sender``, the server's handle; a frozen snapshot of the object that changed, as
    ``argument`` names it; and ``inferred``: True if nobody saw it happen and a list of the server,
    behind a gap, says that it did.
    """

    def __init__(self, name: str, argument: str) -> None:
        super().__init__()
        self.name = name
        self.argument = argument

    def __repr__(self) -> str:
        return f"<LiveSignal {self.name}>"


class EventSignal(WatchedSignal):
    """The signal of the events of one name, or, without a name, of all.

    Receivers get ``sender`` and ``event``.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self.name = name

    def _call(self, receiver: Callable[..., Any], sender: Any) -> Call:
        def call(event: Event) -> None:
            receiver(signal=self, sender=sender, event=event)

        return call, receiver, dotted_name(receiver)

    def _named(self, item: Any) -> Mapping[str, Any]:
        return {"event": item}

    def __repr__(self) -> str:
        return f"<EventSignal {self.name or 'of every event'}>"


class EventSignals:
    """The signals by name of event, compared without case.

    As in a ``defaultdict``, ``events[name]`` makes a signal that is not there yet; ``in``, ``get``,
    ``len`` and iteration make none, and see those that were made.
    """

    def __init__(self) -> None:
        self._signals: dict[str, EventSignal] = {}

    def __getitem__(self, name: str) -> EventSignal:
        if not isinstance(name, str):
            raise TypeError(f"events wants the name of an event, not {shown(name)}.")
        name = plain_text(name)
        key = name.lower()
        # Two threads may come here at once: setdefault gives both the same signal.
        return self._signals.get(key) or self._signals.setdefault(key, EventSignal(name))

    if not TYPE_CHECKING:  # a type checker knows that there is no such attribute

        def __getattr__(self, name):
            raise AttributeError(
                f"events has no attribute {name!r}: write events[{name!r}].", name=name
            )

    def get(self, name: str) -> EventSignal | None:
        """The signal of that name if anybody has asked for it: a name off the wire makes none."""
        return self._signals.get(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._signals

    def __len__(self) -> int:
        return len(self._signals)

    def __iter__(self) -> Iterator[str]:
        return (signal.name or "" for signal in list(self._signals.values()))
