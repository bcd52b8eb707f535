"""Connects receivers of events: the methods of ``ami`` that are decorators, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from django_ami import signals

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Registering"]

Receiver = TypeVar("Receiver", bound="Callable[..., Any]")


class Registering:
    """Connects functions to ``django_ami.signals``, and keeps them alive."""

    @overload
    def on_event(self, name: str, function: Receiver) -> Receiver: ...
    @overload
    def on_event(self, name: str, function: None = None) -> Callable[[Receiver], Receiver]: ...
    def on_event(self, name: str, function: Any = None) -> Any:
        """Connect ``function(sender, event, **kwargs)`` to the events of that name.

        Works as a decorator, too.

        Like ``events[name].connect``, but the function is kept alive. Events arrive in
        ``ami_listen`` alone.
        """
        return self._connect(signals.events[name], function)

    @overload
    def on_any_event(self, function: Receiver) -> Receiver: ...
    @overload
    def on_any_event(self, function: None = None) -> Callable[[Receiver], Receiver]: ...
    def on_any_event(self, function: Any = None) -> Any:
        """Connect ``function(sender, event, **kwargs)`` to every event.

        Works as a decorator, too.
        """
        return self._connect(signals.ami_event, function)

    @staticmethod
    def _connect(signal: signals.EventSignal, function: Any) -> Any:
        def connect(receiver: Receiver) -> Receiver:
            signal.connect(receiver, weak=False)
            return receiver

        return connect if function is None else connect(function)
