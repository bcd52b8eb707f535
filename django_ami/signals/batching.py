"""Receivers of many events at once."""

from __future__ import annotations

from functools import update_wrapper
from inspect import iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from django_ami.core.arguments import shown
from django_ami.signals.classes import TakesMany, run_coroutine

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.messages import Event

__all__ = ["BatchReceiver", "OnError"]

Function = TypeVar("Function", bound="Callable[..., Any]")
#: The cure of a batch that raises: give its halves, down to single events; or all of it again.
OnError = Literal["split", "retry"]

_MOST_EVENTS: Final = 100_000
_MOST_SECONDS: Final = 3600.0


class BatchReceiver(TakesMany):
    """A function that takes a list of events; to a signal it is a receiver as any other.

    In ``ami_listen`` the events of a server gather until there are ``max_size`` of them, or
    ``max_seconds`` have passed since the first. Where anybody else sends the signal (a test), the
    function gets each event at once, alone in its list.
    """

    def __init__(
        self, function: Callable[..., Any], max_size: int, max_seconds: float, on_error: OnError
    ) -> None:
        if not callable(function):
            raise TypeError(f"a batch receiver must be a function, not {shown(function)}.")
        self.function = function
        if type(max_size) is not int or not 1 <= max_size <= _MOST_EVENTS:
            raise ValueError(
                f"max_size must be a whole number from 1 to {_MOST_EVENTS}, not {shown(max_size)}."
            )
        if isinstance(max_seconds, bool) or not (
            isinstance(max_seconds, int | float) and 0 < max_seconds <= _MOST_SECONDS
        ):
            raise ValueError(
                f"max_seconds must be above 0, and at most {_MOST_SECONDS:g}, not "
                f"{shown(max_seconds)}."
            )
        if on_error not in {"split", "retry"}:
            raise ValueError(f"on_error must be 'split' or 'retry', not {shown(on_error)}.")
        _check_parameters(function)
        self.max_size, self.max_seconds, self.on_error = max_size, max_seconds, on_error
        update_wrapper(self, function)

    def __call__(
        self,
        *,
        sender: Any,
        event: Event | None = None,
        events: list[Event] | None = None,
        **_: Any,
    ) -> None:
        """Call the function with ``events``, or with the ``event`` of a signal."""
        some = [event] if events is None else events
        if iscoroutinefunction(self.function):
            run_coroutine(_call, self.function, sender, some)
        else:
            self.function(sender=sender, events=some)

    def __repr__(self) -> str:
        return f"<BatchReceiver {self.function!r}>"


def _check_parameters(function: Callable[..., Any]) -> None:
    """Raise TypeError for a function that no list can be given to."""
    try:
        parameters = signature(function)
    except ValueError:  # of a function in C that does not tell
        return
    try:
        parameters.bind(sender=None, events=[])
    except TypeError as error:
        raise TypeError(
            "a batch receiver is called with sender and events, as def function(sender, events, "
            f"**kwargs), and {shown(function)} is not: {error}."
        ) from None


async def _call(function: Callable[..., Any], sender: Any, events: list[Any]) -> None:
    await function(sender=sender, events=events)
