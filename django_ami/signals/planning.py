"""Whom to call with the events of a sender: the receivers of their name, and those of every event.

Rule: all that run receivers of events ask here: a listener, its lanes, and consumers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami import signals
from django_ami.core.plans import Plans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.client import ServerHandle
    from django_ami.core.plans import Call

__all__ = ["SignalPlans"]


class SignalPlans(Plans):
    """The receivers of single events, by the name of the event, for one sender.

    ``before`` gives calls that come first. It holds on to receivers: not to be kept for longer than
    a batch.
    """

    def __init__(
        self, sender: ServerHandle, before: Callable[[str], Iterable[Call]] = lambda _: ()
    ) -> None:
        self._sender = sender
        self._before = before
        #: The calls for each event, whatever its name; None until an event comes.
        self._of_every_event: list[Call] | None = None

    def _plan(self, name: str) -> tuple[Call, ...]:
        signal = signals.events.get(name)
        own = [] if signal is None else signal.calls(self._sender)
        if self._of_every_event is None:
            self._of_every_event = signals.ami_event.calls(self._sender)
        return (*self._before(name), *own, *self._of_every_event)

    def clear(self) -> None:
        super().clear()
        self._of_every_event = None
