"""``once``: the work for an event is done once, however often the event is delivered."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from inspect import currentframe, iscoroutinefunction
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from asgiref.sync import sync_to_async

from django_ami.conf.once import MODEL, once_of, read_once
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.messages import Event
from django_ami.forwarding.claims import claim_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from django_ami.conf.once import Once
    from django_ami.forwarding.claims import Claim

__all__ = ["Processing", "once"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Processing:
    """The work for an event, in ``with`` or ``async with``: gives True if it is to be done now."""

    def __init__(self, event: Event, key: str, once: Once) -> None:
        self._event = event
        self._key = key
        self._once = once
        self._claim: Claim | None = None

    def __enter__(self) -> bool:
        claim = claim_of(self._event.id, self._key, self._once)
        if claim.take():
            self._claim = claim
        return self._claim is not None

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        claim, self._claim = self._claim, None
        if claim is None:
            return
        if error is None:
            claim.keep()
        else:
            claim.give_back(error)

    async def __aenter__(self) -> bool:
        if self._once.store == MODEL:
            raise ConfigurationError(
                "once: no transaction of Django is open over an await: choose store='cache', or "
                "make the receiver synchronous."
            )
        return await sync_to_async(self.__enter__, thread_sensitive=False)()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await sync_to_async(self.__exit__, thread_sensitive=False)(kind, error, trace)


@overload
def once(
    event: Event, key: str = "", *, store: str | None = None, using: str | None = None
) -> Processing: ...
@overload
def once(
    event: Callable[Parameters, Result],
    key: str = "",
    *,
    store: str | None = None,
    using: str | None = None,
) -> Callable[Parameters, Result | None]: ...
@overload
def once(
    event: None = None, key: str = "", *, store: str | None = None, using: str | None = None
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result | None]]: ...
def once(
    event: Event | Callable[..., Any] | None = None,
    key: str = "",
    *,
    store: str | None = None,
    using: str | None = None,
) -> Any:
    """Process an event once, however often it is delivered.

    ::

        @receiver(events["Hangup"])
        @once
        def bill(sender, event, **kwargs): ...

        with once(event) as first:
            if first:
                ...

    An event is known by its ``id``. ``key`` names what is done for it: the work of one key is done
    once for each event. By default it is the dotted name of the receiver, or of the function that
    calls ``once``: another name of a function makes another key.

    ``store``: ``"model"`` writes a row of ``ProcessedEvent`` in a transaction that is open until
    the receiver is through. The receiver's own rows in that database are committed with it, so an
    end in between leaves neither. ``"cache"`` keeps a key in Django's cache: it promises no more
    than the cache, and holds for AMI_FORWARD's ``ONCE["SECONDS"]``. ``using`` is the alias of the
    database or the cache. Without both, ``AMI_FORWARD["ONCE"]`` decides, else it is the model.

    A receiver that raises gives its claim back: the next delivery counts as the first. While
    another process works for the same event and key, ``once`` waits for its end.

    A coroutine uses ``async with``, and the decorator takes an asynchronous receiver: with the
    cache alone.

    Raises ValueError for an event without an id, ConfigurationError if the store is not there,
    OperationalError if other processes are at work for the event for too long, and the errors of
    the database or the cache: the event then was not processed here.
    """
    if event is None:
        return lambda function: once(function, key, store=store, using=using)
    if isinstance(event, Event):
        return Processing(event, key or _caller(), _chosen(store, using))
    if not callable(event):
        raise TypeError(f"once takes an event or a receiver, not {shown(event)}.")
    return _decorated(event, key, store, using)


def _chosen(store: str | None, using: str | None) -> Once:
    """The setting, as far as the arguments say nothing else."""
    chosen = read_once()
    if store is not None and store != chosen.store:
        chosen = replace(chosen, store=once_of(store).store, using="")
    return chosen if using is None else replace(chosen, using=using)


def _caller() -> str:
    """The dotted name of the function that calls ``once``."""
    here = currentframe()
    caller = here.f_back.f_back if here is not None and here.f_back is not None else None
    if caller is None:
        raise TypeError("this interpreter does not tell who calls once: give it a key.")
    return f"{caller.f_globals.get('__name__', '')}.{caller.f_code.co_qualname}"


def _decorated(
    function: Callable[..., Any], key: str, store: str | None, using: str | None
) -> Callable[..., Any]:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    key = key or f"{function.__module__}.{name}"

    def processing(arguments: tuple[Any, ...], named: dict[str, Any]) -> Processing:
        event = named.get("event") or next((a for a in arguments if isinstance(a, Event)), None)
        if not isinstance(event, Event):
            raise TypeError(
                f"{key} was called without an event, so once cannot tell whether it was processed: "
                "in a batch receiver, use 'with once(event)' for each."
            )
        return Processing(event, key, _chosen(store, using))

    if iscoroutinefunction(function):

        @wraps(function)
        async def later(*arguments: Any, **named: Any) -> Any:
            async with processing(arguments, named) as first:
                return await function(*arguments, **named) if first else None

        return later

    @wraps(function)
    def now(*arguments: Any, **named: Any) -> Any:
        with processing(arguments, named) as first:
            return function(*arguments, **named) if first else None

    return now
